"""Every operation of the journal on its disk fails, one after the other, in every way; and the power
goes out at every one (tests/unit/test_faults.c)."""

import os
import re
import subprocess

import harness
import torture

LIMIT_S = 3000
SEEDS = 12


def run(run):
    row = torture.Row("D4+G3+G4", "each write, sync, truncate, open, removal, renaming; power")
    program = harness.BUILD / "tests" / "unit" / "test_faults"
    done = subprocess.run([program], capture_output=True, text=True, check=False, errors="replace",
                          env={**os.environ, "FORMLAB_FAULTS": str(run.count("SEEDS", SEEDS))})
    (run.dir / "output").write_text(done.stdout + done.stderr)
    runs = re.search(r"(\d+) runs", done.stderr)
    row.faults = int(runs.group(1)) if runs else 0
    row.require(done.returncode == 0, done.stderr[-2000:])
    return [row]
