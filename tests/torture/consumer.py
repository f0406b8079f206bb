"""The README's consumer through kills, outages longer than the journal has room for, and repeats: it
explains every gap."""

import re
import signal
import sys

import check
import harness
import torture

MAX_SIZE = "2 MiB"


def shown():
    """The README's program, as it stands there."""
    text = (harness.ROOT / "README.md").read_text(encoding="utf-8")
    return re.search(r"### A record without gaps.*?```python\n(.*?)```", text, re.DOTALL).group(1)


class Consumer(harness.Process):
    def __init__(self, scenario, port):
        program = scenario.dir / "record.py"
        program.write_text(shown(), encoding="utf-8")
        # Whoever runs this in the background may have had SIGINT ignored for all below it.
        super().__init__(scenario, "record", ["env", "--default-signal=INT", sys.executable, program,
                                              "127.0.0.1", port])

    def record(self):
        return [line.split(" ", 1)[1] for line in self.lines if "/samples " in line]

    def has(self, seq):
        return any(check.identity(line.split(" ", 1)[1])[0] >= seq
                   for line in self.lines[-100:] if "/samples " in line)

    def end(self):
        """The seqs that it misses."""
        mark = self.mark()
        self.signal(signal.SIGINT)
        missing = self.wait_line(r"^missing: \[(.*)\]$", 10, mark).group(1)
        return [int(seq) for seq in missing.split(", ") if seq]


def one_round(run, factory, gateway, broker, number):
    """Kills of the gateway, then the broker away until unsent samples had to go."""
    for kill in range(4):
        harness.let_pass(run.random.uniform(0.1, 0.8))
        gateway.kill()
        run.processes.remove(gateway)
        gateway = run.gateway(factory, name=f"gateway{number}-{kill}")
    broker.stop()
    gateway.wait_line("event=evicted", 60)
    return gateway, run.broker(port=broker.port)


def judge(row, consumer, journal):
    record = consumer.record()
    missing = consumer.end()
    identities = [check.identity(payload) for payload in record]
    row.repeated = len(identities) - len(set(identities))
    row.require(row.repeated == 0, f"{row.repeated} repeats were recorded")
    evicted = {seq for first, to, _ in journal.gaps() for seq in range(first, to + 1)}
    row.require(evicted, "nothing was evicted: less was tested than this says")
    lost = [seq for seq, run in journal.committed
            if (seq, run) not in set(identities) and seq not in evicted]
    row.samples, row.lost = len(set(identities)), len(set(lost) | set(missing))
    row.require(not missing, f"gaps that nobody explained: {missing[:5]}")
    row.require(not lost, f"committed and not recorded: {lost[:5]}")
    row.note = f"{len(evicted):,} samples that had to go were announced"


def run(run):
    row = torture.Row("O2", "the README's consumer, through kills and outages")
    broker = run.broker(port=harness.reserve_port())
    factory = run.pattern_factory(5, 100, "20 ms", now="off").broker(broker.port)
    factory.set("journal", commit="20 ms", max_size=MAX_SIZE)
    run.simulator(factory)
    consumer = Consumer(run, broker.port)
    gateway, journal = run.gateway(factory), check.Journal(factory.journal_path)
    consumer.wait_line("/samples ", 10)
    for number in range(run.count("CUTS", 10, short=1)):
        gateway, broker = one_round(run, factory, gateway, broker, number)
        row.faults += 5
        last = journal.collect()
        harness.wait_until(lambda last=last: consumer.has(last), 60, f"seq {last}")
        run.say(f"{row.faults} faults, seq {last}")
    row.require(gateway.stop() == 0, "the end was not orderly")
    last = journal.collect()
    harness.wait_until(lambda: consumer.has(last), 20, f"the last, seq {last}")
    judge(row, consumer, journal)
    return [row]
