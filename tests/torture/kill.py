"""kill -9 at random moments, with samples flowing: of the gateway, of the broker, of both."""

import json
import sys
import time

import check
import harness
import torture

PARTS = 10
LIMIT_S = 1500
# What is killed, and its share of all kills in tenths.
VICTIMS = (("G1", "gateway", 4), ("B4", "broker", 3), ("G1+B4", "both", 3))
AUDIT = torture.ROOT / "tests" / "system" / "audit_broker.py"


class Audit:
    """The audit broker as a process: what it acknowledged is in its file, whenever it is killed."""
    name = "audit broker"

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
        return [message["text"] for message in stored(self.store)
                if message["topic"].endswith("/samples")]

    def has(self, seq):
        return any(check.identity(message["text"])[0] >= seq for message in stored(self.store, 8192)
                   if message["topic"].endswith("/samples"))

    def end(self):
        self.kill()
        return ""


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


def kill_one_kind(run, row, victim, kills):
    factory = run.pattern_factory(5, 10, "20 ms")
    folder = f"{victim}"
    factory.journal_path = run.dir / f"{folder}.db"
    factory.set("journal", file=factory.journal_path.name, commit="20 ms")
    witness = Audit(run, folder)
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
    harness.wait_until(lambda: witness.has(last), 60, f"the end of the backlog, seq {last}")
    row.recovered(time.monotonic() - begin)
    row.require(gateway.stop() == 0, "the last end was not orderly")
    verdict = check.check(journal, witness.arrived())
    row.note = witness.end()
    simulator.stop()
    machines = {f"p{index}": (f"p{index}", 10) for index in range(5)}
    check.check_values(verdict, check.served(simulator.journal),
                       check.values_of(factory.journal_path), machines)
    row.count(verdict)
    row.require(row.repeated <= kills * check.WINDOW,
                f"{row.repeated} repeats in {kills} kills: more than the window each")
    row.require(not list(run.dir.glob("*.damaged-*")), "a sound journal was set aside")


def run(run):
    kills, rows = run.count("KILLS", 1000), []
    for id_, victim, tenths in VICTIMS:
        row = torture.Row(id_, f"kill -9 of {victim}")
        kill_one_kind(run, row, victim, max(1, round(kills * tenths / 10)))
        rows.append(row)
    return rows
