"""Driver, decoder, encoder, journal and publisher: each against the bare library that does the
same work, by turns (bare, ours, bare, ours …) in one run."""

import json

from rig import at_least, cpu_us, median, per_second, table, told

DRIVER_MIN = 0.95    # requests a CPU second, of bare libmodbus
JOURNAL_MIN = 0.9    # samples a CPU second, of bare SQLite
PUBLISHER_MIN = 0.95  # messages a CPU second, of the fastest bare paho
DRAIN_MIN = 0.8      # the same for a backlog, reading the journal included

REGISTERS = 100
SPAN_MS = 300  # short turns, many of them: what else the machine does then hits both alike

# Every type of registers once.
TYPES = ("int16", "uint16", "int32", "uint32", "int64", "uint64", "float16", "float32", "float64",
         "bcd16", "bcd32", "mod10k2", "mod10k4", "string:16", "string1:8", "bit:3", "bits:8:8",
         "unix32", "datetime4", "datetime3r")


def by_turns(rounds, *sides):
    """[[result of each side] for each round]; the order turns round with each round."""
    results = []
    for number in range(rounds):
        order = list(range(len(sides)))
        if number % 2:
            order.reverse()
        done = {at: sides[at]() for at in order}
        results.append([done[at] for at in range(len(sides))])
    return results


def ratio(pairs, cost=cpu_us):
    """Ours against bare in work a CPU second: above 1 ours is cheaper. Median over the rounds."""
    return median([cost(bare) / cost(ours) for bare, ours in pairs])


def side(pairs, index, cost):
    return median([cost(pair[index]) for pair in pairs])


def payload_of(rig, stand, factory):
    """A file with a sample's payload as the product makes it; both sides get the same bytes."""
    file = stand.dir / "payload.json"
    file.write_bytes(rig.program("ours_sample", factory.path, "payload"))
    return file


# --- driver -----------------------------------------------------------------------------------

def measure_driver(rig):
    with rig.stand() as stand:
        factory = stand.factory(1, REGISTERS - 3, "100 ms", 1)  # the stamp takes four
        stand.simulator(factory)
        port = factory.ports[0]
        pairs = by_turns(5 * rig.rounds,
                         lambda: rig.measure("bare_modbus", REGISTERS, 0, SPAN_MS, port),
                         lambda: rig.measure("ours_driver", factory.path, SPAN_MS))
    share = ratio(pairs)
    rows = [("requests/s", f"{side(pairs, 0, per_second):,.0f}",
             f"{side(pairs, 1, per_second):,.0f}",
             f"{median([per_second(o) / per_second(b) for b, o in pairs]):.2f}"),
            ("µs CPU a request", f"{side(pairs, 0, cpu_us):.2f}", f"{side(pairs, 1, cpu_us):.2f}",
             f"{share:.2f}")]
    text = table((f"driver, reads of {REGISTERS} registers", "bare libmodbus", "ours (decoded)",
                  "ours / bare"), rows)
    return {"pairs": pairs, "ratio": share}, text, [
        at_least("driver: requests a CPU second, of bare libmodbus", share, DRIVER_MIN)]


# --- decoding and encoding ----------------------------------------------------------------------

def measure_sample(rig):
    span_ms = 500
    with rig.stand() as stand:
        rows = "".join(f"t{at},holding,{at * 20},{name}\n" for at, name in enumerate(TYPES))
        factory = stand.factory(1, REGISTERS, "100 ms", 1)
        payload = len(rig.program("ours_sample", factory.path, "payload"))
        encode = [rig.measure("ours_sample", factory.path, "encode", span_ms)
                  for _ in range(rig.rounds)]
        (stand.dir / "pattern.csv").write_text("tag,table,address,type\n" + rows)
        lines = [rig.program("ours_sample", factory.path, "decode", span_ms).splitlines()
                 for _ in range(rig.rounds)]
    decode = {name: median([json.loads(run[at])["ns"] for run in lines])
              for at, name in enumerate(TYPES)}
    sample_ns = median([cpu_us(result) * 1000 for result in encode])
    text = table(("decoding", "ns a value"), [(name, f"{ns:.1f}") for name, ns in decode.items()])
    text += "\n\n" + table((f"encoding {REGISTERS} values", "ns a sample", "ns a value", "bytes"),
                           [("scale, range, JSON, time", f"{sample_ns:,.0f}",
                             f"{sample_ns / REGISTERS:.1f}", payload)])
    return {"decode_ns": decode, "encode_ns": sample_ns, "payload_bytes": payload}, text, [
        told("encode: ns a sample of 100 values", sample_ns, 0)]


# --- journal ------------------------------------------------------------------------------------

def journal_bytes(path, count):
    """Of the database and its log, a row."""
    files = (path, path.with_name(path.name + "-wal"))
    return sum(file.stat().st_size for file in files if file.exists()) / count


def measure_journal(rig):
    results, rows, verdicts = {}, [], []
    for batch, count in ((1, 4000), (10, 30000), (100, 100000)):
        if rig.is_quick:
            count //= 2
        with rig.stand() as stand:
            factory = stand.factory(1, REGISTERS, "100 ms", 1)
            payload = payload_of(rig, stand, factory)

            def bare():
                file = stand.dir / "bare.db"
                result = rig.measure("bare_sqlite", file, payload, batch, count)
                return {**result, "bytes": clear(file, count)}

            def ours():
                result = rig.measure("ours_journal", factory.path, payload, batch, count)
                return {**result, "bytes": clear(factory.journal_path, count)}

            def clear(path, count):
                size = journal_bytes(path, count)
                for file in path.parent.glob(path.name + "*"):
                    file.unlink()
                return size

            pairs = by_turns(rig.rounds, bare, ours)
        share = ratio(pairs)
        results[f"batch {batch}"] = {"pairs": pairs, "ratio": share}
        speed = median([per_second(o) / per_second(b) for b, o in pairs])
        rates = [f"{side(pairs, at, per_second):,.0f}" for at in (0, 1)]
        costs = [f"{side(pairs, at, cpu_us):.1f}" for at in (0, 1)]
        sizes = [f"{side(pairs, at, lambda result: result['bytes']):,.0f}" for at in (0, 1)]
        rows.append((batch, *rates, f"{speed:.2f}", *costs, f"{share:.2f}", *sizes))
        verdicts.append(at_least(f"journal, {batch} a commit: samples a CPU second, of bare SQLite",
                                 share, JOURNAL_MIN))
    text = table(("journal, samples a commit", "bare samples/s", "ours", "ours / bare",
                  "bare µs CPU a sample", "ours", "a CPU second, ours / bare",
                  "bare bytes a sample", "ours"), rows)
    return results, text, verdicts


# --- publisher ----------------------------------------------------------------------------------

WINDOW = 64  # of the product's safe lane (OUTBOX_MAX)
BARE = [("MQTTAsync", "bare_async", "wait", 20), ("MQTTAsync", "bare_async", "wait", WINDOW),
        ("MQTTAsync, next from the callback", "bare_async", "chain", 20),
        ("MQTTAsync, next from the callback", "bare_async", "chain", WINDOW),
        ("MQTTClient, own window", "bare_sync", "thread", 20),
        ("MQTTClient, own window", "bare_sync", "thread", WINDOW),
        ("MQTTClient, one thread", "bare_sync", "single", 20),
        ("MQTTClient, one thread", "bare_sync", "single", WINDOW)]


def measure_publisher(rig):
    count = 5000 if rig.is_quick else 15000
    with rig.stand() as stand:
        broker = stand.broker()
        factory = stand.factory(1, REGISTERS, "100 ms", broker.port)
        payload = payload_of(rig, stand, factory)
        size = payload.stat().st_size

        def bare(program, how, window):
            return lambda: rig.measure(program, how, broker.port, payload, 1, window, count)

        def ours():
            return rig.measure("ours_publish", factory.path, payload, 1, WINDOW, count)

        def drain():
            return drain_backlog(rig, stand, factory, payload, count)

        rounds = by_turns(rig.rounds, *(bare(*row[1:]) for row in BARE), ours, drain)
    costs = [median([cpu_us(done[at]) for done in rounds]) for at in range(len(BARE) + 2)]
    fastest = min(range(len(BARE)), key=costs.__getitem__)
    share = ratio([(done[fastest], done[-2]) for done in rounds])
    drained = ratio([(done[fastest], done[-1]) for done in rounds])
    names = [(f"bare {name}", window) for name, _, _, window in BARE]
    names += [("ours: mqtt.c", WINDOW), ("ours: a gateway draining its journal", WINDOW)]
    rows = [(name, window, f"{median([per_second(done[at]) for done in rounds]):,.0f}",
             f"{costs[at]:.1f}", f"{costs[fastest] / costs[at]:.2f}")
            for at, (name, window) in enumerate(names)]
    text = table((f"publisher, QoS 1, {size} bytes", "window", "messages/s", "µs CPU a message",
                  "messages a CPU second, of the fastest bare"), rows)
    result = {"names": names, "rounds": rounds, "fastest": names[fastest], "ratio": share,
              "drain_ratio": drained}
    which = f"{BARE[fastest][0]}, window {BARE[fastest][3]}"
    return result, text, [
        at_least(f"publisher: messages a CPU second, of the fastest bare paho ({which})", share,
                 PUBLISHER_MIN),
        at_least("backlog drain: the same, journal and safe lane included", drained, DRAIN_MIN)]


def drain_backlog(rig, stand, factory, payload, count):
    """A real gateway on a journal of `count` unsent samples; nobody answers at its link, and
    nobody subscribes to more than the announcement, as with the bare ones."""
    from rig import process_cpu_ns
    for file in factory.journal_path.parent.glob("journal.db*"):
        file.unlink()
    rig.program("ours_journal", factory.path, payload, 100, count)
    subscriber = rig.harness.Subscriber(stand.scenario, stand_port(factory),
                                        topics=("lab/_gateway/+/event/#", "lab/_gateway/+/status"))
    gateway = rig.harness.Gateway(stand.scenario, factory, is_awaited=False)
    begin = subscriber.wait_topic("/status", text="online", timeout=20)
    before_ns = process_cpu_ns(gateway.pid)
    end = subscriber.wait_topic("/event/backlog-drained", timeout=120)
    used_ns = process_cpu_ns(gateway.pid) - before_ns
    gateway.stop()
    subscriber.close()
    return {"count": count, "wall_ns": (end.time - begin.time) * 1e9, "cpu_ns": used_ns}


def stand_port(factory):
    return int(factory.sections["broker"]["url"].rsplit(":", 1)[1])


PARTS = {"driver": measure_driver, "sample": measure_sample, "journal": measure_journal,
         "publisher": measure_publisher}
