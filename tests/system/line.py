"""The simulated line for scenarios: its control socket, a few of its machines, and its oracle."""

import bisect
import csv
import json
import re
import socket
import struct
from decimal import Decimal

import decoder
import harness
import shipped

FUNCTIONS = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}  # that read a table


def sections():
    """{"link m3_mill": {key: value}} of the shipped factory file."""
    found, section = {}, None
    for line in shipped.PATH.read_text(encoding="utf-8").splitlines():
        line = re.sub(r"(^|\s)#.*", "", line).strip()
        if line.startswith("["):
            section = found.setdefault(line.strip("[]"), {})
        elif "=" in line and section is not None:
            key, value = map(str.strip, line.split("=", 1))
            section[key] = value
    return found


def rows(machine):
    """The rows of a shipped machine's map."""
    path = shipped.PATH.parent / sections()[f"machine {machine}"]["map"]
    lines = [line for line in path.read_text(encoding="utf-8").splitlines()
             if line.strip() and not line.startswith("#")]
    found = [{key: text for key, text in row.items() if text} for row in csv.DictReader(lines)]
    for row in found:
        row["address"] = int(row["address"])
    return found


def port(link):
    return int(sections()[f"link {link}"]["port"])


def without_every(scenario, path):
    """A copy of a map in which every tag is read with each poll: in a scene that is played fast, the
    five seconds of a counter would be an hour."""
    comments = [text for text in path.read_text(encoding="utf-8").splitlines()
                if text.strip() and not text.startswith("#")]
    table = list(csv.reader(comments))
    column = table[0].index("every") if "every" in table[0] else None
    for row in table[1:]:
        if column is not None:
            row[column] = ""
    copy = scenario.dir / path.name
    with open(copy, "w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(table)
    return copy


def factory(scenario, links, every="200 ms", is_fast=False):
    """A factory with these links of the shipped file and all machines behind them. `is_fast`: every
    tag is read with each poll."""
    made = scenario.factory().set("site", root="formlab")
    every_section = sections()
    for link in links:
        keys = {**every_section[f"link {link}"], "driver": "modbus-tcp"}
        made.set(f"link {link}", **{**keys, "port": harness.reserve_port()})
    for section, keys in every_section.items():
        if section.startswith("machine ") and keys["link"] in links:
            path = shipped.PATH.parent / keys["map"]
            made.set(section, **{**keys, "every": every,
                                 "map": without_every(scenario, path) if is_fast else path})
    return made


class Control:
    """Speaks JSON lines with a running simulator."""

    def __init__(self, path):
        self.path = str(path)

    def ask(self, command, **members):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
            link.connect(self.path)
            link.sendall(json.dumps({"command": command, **members}).encode() + b"\n")
            reply = link.makefile("rb").readline()
        return json.loads(reply)

    def inject(self, fault):
        reply = self.ask("inject", fault=fault)
        assert reply["ok"], reply
        return reply["id"]

    def clear(self, fault=0):
        return self.ask("clear", id=fault)["cleared"]

    def status(self):
        return self.ask("status")

    def is_active(self, name):
        """Whether a fault of this scenario or of this text is active now."""
        return any(fault["active"] and name in (fault["scenario"], fault["fault"].split()[0])
                   for fault in self.status()["faults"])


def _key(row, value):
    kind = row["type"].split(":")[0]
    if isinstance(value, tuple):
        value = value[1]
    if kind in ("float32", "float64") and not isinstance(value, str):
        return struct.pack(">f" if kind == "float32" else ">d", float(value))
    if isinstance(value, bool) or not isinstance(value, (Decimal, int, float)):
        return str(value).rstrip("Z") if "date" in kind else str(value)
    return Decimal(value).normalize()


# A sample has one time, that of its first reply: other requests of the poll are served after it. A
# reply may be as late as a timeout.
BEFORE_S, AFTER_S = 3.0, 2.0


class Oracle:
    """What the simulator says it has served, and when, decoded by tag."""

    def __init__(self, journal, factory_sections):
        self.sections = factory_sections
        self.served = {}  # (link, unit) → [(seconds, table, address, words)], as they were sent
        for text in journal.read_text().splitlines():
            entry = json.loads(text)
            self.served.setdefault((entry["endpoint"], entry["unit"]), []).append(
                (entry["time_us"] / 1e6, entry["table"], entry["address"], tuple(entry["words"])))

    def values(self, machine, row, exponent=None):
        """([seconds], [value as a key]) of each reply that held this tag, in order. An exponent of
        ten in another tag comes in the same reply."""
        keys = self.sections[f"machine {machine}"]
        wanted = [row, exponent] if exponent else [row]
        known, times, found = {}, [], []
        for seconds, table, address, words in self.served.get(
                (keys["link"], int(keys["unit_id"])), ()):
            parts = tuple(_part(one, table, address, words) for one in wanted)
            if None in parts:
                continue
            if parts not in known:
                of = {one["tag"]: list(part) for one, part in zip(wanted, parts)}
                verdict = decoder.decode_all(wanted, lambda one: of[one["tag"]])[row["tag"]]
                known[parts] = None if verdict.quality == "bad" else _key(row, verdict.value)
            times.append(seconds)
            found.append(known[parts])
        return times, found

    def check(self, test, machine, samples):
        """Each value of these samples was served for its tag, within seconds of the sample's time:
        no neighbour's, no former one's. Returns how many were looked at."""
        by_tag = {row["tag"]: row for row in rows(machine)}
        checked = 0
        for tag, row in by_tag.items():
            times, served = self.values(machine, row, by_tag.get(row.get("scale_tag")))
            for sample in samples:
                if sample.get(tag) is None:
                    continue
                moment = float(sample["t"]) / 1000
                first = bisect.bisect_left(times, moment - BEFORE_S)
                last = bisect.bisect_right(times, moment + AFTER_S)
                test.assertIn(_key(row, sample[tag]), served[first:last],
                              f"{machine}/{tag} at {moment:.3f}: published, not served then")
                checked += 1
        return checked


def _part(row, table, address, words):
    """The words of this tag in a reply, or None."""
    count = 1 if row["table"] in ("coil", "discrete") else decoder.registers_of(row)
    start = row["address"] - address
    is_there = table == row["table"] and 0 <= start and start + count <= len(words)
    return words[start:start + count] if is_there else None
