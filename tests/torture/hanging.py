"""A broker that hangs, and a network that is gone: nobody says that the connection is dead."""

import time

import check
import harness
import torture
from audit_broker import AuditBroker
from proxy import MQTT, Proxy

DETECTION_S = 10


def hang(run, row, begin_fault, end_fault, times):
    """One gateway; the fault begins and ends several times."""
    audit = AuditBroker(run, name=f"audit-{row.id}")
    between = Proxy(run, audit.port, MQTT)
    factory = run.pattern_factory(10, 10, "100 ms").broker(between.port)
    factory.journal_path = run.dir / f"{row.id}.db"
    factory.set("journal", file=factory.journal_path.name)
    simulator = run.simulator(factory, name=f"simulator-{row.id}")
    gateway = run.gateway(factory, name=f"gateway-{row.id}")
    journal, slowest, before_kib = check.Journal(factory.journal_path), 0.0, 0
    for number in range(times):
        harness.let_pass(run.random.uniform(1, 3))
        before_kib = before_kib or gateway.rss_kib()
        mark, begin = gateway.mark(), time.monotonic()
        begin_fault(between)
        gateway.wait_line("event=lost", DETECTION_S * 2, mark)
        slowest = max(slowest, time.monotonic() - begin)
        harness.let_pass(run.random.uniform(0, 4))
        end_fault(between)
        begin = time.monotonic()
        gateway.wait_line("event=connected", 20, mark)
        row.recovered(time.monotonic() - begin)
        row.faults += 1
        run.say(f"{row.fault}: {number + 1} of {times}")
    last = journal.collect()
    harness.wait_until(lambda: any(check.identity(text)[0] >= last
                                   for text in audit.payloads()[-50:]), 30, "the backlog's end")
    grown_kib = gateway.rss_kib() - before_kib
    row.require(slowest <= DETECTION_S, f"found out after {slowest:.1f} s")
    row.require(grown_kib < 4096, f"memory grew by {grown_kib} KiB")
    row.require(gateway.stop() == 0, "the end was not orderly")
    simulator.stop()
    row.count(check.check(journal, audit.payloads()))
    row.require(row.repeated <= check.WINDOW * times, f"{row.repeated} repeats")
    row.note = f"found out after {slowest:.1f} s at most; memory {grown_kib:+} KiB"


def run(run):
    times = run.count("CUTS", 6, short=1)
    frozen = torture.Row("B5", "broker hangs, its kernel still acknowledges")
    hang(run, frozen, Proxy.freeze, Proxy.heal, times)
    dark = torture.Row("B6", "packets to and from the broker vanish")
    hang(run, dark, Proxy.blackhole, Proxy.heal, times)
    return [frozen, dark]
