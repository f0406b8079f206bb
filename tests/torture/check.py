"""The judge: what was committed, what the simulator served and what the broker stored, compared.

Shares nothing with the product: the journal is read with Python's sqlite3, the broker's store is
text. The invariants, as SCORECARD rows count them:

I1  every committed sample arrived, or its absence is announced          lost
I2  run and seq name one sample: no pair has two payloads                wrong
I3  samples are first seen in order of seq                               disordered
I4  repeats carry the same run, seq and values; at most a window a cut   wrong, repeated
I5  healthy machines never notice                                        `punctual`
I6  memory and descriptors stay bounded                                  `Footprint`
I7  the journal is sound                                                 `integrity_check`
"""

import contextlib
import dataclasses
import json
import re
import sqlite3

LATE = re.compile(r',"late":true\}$')
IDENTITY = re.compile(r'^\{"seq":(\d+),"run":(\d+),')
WINDOW = 64  # samples that may be under way without an answer (gateway/outbox.h)


@dataclasses.dataclass
class Verdict:
    samples: int = 0
    lost: int = 0
    repeated: int = 0
    disordered: int = 0
    wrong: int = 0
    complaints: list = dataclasses.field(default_factory=list)


def identity(payload):
    """(seq, run)."""
    match = IDENTITY.match(payload)
    return (int(match.group(1)), int(match.group(2))) if match else None


def plain(payload):
    """As it was committed."""
    return LATE.sub("}", payload)


class Journal:
    """What was committed, collected while it goes on: retention may take it meanwhile, but
    nothing may change it."""

    def __init__(self, path):
        self.path = path
        self.committed = {}  # (seq, run) → payload
        self.altered = []
        self._seen_to = 0

    def connect(self):
        return contextlib.closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True,
                                                  timeout=10))

    def collect(self):
        """Adds what is new; returns the highest seq."""
        with self.connect() as database:
            for seq, run, payload in database.execute(
                    "select seq, run, payload from samples where seq > ? order by seq",
                    (self._seen_to,)):
                self.committed[seq, run] = payload
                self._seen_to = seq
        return self._seen_to

    def compare(self):
        """Collects, and looks whether everything that is still there is as it was."""
        self.collect()
        with self.connect() as database:
            for seq, run, payload in database.execute("select seq, run, payload from samples"):
                if self.committed.get((seq, run)) != payload:
                    self.altered.append((seq, run))

    def integrity(self):
        with self.connect() as database:
            return database.execute("pragma integrity_check").fetchone()[0]

    def gaps(self):
        """[(first, last, reason)] that the journal itself names."""
        with self.connect() as database:
            return database.execute("select first, last, reason from gaps").fetchall()

    def is_emptied(self, after):
        """Whether samples up to `after` were taken by retention."""
        with self.connect() as database:
            first = database.execute("select min(seq) from samples").fetchone()[0]
        return first is not None and first > after


def check_arrivals(verdict, committed, arrived, may_disorder=()):
    """I2, I3, I4; returns the arrived identities. `may_disorder`: seqs that the broker itself
    refused at first, and so put behind their followers."""
    seen, highest = {}, 0
    for payload in arrived:
        key = identity(payload)
        text = plain(payload)
        if key is None or committed.get(key) != text:
            verdict.wrong += 1
            if len(verdict.complaints) < 5:
                verdict.complaints.append(f"arrived, but never committed so: {payload[:120]}")
            continue
        if key in seen:
            verdict.repeated += 1
            continue
        seen[key] = True
        if key[0] < highest and key[0] not in may_disorder:
            verdict.disordered += 1
            if verdict.disordered <= 3:
                verdict.complaints.append(f"{key} came after seq {highest}")
        highest = max(highest, key[0])
    return seen


def check(journal, arrived, announced=(), may_disorder=(), after=0):
    """The whole judgement of one run. `announced`: (from, to) of seqs whose absence the gateway
    told. `after`: seqs up to it are not judged."""
    journal.compare()
    verdict = Verdict(samples=sum(seq > after for seq, _ in journal.committed))
    seen = check_arrivals(verdict, journal.committed, arrived, may_disorder)
    told = {seq for first, last in announced for seq in range(first, last + 1)}
    missing = [key for key in journal.committed
               if key not in seen and key[0] not in told and key[0] > after]
    verdict.lost = len(missing)
    if missing:
        verdict.complaints.append(f"the first ones lost: {sorted(missing)[:5]}")
    if journal.altered:
        verdict.wrong += len(journal.altered)
        verdict.complaints.append(f"the journal changed: {journal.altered[:5]}")
    runs = [run for _, run in sorted(journal.committed)]
    if runs != sorted(runs):
        verdict.wrong += 1
        verdict.complaints.append("a later sample belongs to an earlier run")
    soundness = journal.integrity()
    if soundness != "ok":
        verdict.complaints.append(f"integrity_check: {soundness[:200]}")
    return verdict


# --- the oracle -----------------------------------------------------------------------------

def served(path):
    """{(endpoint, address, word)} from the simulator's journal. Its last line may be cut."""
    found = set()
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            if line.endswith("}\n"):
                entry = json.loads(line)
                found.update((entry["endpoint"], entry["address"] + index, word)
                             for index, word in enumerate(entry["words"]))
    return found


def check_values(verdict, told, committed, machines_of):
    """Every value of a machine whose map is words w0 … wn in a row was served so; and those of
    one good sample belong to one step of the `pattern` model, in which each word is 7 more than
    the one before. `machines_of`: machine → (endpoint, number of words)."""
    for (seq, _), (machine, payload) in committed.items():
        if machine not in machines_of:
            continue
        endpoint, count = machines_of[machine]
        values = json.loads(payload)
        words = [values.get(f"w{index}") for index in range(count)]
        is_served = all(word is None or (endpoint, index, word) in told
                        for index, word in enumerate(words))
        is_whole = values["q"] != "good" or all(
            word == (words[0] + 7 * index) % 65536 for index, word in enumerate(words))
        if not is_served or not is_whole:
            verdict.wrong += 1
            verdict.complaints.append(f"seq {seq} of {endpoint} was never served: {words}")


def values_of(path, after=0):
    """{(seq, run): (machine name, payload)} of a journal, of higher seqs than `after`."""
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as base:
        return {(seq, run): (name, payload) for seq, run, name, payload in base.execute(
            "select seq, run, machines.name, payload from samples "
            "join machines on machines.id = samples.machine where seq > ?", (after,))}


TIME = re.compile(r'"t":(\d+)')


def time_ms(payload):
    """When it was read, in milliseconds since 1970."""
    return int(TIME.search(payload).group(1))


# --- time and size --------------------------------------------------------------------------

def missed(times, every_ms):
    """Beats between the first and the last sample that have none; the last may be late by three
    quarters of one."""
    return int((times[-1] - times[0]) / every_ms + 0.25) + 1 - len(times) if times else 0


def percentile(values, part):
    return sorted(values)[min(len(values) - 1, int(len(values) * part))] if values else 0


class Footprint:
    """Memory and descriptors of a process, looked at now and then."""

    def __init__(self, process):
        self.process = process
        self.kib, self.descriptors = [], []

    def look(self):
        self.kib.append(self.process.rss_kib())
        self.descriptors.append(self.process.descriptors())

    def grown_kib(self):
        """From the median of the second fifth to that of the last: what comes first is warm-up."""
        fifth = max(len(self.kib) // 5, 1)
        early, last = self.kib[fifth:2 * fifth] or self.kib, self.kib[-fifth:]
        return percentile(last, 0.5) - percentile(early, 0.5)
