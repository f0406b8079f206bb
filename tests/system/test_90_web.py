"""The page's server tells what the broker and the machines say, when it happens."""

import re
import sqlite3

import harness
import web
from harness import quick


class Web(harness.Scenario):
    def start(self, machines=2, tags=5, every="100 ms", broker=None):
        self.port = harness.reserve_port()
        broker_port = broker.port if broker else harness.reserve_port()
        factory = self.pattern_factory(machines, tags, every).broker(broker_port)
        factory.set("web", listen=f"127.0.0.1:{self.port}")
        simulator = self.simulator(factory)
        return factory, simulator, self.gateway(factory)

    def value(self, machine, tag):
        live = web.ask(self.port, "/api/live").json
        return int(live["machines"][machine]["values"][tag]["v"])

    @quick
    def test_the_stream_shows_what_is_published(self):
        broker = self.broker()
        subscriber = self.subscriber(broker.port)
        self.start(broker=broker)
        stream = web.Stream(self, self.port)
        self.assertEqual(stream.wait(lambda s: s.messages and s.messages[0][0]), "state")
        stream.wait(lambda s: s.state["broker"]["state"] == "connected", what="the broker")
        seen = stream.wait(lambda s: s.state["machines"]["p0"].get("seq", 0) >= 10
                           and dict(s.state["machines"]["p0"]), what="ten samples")
        self.assertEqual(seen["state"], "online")
        payload = subscriber.wait_for(lambda m: m.topic.endswith("p0/samples")
                                      and int(m.json["seq"]) == seen["seq"]).json
        self.assertEqual(seen["time"], int(payload["t"]))
        live = web.ask(self.port, "/api/live").json
        self.assertEqual(set(live["machines"]), {"p0", "p1"})
        self.assertEqual(set(live["machines"]["p0"]["values"]), {f"w{n}" for n in range(5)})
        self.assertEqual({v["q"] for v in live["machines"]["p1"]["values"].values()}, {"good"})

    @quick
    def test_a_dead_machine_and_a_dead_broker_are_seen_at_once(self):
        broker = self.broker()
        factory, simulator, _ = self.start(broker=broker)
        stream = web.Stream(self, self.port)
        stream.wait(lambda s: s.state.get("machines", {}).get("p1", {}).get("state") == "online")
        simulator.kill()
        stream.wait(lambda s: s.state["machines"]["p1"]["values"]["w0"].get("q") == "bad",
                    timeout=2, what="a bad value")
        stream.wait(lambda s: s.state["machines"]["p1"]["state"] == "offline", timeout=5)
        lost = stream.wait(lambda s: [data for name, data in s.messages if name == "event"
                                      and data["name"] == "link-lost"], what="the event")
        self.assertIn(lost[0]["machine"], ("p0", "p1"))
        events = web.ask(self.port, "/api/events").json["events"]
        self.assertIn("link-lost", [event["name"] for event in events])
        self.simulator(factory, name="again")
        broker.kill()
        stream.wait(lambda s: s.state["broker"]["state"] == "down" and s.state["broker"]["error"],
                    timeout=3, what="the broker's loss")
        stream.wait(lambda s: s.state["backlog"]["count"] >= 10, what="a backlog")
        self.broker(port=broker.port, name="again-broker")
        stream.wait(lambda s: s.state["broker"]["state"] == "connected", timeout=10)
        stream.wait(lambda s: s.state["backlog"]["count"] < 10, timeout=10, what="it drained")

    def test_forty_events_at_once_all_reach_who_looks(self):
        """As many in one look as the stream tells in three."""
        _, simulator, _ = self.start(machines=40, tags=1)
        stream = web.Stream(self, self.port)
        machines = {f"p{index}" for index in range(40)}
        stream.wait(lambda s: all(s.state.get("machines", {}).get(name, {}).get("state") == "online"
                                  for name in machines), what="all machines")
        simulator.kill()
        stream.wait(lambda s: {data["machine"] for name, data in s.messages if name == "event"
                               and data["name"] == "link-lost"} == machines,
                    timeout=15, what="every event")
        self.assertEqual([name for name, _ in stream.messages].count("state"), 1,
                         "nobody fell out of the ring")
        lost = [event["machine"] for event in web.ask(self.port, "/api/events").json["events"]
                if event["name"] == "link-lost"]
        self.assertEqual(sorted(lost), sorted(machines))

    def test_a_taken_port_is_told_and_no_reason_not_to_poll(self):
        broker = self.broker()
        subscriber = self.subscriber(broker.port)
        factory = self.pattern_factory(1, 1, "100 ms").broker(broker.port)
        factory.set("web", listen=f"127.0.0.1:{broker.port}")
        self.simulator(factory)
        gateway = self.gateway(factory)
        gateway.wait_line(r"<3>web event=no-page .*Address already in use")
        info = subscriber.wait_topic(r"_gateway/gw1/info").json
        self.assertIn("Address already in use", info["page_error"])
        subscriber.wait_topic(r"p0/samples")

    def test_it_stops_at_once_whoever_looks(self):
        *_, gateway = self.start()
        streams = [web.Stream(self, self.port) for _ in range(5)]
        for stream in streams:
            stream.wait(lambda s: s.messages)
        self.assertEqual(gateway.stop(timeout=3), 0)
        for stream in streams:
            with self.assertRaises(harness.TimedOut):
                stream.wait(lambda s: False, timeout=2)
            self.assertTrue(stream.is_ended)

    @quick
    def test_the_bus_shows_what_goes_over_the_wire(self):
        _, simulator, _ = self.start(machines=1)
        harness.wait_until(lambda: self.plan() and self.plan()[0]["last"], 5, "a plan with frames")
        request, = self.plan()
        self.assertEqual((request["table"], request["address"], request["count"], request["tags"],
                          request["unused"], request["quarantined"]),
                         ("holding", 0, 5, 5, 0, False))
        sent, got = (bytes.fromhex(request["last"][name]) for name in ("request", "reply"))
        self.assertEqual(sent[2:], bytes.fromhex("0000 0006 01 03 0000 0005"))
        self.assertEqual(got[:9], sent[:2] + bytes.fromhex("0000 000d 01 03 0a"))
        self.assertEqual(len(got), 9 + 10)
        link = self.link()
        self.assertEqual((link["state"], link["status"], link["opened"]), ("open", "ok", 1))
        self.assertEqual(link["requests"], link["answers"])
        self.assertEqual(sum(count for _, count in link["rtt_us"]["histogram"]), link["answers"])
        simulator.pause()
        harness.wait_until(lambda: self.link()["timeouts"] > 0, 5, "a timeout")
        simulator.resume()
        simulator.kill()
        harness.wait_until(lambda: self.link()["state"] == "waiting", 5, "a closed link")
        self.assertGreater(self.link()["retry"], self.link()["rtt_us"]["max"])
        self.assertIn(self.link()["status"], ("refused", "closed"))

    @quick
    def test_the_past_is_what_the_journal_holds(self):
        broker = self.broker()
        factory, simulator, gateway = self.start(machines=2, every="20 ms", broker=broker)
        stream = web.Stream(self, self.port)
        stream.wait(lambda s: s.state.get("machines", {}).get("p0", {}).get("seq", 0) > 100)
        simulator.kill()
        stream.wait(lambda s: s.state["machines"]["p0"]["state"] == "offline")
        rows = [harness.exact_json(payload) for _, _, payload
                in harness.journal_rows(factory.journal_path)]
        rows = [row for row in rows if row["time"]]
        start, end = int(min(r["t"] for r in rows)) - 1000, int(max(r["t"] for r in rows)) + 1000
        mine = [s for s in rows if s["seq"] in self.seqs(factory, "p0")]
        path = f"/api/history?machine=p0&tag=w2&from={start}&to={end}&points=2000"
        past = web.ask(self.port, path).json
        self.assertFalse(past["truncated"] or past["thinned"])
        good = [point for point in past["points"] if point[4] == 0]
        self.assertEqual(min(int(s["w2"]) for s in mine if s["w2"] is not None),
                         min(point[1] for point in good))
        self.assertEqual(max(int(s["w2"]) for s in mine if s["w2"] is not None),
                         max(point[2] for point in good))
        self.assertEqual(past["points"][-1][1:], [None, None, None, 2])  # the machine is lost
        whole = web.ask(self.port, path.replace("points=2000", "points=1")).json["points"]
        self.assertEqual(len(whole), 1)
        self.assertEqual(whole[0][1:4], [min(p[1] for p in good), max(p[2] for p in good),
                                         good[-1][3]])
        for bad in ("machine=p9&tag=w0", "machine=p0&tag=w9", "tag=w0", "machine=p0"):
            self.assertEqual(web.ask(self.port, f"/api/history?{bad}").status, 404)
        for bad in ("from=1&to=1", "from=x", "to=", "points=0", "points=2001", "from=-1"):
            self.assertEqual(web.ask(self.port, f"/api/history?machine=p0&tag=w0&{bad}").status, 400)

    def test_a_journal_that_cannot_be_read_is_no_empty_past(self):
        factory, simulator, _ = self.start(machines=1)
        stream = web.Stream(self, self.port)
        stream.wait(lambda s: s.state.get("machines", {}).get("p0", {}).get("seq", 0) > 10)
        simulator.kill()  # nothing is written from here on
        stream.wait(lambda s: s.state["machines"]["p0"]["state"] == "offline")
        path = "/api/history?machine=p0&tag=w2"
        self.assertTrue(web.ask(self.port, path).json["points"])
        aside = factory.journal_path.with_suffix(".aside")
        factory.journal_path.rename(aside)
        answer = web.ask(self.port, path)
        aside.rename(factory.journal_path)
        self.assertEqual((answer.status, answer.json["error"]),
                         (503, "the journal cannot be read at present"))
        self.assertTrue(web.ask(self.port, path).json["points"])

    @quick
    def test_the_topics_are_those_that_are_published(self):
        broker = self.broker()
        subscriber = self.subscriber(broker.port)
        factory, simulator, _ = self.start(broker=broker)
        subscriber.wait_topic(r"p1/samples")
        subscriber.wait_topic(r"p1/meta/w4")
        simulator.kill()  # from here on nothing moves
        subscriber.wait_topic(r"p1/event/link-lost")
        subscriber.wait_topic(r"p1/status", "^offline$")
        subscriber.wait_topic(r"p1/now/w4", "null")
        subscriber.wait_topic(r"p1/snapshot", "null")
        told = {}
        for of in ("_gateway", "p0", "p1"):
            for topic in web.ask(self.port, f"/api/topics?machine={of}").json["topics"]:
                told[topic["topic"]] = topic
        listed = harness.command("topics", factory.path).stdout.split()
        self.assertEqual(set(told), set(listed))
        last = {message.topic: message for message in subscriber.since()}
        for name in ("p1/meta/w4", "p1/now/w4", "p1/snapshot", "p1/samples", "p1/status",
                     "p1/event/link-lost", "_gateway/gw1/info"):
            topic, = [topic for topic in told if topic.endswith("/" + name)]
            self.assertEqual(told[topic]["payload"], harness.without_late(last[topic].text), name)
            self.assertEqual(told[topic]["qos"], last[topic].qos, name)
            came = sum(message.topic == topic for message in subscriber.since())
            self.assertIn(told[topic]["count"], (None, came, came - 1, came + 1), name)
        self.assertFalse(told[topic.replace("_gateway/gw1/info", "hall/p0/samples")]["retained"])
        self.assertEqual(web.ask(self.port, "/api/topics?machine=p9").status, 404)

    def seqs(self, factory, machine):
        connection = sqlite3.connect(f"file:{factory.journal_path}?mode=ro", uri=True)
        try:
            return {seq for seq, in connection.execute(
                "select seq from samples where machine = "
                "(select id from machines where name = ?)", (machine,))}
        finally:
            connection.close()

    def link(self):
        return web.ask(self.port, "/api/bus").json["links"][0]

    def plan(self):
        return self.link()["machines"][0]["plan"]

    @quick
    def test_metrics_are_what_prometheus_reads(self):
        broker = self.broker()
        self.start(broker=broker)
        health = web.ask(self.port, "/healthz")
        self.assertEqual((health.status, health.json), (200, {"status": "ok", "reasons": []}))
        before = self.value("p1", "w3")
        answer = web.ask(self.port, "/metrics")
        self.assertEqual(answer.headers["content-type"],
                         "text/plain; version=0.0.4; charset=utf-8")
        values = parse_metrics(answer.body.decode("utf-8"))
        self.assertEqual(values["formlab_broker_connected", ()], 1)
        self.assertEqual(values["formlab_machine_online", (("machine", "p0"),)], 1)
        tag = (("machine", "p1"), ("tag", "w3"), ("unit", ""))
        self.assertLessEqual(before, values["formlab_value", tag])  # it counts up
        self.assertLessEqual(values["formlab_value", tag], self.value("p1", "w3"))
        broker.kill()
        harness.wait_until(lambda: web.ask(self.port, "/healthz").json["status"] == "degraded",
                           5, "a degraded health")
        self.assertEqual(web.ask(self.port, "/healthz").json["reasons"],
                         ["the broker is not connected"])


_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"'
_LINE = re.compile(rf'({_NAME})(?:\{{((?:{_LABEL})(?:,{_LABEL})*)\}})? '
                   r"([+-]?(?:\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|Inf)|NaN)")


def parse_metrics(text):
    """{(name, labels): value}; fails on whatever the exposition format 0.0.4 does not allow."""
    if not text.endswith("\n"):
        raise AssertionError("the last line does not end")
    found, types, helps, closed, last = {}, {}, set(), set(), None
    for line in text.splitlines():
        comment = re.fullmatch(rf"# (HELP|TYPE) ({_NAME}) (.+)", line)
        match = _LINE.fullmatch(line)
        if not comment and not match:
            raise AssertionError(f"no line of the format: {line!r}")
        name = comment.group(2) if comment else match.group(1)
        family = re.sub(r"_(bucket|sum|count)$", "", name) if types.get(
            re.sub(r"_(bucket|sum|count)$", "", name)) == "histogram" else name
        if family != last:
            if family in closed:
                raise AssertionError(f"{family} stands in two places")
            closed.add(last)
            last = family
        if comment and comment.group(1) == "HELP":
            helps.add(name)
        elif comment:
            if comment.group(3) not in ("counter", "gauge", "histogram") or name in types:
                raise AssertionError(f"no such type, or twice: {line!r}")
            types[name] = comment.group(3)
        else:
            if family not in types or family not in helps:
                raise AssertionError(f"a value without TYPE or HELP: {line!r}")
            key = name, tuple(re.findall(_LABEL, match.group(2) or ""))
            if key in found:
                raise AssertionError(f"twice: {line!r}")
            found[key] = float(match.group(match.lastindex))
    return found
