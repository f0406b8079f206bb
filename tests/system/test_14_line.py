"""Every endpoint of the shipped line, read by three foreign clients, behaves as it is said to."""

import ctypes
import json
import re
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time

from pymodbus.client import ModbusTcpClient

import decoder
import harness
import line
import shipped
import wire

# What each endpoint is asked for by all three clients: unit, table, address, count.
ASKED = {
    "m1_store": [(1, "holding", 0, 44)],
    "m2_conveyor": [(1, "holding", 0, 11), (1, "coil", 0, 4), (2, "holding", 3201, 9),
                    (2, "holding", 8502, 1), (2, "holding", 8606, 1)],
    "m3_mill": [(1, "input", 0, 18), (1, "discrete", 0, 8), (1, "coil", 0, 4),
                (1, "input", 30, 14), (1, "holding", 100, 4)],
    "m4_oven": [(17, "holding", 0, 22)],
    "m5_cobot": [(255, "holding", 258, 28), (1, "holding", 128, 3), (0, "holding", 400, 3),
                 (1, "holding", 0, 2), (255, "holding", 450, 1)],
    "m6_vision": [(1, "input", 0, 29)],
    "m7_amr": [(1, "holding", 3, 16), (1, "coil", 0, 5)],
    "u1_compressor": [(1, "input", 0, 22)],
    "u2_meter": [(1, "input", 1, 70), (1, "input", 801, 12)],
    "u3_climate": [(1, "holding", 2, 6), (1, "holding", 257, 2)],
    "u4_andon": [(1, "input", 16, 4), (1, "input", 48, 1), (1, "holding", 32, 1),
                 (1, "input", 512, 1), (1, "input", 520, 2), (1, "input", 576, 1)],
    "u5_pv": [(126, "holding", 40072, 37), (126, "holding", 40000, 2)],
}


class LibModbus:
    """libmodbus by ctypes: no line of ours between the test and the library."""

    def __init__(self, port):
        self.library = ctypes.CDLL("libmodbus.so.5", use_errno=True)
        self.library.modbus_new_tcp.restype = ctypes.c_void_p
        self.context = ctypes.c_void_p(self.library.modbus_new_tcp(b"127.0.0.1", port))
        self.library.modbus_set_response_timeout(self.context, 4, 0)
        if self.library.modbus_connect(self.context) != 0:
            raise ConnectionError("modbus_connect")

    def read(self, unit, table, address, count):
        is_bits = table in ("coil", "discrete")
        values = ((ctypes.c_uint8 if is_bits else ctypes.c_uint16) * count)()
        name = {"coil": "bits", "discrete": "input_bits", "holding": "registers",
                "input": "input_registers"}[table]
        self.library.modbus_set_slave(self.context, unit)
        done = getattr(self.library, f"modbus_read_{name}")(self.context, address, count, values)
        if done != count:
            raise ConnectionError(f"modbus_read_{name}: errno {ctypes.get_errno()}")
        return list(values)

    def close(self):
        self.library.modbus_close(self.context)
        self.library.modbus_free(self.context)


class PyModbus:
    def __init__(self, port):
        self.client = ModbusTcpClient("127.0.0.1", port=port, timeout=4)
        if not self.client.connect():
            raise ConnectionError("pymodbus")

    def read(self, unit, table, address, count):
        name = {"coil": "coils", "discrete": "discrete_inputs", "holding": "holding_registers",
                "input": "input_registers"}[table]
        reply = getattr(self.client, f"read_{name}")(address, count, unit)
        if reply.isError():
            raise ConnectionError(str(reply))
        values = reply.bits if table in ("coil", "discrete") else reply.registers
        return [int(value) for value in values[:count]]

    def close(self):
        self.client.close()


class MbPoll:
    """mbpoll polls until it has an answer: a device that is deaf at first has a second chance."""

    def __init__(self, port):
        self.port = port

    def read(self, unit, table, address, count):
        kind = {"coil": 0, "discrete": 1, "input": 3, "holding": 4}[table]
        child = subprocess.Popen(
            ["stdbuf", "-oL", shutil.which("mbpoll"), "-0", "-m", "tcp", "-p", str(self.port), "-a", str(unit),
             "-t", str(kind), "-r", str(address), "-c", str(count), "-o", "2", "-l", "300",
             "127.0.0.1"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        values, told = [], []
        end = threading.Timer(30, child.kill)
        end.start()
        try:
            for text in child.stdout:
                told.append(text)
                found = re.match(r"\[\d+\]:\s+(\d+)", text)
                values += [int(found.group(1))] if found else []
                if len(values) == count or re.search("Connection (failed|refused)|reset", text):
                    break
        finally:
            end.cancel()
            child.kill()
            child.wait()
            child.stdout.close()
        if len(values) < count:
            raise ConnectionError("".join(told[-5:]))
        return values

    def close(self):
        pass


class Endpoints(harness.Scenario):
    def begin(self, *options):
        self.made = shipped.Shipped()
        self.control = line.Control(self.dir / "control")
        self.sim = self.simulator(self.made, "--port-offset", self.made.offset, "--control",
                                  self.control.path, *options)

    def port(self, link):
        return line.port(link) + self.made.offset

    def wire(self, link, timeout=3.0):
        opened = wire.Wire(self.port(link), timeout)
        self.addCleanup(opened.close)
        return opened

    def patient(self, kind, link, question):
        """Devices hang up, come late and settle: a client asks again, a few times."""
        client = None
        for _ in range(6):
            try:
                client = client or kind(self.port(link))
                if link == "u5_pv":
                    harness.let_pass(1.1)  # its first second, and its gap
                elif link == "m2_conveyor":
                    harness.let_pass(0.03)
                return client.read(*question), client.close()
            except (ConnectionError, OSError) as error:
                last = error
                if client:
                    client.close()
                client = None
        raise AssertionError(f"{kind.__name__} {link} {question}: {last}")



class Clients(Endpoints):
    def test_every_register_is_asked_for(self):
        """No tag of the line is left out of what the three clients read."""
        for name, keys in line.sections().items():
            if not name.startswith("machine "):
                continue
            asked = {(table, address) for _, table, first, count in ASKED[keys["link"]]
                     for address in range(first, first + count)}
            for row in line.rows(name.removeprefix("machine ")):
                first = row["address"] - int(keys.get("base", 0))
                for address in range(first, first + decoder.registers_of(row)):
                    self.assertIn((row["table"], address), asked, f"{name} {row['tag']}")

    def three_clients(self, link):
        self.begin()
        got = []
        for question in ASKED[link]:
            for kind in (LibModbus, PyModbus, MbPoll):
                got.append((kind.__name__, question, self.patient(kind, link, question)[0]))
        self.assertEqual(self.sim.stop(), 0)
        told = [json.loads(text) for text in self.sim.journal.read_text().splitlines()]
        for name, (unit, table, address, count), values in got:
            served = [entry["words"] for entry in told
                      if (entry["endpoint"], entry["unit"], entry["table"], entry["address"])
                      == (link, unit, table, address)]
            self.assertEqual(len(values), count)
            self.assertIn(values, served, f"{name} {link} {table}:{address}")


def _add_clients():
    for link in ASKED:
        def test(self, link=link):
            self.three_clients(link)
        harness.limit(90)(test)
        setattr(Clients, f"test_three_clients_read_{link}", test)


_add_clients()


class Manners(Endpoints):
    @harness.quick
    @harness.limit(60)
    def test_one_client_at_a_time_and_limits(self):
        self.begin()
        store = self.wire("m1_store")
        self.assertEqual(len(store.read(1, 3, 0, 44)), 44)
        self.assertEqual(len(store.read(99, 3, 0, 4)), 4, "any unit is the store")
        self.assertEqual(store.read(1, 3, 44, 1), -2)
        self.assertEqual(store.read(1, 3, 40, 5), -2)
        self.assertTrue(self.wire("m1_store").is_closed(3), "a second client is refused")
        mill = self.wire("m3_mill", 4)
        self.assertEqual(mill.read(1, 4, 16, 4), -2)
        self.assertEqual(mill.read(1, 4, 29, 2), -2)
        self.assertEqual(mill.read(1, 4, 0, 126), -3)
        oven = self.wire("m4_oven", 1)
        self.assertEqual(len(oven.read(17, 3, 0, 22)), 22)
        self.assertEqual(oven.read(17, 3, 0, 33), -3)
        with self.assertRaises(TimeoutError):
            oven.read(1, 3, 0, 1)
        self.assertEqual(self.wire("m6_vision").read(1, 4, 0, 61), -3)
        climate = [self.wire("u3_climate") for _ in range(3)]
        self.assertTrue(climate[2].is_closed(3), "a third client is refused")
        self.assertEqual(len(climate[0].read(1, 3, 2, 6)), 6)
        andon = self.wire("u4_andon")
        self.assertEqual(andon.read(1, 1, 0, 1), -2)
        self.assertEqual(andon.write(1, 32, 8), 0)
        harness.wait_until(lambda: andon.read(1, 3, 32, 1)[0] & 8, 5, "the blue lamp")

    @harness.limit(60)
    def test_conveyor_and_drive(self):
        self.begin()
        plc = self.wire("m2_conveyor", 1)
        self.assertEqual(len(plc.read(1, 3, 0, 11)), 11)
        with self.assertRaises(TimeoutError):
            plc.read(1, 3, 0, 11)  # sooner than 20 ms after the reply
        harness.let_pass(0.03)
        self.assertEqual(plc.read(2, 3, 3201, 30), -3)
        harness.let_pass(0.03)
        self.assertEqual(len(plc.read(2, 3, 3201, 29)), 29)
        harness.let_pass(0.03)
        answer, seconds = plc.seconds_of(7, 3, 0, 1)
        self.assertEqual(answer, -11)
        self.assertGreater(seconds, 0.29)
        harness.let_pass(0.03)
        self.assertEqual(plc.write(2, 8502, 250), 0)
        harness.let_pass(0.3)
        self.assertEqual(plc.read(2, 3, 3202, 1), [250])
        harness.let_pass(0.03)
        self.assertEqual(plc.read(1, 3, 2, 2), [125, 125])

    @harness.limit(60)
    def test_oven_is_busy_and_acknowledges(self):
        self.begin()
        oven = self.wire("m4_oven")
        answers = [oven.write(17, 1, 1600) for _ in range(60)]
        self.assertEqual(set(answers), {0, -6})
        harness.wait_until(lambda: oven.write(17, 20, 1) == -5, 10, "the acknowledgement")

    @harness.limit(60)
    def test_vision_sends_bytes_and_glues_replies(self):
        self.begin()
        vision = self.wire("m6_vision")
        slices = 0
        for _ in range(5):
            vision.read(1, 4, 0, 29)
            slices = max(slices, vision.segments)
        self.assertGreater(slices, 2, "more pieces than a header and a body")
        first, second = vision.send(1, 4, 0, 4), vision.send(1, 4, 12, 2)
        seen = [vision.receive() for _ in range(2)]
        self.assertEqual([reply[0] for reply in seen], [first, second])
        self.assertEqual([len(reply[3]) for reply in seen], [9, 5])

    @harness.limit(90)
    def test_transport_robot_caches_and_drops_out(self):
        self.begin("--speed", 1)
        drops = 0
        ups = []
        robot = self.wire("m7_amr")
        end = time.monotonic() + 60
        while time.monotonic() < end and (drops == 0 or len(set(ups)) < 5):
            try:
                words = robot.read(1, 3, 3, 16)
                ups.append((words[5] << 16) + words[6])
            except OSError:
                drops += 1
                robot = self.wire("m7_amr")
        self.assertGreater(drops, 0, "the Wi-Fi never failed")
        changes = sum(1 for a, b in zip(ups, ups[1:]) if a != b)
        self.assertLess(changes, len(ups) / 4, "values are a second old at most")

    @harness.limit(60)
    def test_compressor_closes_and_kicks(self):
        self.begin()
        first = self.wire("u1_compressor")
        self.assertEqual(len(first.read(1, 4, 0, 22)), 22)
        second = self.wire("u1_compressor")
        self.assertEqual(len(second.read(1, 4, 0, 22)), 22)
        self.assertTrue(first.is_closed(3), "the new one kicks the old one out")
        start = time.monotonic()
        self.assertTrue(second.is_closed(20), "idle for 15 s")
        self.assertGreater(time.monotonic() - start, 14)

    @harness.limit(60)
    def test_meter_and_inverter(self):
        self.begin()
        meter = self.wire("u2_meter", 1)
        self.assertEqual(meter.read(1, 4, 1, 1), -2)
        self.assertEqual(meter.read(1, 4, 2, 2), -2)
        self.assertEqual(len(meter.read(1, 4, 1, 6)), 6)
        second = self.wire("u2_meter")
        self.assertEqual(second.read(1, 4, 1, 2), -11)
        with self.assertRaises(TimeoutError):
            meter.read(255, 4, 1, 2)
        meter.close()
        harness.wait_until(lambda: second.read(1, 4, 1, 2) != -11, 5, "the next one's turn")
        self.assertEqual(len(second.read(1, 4, 1, 6)), 6)
        solar = self.wire("u5_pv", 0.6)
        with self.assertRaises(TimeoutError):
            solar.read(126, 3, 40000, 2)
        harness.let_pass(0.6)
        self.assertEqual(solar.read(126, 3, 40000, 2), [0x5375, 0x6E53])
        self.control.inject("set tag=sun value=0")
        harness.let_pass(0.3)
        self.assertEqual(solar.read(126, 3, 40084, 2), [0x8000, 0])

    @harness.limit(90)
    def test_random_frames_harm_nobody(self):
        """Random and mutated frames at every endpoint: the simulator answers on, and stays small."""
        self.begin("--speed", 1)
        before = self.sim.rss_kib()
        good = struct.pack(">HHHBBHH", 1, 0, 6, 1, 3, 0, 10)
        for turn in range(40):
            for link in ASKED:
                with socket.create_connection(("127.0.0.1", self.port(link)), 3) as raw:
                    for _ in range(20):
                        frame = bytearray(good if turn % 2 else self.random.randbytes(
                            self.random.randrange(1, 300)))
                        frame[self.random.randrange(len(frame))] = self.random.randrange(256)
                        try:
                            raw.sendall(frame)
                        except OSError:
                            break
        self.assertTrue(self.sim.is_running())
        self.assertEqual(len(self.wire("u4_andon").read(1, 4, 16, 4)), 4)
        self.assertLess(self.sim.rss_kib() - before, 3000)

    @harness.quick
    @harness.limit(90)
    def test_200000_frames(self):
        """A piece of what `make fuzz` sends: each frame is answered, in order; memory stays."""
        done = subprocess.run(
            [sys.executable, harness.ROOT / "tests/fuzz/frames.py", "--build", harness.BUILD,
             "--frames", "200000", "--seed", str(self.seed)], capture_output=True, text=True,
            timeout=80, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertRegex(done.stdout, r"answered=1[67]\d{4} ")

    @harness.limit(60)
    def test_questions_in_one_write(self):
        """More questions at once than are buffered, the answers read late: each is answered."""
        self.begin("--speed", 1)
        count = 600  # 12 kB of questions, of which 4 KiB are buffered; megabytes of answers
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
            link.settimeout(5)
            link.connect(self.control.path)
            link.sendall(b'{"command":"dump"}\n' * count)
            # Another client's answer proves that the simulator has waited for this one.
            self.control.status()
            answers = link.makefile("rb")
            for answer in range(count):
                self.assertTrue(json.loads(answers.readline())["ok"], f"answer {answer}")
            link.sendall(b'{"command":"status"}\n')
            self.assertTrue(json.loads(answers.readline())["ok"])

    @harness.limit(60)
    def test_same_seed_same_dump(self):
        """Two runs, one at speed 60: the whole state is the same after the same steps."""
        dumps = {}
        for speed, name in ((10, "slow"), (60, "fast")):
            made = shipped.Shipped()
            control = line.Control(self.dir / name)
            sim = self.simulator(made, "--port-offset", made.offset, "--control", control.path,
                                 "--seed", 9, "--speed", speed, name=f"sim-{name}")
            seen = dumps.setdefault(speed, {})
            end = 40 if speed == 10 else 7
            start = time.monotonic()
            while time.monotonic() - start < end / 4:
                dump = control.ask("dump")
                seen[dump["steps"]] = (dump["machines"], dump["lines"])
            self.assertEqual(sim.stop(), 0)
        common = dumps[10].keys() & dumps[60].keys()
        self.assertGreater(len(common), 3)
        for steps in common:
            self.assertEqual(dumps[10][steps], dumps[60][steps], f"after {steps} steps")


class Hour(Endpoints):
    @harness.limit(200)
    def test_an_hour_of_the_whole_line(self):
        """All machines for an hour of theirs: nothing is published that was not served."""
        broker = self.broker()
        self.begin("--speed", 60)
        watcher = self.subscriber(broker.port, topics=("formlab/+/+/samples",))
        gateway = self.gateway(self.made, *self.made.options(self, broker.port))
        harness.wait_until(lambda: self.control.status()["time_s"] > 3600, 120, "an hour")
        self.assertEqual(gateway.stop(), 0)
        self.assertEqual(self.sim.stop(), 0)
        oracle, checked = line.Oracle(self.sim.journal, line.sections()), 0
        for machine in shipped.machines():
            samples = [m.json for m in watcher.samples(machine)]
            self.assertGreater(len(samples), 20, machine)
            self.assertGreater(sum(s["q"] != "bad" for s in samples), 0.9 * len(samples), machine)
            checked += oracle.check(self, machine, samples)
        self.assertGreater(checked, 20000)
