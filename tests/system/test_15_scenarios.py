"""Every network, protocol, sensor and counter scenario of the line, from a scene file and live: what
it does is seen in the published samples, the gateway survives it, and is well again within two polls
and the wait then due. (The process scenarios: test_19; N03 and N04: test_17.)"""

import pathlib
import re
import time

import harness
import scenario_case
import web
from scenario_case import BACK_OFF_S


class Scenarios(scenario_case.ScenarioCase):
    def test_every_scenario_has_its_test(self):
        """Each row of the simulator's table is named by a test of this folder."""
        listed = harness.command("list", program="formlab-simulator").stdout
        rows = set(re.findall(r"^([A-Z]\d\d) ", listed, re.M))
        self.assertEqual(len(rows), 38)
        named = {name for path in pathlib.Path(__file__).parent.glob("test_*.py")
                 for name in re.findall(r"def test_([A-Z]\d\d)_", path.read_text())}
        self.assertEqual(rows - named, set())

    # --- network ---

    @harness.limit(120)
    def test_N01_cable_pulled(self):
        self.begin(["m1_store", "m3_mill"], "N01", "4s", "60s")
        self.sample("m1_store", lambda s: s["q"] != "bad")

        def observe(mark):
            self.sample("m1_store", lambda s: s["q"] == "bad", 10, mark)
            self.watcher.wait_topic("/m1_store/status", "offline", timeout=20, start=mark)
            mark = self.watcher.mark()
            self.watcher.wait_for(lambda m: m.topic.endswith("/m3_mill/samples"), 8, mark, 20,
                                  "the neighbour's samples")
        self.twice("m1_store", observe, waits_s=BACK_OFF_S, recovers=lambda mark: self.sample(
            "m1_store", lambda s: s.get("state") is not None, BACK_OFF_S, mark))
        self.check_served("m1_store", "m3_mill")

    @harness.limit(120)
    def test_N02_controller_reboots(self):
        self.begin(["m2_conveyor"], "N02", "6s", "8s", speed=2)
        first = self.well("m2_conveyor")["parts_total"]

        def observe(mark):
            self.sample("m2_conveyor", lambda s: s["q"] == "bad", 10, max(0, mark - 8), "away")
            # Zeros come only to those who are back within the 2 s of its start.
            back = self.sample("m2_conveyor", lambda s: (s.get("parts_total") or 0) > 0, 20, mark)
            self.assertGreaterEqual(back["parts_total"], first)
            self.assertLess(back["parts_total"] - first, 50)
        self.twice("m2_conveyor", observe, waits_s=BACK_OFF_S)
        counts = self.counts("m2_conveyor", "parts_total")
        self.assertLess(self.total(counts, 32, 5), 50, "a lifetime was counted again")
        self.check_served("m2_conveyor", "m2_drive")

    @harness.limit(120)
    def test_N05_another_client_kicks_us_out(self):
        self.begin(["u1_compressor"], "N05", "4s", "60s")
        self.well("u1_compressor")

        def observe(mark):
            # 12 s: the intruder comes three times; whoever reconnects at once loses little.
            found = self.watcher.wait_for(lambda m: m.topic.endswith("/u1_compressor/samples"),
                                          30, mark, 60)
            good = [m for m in found if m.json["q"] == "good"]
            self.assertGreater(len(good), 45, "most of the values, in spite of the intruder")
        self.twice("u1_compressor", observe, waits_s=BACK_OFF_S)
        self.check_served("u1_compressor")

    @harness.limit(60)
    def test_N05_no_ping_pong(self):
        """An intruder who comes ten times a second is not fought: one new connection a second."""
        page = harness.reserve_port()
        self.begin(["u1_compressor"], "N05", "4s", "60s", every="1 s",
                   options=("--set", f"web.listen=127.0.0.1:{page}"))
        self.well("u1_compressor")

        def opened():
            return web.ask(page, "/api/bus").json["links"][0]["opened"]
        self.control.inject("kick target=u1_compressor value=0.1")
        before, begin = opened(), time.monotonic()
        harness.wait_until(lambda: opened() >= before + 3, 20, "connections made anew")
        harness.let_pass(8)  # of being pushed out
        self.assertLessEqual(opened() - before, (time.monotonic() - begin) + 2)
        self.control.clear()
        self.well("u1_compressor", self.watcher.mark())
        self.end()

    @harness.limit(90)
    def test_N06_one_byte_at_a_time(self):
        self.begin(["m6_vision"], "N06", "3s", "60s", every="500 ms")
        self.well("m6_vision")

        def observe(mark):
            for message in self.watcher.wait_for(
                    lambda m: m.topic.endswith("/m6_vision/samples"), 15, mark, 8):
                self.assertEqual(message.json["q"], "good", message.text)
        self.twice("m6_vision", observe)
        self.check_served("m6_vision")

    # --- protocol ---

    @harness.limit(120)
    def test_X01_late_replies(self):
        self.begin(["m3_mill"], "X01", "3s", "60s")

        def observe(mark):
            self.sample("m3_mill", lambda s: "timeout" in s.get("bad", {}).values(), 20, mark)
            self.sample("m3_mill", lambda s: s["q"] == "good", 20, self.watcher.mark())
        self.twice("m3_mill", observe, waits_s=BACK_OFF_S)
        self.check_served("m3_mill")

    @harness.limit(120)
    def test_X02_wrong_transaction(self):
        self.begin(["u2_meter"], "X02", "3s", "60s", every="500 ms")

        def observe(mark):
            self.sample("u2_meter", lambda s: s["q"] != "good", 20, mark, "discarded")
            self.sample("u2_meter", lambda s: s["q"] == "good", 20, mark, "in step again")
        self.twice("u2_meter", observe, waits_s=BACK_OFF_S)
        self.check_served("u2_meter")

    @harness.limit(90)
    def test_X03_busy(self):
        self.begin(["m4_oven"], "X03", "4s", "1500ms")
        self.well_oven(0)

        def observe(mark):
            self.reason("m4_oven", "chamber_temp", "exception-6")(max(0, mark - 8))
        self.twice("m4_oven", observe, recovers=self.well_oven)
        for sample in self.samples("m4_oven"):
            self.assertNotEqual(sample.get("chamber_temp", 1), 0)
        self.check_served("m4_oven")

    def well_oven(self, mark):
        """Without a batch there is no time left: that one sentinel is right."""
        self.sample("m4_oven", lambda s: set(s.get("bad", {})) <= {"cure_remaining"}, BACK_OFF_S,
                    mark, "well again")

    @harness.limit(120)
    def test_X04_silent_drive(self):
        self.begin(["m2_conveyor"], "X04", "4s", "60s", every="1 s")
        self.well("m2_drive")

        def observe(mark):
            self.reason("m2_drive", "motor_current", "exception-11")(mark)
            self.watcher.wait_topic("/m2_drive/status", "offline", timeout=20, start=mark)
            mark = self.watcher.mark()
            for message in self.watcher.wait_for(
                    lambda m: m.topic.endswith("/m2_conveyor/samples"), 15, mark, 4):
                self.assertEqual(message.json["q"], "good", message.text)
        self.twice("m2_drive", observe, waits_s=BACK_OFF_S)
        self.check_served("m2_conveyor", "m2_drive")

    @harness.limit(150)
    def test_X05_illegal_address(self):
        self.begin(["m3_mill"], "X05", "3s", "60s")
        self.well("m3_mill")

        def observe(mark):
            seen = self.sample("m3_mill", lambda s: s.get("bad", {}).get("cutting_seconds") ==
                               "exception-2", 20, mark, "the refused tag")
            self.assertEqual(set(seen["bad"]), {"cutting_seconds"})
            self.sample("m3_mill", lambda s: s.get("parts_total") is not None, 10, mark)
        def recovers(mark):
            # A quarantined address is tried again after 60 s: awaited once.
            if self.control.status()["time_s"] < 60:
                self.sample("m3_mill", lambda s: s.get("cutting_seconds") is not None, 70, mark)
        self.twice("m3_mill", observe, recovers=recovers, waits_s=60)
        self.check_served("m3_mill")

    @harness.limit(90)
    def test_X06_firmware_swaps_words(self):
        self.begin(["m1_store"], "X06", "4s", "60s")

        def observe(mark):
            seen = self.sample("m1_store", lambda s: (s.get("power") or 80) not in (80, 350), 15,
                               mark, "a swapped power")
            self.assertEqual(seen["q"], "uncertain")
        self.twice("m1_store", observe, recovers=lambda mark: self.sample(
            "m1_store", lambda s: s.get("power") in (80, 350), BACK_OFF_S, mark))
        self.check_served("m1_store")

    @harness.limit(90)
    def test_X07_scale_factor(self):
        self.begin(["u5_pv"], "X07", "8s", "60s", every="400 ms")

        def observe(mark):
            seen = self.sample("u5_pv", lambda s: s.get("w_sf") == 1, 15, mark, "the exponent")
            self.assertGreater(seen["w"], 0)
        self.twice("u5_pv", observe, recovers=lambda mark: self.sample(
            "u5_pv", lambda s: s.get("w_sf") == 0, BACK_OFF_S, mark))
        powers = [s["w"] for s in self.samples("u5_pv") if s.get("w") is not None]
        for before, after in zip(powers, powers[1:]):
            self.assertLess(after, 2 * before + 20, "a spike")
            self.assertGreater(2 * after + 20, before, "a spike")

    @harness.limit(120)
    def test_X08_corrupt_header(self):
        self.begin(["m5_cobot"], "X08", "3s", "60s")

        def observe(mark):
            self.sample("m5_cobot", lambda s: s["q"] != "good", 20, mark, "a dropped link")
            self.sample("m5_cobot", lambda s: s.get("robot_mode") == 7, 20, self.watcher.mark())
        self.twice("m5_cobot", observe, waits_s=BACK_OFF_S)
        reasons = {reason for s in self.samples("m5_cobot") for reason in s.get("bad", {}).values()}
        self.assertNotIn("timeout", reasons, "dropped at once, not stalled")
        self.check_served("m5_cobot")

    @harness.limit(60)
    def test_X09_invalid_bcd(self):
        self.begin(["m6_vision"], "X09", "3s", "60s")
        self.twice("m6_vision", self.reason("m6_vision", "rejects_total", "bad-encoding"))
        self.assertNotIn(4772, [s.get("rejects_total") for s in self.samples("m6_vision")])

    # --- sensors ---

    @harness.limit(60)
    def test_D01_sensor_break(self):
        self.begin(["m4_oven"], "D01", "3s", "60s", topics=("formlab/+/+/now/#",))
        self.well_oven(0)

        def observe(mark):
            self.reason("m4_oven", "chamber_temp", "sentinel")(mark)
            self.sample("m4_oven", lambda s: s["sensor_status"] == "open", 10, mark)
        self.twice("m4_oven", observe, recovers=self.well_oven)
        values = [s["chamber_temp"] for s in self.samples("m4_oven")]
        self.assertGreater(min(v for v in values if v is not None), 100)
        shown = [m.json for m in self.watcher.since() if m.topic.endswith("now/chamber_temp")]
        self.assertIn("bad", {now["q"] for now in shown})
        for now in shown:
            self.assertEqual(now["value"] is None, now["q"] == "bad", now)
        self.assertFalse([m.text for m in self.watcher.since() if "-3276" in m.text])

    @harness.limit(60)
    def test_D02_stuck_sensor(self):
        self.begin(["m4_oven"], "D02", "120s", "1200s", speed=60)

        def observe(mark):
            found = self.watcher.wait_for(
                lambda m: m.topic.endswith("/m4_oven/samples") and m.json["t"] > self.since_ms + 1000,
                20, mark, 25)
            self.assertEqual(len({m.json["chamber_temp"] for m in found}), 1)
            self.assertGreater(len({m.json["heater_output"] for m in found}), 1)
        self.twice("m4_oven", observe, recovers=lambda mark: harness.wait_until(
            lambda: len({s["chamber_temp"] for s in self.samples("m4_oven", mark)}) > 3,
            BACK_OFF_S, "a temperature that moves"))

    @harness.limit(60)
    def test_D03_drift(self):
        self.begin(["m3_mill"], "D03 strength=20", "60s", "36000s", speed=60)

        def observe(mark):
            self.sample("m3_mill", lambda s: (s.get("vibration_rms") or 0) > 1.9, 60, mark,
                        "a vibration that no wear explains")
            self.assertLess(self.sample("m3_mill", lambda s: "tool_wear" in s, 10, mark)
                            ["tool_wear"], 100)
        self.twice("m3_mill", observe, live="strength=20", recovers=lambda mark: self.sample(
            "m3_mill", lambda s: 0 <= (s.get("vibration_rms") or 9) < 1.8, 30, mark))

    @harness.limit(60)
    def test_D04_probe_unplugged(self):
        self.begin(["u3_climate"], "D04", "3s", "60s")

        def observe(mark):
            seen = self.sample("u3_climate", lambda s: len(s.get("bad", {})) == 5, 10, mark)
            self.assertEqual(seen["bad"], {
                "relative_humidity": "not-a-number", "temperature": "not-a-number",
                "dew_point": "not-a-number", "relative_humidity_int": "sentinel",
                "temperature_int": "sentinel"})
            self.assertEqual(seen["q"], "bad")
        self.twice("u3_climate", observe)

    @harness.limit(60)
    def test_D05_loop_broken(self):
        self.begin(["u4_andon"], "D05", "3s", "60s")

        def observe(mark):
            seen = self.sample("u4_andon", lambda s: s.get("ai0_status") == "burn-out", 10, mark)
            self.assertEqual(seen["ai0_raw"], 0)
            self.assertLess(seen["ai0_scaled"], 0)
        self.twice("u4_andon", observe)

    @harness.limit(60)
    def test_D06_noise(self):
        self.begin(["m3_mill"], "D06", "3s", "60s", every="50 ms",
                   topics=("formlab/+/+/now/vibration_rms",))

        def observe(mark):
            harness.wait_until(lambda: max(
                [abs(s["vibration_rms"]) for s in self.samples("m3_mill", mark)
                 if s.get("vibration_rms") is not None], default=0) > 3, 20, "noise")
        self.twice("m3_mill", observe)
        shown = [m.time for m in self.watcher.since() if m.leaf == "vibration_rms"]
        samples = [m.time for m in self.watcher.samples("m3_mill")]
        self.assertGreater(len(samples), 30)
        self.assertLess(len(shown), 10 * (samples[-1] - samples[0]) + 5,
                        "more than ten messages a second of a tag, though each value differs")

    # --- counters ---

    @harness.limit(90)
    def test_C01_counter_wraps(self):
        self.begin(["m4_oven"], "C01", "120s", "7200s", speed=60)

        def observe(mark):
            self.sample("m4_oven", lambda s: s["batches_total"] == 65535, 20, max(0, mark - 5))
            seen = self.sample("m4_oven", lambda s: s["batches_total"] < 10, 30, mark)
            self.assertEqual((int(seen["batches_total"]) - 65535) % 65536, 1)
        self.twice("m4_oven", observe, recovers=self.well_oven)
        # Two wraps, and no batch more than were cured; setting the counter is no batch.
        values = self.counts("m4_oven", "batches_total")
        wraps = [(a, b) for a, b in zip(values, values[1:]) if b < a]
        self.assertEqual([int(b - a) % 65536 for a, b in wraps], [1, 1])
        self.assertLess(self.total(values, 16, 3), 40)

    @harness.limit(60)
    def test_C02_zero_bounce(self):
        self.begin(["m4_oven"], "C02", "4s", "2s")
        first = self.sample("m4_oven", lambda s: True)["energy"]

        def observe(mark):
            self.sample("m4_oven", lambda s: s["energy"] == 0, 10, max(0, mark - 3), "zero")
        self.twice("m4_oven", observe, recovers=lambda mark: self.sample(
            "m4_oven", lambda s: first <= s["energy"] < first + 60, BACK_OFF_S, mark, "back"))
        self.assertLess(self.total(self.counts("m4_oven", "energy"), 32, 5), 60,
                        "a lifetime was counted again")

    @harness.limit(60)
    def test_C03_meter_replaced(self):
        self.begin(["m4_oven"], "C03", "60s", "7200s", speed=60)

        def observe(mark):
            seen = self.sample("m4_oven", lambda s: s["energy"] < 1000, 20, max(0, mark - 5))
            self.assertGreaterEqual(seen["energy"], 17)
            self.sample("m4_oven", lambda s: seen["energy"] < s["energy"] < 2000, 20, mark)
        self.twice("m4_oven", observe, recovers=self.well_oven)
        # About 0.6 Wh a second of the oven's: the total goes on, without the step.
        samples = self.samples("m4_oven")
        seconds = int(samples[-1]["t"] - samples[0]["t"]) / 1000 * self.speed
        counted = self.total(self.counts("m4_oven", "energy"), 32, 100)
        self.assertAlmostEqual(counted, 0.47 * seconds, delta=0.25 * seconds)

    @harness.limit(60)
    def test_C04_clock_ahead(self):
        self.begin(["m1_store"], "C04", "5s", "60s")
        hour = self.sample("m1_store", lambda s: "clock_hour" in s)["clock_hour"]

        def observe(mark):
            self.sample("m1_store", lambda s: s.get("clock_hour") == hour + 1, 10, mark)
        self.twice("m1_store", observe, recovers=lambda mark: self.sample(
            "m1_store", lambda s: s.get("clock_hour") == hour, BACK_OFF_S, mark))
        times = [s["t"] for s in self.samples("m1_store")]
        self.assertEqual(times, sorted(times))
        self.assertLess(times[-1] - times[0], 60000, "the gateway's own clock")
