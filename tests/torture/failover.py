"""Two brokers in the list: the first dies, the second takes over, dies, and so on."""

import time

import check
import harness
import torture
from audit_broker import AuditBroker
from proxy import MQTT, Proxy


def newest(audit):
    return max((check.identity(text)[0] for text in audit.payloads()[-50:]), default=0)


def run(run):
    times = run.count("CUTS", 10, short=1)
    row = torture.Row("B9", "two brokers, the one in use dies")
    audits = [AuditBroker(run, name=f"audit{index}") for index in range(2)]
    lines = [Proxy(run, audit.port, MQTT) for audit in audits]
    factory = run.pattern_factory(5, 10, "50 ms")
    factory.set("broker", url=", ".join(f"mqtt://127.0.0.1:{line.port}" for line in lines))
    simulator = run.simulator(factory)
    gateway = run.gateway(factory)
    harness.wait_until(lambda: newest(audits[0]) > 50, 10, "the first samples")
    faults = (Proxy.refuse, Proxy.blackhole, Proxy.freeze)
    journal, order = check.Journal(factory.journal_path), []
    for number in range(times):
        used, other = number % 2, 1 - number % 2
        harness.let_pass(run.random.uniform(1, 2))
        fault, reached = run.random.choice(faults), newest(audits[other])
        begin = time.monotonic()
        fault(lines[used])
        row.faults += 1
        harness.wait_until(lambda other=other, reached=reached: newest(audits[other]) > reached, 20,
                           f"samples at the other broker, after {fault.__name__}")
        row.recovered(time.monotonic() - begin)
        last = journal.collect()
        harness.wait_until(lambda other=other, last=last: newest(audits[other]) >= last, 20,
                           "the backlog at the other broker")
        if fault is Proxy.refuse:
            lines[used].listen()
        lines[used].heal()
        order.append(fault.__name__)
        run.say(f"{number + 1} of {times} fail-overs")
    row.require(gateway.stop() == 0, "the end was not orderly")
    simulator.stop()
    messages = sorted((message for audit in audits for message in audit.messages
                       if message.topic.endswith("/samples")), key=lambda message: message.time)
    row.count(check.check(journal, [message.text for message in messages]))
    row.require(row.repeated <= check.WINDOW * times, f"{row.repeated} repeats")
    row.note = ", ".join(f"{order.count(name)} x {name}" for name in sorted(set(order)))
    return [row]
