"""How fast, how lean: every figure as a ratio to the bare library in the same run.

    tests/bench/run.py [--build build/release] [--quick] [--only PART[,PART]]

Prints the machine, each part's table, and a closing table of what was wanted and what came; all of
it is in build/bench/figures.md, and with each single measurement in build/bench/PART.json. The exit
code is 0 when everything could be measured: figures are judged by people.
"""

import argparse
import datetime
import json
import pathlib
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import growth  # noqa: E402
import libraries  # noqa: E402
import simulator  # noqa: E402
import way  # noqa: E402
from rig import ROOT, Rig, describe_machine, table  # noqa: E402

PARTS = {**libraries.PARTS, **way.PARTS, **growth.PARTS, **simulator.PARTS}


def closing_table(verdicts):
    word = {True: "yes", False: "**no**", None: ""}
    return table(("figure", "target", "measured", "met"),
                 [(v.figure, v.target, v.measured, word[v.is_met]) for v in verdicts])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, smaller loads")
    parser.add_argument("--only", default="", help=", ".join(PARTS))
    options = parser.parse_args()
    chosen = [name for name in options.only.split(",") if name] or list(PARTS)
    unknown = [name for name in chosen if name not in PARTS]
    if unknown:
        parser.error(f"no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started is ended
    rig = Rig((ROOT / options.build).resolve(), options.quick)
    machine = describe_machine()
    pieces = [f"Measured {datetime.date.today()}" + (", quick" if options.quick else "") + ": "
              + " · ".join(f"{key} {value}" for key, value in machine.items())]
    print(pieces[0], flush=True)
    verdicts = []
    for name in chosen:
        begin = time.monotonic()
        result, text, found = PARTS[name](rig)
        seconds = time.monotonic() - begin
        (rig.results / f"{name}.json").write_text(json.dumps(
            {"machine": machine, "seconds": seconds, "result": result,
             "verdicts": [vars(verdict) for verdict in found]}, indent=1) + "\n")
        verdicts += found
        pieces.append(text)
        print(f"\n{text}\n({name}: {seconds:.0f} s)", flush=True)
    pieces.append(closing_table(verdicts))
    (rig.results / "figures.md").write_text("\n\n".join(pieces) + "\n", encoding="utf-8")
    print("\n" + pieces[-1])
    missed = sum(verdict.is_met is False for verdict in verdicts)
    print(f"{sum(verdict.is_met is True for verdict in verdicts)} met, {missed} not met")
    return 0


if __name__ == "__main__":
    sys.exit(main())
