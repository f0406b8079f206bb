"""Memory, descriptors and threads of the gateway over a long time at 10,000 values a second.

Called by `make soak`; SOAK_MINUTES (30) says how long. Ten machines of the simulator's pattern
model with a hundred registers each are polled every 100 ms. What was measured is in
build/soak/measured.csv; the last line is `N passed, N failed`.
"""

import argparse
import csv
import os
import pathlib
import shutil
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
STEP_S = 10
# Memory grows while buffers are touched for the first time: what comes before is not judged.
WARM_UP = 0.2
SLOPE_KIB_PER_H = 1024
RATE = 10 * 10 * 100
JOURNAL_MIB = 64


def slope_per_h(points):
    """Least squares through (seconds, value)."""
    count = len(points)
    mean_t = sum(t for t, _ in points) / count
    mean_v = sum(v for _, v in points) / count
    spread = sum((t - mean_t) ** 2 for t, _ in points)
    return sum((t - mean_t) * (v - mean_v) for t, v in points) / spread * 3600 if spread else 0.0


class Counter:
    """A subscriber that only counts and keeps the newest statistics: it must not grow itself."""

    def __init__(self, harness, port):
        import paho.mqtt.client as mqtt
        self.samples, self.stats, self.harness = 0, None, harness
        self.client = mqtt.Client(client_id="soak", protocol=mqtt.MQTTv5)
        self.client.on_message = self.received
        self.client.on_connect = lambda client, *_: client.subscribe(
            [("lab/+/+/samples", 0), ("lab/_gateway/+/stats", 0)])
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()

    def received(self, _client, _userdata, message):
        if message.topic.endswith("/samples"):
            self.samples += 1
        else:
            self.stats = self.harness.exact_json(message.payload.decode())


def journal_kib(factory):
    """File and WAL."""
    files = (factory.journal_path, factory.journal_path.with_name("journal.db-wal"))
    return sum(file.stat().st_size for file in files if file.exists()) // 1024


def measure(harness, scenario, minutes, folder):
    broker = scenario.broker()
    factory = scenario.pattern_factory(10, 100, "100 ms").broker(broker.port)
    factory.set("journal", max_size=f"{JOURNAL_MIB} MiB")
    scenario.simulator_without_journal(factory)
    gateway = scenario.gateway(factory)
    counter = Counter(harness, broker.port)
    rows, start = [], time.monotonic()
    with open(folder / "measured.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("seconds", "rss_kib", "descriptors", "threads", "samples", "journal_kib",
                         "backlog", "overruns"))
        while time.monotonic() - start < minutes * 60:
            harness.let_pass(STEP_S)
            stats = counter.stats or {}
            row = (round(time.monotonic() - start, 1), gateway.rss_kib(), gateway.descriptors(),
                   gateway.threads(), counter.samples, journal_kib(factory),
                   stats.get("backlog"), stats.get("overruns"))
            rows.append(row)
            writer.writerow(row)
            file.flush()
            print("  ".join(f"{name} {value}" for name, value in zip(
                ("s", "KiB", "fds", "threads", "samples", "journal", "backlog", "overruns"),
                row)), flush=True)
    counter.client.loop_stop()
    return rows, gateway.stop()


def judge(rows, code):
    steady = rows[int(len(rows) * WARM_UP):]
    slope = slope_per_h([(row[0], row[1]) for row in steady])
    rate = (steady[-1][4] - steady[0][4]) * 100 / max(steady[-1][0] - steady[0][0], 1)
    print(f"memory: {slope:+.0f} KiB/h, from {steady[0][1]} to {steady[-1][1]} KiB; "
          f"{rate:.0f} values/s arrived")
    # A short run cannot tell a slope from a page: the growth itself is judged then.
    grown = steady[-1][1] - steady[0][1]
    yield "memory is flat", slope < SLOPE_KIB_PER_H or grown < 256
    yield "no descriptor and no thread is added", steady[0][2:4] == steady[-1][2:4]
    yield "the journal keeps its size", max(row[5] for row in rows) <= JOURNAL_MIB * 1024
    yield "every value arrives", rate > RATE * 0.99
    yield "the end is orderly", code == 0


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
        def simulator_without_journal(self, factory):
            process = harness.Process(self, "simulator", [harness.BUILD / "formlab-simulator",
                                                          "run", factory.write().path])
            process.wait_line(r"^ready\b")

        def runTest(self):
            """Only a place to stand: main drives it."""

    scenario = Soak()
    scenario.setUp()
    try:
        rows, code = measure(harness, scenario, float(os.environ.get("SOAK_MINUTES") or 30), folder)
    finally:
        scenario.doCleanups()
    verdicts = list(judge(rows, code))
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
