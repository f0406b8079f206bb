"""PUBACKs that are lost, late, doubled or in another order; connections cut around them."""

import audit_broker
import check
import harness
import torture
from audit_broker import AuditBroker

# id, what, verdicts, one message in how many has one, how many in all.
KINDS = (
    ("B4", "connection cut before or after the broker stored a message",
     (audit_broker.CUT_BEFORE_STORE, audit_broker.CUT_AFTER_STORE, audit_broker.CUT_AFTER_ACK), 600, 100),
    ("B8", "PUBACKs doubled, late, in another order",
     (audit_broker.TWICE, audit_broker.SWAP, audit_broker.Delay(0.05)), 15, 2000),
    ("B8", "PUBACKs lost", (audit_broker.NO_ACK,), 1500, 8),
)


def judge_at_random(run, row, verdicts, every, wanted):
    """A verdict on one message in `every`; never two within twenty, so that it gets on."""
    state = {"next": 30}

    def judge(publish):
        if publish.number < state["next"] or row.faults >= wanted:
            return audit_broker.ACK
        state["next"] = publish.number + 20 + run.random.randrange(every * 2)
        row.faults += 1
        return run.random.choice(verdicts)
    return judge


def run_kind(run, row, index, verdicts, every, wanted):
    audit = AuditBroker(run, judge_at_random(run, row, verdicts, every, wanted),
                        name=f"audit{index}")
    factory = run.pattern_factory(4, 10, "10 ms").broker(audit.port)
    factory.journal_path = run.dir / f"journal{index}.db"
    factory.set("journal", file=factory.journal_path.name)
    simulator = run.simulator(factory, name=f"simulator{index}")
    gateway = run.gateway(factory, name=f"gateway{index}")
    journal = check.Journal(factory.journal_path)

    def is_done():
        run.say(f"{row.fault}: {row.faults} of {wanted}")
        return row.faults >= wanted
    harness.wait_until(is_done, 60 + wanted * 8, f"{wanted} faults")
    last = journal.collect()
    harness.wait_until(lambda: any(check.identity(text)[0] >= last
                                   for text in audit.payloads()[-50:]), 40, "the backlog's end")
    row.require(gateway.stop() == 0, "the end was not orderly")
    simulator.stop()
    row.count(check.check(journal, audit.payloads()))
    losses = audit.connections - 1
    row.require(row.repeated <= check.WINDOW * losses,
                f"{row.repeated} repeats in {losses} lost connections")


def run(run):
    rows = []
    for index, (id_, fault, verdicts, every, times) in enumerate(KINDS):
        row = torture.Row(id_, fault)
        wanted = run.count("CUTS", times, short=2)
        run_kind(run, row, index, verdicts, every, wanted)
        rows.append(row)
    return rows
