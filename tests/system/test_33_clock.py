"""The wall clock is set while everything runs, and is not set at all at the start: the pace stays,
`time` says what the clock says, numbers go on, and what was read without a clock is uncertain."""

import datetime
import mmap
import pathlib
import shutil
import struct
import subprocess
import time

import harness

SHIM = pathlib.Path(__file__).with_name("clock_shim.c")
EVERY_MS = 50


class Clock:
    """The gateway's wall clock: `set` moves it by so many seconds against the real one."""

    def __init__(self, scenario, seconds=0):
        library = scenario.dir / "clock.so"
        subprocess.run([shutil.which("gcc"), "-shared", "-fPIC", "-O1", "-D_GNU_SOURCE",
                        "-o", library, SHIM], check=True)
        path = scenario.dir / "clock"
        path.write_bytes(bytes(8))
        with open(path, "r+b") as file:
            self.memory = mmap.mmap(file.fileno(), 8)
        self.environment = {"LD_PRELOAD": str(library), "FORMLAB_CLOCK": str(path)}
        self.set(seconds)

    def set(self, seconds):
        self.seconds = seconds
        self.memory[:] = struct.pack("<q", int(seconds * 1e6))


@harness.unittest.skipIf(harness.IS_SANITIZED, "sanitizers want to be loaded first")
class ClockTest(harness.Scenario):
    def begin(self, seconds):
        self.clock = Clock(self, seconds)
        broker = self.broker()
        self.watcher = self.subscriber(broker.port, topics=("lab/#",))
        factory = self.pattern_factory(1, 4, f"{EVERY_MS} ms").broker(broker.port)
        factory.set("journal", file="journal.db", commit="20 ms")
        self.simulator(factory)
        return self.gateway(factory, environment=self.clock.environment)

    def assert_paced(self, messages):
        """Polls come at their beat whatever the wall clock does."""
        numbers = [harness.identity(m.text)[0] for m in messages]
        self.assertEqual(numbers, list(range(numbers[0], numbers[-1] + 1)))
        beats = (messages[-1].time - messages[0].time) / (EVERY_MS / 1000)
        self.assertAlmostEqual(len(messages), beats, delta=max(4, beats * 0.15))

    def assert_true_time(self, message, tolerance=5):
        """`time` and `t` say what the clock said when the sample was taken."""
        said = datetime.datetime.fromisoformat(str(message.json["time"]).replace("Z", "+00:00"))
        self.assertAlmostEqual(said.timestamp(), float(message.json["t"]) / 1000, places=2)
        self.assertAlmostEqual(said.timestamp(), message.wall + self.clock.seconds,
                               delta=tolerance)

    @harness.exclusive
    @harness.limit(60)
    def test_a_clock_that_steps_changes_nothing_but_the_time(self):
        gateway = self.begin(0)
        self.watcher.wait_topic("/samples", count=20)
        everything = self.watcher.mark()
        for seconds in (-86400, -1, 600, 86400 * 365, 0):
            self.clock.set(seconds)
            harness.let_pass(0.2)
            start = self.watcher.mark()
            messages = self.watcher.wait_topic("/samples", count=15, start=start)
            self.assert_true_time(messages[-1])
            self.assertEqual(messages[-1].json["q"], "good")
        self.assert_paced(self.watcher.samples(start=everything))
        self.assertEqual(gateway.stop(), 0)

    @harness.limit(60)
    def test_before_the_clock_is_set_all_is_uncertain(self):
        gateway = self.begin(-time.time() + 100)  # 1970
        first = self.watcher.wait_topic("/samples")
        self.assertEqual(first.json["q"], "uncertain")
        self.assertTrue(str(first.json["time"]).startswith("1970-01-01"))
        run = harness.identity(first.text)[1]
        self.clock.set(0)
        good = self.watcher.wait_topic("/samples", text='"q":"good"')
        self.assert_true_time(good)
        self.assertEqual(harness.identity(good.text)[1], run)
        self.assertEqual(gateway.stop(), 0)
        self.clock.set(-time.time() + 50)  # and forgets it again
        again = self.gateway(gateway.factory, name="again", environment=self.clock.environment)
        later = self.watcher.wait_topic("/samples", start=self.watcher.mark())
        self.assertGreater(harness.identity(later.text), harness.identity(good.text))
        self.assertGreater(harness.identity(later.text)[1], run, "a run that was there before")
        self.assertEqual(again.stop(), 0)


if __name__ == "__main__":
    harness.unittest.main()
