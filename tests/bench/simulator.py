"""How fast the simulator is: reads of 100 registers a second on one core, and how many endpoints
and connections it holds. It must never be what a test, or another part of the bench, waits for."""

import selectors
import socket
import struct
import time

from rig import at_least, process_cpu_ns, process_memory_mib, table

READS_MIN = 50000        # a second of one core
ENDPOINTS, HELD_MIN = 1000, 5000
CONNECTIONS = 16
BATCH = 64               # requests on their way at once, per connection
REGISTERS = 100
REPLY_SIZE = 9 + 2 * REGISTERS
REQUEST = struct.pack(">HHHBBHH", 1, 0, 6, 1, 3, 0, REGISTERS)


def connect(port):
    link = socket.create_connection(("127.0.0.1", port), 10)
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return link


def measure_reads(rig, seconds):
    with rig.stand() as stand:
        factory = stand.factory(1, REGISTERS, "1 s", 1)
        child = stand.simulator(factory)
        selector = selectors.DefaultSelector()
        missing = {}
        for _ in range(CONNECTIONS):
            link = connect(factory.ports[0])
            selector.register(link, selectors.EVENT_READ)
            missing[link] = REPLY_SIZE * BATCH
            link.sendall(REQUEST * BATCH)
        begin, cpu_ns, reads = time.monotonic(), process_cpu_ns(child.pid), 0
        while time.monotonic() - begin < seconds:
            for key, _ in selector.select(1):
                link = key.fileobj
                missing[link] -= len(link.recv(65536))
                if missing[link] == 0:
                    reads += BATCH
                    missing[link] = REPLY_SIZE * BATCH
                    link.sendall(REQUEST * BATCH)
        used_ns = process_cpu_ns(child.pid) - cpu_ns
        elapsed = time.monotonic() - begin
        for link in missing:
            link.close()
    return {"reads": reads, "per_s": reads / elapsed, "per_core_s": reads * 1e9 / used_ns}


def measure_endpoints(rig, connections):
    with rig.stand() as stand:
        factory = stand.factory(ENDPOINTS, REGISTERS, "1 s", 1)
        begin = time.monotonic()
        child = stand.simulator(factory)
        ready_s = time.monotonic() - begin
        links = [connect(factory.ports[at % ENDPOINTS]) for at in range(connections)]
        begin = time.monotonic()
        for link in links:
            link.sendall(REQUEST)
        answered = 0
        for link in links:
            link.settimeout(10)
            got = 0
            while got < REPLY_SIZE:
                got += len(link.recv(4096))
            answered += 1
        round_s = time.monotonic() - begin
        rss = process_memory_mib(child.pid)[0]
        for link in links:
            link.close()
    return {"ready_s": ready_s, "answered": answered, "round_s": round_s, "rss_mib": rss}


def measure_simulator(rig):
    reads = measure_reads(rig, 1 if rig.is_quick else 4)
    held = measure_endpoints(rig, HELD_MIN)
    text = table(("simulator", ""), [
        (f"reads of {REGISTERS} registers a second of one core", f"{reads['per_core_s']:,.0f}"),
        (f"{ENDPOINTS} endpoints ready", f"{held['ready_s']:.2f} s"),
        (f"{held['answered']} connections answered once", f"{held['round_s']:.2f} s"),
        ("RSS", f"{held['rss_mib']:.0f} MiB")])
    return {"reads": reads, "held": held}, text, [
        at_least("simulator: reads a second of one core", reads["per_core_s"], READS_MIN, 0),
        at_least("simulator: connections held", held["answered"], HELD_MIN, 0)]


PARTS = {"simulator": measure_simulator}
