"""Random and mutated frames at every endpoint of the shipped line: the simulator answers each that
is a frame, survives each that is none, and stays as small as it was.

    tests/fuzz/frames.py [--build build/release] [--frames 10000000] [--seed N]

The first tenth warms it up; what memory it has then, it may not exceed by more than 1 MiB. Prints a
line of figures; exits with 1 when a claim fails.
"""

import argparse
import pathlib
import random
import signal
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "system"))

import decoder  # noqa: E402
import line     # noqa: E402
import shipped  # noqa: E402
import wire     # noqa: E402

GROWTH_KIB = 1024


def rss_kib(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))


def is_well(port):
    """Whether this endpoint still answers, whoever it is: with data or an exception."""
    link = wire.Wire(port)
    link.send(1, 3, 0, 1)
    reply = link.receive()
    link.close()
    return len(reply[3]) > 0


def blocks(link, sections):
    """["1,4,0,18", …]: unit, function, address, count of what the machines behind a link have."""
    found = []
    for name, keys in sections.items():
        if not name.startswith("machine ") or keys["link"] != link:
            continue
        base = int(keys.get("base", 0))
        for table in ("coil", "discrete", "holding", "input"):
            there = {row["address"] - base + i for row in line.rows(name.removeprefix("machine "))
                     if row["table"] == table for i in range(decoder.registers_of(row))}
            for first in sorted(there - {address + 1 for address in there}):
                count = next(n for n in range(1, 2000) if first + n not in there)
                found.append(f"{keys['unit_id']},{line.FUNCTIONS[table]},{first},{count}")
    return found


def run(build, frames, seed, folder):
    factory = shipped.Shipped()
    sections = line.sections()
    links = [name.removeprefix("link ") for name in sections if name.startswith("link ")]
    ports = [line.port(link) + factory.offset for link in links]
    aims = [":".join([str(port), *blocks(link, sections)]) for port, link in zip(ports, links)]
    scene = folder / "scene"
    scene.write_text("personality = off\n")
    simulator = subprocess.Popen(
        [build / "formlab-simulator", "run", factory.path, "--port-offset", str(factory.offset),
         "--scene", scene, "--speed", "60"], stdout=subprocess.PIPE, text=True)
    try:
        if not simulator.stdout.readline().startswith("ready"):
            return "the simulator was not ready"
        sizes = []
        told = ""
        for number in (frames // 10, frames - frames // 10):
            done = subprocess.run([build / "tests/fuzz/frames", str(number), str(seed + len(sizes)),
                                   *aims], capture_output=True, text=True, check=False)
            if done.returncode != 0:
                return done.stderr.strip() or f"frames ended with {done.returncode}"
            if simulator.poll() is not None:
                return f"the simulator ended with {simulator.returncode}"
            sizes.append(rss_kib(simulator.pid))
            told = done.stdout.strip()
        if not all(is_well(port) for port in ports):
            return "an endpoint is silent"
    finally:
        if simulator.poll() is None:
            simulator.send_signal(signal.SIGTERM)
        code = simulator.wait(60)
    print(f"seed={seed} {told} rss_kib={sizes[0]}..{sizes[1]}")
    if code != 0:
        return f"the simulator's exit code was {code}"
    return "" if sizes[1] - sizes[0] < GROWTH_KIB else "the simulator grows"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--frames", type=int, default=10_000_000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**31))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="formlab-frames-") as folder:
        failure = run((ROOT / options.build).resolve(), options.frames, options.seed,
                      pathlib.Path(folder))
    if failure:
        print(f"seed={options.seed}: {failure}", file=sys.stderr)
    return 1 if failure else 0


if __name__ == "__main__":
    sys.exit(main())
