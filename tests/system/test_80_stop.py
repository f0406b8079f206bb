"""How it ends: orderly within three seconds and nothing lost; killed, and the will says so."""

import signal
import time

import fake_plc
import harness


class Stop(harness.Scenario):
    def start(self, machines=10, every="20 ms"):
        broker = self.broker()
        factory = self.pattern_factory(machines, 20, every).broker(broker.port)
        watcher = self.subscriber(broker.port)
        self.simulator(factory)
        gateway = self.gateway(factory)
        watcher.wait_topic("/_gateway/gw1/status", "^online$")
        watcher.wait_topic("/samples", count=200, timeout=20)
        return broker, factory, watcher, gateway

    def stop_in_time(self, gateway, number=signal.SIGTERM):
        begin = time.monotonic()
        gateway.signal(number)
        code = gateway.wait(10)
        took = time.monotonic() - begin
        self.assertEqual(code, 0, gateway.log[-2000:])
        self.assertLess(took, 3 * harness.PATIENCE)

    @harness.quick
    def test_sigterm_under_load_loses_nothing(self):
        _, factory, watcher, gateway = self.start()
        start = watcher.mark()
        self.stop_in_time(gateway)
        watcher.wait_topic("/_gateway/gw1/status", "^offline$", start=start)
        for index in range(10):
            watcher.wait_topic(f"/p{index}/status", "^offline$", start=start)
        rows = harness.journal_rows(factory.journal_path)
        self.assert_all_delivered(rows, [m.text for m in watcher.samples()])

    def test_sigint_is_the_same(self):
        _, _, watcher, gateway = self.start(machines=1)
        start = watcher.mark()
        self.stop_in_time(gateway, signal.SIGINT)
        watcher.wait_topic("/_gateway/gw1/status", "^offline$", start=start)

    @harness.quick
    def test_after_kill_the_will_says_offline(self):
        _, _, watcher, gateway = self.start(machines=2)
        start = watcher.mark()
        gateway.kill()
        watcher.wait_topic("/_gateway/gw1/status", "^offline$", start=start)

    @harness.quick
    def test_a_machine_that_died_with_the_gateway_is_not_online_again(self):
        """What a killed gateway left with the broker says `online`; the next one may not know
        better for minutes, but must not leave it at that."""
        broker, factory = self.broker(), self.factory()
        plc = fake_plc.FakePlc(self, tables=fake_plc.words(5))
        factory.broker(broker.port).link("plc", plc.port, timeout="1 s")
        factory.machine("plc", "plc", harness.holding_words(5), every="5 min")
        watcher = self.subscriber(broker.port)
        gateway = self.gateway(factory)
        watcher.wait_topic("/plc/status", "^online$")
        gateway.kill()
        plc.behave = fake_plc.mute
        start = watcher.mark()
        self.gateway(factory)
        watcher.wait_topic("/plc/status", "^offline$", start=start)

    @harness.quick
    def test_sigterm_while_the_broker_hangs(self):
        broker, factory, _, gateway = self.start()
        broker.pause()
        harness.let_pass(1)
        self.stop_in_time(gateway)
        broker.resume()
        before = harness.journal_rows(factory.journal_path)
        watcher = self.subscriber(broker.port, name="second")
        self.gateway(factory, name="again")
        last = before[-1][0]
        watcher.wait_for(lambda m: m.topic.endswith("/samples")
                         and harness.identity(m.text)[0] == last, 15,
                         what="the last sample of the run before")

    @harness.quick
    def test_sigterm_while_broker_and_plcs_are_absent(self):
        factory = self.pattern_factory(5, 5, "50 ms").broker(harness.reserve_port())
        self.stop_in_time(self.gateway(factory))

    def test_sigterm_while_the_plcs_hang(self):
        broker = self.broker()
        factory = self.pattern_factory(5, 5, "50 ms").broker(broker.port)
        simulator = self.simulator(factory)
        gateway = self.gateway(factory)
        simulator.pause()
        harness.let_pass(0.5)
        self.stop_in_time(gateway)
