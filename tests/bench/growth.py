"""What it costs to grow: CPU, memory and lateness against machines and tags, as a table and as a
picture (build/bench/growth.svg; the README shows a copy beside this file)."""

from chart import Panel, draw
from rig import table
from way import measure_load

MACHINES = (1, 10, 100, 1000)
TAGS = (10, 100, 1000)
PERIOD_MS = 1000
# A million `meta` topics at the start take a broker of this kind longer than all else here.
VALUES_MAX = 100000


def measure_growth(rig):
    cells = {}
    machines_list, tags_list = (MACHINES[:3], TAGS[1:2]) if rig.is_quick else (MACHINES, TAGS)
    for tags in tags_list:
        for machines in machines_list:
            if machines * tags <= VALUES_MAX:
                cells[machines, tags] = measure_load(rig, (machines, tags, PERIOD_MS), spans=2,
                                                     seconds=1 if rig.is_quick else 2)
    (rig.results / "growth.svg").write_text(picture(cells, tags_list), encoding="utf-8")
    rows = [(machines, tags, f"{cell['cores']['gateway']:.4f}", f"{cell['us_a_value']:.2f}",
             f"{cell['rss']:.1f}", f"{cell['anon']:.1f}", f"{cell['late']:.2%}")
            for (machines, tags), cell in cells.items()]
    text = table(("machines", f"tags each, every {PERIOD_MS} ms", "cores", "µs CPU a value",
                  "RSS MiB", "RssAnon MiB", "polls late by 5 %"), rows)
    result = {f"{machines}×{tags}": cell for (machines, tags), cell in cells.items()}
    return result, text, []


def picture(cells, tags_list):
    def lines(value):
        return [(f"{tags} tags", [(machines, value(cell)) for (machines, own), cell in cells.items()
                                  if own == tags]) for tags in tags_list]
    return draw("Each machine polled once a second, sync = full, QoS 1", "machines", [
        Panel("CPU, cores", lines(lambda cell: cell["cores"]["gateway"])),
        Panel("memory (RssAnon), MiB", lines(lambda cell: cell["anon"])),
        Panel("polls late by more than 5 %, %", lines(lambda cell: cell["late"] * 100),
              is_linear=True, top=1),
    ])


PARTS = {"growth": measure_growth}
