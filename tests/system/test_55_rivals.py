"""Defects of other gateways that ours must not have: those of D1 to D18 (tests/README.md) that no
other scenario covers."""

import contextlib
import socket
import sqlite3
import statistics

import fake_plc
import harness

KIB = 1024


class Rivals(harness.Scenario):
    @contextlib.contextmanager
    def unanswered_port(self):
        """A port whose connections are neither accepted nor refused: its queue is full."""
        fillers = []
        with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
            port = listener.getsockname()[1]
            for _ in range(4):
                filler = socket.socket()
                filler.setblocking(False)
                filler.connect_ex(("127.0.0.1", port))
                fillers.append(filler)
            yield port
            for filler in fillers:
                filler.close()

    @harness.quick
    @harness.limit(90)
    def test_d03_stopped_and_killed_in_an_outage_all_arrives_later(self):
        port = harness.reserve_port()
        factory = self.pattern_factory(3, 10, "50 ms").broker(port)
        self.simulator(factory)
        for name, end in (("stopped", "stop"), ("killed", "kill")):
            before = len(harness.journal_rows(factory.journal_path)) if name == "killed" else 0
            gateway = self.gateway(factory, name=name)
            harness.wait_until(lambda before=before:
                               len(harness.journal_rows(factory.journal_path)) > before + 100,
                               20, "a hundred samples")
            getattr(gateway, end)()
        waiting = harness.journal_rows(factory.journal_path)
        self.assertEqual(len({run for _, run, _ in waiting}), 2)
        self.broker(port=port)
        watcher = self.subscriber(port)
        gateway = self.gateway(factory, name="later")
        watcher.wait_for(lambda m: m.leaf == "samples"
                         and harness.identity(m.text)[0] > waiting[-1][0], 20)
        self.assertEqual(gateway.stop(), 0)
        self.assert_all_delivered(harness.journal_rows(factory.journal_path),
                                  [m.text for m in watcher.samples()])
        late = [m for m in watcher.samples()
                if harness.identity(m.text)[0] <= waiting[-1][0]]
        self.assertTrue(all(m.text.endswith(',"late":true}') for m in late))

    @harness.quick
    def test_d07_each_block_has_its_own_time_and_fate(self):
        """Three blocks a poll: one slow, one refused, one prompt. Nothing is thrown away, and
        nothing carries another block's time."""
        def behave(plc, connection, request):
            if request.address == 300:
                harness.let_pass(0.2)
            fake_plc.healthy(plc, connection, request)

        broker, factory = self.broker(), self.factory()
        plc = fake_plc.FakePlc(self, behave, {"holding": {100: 1, 300: 3}})
        factory.broker(broker.port).link("blocks", plc.port, timeout="2 s")
        factory.machine("blocks", "blocks", [
            {"tag": name, "table": "holding", "address": address, "type": "uint16"}
            for name, address in (("prompt", 100), ("refused", 200), ("slow", 300))],
            every="500 ms")
        watcher = self.subscriber(broker.port)
        self.gateway(factory)
        now = {tag: watcher.wait_topic(f"/blocks/now/{tag}").json
               for tag in ("prompt", "refused", "slow")}
        self.assertEqual((now["prompt"]["value"], now["slow"]["value"]), (1, 3))
        self.assertEqual(now["refused"]["reason"], "exception-2")
        self.assertGreaterEqual(now["slow"]["t"] - now["prompt"]["t"], 199)
        sample = watcher.wait_topic("/blocks/samples").json
        self.assertEqual(sample["bad"], {"refused": "exception-2"})
        self.assertEqual(sample["t"], now["prompt"]["t"], "the sample carries the oldest time")

    @harness.limit(90)
    def test_d10_retention_by_age_runs(self):
        broker, factory = self.broker(), self.factory()
        plc = fake_plc.FakePlc(self, tables=fake_plc.words(5))
        factory.broker(broker.port).link("plc", plc.port)
        factory.machine("plc", "plc", harness.holding_words(5), every="50 ms")
        factory.set("journal", file="journal.db", max_age="2 s")
        watcher = self.subscriber(broker.port)
        self.gateway(factory)
        oldest = harness.wait_until(
            lambda: next((row for row in harness.journal_rows(factory.journal_path)[:1]
                          if row[0] > 40), None), 40, "the first rows to go")
        newest = watcher.wait_topic("/plc/samples", start=watcher.mark()).json
        age_ms = newest["t"] - harness.exact_json(oldest[2])["t"]
        self.assertLessEqual(age_ms, 10_000, "what is older than max_age stays")

    @harness.limit(120)
    def test_d10_d18_a_full_journal_gives_up_the_oldest_and_says_so(self):
        """No broker, and room for a part of what comes: the file keeps its size, the newest
        are kept, and what went unsent is announced with its range."""
        port = harness.reserve_port()
        factory = self.pattern_factory(10, 5, "10 ms").broker(port)
        factory.set("journal", file="journal.db", max_size="2 MiB")
        self.simulator(factory)
        gateway = self.gateway(factory)
        journal, wal = factory.journal_path, factory.journal_path.with_name("journal.db-wal")
        sizes = []

        def has_evicted():
            # Not by asking the journal: who reads it keeps its log from being emptied.
            sizes.append(sum(path.stat().st_size for path in (journal, wal) if path.exists()))
            return gateway.log.count("event=evicted") > 1 or len(sizes) > 2000
        harness.wait_until(has_evicted, 60, "eviction, twice")
        self.assertLessEqual(max(sizes), 2048 * KIB)
        self.broker(port=port)
        watcher = self.subscriber(port, topics=("lab/+/+/samples",))
        watcher.wait_for(lambda m: m.leaf == "samples" and "late" not in m.json, 40,
                         what="the end of the backlog")
        self.assertEqual(gateway.stop(), 0)
        with contextlib.closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as database:
            gaps = database.execute("select first, last, count, reason from gaps").fetchall()
        self.assertEqual({reason for *_, reason in gaps}, {"evicted"})
        arrived = {int(harness.identity(m.text)[0]) for m in watcher.samples()}
        evicted = {seq for first, last, *_ in gaps for seq in range(first, last + 1)}
        self.assertEqual(sum(count for _, _, count, _ in gaps), len(evicted))
        # What goes while it is on its way to the broker is announced, and may still arrive.
        self.assertEqual(arrived | evicted, set(range(1, max(arrived) + 1)),
                         "something is missing that nobody announced")
        # Once the broker is there, acknowledged ones go too, between the unsent.
        self.assertIn(1, evicted, "not the oldest went first")

    @harness.exclusive
    @harness.limit(60)
    def test_d12_a_device_that_does_not_take_connections_delays_nobody(self):
        broker, factory = self.broker(), self.factory()
        plc = fake_plc.FakePlc(self, tables=fake_plc.words(5))
        table = factory.map("words.csv", harness.holding_words(5))
        with self.unanswered_port() as port:
            factory.broker(broker.port)
            factory.link("hole", port, timeout="2 s").machine("hole", "hole", table)
            factory.link("well", plc.port).machine("well", "well", table, every="50 ms")
            watcher = self.subscriber(broker.port)
            self.gateway(factory)
            samples = watcher.wait_topic("/well/samples", count=100, start=watcher.mark())
            watcher.wait_topic("/hole/samples", '"w0":"timeout"')
        times = [int(m.json["t"]) for m in samples]
        self.assertAlmostEqual((len(times) - 1) * 50 / (times[-1] - times[0]), 1, delta=0.03)

    @harness.limit(120)
    def test_d15_polling_resumes_alone_after_many_failures(self):
        """First nobody listens there, then somebody who never answers; both for far more than
        ten failed polls."""
        broker, factory = self.broker(), self.factory()
        port = harness.reserve_port()
        factory.broker(broker.port).link("plc", port, timeout="100 ms")
        factory.machine("plc", "plc", harness.holding_words(5), every="20 ms")
        watcher = self.subscriber(broker.port)
        self.gateway(factory)
        watcher.wait_topic("/plc/event/link-lost")
        harness.let_pass(10)
        plc = fake_plc.FakePlc(self, fake_plc.mute, fake_plc.words(5), port=port)
        harness.wait_until(lambda: len(plc.requests) > 4, 40, "five unanswered requests")
        self.assertEqual(watcher.samples("plc")[-1].json["q"], "bad")
        plc.behave = fake_plc.healthy
        start = watcher.mark()
        watcher.wait_topic("/plc/status", "^online$", timeout=10, start=start)
        times = [int(m.json["t"]) for m in
                 watcher.wait_topic("/plc/samples", '"q":"good"', count=50, start=start)]
        # Not the mean: on a busy machine a beat or two are left out.
        pace_ms = statistics.median(later - earlier for earlier, later in zip(times, times[1:]))
        self.assertLessEqual(pace_ms, 25, "at its own pace")

    @harness.quick
    def test_d16_two_tags_on_one_register_are_both_there(self):
        broker, factory = self.broker(), self.factory()
        plc = fake_plc.FakePlc(self, tables={"holding": {7: 0x0237, 8: 0xffff}})
        where = {"table": "holding", "address": 7}
        factory.broker(broker.port).link("plc", plc.port)
        factory.machine("plc", "plc", [
            {**where, "tag": "word", "type": "uint16"},
            {**where, "tag": "same", "type": "uint16"},
            {**where, "tag": "bit", "type": "bit:4"},
            {**where, "tag": "high", "type": "bits:8:8"},
            {**where, "tag": "state", "type": "uint16", "mask": "0x006F",
             "words": "39=operation enabled"},
            {**where, "tag": "long", "type": "uint32"}])
        watcher = self.subscriber(broker.port)
        self.gateway(factory)
        sample = watcher.wait_topic("/plc/samples").json
        wanted = {"word": 0x237, "same": 0x237, "bit": True, "high": 2,
                  "state": "operation enabled", "long": 0x237ffff, "q": "good"}
        self.assertEqual({key: sample[key] for key in wanted}, wanted)
        self.assertEqual({request.count for request in plc.requests}, {2}, "one request for all")
