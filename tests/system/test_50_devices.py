"""The shipped maps of real devices: a thousand random register images of each, served by
pymodbus, are published as an independent decoder reads them, value by value and quality by
quality; and the index of the maps tells what is there."""

import csv
import json
import sqlite3
import subprocess
import sys
import time

import decoder
import harness
from pymodbus_plc import FUNCTIONS, Images, PymodbusPlc

MAPS = harness.ROOT / "config" / "maps"
IMAGES = 200 if harness.IS_SANITIZED else 1000
# Side by side in groups that take about as long as each other: requests a poll, and values.
GROUPS = (("ifm_iolink", "mir_amr", "vaisala_hmw90"),
          ("wago_750", "schneider_altivar", "schneider_iem3000", "moxa_e1242"),
          ("eastron_sdm630", "universal_robots", "shelly_pro_3em"),
          ("janitza_umg604", "siemens_pac3200", "sunspec_103", "carlogavazzi_em24"))


def device_maps():
    """Those that name their device; the others belong to the shipped line."""
    return sorted(path.stem for path in MAPS.glob("*.csv")
                  if path.read_text(encoding="utf-8").startswith("# device:"))


class Device:
    """A shipped map, and a PLC that serves images of it."""

    def __init__(self, name, chooser):
        self.name = name
        self.path = MAPS / f"{name}.csv"
        lines = self.path.read_text(encoding="utf-8").splitlines()
        self.link_keys = dict(line[len("# link: "):].split(" = ") for line in lines
                              if line.startswith("# link: "))
        self.rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
        for row in self.rows:
            row["address"] = int(row["address"], 0)
        self.exponents = {row.get("scale_tag") for row in self.rows}
        self.unit = Images([self.image(chooser) for _ in range(IMAGES + 1)])

    def image(self, chooser):
        """{function: {address: word}}; of rows that share a register any may be the one whose
        wish is granted."""
        image = {function: {} for function in FUNCTIONS.values()}
        for row in chooser.sample(self.rows, len(self.rows)):
            if row["tag"] in self.exponents and chooser.random() < 0.9:
                words = [chooser.randrange(-10, 11) & 0xffff]
            else:
                words = decoder.random_words(row, chooser)
            for index, word in enumerate(words):
                image[FUNCTIONS[row["table"]]].setdefault(row["address"] + index, word)
        return image

    def verdicts(self, image):
        def words_of(row):
            table = image[FUNCTIONS[row["table"]]]
            return [table[row["address"] + at] for at in range(decoder.registers_of(row))]
        return decoder.decode_all(self.rows, words_of)


class Devices(harness.Scenario):
    def start(self, names):
        broker, factory = self.broker(), self.factory()
        factory.broker(broker.port).set("gateway", now="off")
        devices = [Device(name, self.random) for name in names]
        for device in devices:
            plc = PymodbusPlc(self, units={7: device.unit})
            # Nothing may be given up: each poll must end in the one sample of its image.
            factory.link(device.name, plc.port, timeout="20 s", **device.link_keys)
            factory.machine(device.name, device.name, str(device.path), unit_id=7, every="10 ms")
        watcher = self.subscriber(broker.port, topics=("lab/+/+/samples",))
        gateway = self.gateway(factory)
        for device in devices:
            watcher.wait_topic(f"/{device.name}/samples", count=IMAGES, timeout=100)
        self.assertEqual(gateway.stop(), 0)
        return devices, watcher, self.uncertain(factory)

    @staticmethod
    def uncertain(factory):
        """seq → the tags that the journal calls uncertain."""
        connection = sqlite3.connect(f"file:{factory.journal_path}?mode=ro", uri=True, timeout=10)
        try:
            return {seq: set(json.loads(tags)) if tags else set()
                    for seq, tags in connection.execute("select seq, uncertain from samples")}
        finally:
            connection.close()

    def compare(self, device, number, sample, uncertain):
        """What differs between a sample and the image that it was read from."""
        wrong = []
        verdicts = device.verdicts(device.unit.images[number])
        for tag, verdict in verdicts.items():
            why = decoder.differs(verdict, sample[tag])
            reason = sample.get("bad", {}).get(tag, "")
            quality = "bad" if reason else "uncertain" if tag in uncertain else "good"
            if not why and reason != verdict.reason:
                why = f"has the reason {reason!r}, must have {verdict.reason!r}"
            if not why and quality != verdict.quality:
                why = f"is {quality}, must be {verdict.quality}"
            if why:
                wrong.append(f"{device.name} image {number} {tag} {why}")
        qualities = {verdict.quality for verdict in verdicts.values()}
        quality = qualities.pop() if len(qualities) == 1 else "uncertain"
        if sample["q"] != quality:
            wrong.append(f"{device.name} image {number} q is {sample['q']}, must be {quality}")
        return wrong

    def check(self, names):
        devices, watcher, uncertain = self.start(names)
        wrong, seen = [], {"uncertain": 0, "bad": 0}
        for device in devices:
            # After the last image there may be none: the gateway was stopped then.
            starts = [*device.unit.starts, time.time()]
            for number, message in enumerate(watcher.samples(device.name)[:IMAGES]):
                sample = message.json
                # The answer was complete after the image was asked for, and before the next.
                self.assertLessEqual(int(starts[number] * 1000), sample["t"], device.name)
                self.assertLessEqual(sample["t"], starts[number + 1] * 1000, device.name)
                wrong += self.compare(device, number, sample, uncertain[int(sample["seq"])])
                seen["bad"] += len(sample.get("bad", ()))
                seen["uncertain"] += len(uncertain[int(sample["seq"])])
            self.assertEqual(len(device.unit.asked), self.requests_of(device.name),
                             f"{device.name}: the index tells another number of requests")
        self.assertFalse(wrong, f"{len(wrong)} values differ (seed {self.seed}):\n"
                         + "\n".join(wrong[:40]))
        self.assertGreater(min(seen.values()), IMAGES, f"hardly an extreme was served: {seen}")

    @staticmethod
    def requests_of(name):
        for line in (MAPS / "README.md").read_text(encoding="utf-8").splitlines():
            cells = [cell.strip() for cell in line.split("|")]
            if line.startswith(f"| [{name}.csv]"):
                return int(cells[7])
        raise AssertionError(f"{name} is not in the index")

    @harness.quick
    @harness.limit(150)
    def test_remote_io_and_sensors(self):
        self.check(GROUPS[0])

    @harness.limit(150)
    def test_couplers_drives_and_meters(self):
        self.check(GROUPS[1])

    @harness.limit(150)
    def test_robots_and_float_meters(self):
        self.check(GROUPS[2])

    @harness.quick
    @harness.limit(150)
    def test_analysers_and_inverters(self):
        self.check(GROUPS[3])

    @harness.quick
    def test_every_map_is_sound_and_has_its_turn(self):
        self.assertEqual(sorted(name for group in GROUPS for name in group), device_maps())
        for name in device_maps():
            told = harness.command("map", MAPS / f"{name}.csv")
            self.assertEqual((told.returncode, told.stderr), (0, ""), name)

    @harness.quick
    def test_the_index_is_not_stale(self):
        done = subprocess.run([sys.executable, str(MAPS / "index.py"), "--check"],
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
