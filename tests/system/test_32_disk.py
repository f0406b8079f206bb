"""The disk is full, read-only, or takes nothing more: polling and `now` go on, what is lost is
counted and named, and all heals without a restart."""

import resource
import time

import small_disk
import harness


class FullDisk(harness.Scenario):
    def begin(self, size, before=":", **keys):
        self.mosquitto = self.broker()
        self.watcher = self.subscriber(self.mosquitto.port, topics=("lab/#",))
        factory = self.pattern_factory(4, 20, "20 ms").broker(self.mosquitto.port)
        factory.set("gateway", now="100 ms")
        self.disk = small_disk.Disk(self, size, before)
        factory.set("journal", file=f"{self.disk.folder}/journal.db", commit="20 ms", **keys)
        self.simulator(factory)
        gateway = self.gateway(factory, prefix=self.disk.prefix)
        self.disk.pid = gateway.pid
        return gateway

    def assert_now_goes_on(self, begin):
        self.assertLess(small_disk.longest_silence(self.watcher.since(), "now/", begin,
                                             time.monotonic()), 1.0 * harness.PATIENCE)

    @harness.exclusive
    @harness.limit(60)
    def test_a_full_disk_stops_nothing_and_is_told(self):
        gateway = self.begin("1m")
        self.watcher.wait_topic("/samples", count=200)
        begin = time.monotonic()
        self.assertGreater(self.disk.fill(), 1 << 18)
        harness.let_pass(2.0)
        mark = self.watcher.mark()
        self.watcher.wait_topic("/samples", count=100, start=mark)  # what is acknowledged goes
        self.assert_now_goes_on(begin)
        self.mosquitto.pause()                                     # and now what is unsent
        harness.let_pass(6.0)
        self.mosquitto.resume()
        self.watcher.wait_topic("/samples", start=self.watcher.mark(), timeout=20, count=500)
        self.disk.free()
        healed = self.watcher.mark()
        self.watcher.wait_topic("/samples", start=healed, timeout=20, count=500)
        self.assertEqual(gateway.stop(), 0)
        self.assertEqual(small_disk.unexplained(self.watcher.since()), [])
        numbers = [harness.identity(m.text)[0] for m in self.watcher.samples(start=healed)]
        self.assertEqual(numbers[100:], list(range(numbers[100], numbers[-1] + 1)),
                         "a gap after the disk had room again")
        self.watcher.wait_topic("/event/evicted", timeout=0.1)

    @harness.limit(60)
    def test_a_disk_that_is_full_at_the_start_heals(self):
        gateway = self.begin("1m", small_disk.FILL)
        self.watcher.wait_topic("/now/w0", count=5)
        self.watcher.wait_topic("/stats", text='"journal_ok":false')
        self.assertEqual(self.watcher.samples(), [])
        self.disk.free()
        first = self.watcher.wait_topic("/samples", timeout=15)
        self.assertEqual(harness.identity(first.text)[0], 1, "what was held in memory came first")
        self.watcher.wait_topic("/samples", count=300, timeout=15)
        self.assertEqual(small_disk.unexplained(self.watcher.since()), [])
        self.assertEqual(gateway.stop(), 0)

    @harness.limit(60)
    def test_a_file_system_that_is_read_only_at_the_start_heals(self):
        gateway = self.begin("8m", 'mount -o remount,ro "$disk"')
        self.watcher.wait_topic("/now/w0", count=5)
        self.watcher.wait_topic("/stats", text='"journal_ok":false')
        self.disk.remount("rw")
        first = self.watcher.wait_topic("/samples", timeout=15)
        self.assertEqual(harness.identity(first.text)[0], 1)
        self.assertEqual(gateway.stop(), 0)

    @harness.quick
    @harness.limit(60)
    def test_without_disk_descriptors_and_memory_nothing_is_lost(self):
        gateway = self.begin("8m")
        self.watcher.wait_topic("/samples", count=50)
        begin = time.monotonic()
        descriptors = resource.prlimit(gateway.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(gateway.pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
        resource.prlimit(gateway.pid, resource.RLIMIT_NOFILE, (8, descriptors[1]))
        if not harness.IS_SANITIZED:  # nor memory beyond what it has
            resource.prlimit(gateway.pid, resource.RLIMIT_AS,
                             (gateway.virtual_kib() * 1024, resource.RLIM_INFINITY))
        self.watcher.wait_topic("/stats", text='"journal_ok":false', start=self.watcher.mark())
        alarm_s = time.monotonic() - begin
        self.assertLess(alarm_s, 10 * harness.PATIENCE)
        self.watcher.wait_topic("/now/w0", count=10, start=self.watcher.mark())
        resource.prlimit(gateway.pid, resource.RLIMIT_NOFILE, descriptors)
        resource.prlimit(gateway.pid, resource.RLIMIT_FSIZE,
                         (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        gateway.wait_line("event=journal-back", timeout=15)
        self.watcher.wait_topic("/samples", count=200, start=self.watcher.mark())
        self.assertEqual(gateway.stop(), 0)
        numbers = sorted({harness.identity(m.text)[0] for m in self.watcher.samples()})
        self.assertEqual(numbers, list(range(numbers[0], numbers[-1] + 1)), "something was lost")
        self.assert_now_goes_on(begin)


if __name__ == "__main__":
    harness.unittest.main()
