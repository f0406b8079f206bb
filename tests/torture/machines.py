"""Machines that misbehave in every way that Modbus TCP allows, beside healthy ones that must not
notice."""

import time

import check
import harness
import proxy
import torture
from audit_broker import AuditBroker
from proxy import MODBUS, Proxy

LIMIT_S = 1200
IS_EXCLUSIVE = True  # it judges how punctual the healthy ones are
EVERY_MS, HEALTHY, WORDS = 100, 8, 10
JITTER_MS = 50


def other(fault, chance=1.0):
    return lambda line: line.inject(fault, chance)


# id, what, how the sick machines' proxies begin it, whether a machine answers at times meanwhile.
KINDS = (
    ("M1", "refuses connections", Proxy.refuse),
    ("M1", "packets vanish", Proxy.blackhole),
    ("M1", "accepts and is dead", other(proxy.swallow)),
    ("M2", "300 ms late", other(proxy.late(0.3))),
    ("M2", "one byte per 150 ms", other(proxy.dribble(0.15))),
    ("M2", "half a reply, then nothing", other(proxy.half_then_nothing)),
    ("M3", "every third reply later than its timeout", other(proxy.late(0.7), 0.3)),
    ("M3", "every second reply twice", other(proxy.duplicate, 0.5)),
    ("M3", "replies in another order", other(proxy.overtaken, 0.4)),
    ("M3", "wrong transaction", other(proxy.wrong_transaction, 0.3)),
    ("M4", "garbage", other(proxy.garbage, 0.3)),
    ("M4", "wrong unit", other(proxy.wrong_unit, 0.3)),
    ("M4", "wrong protocol", other(proxy.wrong_protocol, 0.3)),
    ("M4", "wrong function", other(proxy.wrong_function, 0.3)),
    ("M4", "lying length", other(proxy.lying_length, 0.3)),
    ("M4", "lying byte count", other(proxy.lying_count, 0.3)),
    ("M4", "cut in mid frame", other(proxy.cut_in_frame, 0.2)),
    ("M5", "exception 2 to everything", other(proxy.exceptions(2))),
    ("M5", "exception 4 to everything", other(proxy.exceptions(4))),
    ("M5", "exception 6 to everything", other(proxy.exceptions(6))),
    ("M6", "reset in mid frame", other(proxy.reset_in_frame, 0.2)),
    ("M6", "hangs, its kernel still acknowledges", Proxy.freeze),
)


class Hall:
    """Healthy machines and as many sick ones, these behind proxies, one gateway."""

    def __init__(self, run, sick=2):
        self.run, self.audit = run, AuditBroker(run)
        self.factory = run.pattern_factory(HEALTHY + sick, WORDS, f"{EVERY_MS} ms")
        self.factory.broker(self.audit.port)
        self.simulator = run.simulator(self.factory)
        self.lines = []
        for name in self.sick_names(sick):
            section = self.factory.sections[f"link {name}"]
            line = Proxy(run, section["port"], MODBUS)
            section.update(port=line.port, timeout="500 ms")
            self.lines.append(line)
        self.gateway = run.gateway(self.factory)
        self.journal = check.Journal(self.factory.journal_path)
        self.clock = harness.Metronome(EVERY_MS)

    def sick_names(self, count):
        return [f"p{index}" for index in range(HEALTHY, HEALTHY + count)]

    def healthy_times(self, after):
        """machine → times of its samples in milliseconds, those of seq above `after`."""
        found = {f"p{index}": [] for index in range(HEALTHY)}
        for (seq, _), (machine, payload) in check.values_of(self.factory.journal_path).items():
            if seq > after and machine in found:
                found[machine].append(check.time_ms(payload))
        return found


def is_back(hall, line_names, after):
    """Whether each of these machines has a good sample with a higher seq."""
    good = {machine for (seq, _), (machine, payload)
            in check.values_of(hall.factory.journal_path, after).items()
            if '"q":"good"' in payload}
    return set(line_names) <= good


def one_fault(hall, row, begin, seconds):
    after, lines = hall.journal.collect(), hall.gateway.mark()
    connections = sum(line.connections for line in hall.lines)
    injected = sum(line.injected for line in hall.lines)
    for line in hall.lines:
        begin(line)
    harness.let_pass(seconds)
    for line in hall.lines:
        if begin is Proxy.refuse:
            line.listen()
        line.heal()
    healed, last = time.monotonic(), hall.journal.collect()
    names = hall.sick_names(len(hall.lines))
    # What a machine once refused as unknown is asked again after a minute.
    harness.wait_until(lambda: is_back(hall, names, last), 75, f"good samples after: {row.fault}")
    row.recovered(time.monotonic() - healed)
    row.faults += sum(line.injected for line in hall.lines) - injected
    said = hall.gateway.mark() - lines
    row.require(said <= 2 * len(names) * (2 + seconds / 2), f"{said} log lines in {seconds:.0f} s")
    churn = sum(line.connections for line in hall.lines) - connections
    row.require(churn <= len(names) * (4 + seconds * 10), f"{churn} connections")
    judge_neighbours(hall, row, after)
    row.samples = hall.journal.collect() - after
    row.note = f"{row.note}; {churn} connections"


def judge_neighbours(hall, row, after):
    """I5: no beat missed, none much later than this computer itself is."""
    missed, late = 0, []
    for times in hall.healthy_times(after).values():
        missed += check.missed(sorted(times), EVERY_MS)
        late += harness.late_ms(times, EVERY_MS)
    worst = harness.p99(late)
    computer = hall.clock.worst_ms()
    hall.clock.late_ms()
    row.note = f"healthy: {missed} beats missed, jitter p99 {worst:.1f} ms"
    if hall.run.is_short:  # a second or two, on a computer that may be busy: it judges values alone
        return
    row.require(missed <= 0 or computer > EVERY_MS / 4,
                f"the healthy missed {missed} beats; this computer was late by {computer:.0f} ms")
    row.require(worst < JITTER_MS + computer,
                f"the healthy were late by {worst:.0f} ms (p99), this computer by {computer:.0f} ms")


def run(run):
    seconds = run.minutes(0.1, short=0.03) * 60
    kinds = KINDS[2::9] if run.is_short else KINDS
    hall, rows = Hall(run), []
    harness.wait_until(lambda: is_back(hall, [f"p{index}" for index in range(HEALTHY)], 0), 10,
                       "good samples of all")
    for id_, fault, begin in kinds:
        row = torture.Row(id_, f"machine: {fault}")
        one_fault(hall, row, begin, seconds)
        rows.append(row)
        run.say(f"{len(rows)} of {len(kinds)} kinds")
    last = hall.journal.collect()
    harness.wait_until(lambda: any(check.identity(text)[0] >= last
                                   for text in hall.audit.payloads()[-50:]), 20, "the last samples")
    whole = torture.Row("I1-I4", "all machines' faults together: what arrived, against what was "
                                 "served", faults=sum(row.faults for row in rows))
    whole.require(hall.gateway.stop() == 0, "the end was not orderly")
    hall.simulator.stop()
    verdict = check.check(hall.journal, hall.audit.payloads())
    check.check_values(verdict, check.served(hall.simulator.journal),
                       check.values_of(hall.factory.journal_path),
                       {f"p{index}": (f"p{index}", WORDS) for index in range(HEALTHY + 2)})
    whole.count(verdict)
    hall.clock.end()
    return [*rows, whole]
