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
        say("lab/_gateway/gw1/event/journal-damaged", '{"file":"journal.db.damaged-1"}')
        # Of a machine that the broker refuses 10 and 13 wait, behind two that it has taken; another
        # machine's 12 is lost. Two of 15 to 17 had to go, and 16 is not said to be one of them.
        say("lab/_gateway/gw1/event/rejected", '{"seq":10,"count":4,"from":10,"to":13}')
        say("lab/_gateway/gw1/event/evicted", '{"count":2,"from":15,"to":17}')
        say("lab/_gateway/gw1/event/rejected", '{"seq":19,"count":1,"from":19,"to":19}')
        for seq in (11, 14, 18, 13, 20):
            say("lab/hall/p0/samples", f'{{"seq":{seq},"run":7,"t":0}}')
        shown.wait_line('"seq":20,', 10)
        recorded = [check.identity(payload)[0] for payload in shown.record()]
        self.assertEqual(shown.end(), [4, 10, 12, 15, 16, 17])
        self.assertEqual(recorded, [1, 2, 3, 5, 8, 9, 11, 14, 18, 13, 20])
