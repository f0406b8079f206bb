"""The tests' own instruments are right: decoder, schema, audit broker and fake PLC."""

import socket
import struct
from decimal import Decimal

import paho.mqtt.client as mqtt

import audit_broker
import decoder
import fake_plc
import harness
import schema

# Vendors' worked examples: type, order, registers, further columns, what it means.
GOLDEN = (
    ("float32", "CDAB", "7AE1 41F4", {}, ("float32", 30.559999465942383)),
    ("uint16", "AB", "0028", {"scale": "0.1"}, Decimal("4.0")),
    ("string1:4", "", "0053 004F 0043 004F", {}, "SOCO"),
    ("bcd16", "AB", "1234", {}, Decimal(1234)),
    ("uint32", "ABCD", "0001 0002", {}, Decimal(65538)),
    ("float32", "BADC", "F642 79E9", {}, ("float32", 123.45600128173828)),
    ("float64", "ABCDEFGH", "4132 D687 E000 0000", {}, ("float64", 1234567.875)),
    ("uint64", "GHEFCDAB", "CD15 075B 0000 0000", {"scale": "1e-05"}, Decimal("1234.56789")),
    ("int64", "ABCDEFGH", "FFFF FFFF FFFF FFFF", {}, Decimal(-1)),
    ("int32", "CDAB", "FF38 FFFF", {"scale": "0.1"}, Decimal("-20.0")),
    ("uint16", "AB", "7477", {"scale": "0.01", "offset": "-273.15"}, Decimal("25.00")),
    ("int32", "ABCD", "7FFF FFFF", {"absent": "0x7FFFFFFF"}, None),
    ("uint16", "AB", "0237", {"mask": "0x006F", "words": "39=enabled"}, "enabled"),
)

SOUND = ('{"seq":4711,"run":3,"time":"2026-11-23T16:20:00.123Z","t":1795450800123,"q":"good",'
         '"speed":8000,"door_open":false}')
UNSOUND = (
    SOUND.replace('"run":3,', ""), SOUND.replace("4711", '"4711"'), SOUND.replace(".123Z", "Z"),
    SOUND.replace("123,", "124,"), SOUND.replace("8000", "null"), SOUND.replace("8000", "[1]"),
    SOUND.replace('"good"', '"bad"'), SOUND.replace("}", ',"late":false}'),
    SOUND.replace("}", ',"bad":{"speed":"timeout"}}'),
    SOUND.replace("}", ',"bad":{"oil":"tired"}}'),
)


class Witnesses(harness.Scenario):
    def test_decoder_knows_the_vendors_examples(self):
        for kind, order, text, columns, expected in GOLDEN:
            words = [int(word, 16) for word in text.split()]
            row = {"table": "holding", "type": kind, "order": order, **columns}
            self.assertEqual(decoder.decode(row, words).value, expected, row)

    def test_decoder_sees_a_difference_of_one_bit(self):
        verdict = decoder.decode({"type": "float32"}, [0x42f6, 0xe979])
        self.assertEqual(decoder.differs(verdict, Decimal("123.456")), "")
        for wrong in ("123.45601", "123.45600128173828", "-123.456"):
            self.assertTrue(decoder.differs(verdict, Decimal(wrong)), wrong)
        self.assertTrue(decoder.differs(verdict, None))
        self.assertTrue(decoder.differs(decoder.decode({"type": "bool"}, [1]), Decimal(1)))

    def test_schema_refuses_what_is_not_a_sample(self):
        schema.check_sample(harness.exact_json(SOUND))
        for text in UNSOUND:
            with self.assertRaises(Exception, msg=text):
                schema.check_sample(harness.exact_json(text))

    def test_missing_altered_and_disordered_samples_are_seen(self):
        def payload(seq, value):
            return f'{{"seq":{seq},"run":9,"v":{value}}}'
        rows = [(seq, 9, payload(seq, seq)) for seq in (1, 2, 3)]
        sent = [text for _, _, text in rows]
        late = sent[1].replace("}", ',"late":true}')
        self.assertEqual(self.assert_all_delivered(rows, [sent[0], late, sent[1], sent[2]]), 1)
        for wrong in (sent[:2], [sent[0], sent[2], sent[1]], [*sent[:2], payload(3, 4)],
                      [*sent, payload(2, 5)]):
            with self.assertRaises(AssertionError):
                self.assert_all_delivered(rows, wrong)

    def test_audit_broker_stores_before_it_acknowledges(self):
        for version in (mqtt.MQTTv5, mqtt.MQTTv311):
            audit = audit_broker.AuditBroker(self, name=f"audit{version}")
            client = mqtt.Client(client_id="probe", protocol=version)
            client.will_set("w", "gone", 1, True)
            client.connect("127.0.0.1", audit.port)
            client.loop_start()
            self.addCleanup(client.loop_stop)
            client.publish("a/samples", "first", 1).wait_for_publish(10)
            self.assertIn('"text": "first"', audit.path.read_text())
            client._sock.close()
            self.assertTrue(audit.wait_for(lambda a: a.wills == [("w", "gone")], 10))

    def test_audit_broker_cuts_where_it_is_told(self):
        verdicts = {0: audit_broker.CUT_BEFORE_STORE, 2: audit_broker.CUT_AFTER_STORE}
        audit = audit_broker.AuditBroker(
            self, lambda publish: verdicts.get(publish.number, audit_broker.ACK))
        client = mqtt.Client(client_id="probe", clean_session=False)
        client.reconnect_delay_set(1, 1)
        client.connect("127.0.0.1", audit.port)
        client.loop_start()
        self.addCleanup(client.loop_stop)
        for text in ("one", "two"):
            client.publish("a/samples", text, 1).wait_for_publish(15)
        self.assertEqual(audit.payloads(), ["one", "two", "two"])
        self.assertEqual((audit.cuts, audit.connections), (2, 3))

    def test_fake_plc_answers_and_refuses(self):
        plc = fake_plc.FakePlc(self, tables={"holding": {4: 0x1234}, "coil": {0: 1, 1: 0, 2: 1}})
        with socket.create_connection(("127.0.0.1", plc.port), 10) as client:
            for request, reply in (((3, 4, 1), "0001 0000 0005 07 03 02 1234"),
                                   ((3, 4, 2), "0001 0000 0003 07 83 02"),
                                   ((1, 0, 3), "0001 0000 0004 07 01 01 05")):
                client.sendall(struct.pack(">HHHBBHH", 1, 0, 6, 7, *request))
                self.assertEqual(client.recv(100), bytes.fromhex(reply.replace(" ", "")))

    def test_broker_keeps_what_a_durable_subscriber_missed(self):
        port = harness.reserve_port()
        broker = self.broker(port=port)
        watcher = self.subscriber(port, topics=("a/#",), is_durable=True)
        self.assertEqual(broker.stop(), 0)
        self.broker(port=port)
        other = self.subscriber(port, topics=("b",), name="other")
        other.client.publish("a/samples", "kept", 1).wait_for_publish(10)
        self.assertEqual(watcher.wait_topic("a/samples").text, "kept")
