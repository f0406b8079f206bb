"""Nothing is there at the start: it starts, says so, and heals when they come."""

import harness


class Absent(harness.Scenario):
    def build(self):
        port = harness.reserve_port()
        return port, self.pattern_factory(2, 5, "100 ms").broker(port)

    def check_broker_said(self, gateway):
        gateway.wait_line(r"^<[34]>publisher broker=\S+ event=failed reason=", 5)

    def check_link_said(self, gateway):
        for name in ("p0", "p1"):
            gateway.wait_line(rf"^<[34]>poller machine={name} event=lost reason=(refused|no-link)", 5)

    def check_healthy(self, watcher, start=0):
        for name in ("p0", "p1"):
            watcher.wait_topic(f"/{name}/status", "^online$", timeout=20, start=start)
            watcher.wait_for(lambda m, name=name: m.topic.endswith(f"/{name}/samples")
                             and m.json["q"] == "good", 20, start=start)

    @harness.quick
    def test_the_broker_is_absent(self):
        port, factory = self.build()
        self.simulator(factory)
        gateway = self.gateway(factory)
        self.check_broker_said(gateway)
        rows = harness.wait_until(
            lambda: harness.journal_rows(factory.journal_path), 5, "a first sample")
        self.broker(port=port)
        watcher = self.subscriber(port)
        self.check_healthy(watcher)
        watcher.wait_for(lambda m: m.topic.endswith("/samples") and "late" in m.json
                         and m.json["seq"] == rows[0][0], what="the first sample, late")

    @harness.quick
    def test_the_plc_is_absent(self):
        port, factory = self.build()
        self.broker(port=port)
        watcher = self.subscriber(port)
        gateway = self.gateway(factory)
        self.check_link_said(gateway)
        for name in ("p0", "p1"):
            watcher.wait_topic(f"/{name}/status", "^offline$", timeout=15)
            bad = watcher.wait_topic(f"/{name}/samples", timeout=5)
            self.assertEqual(bad.json["q"], "bad")
            self.assertEqual(set(bad.json["bad"].values()), {"no-link"})
            watcher.wait_for(lambda m, name=name: m.topic.endswith(f"/{name}/info")
                             and m.json["state"] == "offline" and m.json["reason"] == "no-link")
        start = watcher.mark()
        self.simulator(factory)
        self.check_healthy(watcher, start)

    @harness.quick
    def test_both_are_absent(self):
        port, factory = self.build()
        gateway = self.gateway(factory)
        self.check_broker_said(gateway)
        self.check_link_said(gateway)
        self.simulator(factory)
        self.broker(port=port)
        self.check_healthy(self.subscriber(port))
        self.assertLess(len(gateway.lines), 60, "one line a change of state, not one a try")
