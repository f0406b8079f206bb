"""kill -9 of the gateway at random moments: what was committed is delivered, every time."""

import harness
from audit_broker import AuditBroker

KILLS = 6 if harness.IS_SANITIZED else 20


class Kill(harness.Scenario):
    @harness.quick
    @harness.limit(150)
    def test_kill_at_random_moments_loses_no_committed_sample(self):
        audit = AuditBroker(self)
        factory = self.pattern_factory(5, 10, "20 ms").broker(audit.port)
        factory.set("journal", commit="20 ms")
        self.simulator(factory)
        committed = {}
        for number in range(KILLS):
            gateway = self.gateway(factory, name=f"gateway{number}")
            harness.let_pass(self.random.uniform(0.02, 1.2))
            gateway.kill()
            self.assertEqual(harness.journal_check(factory.journal_path), "ok")
            rows = harness.journal_rows(factory.journal_path)
            now = {(seq, run): payload for seq, run, payload in rows}
            for key, payload in committed.items():
                self.assertEqual(now.get(key), payload, f"kill {number}: the journal lost {key}")
            committed = now
        self.assertFalse(list(self.dir.glob("*damaged*")), "a sound journal was set aside")
        gateway = self.gateway(factory, name="gateway-last")
        last = max(seq for seq, _ in committed)
        self.assertTrue(
            audit.wait_for(lambda a: any(harness.identity(text)[0] > last
                                         for text in a.payloads()[-50:]),
                           30 * harness.PATIENCE), "the backlog did not drain")
        self.assertEqual(gateway.stop(), 0)
        rows = harness.journal_rows(factory.journal_path)
        self.check_runs(rows)
        repeats = self.assert_all_delivered(rows, audit.payloads())
        # A kill repeats what was under way and what was acknowledged since the last commit.
        self.assertLessEqual(repeats, KILLS * 200)
        self.assertFalse([text for text in audit.payloads()
                          if harness.identity(text) not in {(s, r) for s, r, _ in rows}],
                         "something was published that was never committed")

    def check_runs(self, rows):
        runs = [run for _, run, _ in rows]
        self.assertEqual(runs, sorted(runs), "a later sample belongs to an earlier run")
        self.assertGreaterEqual(len(set(runs)), KILLS // 2)
        numbers = [seq for seq, _, _ in rows]
        self.assertEqual(len(set(numbers)), len(numbers))
