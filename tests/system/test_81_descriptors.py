"""No descriptor and no thread stays behind after many reconnects on both sides."""

import fake_plc
import harness


class Descriptors(harness.Scenario):
    @harness.quick
    @harness.limit(150)
    def test_reconnects_leave_nothing_behind(self):
        port = harness.reserve_port()
        broker = self.broker(port=port)
        plc = fake_plc.FakePlc(self, tables=fake_plc.words(5))
        factory = self.factory().broker(port).link("plc", plc.port, timeout="300 ms")
        factory.machine("plc", "plc", harness.holding_words(5), every="20 ms")
        gateway = self.gateway(factory)
        harness.wait_until(lambda: len(plc.requests) > 20, 10, "polling")
        before = self.settled(gateway)
        for number in range(50):
            asked, connected = len(plc.requests), plc.connections
            plc.cut()
            harness.wait_until(lambda: plc.connections > connected
                               and len(plc.requests) > asked + 1, 15, f"reconnect {number}")
        for number in range(10):
            mark = gateway.mark()
            broker.kill()
            gateway.wait_line(r"^<4>publisher broker=\S+ event=lost", 10, mark)
            broker = self.broker(port=port, name="broker")
            gateway.wait_line(r"^<6>publisher broker=\S+ event=connected", 20, mark)
        after = self.settled(gateway)
        self.assertEqual(after, before, "(descriptors, threads) after and before")

    def settled(self, gateway):
        """(descriptors, threads) once they stay the same over half a second."""
        seen = []

        def look():
            seen.append((gateway.descriptors(), gateway.threads()))
            return len(seen) > 25 and len(set(seen[-25:])) == 1
        harness.wait_until(look, 20, "a steady number of descriptors")
        return seen[-1]
