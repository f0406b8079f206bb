"""The demonstration: a broker, a simulated factory and the gateway, on this machine, live.

Called by `make demo`. Starts three programs, waits until each is ready, tells what to type next,
and shows one live line. Ctrl-C ends the three and nothing else.
"""

import argparse
import errno
import json
import os
import pathlib
import pwd
import queue
import re
import secrets
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
FACTORY = ROOT / "config" / "formlab.conf"
READY_S = 30
LINE_S = 5


class Stop(Exception):
    """The demo ends; the text says why, the code is its exit code."""

    def __init__(self, text="", code=1):
        super().__init__(text)
        self.code = code


class Program:
    """A child, its log file, and what it said last. Its end is told to the box."""

    def __init__(self, name, command, folder, box):
        self.name, self.box = name, box
        self.command = [str(part) for part in command]
        self.log_path = folder / f"{name}.log"
        self.last = []
        # A session of its own: Ctrl-C reaches this script alone, which then ends the children.
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        start_new_session=True)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        with open(self.log_path, "wb") as log:
            for line in self.process.stdout:
                log.write(line)
                log.flush()
                text = line.decode("utf-8", "replace").rstrip()
                self.last = [*self.last[-9:], text]
                self.box.put((self.name, text))
        self.process.wait()
        self.box.put((self.name, None))

    def end(self, timeout):
        """SIGTERM, and SIGKILL when that is not heeded in time."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Demo:
    def __init__(self, build, folder):
        self.build = (ROOT / build).resolve()
        self.folder = (ROOT / folder).resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.box = queue.Queue()
        self.programs = {}
        self.listen = os.environ.get("LISTEN") or "127.0.0.1"
        self.offset = number("PORT_OFFSET", 0)
        text = FACTORY.read_text(encoding="utf-8")
        self.links = [(name, int(port) + self.offset) for name, port in re.findall(
            r"^\[link (\S+)\][^\[]*?^port\s*=\s*(\d+)", text, re.MULTILINE | re.DOTALL)]
        url = re.search(r"^url\s*=\s*mqtt://[^:\s]+:(\d+)", text, re.MULTILINE)
        self.root = re.search(r"^root\s*=\s*(\S+)", text, re.MULTILINE).group(1)
        self.port = number("BROKER_PORT", int(url.group(1)))
        web = re.search(r"^listen\s*=\s*[^:\s]+:(\d+)", text, re.MULTILINE)
        self.web_port = number("WEB_PORT", int(web.group(1)))
        self.pin = f"{secrets.randbelow(10000):04}"
        self.control = self.folder / "simulator.sock"
        self.scene = os.environ.get("SCENE")
        self.stats = None
        self.is_broker_up = False

    # --- starting ---

    def check_ports(self):
        """Names every busy port and the variable that moves it, before anything starts."""
        wanted = [(self.port, host, "the broker", f"BROKER_PORT={self.port + 1}")
                  for host in self.listeners()]
        wanted += [(port, "127.0.0.1", f"the simulated machine {name}",
                    f"PORT_OFFSET={self.offset + 100}") for name, port in self.links]
        wanted.append((self.web_port, self.listen, "the page", f"WEB_PORT={self.web_port + 1}"))
        busy = []
        for port, host, whose, variable in wanted:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((host, port))
                except OSError as error:
                    if error.errno in (errno.EADDRINUSE, errno.EACCES):
                        busy.append(f"Port {port} on {host}, for {whose}, is not free "
                                    f"({error.strerror.lower()}): try `make demo {variable}`.")
                    else:
                        busy.append(f"LISTEN={host} cannot be used: {error.strerror.lower()}.")
        if busy:
            raise Stop("\n".join(busy))

    def listeners(self):
        """The gateway speaks to the broker over loopback, wherever else that listens."""
        if self.listen in ("127.0.0.1", "0.0.0.0", "::"):
            return [self.listen]
        return [self.listen, "127.0.0.1"]

    def start(self, name, command):
        self.programs[name] = Program(name, command, self.folder, self.box)

    def start_broker(self):
        configuration = self.folder / "mosquitto.conf"
        lines = [f"user {pwd.getpwuid(os.getuid()).pw_name}",
                 *(f"listener {self.port} {host}" for host in self.listeners()),
                 "allow_anonymous true", "max_queued_messages 0", "log_dest stderr",
                 "log_type error", "log_type warning", "log_type information"]
        configuration.write_text("\n".join(lines) + "\n")
        mosquitto = shutil.which("mosquitto", path=os.environ["PATH"] + ":/usr/sbin")
        self.broker_command = [mosquitto, "-c", str(configuration)]
        self.start("broker", self.broker_command)
        self.await_line("broker", r"mosquitto version \S+ running")
        self.is_broker_up = True

    def start_simulator(self):
        scene = ["--scene", self.scene] if self.scene else []
        self.start("simulator", [self.build / "formlab-simulator", "run", FACTORY, "--port-offset",
                                 self.offset, "--control", self.control, *scene])
        self.await_line("simulator", r"^ready\b")

    def start_gateway(self):
        ready = self.folder / "ready"
        ready.unlink(missing_ok=True)
        # A pipe instead of a file: the gateway's opening it is the news, nobody has to look.
        os.mkfifo(ready)
        threading.Thread(target=self.watch_ready, args=(ready,), daemon=True).start()
        pin_file = self.folder / "lab-pin"
        pin_file.touch(0o600)
        pin_file.write_text(self.pin + "\n")
        self.start("gateway", [
            self.build / "formlab-gateway", "run", FACTORY, "--ready-file", ready,
            "--port-offset", self.offset,
            "--set", f"broker.url=mqtt://127.0.0.1:{self.port}",
            "--set", f"journal.file={self.folder / 'formlab.db'}",
            "--set", f"web.listen={bracketed(self.listen)}:{self.web_port}",
            "--set", f"web.lab={self.control}", "--set", f"web.lab_pin_file={pin_file}"])
        self.await_line("ready", "")

    def watch_ready(self, path):
        with open(path, "rb") as pipe:
            pipe.read()
        self.box.put(("ready", "ready"))

    def await_line(self, name, pattern):
        """Waits for a line of that program; the end of any of them ends the demo."""
        end = time.monotonic() + READY_S
        while True:
            try:
                who, text = self.box.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                raise Stop(f"The {name} was not ready within {READY_S} s; its log is in "
                           f"{self.folder}.") from None
            if text is None:
                self.fail(who)
            if who == name and re.search(pattern, text):
                return

    def fail(self, name):
        program = self.programs[name]
        tail = "\n".join("    " + line for line in program.last) or "    (nothing)"
        raise Stop(f"\nThe {name} ended by itself with {program.process.returncode}. "
                   f"It said last:\n{tail}\nAll of it is in {program.log_path}.")

    # --- showing ---

    def tell(self):
        host = socket.gethostname() if self.listen in ("0.0.0.0", "::") else self.listen
        address = "" if host == "127.0.0.1" else f" -h {host}"
        watch = f"mosquitto_sub{address or ' -h 127.0.0.1'} -p {self.port} -v -t"
        machines = re.findall(r"^\[machine (\S+)\]", FACTORY.read_text(), re.MULTILINE)
        offset = f" --port-offset {self.offset}" if self.offset else ""
        suggestions = (
            (f"{watch} '{self.root}/#'", "everything"),
            (f"{watch} '{self.root}/+/{machines[0]}/now/#'", "the newest values of one machine"),
            (f"{watch} '{self.root}/+/+/samples'", "every sample, for a recorder"),
            (f"{self.build.relative_to(ROOT)}/formlab-gateway read config/formlab.conf "
             f"{machines[0]}{offset}", "one poll, register by register"),
            (f"{self.build.relative_to(ROOT)}/formlab-simulator inject P05 --control "
             f"{os.path.relpath(self.control, ROOT)}", "the oven's heater fails; `clear` mends it"))
        width = max(len(line) for line, _ in suggestions)
        print(f"\nThe factory runs: {', '.join(machines)}. Look at it:\n\n"
              f"    http://{bracketed(host)}:{self.web_port}/      the page; its Scenarios ask for the "
              f"PIN {self.pin}\n\nIn a second terminal, type\n")
        for line, what in suggestions:
            print(f"    {line:<{width}}   {what}")
        print(f"""
Take the broker away and give it back; nothing is lost:

    kill {self.programs['broker'].process.pid}
    {' '.join(self.broker_command)}
""")
        if self.listen != "127.0.0.1":
            print(f"Broker and page listen on {self.listen}: anyone on that network can read along.\n")
        print("Ctrl-C ends the demo.", flush=True)

    def show(self):
        """The live line, from the gateway's own statistics, until somebody ends it."""
        self.start_watcher()
        is_terminal = sys.stdout.isatty()
        last_told = 0.0
        while True:
            try:
                who, text = self.box.get(timeout=1)
            except queue.Empty:
                who, text = "", ""
            if text is None:
                self.ended(who)
            elif who == "watcher":
                self.heard(text)
            elif who == "gateway":
                self.gateway_said(text)
            now = time.monotonic()
            if is_terminal:
                print("\r\033[K" + self.line(), end="", flush=True)
            elif now - last_told >= LINE_S:
                last_told = now
                print(self.line(), flush=True)

    def start_watcher(self):
        watcher = self.programs.get("watcher")
        if watcher and watcher.process.poll() is None:
            return  # it connects again by itself
        self.start("watcher", [shutil.which("mosquitto_sub"), "-h", "127.0.0.1", "-p", self.port,
                               "-t", f"{self.root}/_gateway/+/stats"])

    def ended(self, name):
        """The broker may be taken away: that is what the demo is about. Nothing else may end."""
        if name == "broker":
            self.is_broker_up = False
            self.say("The broker is gone; samples wait in the journal. To bring it back:\n    "
                     + " ".join(self.broker_command))
        elif name != "watcher":
            self.fail(name)

    def heard(self, text):
        try:
            self.stats = json.loads(text)
        except ValueError:
            self.stats = None

    def gateway_said(self, text):
        match = re.search(r"event=(\S+)", text) if "publisher" in text or "mqtt" in text else None
        if not match:
            return
        is_up = match.group(1) == "connected"
        if is_up and not self.is_broker_up:
            self.start_watcher()
            self.say("The broker is back; what waited is being sent.")
        self.is_broker_up = is_up

    def say(self, text):
        print(("\r\033[K" if sys.stdout.isatty() else "") + text, flush=True)

    def line(self):
        if not self.is_broker_up:
            return f"broker away · backlog {self.waiting()} samples and growing"
        if not self.stats:
            return "broker connected · waiting for the first statistics"
        return (f"broker connected · {self.stats['readings_per_s']:.0f} readings/s · "
                f"{self.stats['samples_per_s']:.0f} samples/s · backlog {self.stats['backlog']} · "
                f"{self.stats['machines_online']} machines online")

    def waiting(self):
        """Without a broker there are no statistics: the journal itself tells."""
        try:
            connection = sqlite3.connect(f"file:{self.folder / 'formlab.db'}?mode=ro", uri=True,
                                         timeout=1)
            try:
                newest = connection.execute("select max(seq) from samples").fetchone()[0] or 0
            finally:
                connection.close()
        except sqlite3.Error:
            return "?"
        return newest - (self.stats or {}).get("acknowledged", newest)

    # --- ending ---

    def end(self):
        """In the order in which nothing is lost: the gateway still has the broker."""
        for name in ("watcher", "gateway", "simulator", "broker"):
            if name in self.programs:
                self.programs[name].end(5)

    def run(self):
        self.check_ports()
        self.start_broker()
        self.start_simulator()
        self.start_gateway()
        self.tell()
        self.show()


def bracketed(host):
    return f"[{host}]" if ":" in host else host


def number(variable, default):
    text = os.environ.get(variable) or str(default)
    if not re.fullmatch(r"\d{1,5}", text):
        raise Stop(f"{variable} is {text!r}, but must be a number.")
    return int(text)


def main():
    parser = argparse.ArgumentParser(description="The demonstration, see `make demo`.")
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--folder", default="build/demo", help="for logs, journal and sockets")
    options = parser.parse_args()

    def stop(_signal, _frame):
        raise Stop(code=0)
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    demo = None
    try:
        demo = Demo(options.build, options.folder)
        demo.run()
    except Stop as reason:
        for number_of_signal in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number_of_signal, signal.SIG_IGN)
        if str(reason):
            print(reason, file=sys.stderr)
        else:
            print("\nEnding.")
        return reason.code
    finally:
        if demo:
            demo.end()
    return 0


if __name__ == "__main__":
    sys.exit(main())
