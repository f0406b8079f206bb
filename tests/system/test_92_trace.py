"""Every value can be followed from the bytes on the wire to what the broker was given."""

import concurrent.futures
import json

import decoder
import harness
import line
import shipped
import web
from harness import limit


class Trace(harness.Scenario):
    @limit(120)
    def test_each_tag_of_the_line_is_what_its_bytes_say(self):
        broker = self.broker()
        subscriber = self.subscriber(broker.port)
        self.port = harness.reserve_port()
        factory = shipped.Shipped(web_port=self.port)
        options = factory.options(self, broker.port)
        self.simulator(factory, *options[:2])
        harness.Gateway(self, factory, *options)
        tags = [(machine, row) for machine in shipped.machines() for row in line.rows(machine)]
        self.assertEqual(len(tags), 189)
        with concurrent.futures.ThreadPoolExecutor(15) as pool:
            traces = list(pool.map(lambda of: self.follow(of[0], of[1]["tag"]), tags))
        rows = {machine: {row["tag"]: row for row in line.rows(machine)} for machine, _ in tags}
        for (machine, row), trace in zip(tags, traces):
            with self.subTest(machine=machine, tag=row["tag"]):
                self.assert_true_to_the_bytes(rows[machine], row, trace)
                self.assert_published(subscriber, trace)

    def follow(self, machine, tag):
        """Some machines drop a connection now and then: that poll has no bytes, and a disk that
        others keep busy may take longer than a trace waits."""
        for _ in range(5):
            answer = web.ask(self.port, f"/api/trace?machine={machine}&tag={tag}", timeout=25)
            if answer.status != 200 or (not answer.json["waiting"] and answer.json["reply"]
                                        and answer.json["reply"]["bytes"]):
                break
        self.assertEqual(answer.status, 200)
        return answer.json

    def assert_true_to_the_bytes(self, rows, row, trace):
        reply = bytes.fromhex(trace["reply"]["bytes"])
        payload = harness.exact_json(trace["row"]["payload"])
        if trace["bit"] is not None:
            self.assertIs(trace["value"], trace["bit"] == 1)
            return
        parts = [field for field in trace["reply"]["fields"] if field.get("is_tag")]
        words = [int.from_bytes(reply[int(f["offset"]):int(f["offset"]) + 2], "big") for f in parts]
        self.assertEqual([f"{word:04X}" for word in words], trace["registers"])
        verdict = decoder.decode(row, words)
        exponent = row.get("scale_tag")
        if exponent and verdict.quality != "bad":
            verdict = decoder.decode_all(
                [rows[exponent], row],
                lambda of: [int(payload[exponent]) & 0xFFFF] if of is not row else words)[row["tag"]]
        self.assertEqual(decoder.differs(verdict, trace["value"]), "")
        self.assertEqual(verdict.quality, trace["quality"])
        chosen = [order for order in trace["orders"] if order["is_chosen"]]
        if trace["orders"] and trace["quality"] != "bad":
            self.assertEqual([order["value"] for order in chosen], [trace["raw"]])

    def assert_published(self, subscriber, trace):
        self.assertEqual(trace["waiting"], "")
        self.assertEqual([step["name"] for step in trace["steps"]],
                         ["request", "decode", "queue", "commit", "publish", "puback"])
        sent = subscriber.wait_for(lambda m: m.topic == trace["topic"]
                                   and m.json["seq"] == trace["row"]["seq"]).text
        self.assertEqual(sent, trace["payload"])
        self.assertEqual(harness.without_late(sent), trace["row"]["payload"])
        self.assertEqual(harness.exact_json(sent)[trace["tag"]], trace["value"])
        now = json.loads(trace["now"]["payload"])
        self.assertEqual(now["value"], json.loads(sent)[trace["tag"]])

    def test_what_is_not_reached_is_said(self):
        self.port = harness.reserve_port()
        factory = self.pattern_factory(1, 2, "100 ms").broker(harness.reserve_port())
        factory.set("web", listen=f"127.0.0.1:{self.port}")
        simulator = self.simulator(factory)
        gateway = self.gateway(factory)
        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(lambda _: web.ask(self.port, "/api/trace?machine=p0&tag=w1"),
                                    range(20)))
        self.assertLessEqual({answer.status for answer in answers}, {200, 503})
        told = [answer.json for answer in answers if answer.status == 200]
        self.assertEqual({trace["waiting"] for trace in told}, {"broker"})
        self.assertEqual(told[0]["steps"][-1]["name"], "commit")
        self.assertEqual(told[0]["payload"], "")
        simulator.kill()

        def unreached():
            """Not the one bad sample that tells of the loss: what comes after it."""
            trace = web.ask(self.port, "/api/trace?machine=p0&tag=w1").json
            return trace if trace["row"] is None else None
        trace = harness.wait_until(unreached, 15, "a trace without a sample")
        self.assertEqual(trace["waiting"], "machine")
        self.assertEqual((trace["value"], trace["word"], trace["quality"]), (None, None, "bad"))
        live = web.ask(self.port, "/api/live").json["machines"]["p0"]["values"]["w1"]
        self.assertEqual((live["q"], trace["reason"]), ("bad", live["r"]))
        self.assertTrue(trace["reason"])
        self.assertEqual(web.ask(self.port, "/api/trace?machine=p0&tag=w9").status, 404)
        self.assertEqual(gateway.stop(timeout=4), 0)
