"""Checks who includes whom: the walls of the house, one row each."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

# A folder may include headers of these only.
FOLDERS = {
    "config": ["config/"],
    "drivers": ["drivers/", "config/"],
    "gateway": ["gateway/", "config/", "drivers/driver.h", "drivers/reading.h"],
    "simulator": ["simulator/", "config/"],
}
# A foreign library is known to one file; tests may speak to it to prepare what they test.
LIBRARIES = {
    r"modbus(/modbus)?\.h": "drivers/modbus_tcp.c",
    r"sqlite3\.h": "gateway/sql.c",
    r"microhttpd\.h": "gateway/web.c",
    r"MQTT(Async|Client|Properties|ReasonCodes)\.h": "gateway/mqtt.c",
}
# The WAL-reset bug of SQLite 3.40.1 needs a second connection that writes or checkpoints: there is
# one that writes, and only its owner may ask for a checkpoint. Readers never do.
CALLS = {
    r"\bSQL_WRITE\b": ("gateway/sql.c", "gateway/sql.h", "gateway/journal_open.c"),
    r"\bsql_checkpoint\(": ("gateway/sql.c", "gateway/sql.h", "gateway/journal.c",
                           "gateway/journal_open.c", "gateway/journal_replace.c",
                           "gateway/journal_room.c"),
}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def problems_of(path):
    name = path.relative_to(ROOT).as_posix()
    folder = name.split("/")[0]
    for number, line in enumerate(path.read_text().splitlines(), 1):
        for call, only in CALLS.items():
            if folder in FOLDERS and re.search(call, line) and name not in only:
                yield f"{name}:{number}: {call} is for {', '.join(only)} only"
        match = INCLUDE.match(line)
        if not match:
            continue
        kind, header = match.groups()
        if folder in FOLDERS:
            for library, only in LIBRARIES.items():
                if re.fullmatch(library, header) and name != only:
                    yield f"{name}:{number}: {header} is known to {only} only"
        if kind == '"' and folder in FOLDERS and not header.startswith(tuple(FOLDERS[folder])):
            yield f"{name}:{number}: {folder}/ may not include {header}"
        if kind == '"' and not (ROOT / header).exists():
            yield f"{name}:{number}: {header} must be named from the root of the tree"


def main():
    files = [path for folder in [*FOLDERS, "tests"]
             for path in sorted((ROOT / folder).rglob("*.[ch]"))]
    problems = [problem for path in files for problem in problems_of(path)]
    print("\n".join(problems) if problems else f"layers: {len(files)} files keep to their walls")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
