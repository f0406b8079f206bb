"""Ten machines and the broker come and go five times a second: the log stays readable."""

import collections
import re
import time

import check
import harness
import torture
from audit_broker import AuditBroker
from proxy import MODBUS, MQTT, Proxy

LINES_PER_MIN = 60  # of one source
MACHINES = 10


def run(run):
    minutes = run.minutes(1, short=0.1)
    row = torture.Row("S6", f"ten machines and the broker flap 5 times/s for {minutes:g} min")
    audit = AuditBroker(run)
    broker = Proxy(run, audit.port, MQTT)
    factory = run.pattern_factory(MACHINES, 5, "20 ms").broker(broker.port)
    run.simulator(factory)
    lines = []
    for index in range(MACHINES):
        section = factory.sections[f"link p{index}"]
        lines.append(Proxy(run, section["port"], MODBUS))
        section.update(port=lines[-1].port, timeout="200 ms")
    gateway = run.gateway(factory)
    journal, mark, begin = check.Journal(factory.journal_path), gateway.mark(), time.monotonic()
    while time.monotonic() - begin < minutes * 60:
        for line in lines:
            line.refuse()
        broker.cut(is_reset=run.random.random() < 0.5)
        harness.let_pass(0.1)
        for line in lines:
            line.listen()
        harness.let_pass(0.1)
        row.faults += MACHINES + 1
    seconds = time.monotonic() - begin
    said = gateway.lines[mark:]
    sources = collections.Counter(
        (re.search(r"(machine|broker)=(\S+)", text) or [text.split()[0]])[0] for text in said)
    busiest, count = sources.most_common(1)[0] if sources else ("nobody", 0)
    row.require(count <= LINES_PER_MIN * seconds / 60 + 20,
                f"{count} lines of {busiest} in {seconds:.0f} s")
    row.require(any("suppressed" in text for text in said) or row.faults < 500,
                "nothing was folded, and nobody was told")
    row.note = f"{len(said) * 60 / seconds:.0f} lines a minute, {busiest}: {count * 60 / seconds:.0f}"
    last = journal.collect()
    harness.wait_until(lambda: any(check.identity(text)[0] >= last
                                   for text in audit.payloads()[-50:]), 30, "the backlog's end")
    row.require(gateway.stop() == 0, "the end was not orderly")
    row.count(check.check(journal, audit.payloads()))
    return [row]
