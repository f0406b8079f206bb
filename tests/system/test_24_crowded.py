"""A broker that cannot take all live values still gets every sample in time."""

import harness

MACHINES, EVERY_MS = 5, 200
SECONDS = 10


class Crowded(harness.Scenario):
    @harness.limit(60)
    def test_live_values_do_not_bury_the_samples(self):
        """Mosquitto that saves each change writes all its retained messages for each that comes,
        and takes some hundred a second; 2500 live values a second wait for it."""
        broker = self.broker(is_durable=True)
        factory = self.pattern_factory(MACHINES, 100, f"{EVERY_MS} ms").broker(broker.port)
        factory.set("gateway", now=f"{EVERY_MS} ms")
        self.simulator(factory)
        gateway = self.gateway(factory)
        watcher = self.subscriber(broker.port, topics=("lab/+/+/samples",))
        watcher.wait_for(lambda m: True, 20)
        harness.let_pass(4)  # the newest of everything, which each connection begins with
        start = watcher.mark()
        harness.let_pass(SECONDS)
        arrived = len(watcher.since(start))
        due = SECONDS * 1000 // EVERY_MS * MACHINES
        self.assertGreater(arrived, due * 3 // 4, f"{arrived} samples of {due} arrived")
        self.assertNotIn("event=lost", gateway.log)
