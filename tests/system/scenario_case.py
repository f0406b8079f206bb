"""What the tests of the line's scenarios share: a scene, then the same live, and how it ends."""

import time

import harness
import line

BACK_OFF_S = 12  # the longest back-off of a link, with its share of chance
SLACK_S = 1.5    # of a loaded machine: from the device's answer to the subscriber


class ScenarioCase(harness.Scenario):
    def begin(self, links, scenario, start, duration, speed=1, every="200 ms", before=(),
              topics=(), options=()):
        """Broker, simulator with a scene, gateway, and who listens. `before`: lines of the scene
        that stand before the scenario's. `options`: the gateway's."""
        scene = self.dir / "scene"
        scene.write_text("\n".join([*before, f"{scenario} start={start} duration={duration}", ""]))
        self.every_s, self.speed = float(every.split()[0]) / (1000 if "ms" in every else 1), speed
        broker = self.broker()
        self.made = line.factory(self, links, every, is_fast=speed >= 60).broker(broker.port)
        self.control = line.Control(self.dir / "control")
        self.sim = self.simulator(self.made, "--scene", scene, "--speed", speed,
                                  "--control", self.control.path, "--seed", 5)
        self.watcher = self.subscriber(broker.port, topics=("formlab/+/+/samples",
                                                            "formlab/+/+/status", *topics))
        self.gw = self.gateway(self.made, *options)
        self.scenario = scenario.split()[0]

    def samples(self, machine, start=0):
        return [m.json for m in self.watcher.samples(machine, start)]

    def sample(self, machine, fits, timeout=15, start=0, what="a sample"):
        return self.watcher.wait_for(
            lambda m: m.topic.endswith(f"/{machine}/samples") and fits(m.json),
            timeout, start, what=f"{machine}: {what}").json

    def well(self, machine, start=0, timeout=BACK_OFF_S):
        """A sample in which all that was read is good."""
        return self.sample(machine, lambda s: "bad" not in s and s["q"] == "good", timeout, start,
                           "well again")

    def activate(self, how, line_of_it, timeout):
        """Awaits the scene's turn, or injects; `since_ms` is when it began, by the wall clock."""
        if how == "live":
            self.control.inject(line_of_it)
        harness.wait_until(lambda: self.control.is_active(self.scenario), timeout,
                           f"{self.scenario} from the {how}")
        entry = next(entry for entry in self.control.status()["active"]
                     if entry["scenario"] == self.scenario)
        self.since_ms, self.fault = entry["since"], entry["id"]
        return self.watcher.mark()

    def clear(self):
        self.control.clear(self.fault)  # and nothing else of the scene
        harness.wait_until(lambda: not self.control.is_active(self.scenario), 5, "the end of it")
        self.cleared = time.monotonic()
        return self.watcher.mark()

    def in_time(self, waits_s):
        """Two poll periods and the wait then due, after the scenario's end, are not over yet."""
        took_s = time.monotonic() - self.cleared
        self.assertLess(took_s, (2 * self.every_s + waits_s + SLACK_S) * harness.PATIENCE,
                        "back, but too late")

    def twice(self, machine, observe, live="", recovers=None, timeout=40, waits_s=0.0):
        """The scene's turn, then the same live. `observe(mark)` sees it; then all is well, within
        two polls and what then is waited for: a back-off, or nothing."""
        recovers = recovers or (lambda mark: self.well(machine, mark))
        for how in ("scene", "live"):
            with self.subTest(scenario=self.scenario, how=how):
                observe(self.activate(how, f"{self.scenario} {live}", timeout))
                recovers(self.clear())
                self.in_time(waits_s)
        self.end()

    def end(self):
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

    # What a consumer makes of counters, from the published samples.

    @staticmethod
    def total(values, width, most):
        """What a counter of that width has counted. A step back is a wrap when the new value is
        reached by few; else it is no energy: the new base counts once it is confirmed. A step of
        more than `most` is none either."""
        total, base, suspect = 0, None, None
        for value in (int(value) for value in values):
            if base is None:
                base = value
            step = (value - base) % (1 << width)
            if step <= most:
                total, base, suspect = total + step, value, None
            elif suspect is not None and 0 <= value - suspect <= most:
                total, base, suspect = total + value - suspect, value, None
            else:
                suspect = value
        return total

    def counts(self, machine, tag):
        """The values of a counter, in order, without those that are missing."""
        return [s[tag] for s in self.samples(machine) if s.get(tag) is not None]
