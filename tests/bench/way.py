"""The whole way, from a register to the subscriber, against real mosquitto: what a value costs, how
long it takes, and how much a gateway can carry.

The simulator's tag `stamp` carries the wall clock at which it answered; `watch` notes when each
message came. One machine, one clock.
"""

import collections
import itertools
import os
import re
import struct
import time

from libraries import by_turns, stand_port
from rig import (at_least, at_most, cpu_us, median, percentile, process_cpu_ns, process_memory_mib,
                 table, threads_cpu_ns, told)

# The loads of the comparison with others: machines, tags, period.
LOADS = {"1×100@1 s": (1, 100, 1000), "10×100@100 ms": (10, 100, 100),
         "100×100@1 s": (100, 100, 1000), "1000×100@1 s": (1000, 100, 1000)}
TEN = "10×100@100 ms"
NOW_ON = "100 ms"

VALUE_US_MAX = 1.3       # of CPU a value at 10×100@100 ms …
BARE_US_MIN = 1.0        # … or, where the bare libraries together cost more than this,
BARE_SHARE_MAX = 1.3     # this much of their sum
NOW_SHARE_MAX = 1.15     # of bare paho's cost a `now` message
ANON_MIB_MAX = {TEN: 6, "100×100@1 s": 8, "1000×100@1 s": 40}
RSS_MIB_MAX = {TEN: 16}
CORES_MAX = {"1000×100@1 s": 0.15}
LATE_SHARE_MAX = {"1000×100@1 s": 0.01}
NOW_P50_MS, NOW_P99_MS = 0.3, 3
NOW_PER_S_MAX = 20000    # beyond, it is the broker that is measured: it is only told
COMMIT_OVER_FSYNC_MS = 1
SATURATION_MIN = 1000000
START_MS = {12: 100, 1000: 1000}

LATE = 0.05              # of the period: a poll later than this counts as late
DELIVERED_MIN = 0.95     # of what is due, for a load to count as carried, and …
LATE_MAX = 0.05          # … so many of its polls late at most, as carried on time

Record = collections.namedtuple("Record", "received_us stamp_us seq machine values kind flags")
RECORD = struct.Struct("<qqQIHBB")  # as in watch.c
SAMPLES, NOW, NOW_STAMP = 1, 2, 3
GOOD = 1


class Line:
    """Broker, simulator, subscriber and gateway at one load."""

    def __init__(self, stand, load, now="off", is_saving=False, **settings):
        self.stand = stand
        self.machines, self.tags, self.period_ms = load
        self.broker = stand.broker(is_saving)
        self.factory = stand.factory(self.machines, self.tags, f"{self.period_ms} ms",
                                     self.broker.port, now=now, **settings)
        self.simulator = stand.simulator(self.factory)
        self.file = stand.dir / "records"
        self.watch = stand.harness.Process(stand.scenario, "watch", [
            stand.rig.build / "tests" / "bench" / "watch", self.broker.port, self.file,
            self.machines * self.tags, "lab/#"])
        self.watch.wait_line("^ready$")
        self.spans = []

    def start_gateway(self):
        self.started_us = time.time_ns() // 1000
        self.gateway = self.stand.gateway(self.factory)
        return self

    def await_births(self):
        """What is said once about every tag; it must not be in what is measured."""
        self.watch.wait_line("^born$", timeout=60)
        return self

    @property
    def due_per_s(self):
        return self.machines * self.tags * 1000 / self.period_ms

    def costs_ns(self):
        parts = {"gateway": self.gateway, "simulator": self.simulator, "broker": self.broker,
                 "watch": self.watch}
        return {name: process_cpu_ns(process.pid) for name, process in parts.items()}

    def let_pass(self, seconds):
        """One span of the measurement."""
        threads = threads_cpu_ns(self.gateway.pid)
        before, begin_us, begin = self.costs_ns(), time.time_ns() // 1000, time.monotonic()
        self.stand.harness.let_pass(seconds)
        after, end_us = self.costs_ns(), time.time_ns() // 1000
        threads_after = threads_cpu_ns(self.gateway.pid)
        elapsed_ns = (time.monotonic() - begin) * 1e9
        rss, anon = process_memory_mib(self.gateway.pid)
        self.spans.append({
            "begin_us": begin_us, "end_us": end_us, "seconds": elapsed_ns / 1e9, "rss": rss,
            "anon": anon, "gateway_ns": after["gateway"] - before["gateway"],
            "threads_ns": {name: threads_after[name] - threads.get(name, 0)
                           for name in threads_after},
            "cores": {name: (after[name] - before[name]) / elapsed_ns for name in after}})

    def stop(self):
        """Ends the gateway and the subscriber; reads what came."""
        self.exit_code = self.gateway.stop(20)
        self.watch.stop()
        self.records = [Record(*fields) for fields in RECORD.iter_unpack(self.file.read_bytes())]
        return self.judge()

    def judge(self):
        samples = [record for record in self.records if record.kind == SAMPLES]
        for span in self.spans:
            inside = [record for record in self.records
                      if span["begin_us"] <= record.received_us < span["end_us"]]
            span["values"] = sum(r.values for r in inside if r.kind == SAMPLES and r.flags & GOOD)
            span["now"] = sum(r.kind in (NOW, NOW_STAMP) for r in inside)
            span["values_per_s"] = span["values"] / span["seconds"]
            span["us_a_value"] = span["gateway_ns"] / 1000 / max(span["values"], 1)
        begin, end = self.spans[0]["begin_us"], self.spans[-1]["end_us"]
        measured = [r for r in samples if begin <= r.stamp_us < end and r.flags & GOOD]
        figures = {name: median([span[name] for span in self.spans])
                   for name in ("values_per_s", "us_a_value", "rss", "anon")}
        figures["cores"] = {name: median([span["cores"][name] for span in self.spans])
                            for name in self.spans[0]["cores"]}
        figures["now_per_s"] = median([span["now"] / span["seconds"] for span in self.spans])
        figures["gateway_ns_per_s"] = median([span["gateway_ns"] / span["seconds"]
                                              for span in self.spans])
        figures["delivered"] = figures["values_per_s"] / self.due_per_s
        figures["late"] = late_share(measured, self.period_ms * 1000, end - begin, self.machines)
        figures["samples_ms"] = latency_ms(measured)
        figures["now_ms"] = latency_ms([r for r in self.records if r.kind == NOW_STAMP
                                        and begin <= r.stamp_us < end])
        figures["spans"] = self.spans
        return figures


def latency_ms(records):
    """p50 and p99 from the register's answer to the message's arrival; how many were seen."""
    delays = [(r.received_us - r.stamp_us) / 1000 for r in records]
    return {"p50": percentile(delays, 0.5), "p99": percentile(delays, 0.99), "count": len(delays)}


def late_share(samples, period_us, span_us, machines):
    """Of all beats of the span: those whose poll was answered later than it should by more than
    LATE of the period, and those that were skipped. A machine's most punctual answer says where
    its beats lie."""
    late = polls = 0
    samples = sorted(samples, key=lambda record: (record.machine, record.stamp_us))
    for _, own in itertools.groupby(samples, key=lambda record: record.machine):
        stamps = [record.stamp_us for record in own]
        beats = [round((stamp - stamps[0]) / period_us) for stamp in stamps]
        offsets = [stamp - beat * period_us for stamp, beat in zip(stamps, beats)]
        punctual = min(offsets)
        polls += len(stamps)
        late += sum(offset - punctual > LATE * period_us for offset in offsets)
    due = max(machines * (span_us // period_us), 1)
    return (late + max(due - polls, 0)) / max(due, polls)


def measure_load(rig, load, now="off", spans=None, seconds=2, **settings):
    with rig.stand() as stand:
        line = Line(stand, load, now, **settings).start_gateway().await_births()
        rig.harness.let_pass(1)  # the first growth of everything
        for _ in range(spans or rig.rounds):
            line.let_pass(seconds)
        return line.stop()


def ms(latency):
    return f"{latency['p50']:.2f} / {latency['p99']:.2f}" if latency["count"] else ""


def row_of(name, now, figures):
    cost = f"{figures['us_a_value']:.2f}" if figures["values_per_s"] > 0 else ""
    return (name, now, f"{figures['values_per_s']:,.0f}", cost,
            f"{figures['cores']['gateway']:.3f}", f"{figures['rss']:.1f}", f"{figures['anon']:.1f}",
            f"{figures['late']:.2%}", ms(figures["now_ms"]), ms(figures["samples_ms"]))


HEAD = ("load", "now", "values/s", "µs CPU a value", "cores", "RSS MiB", "RssAnon MiB",
        "polls late by 5 %", "register to `now` ms, p50 / p99", "register to `samples` ms")


def measure_line(rig):
    """With a broker that does not save, so that it is not its disk that is measured; what becomes
    of `now` with the shipped one is told at the end."""
    results, rows, verdicts = {}, [], []
    loads = {TEN: LOADS[TEN]} if rig.is_quick else LOADS
    for name, load in loads.items():
        figures = measure_load(rig, load)
        results[f"{name}, now = off"] = figures
        rows.append(row_of(name, "off", figures))
        verdicts += load_verdicts(name, figures)
        figures = measure_load(rig, load, NOW_ON)
        results[f"{name}, now = {NOW_ON}"] = figures
        rows.append(row_of(name, NOW_ON, figures))
        verdicts += now_verdicts(name, load, figures)
    # What one register takes; where a hundred move at once, half of them are before the one that
    # is timed, and a broker takes a hundred in a millisecond.
    figures = measure_load(rig, LOADS[TEN], NOW_ON, is_still=True)
    results[f"{TEN}, one moves"] = figures
    rows.append(row_of(f"{TEN}, one of a hundred moves", NOW_ON, figures))
    verdicts += now_verdicts(f"{TEN}, one of a hundred moves", LOADS[TEN], figures)
    for now in ("off", NOW_ON):
        figures = measure_load(rig, LOADS[TEN], now, is_saving=True)
        results[f"{TEN}, now = {now}, shipped broker"] = figures
        rows.append(row_of(TEN + ", the broker saves as shipped", now, figures))
    return results, table(HEAD, rows), verdicts


def now_verdicts(name, load, figures):
    machines, tags, period_ms = load
    if machines * tags * 1000 / period_ms > NOW_PER_S_MAX:
        return []
    return [at_most(f"{name}: register to `now`, {part}", figures["now_ms"][part], limit, 2, " ms")
            for part, limit in (("p50", NOW_P50_MS), ("p99", NOW_P99_MS))]


def load_verdicts(name, figures):
    found = []
    if name in RSS_MIB_MAX:
        found.append(at_most(f"{name}: RSS", figures["rss"], RSS_MIB_MAX[name], 1, " MiB"))
    if name in ANON_MIB_MAX:
        found.append(at_most(f"{name}: RssAnon", figures["anon"], ANON_MIB_MAX[name], 1, " MiB"))
    if name in CORES_MAX:
        found.append(at_most(f"{name}: cores", figures["cores"]["gateway"], CORES_MAX[name], 3))
    if name in LATE_SHARE_MAX:
        found.append(at_most(f"{name}: polls late by 5 %", figures["late"] * 100,
                             LATE_SHARE_MAX[name] * 100, 2, " %"))
    return found


# --- against the sum of the bare libraries -------------------------------------------------------

def measure_sum(rig):
    """10×100@100 ms: the gateway, and libmodbus, SQLite and paho each alone at the same rate and in
    the same batches; then the same with `now`."""
    machines, tags, period_ms = LOADS[TEN]
    seconds = 2
    with rig.stand() as stand:
        broker = stand.broker()
        factory = stand.factory(machines, tags, f"{period_ms} ms", broker.port)
        stand.simulator(factory)
        samples = machines * seconds * 1000 // period_ms
        payload = stand.dir / "payload.json"
        payload.write_bytes(rig.program("ours_sample", factory.path, "payload"))
        small = stand.dir / "now.json"
        small.write_text('{"value":21.4,"unit":"°C","q":"good","time":"2026-11-23T16:20:00.123Z",'
                         '"t":1795450800123}')

        def modbus():
            return rig.measure("bare_modbus", tags + 3, period_ms, seconds * 1000, *factory.ports)

        def sqlite():
            for file in stand.dir.glob("bare.db*"):
                file.unlink()
            return rig.measure("bare_sqlite", stand.dir / "bare.db", payload, machines, samples,
                               period_ms)

        def paho(program, how, qos=1, file=payload, batch=machines, beat_ms=period_ms):
            return lambda: rig.measure(program, how, broker.port, file, qos, 2 * batch,
                                       batch * seconds * 1000 // beat_ms, batch, beat_ms)

        def gateway(now):
            return lambda: measure_load(rig, LOADS[TEN], now, 1, seconds)

        # One machine's tags, ten times in a period: as the beats of ten machines come.
        bursts = {"qos": 0, "file": small, "batch": tags, "beat_ms": period_ms // machines}
        rounds = by_turns(rig.rounds, gateway("off"), modbus, sqlite, paho("bare_async", "wait"),
                          paho("bare_sync", "thread"), gateway(NOW_ON),
                          paho("bare_async", "wait", **bursts),
                          paho("bare_sync", "thread", **bursts))
    return judge_sum(rounds, tags)


# Whose work a thread of the gateway does, by its name; pollers are named after their links.
WORK = ((r"p\d+", "libmodbus"), ("recorder", "SQLite"), ("publisher|MQTT.*", "paho"))


def work_of(thread):
    return next((work for pattern, work in WORK if re.fullmatch(pattern, thread)), "other")


def work_us_a_value(rounds):
    """The gateway's cost a value, by the library whose work it is beside."""
    costs = {}
    for (line, *_) in rounds:
        span, own = line["spans"][0], {}
        for thread, used_ns in span["threads_ns"].items():
            own[work_of(thread)] = own.get(work_of(thread), 0) + used_ns
        for work in ("libmodbus", "SQLite", "paho", "other"):
            costs.setdefault(work, []).append(own.get(work, 0) / 1000 / max(span["values"], 1))
    return {work: median(spent) for work, spent in costs.items()}


def judge_sum(rounds, tags):
    names = ("libmodbus", "SQLite", "paho (MQTTAsync)", "paho (MQTTClient)")
    bare = {name: median([cpu_us(done[at + 1]) / tags for done in rounds])
            for at, name in enumerate(names)}
    paho = min(names[2:], key=bare.get)
    total = bare["libmodbus"] + bare["SQLite"] + bare[paho]
    ours = median([done[0]["us_a_value"] for done in rounds])
    limit = max(VALUE_US_MAX, BARE_SHARE_MAX * total) if total > BARE_US_MIN else VALUE_US_MAX
    now_bare = min(median([cpu_us(done[at]) for done in rounds]) for at in (6, 7))
    now_ours = median([(done[5]["gateway_ns_per_s"] - done[0]["gateway_ns_per_s"]) / 1000
                       / max(done[5]["now_per_s"], 1) for done in rounds])
    work = work_us_a_value(rounds)
    rows = [("libmodbus · pollers", bare["libmodbus"], work["libmodbus"]),
            ("SQLite · recorder", bare["SQLite"], work["SQLite"]),
            (f"{paho} · publisher and paho's threads", bare[paho], work["paho"]),
            ("all", total, ours)]
    text = table((f"{TEN}, µs CPU a value", "bare", "the gateway", "gateway / bare"),
                 [(name, f"{cost:.2f}", f"{own:.2f}", f"{own / cost:.2f}")
                  for name, cost, own in rows])
    text += "\n\n" + table(
        ("`now`", "µs CPU a message"),
        [("bare paho, QoS 0", f"{now_bare:.2f}"), ("the gateway, beyond the samples' cost",
                                                   f"{now_ours:.2f}")])
    result = {"rounds": rounds, "bare": bare, "sum": total, "gateway": ours,
              "gateway_by_work": work, "now_bare": now_bare, "now_gateway": now_ours}
    return result, text, [
        at_most(f"{TEN}: CPU a value (bare libraries: {total:.2f} µs; {ours / total:.2f} of it)",
                ours, round(limit, 2), 2, " µs"),
        at_most(f"{TEN}: CPU a `now` message, of bare paho's", now_ours / now_bare, NOW_SHARE_MAX)]


# --- commit = 0 -----------------------------------------------------------------------------------

LOG_BYTES = 1 << 20  # of the file that is written round and round, as SQLite's log is


def fsync_ms(folder, size, count):
    """How long this disk takes to overwrite and flush so many bytes, each time elsewhere."""
    block, spent = os.urandom(size), []
    with open(folder / "fsync", "w+b", buffering=0) as file:
        file.write(bytes(LOG_BYTES))
        os.fsync(file.fileno())
        for at in range(count):
            begin = time.perf_counter()
            os.pwrite(file.fileno(), block, at * size % (LOG_BYTES - size))
            os.fdatasync(file.fileno())
            spent.append((time.perf_counter() - begin) * 1000)
    return spent


def is_growing(rig, file):
    before = file.stat().st_size
    rig.harness.let_pass(0.5)
    return file.stat().st_size > before


def measure_commit(rig):
    """Each poll committed by itself; the disk alone in the pauses. The log must have been written
    once from end to end before: as long as it grows, each flush writes the file's size too."""
    machines, _, period_ms = load = LOADS[TEN]
    with rig.stand() as stand:
        line = Line(stand, load, commit="0").start_gateway().await_births()
        flushes, wal = [], line.factory.journal_path.with_name("journal.db-wal")
        before, seconds = wal.stat().st_size, 1
        rig.harness.let_pass(seconds)
        grown = wal.stat().st_size - before
        size = max(grown * period_ms // (seconds * 1000 * machines), 4096)
        rig.harness.wait_until(lambda: not is_growing(rig, wal), 60, "a whole log")
        for _ in range(rig.rounds):
            flushes += fsync_ms(stand.dir, size, 20)
            line.let_pass(3)
        figures = line.stop()
    flush = percentile(flushes, 0.5)
    over = figures["samples_ms"]["p50"] - flush
    text = table(("commit = 0, sync = full", "p50 ms", "p99 ms"), [
        ("register to `samples`", *(f"{figures['samples_ms'][p]:.2f}" for p in ("p50", "p99"))),
        (f"this disk: {size} bytes overwritten and flushed", f"{flush:.2f}",
         f"{percentile(flushes, 0.99):.2f}")])
    return {"line": figures, "fsync_ms": flushes, "fsync_bytes": size}, text, [
        at_most("commit = 0: register to `samples`, p50 above the disk's own flush", over,
                COMMIT_OVER_FSYNC_MS, unit=" ms")]


# --- saturation -----------------------------------------------------------------------------------

SHAPES = {"1000 machines × 100": (1000, 100, (80, 50)),
          "100 machines × 1000": (100, 1000, (80, 40, 25))}


def measure_saturation(rig):
    """Faster and faster, until DELIVERED_MIN of what is due no longer arrives. How much arrives is
    one figure, how much of it on time another."""
    results, rows, most, on_time = {}, [], 0, 0
    for shape, (machines, tags, periods) in SHAPES.items():
        for period_ms in periods[:1] if rig.is_quick else periods:
            figures = measure_load(rig, (machines, tags, period_ms), spans=3)
            is_delivered = figures["delivered"] >= DELIVERED_MIN
            is_on_time = is_delivered and figures["late"] <= LATE_MAX
            results[f"{shape}@{period_ms} ms"] = figures
            rows.append((f"{shape}@{period_ms} ms", f"{figures['values_per_s']:,.0f}",
                         f"{figures['delivered']:.1%}", f"{figures['late']:.1%}",
                         f"{figures['us_a_value']:.2f}",
                         *(f"{figures['cores'][who]:.2f}" for who in
                           ("gateway", "simulator", "broker", "watch")),
                         f"{figures['rss']:.0f}"))
            if not is_delivered:
                break
            most = max(most, figures["values_per_s"])
            on_time = max(on_time, figures["values_per_s"] if is_on_time else 0)
    text = table(("rising", "values/s delivered", "of those due", "polls late", "µs CPU a value",
                  "cores: gateway", "simulator", "broker", "subscriber", "RSS MiB"), rows)
    return results, text, [
        at_least("saturation: values/s journaled, acknowledged and delivered", most,
                 SATURATION_MIN, 0),
        told(f"the same, at most {LATE_MAX:.0%} of the polls late by {LATE:.0%}", on_time, 0)]


# --- starting -------------------------------------------------------------------------------------

def start_once(rig, machines):
    """Milliseconds from the start of the process to the arrival of its first sample."""
    with rig.stand() as stand:
        line = Line(stand, (machines, 100, 1000)).start_gateway().await_births()
        line.let_pass(0.5)
        line.stop()
    first = min(record.received_us for record in line.records if record.kind == SAMPLES)
    return (first - line.started_us) / 1000


def measure_start(rig):
    results, rows, verdicts = {}, [], []
    for machines, limit_ms in START_MS.items():
        if rig.is_quick and machines > 100:
            continue
        spans = [start_once(rig, machines) for _ in range(rig.rounds if machines < 100 else 3)]
        results[machines] = spans
        rows.append((machines, f"{median(spans):.0f}", f"{max(spans):.0f}"))
        verdicts.append(at_most(f"start to first published sample, {machines} machines",
                                median(spans), limit_ms, 0, " ms"))
    return results, table(("machines", "start to first sample, ms, median", "most"), rows), verdicts


PARTS = {"line": measure_line, "sum": measure_sum, "commit": measure_commit,
         "start": measure_start, "saturation": measure_saturation}
