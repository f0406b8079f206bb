"""The same unit id on two PLCs: one dies, the other does not notice."""

import fake_plc
import harness


class SameUnit(harness.Scenario):
    """D1: what is known of a unit belongs to its link."""

    @harness.exclusive
    def test_one_dies_the_other_keeps_its_rate(self):
        broker, factory = self.broker(), self.factory()
        table = factory.map("words.csv", harness.holding_words(5))
        plcs = {name: fake_plc.FakePlc(self, tables=fake_plc.words(5)) for name in ("one", "two")}
        factory.broker(broker.port)
        for name, plc in plcs.items():
            factory.link(name, plc.port, timeout="300 ms")
            factory.machine(name, name, table, unit_id=7, every="100 ms")
        watcher = self.subscriber(broker.port)
        self.gateway(factory)
        for name in plcs:
            watcher.wait_topic(f"/{name}/samples", count=10)
        plcs["one"].behave = fake_plc.mute
        watcher.wait_topic("/one/event/link-lost")
        start = watcher.mark()
        watcher.wait_topic("/two/samples", start=start, count=80, timeout=12)
        times = [int(m.json["t"]) for m in watcher.samples("two", start)]
        rate = (len(times) - 1) * 100 / (times[-1] - times[0])
        self.assertAlmostEqual(rate, 1, delta=0.02)

    @harness.quick
    def test_one_unit_dies_behind_a_shared_link(self):
        """Behind one connection the dead unit may cost a probe now and then, not its timeout
        at every beat."""
        broker, factory = self.broker(), self.factory()

        def behave(plc, connection, request):
            if request.unit != 2 or plc.is_alive:
                fake_plc.healthy(plc, connection, request)
        plc = fake_plc.FakePlc(self, behave, fake_plc.words(5))
        plc.is_alive = True
        factory.broker(broker.port).link("shared", plc.port, timeout="300 ms")
        table = factory.map("words.csv", harness.holding_words(5))
        for unit in (1, 2, 3):
            factory.machine(f"u{unit}", "shared", table, unit_id=unit, every="100 ms")
        watcher = self.subscriber(broker.port)
        self.gateway(factory)
        for unit in (1, 2, 3):
            watcher.wait_topic(f"/u{unit}/samples", count=3)
        plc.is_alive = False
        watcher.wait_topic("/u2/event/link-lost", timeout=30)
        start = watcher.mark()
        harness.let_pass(10)
        for unit in (1, 3):
            good = [m for m in watcher.samples(f"u{unit}", start) if m.json["q"] == "good"]
            if not harness.IS_SANITIZED:
                self.assertGreater(len(good), 60, f"u{unit} has lost its time to the dead unit")
        plc.is_alive = True
        watcher.wait_topic("/u2/status", "^online$", timeout=40, start=start)

    @harness.quick
    def test_one_lost_reply_is_no_lost_machine(self):
        """The beats that the pause before the next probe holds back are no polls: neither
        failed nor counted."""
        broker, factory = self.broker(), self.factory()

        def behave(plc, connection, request):
            if request.unit == 2 and plc.is_losing:
                plc.is_losing = False
            else:
                fake_plc.healthy(plc, connection, request)
        plc = fake_plc.FakePlc(self, behave, fake_plc.words(5))
        plc.is_losing = False
        factory.broker(broker.port).link("shared", plc.port, timeout="300 ms")
        table = factory.map("words.csv", harness.holding_words(5))
        for unit in (1, 2):
            factory.machine(f"u{unit}", "shared", table, unit_id=unit, every="100 ms")
        watcher = self.subscriber(broker.port)
        self.gateway(factory)
        watcher.wait_topic("/u2/samples", count=3)
        start = watcher.mark()
        plc.is_losing = True
        bad = watcher.wait_topic("/u2/samples", '"q":"bad"', start=start)
        self.assertEqual(set(bad.json["bad"].values()), {"timeout"})
        watcher.wait_topic("/u2/samples", '"q":"good"', start=watcher.mark())
        stats = watcher.wait_topic("/gw1/stats", '"errors":[1-9]', start=start)
        self.assertEqual(stats.json["errors"], 1)
        self.assertFalse([message for message in watcher.since(start)
                          if message.topic.endswith("/link-lost") or message.text == "offline"])
