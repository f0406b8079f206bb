"""300 bits fall over in a journal and 100 logs end early, one at a time, before a start."""

import tired_disk
import torture

PARTS = 4
LIMIT_S = 1500
KINDS = (("D3", "a bit of the journal", "FLIPS", 225, lambda t, r: t.flip("", r)),
         ("D3", "a bit of its log", "FLIPS_LOG", 75, lambda t, r: t.flip("-wal", r)),
         ("D3", "its log cut", "CUTS", 100, lambda t, r: t.cut(r)))


def one(run, row, template, hurt, name):
    outcome = tired_disk.play(template, name, lambda t: hurt(t, run.random))
    for words in tired_disk.complaints(outcome):
        row.require(False, words)
    row.faults += 1
    row.samples += len(template.rows)
    row.wrong += outcome.wrong + len(outcome.invented())
    row.lost += len(outcome.missing())
    row.recovered(outcome.start_s)
    return outcome.lost(), "set_aside" in outcome.gateway.log


def run(run):
    template = tired_disk.Template(run, seconds=3)
    for id_, what, name, standard, hurt in KINDS:
        row = torture.Row(id_, what)
        told = aside = 0
        for number in range(run.count(name, standard)):
            with run.busy():
                lost, is_aside = one(run, row, template, hurt, f"{name}{number}")
            told += lost
            aside += is_aside
            run.say(f"{what}: {number + 1} done")
        row.note = f"{aside} set aside, {told} samples lost and named; time is the start's"
        yield row

