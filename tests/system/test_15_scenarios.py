"""Every scenario of the line, from a scene file and live: what it does is seen in the published
samples, the gateway survives it, and is well again within two polls and the wait then due."""

import contextlib
from decimal import Decimal

import harness
import line
import wire

RETURN_S = 12  # two polls, and the longest back-off with its share of chance


class Scenarios(harness.Scenario):
    def begin(self, links, scenario, start, duration, speed=1, every="200 ms"):
        """Broker, simulator with a scene, gateway, and who listens."""
        scene = self.dir / "scene"
        scene.write_text(f"{scenario} start={start} duration={duration}\n")
        broker = self.broker()
        self.made = line.factory(self, links, every).broker(broker.port)
        self.control = line.Control(self.dir / "control")
        self.sim = self.simulator(self.made, "--scene", scene, "--speed", speed,
                                  "--control", self.control.path, "--seed", 5)
        self.watcher = self.subscriber(broker.port, topics=("formlab/+/+/samples",
                                                            "formlab/+/+/status"))
        self.gw = self.gateway(self.made)
        self.scenario = scenario.split()[0]

    def samples(self, machine, start=0):
        return [m.json for m in self.watcher.samples(machine, start)]

    def sample(self, machine, fits, timeout=15, start=0, what="a sample"):
        return self.watcher.wait_for(
            lambda m: m.topic.endswith(f"/{machine}/samples") and fits(m.json),
            timeout, start, what=f"{machine}: {what}").json

    def well(self, machine, start=0, timeout=RETURN_S):
        """A sample in which all that was read is good."""
        return self.sample(machine, lambda s: "bad" not in s and s["q"] == "good", timeout, start,
                           "well again")

    def twice(self, machine, observe, live="", recovers=None, timeout=40):
        """The scene's turn, then the same live. `observe(mark)` sees it; then all is well."""
        recovers = recovers or (lambda mark: self.well(machine, mark))
        for how in ("scene", "live"):
            with self.subTest(scenario=self.scenario, how=how):
                if how == "live":
                    self.control.inject(f"{self.scenario} {live}")
                harness.wait_until(lambda: self.control.is_active(self.scenario), timeout,
                                   f"{self.scenario} from the {how}")
                observe(self.watcher.mark())
                self.control.clear()
                harness.wait_until(lambda: not self.control.is_active(self.scenario), 5,
                                   "the end of it")
                recovers(self.watcher.mark())
        self.assertTrue(self.gw.is_running())
        self.assertEqual(self.gw.stop(), 0)
        self.assertEqual(self.sim.stop(), 0)

    def check_served(self, *machines):
        oracle = line.Oracle(self.sim.journal, self.made.sections)
        for machine in machines:
            oracle.check(self, machine, self.samples(machine))

    def reason(self, machine, tag, reason):
        """Awaits a sample in which the tag is bad for this reason, and null."""
        def observe(mark):
            found = self.sample(machine, lambda s: s.get("bad", {}).get(tag) == reason, 20, mark,
                                f"{tag} bad for {reason}")
            self.assertIsNone(found[tag])
        return observe

    # --- process ---

    def alive(self, mark):
        """Production is slow to recover; the gateway goes on at once."""
        self.watcher.wait_for(lambda m: m.topic.endswith("/samples"), RETURN_S, mark, 5)

    def process(self, links, scenario, observe, live="", speed=60, recovers=None):
        self.begin(links, scenario, "120s", "36000s", speed, every="200 ms")
        self.twice(links[0], observe, live=live, recovers=recovers or self.alive)

    def awaits(self, machine, tag, fits, timeout=40):
        """An observation: the tag's value fits within so many seconds."""
        def observe(mark):
            self.sample(machine, lambda s: s.get(tag) is not None and fits(s[tag]), timeout,
                        max(0, mark - 5), f"{tag} as expected")
        return observe

    @harness.limit(120)
    def test_P01_jam(self):
        def observe(mark):
            self.awaits("m2_drive", "motor_current", lambda a: a >= Decimal("1.4"))(mark)
            self.awaits("m3_mill", "state", lambda state: state == "suspended")(mark)
            self.awaits("m2_drive", "fault_code", lambda code: code == "motor-overload")(mark)

        def reset(mark):
            link = wire.Wire(self.made.sections["link m2_conveyor"]["port"])

            def press():
                harness.let_pass(0.03)
                link.send(1, 5, 2, 0xFF00)
                with contextlib.suppress(OSError):
                    link.receive()
                return self.samples("m2_drive")[-1].get("fault_code") == "none"
            harness.wait_until(press, 40, "a motor that runs again")
            link.close()
        self.process(["m2_conveyor", "m3_mill"], "P01", observe, recovers=reset)

    @harness.limit(90)
    def test_P02_worn_bearing(self):
        def observe(mark):
            self.awaits("m2_drive", "motor_current", lambda a: Decimal("1") < a < Decimal("1.3"))(
                mark)
            self.awaits("m2_drive", "thermal_state", lambda t: t > 70)(mark)
            self.assertEqual(self.samples("m2_drive")[-1]["fault_code"], "none")
        self.process(["m2_conveyor"], "P02", observe)

    @harness.limit(90)
    def test_P03_tool_wear_ignored(self):
        def observe(mark):
            self.awaits("m3_mill", "tool_wear", lambda wear: wear >= 70)(mark)
            self.awaits("m3_mill", "vibration_rms", lambda v: v > 3)(mark)
        self.process(["m3_mill"], "P03", observe)

    @harness.limit(90)
    def test_P04_oven_seal(self):
        self.process(["m4_oven"], "P04 strength=2",
                     self.awaits("m4_oven", "chamber_temp", lambda t: 140 < t < 155),
                     live="strength=2")

    @harness.limit(90)
    def test_P05_heater_failed(self):
        def observe(mark):
            self.awaits("m4_oven", "chamber_temp", lambda t: t < 150)(mark)
            self.awaits("m3_mill", "state", lambda state: state == "suspended")(mark)
        self.process(["m4_oven", "m3_mill"], "P05", observe)

    @harness.limit(90)
    def test_P06_air_leak(self):
        def observe(mark):
            def load():
                seen = [s for s in self.samples("u1_compressor", mark) if s.get("run_seconds")]
                if not seen or seen[-1]["run_seconds"] - seen[0]["run_seconds"] < 600:
                    return None
                return ((seen[-1]["load_seconds"] - seen[0]["load_seconds"]) /
                        (seen[-1]["run_seconds"] - seen[0]["run_seconds"]))
            share = harness.wait_until(load, 40, "ten minutes of the compressor")
            self.assertTrue(Decimal("0.46") < share < Decimal("0.66"), share)
        self.process(["u1_compressor"], "P06", observe)

    @harness.limit(90)
    def test_P07_cobot_slowed(self):
        self.process(["m5_cobot"], "P07 strength=2",
                     self.awaits("m5_cobot", "last_cycle", lambda c: c in (12, 18)),
                     live="strength=2")

    @harness.limit(90)
    def test_P08_transport_down(self):
        def observe(mark):
            self.awaits("m7_amr", "state", lambda state: state == "error")(mark)
            self.awaits("m7_amr", "error_code", lambda code: code == 100)(mark)

            def stands():
                states = [s["state"] for s in self.samples("m3_mill", mark) if s.get("state")]
                return len(states) > 30 and set(states[-20:]) == {"suspended"}
            harness.wait_until(stands, 40, "a line that is blocked")
        self.process(["m7_amr", "m3_mill"], "P08", observe)

    @harness.limit(90)
    def test_P09_battery_low(self):
        def observe(mark):
            self.awaits("m7_amr", "battery_level", lambda b: b <= 15)(mark)
            self.awaits("m7_amr", "state", lambda state: state == "ready")(mark)
        self.process(["m7_amr"], "P09", observe, speed=20)

    @harness.limit(90)
    def test_P10_camera_out_of_focus(self):
        def observe(mark):
            first = self.samples("m6_vision")[0]["rejects_total"]
            self.awaits("m6_vision", "rejects_total", lambda n: (int(n) - int(first)) % 10000 > 4)(
                mark)
        self.process(["m6_vision"], "P10 strength=10", observe, live="strength=10")

    @harness.limit(90)
    def test_P11_emergency_stop(self):
        def observe(mark):
            for machine, tag in (("m1_store", "state"), ("m2_conveyor", "state"),
                                 ("m3_mill", "state"), ("m4_oven", "state"),
                                 ("m5_cobot", "packml_state")):
                self.awaits(machine, tag, lambda state: state == "aborted")(mark)
            self.awaits("m1_store", "power", lambda w: w == 80)(mark)
            self.awaits("m2_conveyor", "speed_actual", lambda v: v == 0)(mark)
            self.awaits("u1_compressor", "power", lambda w: w >= 440)(mark)
        self.process(["m3_mill", "m1_store", "m2_conveyor", "m4_oven", "m5_cobot",
                      "u1_compressor"], "P11", observe, speed=10,
                     recovers=lambda mark: self.sample(
                         "m3_mill", lambda s: s.get("state") == "execute", 60, mark))

    @harness.limit(90)
    def test_P12_cold_start(self):
        self.process(["m4_oven"], "P12", self.awaits(
            "m4_oven", "chamber_temp", lambda t: t < 120))

    @harness.limit(90)
    def test_P13_class_enters(self):
        def observe(mark):
            harness.wait_until(lambda: self.control.status()["lines"][0]["co2_ppm"] > 900, 40,
                               "stale air")
            self.awaits("u3_climate", "relative_humidity", lambda rh: rh > 44)(mark)
        self.process(["u3_climate"], "P13", observe)

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
        self.twice("m1_store", observe, recovers=lambda mark: self.sample(
            "m1_store", lambda s: s.get("state") is not None, RETURN_S, mark))
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
        self.twice("m2_conveyor", observe)
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
        self.twice("u1_compressor", observe)
        self.check_served("u1_compressor")

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
        self.twice("m3_mill", observe)
        self.check_served("m3_mill")

    @harness.limit(120)
    def test_X02_wrong_transaction(self):
        self.begin(["u2_meter"], "X02", "3s", "60s", every="500 ms")

        def observe(mark):
            self.sample("u2_meter", lambda s: s["q"] != "good", 20, mark, "discarded")
            self.sample("u2_meter", lambda s: s["q"] == "good", 20, mark, "in step again")
        self.twice("u2_meter", observe)
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
        self.sample("m4_oven", lambda s: set(s.get("bad", {})) <= {"cure_remaining"}, RETURN_S,
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
        self.twice("m2_drive", observe)
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
        self.twice("m3_mill", observe, recovers=recovers)
        self.check_served("m3_mill")

    @harness.limit(90)
    def test_X06_firmware_swaps_words(self):
        self.begin(["m1_store"], "X06", "4s", "60s")

        def observe(mark):
            seen = self.sample("m1_store", lambda s: (s.get("power") or 80) not in (80, 350), 15,
                               mark, "a swapped power")
            self.assertEqual(seen["q"], "uncertain")
        self.twice("m1_store", observe, recovers=lambda mark: self.sample(
            "m1_store", lambda s: s.get("power") in (80, 350), RETURN_S, mark))
        self.check_served("m1_store")

    @harness.limit(90)
    def test_X07_scale_factor(self):
        self.begin(["u5_pv"], "X07", "8s", "60s", every="400 ms")

        def observe(mark):
            seen = self.sample("u5_pv", lambda s: s.get("w_sf") == 1, 15, mark, "the exponent")
            self.assertGreater(seen["w"], 0)
        self.twice("u5_pv", observe, recovers=lambda mark: self.sample(
            "u5_pv", lambda s: s.get("w_sf") == 0, RETURN_S, mark))
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
        self.twice("m5_cobot", observe)
        self.check_served("m5_cobot")

    @harness.limit(60)
    def test_X09_invalid_bcd(self):
        self.begin(["m6_vision"], "X09", "3s", "60s")
        self.twice("m6_vision", self.reason("m6_vision", "rejects_total", "bad-encoding"))
        self.assertNotIn(4772, [s.get("rejects_total") for s in self.samples("m6_vision")])

    # --- sensors ---

    @harness.limit(60)
    def test_D01_sensor_break(self):
        self.begin(["m4_oven"], "D01", "3s", "60s")
        self.well_oven(0)

        def observe(mark):
            self.reason("m4_oven", "chamber_temp", "sentinel")(mark)
            self.sample("m4_oven", lambda s: s["sensor_status"] == "open", 10, mark)
        self.twice("m4_oven", observe, recovers=self.well_oven)
        values = [s["chamber_temp"] for s in self.samples("m4_oven")]
        self.assertGreater(min(v for v in values if v is not None), 100)

    @harness.limit(60)
    def test_D02_stuck_sensor(self):
        self.begin(["m4_oven"], "D02", "120s", "1200s", speed=60)

        def observe(mark):
            first = self.sample("m4_oven", lambda s: True, 10, mark + 2)["chamber_temp"]
            found = self.watcher.wait_for(lambda m: m.topic.endswith("/m4_oven/samples"), 20,
                                          mark + 3, 20)
            self.assertEqual({m.json["chamber_temp"] for m in found}, {first})
            self.assertGreater(len({m.json["heater_output"] for m in found}), 1)
        self.twice("m4_oven", observe, recovers=lambda mark: harness.wait_until(
            lambda: len({s["chamber_temp"] for s in self.samples("m4_oven", mark)}) > 3,
            RETURN_S, "a temperature that moves"))

    @harness.limit(60)
    def test_D03_drift(self):
        self.begin(["m3_mill"], "D03 strength=20", "60s", "36000s", speed=60)

        def observe(mark):
            self.sample("m3_mill", lambda s: (s.get("vibration_rms") or 0) > 1.9, 60, mark,
                        "a vibration that no wear explains")
            self.assertLess(self.sample("m3_mill", lambda s: "tool_wear" in s, 10, mark)
                            ["tool_wear"], 100)
        self.twice("m3_mill", observe, live="strength=20", recovers=lambda mark: self.sample(
            "m3_mill", lambda s: 0 <= (s.get("vibration_rms") or 9) < 0.5, 30, mark))

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
        self.begin(["m3_mill"], "D06", "3s", "60s")

        def observe(mark):
            harness.wait_until(lambda: max(
                [abs(s["vibration_rms"]) for s in self.samples("m3_mill", mark)
                 if s.get("vibration_rms") is not None], default=0) > 3, 20, "noise")
        self.twice("m3_mill", observe)

    # --- counters ---

    @harness.limit(90)
    def test_C01_counter_wraps(self):
        self.begin(["m4_oven"], "C01", "120s", "7200s", speed=60)

        def observe(mark):
            self.sample("m4_oven", lambda s: s["batches_total"] == 65535, 20, max(0, mark - 5))
            seen = self.sample("m4_oven", lambda s: s["batches_total"] < 10, 30, mark)
            self.assertEqual((int(seen["batches_total"]) - 65535) % 65536, 1)
        self.twice("m4_oven", observe, recovers=self.well_oven)

    @harness.limit(60)
    def test_C02_zero_bounce(self):
        self.begin(["m4_oven"], "C02", "4s", "2s")
        first = self.sample("m4_oven", lambda s: True)["energy"]

        def observe(mark):
            self.sample("m4_oven", lambda s: s["energy"] == 0, 10, max(0, mark - 3), "zero")
        self.twice("m4_oven", observe, recovers=lambda mark: self.sample(
            "m4_oven", lambda s: first <= s["energy"] < first + 60, RETURN_S, mark, "back"))

    @harness.limit(60)
    def test_C03_meter_replaced(self):
        self.begin(["m4_oven"], "C03", "60s", "7200s", speed=60)

        def observe(mark):
            seen = self.sample("m4_oven", lambda s: s["energy"] < 1000, 20, max(0, mark - 5))
            self.assertGreaterEqual(seen["energy"], 17)
            self.sample("m4_oven", lambda s: seen["energy"] < s["energy"] < 2000, 20, mark)
        self.twice("m4_oven", observe, recovers=self.well_oven)

    @harness.limit(60)
    def test_C04_clock_ahead(self):
        self.begin(["m1_store"], "C04", "5s", "60s")
        hour = self.sample("m1_store", lambda s: "clock_hour" in s)["clock_hour"]

        def observe(mark):
            self.sample("m1_store", lambda s: s.get("clock_hour") == hour + 1, 10, mark)
        self.twice("m1_store", observe, recovers=lambda mark: self.sample(
            "m1_store", lambda s: s.get("clock_hour") == hour, RETURN_S, mark))
        times = [s["t"] for s in self.samples("m1_store")]
        self.assertEqual(times, sorted(times))
        self.assertLess(times[-1] - times[0], 60000, "the gateway's own clock")
