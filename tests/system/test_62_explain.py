"""A technician with a manual and a device: explain, check, check --live, read and map by hand."""

import re
import struct
import time

import fake_plc
import harness

# 30.56 %RH low word first (Vaisala), 230.1 V, nothing, a text, a counter before its wrap.
DEVICE = {"input": {0: 0x7AE1, 1: 0x41F4, 2: 2301, 3: 0x8000,
                    10: 0x4D33, 11: 0x2D41, 20: 0xFFFF, 21: 0xFFFE},
          "holding": {5218: 7, 5219: 8, 5220: 9}, "coil": {0: 1, 1: 0, 2: 1},
          "discrete": {}}


class Explain(harness.Scenario):
    def device(self, behave=None, tables=None):
        plc = fake_plc.FakePlc(self, behave=behave, tables=tables or DEVICE)
        return plc, f"modbus-tcp://127.0.0.1:{plc.port}?unit_id=1"

    def explain(self, *arguments, code=0):
        done = harness.command("explain", *arguments)
        self.assertEqual(done.returncode, code, f"{arguments}: {done.stdout}\n{done.stderr}")
        return done.stdout if code == 0 else done.stdout + done.stderr

    @harness.quick
    def test_the_right_reading_is_marked(self):
        plc, url = self.device()
        told = self.explain(url, "input:0", "4")
        # Frames, every byte with its name.
        for line in (r"protocol +00 00 +Modbus", r"unit +01 +1", r"function +04 +read input",
                     r"address +00 00 +0", r"count +00 04 +4", r"byte count +08 +8",
                     r"data +7A E1 41 F4 08 FD 80 00"):
            self.assertRegex(told, rf"(?m)^  {line}")
        # Registers, in every form.
        self.assertRegex(told, r"(?m)^ +0 +300001 +7AE1 +31457 +31457 +0111 1010 1110 0001 +z\.$")
        self.assertRegex(told, r"(?m)^ +3 +300004 +8000 +32768 +-32768 ")
        # Readings, side by side, the right one first; then as a row for the map.
        self.assertRegex(told, r"(?m)^  CDAB .* 30\.56 \*1")
        self.assertRegex(told, r"(?m)^  \*1 float32 CDAB: finite, of ordinary magnitude")
        self.assertRegex(told, r"(?m)^  \*1 int16 AB: no value.*SunSpec")
        self.assertRegex(told, r"(?m)^value_0,input,0,float32,CDAB,30\.56$")
        self.assertEqual([(r.table, r.address, r.count, r.unit) for r in plc.requests],
                         [("input", 0, 4, 1)])

    @harness.quick
    def test_scaled_numbers_are_as_they_will_be_published(self):
        plc, url = self.device()
        told = self.explain(url, "input:2", "1", "--scale", "0.1", "--offset", "-30.05",
                            "--min", "0", "--max", "250")
        self.assertRegex(told, r"(?m)^input 2: 08FD; numbers are raw × 0\.1 \+ -30\.05$")
        self.assertRegex(told, r"(?m)^  AB +200\.05 \*1 +200\.05 \*1 ")
        rows = told.split("register map:\n")[1]
        self.assertRegex(rows, r"^tag,table,address,type,order,scale,offset,min,max,comment\n"
                               r"value_2,input,2,u?int16,AB,0\.1,-30\.05,0,250,200\.05\n$")
        # The daemon publishes that row just so.
        factory = self.factory().broker(harness.reserve_port()).link("plc", plc.port)
        factory.machine("bench", "plc", []).write()
        (self.dir / "bench.csv").write_text(rows)
        done = harness.command("read", factory.path, "bench")
        self.assertRegex(done.stdout, r"(?m)^value_2 +200\.05 +good ", done.stderr)
        # Out of the range: still told.
        told = self.explain(url, "input:2", "1", "--max", "100")
        self.assertRegex(told, r"(?m)^  \*\d u?int16 AB.*: outside …100$")
        self.assertNotIn("numbers are raw", told)

    @harness.quick
    def test_texts_counters_and_bits(self):
        _, url = self.device()
        self.assertRegex(self.explain(url, "input:10", "2"), r'string:4 +AB +"M3-A" \*1')
        told = self.explain(url, "input:20", "2")
        self.assertRegex(told, r"(?m)^  \*2 uint32 ABCD: a counter 2 below its wrap")
        told = self.explain(url, "coil:0", "3")
        self.assertEqual(re.findall(r"(?m)^ +\d +00000\d +(\d), (\w+)$", told),
                         [("1", "true"), ("0", "false"), ("1", "true")])

    @harness.quick
    def test_modicon_numbers_are_understood(self):
        plc, url = self.device()
        self.explain(url, "405219", "3")
        self.explain(url, "holding:0x1462", "1")
        self.explain(url, "30001", "2")
        self.assertEqual([(r.table, r.address) for r in plc.requests],
                         [("holding", 5218), ("holding", 5218), ("input", 0)])

    @harness.quick
    def test_a_map_row_it_prints_is_a_map(self):
        _, url = self.device()
        rows = self.explain(url, "input:0", "4").split("register map:\n")[1]
        path = self.dir / "proposed.csv"
        path.write_text(rows)
        done = harness.command("map", path)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("float32", done.stdout)

    @harness.quick
    def test_off_by_one_is_said(self):
        _, url = self.device(tables={"holding": {5218: 7}})
        told = self.explain(url, "holding:5219", "1", code=1)
        self.assertRegex(told, r"Exception 2: the device does not have these addresses")
        self.assertIn("Address 5219 is refused; 5218 answers: the manual may count from 1.", told)
        self.assertIn("Address 5219 is refused; 5220 too.", told)
        self.assertRegex(told, r"5218 +405219 +0007")
        # One above; both; a block that reaches past the end; neither.
        told = self.explain(url, "holding:5217", "1", code=1)
        self.assertIn("5218 answers: the manual may count from 0", told)
        told = self.explain(url, "holding:5218", "3", code=1)
        self.assertIn("Addresses 5218-5220 are refused; 5218 alone answers: ask for less", told)
        told = self.explain(url, "holding:0", "1", code=1)
        self.assertIn("Address 0 is refused; 1 too.", told)
        self.assertNotIn("65535", told)

    @harness.quick
    def test_exceptions_in_plain_words(self):
        for code, words in {1: "has no such table", 4: "failed while it answered", 6: "busy",
                            11: "is unit_id right", 99: "manual may"}.items():
            _, url = self.device(behave=fake_plc.refusing(code))
            told = self.explain(url, "input:0", code=1)
            self.assertRegex(told, rf"(?m)^  exception +{code:02X} ")
            self.assertIn(words, told)

    @harness.quick
    def test_what_does_not_answer_is_a_sentence(self):
        url = f"modbus-tcp://127.0.0.1:{harness.reserve_port()}"
        self.assertIn("nobody listens there", self.explain(url, "input:0", code=1))
        _, url = self.device(behave=fake_plc.mute)
        start = time.monotonic()
        told = self.explain(url + "&timeout=200ms", "input:0", code=1)
        self.assertIn("no answer in time", told)
        self.assertIn("No reply.", told)
        self.assertLess(time.monotonic() - start, 2 * harness.PATIENCE)
        _, url = self.device(behave=lambda plc, connection, request: connection.close())
        self.assertIn("closed the connection", self.explain(url, "input:0", code=1))
        _, url = self.device(behave=fake_plc.wrong_unit)
        self.assertIn("no answer to the request", self.explain(url, "input:0", code=1))
        told = self.explain("modbus-tcp://no-such-host.invalid", "input:0", code=1)
        self.assertIn("the name has no address", told)

    @harness.quick
    def test_what_is_mistyped_is_told(self):
        for arguments in (["127.0.0.1", "input:0"], ["modbus-tcp://x?unit_id=300", "input:0"],
                          ["modbus-tcp://x", "inputs:0"], ["modbus-tcp://x", "input:0", "126"],
                          ["modbus-tcp://x", "input:0", "0"],
                          ["modbus-tcp://x", "input:0", "--scale", "0,1"],
                          ["modbus-tcp://x", "input:0", "--scale", "0"],
                          ["modbus-tcp://x", "input:0", "--offset", "ten"],
                          ["modbus-tcp://x", "input:0", "--min", ""],
                          ["modbus-tcp://x", "input:0", "--min", "2", "--max", "1"],
                          ["modbus-tcp://x", "coil:0", "--max", "1"]):
            self.assertIn("accepted: ", self.explain(*arguments, code=64))
        self.explain("modbus-tcp://x", code=64)


class Bench(harness.Scenario):
    """read, check, check --live and map, against a device."""

    def build(self, rows, tables, behave=None, every="1 s", **link):
        plc = fake_plc.FakePlc(self, behave=behave, tables=tables)
        factory = self.factory().broker(harness.reserve_port())
        factory.link("plc", plc.port, **link).machine("bench", "plc", rows, every=every)
        return factory.write(), plc

    def run_command(self, *arguments, code=0):
        done = harness.command(*arguments)
        self.assertEqual(done.returncode, code, f"{arguments}: {done.stdout}\n{done.stderr}")
        return done.stdout

    ROWS = [{"tag": "temperature", "table": "holding", "address": 0, "type": "int16",
             "scale": "0.1", "unit": "°C"},
            {"tag": "humidity", "table": "holding", "address": 1, "type": "uint16", "unit": "%"},
            {"tag": "name", "table": "holding", "address": 8, "type": "string:40"},
            {"tag": "gone", "table": "input", "address": 3, "type": "uint16"}]

    TABLES = {"holding": {**{address: 0 for address in range(28)}, 0: 214, 1: 43,
                          **{8 + i: struct.unpack(">H", b"Ab")[0] for i in range(20)}}}

    @harness.quick
    def test_read_is_aligned_and_tells_what_it_took(self):
        factory, _ = self.build(self.ROWS, self.TABLES)
        told = self.run_command("read", factory.path, "bench", code=1)
        lines = told.splitlines()
        column = lines[0].index("QUALITY")
        for line in lines[1:5]:
            self.assertRegex(line[column:], r"^(good|bad) ?", told)
            self.assertEqual(line[column - 1], " ", told)
        self.assertIn('"' + "Ab" * 20 + '"', told)
        self.assertRegex(told, r"(?m)00D6$")
        self.assertRegex(told, r"(?m)^3 tags good, 1 bad; 2 requests, \d+\.\d ms$")
        self.assertRegex(told, r"(?m)^gone: .*does not have these addresses")

    @harness.quick
    def test_check_tells_what_the_pace_costs(self):
        factory, _ = self.build(self.ROWS, self.TABLES)
        told = self.run_command("check", factory.path)
        self.assertRegex(told, r"2 requests a cycle, 6 registers or bits read for nothing")
        self.assertRegex(told, r"about \d+ ms of every 1000 ms.*assumed")
        self.assertNotIn("warning", told)
        factory, _ = self.build(self.ROWS, self.TABLES, every="50 ms", gap="30 ms")
        told = self.run_command("check", factory.path)
        self.assertRegex(told, r"warning: .*60 ms.*every")

    @harness.quick
    def test_machines_that_share_a_line_share_its_time(self):
        factory, plc = self.build(self.ROWS[:1], self.TABLES, every="50 ms", gap="20 ms")
        told = self.run_command("check", factory.path)
        self.assertRegex(told, r"about 30 ms of every 50 ms, 60 % ")
        self.assertNotIn("warning", told)
        factory.machine("other", "plc", self.ROWS[:1], unit_id=2, every="50 ms").write()
        told = self.run_command("check", factory.path)
        self.assertRegex(told, r"(?m)^link plc: its 2 machines take 120 % of its time$")
        self.assertRegex(told, r"(?m)^warning: link plc cannot hold the pace")

    @harness.quick
    def test_check_live_tells_tag_by_tag(self):
        factory, _ = self.build(self.ROWS, self.TABLES)
        told = self.run_command("check", factory.path, "--live", code=1)
        self.assertRegex(told, r"(?m)^temperature +21\.4 +°C +good")
        self.assertRegex(told, r"(?m)^gone +null +bad exception-2")
        self.assertRegex(told, r"measured")
        self.assertRegex(told.splitlines()[-1], r"3 tags good, 1 bad")
        factory.map("bench.csv", self.ROWS[:3])
        told = self.run_command("check", factory.path, "--live")
        self.assertRegex(told, r"3 tags good, 0 bad")

    @harness.quick
    def test_a_slow_device_cannot_hold_its_pace(self):
        def slow(plc, connection, request):
            harness.let_pass(0.06)
            fake_plc.healthy(plc, connection, request)
        factory, _ = self.build(self.ROWS[:3], self.TABLES, behave=slow, every="50 ms")
        told = self.run_command("check", factory.path, "--live")
        self.assertRegex(told, r"warning: .*every = 50 ms")
        self.assertNotIn("warning", self.run_command("check", factory.path))

    @harness.quick
    def test_map_shows_wire_addresses_of_a_manual(self):
        path = self.dir / "manual.csv"
        path.write_text("tag,address,type,unit\ntemperature,40001,int16,°C\nspeed,300011,float32,rpm\n"
                        "door,10001,bool,\n")
        told = self.run_command("map", path)
        self.assertRegex(told, r"(?m)^tag +table +wire +modicon +type")
        self.assertRegex(told, r"(?m)^temperature +holding +0 +400001 ")
        self.assertRegex(told, r"(?m)^speed +input +10 +300011 ")
        self.assertRegex(told, r"(?m)^door +discrete +0 +100001 ")
        starts = [line.index(word) for line, word in
                  zip(told.splitlines()[1:4], (" r  ", " r  ", " r  "))]
        self.assertEqual(len(set(starts)), 1, told)

    @harness.quick
    def test_map_of_a_manual_that_counts_from_one(self):
        path = self.dir / "manual.csv"
        path.write_text("tag,table,address,type\nfirst,holding,1,int16\nplain,,40008,int16\n")
        self.assertRegex(self.run_command("map", path), r"(?m)^first +holding +1 +400002 ")
        told = self.run_command("map", path, "--base", "1")
        self.assertRegex(told, r"(?m)^tag +table +manual +wire +modicon")
        self.assertRegex(told, r"(?m)^first +holding +1 +0 +400001 ")
        self.assertRegex(told, r"(?m)^plain +holding +7 +400008 ")
        self.run_command("map", path, "--base", "2", code=64)
        path.write_text("tag,table,address,type\nnone,holding,0,int16\n")
        self.run_command("map", path, "--base", "1", code=78)

    @harness.quick
    def test_one_based_manuals_reach_the_same_register(self):
        """`base = 1`: the manual's 1 is the wire's 0; Modicon numbers need no base."""
        tables = {"holding": {0: 214, 1: 43}, "input": {}}
        plc = fake_plc.FakePlc(self, tables=tables)
        factory = self.factory().broker(harness.reserve_port()).link("plc", plc.port)
        factory.machine("counted", "plc", [
            {"tag": "first", "table": "holding", "address": 1, "type": "uint16"},
            {"tag": "second", "table": "", "address": "40002", "type": "uint16"}], base=1)
        told = self.run_command("read", factory.write().path, "counted")
        self.assertRegex(told, r"(?m)^first +214 .*holding 0 ")
        self.assertRegex(told, r"(?m)^second +43 .*holding 1 ")
        self.assertRegex(self.run_command("check", factory.path), r"holding +0-1 ")

    @harness.quick
    def test_nothing_is_invented_when_a_counter_wraps(self):
        """A 16-bit counter's wrap and a device that starts anew are published as read."""
        values = [65533, 65534, 65535, 0, 1, 2, 41000, 41001, 0, 0, 1]
        wide = [(1 << 32) - 2, (1 << 32) - 1, 0, 1, 2, 700000, 700001, 700002, 0, 0, 1]

        def count(plc, connection, request):
            with plc.lock:
                step = min(sum(r.table == "holding" for r in plc.requests) - 1, len(values) - 1)
            plc.tables["holding"] = {0: values[step], 1: wide[step] >> 16, 2: wide[step] & 0xFFFF}
            fake_plc.healthy(plc, connection, request)

        rows = [{"tag": "parts", "table": "holding", "address": 0, "type": "uint16"},
                {"tag": "energy", "table": "holding", "address": 1, "type": "uint32"}]
        broker = self.broker()
        plc = fake_plc.FakePlc(self, behave=count, tables={"holding": {}})
        factory = self.factory().broker(broker.port).link("plc", plc.port)
        factory.machine("bench", "plc", rows, every="50 ms")
        watcher = self.subscriber(broker.port)
        gateway = self.gateway(factory)
        harness.wait_until(lambda: len(watcher.samples("bench")) > len(values), 15, "all samples")
        self.assertEqual(gateway.stop(), 0)
        seen = [harness.exact_json(message.text) for message in watcher.samples("bench")]
        self.assertEqual([sample["parts"] for sample in seen][:len(values)], values)
        self.assertEqual([sample["energy"] for sample in seen][:len(wide)], wide)
        self.assertEqual({sample["q"] for sample in seen}, {"good"})
