"""The disk is full for two minutes, with the broker there and with the broker gone; then no
write, no descriptor and no memory is to be had for a while. Polling and `now` go on, and what had to go is named."""

import resource
import time

import small_disk
import harness
import torture

LIMIT_S = 900


class World:
    """A gateway on a disk of 4 MiB, and a subscriber that sees everything."""

    def __init__(self, run, name):
        self.run = run
        self.broker = run.broker(name=f"{name}-broker")
        self.watcher = run.subscriber(self.broker.port, topics=("lab/#",), is_durable=True,
                                      name=name)
        factory = run.pattern_factory(4, 20, "20 ms").broker(self.broker.port)
        factory.set("gateway", now="100 ms")
        self.disk = small_disk.Disk(run, "4m", name=name)
        factory.set("journal", file=f"{self.disk.folder}/journal.db", commit="20 ms")
        self.simulator = run.simulator(factory, name=f"{name}-simulator")
        self.gateway = run.gateway(factory, name=name, prefix=self.disk.prefix)
        self.disk.pid = self.gateway.pid
        self.watcher.wait_topic("/samples", count=1000, timeout=30)

    def judge(self, row, begin, end, is_broker_there):
        row.require(self.gateway.stop() == 0, "the end was not orderly")
        row.samples = len(self.watcher.samples())
        row.lost = len(small_disk.unexplained(self.watcher.since()))
        order = [harness.identity(m.text) for m in self.watcher.samples()]
        seen, first = set(), []
        for key in order:
            if key in seen:
                row.repeated += 1
            else:
                seen.add(key)
                first.append(key)
        row.disordered = sum(b < a for a, b in zip(first, first[1:]))
        if is_broker_there:
            silence = small_disk.longest_silence(self.watcher.since(), "now/", begin, end)
            row.require(silence < 2, f"`now` was silent for {silence:.1f} s")
        named = len(small_disk.named_as_lost(self.watcher.since()))
        row.note = f"{named:,} evicted and named"
        self.simulator.stop()


def full(run, name, is_broker_there):
    row = torture.Row("D1", "disk full" + ("" if is_broker_there else ", broker away"), 1)
    world = World(run, name)
    begin = time.monotonic()
    world.disk.fill()
    if not is_broker_there:
        world.broker.pause()  # its sessions stay: the subscriber misses nothing
    harness.let_pass(run.minutes(2) * 60)
    end = time.monotonic()
    if not is_broker_there:
        world.broker.resume()
    world.disk.free()
    healed = world.watcher.mark()
    world.watcher.wait_topic("/samples", count=2000, start=healed, timeout=60)
    row.recovered(time.monotonic() - end)
    world.judge(row, begin, end, is_broker_there)
    return row


def refusing(run):
    row = torture.Row("D2+S3+S4", "no write, no descriptor, no memory", 1)
    world = World(run, "refusing")
    pid = world.gateway.pid
    limits = {what: resource.prlimit(pid, what)
              for what in (resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE, resource.RLIMIT_AS)}
    begin = time.monotonic()
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, limits[resource.RLIMIT_FSIZE][1]))
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (8, limits[resource.RLIMIT_NOFILE][1]))
    resource.prlimit(pid, resource.RLIMIT_AS,
                     (world.gateway.virtual_kib() * 1024, limits[resource.RLIMIT_AS][1]))
    world.watcher.wait_topic("/stats", text='"journal_ok":false', start=world.watcher.mark(),
                             timeout=20)
    alarm_s = time.monotonic() - begin
    harness.let_pass(run.minutes(0.5) * 60)
    for what, limit in limits.items():
        resource.prlimit(pid, what, limit)
    end = time.monotonic()
    world.gateway.wait_line("event=journal-back", timeout=30)
    row.recovered(time.monotonic() - end)
    world.watcher.wait_topic("/samples", count=2000, start=world.watcher.mark(), timeout=60)
    world.judge(row, begin, end, True)
    row.note = f"alarm after {alarm_s:.1f} s; {row.note}"
    return row


def run(run):
    yield full(run, "full", True)
    yield full(run, "away", False)
    yield refusing(run)
