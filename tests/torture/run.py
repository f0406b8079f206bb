"""Breaks things on purpose and counts: `make torture`.

    tests/torture/run.py [--build build/release] [--only NAME] [--jobs 5] [--seed N] [--fresh]

Each part of each scenario (see torture.py) is a process of its own with a directory of its own.
What is done is in build/torture/state.json: a torture that was interrupted goes on after the last
part that was done, as long as seed, sizes and programs are the same. The scorecard is printed at
the end and kept in build/torture/scorecard.md; the last line is `N passed, N failed`.
"""

import argparse
import concurrent.futures
import dataclasses
import hashlib
import importlib
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
import traceback

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
FOLDER = ROOT / "build" / "torture"
HELPERS = ("run", "torture", "check")
SIZES = ("MINUTES", "KILLS", "CUTS", "STOPS", "FLIPS", "FLIPS_LOG")


@dataclasses.dataclass
class Part:
    module: str
    number: int
    parts: int
    limit_s: float
    is_exclusive: bool

    @property
    def name(self):
        return f"{self.module}-{self.number}" if self.parts > 1 else self.module


def find_parts(only):
    """Those that take longest come first."""
    found = []
    for file in sorted(HERE.glob("[a-z]*.py")):
        if file.stem in HELPERS or only not in file.stem:
            continue
        module = importlib.import_module(file.stem)
        if not hasattr(module, "run"):
            continue
        count = getattr(module, "PARTS", 1)
        found += [Part(file.stem, number, count, getattr(module, "LIMIT_S", 900),
                       getattr(module, "IS_EXCLUSIVE", False)) for number in range(count)]
    return sorted(found, key=lambda part: (part.is_exclusive, -part.limit_s))


# --- one part, in a process of its own ------------------------------------------------------

def run_part(name, number, parts, result):
    """Writes the rows as JSON. A scenario that breaks off is a row with a complaint."""
    import torture
    module = importlib.import_module(name)
    run = torture.Run()
    run.part, run.parts = number, parts
    rows = []
    try:
        run.setUp()
        try:
            for row in module.run(run):
                rows.append(row)
        finally:
            run.doCleanups()
    except Exception:  # whatever it is, it belongs into the scorecard
        text = traceback.format_exc()
        print(text, flush=True)
        rows.append(torture.Row("-", f"{name} broke off", complaints=[text.splitlines()[-1]]))
    pathlib.Path(result).write_text(json.dumps([dataclasses.asdict(row) for row in rows]),
                                    encoding="utf-8")


# --- the whole ------------------------------------------------------------------------------

class State:
    """What is done: part → rows. Belongs to one seed, one choice of sizes and one build."""

    def __init__(self, key, is_fresh):
        self.path, self.key, self.done = FOLDER / "state.json", key, {}
        self._lock = threading.Lock()
        if not is_fresh and self.path.exists():
            stored = json.loads(self.path.read_text(encoding="utf-8"))
            if stored["key"] == key:
                self.done = stored["done"]

    def add(self, part, rows):
        with self._lock:
            self.done[part.name] = rows
            draft = self.path.with_suffix(".new")
            draft.write_text(json.dumps({"key": self.key, "done": self.done}, indent=1),
                             encoding="utf-8")
            os.replace(draft, self.path)


def stored_seed():
    """The seed of the run that was interrupted, if one was."""
    path = FOLDER / "state.json"
    return json.loads(path.read_text(encoding="utf-8"))["key"]["seed"] if path.exists() else None


def key_of(build, seed):
    digest = hashlib.sha256()
    for program in ("formlab-gateway", "formlab-simulator"):
        digest.update((build / program).read_bytes())
    return {"seed": seed, "sizes": {name: os.environ.get(name, "") for name in SIZES},
            "programs": digest.hexdigest()[:16]}


def seed_of(seed, part):
    return random.Random(f"{seed}/{part.name}").randrange(2**31)


def execute(part, build, seed, state):
    folder = FOLDER / part.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    result = folder / "rows.json"
    environment = {**os.environ, "FORMLAB_BUILD": str(build), "FORMLAB_TEST_DIR": str(folder),
                   "FORMLAB_SEED": str(seed_of(seed, part)), "PYTHONDONTWRITEBYTECODE": "1"}
    start = time.monotonic()
    print(f"begin            {part.name}", flush=True)
    process = subprocess.Popen(
        [sys.executable, str(HERE / "run.py"), "--part", part.module, str(part.number),
         str(part.parts), str(result)],
        env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, start_new_session=True)
    watchdog = threading.Timer(part.limit_s, end_group, [process])
    watchdog.start()
    with open(folder / "torture.log", "w", encoding="utf-8") as log:
        for line in process.stdout:
            log.write(line)
            print(f"                 {part.name}: {line}", end="", flush=True)
    watchdog.cancel()
    end_group(process)
    process.wait()
    seconds = time.monotonic() - start
    if result.exists():
        rows = json.loads(result.read_text(encoding="utf-8"))
    else:
        rows = [{"id": "-", "fault": f"{part.module} broke off",
                 "complaints": [f"no result after {seconds:.0f} s, {part.limit_s} s allowed"]}]
    is_well = all(torture_row(row).is_passed for row in rows)
    print(f"{'ok' if is_well else 'FAIL':<5}{seconds:8.1f} s  {part.name}", flush=True)
    if is_well:
        shutil.rmtree(folder)
        state.add(part, rows)
    else:
        print(f"                 logs, configuration and seed: {folder}", flush=True)
    return rows


def end_group(process):
    """The part and whatever it started: its own session, nothing else."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def torture_row(values):
    import torture
    return torture.Row(**values)


def add_up(results):
    """Rows of one id and fault become one, in the order of ids."""
    rows = {}
    for values in results:
        row = torture_row(values)
        if (row.id, row.fault) in rows:
            rows[row.id, row.fault].add(row)
        else:
            rows[row.id, row.fault] = row
    return sorted(rows.values(), key=lambda row: (row.id, row.fault))


HEAD = ("", "fault", "injected", "samples", "lost", "repeated", "out of order", "wrong",
        "recovery", "further")


def cells(row):
    note = row.note
    if row.forgotten is not None:
        note = f"acknowledged, then forgotten by the broker: {row.forgotten:,}"
    return (row.id, row.fault, f"{row.faults:,}", f"{row.samples:,}", f"{row.lost:,}",
            f"{row.repeated:,}", f"{row.disordered:,}", f"{row.wrong:,}",
            f"{row.recovery_s:.1f} s" if row.recovery_s else "", note)


def print_scorecard(rows, seed):
    lines = ["| " + " | ".join(HEAD) + " |",
             "|" + "|".join("---" if at in (0, 1, 9) else "---:" for at in range(len(HEAD))) + "|"]
    lines += ["| " + " | ".join(cells(row)) + " |" for row in rows]
    (FOLDER / "scorecard.md").write_text("\n".join(lines) + f"\n\nSeed {seed}.\n", encoding="utf-8")
    table = [HEAD, *map(cells, rows)]
    widths = [max(len(line[at]) for line in table) for at in range(len(HEAD))]
    print()
    for line in table:
        print("  ".join(text.ljust(width) if at in (0, 1, 9) else text.rjust(width)
                        for at, (text, width) in enumerate(zip(line, widths))).rstrip())
    print()
    for row in rows:
        for complaint in row.complaints:
            print(f"failed: {row.id} {row.fault}: {complaint}")


def run_all(parts, jobs, options, state):
    results = []
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for done in [pool.submit(execute, part, options.build, options.seed, state)
                     for part in parts]:
            results += done.result()
    return results


def parse_arguments():
    parser = argparse.ArgumentParser(description="Faults on purpose, see `make torture`.")
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--only", default="", help="scenarios whose name contains this")
    parser.add_argument("--jobs", type=int, default=5, help="parts side by side")
    parser.add_argument("--seed", default=os.environ.get("FORMLAB_SEED", ""))
    parser.add_argument("--fresh", action="store_true", help="forget what was done")
    parser.add_argument("--part", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.build = (ROOT / options.build).resolve()
    return options


def main():
    options = parse_arguments()
    sys.path[:0] = [str(HERE), str(ROOT / "tests" / "system")]
    if options.part:
        name, number, parts, result = options.part
        run_part(name, int(number), int(parts), result)
        return 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    options.seed = options.seed or stored_seed() or str(random.SystemRandom().randrange(2**31))
    state = State(key_of(options.build, options.seed), options.fresh)
    parts = find_parts(options.only)
    waiting = [part for part in parts if part.name not in state.done]
    print(f"seed {options.seed}; {len(waiting)} of {len(parts)} parts to do", flush=True)
    results = [row for part in parts for row in state.done.get(part.name, ())]
    results += run_all([part for part in waiting if not part.is_exclusive], options.jobs, options,
                       state)
    results += run_all([part for part in waiting if part.is_exclusive], 1, options, state)
    rows = add_up(results)
    print_scorecard(rows, options.seed)
    if not options.only and all(row.is_passed for row in rows):
        state.path.unlink()  # all done: the next one begins anew
    failed = sum(not row.is_passed for row in rows)
    print(f"{len(rows) - failed} passed, {failed} failed")
    return 1 if failed or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
