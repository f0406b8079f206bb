"""What every part of the bench stands on: programs, factories, the broker as it is shipped, and
the arithmetic. Nothing here knows a figure or a target."""

import dataclasses
import json
import os
import pathlib
import platform
import pwd
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "system"))


@dataclasses.dataclass
class Verdict:
    """One line of the closing table. Without a target it is only told."""
    figure: str
    measured: str
    target: str = ""
    is_met: bool | None = None


def number(value):
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def at_least(figure, value, target, digits=2, unit=""):
    return Verdict(figure, f"{value:,.{digits}f}{unit}", f"≥ {number(target)}{unit}", value >= target)


def at_most(figure, value, target, digits=2, unit=""):
    return Verdict(figure, f"{value:,.{digits}f}{unit}", f"≤ {number(target)}{unit}", value <= target)


def told(figure, value, digits=2, unit=""):
    return Verdict(figure, f"{value:,.{digits}f}{unit}")


def median(values):
    return statistics.median(values)


def percentile(values, share):
    """The value below which `share` of them lie."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else float("nan")


def cpu_us(result):
    """Microseconds of CPU for one of what a bench program counted."""
    return result["cpu_ns"] / result["count"] / 1000


def per_second(result):
    return result["count"] / result["wall_ns"] * 1e9


def table(head, rows):
    """A table as the README shows it."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


class Rig:
    """The build under test, a folder on the disk, and how thorough to be."""

    def __init__(self, build, is_quick):
        os.environ["FORMLAB_BUILD"] = str(build)
        import harness
        self.harness = harness
        self.build = build
        self.is_quick = is_quick
        self.rounds = 3 if is_quick else 5
        self.results = ROOT / "build" / "bench"
        self.results.mkdir(parents=True, exist_ok=True)
        # Thousands of links and connections, here and in what is started.
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    def program(self, name, *arguments):
        """Runs a bench program; what it printed, one object a line."""
        done = subprocess.run([str(self.build / "tests" / "bench" / name), *map(str, arguments)],
                              stdin=subprocess.DEVNULL, capture_output=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{name} {' '.join(map(str, arguments))}: "
                               f"{done.stderr.decode('utf-8', 'replace').strip()}")
        return done.stdout

    def measure(self, name, *arguments):
        return json.loads(self.program(name, *arguments))

    def stand(self):
        """A scenario of the tests' harness, only to stand on: `with rig.stand() as stand`."""
        return Stand(self)


class Stand:
    """Starts things in a folder of its own below build/bench and ends them."""

    def __init__(self, rig):
        self.rig = rig
        self.harness = rig.harness

    def __enter__(self):
        self.ports_before = self.harness.reserved_ports()
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="run-", dir=self.rig.results))
        os.environ["FORMLAB_TEST_DIR"] = str(self.dir)

        class Scenario(self.harness.Scenario):
            def runTest(self):
                """Only a place to stand."""

        self.scenario = Scenario()
        self.scenario.setUp()
        return self

    def __exit__(self, kind, *_):
        self.scenario.doCleanups()
        self.harness.release_ports(self.ports_before)
        if kind is None:
            shutil.rmtree(self.dir, ignore_errors=True)
        else:
            print(f"configuration, logs and journal: {self.dir}", file=sys.stderr)

    def broker(self, is_saving=False):
        """mosquitto with the shipped configuration, on a port of its own. Only when `is_saving`
        it saves as shipped: then it writes all its retained messages anew at each message that
        changes one, and its disk would be what is measured."""
        port = self.harness.reserve_port()
        text = (ROOT / "config" / "mosquitto.conf").read_text(encoding="utf-8")
        text = re.sub(r"(?m)^listener .*$", f"listener {port} 127.0.0.1", text)
        if not is_saving:
            text = re.sub(r"(?m)^(persistence|autosave_on_changes) true", r"\1 false", text)
        folder = self.dir / "broker"
        folder.mkdir(exist_ok=True)
        text += (f"persistence_location {folder}/\nuser {pwd.getpwuid(os.getuid()).pw_name}\n"
                 "log_type information\n")
        file = self.dir / "mosquitto.conf"
        file.write_text(text, encoding="utf-8")
        program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        broker = self.harness.Process(self.scenario, "broker", [program, "-c", file])
        broker.wait_line(r"mosquitto version \S+ running")
        broker.port = port
        return broker

    def factory(self, machines, tags, every, broker_port, now="off", is_still=False, **journal):
        """Machines p0, p1, … of the simulator's pattern model with `tags` registers each; the
        tag in the middle is four registers wide and carries the simulator's clock. All move at
        every read; with `is_still` by less than their deadband, but for that one."""
        factory = self.harness.Factory(self.scenario)
        factory.broker(broker_port).set("gateway", now=now).set("journal", **journal)
        deadband = 65535 if is_still else ""
        rows = [f"w{at},holding,{at},uint16,{deadband}" for at in range(tags - 1)]
        rows.insert(tags // 2, f"stamp,holding,{tags - 1},uint64,")
        (self.dir / "pattern.csv").write_text(
            "tag,table,address,type,deadband\n" + "\n".join(rows) + "\n")
        ports = self.ports(machines)
        for at in range(machines):
            factory.link(f"p{at}", ports[at])
            factory.machine(f"p{at}", f"p{at}", "pattern.csv", every=every, simulate="pattern")
        factory.ports = ports
        return factory.write()

    def ports(self, count):
        return [self.harness.reserve_port() for _ in range(count)]

    def simulator(self, factory):
        """Without a journal of what it serves: that would cost it more than serving."""
        process = self.harness.Process(self.scenario, "simulator", [
            self.rig.build / "formlab-simulator", "run", factory.path])
        process.wait_line(r"^ready\b", timeout=60)
        return process

    def gateway(self, factory):
        gateway = self.harness.Gateway(self.scenario, factory, is_awaited=False)
        gateway.wait_ready(60)
        return gateway


# --- of processes -----------------------------------------------------------------------------

def threads_cpu_ns(pid):
    """What the threads that live have run so far, user and system, by name: the kernel's own
    count, where /proc/PID/stat has its sum in steps of 10 ms."""
    used = {}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        try:
            name = (task / "comm").read_text().strip()
            ran_ns = int((task / "schedstat").read_text().split()[0])
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended meanwhile
        used[name] = used.get(name, 0) + ran_ns
    return used


def process_cpu_ns(pid):
    return sum(threads_cpu_ns(pid).values())


def process_memory_mib(pid):
    """(RSS, RssAnon)"""
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return tuple(int(re.search(rf"{name}:\s+(\d+) kB", text).group(1)) / 1024
                 for name in ("VmRSS", "RssAnon"))


# --- where it was measured ----------------------------------------------------------------------

def first_line(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return "?"
    return ((done.stdout or done.stderr).strip().splitlines() or ["?"])[0]


def package(name):
    return first_line("dpkg-query", "-W", "-f", "${Version}", name)


def describe_machine():
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    device = os.stat(ROOT).st_dev
    text = pathlib.Path("/proc/self/mountinfo").read_text()
    mounts = [line.split() for line in text.splitlines()]
    disk = [m[m.index("-") + 1] for m in mounts if m[2] == f"{os.major(device)}:{os.minor(device)}"]
    return {
        "cpu": f"{os.cpu_count()} × {cpu.group(1) if cpu else platform.machine()}",
        "kernel": f"{platform.system()} {platform.release()}",
        "file system": disk[0] if disk else "?",
        "load before": f"{os.getloadavg()[0]:.2f}",
        "gcc": first_line("gcc", "-dumpfullversion"),
        "libmodbus": package("libmodbus5"),
        "paho-mqtt-c": package("libpaho-mqtt1.3"),
        "sqlite": package("libsqlite3-0"),
        "mosquitto": package("mosquitto"),
        "commit": first_line("git", "-C", str(ROOT), "describe", "--always", "--dirty"),
    }
