"""An exception is an answer: the connection stays, neighbours go on, a refusal heals."""

import fake_plc
import harness


class Exceptions(harness.Scenario):
    """D9: an exception is an answer."""

    @harness.quick
    def test_no_exception_reconnects(self):
        broker, factory = self.broker(), self.factory()
        factory.broker(broker.port)
        table = factory.map("words.csv", harness.holding_words(5))
        plcs = {}
        for code in (1, 2, 3, 4, 5, 6, 10, 11):
            plcs[code] = fake_plc.FakePlc(self, fake_plc.refusing(code), fake_plc.words(5))
            factory.link(f"x{code}", plcs[code].port)
            factory.machine(f"x{code}", f"x{code}", table, every="100 ms")
        watcher = self.subscriber(broker.port)
        self.gateway(factory)
        for code, plc in plcs.items():
            sample = watcher.wait_topic(f"/x{code}/samples")
            self.assertEqual(sample.json["q"], "bad")
            self.assertEqual(set(sample.json["bad"].values()), {f"exception-{code}"})
        # Two seconds of beats for all of them, by the clock of the busy one.
        watcher.wait_topic("/x6/samples", count=20)
        for code, plc in plcs.items():
            self.assertEqual(plc.connections, 1, f"exception {code} made it connect again")
            self.assertGreaterEqual(len(plc.requests), 2, f"exception {code} ended polling")

    @harness.quick
    def test_one_refused_register_takes_no_neighbour_along(self):
        broker, factory = self.broker(), self.factory()
        holes = {"holding": {a: a for a in range(60) if a not in (17, 18, 44)}}
        plc = fake_plc.FakePlc(self, tables=holes)
        factory.broker(broker.port).link("holes", plc.port)
        factory.machine("holes", "holes", harness.holding_words(60), every="100 ms")
        watcher = self.subscriber(broker.port)
        self.gateway(factory)
        samples = watcher.wait_topic("/holes/samples", count=20)
        for message in samples:
            self.assertEqual(message.json["q"], "uncertain")
            self.assertEqual(message.json["bad"],
                             {f"w{a}": "exception-2" for a in (17, 18, 44)}
                             if message is samples[0] else message.json["bad"])
            self.assertEqual(message.json["w16"], 16)
            self.assertEqual(message.json["w59"], 59)
        self.assertEqual(plc.connections, 1)
        info = watcher.wait_for(lambda m: m.topic.endswith("/holes/info") and "17" in m.text)
        self.assertIn("holding", info.text, "the status names table and address")
        # Bisected once, then left alone: the pace of requests is that of the pieces.
        asked = [r for r in plc.requests[-40:] if r.address <= 17 < r.address + r.count]
        self.assertFalse(asked, "the refused register is asked for at every beat")

    @harness.limit(120)
    def test_a_refused_register_heals_within_a_minute(self):
        broker, factory = self.broker(), self.factory()
        plc = fake_plc.FakePlc(self, tables={"holding": {a: a for a in range(10) if a != 4}})
        factory.broker(broker.port).link("heals", plc.port)
        factory.machine("heals", "heals", harness.holding_words(10), every="200 ms")
        watcher = self.subscriber(broker.port)
        self.gateway(factory)
        watcher.wait_for(lambda m: m.topic.endswith("/samples")
                         and m.json["bad"] == {"w4": "exception-2"})
        with plc.lock:
            plc.tables["holding"][4] = 4444
        healed = watcher.wait_for(lambda m: m.topic.endswith("/samples") and m.json["q"] == "good",
                                  75)
        self.assertEqual(healed.json["w4"], 4444)
        self.assertEqual(plc.connections, 1)
