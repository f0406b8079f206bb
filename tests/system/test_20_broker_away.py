"""The broker goes for a minute and comes back: nothing lost, in order, newest stays newest."""

import harness

OUTAGE_S = 10 if harness.IS_SANITIZED else 60


class BrokerAway(harness.Scenario):
    """D11, D17: what the broker missed comes later, in order of seq."""

    def start(self):
        self.port = harness.reserve_port()
        factory = self.pattern_factory(10, 20, "200 ms").broker(self.port)
        factory.set("broker", url=f"mqtt://127.0.0.1:{self.port}")
        broker = self.broker(port=self.port)
        watcher = self.subscriber(self.port, is_durable=True)
        self.simulator(factory)
        return factory, broker, watcher, self.gateway(factory)

    def check_newest(self, watcher):
        """No retained topic ever shows something older than it did before."""
        newest = {}
        for message in watcher.since():
            is_now = "/now/" in message.topic
            if not is_now and message.leaf != "snapshot":
                continue
            age = message.json["t"] if is_now else message.json["seq"]
            self.assertGreaterEqual(age, newest.get(message.topic, 0),
                                    f"{message.topic} went back: {message.text[:200]}")
            newest[message.topic] = age
            self.assertNotIn("late", message.json)
        self.assertGreater(len(newest), 200)

    @harness.quick
    @harness.limit(170)
    def test_a_minute_without_broker_under_load_loses_nothing(self):
        factory, broker, watcher, gateway = self.start()
        watcher.wait_for(lambda m: m.topic.endswith("/samples"), 30, count=400)
        before_kib = gateway.rss_kib()
        self.assertEqual(broker.stop(), 0)
        harness.let_pass(OUTAGE_S)
        missed = harness.journal_rows(factory.journal_path)[-1][0]
        resumed = watcher.mark()
        self.broker(port=self.port, name="broker")
        watcher.wait_for(lambda m: m.topic.endswith("/samples")
                         and harness.identity(m.text)[0] > missed, 30, start=resumed,
                         what="a sample taken after the outage")
        grown_kib = gateway.rss_kib() - before_kib
        self.assertEqual(gateway.stop(), 0)
        rows = harness.journal_rows(factory.journal_path)
        last = rows[-1][0]
        watcher.wait_for(lambda m: m.topic.endswith("/samples")
                         and harness.identity(m.text)[0] == last, start=resumed)
        repeats = self.assert_all_delivered(rows, [m.text for m in watcher.samples()])
        self.assertLessEqual(repeats, 200, "more repeats than the window of one lost connection")
        self.assertEqual([row[0] for row in rows], list(range(1, last + 1)))
        self.check_rate(rows)
        self.check_late(watcher, resumed)
        self.check_newest(watcher)
        if not harness.IS_SANITIZED:
            self.assertLessEqual(grown_kib, 5 * 1024, "the gateway's memory grew")

    def check_rate(self, rows):
        """Polling never noticed: 50 samples a second, in the outage as before and after."""
        times = sorted(int(harness.exact_json(row[2])["t"]) for row in rows)
        rate = (len(times) - 1) * 1000 / (times[-1] - times[0])
        if not harness.IS_SANITIZED:
            self.assertAlmostEqual(rate, 50, delta=0.5)

    def check_late(self, watcher, resumed):
        """What waited says so, what did not does not; the drain is announced with its range."""
        late = [m.json for m in watcher.samples(start=resumed) if "late" in m.json]
        self.assertGreater(len(late), 45 * OUTAGE_S)
        drained = watcher.wait_topic("event/backlog-drained", start=resumed)
        self.assertGreaterEqual(drained.json["count"], len(late) * 9 // 10)
        self.assertGreaterEqual(drained.json["to"], drained.json["from"])
        newest = max(sample["seq"] for sample in late)
        prompt = [m.json for m in watcher.samples(start=resumed) if m.json["seq"] > newest]
        self.assertTrue(prompt, "all samples are late for ever")
