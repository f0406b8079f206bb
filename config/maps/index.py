#!/usr/bin/env python3
"""Writes README.md, the index of the maps in this folder; with --check only tells if it is stale.

A map says about itself, in lines before its header: `# device:`, `# maker:`, `# link:` (keys of
the factory file that the device needs), `# source N:`, `# note:`, `# doubt:`. What is doubtful
about one tag follows `doubt:` in its `comment` column.
"""

import argparse
import csv
import pathlib
import re
import sys

FOLDER = pathlib.Path(__file__).resolve().parent
REGISTERS = {"int32": 2, "uint32": 2, "int64": 4, "uint64": 4, "float32": 2, "float64": 4,
             "bcd32": 2, "mod10k2": 2, "mod10k3": 3, "mod10k4": 4, "unix32": 2, "datetime4": 4,
             "datetime3r": 3}
BITS = ("coil", "discrete")
LIMITS = {"max_registers": 125, "max_bits": 2000, "max_hole": 16}  # the factory file's defaults

INTRODUCTION = """\
# Register maps

One CSV a type of machine, one row a tag: the columns are explained by `formlab-gateway map FILE`,
which also checks a map and shows wire addresses and Modicon numbers beside each other. Copy the map
that is nearest to yours; `explain` finds the order and the address of a value that looks wrong.

This file is written by `index.py` from the maps themselves; a test fails when it is stale.

"requests" is what one poll of the whole map costs, within the limits of the column "link keys",
which belong into the factory file's section of the link.
"""


class Map:
    def __init__(self, path):
        self.name = path.name
        self.remarks = []  # (kind, text)
        lines = path.read_text(encoding="utf-8-sig").splitlines()
        for line in lines:
            match = re.match(r"# (\w+(?: \d+)?): (.*)", line)
            if match:
                self.remarks.append(match.groups())
        told = [line[1:].strip() for line in lines if line.startswith("#")]
        self.title = told[0] if told else ""
        self.rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))

    def told(self, kind):
        return [text for what, text in self.remarks if what.split()[0] == kind]

    def limits(self):
        given = (text.split("=") for text in self.told("link"))
        return {**LIMITS, **{key.strip(): int(value) for key, value in given
                             if key.strip() in LIMITS}}

    def orders(self):
        """Each with how many tags have it; `AB` stands for every plain big-endian order."""
        found = {}
        for row in self.rows:
            if row["table"] not in BITS:
                order = row.get("order") or "AB…"
                found[order] = found.get(order, 0) + 1
        return ", ".join(f"{order} ({count})" for order, count in found.items())

    def tables(self):
        return ", ".join(dict.fromkeys(row["table"] for row in self.rows))

    def doubts(self):
        """Of single tags: doubt → tags."""
        found = {}
        for row in self.rows:
            match = re.search(r"doubt: (.*)", row.get("comment") or "")
            if match:
                found.setdefault(match[1], []).append(row["tag"])
        return found

    def requests(self):
        groups = {}  # what has its own pace has its own requests
        for row in self.rows:
            groups.setdefault((row["table"], row.get("every")), []).append(row)
        return sum(self._requests_of(table, rows) for (table, _), rows in groups.items())

    def _requests_of(self, table, rows):
        limits = self.limits()
        limit = limits["max_bits" if table in BITS else "max_registers"]
        hole = limits["max_hole"] * (16 if table in BITS else 1)
        spans = sorted((int(row["address"], 0), int(row["address"], 0) + registers_of(row))
                       for row in rows)
        count, start, reach = 0, None, None
        for first, end in spans:
            if start is None or first > reach + hole or end > start + limit:
                count, start, reach = count + 1, first, end
            reach = max(reach, end)
        return count


def registers_of(row):
    kind, *numbers = row["type"].split(":")
    if kind == "string":
        return (int(numbers[0]) + 1) // 2
    return int(numbers[0]) if kind == "string1" else REGISTERS.get(kind, 1)


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join([*(f"| {' | '.join(map(str, line))} |" for line in lines), ""])


def of_devices(maps):
    head = ["map", "device", "maker", "tags", "tables", "orders", "requests", "link keys"]
    return table(head, [[f"[{m.name}]({m.name})", m.told("device")[0], m.told("maker")[0],
                         len(m.rows), m.tables(), m.orders(), m.requests(),
                         ", ".join(f"`{key}`" for key in m.told("link"))] for m in maps])


def of_line(maps):
    return table(["map", "machine", "tags", "tables", "orders", "requests"],
                 [[f"[{m.name}]({m.name})", m.title, len(m.rows), m.tables(), m.orders(),
                   m.requests()] for m in maps])


def details(one):
    lines = [f"### {one.name}", ""]
    for kind, text in one.remarks:
        if kind not in ("device", "maker", "link"):
            lines.append(f"- {kind}: {text}")
    for doubt, tags in one.doubts().items():
        shown = ", ".join(f"`{tag}`" for tag in tags[:6]) + (" …" if len(tags) > 6 else "")
        lines.append(f"- doubt about {shown}: {doubt}")
    return "\n".join([*lines, ""])


def index():
    maps = [Map(path) for path in sorted(FOLDER.glob("*.csv"))]
    devices = [one for one in maps if one.told("device")]
    line = [one for one in maps if not one.told("device")]
    return "\n".join([INTRODUCTION, "## Devices", "", of_devices(devices),
                      "## The shipped line", "", of_line(line), "## Sources, notes and doubts", "",
                      *(details(one) for one in devices)]).rstrip("\n") + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="exit 1 when README.md is stale")
    options = parser.parse_args()
    readme = FOLDER / "README.md"
    wanted = index()
    if not options.check:
        readme.write_text(wanted, encoding="utf-8")
    elif not readme.exists() or readme.read_text(encoding="utf-8") != wanted:
        print(f"{readme} is stale: run {pathlib.Path(__file__).name}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
