"""The broker away for ten minutes at 10,000 values/s; then the backlog against raw paho."""

import json
import shutil
import statistics
import time

import check
import harness
import torture

LIMIT_S = 1700
MACHINES, TAGS, EVERY = 10, 100, "100 ms"
NOW_MS = 100           # how old a value may be on its way to a screen, while the backlog drains
RAW_WINDOWS = (20, 60, 100)


class Listener(harness.Process):
    """mosquitto's own client, its session kept: it takes what comes as fast as it comes, into a
    file, with the time at which it came."""

    def __init__(self, run, name, port, topics, qos):
        self.path = run.dir / f"{name}.received"
        command = [shutil.which("mosquitto_sub"), "-h", "127.0.0.1", "-p", str(port), "-V", "5",
                   "-i", name, "-c", "-x", "7200", "-q", str(qos), "-F", "%U %r %t %p"]
        for topic in topics:
            command += ["-t", topic]
        super().__init__(run, name, ["/bin/sh", "-c", 'exec "$0" "$@" >> ' + str(self.path),
                                     *command])

    def messages(self):
        """[(received at, in seconds since 1970; whether retained; topic; payload)]"""
        with open(self.path, encoding="utf-8") as lines:
            for line in lines:
                if line.endswith("\n"):
                    came, retained, topic, payload = line.rstrip("\n").split(" ", 3)
                    yield float(came), retained == "1", topic, payload


def has(listener, seq):
    """Whether its newest sample is that one or a later one. Only the file's end is looked at: who
    watches must not take the processor from those who are watched."""
    with open(listener.path, "rb") as file:
        file.seek(max(0, listener.path.stat().st_size - 16384))
        for line in file.read().split(b"\n")[-2:0:-1]:
            identity = check.identity(line.split(b" ", 3)[-1].decode())
            if identity and b" lab/" in line:
                return identity[0] >= seq
    return False


def raw_speed(run, port, payload, count):
    """Messages a second that paho alone brings to the same broker, with its best window."""
    file = run.dir / "payload"
    file.write_text(payload, encoding="utf-8")
    speeds = []
    for window in RAW_WINDOWS:
        raw = harness.Process(run, "raw", [harness.BUILD / "tests" / "bench" / "bare_async", "wait",
                                           port, file, 1, window, count])
        told = json.loads(raw.wait_line(r"^(\{.*\})$", 120).group(1))
        speeds.append(told["count"] * 1e9 / told["wall_ns"])
        raw.wait()
    return max(speeds)


def drain_speed(listener, since):
    """(messages a second, first, last moment) of the late samples that came after that moment."""
    times = [came for came, _, topic, payload in listener.messages()
             if came > since and topic.endswith("/samples") and payload.endswith(',"late":true}')]
    if len(times) < 2:
        return 0.0, 0.0, 0.0
    first, last = times[0], times[-1]
    return (len(times) - 1) / max(last - first, 1e-6), first, last


def judge_newest(row, listener, first, last):
    """O1 and the age of `now`: no retained topic ever goes back. A snapshot, once a second, may be
    as old as its machine's beat is long; so may the first value of a topic on a new connection."""
    newest, ages, renewed = {}, [], set()
    for came, is_retained, topic, payload in listener.messages():
        row.samples += 1
        taken = json.loads(payload)["t"]
        row.disordered += taken < newest.get(topic, 0)
        newest[topic] = max(taken, newest.get(topic, 0))
        if is_retained or "/now/" not in topic or not first <= came <= last:
            continue
        if topic in renewed:
            ages.append(came * 1000 - taken)
        renewed.add(topic)
    row.require(len(newest) == 2 * MACHINES, f"{len(newest)} topics were seen")
    row.require(ages, "no value came while the backlog drained")
    if ages:
        row.note = (f"age while draining: median {statistics.median(ages):.0f} ms, "
                    f"worst {max(ages):.0f} ms")
        row.require(max(ages) < NOW_MS, f"a value was {max(ages):.0f} ms old")


def drain(run, row, gateway, journal, listener, port):
    """The broker comes back: awaits the end of the backlog."""
    backlog = journal.collect()
    broker = run.broker(port=port, settings=("max_inflight_messages 200",))
    row.faults += 1
    footprint = check.Footprint(gateway)

    def is_done():
        footprint.look()
        return has(listener, backlog)
    harness.wait_until(is_done, 300, f"the end of the backlog, seq {backlog}")
    return broker, footprint


def run(run):
    minutes = run.minutes(10)
    row = torture.Row("B2", f"broker away for {minutes:g} min at 10,000 values/s")
    port = harness.reserve_port()
    factory = run.pattern_factory(MACHINES, TAGS, EVERY).broker(port)
    settings = ("max_inflight_messages 200",)
    broker = run.broker(port=port, settings=settings)
    samples = Listener(run, "samples", port, ("+/+/+/samples",), 1)
    screen = Listener(run, "screen", port, ("lab/+/+/now/w0", "lab/+/+/snapshot"), 0)
    harness.Process(run, "simulator", [harness.BUILD / "formlab-simulator", "run",
                                       factory.write().path]).wait_line("^ready")
    gateway = run.gateway(factory)
    journal = check.Journal(factory.journal_path)
    harness.wait_until(lambda: samples.path.exists() and samples.path.stat().st_size > 100_000, 20,
                       "the first samples")
    row.require(broker.stop() == 0, "the broker did not end well")
    before_kib = gateway.rss_kib()
    for minute in range(round(minutes * 6)):
        harness.let_pass(10)
        run.say(f"away for {(minute + 1) / 6:.1f} of {minutes:g} min, "
                f"memory {gateway.rss_kib() - before_kib:+} KiB", 60)
    with run.quiet():
        returned = time.time()
        broker, footprint = drain(run, row, gateway, journal, samples, port)
        speed, first, last = drain_speed(samples, returned)
        payload = next(iter(journal.committed.values()))
        count = min(len(journal.committed), 60_000)
        raw = raw_speed(run, port, payload, count)
    row.recovered(last - returned)
    grown_kib = max(footprint.kib) - before_kib
    # What drains in a moment tells no speed.
    row.require(speed * 2 >= raw or minutes < 1, f"drained at {speed:.0f} messages/s, raw paho: {raw:.0f}")
    row.require(grown_kib < 8 * 1024, f"memory grew by {grown_kib} KiB")
    last_seq = journal.collect()
    harness.wait_until(lambda: has(samples, last_seq), 60, "what came meanwhile")
    row.require(gateway.stop() == 0, "the end was not orderly")
    journal.collect()
    harness.wait_until(lambda: has(samples, max(journal.committed)[0]), 20, "the last samples")
    arrived = [payload for _, _, topic, payload in samples.messages() if topic.startswith("lab/")]
    row.count(check.check(journal, arrived))
    row.require(row.repeated <= check.WINDOW * 2, f"{row.repeated} repeats")
    row.note = (f"drained at {speed:,.0f} messages/s, {speed / raw:.0%} of raw paho's {raw:,.0f}; "
                f"memory {grown_kib:+} KiB")
    newest = torture.Row("O1", "older samples sent after newer values", faults=1)
    judge_newest(newest, screen, first, last)
    return [row, newest]
