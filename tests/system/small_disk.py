"""A small disk of the gateway's own: a tmpfs in a mount namespace, gone with the process."""

import contextlib
import os
import pathlib
import subprocess

import harness

HOG = "hog"


class Disk:
    """`prefix` starts a gateway on it, `before` runs there first ("$disk" is its folder)."""

    def __init__(self, scenario, size, before=":", name="disk"):
        self.folder = scenario.dir / name
        self.folder.mkdir()
        unshare = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-rm"]
        self.prefix = [*unshare, "sh", "-c",
                       'disk=$1; mount -t tmpfs -o size=$2,mode=0777 none "$disk" && '
                       f'{{ {before}; shift 2; exec "$@"; }}', "sh", self.folder, size]
        self.pid = None

    def path(self, name=""):
        """As the gateway sees it, from outside."""
        return pathlib.Path(f"/proc/{self.pid}/root{self.folder}") / name

    def fill(self):
        """Takes every block that is left; returns how many bytes."""
        with open(self.path(HOG), "ab", buffering=0) as hog, contextlib.suppress(OSError):
            while True:
                hog.write(bytes(4096))
        return self.path(HOG).stat().st_size

    def free(self):
        self.path(HOG).unlink()

    def remount(self, options):
        enter = ["nsenter", "-t", str(self.pid), "-m", "-r"]
        enter += [] if os.geteuid() == 0 else ["-U"]
        subprocess.run([*enter, "mount", "-o", f"remount,{options}", str(self.folder)], check=True)


FILL = 'dd if=/dev/zero of="$disk/hog" bs=4096 status=none 2>/dev/null'


def named_as_lost(messages):
    """The numbers that events name. One may be named twice: when it goes, and when the place is
    passed where it would have come."""
    named = set()
    for message in messages:
        if message.topic.endswith(("/event/evicted", "/event/damaged")):
            named.update(range(int(message.json["from"]), int(message.json["to"]) + 1))
    return named


def unexplained(messages, start=0):
    """Numbers missing between the first and the last sample that came, and named by no event."""
    numbers = {harness.identity(message.text)[0] for message in messages[start:]
               if message.topic.endswith("/samples")}
    missing = set(range(min(numbers), max(numbers) + 1)) - numbers
    return sorted(missing - named_as_lost(messages[start:]))


def longest_silence(messages, leaf, begin, end):
    """Seconds between two messages of that leaf, at most, from begin to end (monotonic)."""
    times = [begin] + [m.time for m in messages
                       if f"/{leaf}" in m.topic and begin <= m.time <= end] + [end]
    return max(after - before for before, after in zip(times, times[1:]))
