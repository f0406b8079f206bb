"""Four units behind one address, one silent, one that its gateway cannot reach: the living keep
their rate, the dead are told apart and probed ever more rarely."""

import fake_plc
import harness

EVERY_MS = 100
SILENT, PATHLESS = 2, 3
LIVING = (1, 4)


class SharedLine(harness.Scenario):
    def start(self):
        def behave(plc, connection, request):
            if request.unit == PATHLESS and plc.is_sick:
                connection.sendall(fake_plc.exception(request, 0x0b))
            elif request.unit != SILENT or not plc.is_sick:
                fake_plc.healthy(plc, connection, request)

        broker, factory = self.broker(), self.factory()
        plc = fake_plc.FakePlc(self, behave, fake_plc.words(5))
        plc.is_sick = True
        factory.broker(broker.port).link("line", plc.port, timeout="300 ms")
        table = factory.map("words.csv", harness.holding_words(5))
        for unit in (1, 2, 3, 4):
            factory.machine(f"u{unit}", "line", table, unit_id=unit, every=f"{EVERY_MS} ms")
        watcher = self.subscriber(broker.port)
        self.gateway(factory)
        return plc, watcher

    @staticmethod
    def gaps(plc, unit):
        """Seconds between the requests to that unit."""
        with plc.lock:
            times = [request.time for request in plc.requests if request.unit == unit]
        return [later - earlier for earlier, later in zip(times, times[1:])]

    def check_rates(self, samples):
        for unit in LIVING:
            mine = [m for m in samples if m.topic.endswith(f"/u{unit}/samples")]
            self.assertEqual({m.json["q"] for m in mine}, {"good"}, f"u{unit}")
            times = [int(m.json["t"]) for m in mine]
            rate = (len(times) - 1) * EVERY_MS / (times[-1] - times[0])
            if not harness.IS_SANITIZED:
                # One timeout of 300 ms each time the silent one is probed, and no more.
                self.assertGreater(rate, 0.9, f"u{unit} lost its rate to the dead ones")

    @harness.quick
    @harness.limit(120)
    def test_the_living_keep_their_rate_beside_a_silent_and_a_pathless_unit(self):
        plc, watcher = self.start()
        for unit in (SILENT, PATHLESS):
            watcher.wait_topic(f"/u{unit}/event/link-lost", timeout=30)
        start = watcher.mark()
        harness.let_pass(15)
        self.check_rates(watcher.samples(start=start))
        reasons = {unit: {reason for m in watcher.samples(f"u{unit}")
                          for reason in m.json["bad"].values()} for unit in (SILENT, PATHLESS)}
        self.assertEqual(reasons, {SILENT: {"timeout"}, PATHLESS: {"exception-11"}},
                         "silence and the answer of a gateway are told apart")
        for unit in (SILENT, PATHLESS):
            gaps = self.gaps(plc, unit)
            self.assertGreaterEqual(len(gaps), 3)
            self.assertLess(len(gaps), 12, f"u{unit} is asked at every beat")
            for shorter, longer in zip(gaps, gaps[2:]):
                self.assertGreater(longer, shorter * 1.3, f"u{unit}: intervals do not grow {gaps}")
        # A timeout ends its connection, so that the late answer dies with it; exception 11 does
        # not. Nothing else connects anew.
        silences = len(self.gaps(plc, SILENT)) + 1
        self.assertLessEqual(abs(plc.connections - 1 - silences), 1)

    @harness.limit(120)
    def test_both_come_back_by_themselves(self):
        plc, watcher = self.start()
        for unit in (SILENT, PATHLESS):
            watcher.wait_topic(f"/u{unit}/event/link-lost", timeout=30)
        plc.is_sick = False
        start = watcher.mark()
        for unit in (SILENT, PATHLESS):
            watcher.wait_topic(f"/u{unit}/samples", '"q":"good"', timeout=40, start=start)
            watcher.wait_topic(f"/u{unit}/status", "^online$", timeout=5, start=start)
            watcher.wait_topic(f"/u{unit}/event/link-back", timeout=5, start=start)
        watcher.wait_topic(f"/u{SILENT}/samples", count=20, start=watcher.mark())
