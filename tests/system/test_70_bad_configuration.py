"""A factory file with twelve mistakes: all are told in one run, each with its line; exit 78."""

import re

import harness

FILE = """\
[site]
root = lab/+/x
colour = blue

[gateway]
name = Gateway One

[broker]
url = http://127.0.0.1:1

[journal]
max_size = 2 GiBB
commit = 100

[link a]
driver = modbus-tpc
host = 127.0.0.1
port = 70000
timeout = 1 s

[link b]
driver = modbus-tcp
host = 127.0.0.1
port = 1502

[machine one]
link = c
area = hall
unit_id = 300
map = good.csv
every = 1 ms

[machine two]
link = b
area = hall
map = bad.csv
every = 100 ms
"""
# line: a word that the message must contain
WANTED = {2: "root", 3: "colour", 6: "name", 9: "url", 12: "max_size", 13: "commit",
          16: "driver", 18: "port", 27: "link", 29: "unit_id", 31: "every"}
BAD_MAP = "tag,table,address,type\nfine,holding,0,uint16\nfine,holding,1,uint16\n"


class BadConfiguration(harness.Scenario):
    def write(self):
        (self.dir / "good.csv").write_text("tag,table,address,type\nw,holding,0,uint16\n")
        (self.dir / "bad.csv").write_text(BAD_MAP)
        path = self.dir / "twelve.conf"
        path.write_text(FILE)
        return path

    @harness.quick
    def test_twelve_mistakes_are_twelve_lines(self):
        path = self.write()
        for arguments in (("check", path), ("run", path), ("topics", path)):
            done = harness.command(*arguments)
            self.assertEqual(done.returncode, 78, done.stderr)
            told = done.stdout + done.stderr
            for line, word in WANTED.items():
                self.assertRegex(told, rf"(?m)^.*twelve\.conf:{line}: .*{word}.*: .+",
                                 f"line {line} is not told:\n{told}")
            self.assertRegex(told, r"(?m)^.*bad\.csv:3: .*fine")
            problems = re.findall(r"(?m)^\S+\.(?:conf|csv):\d+: ", told)
            self.assertEqual(len(problems), 12, told)

    @harness.quick
    def test_helpful_words(self):
        done = harness.command("check", self.write())
        self.assertIn('modbus-tcp', done.stderr + done.stdout)
        self.assertRegex(done.stderr + done.stdout, "(?i)did you mean")

    def test_no_such_file(self):
        done = harness.command("check", self.dir / "absent.conf")
        self.assertEqual(done.returncode, 78)
        self.assertIn("absent.conf", done.stderr)
