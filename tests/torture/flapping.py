"""The broker's connection two seconds up, two seconds down, for ten minutes."""

import time

import check
import harness
import torture
from audit_broker import AuditBroker
from proxy import MQTT, Proxy

LIMIT_S = 1600
UP_S = DOWN_S = 2.0


def run(run):
    minutes = run.minutes(10)
    row = torture.Row("B3", f"broker 2 s up, 2 s down, for {minutes:g} min")
    audit = AuditBroker(run)
    between = Proxy(run, audit.port, MQTT)
    factory = run.pattern_factory(10, 10, "50 ms").broker(between.port)
    simulator = run.simulator(factory)
    gateway = run.gateway(factory)
    footprint, journal = check.Footprint(gateway), check.Journal(factory.journal_path)
    end = time.monotonic() + minutes * 60
    while time.monotonic() < end:
        harness.let_pass(UP_S)
        between.refuse()
        row.faults += 1
        harness.let_pass(DOWN_S)
        begin = time.monotonic()
        connections = audit.connections
        between.listen()
        harness.wait_until(lambda seen=connections: audit.connections > seen, 10, "a connection")
        row.recovered(time.monotonic() - begin)
        footprint.look()
        run.say(f"{row.faults} times, {footprint.kib[-1]} KiB, {len(audit.messages)} messages", 60)
    last = journal.collect()
    harness.wait_until(lambda: any(check.identity(text)[0] >= last
                                   for text in audit.payloads()[-50:]), 30, "the backlog's end")
    row.require(gateway.stop() == 0, "the end was not orderly")
    verdict = check.check(journal, audit.payloads())
    check.check_values(verdict, check.served(simulator.journal),
                       check.values_of(factory.journal_path),
                       {f"p{index}": (f"p{index}", 10) for index in range(10)})
    row.count(verdict)
    row.require(row.repeated <= check.WINDOW * row.faults, f"{row.repeated} repeats")
    flat_kib = 512 if minutes >= 5 else 2048  # a short run does not tell growth from warm-up
    row.require(footprint.grown_kib() < flat_kib, f"memory grew by {footprint.grown_kib()} KiB")
    row.require(max(footprint.descriptors) <= min(footprint.descriptors) + 2,
                f"descriptors: {min(footprint.descriptors)} to {max(footprint.descriptors)}")
    row.note = f"memory {footprint.grown_kib():+} KiB"
    return [row]
