"""Line charts as SVG, without a library: the same figures give the same bytes. The page's own
colours are kept behind it, and text and lines can be read on light and on dark."""

import dataclasses
import math
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 300, 230          # of a panel
LEFT, RIGHT, TOP, BOTTOM = 48, 62, 30, 40
TITLE = 24
COLOURS = ("#2f7ed8", "#d9822b", "#3a9d5d", "#a05db0")

STYLE = """<style>
  text { font: 11px system-ui, sans-serif; fill: #444 }
  .head { font-weight: 600; font-size: 12px }
  .grid { stroke: #888; stroke-opacity: .25 }
  .axis { stroke: #888 }
  polyline { fill: none; stroke-width: 2 }
  @media (prefers-color-scheme: dark) { text { fill: #ccc } }
</style>"""


@dataclasses.dataclass
class Panel:
    """`lines`: (name, [(x, y)…]); x is logarithmic, and y unless `is_linear`, from 0 to at least
    `top`."""
    name: str
    lines: list
    is_linear: bool = False
    top: float = 0


def label(value):
    return f"{value:,.0f}" if value >= 1 else f"{value:.10f}".rstrip("0")


def decades(values):
    low = math.floor(math.log10(min(values)) + 1e-9)
    high = math.ceil(math.log10(max(values)) - 1e-9)
    return [10.0 ** power for power in range(low, max(high, low + 1) + 1)]


def ticks_of(panel):
    values = [y for _, line in panel.lines for _, y in line]
    if not panel.is_linear:
        return decades([max(value, 1e-6) for value in values])
    top = max([panel.top, *values])
    step = 10 ** math.floor(math.log10(top)) / (1 if top >= 5 * 10 ** math.floor(math.log10(top)) else 2)
    return [step * at for at in range(math.ceil(top / step - 1e-9) + 1)]


def scale(ticks, is_linear, begin, end):
    """A function from a value to its place between two places."""
    def place(value):
        if is_linear:
            share = (value - ticks[0]) / (ticks[-1] - ticks[0])
        else:
            share = math.log10(max(value, ticks[0]) / ticks[0]) / math.log10(ticks[-1] / ticks[0])
        return begin + share * (end - begin)
    return place


def draw_panel(panel, axis, left):
    x_ticks = decades([x for _, line in panel.lines for x, _ in line])
    y_ticks = ticks_of(panel)
    right, bottom = left + WIDTH - RIGHT, TITLE + HEIGHT - BOTTOM
    left, top = left + LEFT, TITLE + TOP
    x_place, y_place = scale(x_ticks, False, left, right), scale(y_ticks, panel.is_linear, bottom, top)
    parts = [f'<text class="head" x="{left}" y="{top - 12}">{escape(panel.name)}</text>']
    for tick in y_ticks:
        y = y_place(tick)
        parts.append(f'<line class="grid" x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>'
                     f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{label(tick)}</text>')
    for tick in x_ticks:
        x = x_place(tick)
        parts.append(f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{bottom}" y2="{bottom + 4}"/>'
                     f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{label(tick)}</text>')
    parts.append(f'<line class="axis" x1="{left}" x2="{right}" y1="{bottom}" y2="{bottom}"/>'
                 f'<text x="{(left + right) / 2:.1f}" y="{bottom + 32}" text-anchor="middle">'
                 f'{escape(axis)}</text>')
    names = name_places(panel, y_place)
    for (name, line), colour in zip(panel.lines, COLOURS):
        points = [(x_place(x), y_place(y)) for x, y in line]
        parts.append(f'<polyline stroke="{colour}" points="'
                     + " ".join(f"{x:.1f},{y:.1f}" for x, y in points) + '"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in points]
        parts.append(f'<text x="{points[-1][0] + 7:.1f}" y="{names[name]:.1f}" '
                     f'style="fill:{colour}">{escape(name)}</text>')
    return parts


def name_places(panel, y_place, apart=13):
    """Where each line's name stands, so that no two lie on each other."""
    ends = sorted(((y_place(line[-1][1]) + 4, name) for name, line in panel.lines), reverse=True)
    places, below = {}, math.inf
    for y, name in ends:
        places[name] = below = min(y, below - apart)
    return places


def draw(title, axis, panels):
    width = WIDTH * len(panels)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {TITLE + HEIGHT}" '
             f'width="{width}" height="{TITLE + HEIGHT}" role="img">',
             f"<title>{escape(title)}</title>", STYLE,
             f'<text x="{LEFT}" y="18">{escape(title)}</text>']
    for number, panel in enumerate(panels):
        parts += draw_panel(panel, axis, number * WIDTH)
    return "\n".join([*parts, "</svg>"]) + "\n"
