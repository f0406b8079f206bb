"""N03 and N04, the two scenarios of the line that concern the broker: it stops, it is slow. Whoever
runs the broker lets them happen; here it is the test, once from the start and once live."""

import audit_broker
import harness
import line
from audit_broker import AuditBroker

OUTAGE_S = 8
SLOW_S = 9


class BrokerScenarios(harness.Scenario):
    def begin(self, port):
        """The simulated mill and oven at 60 times their speed, 20 samples a second."""
        self.made = line.factory(self, ["m3_mill", "m4_oven"], "100 ms").broker(port)
        self.sim = self.simulator(self.made, "--speed", 60, "--seed", 5)
        self.gw = self.gateway(self.made)

    def rows(self, after=0):
        return harness.journal_rows(self.made.journal_path, after)

    def last_row(self):
        rows = self.rows() if self.made.journal_path.exists() else []
        return rows[-1][0] if rows else 0

    def times(self, rows):
        return [int(harness.exact_json(row[2])["t"]) for row in rows]

    def check_pace(self, rows):
        """Polling never noticed: 20 samples a second, no gap of a second."""
        times = sorted(self.times(rows))
        gaps = [after - before for before, after in zip(times, times[1:])]
        self.assertLess(max(gaps), 1000, "polling stood still")
        rate = (len(times) - 1) * 1000 / (times[-1] - times[0])
        self.assertAlmostEqual(rate, 20, delta=2)

    # --- N03 ---

    @harness.limit(120)
    def test_N03_broker_cut(self):
        """Nothing is lost; what waited comes in order, with its own time, and says it is late."""
        port = harness.reserve_port()
        self.broker_now = self.broker(port=port)
        self.watcher = self.subscriber(port, topics=("formlab/+/+/samples",), is_durable=True)
        self.assertEqual(self.broker_now.stop(), 0)  # from the start
        self.begin(port)
        self.outage(port, since=0)
        self.assertEqual(self.broker_now.stop(), 0)  # live
        self.outage(port, since=self.last_row())
        self.assertEqual(self.gw.stop(), 0)
        rows = self.rows()
        self.watcher.wait_for(lambda m: m.topic.endswith("/samples")
                              and harness.identity(m.text)[0] == rows[-1][0], 10)
        self.assert_all_delivered(rows, [m.text for m in self.watcher.samples()])
        self.assertEqual([row[0] for row in rows], list(range(1, len(rows) + 1)))
        self.check_pace(rows)
        self.assertEqual(self.sim.stop(), 0)

    def outage(self, port, since):
        """The broker is away; the journal grows; then it comes back, and the backlog with it."""
        harness.wait_until(lambda: self.last_row() > since + 20 * OUTAGE_S, 3 * OUTAGE_S,
                           "a journal that grows")
        missed = self.last_row()
        self.broker_now = self.broker(port=port)
        self.watcher.wait_for(lambda m: m.topic.endswith("/samples")
                              and harness.identity(m.text)[0] > missed + 20, 30,
                              what="a sample taken after the outage")
        arrived = [m for m in self.watcher.samples()
                   if since + 20 < harness.identity(m.text)[0] <= missed - 20]
        self.assertGreater(len(arrived), 20 * OUTAGE_S - 60)
        for message in arrived:
            self.assertTrue(message.json.get("late"), message.text[:120])
            self.assertGreater(message.wall * 1000 - int(message.json["t"]), 1000,
                               "the time is that of the reading, not of the sending")
        rows = {row[0]: row[2] for row in self.rows(since)}
        for message in arrived:
            self.assertEqual(rows[harness.identity(message.text)[0]],
                             harness.without_late(message.text))

    # --- N04 ---

    @harness.limit(120)
    def test_N04_slow_broker(self):
        """Each PUBACK takes 2 s: the window is bounded, polling goes on, nothing is lost."""
        self.pending, self.most_pending = {}, 0
        self.audit = AuditBroker(self, self.judge_slow, receive_maximum=20)
        self.begin(self.audit.port)  # slow from the start
        self.slow_spell()
        self.audit.judge = lambda publish: audit_broker.ACK
        self.caught_up()
        self.audit.judge = self.judge_slow  # live
        self.slow_spell()
        self.audit.judge = lambda publish: audit_broker.ACK
        self.caught_up()
        self.assertEqual(self.gw.stop(), 0)
        rows = self.rows()
        repeats = self.assert_all_delivered(rows, self.audit.payloads())
        self.assertEqual(repeats, 0, "a slow acknowledgement is no reason to repeat")
        self.assertEqual(self.audit.connections, 1, "nor to connect again")
        self.check_pace(rows)
        self.assertEqual(self.sim.stop(), 0)

    def judge_slow(self, publish):
        """Counts what is on its way: everything that came within the last 2 s."""
        now = publish.time
        self.pending[publish.number] = now
        self.pending = {number: came for number, came in self.pending.items()
                        if now - came < audit_broker.LATE_S * 0.95}
        self.most_pending = max(self.most_pending, len(self.pending))
        return audit_broker.LATE

    def slow_spell(self):
        """20 messages a 2 s at most are acknowledged, 40 and more are made: a backlog grows."""
        first = self.last_row()
        before = len(self.audit.payloads())
        harness.wait_until(lambda: self.last_row() > first + 20 * SLOW_S, 3 * SLOW_S,
                           "samples at their usual pace")
        made, sent = self.last_row() - first, len(self.audit.payloads()) - before
        self.assertLess(sent, 0.8 * made, "the window is not bounded")
        self.assertGreater(sent, 10, "nothing comes through")
        self.assertLessEqual(self.most_pending, 20, "more on its way than the broker allows")
        self.assertGreater(self.most_pending, 5, "the window is not used")

    def caught_up(self):
        def is_all_there():
            last = self.last_row()
            return self.audit.wait_for(lambda a: any(
                harness.identity(text)[0] >= last for text in a.payloads()[-50:]), 1)
        harness.wait_until(is_all_there, 30, "the end of the backlog")
