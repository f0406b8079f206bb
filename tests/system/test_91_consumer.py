"""The consumer that the README shows: it drops repeats, explains every gap, and finds a real one."""

import sqlite3

import paho.mqtt.publish as publish

import check
import consumer
import harness
import torture


class Shown(torture.Run):
    is_short = True

    @harness.limit(120)
    def test_it_proves_a_record_through_kills_and_repeats(self):
        row, = consumer.run(self)
        self.assertTrue(row.is_passed, row)
        self.assertGreater(row.samples, 500)
        self.check_verify()

    def check_verify(self):
        """`export --verify` agrees, and finds a row that somebody takes away."""
        factory = self.dir / "factory.conf"
        done = harness.command("export", factory, "--verify")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        with sqlite3.connect(self.dir / "journal.db") as database:
            seq, = database.execute("select seq from samples order by seq desc limit 1 offset 20"
                                    ).fetchone()
            database.execute("delete from samples where seq = ?", (seq,))
        database.close()
        done = harness.command("export", factory, "--verify")
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn(str(seq), done.stdout + done.stderr)

    @harness.quick
    def test_it_finds_what_nobody_announced(self):
        broker = self.broker()
        shown = consumer.Consumer(self, broker.port)
        harness.wait_until(lambda: "as recorder" in broker.log, 10, "the consumer's connection")

        def say(topic, payload):
            publish.single(topic, payload, qos=1, port=broker.port)
        for seq in (1, 2, 2, 3, 5, 8, 9):
            say("lab/hall/p0/samples", f'{{"seq":{seq},"run":7,"t":0}}')
        say("lab/_gateway/gw1/event/evicted", '{"count":2,"from":6,"to":7}')
        say("lab/_gateway/gw1/event/backlog-started", '{"from":4}')
        say("lab/hall/p0/samples", '{"seq":10,"run":7,"t":0}')
        shown.wait_line('"seq":10,', 10)
        recorded = [check.identity(payload)[0] for payload in shown.record()]
        self.assertEqual(shown.end(), [4])
        self.assertEqual(recorded, [1, 2, 3, 5, 8, 9, 10])
