"""What a scenario of `make torture` is given, and what it gives back.

A scenario is a module of this folder, `NAME.py`, with a first line that says what is done and

    def run(run):           # a torture.Run
        ...
        return [row, ...]   # torture.Row; or yield one after the other

and, where the defaults do not fit,

    PARTS = 10              # run() is called so often, with run.part = 0 … 9; a torture that was
                            # interrupted goes on after the last part that was done, parts may run
                            # side by side, and rows of one id and fault are added up
    LIMIT_S = 900           # the most that one part may take
    IS_EXCLUSIVE = False    # nothing runs beside it

It stands on tests/system/harness.py: a Run is a harness.Scenario, with its brokers, simulators,
gateways and subscribers. Chances come from run.random, durations from run.minutes() and numbers
from run.count(), so that a seed repeats them and a short run is the long one made smaller.
"""

import contextlib
import dataclasses
import fcntl
import os
import pathlib
import time

import harness

ROOT = pathlib.Path(__file__).resolve().parents[2]


@dataclasses.dataclass
class Row:
    """One line of the scorecard. `samples` are those committed to the journal; of them:
    `lost` never came to the broker and nothing explains it; `repeated` came more than once;
    `disordered` were first seen after a later one; `wrong` differ from what was committed or
    served, or were never committed."""
    id: str                 # of the scorecard: G1
    fault: str              # "gateway killed"
    faults: int = 0         # injected
    samples: int = 0
    lost: int = 0
    repeated: int = 0
    disordered: int = 0
    wrong: int = 0
    recovery_s: float = 0.0  # from the end of the fault to all being well; the longest one
    forgotten: int = None    # acknowledged by the broker and then lost by it, where that is asked
    note: str = ""           # a further figure: "detected in 5.2 s"
    complaints: list = dataclasses.field(default_factory=list)

    def require(self, is_so, what):
        """A demand beside the figures; `what` says what should have been, and what was."""
        if not is_so:
            self.complaints.append(what)

    def count(self, verdict):
        """Adds what check.py found."""
        for name in ("samples", "lost", "repeated", "disordered", "wrong"):
            setattr(self, name, getattr(self, name) + getattr(verdict, name))
        self.complaints += verdict.complaints

    def recovered(self, seconds):
        self.recovery_s = max(self.recovery_s, seconds)

    def add(self, other):
        """Another part of the same row."""
        for name in ("faults", "samples", "lost", "repeated", "disordered", "wrong"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.recovered(other.recovery_s)
        if other.forgotten is not None:
            self.forgotten = (self.forgotten or 0) + other.forgotten
        self.complaints += other.complaints
        self.note = other.note or self.note

    @property
    def is_passed(self):
        return not (self.lost or self.disordered or self.wrong or self.complaints)


class Run(harness.Scenario):
    part, parts = 0, 1
    is_short = False  # within `make test`: the smallest run that still breaks something
    _last_said = 0.0

    def runTest(self):
        """Only a place to stand: the runner drives it."""

    def minutes(self, standard, short=0.1):
        """How long something lasts, in minutes: MINUTES= instead of the standard."""
        return short if self.is_short else float(os.environ.get("MINUTES") or standard)

    def count(self, name, standard, short=3):
        """This part's share of a number: KILLS= (or whatever the name is) instead of the
        standard."""
        wanted = short if self.is_short else int(os.environ.get(name) or standard)
        return wanted // self.parts + (self.part < wanted % self.parts)

    def say(self, text, every_s=10.0):
        """A progress line, no oftener than that."""
        if time.monotonic() - self._last_said >= every_s:
            self._last_said = time.monotonic()
            print(text, flush=True)

    @contextlib.contextmanager
    def _lock(self, how):
        folder = ROOT / "build" / "torture"
        folder.mkdir(parents=True, exist_ok=True)
        with open(folder / "quiet.lock", "w", encoding="utf-8") as file:
            fcntl.flock(file, how)
            yield

    def busy(self):
        """A piece of loud work: `with run.busy():` around each round of a loop that keeps the
        processors busy, so that it pauses while another scenario measures."""
        return self._lock(fcntl.LOCK_SH)

    def quiet(self):
        """`with run.quiet():` around what is measured against the clock: waits until no scenario
        is within busy(), and keeps them out."""
        return self._lock(fcntl.LOCK_EX)
