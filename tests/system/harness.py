"""What every scenario stands on: processes, ports, factory files and a subscriber.

A scenario runs the real programs against a real broker, each on ports of its own, and awaits
conditions; it never sleeps for a time and hopes. Everything a test started is ended by its pid.
"""

import contextlib
import csv
import dataclasses
import functools
import io
import json
import os
import pathlib
import pwd
import random
import re
import shutil
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from decimal import Decimal

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("FORMLAB_BUILD", "build/release")
IS_SANITIZED = BUILD.name.endswith(("asan", "tsan"))
# Sanitized programs run several times slower; what is awaited may take that much longer.
PATIENCE = 4 if IS_SANITIZED else 1
SANITIZER_REPORT = re.compile(r"ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:")


# --- marks that tests/run.py reads ----------------------------------------------------------

def quick(test):
    """Belongs to the subset that also runs under the sanitizers."""
    test.is_quick = True
    return test


def exclusive(test):
    """Measures time, so nothing may run beside it."""
    test.is_exclusive = True
    return test


def limit(seconds):
    """The most this test may take; tests with a high limit are started first."""
    def mark(test):
        test.limit_s = seconds
        return test
    return mark


# --- waiting --------------------------------------------------------------------------------

class TimedOut(AssertionError):
    """A condition that was awaited did not come."""


def wait_until(condition, timeout, what="the condition"):
    """Returns the condition's first true value. The only place that looks again and again: for
    conditions that nothing announces (a file, /proc, a database). Everything else is awaited."""
    pause = threading.Event()
    end = time.monotonic() + timeout * PATIENCE
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimedOut(f"{what} did not come within {timeout * PATIENCE} s")
        pause.wait(0.02)


def let_pass(seconds):
    """Time that belongs to the claim itself (an outage of so many seconds), not to readiness."""
    threading.Event().wait(seconds)


# --- how punctual something is ---------------------------------------------------------------

class Metronome(threading.Thread):
    """How late this computer wakes anybody at present: what is no fault of the gateway's."""

    def __init__(self, every_ms):
        super().__init__(daemon=True)
        self._stopped, self._late_ms, self._every_s = threading.Event(), [], every_ms / 1000
        self.start()

    def run(self):
        due = time.monotonic()
        while not self._stopped.wait(max(0, due - time.monotonic())):
            self._late_ms.append(max(0, time.monotonic() - due) * 1000)
            due += self._every_s

    def late_ms(self):
        """Of 99 in 100 since the last question, at most."""
        late, self._late_ms = self._late_ms, []
        return p99(late) if late else 0

    def worst_ms(self):
        """The latest since the last question for late_ms()."""
        return max(self._late_ms, default=0)

    def end(self):
        self._stopped.set()
        self.join()
        return self.late_ms()


def p99(values):
    return sorted(values)[len(values) * 99 // 100]


def late_ms(times, every_ms):
    """How much later than its beat each was, the best one taken as punctual. In milliseconds."""
    phases = [time % every_ms for time in times]
    # The phase may lie just before a beat of the clock: turn it to the middle first.
    turn = every_ms / 2 - statistics.median(phases)
    turned = [(phase + turn) % every_ms for phase in phases]
    return [phase - min(turned) for phase in turned]


# --- ports ----------------------------------------------------------------------------------

_reserved = []


def reserve_port():
    """A TCP port that stays ours: below the range from which the kernel serves outgoing
    connections, and locked against other tests by an abstract socket for as long as we live.
    (A port found by binding to 0 can be taken by anybody while our broker is stopped.)"""
    chooser = random.SystemRandom()
    for _ in range(2000):
        port = chooser.randrange(20000, 32000)
        lock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        probe = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            lock.bind(f"\0formlab-test-port-{port}")
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
        except OSError:
            lock.close()
            continue
        finally:
            probe.close()
        _reserved.append(lock)
        return port
    raise RuntimeError("no free port between 20000 and 32000")


def release_ports(kept):
    """Gives back what was reserved when more than `kept` were held, newest first."""
    while len(_reserved) > kept:
        _reserved.pop().close()


def reserved_ports():
    return len(_reserved)


def reserve_offset(ports):
    """An offset for --port-offset with which all these ports are ours, as in reserve_port."""
    chooser = random.SystemRandom()
    for _ in range(200):
        offset = chooser.randrange(20000 - min(ports), 32000 - max(ports))
        locks = [socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) for _ in ports]
        try:
            for lock, port in zip(locks, ports):
                lock.bind(f"\0formlab-test-port-{port + offset}")
                with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind(("127.0.0.1", port + offset))
        except OSError:
            for lock in locks:
                lock.close()
            continue
        _reserved.extend(locks)
        return offset
    raise RuntimeError("no free ports between 20000 and 32000")


# --- processes ------------------------------------------------------------------------------

class Process:
    """A child whose output is read as it comes, kept in a log file, and can be awaited."""

    def __init__(self, scenario, name, command, environment=None):
        self.name = name
        self.command = [str(part) for part in command]
        self.log_path = scenario.dir / f"{name}.log"
        self.lines = []
        self._changed = threading.Condition()
        self._is_ended = False
        self.popen = subprocess.Popen(
            self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, cwd=scenario.dir,
            env={**os.environ, **(environment or {})})
        self.pid = self.popen.pid
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        scenario.processes.append(self)

    def _read(self):
        with open(self.log_path, "ab", buffering=0) as log:
            for line in self.popen.stdout:
                log.write(line)
                with self._changed:
                    self.lines.append(line.decode("utf-8", "replace").rstrip("\n"))
                    self._changed.notify_all()
        with self._changed:
            self._is_ended = True
            self._changed.notify_all()

    @property
    def log(self):
        with self._changed:
            return "\n".join(self.lines)

    def mark(self):
        """A place in the log, for wait_line to start from."""
        with self._changed:
            return len(self.lines)

    def wait_line(self, pattern, timeout=10, start=0):
        """The match of the first line (from `start` on) that fits the pattern."""
        regex = re.compile(pattern)
        end = time.monotonic() + timeout * PATIENCE
        with self._changed:
            while True:
                for line in self.lines[start:]:
                    match = regex.search(line)
                    if match:
                        return match
                start = len(self.lines)
                rest = end - time.monotonic()
                if self._is_ended or rest <= 0:
                    why = "ended" if self._is_ended else f"was silent for {timeout * PATIENCE} s"
                    raise TimedOut(f"{self.name} {why} without a line like {pattern!r}; "
                                   "its last lines:\n" + "\n".join(self.lines[-15:]))
                self._changed.wait(rest)

    def is_running(self):
        return self.popen.poll() is None

    def signal(self, number):
        self.popen.send_signal(number)

    def wait(self, timeout=10):
        """The exit code; negative: the signal that ended it."""
        try:
            code = self.popen.wait(timeout * PATIENCE)
        except subprocess.TimeoutExpired:
            raise TimedOut(f"{self.name} did not end within {timeout * PATIENCE} s; its last "
                           "lines:\n" + "\n".join(self.lines[-15:])) from None
        self._reader.join(5)
        return code

    def stop(self, timeout=10):
        """Orderly; returns the exit code."""
        if self.is_running():
            self.signal(signal.SIGTERM)
        return self.wait(timeout)

    def kill(self):
        if self.is_running():
            self.signal(signal.SIGKILL)
        return self.wait()

    def pause(self):
        self.signal(signal.SIGSTOP)

    def resume(self):
        self.signal(signal.SIGCONT)

    def rss_kib(self):
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1))

    def virtual_kib(self):
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmSize:\s+(\d+) kB", status).group(1))

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def threads(self):
        return len(os.listdir(f"/proc/{self.pid}/task"))


class Broker(Process):
    """A real mosquitto with a configuration of its own. `settings` are further lines of it."""

    def __init__(self, scenario, port=None, settings=(), name="broker", is_open=True,
                 is_durable=False, extra_listener=()):
        self.port = port or reserve_port()
        folder = scenario.dir / name
        folder.mkdir(exist_ok=True)
        lines = [f"user {pwd.getpwuid(os.getuid()).pw_name}",
                 f"listener {self.port} 127.0.0.1", *extra_listener,
                 f"allow_anonymous {'true' if is_open else 'false'}",
                 "persistence true", f"persistence_location {folder}/",
                 "max_queued_messages 0", "log_dest stderr", "connection_messages true",
                 "log_type error", "log_type warning", "log_type notice",
                 "log_type information", "set_tcp_nodelay true"]
        if is_durable:
            # What mosquitto needs for a PUBACKed message to survive its kill -9.
            lines += ["autosave_interval 1", "autosave_on_changes true"]
        configuration = scenario.dir / f"{name}.conf"
        configuration.write_text("\n".join([*lines, *settings]) + "\n")
        super().__init__(scenario, name, [shutil.which("mosquitto") or "/usr/sbin/mosquitto",
                                          "-c", configuration])
        self.wait_line(r"mosquitto version \S+ running")


class Simulator(Process):
    def __init__(self, scenario, factory, *options, name="simulator"):
        self.journal = scenario.dir / f"{name}.jsonl"
        super().__init__(scenario, name, [BUILD / "formlab-simulator", "run", factory.path,
                                          "--journal", self.journal, *options])
        self.wait_line(r"^ready\b")


class Gateway(Process):
    def __init__(self, scenario, factory, *options, name="gateway", is_awaited=True, prefix=(),
                 environment=None):
        self.ready_file = scenario.dir / f"{name}.ready"
        self.ready_file.unlink(missing_ok=True)
        self.factory = factory
        super().__init__(scenario, name, [*prefix, BUILD / "formlab-gateway", "run", factory.path,
                                          "--ready-file", self.ready_file, *options], environment)
        if is_awaited:
            self.wait_ready()

    def wait_ready(self, timeout=15):
        def look():
            if not self.is_running():
                raise AssertionError(f"the gateway ended with {self.popen.returncode} before it "
                                     f"was ready:\n{self.log[-3000:]}")
            return self.ready_file.exists()
        wait_until(look, timeout, "the gateway's ready file")


def command(*arguments, program="formlab-gateway", cwd=None, timeout=30):
    """Runs one of the bench commands to its end."""
    return subprocess.run([str(BUILD / program), *map(str, arguments)], cwd=cwd or ROOT,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=timeout * PATIENCE, check=False)


# --- the factory file -----------------------------------------------------------------------

class Factory:
    """A factory file and its maps, from Python. Values are written as they are given."""

    def __init__(self, scenario, name="factory.conf"):
        self.dir = scenario.dir
        self.path = scenario.dir / name
        self.sections = {"site": {"root": "lab"}, "gateway": {"name": "gw1"},
                         "broker": {}, "journal": {"file": "journal.db"}}
        self.journal_path = scenario.dir / "journal.db"

    def set(self, section, **keys):
        self.sections.setdefault(section, {}).update(keys)
        return self

    def broker(self, port, scheme="mqtt", host="127.0.0.1", **keys):
        return self.set("broker", url=f"{scheme}://{host}:{port}", **keys)

    def link(self, name, port, **keys):
        return self.set(f"link {name}", driver="modbus-tcp", host="127.0.0.1", port=port,
                        **{"timeout": "1 s", **keys})

    def machine(self, name, link, rows, **keys):
        """`rows`: the map's rows as dictionaries by column, or the name of a map file."""
        if not isinstance(rows, str):
            rows = self.map(f"{name}.csv", rows)
        return self.set(f"machine {name}", link=link, area="hall", map=rows,
                        **{"unit_id": 1, "every": "100 ms", **keys})

    def map(self, name, rows):
        columns = list(dict.fromkeys(key for row in rows for key in row))
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        (self.dir / name).write_text(text.getvalue(), encoding="utf-8")
        return name

    def write(self):
        lines = []
        for section, keys in self.sections.items():
            lines.append(f"[{section}]")
            lines += [f"{key} = {value}" for key, value in keys.items()]
            lines.append("")
        self.path.write_text("\n".join(lines), encoding="utf-8")
        return self


def holding_words(count, start=0, **columns):
    """A map of `count` unsigned words in a row."""
    return [{"tag": f"w{index}", "table": "holding", "address": start + index,
             "type": "uint16", **columns} for index in range(count)]


# --- what arrives ---------------------------------------------------------------------------

@dataclasses.dataclass
class Message:
    topic: str
    text: str
    is_retained: bool
    qos: int
    time: float   # monotonic
    wall: float   # seconds since 1970

    @functools.cached_property
    def json(self):
        """Exact: every number is a Decimal made from its own text."""
        return exact_json(self.text)

    @property
    def leaf(self):
        """The topic's last part: samples, snapshot, status … or the tag."""
        return self.topic.rsplit("/", 1)[-1]


def exact_json(text):
    def refuse(constant):
        raise ValueError(f"{constant} is no JSON")
    return json.loads(text, parse_float=Decimal, parse_int=Decimal, parse_constant=refuse)


class Subscriber:
    """A paho client that keeps all it gets. A durable one misses nothing while it is away."""

    def __init__(self, scenario, port, topics=("#",), is_durable=False, name="watcher",
                 prepare=None):
        self.messages = []
        self.is_connected = threading.Event()
        self._changed = threading.Condition()
        self._topics = topics
        self.client = mqtt.Client(client_id=name, protocol=mqtt.MQTTv5)
        self.client.max_inflight_messages_set(0)
        self.client.reconnect_delay_set(1, 1)
        self.client.on_connect = self._connected
        self.client.on_disconnect = lambda *_: self.is_connected.clear()
        self.client.on_subscribe = lambda *_: self.is_connected.set()
        self.client.on_message = self._received
        if prepare:
            prepare(self.client)
        properties = Properties(PacketTypes.CONNECT)
        if is_durable:
            properties.SessionExpiryInterval = 3600
        self.client.connect("127.0.0.1", port, keepalive=30,
                            clean_start=not is_durable, properties=properties)
        self.client.loop_start()
        scenario.addCleanup(self.close)
        if not self.is_connected.wait(10 * PATIENCE):
            raise TimedOut("the subscriber was not connected within 10 s")

    def _connected(self, client, _userdata, _flags, reason, _properties):
        if reason.value >= 0x80:
            raise AssertionError(f"the subscriber was refused: {reason}")
        client.subscribe([(topic, 1) for topic in self._topics])

    def _received(self, _client, _userdata, message):
        with self._changed:
            self.messages.append(Message(message.topic, message.payload.decode("utf-8"),
                                         bool(message.retain), message.qos, time.monotonic(),
                                         time.time()))
            self._changed.notify_all()

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()

    def mark(self):
        """A place in what has arrived, to start from later."""
        with self._changed:
            return len(self.messages)

    def since(self, start=0):
        with self._changed:
            return self.messages[start:]

    def wait_for(self, fits, timeout=10, start=0, count=1, what="a message"):
        """The first `count` messages from `start` on that fit; the last of them when count is 1."""
        found = []
        end = time.monotonic() + timeout * PATIENCE
        with self._changed:
            while True:
                for message in self.messages[start:]:
                    if fits(message):
                        found.append(message)
                        if len(found) == count:
                            return found if count > 1 else message
                start = len(self.messages)
                rest = end - time.monotonic()
                if rest <= 0:
                    last = "\n".join(f"{m.topic} {m.text[:200]}" for m in self.messages[-8:])
                    raise TimedOut(f"{len(found)} of {count} came within {timeout * PATIENCE} s: "
                                   f"{what}; the last messages:\n{last}")
                self._changed.wait(rest)

    def wait_topic(self, pattern, text=None, **keys):
        """A message whose topic ends so and, if given, whose payload is or matches `text`."""
        regex = re.compile(pattern + "$")
        value = re.compile(text) if text is not None else None
        return self.wait_for(
            lambda m: regex.search(m.topic) and (value is None or value.search(m.text)),
            what=f"{pattern} {text or ''}", **keys)

    def samples(self, machine=None, start=0):
        suffix = f"/{machine}/samples" if machine else "/samples"
        return [m for m in self.since(start) if m.topic.endswith(suffix)]


_LATE = re.compile(r',"late":true\}$')


def without_late(payload):
    """A sample's payload as the journal has it."""
    return _LATE.sub("}", payload)


_IDENTITY = re.compile(r'^\{"seq":(\d+),"run":(\d+),')


def identity(payload):
    """(seq, run): read from the front of the payload, without parsing it."""
    match = _IDENTITY.match(payload)
    if not match:
        raise AssertionError(f"a sample begins with seq and run, this one does not: {payload[:80]}")
    return int(match.group(1)), int(match.group(2))


def journal_rows(path, after=0):
    """[(seq, run, payload)] of a journal, also beside a running gateway."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)
    try:
        return connection.execute("select seq, run, payload from samples where seq > ? "
                                  "order by seq", (after,)).fetchall()
    finally:
        connection.close()


def journal_check(path):
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)
    try:
        return connection.execute("pragma integrity_check").fetchone()[0]
    finally:
        connection.close()


# --- the test case --------------------------------------------------------------------------

class Scenario(unittest.TestCase):
    """One claim. `dir` holds configuration, logs and journal; it is kept when the test fails."""

    def setUp(self):
        given = os.environ.get("FORMLAB_TEST_DIR")
        self.dir = pathlib.Path(given or tempfile.mkdtemp(prefix="formlab-test-"))
        if not given:
            self.addCleanup(self._tidy)
        self.seed = int(os.environ.get("FORMLAB_SEED", random.SystemRandom().randrange(2**31)))
        (self.dir / "seed").write_text(f"{self.seed}\n")
        self.random = random.Random(self.seed)
        self.processes = []
        self.addCleanup(self._end)

    def _end(self):
        for process in reversed(self.processes):
            with contextlib.suppress(TimedOut):
                # Only an orderly end lets the sanitizer look for leaks.
                if IS_SANITIZED and isinstance(process, (Gateway, Simulator)):
                    process.resume()
                    self.assertNotEqual(process.stop(), 86, f"leaks: see {process.log_path.name}")
            with contextlib.suppress(TimedOut):
                process.kill()
        for process in self.processes:
            report = SANITIZER_REPORT.search(process.log)
            self.assertIsNone(report, f"{process.name} was caught by a sanitizer, see "
                                      f"{process.log_path.name}")

    def _tidy(self):
        if self._outcome and self._outcome.success:
            shutil.rmtree(self.dir, ignore_errors=True)
        else:
            print(f"kept: {self.dir} (seed {self.seed})", file=sys.stderr)

    # Shorthands, so that a scenario reads as a story.

    def broker(self, **keys):
        return Broker(self, **keys)

    def factory(self, **keys):
        return Factory(self, **keys)

    def simulator(self, factory, *options, **keys):
        return Simulator(self, factory.write(), *options, **keys)

    def gateway(self, factory, *options, **keys):
        return Gateway(self, factory.write(), *options, **keys)

    def subscriber(self, port, **keys):
        return Subscriber(self, port, **keys)

    def pattern_factory(self, machines, tags, every, **machine_keys):
        """Machines of the simulator's `pattern` model, one link each, all with one map."""
        factory = self.factory()
        table = factory.map("pattern.csv", holding_words(tags))
        for index in range(machines):
            factory.link(f"p{index}", reserve_port())
            factory.machine(f"p{index}", f"p{index}", table, every=every, simulate="pattern",
                            **machine_keys)
        return factory

    def assert_all_delivered(self, rows, payloads):
        """Every committed sample arrived, unaltered, first seen in order; returns the repeats."""
        committed = {(seq, run): payload for seq, run, payload in rows}
        seen, order, repeats = {}, [], 0
        for payload in payloads:
            key, plain = identity(payload), without_late(payload)
            if key in seen:
                repeats += 1
                self.assertEqual(seen[key], plain, f"a repeat of {key} differs")
                continue
            seen[key] = plain
            order.append(key)
        missing = sorted(set(committed) - set(seen))
        self.assertFalse(missing, f"{len(missing)} of {len(committed)} committed samples never "
                                  f"arrived, the first are {missing[:5]}")
        altered = [key for key in committed if committed[key] != seen[key]]
        self.assertFalse(altered, f"payload and journal differ for {altered[:5]}")
        self.assertEqual(order, sorted(order), "samples were not first seen in order of seq")
        return repeats
