"""Line charts as SVG, without a library: the same figures give the same bytes. The page's own
colours are kept behind it, and text and lines can be read on light and on dark."""

import dataclasses
import math
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 300, 230          # of a panel
LEFT, RIGHT, TOP, BOTTOM = 48, 16, 30, 40
TITLE, NAME = 24, 90              # the title's height; room for a line's name beside it
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
    """`lines`: (name, [(x, y)…]), named alike in all panels; x is logarithmic, and so is y unless
    `is_linear`, from 0 to at least `top`."""
    name: str
    lines: list
    is_linear: bool = False
    top: float = 0


def label(value):
    return f"{value:,.0f}" if value >= 1000 else f"{value:g}"


def decades(values):
    low = math.floor(math.log10(min(values)) + 1e-9)
    high = math.ceil(math.log10(max(values)) - 1e-9)
    return [10.0 ** power for power in range(low, max(high, low + 1) + 1)]


def ticks_of(panel):
    values = [y for _, line in panel.lines for _, y in line]
    if not panel.is_linear:
        return decades([max(value, 1e-6) for value in values])
    top = max([panel.top, *values])
    power = 10 ** math.floor(math.log10(top))
    step = power if top >= 5 * power else power / 2
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
    x_place = scale(x_ticks, False, left, right)
    y_place = scale(y_ticks, panel.is_linear, bottom, top)
    parts = [f'<text class="head" x="{left}" y="{top - 12}">{escape(panel.name)}</text>']
    for tick in y_ticks:
        y = y_place(tick)
        parts.append(f'<line class="grid" x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>'
                     f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{label(tick)}</text>')
    for tick in x_ticks:
        x = x_place(tick)
        parts.append(f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{bottom}" '
                     f'y2="{bottom + 4}"/><text x="{x:.1f}" y="{bottom + 16}" '
                     f'text-anchor="middle">{label(tick)}</text>')
    parts.append(f'<line class="axis" x1="{left}" x2="{right}" y1="{bottom}" y2="{bottom}"/>'
                 f'<text x="{(left + right) / 2:.1f}" y="{bottom + 32}" text-anchor="middle">'
                 f'{escape(axis)}</text>')
    for (_, line), colour in zip(panel.lines, COLOURS):
        points = [(x_place(x), y_place(y)) for x, y in line]
        parts.append(f'<polyline stroke="{colour}" points="'
                     + " ".join(f"{x:.1f},{y:.1f}" for x, y in points) + '"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in points]
    return parts


def draw(title, axis, panels):
    width = WIDTH * len(panels)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {TITLE + HEIGHT}" '
             f'width="{width}" height="{TITLE + HEIGHT}" role="img">',
             f"<title>{escape(title)}</title>", STYLE,
             f'<text x="{LEFT}" y="18">{escape(title)}</text>']
    for number, (name, _) in enumerate(panels[0].lines):
        x = width - RIGHT - NAME * (len(panels[0].lines) - number)
        parts.append(f'<circle cx="{x}" cy="14" r="4" fill="{COLOURS[number]}"/>'
                     f'<text x="{x + 10}" y="18">{escape(name)}</text>')
    for number, panel in enumerate(panels):
        parts += draw_panel(panel, axis, number * WIDTH)
    return "\n".join([*parts, "</svg>"]) + "\n"
