"""An answer is never taken for another's: late, doubled, wrong number, wrong unit."""

import struct
import threading

import fake_plc
import harness

TIMEOUT_MS = 200


class LateReply(harness.Scenario):
    """D2: transaction, unit, function and length of every reply are checked."""

    def run_with(self, misbehave, every="50 ms"):
        """A device whose registers all hold the request's number; every seventh reply is bad.
        Returns the number → when it was asked, the honest numbers, and the samples."""
        honest = {}

        def behave(plc, connection, request):
            with plc.lock:
                for address in range(3):
                    plc.tables["holding"][address] = request.number % 65536
            reply = plc.reply(request)
            if request.number % 7 == 6:
                misbehave(connection, request, reply)
            else:
                honest[request.number] = request.time
                connection.sendall(reply)

        broker, factory = self.broker(), self.factory()
        plc = fake_plc.FakePlc(self, behave, fake_plc.words(3))
        factory.broker(broker.port).link("plc", plc.port, timeout=f"{TIMEOUT_MS} ms")
        factory.machine("plc", "plc", harness.holding_words(3), every=every)
        watcher = self.subscriber(broker.port, topics=("lab/+/+/samples",))
        self.gateway(factory)
        good = watcher.wait_for(lambda m: m.json["q"] == "good", 40, count=60)
        return honest, good

    def check(self, honest, good):
        numbers = [int(m.json["w0"]) for m in good]
        for message, number in zip(good, numbers):
            self.assertEqual({message.json[f"w{i}"] for i in range(3)}, {number})
            self.assertIn(number, honest, "the value of a reply that had to be thrown away")
        self.assertEqual(numbers, sorted(set(numbers)), "an answer was used twice or out of turn")

    @harness.quick
    def test_late_replies(self):
        def late(connection, _request, reply):
            threading.Timer(TIMEOUT_MS * 1.2 / 1000, self.send, (connection, reply)).start()
        self.check(*self.run_with(late))

    @harness.quick
    def test_a_device_that_answers_twice(self):
        def twice(connection, _request, reply):
            connection.sendall(reply + reply)
        honest, good = self.run_with(twice)
        numbers = [int(m.json["w0"]) for m in good]
        self.assertEqual(numbers, sorted(set(numbers)), "an answer was used twice")

    def test_wrong_transaction_number(self):
        def wrong(connection, request, reply):
            connection.sendall(struct.pack(">H", request.transaction ^ 0x4000) + reply[2:])
        self.check(*self.run_with(wrong))

    def test_wrong_unit(self):
        def wrong(connection, _request, reply):
            connection.sendall(reply[:6] + bytes([reply[6] + 1]) + reply[7:])
        self.check(*self.run_with(wrong))

    def test_wrong_protocol_function_and_byte_count(self):
        ways = []

        def wrong(connection, _request, reply):
            ways.append(len(ways) % 3)
            spoilt = bytearray(reply)
            spoilt[{0: 2, 1: 7, 2: 8}[ways[-1]]] ^= 1
            connection.sendall(spoilt)
        self.check(*self.run_with(wrong))

    def send(self, connection, data):
        try:
            connection.sendall(data)
        except OSError:
            pass  # the gateway has left, as it must
