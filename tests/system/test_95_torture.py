"""A little of `make torture`, with a fixed seed: it works, and so does what it stands on."""

import importlib
import random

import harness
import torture


class Torture(torture.Run):
    is_short = True

    def setUp(self):
        super().setUp()
        self.random = random.Random(5)

    def run_short(self, name):
        rows = list(importlib.import_module(name).run(self))
        self.assertTrue(rows)
        for row in rows:
            self.assertGreater(row.faults, 0, row.fault)
            self.assertGreater(row.samples, 0, row.fault)
            self.assertTrue(row.is_passed, row)

    @harness.limit(90)
    def test_kill(self):
        self.run_short("kill")

    @harness.limit(90)
    def test_failover(self):
        self.run_short("failover")

    @harness.limit(90)
    def test_machines(self):
        self.run_short("machines")

    def test_the_judge_sees_what_is_wrong(self):
        """Losses, repeats, wrong order and wrong values, each planted once."""
        check = importlib.import_module("check")

        def sample(seq, value=1):
            return f'{{"seq":{seq},"run":7,"t":0,"q":"good","w0":{value}}}'
        committed = {(seq, 7): sample(seq) for seq in range(1, 8)}
        arrived = [sample(1), sample(2)[:-1] + ',"late":true}', sample(2), sample(4), sample(3),
                   sample(5, value=2), sample(9), sample(7)]
        verdict = check.Verdict()
        seen = check.check_arrivals(verdict, committed, arrived)
        self.assertEqual(sorted(seq for seq, _ in committed if (seq, 7) not in seen), [5, 6])
        self.assertEqual((verdict.repeated, verdict.disordered, verdict.wrong), (1, 1, 2))
        verdict, told = check.Verdict(), {("p0", 0, 1), ("p0", 1, 8), ("p0", 0, 2)}
        check.check_values(verdict, told, {
            (1, 7): ("p0", '{"q":"good","w0":1,"w1":8}'),      # well
            (2, 7): ("p0", '{"q":"good","w0":3,"w1":10}'),     # never served
            (3, 7): ("p0", '{"q":"good","w0":2,"w1":8}'),      # of two polls
            (4, 7): ("p0", '{"q":"bad","w0":null,"w1":null}')}, {"p0": ("p0", 2)})
        self.assertEqual(verdict.wrong, 2)
