"""The consumer that the README shows: it drops repeats, explains every gap, and finds a real one."""

import re
import signal
import sqlite3
import sys

import paho.mqtt.publish as publish

import check
import harness


def shown():
    """The README's program, as it stands there."""
    text = (harness.ROOT / "README.md").read_text(encoding="utf-8")
    return re.search(r"### A record without gaps.*?```python\n(.*?)```", text, re.DOTALL).group(1)


class Consumer(harness.Scenario):
    def consumer(self, port):
        program = self.dir / "record.py"
        program.write_text(shown(), encoding="utf-8")
        process = harness.Process(self, "record", [sys.executable, program, "127.0.0.1", port])
        return process

    def end(self, consumer):
        """(its record, the seqs that it misses)."""
        mark = consumer.mark()
        consumer.signal(signal.SIGINT)
        missing = consumer.wait_line(r"^missing: \[(.*)\]$", 10, mark).group(1)
        record = [line.split(" ", 1)[1] for line in consumer.lines if "/samples " in line]
        return record, [int(seq) for seq in missing.split(", ") if seq]

    @harness.limit(120)
    def test_it_proves_a_record_through_kills_and_repeats(self):
        port = harness.reserve_port()
        broker = self.broker(port=port)
        factory = self.pattern_factory(5, 100, "20 ms", now="off").broker(port)
        factory.set("journal", commit="20 ms", max_size="2 MiB", file=factory.journal_path.name)
        self.simulator(factory)
        consumer = self.consumer(port)
        gateway, journal = self.gateway(factory, name="first"), check.Journal(factory.journal_path)
        consumer.wait_line("/samples ", 10)
        for number in range(4):
            harness.let_pass(self.random.uniform(0.1, 0.8))
            gateway.kill()
            gateway = self.gateway(factory, name=f"again{number}")
        broker.stop()
        # Longer away than the journal has room for: the oldest go, and it is said.
        gateway.wait_line("event=evicted", 60)
        journal.collect()
        broker = self.broker(port=port)
        last = journal.collect()
        harness.wait_until(lambda: any(check.identity(line.split(" ", 1)[1])[0] >= last
                                       for line in consumer.lines[-50:] if "/samples " in line),
                           60, f"seq {last}")
        self.assertEqual(gateway.stop(), 0)
        last = journal.collect()
        harness.wait_until(lambda: f'{{"seq":{last},' in consumer.log[-5000:], 20, f"seq {last}")
        record, missing = self.end(consumer)
        self.assertEqual(missing, [])
        identities = [check.identity(payload) for payload in record]
        self.assertEqual(len(set(identities)), len(identities), "a repeat was recorded")
        evicted = {seq for first, to, _ in journal.gaps() for seq in range(first, to + 1)}
        self.assertTrue(evicted, "nothing was evicted: the test tests less than it says")
        self.assertEqual([key for key in journal.committed
                          if key not in set(identities) and key[0] not in evicted], [])
        self.check_verify(factory)

    def check_verify(self, factory):
        """`export --verify` agrees, and finds a row that somebody takes away."""
        done = harness.command("export", factory.path, "--verify")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        with sqlite3.connect(factory.journal_path) as database:
            seq, = database.execute("select seq from samples order by seq desc limit 1 offset 20"
                                    ).fetchone()
            database.execute("delete from samples where seq = ?", (seq,))
        database.close()
        done = harness.command("export", factory.path, "--verify")
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn(str(seq), done.stdout + done.stderr)

    @harness.quick
    def test_it_finds_what_nobody_announced(self):
        broker = self.broker()
        consumer = self.consumer(broker.port)
        harness.wait_until(lambda: "as recorder" in broker.log, 10, "the consumer's connection")

        def say(topic, payload):
            publish.single(topic, payload, qos=1, port=broker.port)
        self.subscriber(broker.port)
        for seq in (1, 2, 2, 3, 5, 8, 9):
            say("lab/hall/p0/samples", f'{{"seq":{seq},"run":7,"t":0}}')
        say("lab/_gateway/gw1/event/evicted", '{"count":2,"from":6,"to":7}')
        say("lab/_gateway/gw1/event/backlog-started", '{"from":4}')
        say("lab/hall/p0/samples", '{"seq":10,"run":7,"t":0}')
        consumer.wait_line('"seq":10,', 10)
        record, missing = self.end(consumer)
        self.assertEqual(missing, [4])
        self.assertEqual([check.identity(payload)[0] for payload in record], [1, 2, 3, 5, 8, 9, 10])
