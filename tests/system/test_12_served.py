"""The simulator's journal is the oracle: what it served is what others read and we publish."""

import json
import re
import shutil
import subprocess

import harness
import shipped


class Served(harness.Scenario):
    def served(self, simulator):
        """What the simulator says it has sent, in order."""
        self.assertEqual(simulator.stop(), 0)
        return [json.loads(line) for line in simulator.journal.read_text().splitlines()]

    def mbpoll(self, port, unit, table, address, count):
        kind = {"coil": 0, "discrete": 1, "input": 3, "holding": 4}[table]
        done = subprocess.run(
            [shutil.which("mbpoll"), "-1", "-0", "-m", "tcp", "-p", str(port), "-a", str(unit),
             "-t", str(kind), "-r", str(address), "-c", str(count), "-o", "5", "127.0.0.1"],
            capture_output=True, text=True, timeout=30, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return [int(value) for value in re.findall(r"^\[\d+\]:\s+(\d+)", done.stdout, re.M)]

    @harness.quick
    def test_mbpoll_reads_what_the_journal_says(self):
        factory = shipped.Shipped()
        simulator = self.simulator(factory, "--port-offset", factory.offset)
        port = {name: number + factory.offset for name, number in
                zip(("m3_mill", "m4_oven", "u2_meter"), (5023, 5024, 5029))}
        asked = [("m3_mill", 1, "input", 0, 18), ("m3_mill", 1, "discrete", 0, 8),
                 ("m3_mill", 1, "coil", 0, 3), ("m4_oven", 17, "holding", 0, 3),
                 ("u2_meter", 1, "input", 1, 12)]
        got = [(name, unit, table, address,
                self.mbpoll(port[name], unit, table, address, count))
               for name, unit, table, address, count in asked]
        told = self.served(simulator)
        for name, unit, table, address, values in got:
            entries = [entry["words"] for entry in told
                       if (entry["endpoint"], entry["unit"], entry["table"], entry["address"])
                       == (name, unit, table, address)]
            self.assertIn(values, entries, f"{name} {table}:{address}")

    @harness.quick
    def test_every_reply_is_one_sample_with_its_values(self):
        broker = self.broker()
        factory = self.pattern_factory(2, 20, "20 ms").broker(broker.port)
        simulator = self.simulator(factory)
        watcher = self.subscriber(broker.port, topics=("lab/+/+/samples",))
        gateway = self.gateway(factory)
        watcher.wait_for(lambda m: True, 30, count=600)
        self.assertEqual(gateway.stop(), 0)
        told = self.served(simulator)
        for name in ("p0", "p1"):
            served = [entry["words"] for entry in told if entry["endpoint"] == name]
            samples = [m.json for m in watcher.samples(name)]
            self.assertEqual({s["q"] for s in samples}, {"good"})
            published = [[int(s[f"w{i}"]) for i in range(20)] for s in samples]
            # What the gateway asked for when it was told to stop may have found nobody.
            self.assertEqual(published, served[:len(published)])
            self.assertLessEqual(len(served) - len(published), 1)
            self.assertGreater(len({tuple(words) for words in served}), 10, "the values stand still")
