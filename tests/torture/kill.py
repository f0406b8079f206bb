"""kill -9 at random moments, with samples flowing: of the gateway, of the broker, of both."""

import contextlib
import json
import re
import sys
import time

import check
import harness
import torture
from away import Listener
from proxy import MQTT, REQUEST, Proxy

PARTS = 10
MACHINES = 5
LIMIT_S = 1500
# What is killed, and its share of all kills in tenths.
VICTIMS = (("G1", "gateway", 4), ("B4", "broker", 3), ("G1+B4", "both", 3))
AUDIT = torture.ROOT / "tests" / "system" / "audit_broker.py"


class Audit:
    """The audit broker as a process: what it acknowledged is in its file, whenever it is killed."""
    name, every = "audit broker", "20 ms"

    def __init__(self, run, folder):
        self.run, self.folder, self.port = run, folder, harness.reserve_port()
        self.store = run.dir / f"{folder}.jsonl"
        self.start()

    def start(self):
        self.process = harness.Process(self.run, f"{self.folder}-broker", [
            sys.executable, AUDIT, self.port, self.store])
        self.process.wait_line("^ready")

    def kill(self):
        self.process.kill()

    def arrived(self):
        """Payloads, in order of arrival."""
        return [message["text"] for message in stored(self.store)
                if message["topic"].endswith("/samples")]

    def has(self, seq):
        return any(check.identity(message["text"])[0] >= seq for message in stored(self.store, 8192)
                   if message["topic"].endswith("/samples"))

    def end(self, _row):
        self.kill()


class Tap:
    """What the broker acknowledged, as it went by on the wire: samples in the order in which they
    were sent, those alone that a PUBACK with success followed."""

    def __init__(self):
        self.sent = []        # [payload, whether it was acknowledged]
        self.under_way = {}   # (connection, packet id) → index

    def __call__(self, connection, direction, frame):
        kind, body = frame[0] >> 4, frame[2 if frame[1] < 128 else 3 if frame[2] < 128 else 4:]
        if direction == REQUEST and kind == 3 and frame[0] & 6:
            length = int.from_bytes(body[:2], "big")
            topic, rest = body[2:2 + length], body[2 + length:]
            if topic.endswith(b"/samples"):
                properties = rest[2]  # fewer than 128 bytes
                self.under_way[connection, rest[:2]] = len(self.sent)
                self.sent.append([rest[3 + properties:].decode(), False])
        elif kind == 4 and (len(body) < 3 or body[2] < 0x80):
            index = self.under_way.pop((connection, body[:2]), None)
            if index is not None:
                self.sent[index][1] = True


class Mosquitto:
    """mosquitto as config/mosquitto.conf has it: it saves each change. It acknowledges first and
    saves then, so what a kill in between makes it forget is its own affair: the gateway is judged
    by what was acknowledged on the wire, and what the broker forgot of that is told beside it."""
    name, every = "mosquitto", "100 ms"  # it saves for each change, and takes no more than that

    def __init__(self, run, folder):
        self.run, self.folder, self.broker = run, folder, None
        self.broker_port, self.tap = harness.reserve_port(), Tap()
        self.start()
        self.port = Proxy(run, self.broker_port, MQTT, self.tap).port
        self.record = Listener(run, f"{folder}-record", self.broker_port, ("+/+/+/samples",), 1)

    def start(self):
        if self.broker:
            self.run.processes.remove(self.broker)
        self.broker = self.run.broker(port=self.broker_port, name=f"{self.folder}-broker",
                                      is_durable=True, settings=("max_inflight_messages 200",))

    def kill(self):
        self.broker.kill()

    def arrived(self):
        return [payload for payload, is_acknowledged in self.tap.sent if is_acknowledged]

    def has(self, seq):
        return any(is_acknowledged and check.identity(payload)[0] >= seq
                   for payload, is_acknowledged in self.tap.sent[-200:])

    def end(self, row):
        """Counts what was acknowledged and never came to the subscriber, whose session outlives kills."""
        wanted = {check.identity(payload) for payload in self.arrived()}

        def missing():
            return wanted - {check.identity(payload)
                             for _, _, _, payload in self.record.messages()}
        with contextlib.suppress(harness.TimedOut):
            harness.wait_until(lambda: not missing(), 5, "the subscriber")
        row.forgotten = len(missing())


def stored(path, tail=None):
    """The messages of a store, or those in its last bytes. A line that was cut is none: it was
    not acknowledged."""
    with open(path, "rb") as file:
        if tail is not None:
            file.seek(max(0, path.stat().st_size - tail))
            if file.tell():
                file.readline()
        return [json.loads(line) for line in file if line.endswith(b"}\n")]


def one_kill(run, factory, witness, gateway, victim):
    """Kills at a random moment after the start and starts again; returns the new gateway and how
    long it took until it was ready again."""
    harness.let_pass(run.random.uniform(0.01, 0.9))
    if victim in ("gateway", "both"):
        gateway.kill()
    if victim in ("broker", "both"):
        witness.kill()
    begin = time.monotonic()
    if victim in ("broker", "both"):
        witness.start()
    if victim in ("gateway", "both"):
        run.processes.remove(gateway)
        gateway = run.gateway(factory)
    return gateway, time.monotonic() - begin


def kill_one_kind(run, row, broker, victim, kills):
    factory = run.pattern_factory(MACHINES, 10, broker.every, now="off")
    folder = victim
    factory.journal_path = run.dir / f"{folder}.db"
    factory.set("journal", file=factory.journal_path.name, commit="20 ms")
    witness = broker(run, folder)
    factory.broker(witness.port)
    simulator = run.simulator(factory, name=f"{folder}-simulator")
    journal = check.Journal(factory.journal_path)
    gateway = run.gateway(factory)
    for number in range(kills):
        with run.busy():
            gateway, seconds = one_kill(run, factory, witness, gateway, victim)
        row.recovered(seconds)
        row.faults += 1
        last = journal.collect()
        run.say(f"{victim} {number + 1} of {kills} kills, {last} samples")
    begin = time.monotonic()
    last = journal.collect()
    harness.wait_until(lambda: witness.has(last), 180, f"the end of the backlog, seq {last}")
    row.recovered(time.monotonic() - begin)
    # A broker that saves each change may be slower than the end allows: nothing new comes first.
    simulator.stop()
    harness.wait_until(lambda: len(re.findall(r"machine=p\d event=lost", gateway.log)) == MACHINES,
                       20, "the last word of each machine")
    harness.wait_until(lambda: witness.has(journal.collect()), 180, "the last samples")
    row.require(gateway.stop() == 0, "the last end was not orderly")
    verdict = check.check(journal, witness.arrived())
    witness.end(row)
    machines = {f"p{index}": (f"p{index}", 10) for index in range(MACHINES)}
    check.check_values(verdict, check.served(simulator.journal),
                       check.values_of(factory.journal_path), machines)
    row.count(verdict)
    row.require(row.repeated <= kills * check.WINDOW,
                f"{row.repeated} repeats in {kills} kills: more than the window each")
    row.require(not list(run.dir.glob("*.damaged-*")), "a sound journal was set aside")


def run(run):
    kills, broker = run.count("KILLS", 1000), (Audit, Mosquitto)[run.part % 2]
    for id_, victim, tenths in VICTIMS:
        row = torture.Row(id_, f"kill -9 of {victim}; {broker.name}")
        kill_one_kind(run, row, broker, victim, max(1, round(kills * tenths / 10)))
        yield row
