"""Journals that were damaged on purpose, and what the gateway makes of them.

A template (file, log and note of a gateway that was killed with everything unsent) is damaged in
one place and given to a new gateway. Every sample of it must then come out unaltered and in
order, or be named as lost; nobody may wait for that.
"""

import json
import shutil
import sqlite3
import time

import harness
from audit_broker import AuditBroker

PARTS = ("", "-wal", ".lock")
START_S = 5.0


class Template:
    def __init__(self, scenario, seconds=1.5, machines=4):
        self.scenario = scenario
        self.audit = AuditBroker(scenario)
        self.factory = scenario.pattern_factory(machines, 10, "20 ms")
        self.factory.set("journal", file="journal.db", commit="20 ms")
        self.factory.broker(harness.reserve_port())
        simulator = scenario.simulator(self.factory)
        gateway = scenario.gateway(self.factory, name="first")
        harness.let_pass(seconds)
        gateway.kill()
        simulator.kill()
        self.path = self.factory.journal_path
        self.kept = scenario.dir / "template"
        self.kept.mkdir()
        for part in PARTS:
            shutil.copy(f"{self.path}{part}", self.kept / f"journal.db{part}")
        self.rows = {(seq, run): payload
                     for seq, run, payload in harness.journal_rows(self.path)}
        # A commit that the kill cut off before it returned was promised to nobody.
        promised = int((self.kept / "journal.db.lock").read_text().split()[2], 16)
        self.promised = {key for key in self.rows if key[0] <= promised}
        self.factory.broker(self.audit.port)
        self.factory.write()

    def put(self):
        for stale in self.path.parent.glob("journal.db*"):
            stale.unlink()
        for part in PARTS:
            shutil.copy(self.kept / f"journal.db{part}", f"{self.path}{part}")

    def checkpoint(self):
        """Empties the log into the file: else the damage there would be covered by it."""
        connection = sqlite3.connect(self.path)
        connection.execute("pragma wal_checkpoint(truncate)")
        connection.close()

    def blank_sector(self):
        """Zeros in the middle, as of a sector that a disk has lost."""
        self.checkpoint()
        with open(self.path, "r+b") as file:
            file.seek(self.path.stat().st_size // 2 // 4096 * 4096)
            file.write(bytes(512))
        return "a sector in the middle"

    def flip(self, part, random):
        """One bit, anywhere; returns where."""
        if part == "":
            self.checkpoint()
        file = self.path.with_name(self.path.name + part)
        data = bytearray(file.read_bytes())
        bit = random.randrange(len(data) * 8)
        data[bit // 8] ^= 1 << bit % 8
        file.write_bytes(data)
        return f"bit {bit} of journal.db{part}"

    def cut(self, random):
        file = self.path.with_name(self.path.name + "-wal")
        size = random.randrange(file.stat().st_size)
        with open(file, "r+b") as log:
            log.truncate(size)
        return f"journal.db-wal cut at {size}"


class Outcome:
    """What one start with a damaged journal came to."""

    def __init__(self, template, name):
        self.template = template
        self.first = len(template.audit.messages)
        begin = time.monotonic()
        self.gateway = template.scenario.gateway(template.factory, name=name)
        self.start_s = time.monotonic() - begin
        self.arrived, self.order, self.wrong, self.named = {}, [], 0, set()
        self.read = self.first

    def look(self):
        """Takes in what has come; whether everything is accounted for."""
        for message in self.template.audit.messages[self.read:]:
            self.read += 1
            if message.topic.endswith("/samples"):
                key = harness.identity(message.text)
                payload = harness.without_late(message.text)
                if key in self.template.rows and payload != self.template.rows[key]:
                    self.wrong += 1
                if key not in self.arrived:
                    self.order.append(key)
                self.arrived[key] = payload
            elif message.topic.endswith(("/event/damaged", "/event/evicted")):
                event = json.loads(message.text)
                self.named.update(range(event["from"], event["to"] + 1))
        return not self.missing()

    def missing(self):
        return [key for key in self.template.promised
                if key not in self.arrived and key[0] not in self.named]

    def lost(self):
        return sum(key not in self.arrived for key in self.template.promised)

    def invented(self):
        """Samples of the earlier run that it had never committed."""
        runs = {run for _, run in self.template.rows}
        return [key for key in self.arrived if key[1] in runs and key not in self.template.rows]

    def await_all(self, timeout=20):
        try:
            harness.wait_until(self.look, timeout, "all samples, or word of them")
        except harness.TimedOut as late:
            missing = sorted(self.missing())
            raise harness.TimedOut(f"{late}; {len(missing)} are missing, the first are "
                                   f"{missing[:3]}") from None

    def end(self):
        code = self.gateway.stop()
        self.template.scenario.processes.remove(self.gateway)
        self.look()
        return code


def play(template, name, hurt):
    """Damages the template with `hurt`, starts, and awaits the outcome."""
    template.put()
    what = hurt(template)
    outcome = Outcome(template, name)
    outcome.what = what
    outcome.await_all()
    outcome.code = outcome.end()
    return outcome


def complaints(outcome):
    """What is wrong with an outcome, in words."""
    found = []
    if outcome.start_s > START_S * harness.PATIENCE:
        found.append(f"it took {outcome.start_s:.1f} s to start")
    if outcome.wrong or outcome.invented():
        found.append(f"{outcome.wrong} wrong, {len(outcome.invented())} invented")
    if outcome.order != sorted(outcome.order):
        found.append("out of order")
    if outcome.code != 0:
        found.append(f"it ended with {outcome.code}")
    return [f"{outcome.what}: {words}" for words in found]
