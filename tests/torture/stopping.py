"""SIGTERM at the worst moment: with a backlog, with everybody hung."""

import signal
import time

import check
import harness
import torture
from audit_broker import AuditBroker
from proxy import MODBUS, MQTT, Proxy

STOP_S = 3


class Line:
    """Machines and a broker, all behind proxies that can freeze."""

    def __init__(self, run, name):
        self.run, self.audit = run, AuditBroker(run, name=f"audit-{name}")
        self.broker = Proxy(run, self.audit.port, MQTT)
        self.factory = run.pattern_factory(6, 20, "20 ms").broker(self.broker.port)
        self.factory.journal_path = run.dir / f"{name}.db"
        self.factory.set("journal", file=self.factory.journal_path.name)
        run.simulator(self.factory, name=f"simulator-{name}")
        self.machines = []
        for index in range(6):
            section = self.factory.sections[f"link p{index}"]
            self.machines.append(Proxy(run, section["port"], MODBUS))
            section.update(port=self.machines[-1].port)
        self.journal = check.Journal(self.factory.journal_path)

    def stop(self, row, gateway):
        """Orderly and within 3 s; what it wrote is sound, and no log is left beside the file."""
        begin = time.monotonic()
        gateway.signal(signal.SIGTERM)
        code, took = gateway.wait(15), time.monotonic() - begin
        row.faults += 1
        row.recovered(took)
        row.require(code == 0, f"ended with {code}")
        row.require(took < STOP_S, f"took {took:.1f} s")

    def finish(self, row):
        """A last run brings what is left."""
        gateway = self.run.gateway(self.factory)
        last = self.journal.collect()
        harness.wait_until(lambda: any(check.identity(text)[0] >= last
                                       for text in self.audit.payloads()[-50:]), 30,
                           "what was left")
        row.require(gateway.stop() == 0, "the last end was not orderly")
        row.count(check.check(self.journal, self.audit.payloads()))


def under_backlog(run, times):
    row = torture.Row("S1", "SIGTERM under a backlog")
    line = Line(run, "backlog")
    for number in range(times):
        line.broker.refuse()
        gateway = run.gateway(line.factory, name=f"gateway-{number}")
        harness.let_pass(run.random.uniform(2, 5))
        line.broker.listen()
        harness.let_pass(run.random.uniform(0, 1.5))
        line.stop(row, gateway)
    line.finish(row)
    row.note = f"ended within {row.recovery_s:.1f} s"
    return row


def everybody_hangs(run, times):
    row = torture.Row("S2", "SIGTERM while the broker and five machines hang")
    line = Line(run, "hang")
    for number in range(times):
        gateway = run.gateway(line.factory, name=f"hung-{number}")
        harness.let_pass(run.random.uniform(0.5, 1.5))
        for one in (line.broker, *line.machines[:5]):
            one.freeze() if run.random.random() < 0.5 else one.blackhole()
        harness.let_pass(run.random.uniform(0, 3))
        line.stop(row, gateway)
        for one in (line.broker, *line.machines[:5]):
            one.heal()
    line.finish(row)
    row.note = f"ended within {row.recovery_s:.1f} s"
    return row


def run(run):
    times = run.count("STOPS", 10, short=1)
    return [under_backlog(run, times), everybody_hangs(run, times)]
