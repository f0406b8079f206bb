"""How it refuses to start: a second daemon on one journal, a wrong command line."""

import harness


class Start(harness.Scenario):
    @harness.quick
    def test_two_daemons_on_one_journal(self):
        broker = self.broker()
        factory = self.pattern_factory(1, 3, "100 ms").broker(broker.port)
        self.simulator(factory)
        first = self.gateway(factory)
        second = self.gateway(factory, name="second", is_awaited=False)
        self.assertEqual(second.wait(), 1)
        self.assertIn(str(first.pid), second.log, "the second names the pid of the first")
        self.assertTrue(first.is_running())
        self.assertEqual(first.stop(), 0)
        third = self.gateway(factory, name="third")
        self.assertEqual(third.stop(), 0)

    def test_usage(self):
        cases = ([], ["rnu"], ["run"], ["run", "a.conf", "b.conf"], ["run", "a.conf", "--nonsense"],
                 ["check"], ["read", "a.conf"], ["export"], ["run", "--ready-file"])
        for program in ("formlab-gateway", "formlab-simulator"):
            for case in cases:
                done = harness.command(*case, program=program)
                self.assertEqual(done.returncode, 64, f"{program} {case}: {done.stderr}")
                self.assertTrue(done.stderr.strip(), f"{program} {case} says nothing")
            done = harness.command("--help", program=program)
            self.assertEqual(done.returncode, 0)
            self.assertIn("run", done.stdout)
            done = harness.command("--version", program=program)
            self.assertEqual(done.returncode, 0)
            self.assertRegex(done.stdout, r"\d+\.\d+")
        self.assertRegex(harness.command("rnu").stderr, "(?i)did you mean")
