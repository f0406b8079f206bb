"""The commands as a person types them: check, topics, read, export; and sqlite3 by hand."""

import csv
import io
import subprocess

import fake_plc
import harness
import shipped

DEVICE = {"holding": {0: 214, 1: 0xffff, 2: 0x42f6, 3: 0xe979, 4: 2, 6: 7},
          "coil": {0: 1}}
MAP = [{"tag": "temperature", "table": "holding", "address": 0, "type": "uint16", "scale": "0.1",
        "unit": "°C"},
       {"tag": "torque", "table": "holding", "address": 1, "type": "int16", "absent": "0xFFFF"},
       {"tag": "speed", "table": "holding", "address": 2, "type": "float32", "unit": "1/min"},
       {"tag": "state", "table": "holding", "address": 4, "type": "uint16",
        "words": "0=idle|2=running"},
       {"tag": "gone", "table": "holding", "address": 5, "type": "uint16"},
       {"tag": "count", "table": "holding", "address": 6, "type": "uint16"},
       {"tag": "door_open", "table": "coil", "address": 0, "type": "bool"}]


class Commands(harness.Scenario):
    def build(self):
        plc = fake_plc.FakePlc(self, tables=DEVICE)
        factory = self.factory().broker(harness.reserve_port())
        factory.link("plc", plc.port).machine("bench", "plc", MAP, every="50 ms")
        return factory.write()

    def run_command(self, *arguments, code=0):
        done = harness.command(*arguments)
        self.assertEqual(done.returncode, code, f"{arguments}: {done.stdout}\n{done.stderr}")
        return done.stdout

    @harness.quick
    def test_check_prints_the_plan(self):
        factory = self.build()
        told = self.run_command("check", factory.path)
        self.assertRegex(told, r"bench")
        self.assertRegex(told, r"holding")
        keys = self.run_command("check", "--keys")
        for word in ("broker", "max_registers", "commit", "30 d"):
            self.assertIn(word, keys)

    @harness.quick
    def test_the_shipped_file_is_sound(self):
        told = self.run_command("check", shipped.PATH)
        for name in shipped.machines():
            self.assertIn(name, told)

    @harness.quick
    def test_read_prints_a_table(self):
        factory = self.build()
        told = self.run_command("read", factory.path, "bench", code=1)
        lines = {line.split()[0]: line for line in told.splitlines() if line.strip()}
        for tag, parts in {"temperature": ("21.4", "°C", "good", "00D6|00d6"),
                           "torque": ("bad", "sentinel", "FFFF|ffff"), "speed": ("123.456",),
                           "state": ("running",), "gone": ("bad", "exception-2"),
                           "door_open": ("true",)}.items():
            for part in parts:
                self.assertRegex(lines[tag], part)
        # A script may ask whether all is well: with no bad tag the exit code is 0.
        factory.map("bench.csv", [row for row in MAP if row["tag"] not in ("torque", "gone")])
        self.run_command("read", factory.path, "bench")

    def test_read_says_what_is_wrong(self):
        factory = self.build()
        done = harness.command("read", factory.path, "bnech")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("bench", done.stderr)
        factory.link("plc", harness.reserve_port()).write()
        done = harness.command("read", factory.path, "bench")
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)

    @harness.quick
    def test_topics_lists_each_once(self):
        topics = self.run_command("topics", self.build().path).split()
        self.assertEqual(len(topics), len(set(topics)))
        for leaf in ("status", "info", "samples", "snapshot", "now/speed", "meta/speed"):
            self.assertIn(f"lab/hall/bench/{leaf}", topics)
        self.assertIn("lab/_gateway/gw1/stats", topics)

    @harness.quick
    def test_export_while_the_daemon_runs(self):
        factory = self.build()
        gateway = self.gateway(factory)
        harness.wait_until(lambda: len(harness.journal_rows(factory.journal_path)) >= 20, 15,
                           "twenty samples")
        lines = self.run_command("export", factory.path, "--format", "jsonl").splitlines()
        self.assertGreaterEqual(len(lines), 20)
        for line in lines:
            self.assertIsInstance(harness.exact_json(line), dict)
        table = list(csv.reader(io.StringIO(self.run_command("export", factory.path))))
        head, body = table[0], table[1:]
        self.assertGreaterEqual(len(body), 20)
        self.assertTrue(all(len(row) == len(head) for row in body))
        one = self.run_command("export", factory.path, "--machine", "bench", "--tag",
                               "temperature")
        self.assertIn("21.4", one)
        self.assertNotIn("123.456", one)
        french = self.run_command("export", factory.path, "--format", "csv-fr")
        self.assertIn(";", french)
        self.assertIn("21,4", french)
        self.run_command("export", factory.path, "--verify")
        none = self.run_command("export", factory.path, "--to", "2001-01-01T00:00:00Z")
        self.assertLessEqual(len(none.splitlines()), 1)
        self.assertEqual(gateway.stop(), 0)
        self.run_command("export", factory.path, "--verify")

    @harness.quick
    def test_export_verify_finds_a_gap(self):
        factory = self.build()
        gateway = self.gateway(factory)
        harness.wait_until(lambda: len(harness.journal_rows(factory.journal_path)) >= 20, 15,
                           "twenty samples")
        self.assertEqual(gateway.stop(), 0)
        connection = harness.sqlite3.connect(factory.journal_path)
        with connection:
            connection.execute("delete from samples where seq = 7")
        connection.close()
        done = harness.command("export", factory.path, "--verify")
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertRegex(done.stdout + done.stderr, r"\b7\b")

    @harness.quick
    def test_a_student_asks_the_journal(self):
        factory = self.build()
        self.gateway(factory)
        harness.wait_until(lambda: len(harness.journal_rows(factory.journal_path)) >= 5, 15,
                           "five samples")

        def ask(query):
            return subprocess.run(["sqlite3", "-readonly", str(factory.journal_path), query],
                                  capture_output=True, text=True, check=True, timeout=20).stdout
        rows = ask("select time, value from readings where machine='bench' and "
                   "tag='temperature' order by seq desc limit 20;").splitlines()
        self.assertGreaterEqual(len(rows), 5)
        self.assertRegex(rows[0], r"^\d{4}-\d\d-\d\dT.*Z\|21\.4$")
        columns = ask("select group_concat(name) from pragma_table_info('readings')").strip()
        self.assertEqual(columns, "seq,time,machine,tag,value,quality")
        tags = ask("select distinct tag from readings where seq = 1 order by tag").split()
        self.assertEqual(tags, sorted(row["tag"] for row in MAP))
        bad = ask("select value is null, quality from readings where tag='gone' limit 1")
        self.assertRegex(bad, r"^1\|bad")
        self.assertEqual(ask("select value from readings where tag='door_open' limit 1"), "1\n")
