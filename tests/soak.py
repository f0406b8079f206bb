"""Memory, descriptors and threads of the gateway over a long time at 10,000 values a second, with
something going wrong every half minute.

Called by `make soak`; SOAK_MINUTES (60) says how long. Ten machines of the simulator's pattern
model with a hundred registers each are polled every 100 ms. Faults take turns: each begins, lasts
a while, and ends; what is measured is measured when all is well again, just before the next. What
was measured is in build/soak/measured.csv; the last line is `N passed, N failed`.
"""

import argparse
import csv
import os
import pathlib
import shutil
import sqlite3
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
CYCLE_S = 30
FAULT_S = 8
# Memory grows while buffers are touched for the first time: what comes before is not judged.
WARM_UP = 0.2
SLOPE_KIB_PER_H = 256
MACHINES, TAGS = 10, 100
JOURNAL_MIB = 64
COLUMNS = ("seconds", "fault", "rss_kib", "descriptors", "threads", "samples", "lost", "repeats",
           "journal_kib", "backlog", "overruns")


def slope_per_h(points):
    """Least squares through (seconds, value)."""
    count = len(points)
    mean_t = sum(t for t, _ in points) / count
    mean_v = sum(v for _, v in points) / count
    spread = sum((t - mean_t) ** 2 for t, _ in points)
    return sum((t - mean_t) * (v - mean_v) for t, v in points) / spread * 3600 if spread else 0.0


class Witness:
    """A subscriber that proves the record gapless by run and seq, and keeps no message: it must
    not grow itself. Its session outlives its connection, so that a broker which goes and comes
    takes nothing from it."""

    def __init__(self, harness, port):
        import paho.mqtt.client as mqtt
        from paho.mqtt.packettypes import PacketTypes
        from paho.mqtt.properties import Properties
        self.harness, self.stats = harness, {}
        self.samples, self.lost, self.repeats, self.seq = 0, 0, 0, None
        self._changed = threading.Condition()
        self.client = mqtt.Client(client_id="soak", protocol=mqtt.MQTTv5)
        self.client.max_inflight_messages_set(0)
        self.client.reconnect_delay_set(1, 1)
        self.client.on_message = self.received
        self.client.on_connect = lambda client, *_: client.subscribe(
            [("lab/+/+/samples", 1), ("lab/_gateway/+/stats", 0)])
        session = Properties(PacketTypes.CONNECT)
        session.SessionExpiryInterval = 3600
        self.client.connect("127.0.0.1", port, clean_start=False, properties=session)
        self.client.loop_start()

    def received(self, _client, _userdata, message):
        text = message.payload.decode()
        with self._changed:
            if not message.topic.endswith("/samples"):
                self.stats = self.harness.exact_json(text)
            else:
                self.count(self.harness.identity(text)[0])
            self._changed.notify_all()

    def count(self, seq):
        if self.seq is not None and seq <= self.seq:
            self.repeats += 1
            return
        self.lost += seq - self.seq - 1 if self.seq is not None else 0
        self.seq = seq
        self.samples += 1

    def await_seq(self, seq, timeout):
        """Everything up to `seq` has arrived."""
        with self._changed:
            return self._changed.wait_for(lambda: (self.seq or 0) >= seq, timeout)


class Hall:
    """What runs, and how each thing in it is broken and mended."""

    def __init__(self, harness, scenario):
        import line
        self.harness, self.scenario = harness, scenario
        self.port = harness.reserve_port()
        self.broker = scenario.broker(port=self.port)
        self.factory = scenario.pattern_factory(MACHINES, TAGS, "100 ms").broker(self.port)
        self.factory.set("journal", max_size=f"{JOURNAL_MIB} MiB")
        control = scenario.dir / "control.sock"
        simulator = harness.Process(scenario, "simulator", [
            harness.BUILD / "formlab-simulator", "run", self.factory.write().path,
            "--control", control])
        simulator.wait_line(r"^ready\b")
        self.control = line.Control(control)
        self.gateway = scenario.gateway(self.factory)
        self.reader = None

    def end_broker(self):
        self.broker.stop()

    def start_broker(self):
        self.broker = self.scenario.broker(port=self.port)

    def hold_journal(self):
        """A student who leaves a query open: the log cannot be taken back meanwhile."""
        self.reader = sqlite3.connect(f"file:{self.factory.journal_path}?mode=ro", uri=True)
        self.reader.execute("begin")
        self.reader.execute("select count(*) from samples").fetchone()

    def release_journal(self):
        self.reader.close()

    def sicken(self, fault):
        return lambda: self.control.inject(f"{fault} target=p{self.scenario.random.randrange(MACHINES)}")

    def faults(self):
        """Name, how it begins, how it ends."""
        heal = self.control.clear
        return [("broker-ends", self.end_broker, self.start_broker),
                ("broker-hangs", lambda: self.broker.pause(), lambda: self.broker.resume()),
                ("journal-held", self.hold_journal, self.release_journal),
                *((fault, self.sicken(fault), heal) for fault in
                  ("mute", "refuse", "reset", "garbage", "dribble", "lying-length",
                   "wrong-transaction", "exception-6", "delay", "truncate", "power-cycle"))]

    def journal_kib(self):
        """File and WAL."""
        path = self.factory.journal_path
        files = (path, path.with_name(path.name + "-wal"))
        return sum(file.stat().st_size for file in files if file.exists()) // 1024


def measure(harness, scenario, minutes, folder):
    hall = Hall(harness, scenario)
    witness = Witness(harness, hall.port)
    rows, start, faults = [], time.monotonic(), hall.faults()
    with open(folder / "measured.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        name = "none"
        while True:
            stats, gateway = witness.stats, hall.gateway
            row = (round(time.monotonic() - start, 1), name, gateway.rss_kib(),
                   gateway.descriptors(), gateway.threads(), witness.samples, witness.lost,
                   witness.repeats, hall.journal_kib(), stats.get("backlog"),
                   stats.get("overruns"))
            rows.append(row)
            writer.writerow(row)
            file.flush()
            print("  ".join(f"{column} {value}" for column, value in zip(COLUMNS, row)), flush=True)
            if time.monotonic() - start >= minutes * 60:
                break
            name, begin, end = faults[(len(rows) - 1) % len(faults)]
            begin()
            harness.let_pass(FAULT_S)
            end()
            harness.let_pass(CYCLE_S - FAULT_S)
    code = hall.gateway.stop()
    last = harness.journal_rows(hall.factory.journal_path)[-1][0]
    is_complete = witness.await_seq(last, 30)
    witness.client.loop_stop()
    return rows, {"code": code, "committed": last, "is_complete": is_complete,
                  "lost": witness.lost, "repeats": witness.repeats}


def judge(rows, end):
    steady = rows[int(len(rows) * WARM_UP):]
    slope = slope_per_h([(row[0], row[2]) for row in steady])
    print(f"memory: {slope:+.0f} KiB/h, from {steady[0][2]} to {steady[-1][2]} KiB; "
          f"{len(rows) - 1} faults; {end['committed']} samples, {end['lost']} lost, "
          f"{end['repeats']} repeated")
    # A short run cannot tell a slope from a page: the growth itself is judged then.
    grown = steady[-1][2] - steady[0][2]
    yield "memory is flat", slope < SLOPE_KIB_PER_H or grown < 256
    yield "no descriptor and no thread is added", steady[0][3:5] == steady[-1][3:5]
    yield "the journal keeps its size", max(row[8] for row in rows) <= JOURNAL_MIB * 1024
    yield "every sample arrives, none is skipped", end["is_complete"] and end["lost"] == 0
    yield "the end is orderly", end["code"] == 0


def main():
    parser = argparse.ArgumentParser(description="The soak test, see `make soak`.")
    parser.add_argument("--build", default="build/release")
    options = parser.parse_args()
    os.environ["FORMLAB_BUILD"] = options.build
    sys.path.insert(0, str(ROOT / "tests" / "system"))
    import harness
    folder = ROOT / "build" / "soak"
    folder.mkdir(parents=True, exist_ok=True)
    run = tempfile.mkdtemp(prefix="run-", dir=folder)
    os.environ["FORMLAB_TEST_DIR"] = run

    class Soak(harness.Scenario):
        def runTest(self):
            """Only a place to stand: main drives it."""

    scenario = Soak()
    scenario.setUp()
    try:
        rows, end = measure(harness, scenario, float(os.environ.get("SOAK_MINUTES") or 60), folder)
    finally:
        scenario.doCleanups()
    verdicts = list(judge(rows, end))
    for what, is_so in verdicts:
        print(f"{'ok   ' if is_so else 'FAIL '} {what}")
    failed = sum(not is_so for _, is_so in verdicts)
    if failed:
        print(f"logs, configuration and journal: {run}")
    else:
        shutil.rmtree(run)
    print(f"{len(verdicts) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
