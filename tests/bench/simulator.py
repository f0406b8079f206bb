"""How fast the simulator is: reads of 100 registers a second on one core, and how many endpoints
and connections it holds. It must never be what a test waits for.

    tests/bench/simulator.py [--build build/release] [--seconds 5]
"""

import argparse
import os
import pathlib
import resource
import selectors
import socket
import struct
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
FIRST_PORT = 12000
CONNECTIONS = 16
BATCH = 64  # requests on their way at once, per connection
REGISTERS = 100


def write_factory(folder, endpoints):
    rows = "".join(f"w{i},holding,{i},uint16\n" for i in range(REGISTERS))
    (folder / "map.csv").write_text("tag,table,address,type\n" + rows)
    text = ["[site]\nroot = bench\n[broker]\nurl = mqtt://127.0.0.1:1\n"]
    for index in range(endpoints):
        text.append(f"[link p{index}]\nhost = 127.0.0.1\nport = {FIRST_PORT + index}\n"
                    f"[machine p{index}]\nlink = p{index}\narea = hall\nunit_id = 1\n"
                    f"map = map.csv\nevery = 1 s\nsimulate = pattern\n")
    (folder / "factory.conf").write_text("".join(text))
    return folder / "factory.conf"


def start(build, factory):
    child = subprocess.Popen([str(build / "formlab-simulator"), "run", str(factory)],
                             stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline().startswith("ready"), "the simulator is not ready"
    return child


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def connect(port):
    link = socket.create_connection(("127.0.0.1", port), 10)
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return link


def measure_reads(build, folder, seconds):
    child = start(build, write_factory(folder, 1))
    request = struct.pack(">HHHBBHH", 1, 0, 6, 1, 3, 0, REGISTERS) * BATCH
    size = (9 + 2 * REGISTERS) * BATCH
    selector = selectors.DefaultSelector()
    missing = {}
    for _ in range(CONNECTIONS):
        link = connect(FIRST_PORT)
        selector.register(link, selectors.EVENT_READ)
        missing[link] = size
        link.sendall(request)
    begin, cpu, reads = time.monotonic(), cpu_seconds(child.pid), 0
    while time.monotonic() - begin < seconds:
        for key, _ in selector.select(1):
            link = key.fileobj
            missing[link] -= len(link.recv(65536))
            if missing[link] == 0:
                reads += BATCH
                missing[link] = size
                link.sendall(request)
    elapsed, used = time.monotonic() - begin, cpu_seconds(child.pid) - cpu
    child.terminate()
    child.wait()
    print(f"reads of {REGISTERS} registers: {reads / elapsed:,.0f}/s, {reads / used:,.0f} per "
          f"second of one core")
    return reads / used


def measure_endpoints(build, folder, endpoints, connections):
    begin = time.monotonic()
    child = start(build, write_factory(folder, endpoints))
    ready = time.monotonic() - begin
    links = [connect(FIRST_PORT + index % endpoints) for index in range(connections)]
    request = struct.pack(">HHHBBHH", 1, 0, 6, 1, 3, 0, REGISTERS)
    begin = time.monotonic()
    for link in links:
        link.sendall(request)
    answered = 0
    for link in links:
        link.settimeout(10)
        got = 0
        while got < 9 + 2 * REGISTERS:
            got += len(link.recv(4096))
        answered += 1
    round_s = time.monotonic() - begin
    status = pathlib.Path(f"/proc/{child.pid}/status").read_text()
    memory = next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))
    child.terminate()
    child.wait()
    print(f"{endpoints} endpoints ready in {ready:.2f} s; {answered} of {connections} connections "
          f"answered in {round_s:.2f} s; {int(memory) / 1024:.0f} MiB")
    return answered


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--seconds", type=float, default=5)
    options = parser.parse_args()
    build = (ROOT / options.build).resolve()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory(prefix="formlab-bench-") as folder:
        rate = measure_reads(build, pathlib.Path(folder), options.seconds)
        held = measure_endpoints(build, pathlib.Path(folder), 1000, 5000)
    return 0 if rate >= 50000 and held == 5000 else 1


if __name__ == "__main__":
    raise SystemExit(main())
