"""The broker dies between PUBLISH and PUBACK, loses acknowledgements, or refuses a message."""

import audit_broker
import harness
from audit_broker import AuditBroker


class BrokerDies(harness.Scenario):
    """D4, D6: only an acknowledgement with a success reason code ends a publication."""

    def run_against(self, judge, wanted, version="5", receive_maximum=20):
        audit = AuditBroker(self, judge, receive_maximum=receive_maximum)
        factory = self.pattern_factory(4, 10, "20 ms").broker(audit.port, version=version)
        self.simulator(factory)
        gateway = self.gateway(factory)
        came = audit.wait_for(lambda a: sum(m.topic.endswith("/samples") for m in a.messages)
                              >= wanted, 60 * harness.PATIENCE)
        self.assertTrue(came, f"only {len(audit.payloads())} of {wanted} samples came\n"
                              f"{gateway.log[-2000:]}")
        audit.judge = lambda publish: audit_broker.ACK
        return factory, gateway, audit

    def finish(self, factory, gateway, audit):
        """Everything that is in the journal arrives before a patient end."""
        def is_all_there():
            last = harness.journal_rows(factory.journal_path)[-1][0]
            return audit.wait_for(lambda a: any(harness.identity(text)[0] >= last
                                                for text in a.payloads()[-50:]), 1)
        harness.wait_until(is_all_there, 20, "the end of the backlog")
        self.assertEqual(gateway.stop(), 0)
        return harness.journal_rows(factory.journal_path)

    def cut_at_random(self, verdicts, chance):
        """One message in `chance`, on average, is cut; not two within twenty: it must get on."""
        state = {"next": 30}

        def judge(publish):
            if publish.number < state["next"]:
                return audit_broker.ACK
            state["next"] = publish.number + 20 + self.random.randrange(chance * 2)
            return self.random.choice(verdicts)
        return judge

    def check_cuts(self, version):
        verdicts = (audit_broker.CUT_BEFORE_STORE, audit_broker.CUT_AFTER_STORE,
                    audit_broker.CUT_AFTER_ACK)
        factory, gateway, audit = self.run_against(self.cut_at_random(verdicts, 60), 600,
                                                   version)
        rows = self.finish(factory, gateway, audit)
        repeats = self.assert_all_delivered(rows, audit.payloads())
        self.assertGreaterEqual(audit.cuts, 4)
        self.assertLessEqual(repeats, audit.cuts * 20, "more repeats than window times cuts")
        self.assertFalse([m for m in audit.messages if m.is_repeat],
                         "a new handle never sets DUP: the journal repeats, not the library")

    @harness.quick
    @harness.limit(100)
    def test_cut_between_publish_and_puback(self):
        self.check_cuts("5")

    @harness.limit(100)
    def test_cut_between_publish_and_puback_in_3_1_1(self):
        self.check_cuts("3.1.1")

    @harness.limit(100)
    def test_acknowledgements_doubled_and_out_of_order(self):
        verdicts = (audit_broker.TWICE, audit_broker.SWAP)
        factory, gateway, audit = self.run_against(self.cut_at_random(verdicts, 20), 1000)
        rows = self.finish(factory, gateway, audit)
        self.assert_all_delivered(rows, audit.payloads())

    @harness.quick
    @harness.limit(100)
    def test_a_lost_acknowledgement_ends_the_connection_after_5_s(self):
        def judge(publish):
            return audit_broker.NO_ACK if publish.number == 200 else audit_broker.ACK
        factory, gateway, audit = self.run_against(judge, 900)
        rows = self.finish(factory, gateway, audit)
        self.assert_all_delivered(rows, audit.payloads())
        self.assertGreaterEqual(audit.connections, 2)

    @harness.limit(100)
    def test_a_refused_message_is_parked_blocks_nobody_and_comes_later(self):
        refused, from_numbers = [], [150, 151, 300]

        def judge(publish):
            is_sample = publish.topic.endswith("/samples")
            if is_sample and from_numbers and publish.number >= from_numbers[0]:
                del from_numbers[0]
                refused.append(harness.identity(publish.text)[0])
                return audit_broker.REFUSE
            return audit_broker.ACK
        factory, gateway, audit = self.run_against(judge, 900)
        rows = self.finish(factory, gateway, audit)
        late = {harness.identity(text)[0] for text in audit.payloads() if "late" in text}
        self.assertLessEqual(set(refused), late, "what was refused came when it was taken")
        # What followed a refused sample on its topic waited behind it.
        prompt = [text for text in audit.payloads() if "late" not in text]
        self.assert_all_delivered([row for row in rows if row[0] not in late], prompt)
        self.assertEqual(len(refused), 3, "a refused message is not repeated at once")
        self.assertRegex(gateway.log, r"event=rejected .* parked=yes")
        told = [harness.exact_json(text) for text in audit.payloads("event/rejected")]
        self.assertIn(refused[0], {event["from"] for event in told})

    def refuse_machine_then_poison(self, kill):
        """The broker refuses a machine's topic; when it allows it, some of what waited is refused
        for good. Returns what was."""
        is_allowed, poisoned = [], set()

        def judge(publish):
            if "/p1/samples" not in publish.topic:
                return audit_broker.ACK
            seq = harness.identity(publish.text)[0]
            if not is_allowed:
                return audit_broker.REFUSE
            if '"late":true' in publish.text and (seq in poisoned or len(poisoned) < 3):
                poisoned.add(seq)
                return audit_broker.Refuse(0x99)
            return audit_broker.ACK
        factory, gateway, audit = self.run_against(judge, 300)
        audit.judge = judge
        if kill:
            gateway.kill()
            gateway = self.gateway(factory)
        is_allowed.append(True)
        wanted = {row[0] for row in harness.journal_rows(factory.journal_path)}
        harness.wait_until(lambda: wanted - poisoned <= {harness.identity(text)[0] for text in
                                                         audit.payloads()}, 60,
                           "all but what is refused for good")
        self.assertEqual(len(poisoned), 3)

        def announced():
            events = map(harness.exact_json, audit.payloads("event/rejected"))
            return {int(event["seq"]) for event in events if event["reason_code"] == 0x99}
        harness.wait_until(lambda: announced() == poisoned, 20, "their announcement")
        self.assertEqual(gateway.stop(), 0)

    @harness.limit(100)
    def test_a_waiting_sample_refused_for_good_blocks_nobody(self):
        self.refuse_machine_then_poison(kill=False)

    @harness.limit(100)
    def test_a_sample_refused_for_good_blocks_nobody_after_a_kill(self):
        self.refuse_machine_then_poison(kill=True)

    @harness.quick
    @harness.limit(60)
    def test_an_event_that_a_full_quota_refuses_comes_later(self):
        is_full = [True]
        refused = []

        def judge(publish):
            if is_full and "/event/" in publish.topic:
                refused.append(publish.text)
                return audit_broker.Refuse(0x97)
            return audit_broker.ACK
        audit = AuditBroker(self, judge)
        factory = self.pattern_factory(1, 10, "50 ms").broker(audit.port)
        simulator = self.simulator(factory)
        gateway = self.gateway(factory)
        simulator.stop()
        harness.wait_until(lambda: refused, 20, "a refused event")
        is_full.clear()
        wanted = set(refused)
        self.assertTrue(audit.wait_for(lambda a: wanted <= {m.text for m in a.messages
                                                            if "/event/" in m.topic}, 20),
                        f"{wanted} did not come")
        self.assertEqual(gateway.stop(), 0)

    @harness.quick
    @harness.limit(100)
    def test_receive_maximum_is_kept(self):
        factory, gateway, audit = self.run_against(lambda publish: audit_broker.HOLD, 100,
                                                   receive_maximum=3)
        rows = self.finish(factory, gateway, audit)
        self.assert_all_delivered(rows, audit.payloads())
        self.assertEqual(audit.most_held, 3, "messages under way when the broker allows 3")
