"""Ten thousand damaged factory files and maps: accepted or refused with a place, never a crash."""

import concurrent.futures
import subprocess

import harness

FILES = 600 if harness.IS_SANITIZED else 10000
JUNK = [b"\0", b"\xff\xfe", b"[", b"]", b"=", b"#", b",", b";", b'"', b"\n", b"\r\n", b"%s%n",
        b"9" * 40, b"-1", b"0x", b"1e999", b"\xc3\x28", b" " * 300, b"string:99999", b"bits:17:3",
        b"A" * 5000, b"include = factory.conf\n", b"../" * 20]


class Mutated(harness.Scenario):
    def mutate(self, data):
        data = bytearray(data)
        for _ in range(self.random.choice((1, 1, 1, 2, 4, 16))):
            at = self.random.randrange(len(data) + 1)
            way = self.random.randrange(6)
            if way == 0 and at < len(data):
                data[at] ^= 1 << self.random.randrange(8)
            elif way == 1:
                del data[at:at + self.random.randrange(1, 40)]
            elif way == 2:
                data[at:at] = self.random.choice(JUNK)
            elif way == 3:
                lines = bytes(data).split(b"\n")
                chosen = self.random.randrange(len(lines))
                lines.insert(self.random.randrange(len(lines)), lines[chosen])
                data = bytearray(b"\n".join(lines))
            elif way == 4:
                data = data[:at]
            else:
                data[at:at + 4] = self.random.choice(JUNK)
        return bytes(data)

    def check_one(self, number, configuration, table):
        folder = self.dir / f"slot{number % 8}"
        path = folder / "factory.conf"
        path.write_bytes(configuration)
        (folder / "table.csv").write_bytes(table)
        done = subprocess.run([harness.BUILD / "formlab-gateway", "check", path],
                              stdin=subprocess.DEVNULL, capture_output=True, check=False,
                              timeout=10 * harness.PATIENCE)
        told = done.stderr + done.stdout
        if done.returncode == 0:
            return ""
        if done.returncode != 78:
            why = f"exit {done.returncode}"
        elif b"factory.conf" not in told and b"table.csv" not in told:
            why = "the refusal names no file"
        else:
            return ""
        (self.dir / f"case{number}.conf").write_bytes(configuration)
        (self.dir / f"case{number}.csv").write_bytes(table)
        return f"case{number}: {why}: {told[-400:]!r}"

    @harness.quick
    @harness.limit(160)
    def test_ten_thousand_damaged_files_crash_nothing(self):
        factory = self.factory().broker(1)
        factory.set("web", listen="127.0.0.1:1").set("journal", max_size="1 GiB", max_age="30 d")
        rows = [{"tag": "a", "table": "holding", "address": "0x10", "type": "float32",
                 "order": "CDAB", "scale": "0.1", "offset": "-3", "unit": "°C", "min": "0",
                 "max": "9.5", "absent": "0x7FC00000", "every": "1 s", "deadband": "1 %"},
                {"tag": "b", "address": "40001", "type": "uint16", "mask": "0x0F",
                 "words": "0=idle|1=run"},
                {"tag": "c", "table": "input", "address": "9", "type": "string:8"},
                {"tag": "d", "table": "coil", "address": "9", "type": "bool"},
                {"tag": "e", "table": "input", "address": "80", "type": "bits:3:5"}]
        factory.link("l", 1502, gap="1 ms", max_hole="4").machine("m", "l", factory.map(
            "table.csv", rows), base=1, title_fr="Été")
        factory.write()
        configuration, table = factory.path.read_bytes(), (self.dir / "table.csv").read_bytes()
        for slot in range(8):
            (self.dir / f"slot{slot}").mkdir()
        sound = self.check_one(0, configuration, table)
        self.assertEqual(sound, "")
        wrong = []
        # Eight slots, two at a time: a slot is used again only when its turn comes round.
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            for start in range(0, FILES, 8):
                batch = [(self.mutate(configuration) if self.random.random() < 0.6
                          else configuration, self.mutate(table) if self.random.random() < 0.5
                          else table) for _ in range(8)]
                wrong += filter(None, pool.map(self.check_one, range(start, start + 8),
                                               *zip(*batch)))
        self.assertFalse(wrong, f"{len(wrong)} of {FILES} (seed {self.seed}):\n"
                         + "\n".join(wrong[:10]))
