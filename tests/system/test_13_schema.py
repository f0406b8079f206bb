"""Ten thousand samples, each checked against the schema; and that none is missing."""

import harness
import schema


class Schema(harness.Scenario):
    @harness.quick
    @harness.limit(100)
    def test_ten_thousand_samples_follow_the_schema(self):
        wanted = 2000 if harness.IS_SANITIZED else 10000
        broker, factory = self.broker(), self.pattern_factory(10, 10, "25 ms")
        factory.broker(broker.port)
        watcher = self.subscriber(broker.port)
        self.simulator(factory)
        gateway = self.gateway(factory)
        watcher.wait_for(lambda m: m.topic.endswith("/samples"), 80, count=wanted,
                         what=f"{wanted} samples")
        self.assertEqual(gateway.stop(), 0)
        tags = {f"w{index}" for index in range(10)}
        wrong = []
        for message in watcher.since():
            try:
                if message.topic.endswith("/samples"):
                    schema.check_sample(message.json, tags)
                else:
                    schema.check_message(message.topic, message.text,
                                         message.json if message.text.startswith("{") else None)
            except Exception as error:  # each kind of fault is counted the same
                wrong.append(f"{message.topic} {message.text[:300]}: {error}"[:600])
        self.assertFalse(wrong, f"{len(wrong)} messages are wrong:\n" + "\n".join(wrong[:10]))
        numbers = [harness.identity(m.text)[0] for m in watcher.samples()]
        self.assertEqual(numbers, list(range(1, len(numbers) + 1)))
