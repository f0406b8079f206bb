"""A broker that refuses: nothing is lost, nothing is asked again and again."""

import time

import audit_broker
import check
import harness
import torture
from audit_broker import AuditBroker, Refuse

LIMIT_S = 1200
MACHINES, EVERY_MS = 4, 50
# Tries a minute that a refusal may cause beyond one a sample: from 0.2 s doubling to 5 s.
TRIES_PER_MIN = 40

# What, reason codes, which messages.
REFUSED = (
    ("quota exceeded (0x97)", (0x97,), lambda publish: True),
    ("unspecified, implementation specific (0x80, 0x83)", (0x80, 0x83), lambda publish: True),
    ("not authorised (0x87), everything", (0x87,), lambda publish: True),
    ("not authorised (0x87), one machine of four", (0x87,), lambda publish: "/p1/" in publish.topic),
    ("topic name invalid (0x90), one machine of four", (0x90,),
     lambda publish: "/p1/" in publish.topic),
)


class Stand:
    """A gateway before a broker with a fault."""

    def __init__(self, run, name, **broker_keys):
        self.audit = AuditBroker(run, name=f"audit-{name}", **broker_keys)
        self.factory = run.pattern_factory(MACHINES, 10, f"{EVERY_MS} ms").broker(self.audit.port)
        self.factory.journal_path = run.dir / f"{name}.db"
        self.factory.set("journal", file=self.factory.journal_path.name)
        self.simulator = run.simulator(self.factory, name=f"simulator-{name}")
        self.gateway = run.gateway(self.factory, name=f"gateway-{name}")
        self.journal = check.Journal(self.factory.journal_path)

    def await_end(self, last=None, timeout=60):
        last = last or self.journal.collect()
        harness.wait_until(lambda: any(check.identity(text)[0] >= last
                                       for text in self.audit.payloads()[-50:]), timeout,
                           f"the backlog's end, seq {last}")

    def finish(self, row, may_disorder=()):
        row.require(self.gateway.stop() == 0, "the end was not orderly")
        self.simulator.stop()
        row.count(check.check(self.journal, self.audit.payloads(), may_disorder=may_disorder))


def refuse_publications(run, fault, codes, concerns, index, seconds):
    row = torture.Row("B7", f"refused: {fault}")
    refused, end = {}, [float("inf")]

    def judge(publish):
        if (publish.topic.endswith("/samples") and time.monotonic() < end[0]
                and concerns(publish)):
            seq = check.identity(publish.text)[0]
            refused[seq] = refused.get(seq, 0) + 1
            return Refuse(codes[seq % len(codes)])
        return audit_broker.ACK
    stand = Stand(run, f"refused{index}", judge=judge)
    harness.wait_until(lambda: refused, 10, "the first refusal")
    harness.let_pass(seconds)
    tries, last, begin = sum(refused.values()), stand.journal.collect(), time.monotonic()
    taken = sum(check.identity(text)[0] <= last for text in stand.audit.payloads())
    end[0] = 0
    row.faults = tries
    more = tries - len(refused)
    row.require(more <= TRIES_PER_MIN * seconds / 60 + 20, f"{more} further tries in {seconds} s")
    harness.wait_until(lambda: all_arrived(stand, last), 90, f"what was refused, up to seq {last}")
    row.recovered(time.monotonic() - begin)
    is_parked = bool(stand.audit.payloads("event/rejected"))
    lots = 0 if not is_parked else 1 if "one machine" in fault else MACHINES
    harness.wait_until(lambda: stand.gateway.log.count("event=accepted count=") >= lots, 30,
                       "what joined those that wait")
    concerned = {check.identity(text)[0] for text in stand.audit.payloads() if "late" in text}
    if "one machine" in fault:
        row.require(taken > last * 0.7, f"only {taken} of {last} arrived: the refusal held others")
    stand.finish(row, concerned | set(refused))
    row.note = f"{more * 60 / seconds:.0f} further tries a minute"
    return row


def all_arrived(stand, last):
    """Not only announced as refused: taken in the end."""
    arrived = {check.identity(text)[0] for text in stand.audit.payloads()}
    return all(seq in arrived for seq in range(1, last + 1))


def refused_and_killed(run, seconds):
    """Samples that wait outlive the gateway."""
    row = torture.Row("B7", "refused: not authorised (0x87), gateway killed meanwhile")
    is_refusing = [True]
    stand = Stand(run, "killed", judge=lambda publish: Refuse(0x87)
                  if is_refusing[0] and "/p1/samples" in publish.topic else audit_broker.ACK)
    for number in range(3):
        harness.let_pass(run.random.uniform(seconds / 6, seconds / 3))
        stand.gateway.kill()
        row.faults += 1
        is_refusing[0] = number < 2
        stand.gateway = run.gateway(stand.factory, name=f"gateway-killed{number}")
    begin, last = time.monotonic(), stand.journal.collect()
    harness.wait_until(lambda: all_arrived(stand, last), 90, f"what was refused, up to seq {last}")
    row.recovered(time.monotonic() - begin)
    stand.finish(row, set(range(1, last + 1)))
    return row


def poison(run, seconds):
    """One sample in fifty is refused as invalid, for ever: it is tried once, announced, and kept
    in the journal; the others go on."""
    row = torture.Row("B7", "refused: payload invalid (0x99), one sample in fifty, for ever")
    refused = {}

    def judge(publish):
        if publish.topic.endswith("/samples") and check.identity(publish.text)[0] % 50 == 0:
            seq = check.identity(publish.text)[0]
            refused[seq] = refused.get(seq, 0) + 1
            return Refuse(0x99)
        return audit_broker.ACK
    stand = Stand(run, "poison", judge=judge)
    harness.let_pass(seconds)
    row.require(stand.gateway.stop() == 0, "the end was not orderly")
    stand.simulator.stop()
    events = [harness.exact_json(text) for text in stand.audit.payloads("event/rejected")]
    announced = [(int(event["from"]), int(event["to"])) for event in events]
    row.count(check.check(stand.journal, stand.audit.payloads(), announced))
    row.faults = len(refused)
    row.require(sum(refused.values()) == len(refused), "one was tried again")
    row.require(len(announced) == len(refused), f"{len(announced)} of {len(refused)} announced")
    row.note = f"{len(refused)} announced with their seqs"
    return row


def never_acknowledge(run, seconds):
    """Each connection ends after 5 s; the broker stores everything meanwhile."""
    row = torture.Row("B7", f"no PUBACK at all for {seconds:.0f} s")
    end = [float("inf")]
    stand = Stand(run, "mute", judge=lambda publish: audit_broker.NO_ACK
                  if time.monotonic() < end[0] else audit_broker.ACK)
    harness.let_pass(seconds)
    tries, begin = stand.audit.connections, time.monotonic()
    end[0] = 0
    stand.await_end()
    row.recovered(time.monotonic() - begin)
    row.faults = tries
    row.require(tries <= seconds / 5 + 2, f"{tries} connections in {seconds} s")
    stand.finish(row)
    row.require(row.repeated <= check.WINDOW * tries, f"{row.repeated} repeats")
    row.note = f"{tries * 60 / seconds:.0f} connections a minute"
    return row


def refuse_connections(run, seconds):
    row = torture.Row("B7", "CONNECT refused (0x86, 0x88, 0x97, 0x9f)")
    stand = Stand(run, "login")
    stand.await_end()
    for code in (0x86, 0x88, 0x97, 0x9f):
        stand.audit.connect_code = code
        before, lines = stand.audit.connections, stand.gateway.mark()
        stand.audit.close()
        stand.audit.open()
        harness.let_pass(seconds / 4)
        row.faults += stand.audit.connections - before
        said = stand.gateway.mark() - lines
        row.require(said <= 4, f"{said} log lines for 0x{code:02x}")
    row.require(row.faults <= seconds / 2 + 24, f"{row.faults} tries in {seconds} s")
    stand.audit.connect_code = 0
    begin = time.monotonic()
    stand.await_end()
    row.recovered(time.monotonic() - begin)
    stand.finish(row)
    row.note = f"{row.faults * 60 / seconds:.0f} tries a minute"
    return row


def narrow(run, seconds):
    """Receive Maximum 1: one message at a time."""
    row = torture.Row("B7", "Receive Maximum 1", faults=1)
    stand = Stand(run, "narrow", receive_maximum=1)
    stand.audit.judge = lambda publish: audit_broker.HOLD if publish.number % 50 == 0 \
        else audit_broker.ACK
    harness.let_pass(seconds)
    stand.await_end()
    row.require(stand.audit.most_held == 1, f"{stand.audit.most_held} under way")
    stand.finish(row)
    return row


def too_large(run, seconds):
    """A broker whose Maximum Packet Size is below a sample's: it is never sent, and comes when
    the broker takes it."""
    row = torture.Row("B7", "Maximum Packet Size below a sample's", faults=1)
    stand = Stand(run, "small", maximum_packet_size=200)
    harness.let_pass(seconds)
    row.require(not stand.audit.payloads(), "a message larger than allowed was sent")
    stand.audit.maximum_packet_size = None
    stand.audit.close()
    stand.audit.open()
    begin, last = time.monotonic(), stand.journal.collect()
    harness.wait_until(lambda: all_arrived(stand, last), 90, f"what was too large, up to {last}")
    row.recovered(time.monotonic() - begin)
    stand.finish(row, set(range(1, last + 1)))
    return row


def run(run):
    seconds = run.minutes(0.4, short=0.05) * 60
    rows = [refuse_publications(run, fault, codes, concerns, index, seconds)
            for index, (fault, codes, concerns) in enumerate(REFUSED)]
    rows += [refused_and_killed(run, seconds), poison(run, seconds / 2)]
    return [*rows, never_acknowledge(run, max(seconds, 11)), refuse_connections(run, seconds),
            narrow(run, seconds / 4), too_large(run, seconds / 4)]
