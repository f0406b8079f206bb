"""Blocks that heal, and the fewest requests: refused registers stay alone, no value is ever cut."""

import csv
import functools

import decoder
import fake_plc
import harness

MAPS = harness.ROOT / "config" / "maps"
EVERY_MS = 100
MAX_HOLE = 16  # registers; the default


def whole_values(rows):
    """A device that refuses a read which starts or ends inside a value, as the PAC3200 does;
    it keeps such requests in `cuts`."""
    spans = {}
    for row in rows:
        first = int(row["address"], 0)
        spans.setdefault(row["table"], []).append((first, first + decoder.registers_of(row)))

    def behave(plc, connection, request):
        end = request.address + request.count
        if any(first < edge < last for first, last in spans[request.table]
               for edge in (request.address, end)):
            plc.cuts.append(request)
            connection.sendall(fake_plc.exception(request, 2))
        else:
            fake_plc.healthy(plc, connection, request)
    return behave


def fewest_requests(rows, limit):
    """By trying every way to cut the sorted values into requests (they do not overlap)."""
    total = 0
    for table in {row["table"] for row in rows}:
        spans = sorted((int(row["address"], 0), int(row["address"], 0) + decoder.registers_of(row))
                       for row in rows if row["table"] == table)

        @functools.cache
        def least(start, spans=tuple(spans)):
            if start == len(spans):
                return 0
            best = None
            for end in range(start + 1, len(spans) + 1):
                is_wide = end > start + 1 and spans[end - 1][0] - spans[end - 2][1] > MAX_HOLE
                if is_wide or spans[end - 1][1] - spans[start][0] > limit:
                    break
                rest = 1 + least(end)
                best = rest if best is None else min(best, rest)
            return best
        total += least(0)
    return total


class Blocks(harness.Scenario):
    def refuse_five(self):
        broker, factory = self.broker(), self.factory()
        gone = self.random.sample(range(100), 5)
        plc = fake_plc.FakePlc(self, tables={"holding": {a: a for a in range(100)
                                                         if a not in gone}})
        factory.broker(broker.port).link("holes", plc.port)
        factory.machine("holes", "holes", harness.holding_words(100), every=f"{EVERY_MS} ms")
        watcher = self.subscriber(broker.port)
        self.gateway(factory)
        return sorted(gone), plc, watcher

    def check_alone(self, gone, samples):
        """Exactly those are bad, all others good and right."""
        for message in samples:
            self.assertEqual(message.json["bad"], {f"w{a}": "exception-2" for a in gone},
                             f"seed {self.seed}")
            for address in set(range(100)) - set(gone):
                self.assertEqual(message.json[f"w{address}"], address)

    @harness.quick
    def test_five_of_a_hundred_refused_are_bad_alone(self):
        gone, plc, watcher = self.refuse_five()
        samples = watcher.wait_topic("/holes/samples", count=40)
        self.check_alone(gone, samples[2:])
        times = [int(message.json["t"]) for message in samples[2:]]
        rate = (len(times) - 1) * EVERY_MS / (times[-1] - times[0])
        if not harness.IS_SANITIZED:
            self.assertGreater(rate, 0.95, "the others lost their rate")
        with plc.lock:
            asked = [request for request in plc.requests if request.time > plc.requests[0].time + 1]
        cycles = (asked[-1].time - asked[0].time) * 1000 / EVERY_MS
        # The plan's one request, cut by five holes at most into six.
        self.assertLessEqual(len(asked) / cycles, 1 + 10)
        self.assertEqual(plc.connections, 1)
        info = watcher.wait_for(lambda m: m.topic.endswith("/holes/info") and "refused" in m.text)
        self.assertIn(f"holding {gone[0]} (w{gone[0]})", info.text)

    @harness.limit(120)
    def test_all_five_heal_within_a_minute_of_being_allowed(self):
        gone, plc, watcher = self.refuse_five()
        samples = watcher.wait_topic("/holes/samples", count=5)
        self.check_alone(gone, samples[2:])
        allowed = samples[-1].time
        with plc.lock:
            plc.tables["holding"].update({address: address for address in gone})
            before = len(plc.requests)
        healed = watcher.wait_for(lambda m: m.topic.endswith("/samples") and m.json["q"] == "good",
                                  75, start=watcher.mark())
        self.assertLessEqual(healed.time - allowed, 60 * harness.PATIENCE)
        self.assertEqual({healed.json[f"w{a}"] for a in gone}, set(gone))
        with plc.lock:
            cycles = (plc.requests[-1].time - plc.requests[before].time) * 1000 / EVERY_MS
            self.assertLessEqual((len(plc.requests) - before) / cycles, 11)
        # Joined again: what is whole is one request.
        mark = watcher.mark()
        start = len(plc.requests)
        count = len(watcher.wait_topic("/holes/samples", start=mark, count=10))
        self.assertLessEqual(len(plc.requests) - start, count + 2)
        self.assertEqual(plc.connections, 1)

    @harness.quick
    def test_d08_whole_maps_in_the_fewest_requests_and_no_value_cut(self):
        broker, factory = self.broker(), self.factory()
        factory.broker(broker.port)
        plcs = {}
        for name in ("universal_robots", "siemens_pac3200", "eastron_sdm630"):
            path = MAPS / f"{name}.csv"
            rows = list(csv.DictReader(line for line in path.open(encoding="utf-8")
                                       if not line.startswith("#")))
            for limit in (125, 80, 29, 7, 4):
                # 0x3F80 is 1.0 as a float's first word, and no sentinel of anything.
                plc = fake_plc.FakePlc(self, whole_values(rows), {
                    row["table"]: dict.fromkeys(range(1000), 0x3f80) for row in rows})
                plc.cuts = []
                plc.wanted = fewest_requests(rows, limit)
                label = f"{name}-{limit}"
                plcs[label] = plc
                factory.link(label, plc.port, max_registers=limit)
                factory.machine(label, label, str(path), every="200 ms")
        watcher = self.subscriber(broker.port, topics=("lab/+/+/samples",))
        gateway = self.gateway(factory)
        for label in plcs:
            for message in watcher.wait_topic(f"/{label}/samples", count=3):
                self.assertNotIn("bad", message.json, label)
        self.assertEqual(gateway.stop(), 0)
        for label, plc in plcs.items():
            self.assertEqual(plc.cuts, [], f"{label}: a read began or ended inside a value")
            kinds = {(request.table, request.address, request.count) for request in plc.requests}
            self.assertEqual(len(kinds), plc.wanted, f"{label}: not the fewest requests")
            cycles = len(plc.requests) / len(kinds)
            polls = len(watcher.samples(label))
            self.assertLessEqual(abs(cycles - polls), 1, f"{label}: a poll costs more")
