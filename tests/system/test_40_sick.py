"""Sick devices beside healthy ones: they hurt themselves alone."""

import fake_plc
import harness

EVERY_MS = 100
SECONDS = 20


class Sick(harness.Scenario):
    def build(self):
        broker = self.broker()
        factory = self.pattern_factory(6, 20, f"{EVERY_MS} ms").broker(broker.port)
        words = fake_plc.words(20)
        sick = {"dribbles": fake_plc.FakePlc(self, fake_plc.one_byte_then_nothing, words),
                "mute": fake_plc.FakePlc(self, fake_plc.mute, words),
                "lies": fake_plc.FakePlc(self, fake_plc.lying_length, words)}
        ports = {"refuses": harness.reserve_port(), **{n: plc.port for n, plc in sick.items()}}
        for name, port in ports.items():
            factory.link(name, port, timeout="500 ms")
            factory.machine(name, name, "pattern.csv", every=f"{EVERY_MS} ms")
        return broker, factory, ports

    @harness.exclusive
    @harness.limit(90)
    def test_healthy_machines_keep_their_rate_beside_sick_ones(self):
        broker, factory, sick = self.build()
        watcher = self.subscriber(broker.port, topics=("lab/+/+/samples", "lab/+/+/status",
                                                       "lab/+/+/info"))
        self.simulator(factory)
        self.gateway(factory)
        for name in sick:
            watcher.wait_topic(f"/{name}/info", '"state":"offline"', timeout=20)
        start = watcher.mark()
        metronome = harness.Metronome(EVERY_MS)
        harness.let_pass(SECONDS)
        machine_late_ms = metronome.end()
        seen = watcher.since(start)
        for index in range(6):
            samples = [m for m in seen if m.topic.endswith(f"/p{index}/samples")]
            times = [int(m.json["t"]) for m in samples]
            self.assertEqual({m.json["q"] for m in samples}, {"good"})
            rate = (len(times) - 1) / (times[-1] - times[0]) * EVERY_MS
            self.assertAlmostEqual(rate, 1, delta=0.01, msg=f"p{index} lost its rate")
            late = harness.late_ms(times, EVERY_MS)
            self.assertLess(harness.p99(late), 20 + machine_late_ms,
                            f"p{index} is late at p99, the machine by {machine_late_ms:.1f} ms")
        self.check_sick(watcher, sick)

    def check_sick(self, watcher, sick):
        reasons = {"refuses": {"no-link"}, "mute": {"timeout"},
                   "dribbles": {"timeout", "bad-reply"}, "lies": {"timeout", "bad-reply"}}
        for name in sick:
            samples = watcher.samples(name)
            self.assertTrue(samples, f"{name} was never told to be bad")
            self.assertLess(len(samples), 12, f"{name}: one bad sample, then one a minute")
            for sample in samples:
                self.assertEqual(sample.json["q"], "bad")
                self.assertLessEqual(set(sample.json["bad"].values()), reasons[name] | {"no-link"})

    @harness.quick
    def test_a_reset_costs_slow_tags_one_beat(self):
        """Not their whole period: the next poll that is made reads them as well."""
        broker, factory = self.broker(), self.factory()
        plc = fake_plc.FakePlc(self, tables=fake_plc.words(2))
        factory.broker(broker.port).link("plc", plc.port)
        factory.machine("plc", "plc", [*harness.holding_words(1),
                                       *harness.holding_words(1, 1, tag="slow", every="1 h")])
        watcher = self.subscriber(broker.port)
        self.gateway(factory)
        watcher.wait_topic("/plc/now/slow", '"q":"good"')
        start = watcher.mark()
        plc.cut()
        watcher.wait_topic("/plc/now/slow", '"q":"bad"', start=start)
        watcher.wait_topic("/plc/now/slow", '"q":"good"', start=start)
