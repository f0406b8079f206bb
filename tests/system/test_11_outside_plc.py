"""A PLC that nobody here wrote (pymodbus), random registers, and a decoder of our own: equal."""

import time

import decoder
import harness
from pymodbus_plc import PymodbusPlc

SCALES = (("", ""), ("0.1", ""), ("1e-05", ""), ("1000", ""), ("0.01", "-273.15"))
ROUNDS = 3 if harness.IS_SANITIZED else 15


class OutsidePlc(harness.Scenario):
    """D5, D13, D14: floats bit by bit, every order of every width."""

    def setUp(self):
        super().setUp()
        self.rows = {}    # machine: its map
        self.units = {}   # machine: its unit id

    def build(self):
        plc, broker, factory = PymodbusPlc(self), self.broker(), self.factory()
        factory.broker(broker.port).link("outside", plc.port)
        for table in ("holding", "input"):
            for index, (scale, offset) in enumerate(SCALES):
                self.rows[f"{table}{index}"] = decoder.every_kind(table, scale, offset)
        for table in ("coil", "discrete"):
            self.rows[table] = decoder.every_kind(table)
        for unit, (name, rows) in enumerate(self.rows.items(), 1):
            self.units[name] = unit
            factory.machine(name, "outside", rows, unit_id=unit, every="250 ms")
        return plc, broker, factory

    def fill(self, plc):
        """New registers in every unit; returns what they are."""
        filled = {}
        for name, rows in self.rows.items():
            words = {}
            for row in rows:
                # A row that shares a register with an earlier one reads what is there.
                for index, value in enumerate(decoder.random_words(row, self.random)):
                    words.setdefault(row["address"] + index, value)
            plc.fill(self.units[name], rows[0]["table"], words)
            filled[name] = words
        return filled

    def compare(self, name, words, sample):
        wrong = []
        qualities = set()
        for row in self.rows[name]:
            start = row["address"]
            count = 1 if row["table"] in ("coil", "discrete") else decoder.registers_of(row)
            registers = [words[start + i] for i in range(count)]
            verdict = decoder.decode(row, registers)
            qualities.add(verdict.quality)
            why = decoder.differs(verdict, sample[row["tag"]])
            reason = sample.get("bad", {}).get(row["tag"], "")
            if not why and reason != verdict.reason:
                why = f"has the reason {reason!r}, must have {verdict.reason!r}"
            if why:
                wrong.append(f"{name} {row['tag']} {[f'{r:04x}' for r in registers]} scale="
                             f"{row.get('scale')!r} offset={row.get('offset')!r} {why}")
        quality = ("bad" if qualities == {"bad"} else
                   "good" if qualities == {"good"} else "uncertain")
        if sample["q"] != quality:
            wrong.append(f"{name} q is {sample['q']}, must be {quality}")
        return wrong

    @harness.quick
    @harness.limit(110)
    def test_every_type_order_table_and_scale_is_published_exactly(self):
        plc, broker, factory = self.build()
        filled = self.fill(plc)
        watcher = self.subscriber(broker.port, topics=("lab/+/+/samples",))
        self.gateway(factory)
        wrong, compared = [], 0
        for _ in range(ROUNDS):
            since, start = time.time() * 1000 + 100, watcher.mark()
            for name, words in filled.items():
                message = watcher.wait_for(
                    lambda m, name=name, since=since:
                        m.topic.endswith(f"/{name}/samples") and m.json["t"] > since,
                    timeout=15, start=start, what=f"a sample of {name}")
                wrong += self.compare(name, words, message.json)
                compared += len(self.rows[name])
            filled = self.fill(plc)
        self.assertGreater(compared, 700 * ROUNDS)
        self.assertFalse(wrong, f"{len(wrong)} of {compared} values differ (seed {self.seed}):\n"
                         + "\n".join(wrong[:40]))
