"""Somebody reads the journal and does not let go: file and log keep their size, it is said, and it
heals."""

import time

import check
import harness
import torture
from audit_broker import AuditBroker

MAX_KIB = 8 * 1024


def size_kib(path):
    files = [path, path.with_name(path.name + "-wal")]
    return sum(file.stat().st_size for file in files if file.exists()) // 1024


def run(run):
    minutes = run.minutes(0.75, short=0.1)
    row = torture.Row("D5", f"a reader holds the journal for {minutes:g} min", faults=1)
    audit = AuditBroker(run)
    factory = run.pattern_factory(10, 100, "50 ms").broker(audit.port)
    factory.set("journal", max_size=f"{MAX_KIB // 1024} MiB")
    simulator = harness.Process(run, "simulator", [harness.BUILD / "formlab-simulator", "run",
                                                   factory.write().path])
    simulator.wait_line("^ready")
    gateway = run.gateway(factory)
    journal = check.Journal(factory.journal_path)
    harness.wait_until(lambda: journal.collect() > 50, 10, "the first samples")
    sizes, footprint, end = [], check.Footprint(gateway), time.monotonic() + minutes * 60
    with journal.connect() as reader:
        reader.isolation_level = None
        reader.execute("begin")
        reader.execute("select count(*) from samples").fetchone()

        def is_over():
            sizes.append(size_kib(factory.journal_path))
            footprint.look()
            return time.monotonic() > end
        harness.wait_until(is_over, minutes * 60 + 10, "the end of the reader")
        reader.execute("commit")
    freed = time.monotonic()
    if minutes > 0.3:
        gateway.wait_line("event=journal-released", 20)
        row.require("event=journal-held" in gateway.log, "nobody was told of the reader")
    row.recovered(time.monotonic() - freed)
    resumed = journal.collect()
    harness.wait_until(lambda: journal.collect() > resumed + 200, 20, "new samples")
    sizes.append(size_kib(factory.journal_path))
    row.require(gateway.stop() == 0, "the end was not orderly")
    row.require(max(sizes) <= MAX_KIB, f"journal and log grew to {max(sizes)} KiB")
    arrived = audit.payloads()
    seen = {check.identity(text)[0] for text in arrived}
    told = {seq for first, last, _ in journal.gaps() for seq in range(first, last + 1)}
    last = max(seen)
    missing = [seq for seq in range(1, last + 1) if seq not in seen and seq not in told]
    row.samples, row.lost = len(seen), len(missing)
    row.repeated = len(arrived) - len(seen)
    row.require(not missing, f"neither arrived nor announced: {missing[:5]}")
    row.require(max(footprint.kib) < 64 * 1024, f"{max(footprint.kib)} KiB of memory")
    row.note = f"journal and log {max(sizes)} KiB of {MAX_KIB} at most; announced gaps: {len(told)}"
    return [row]
