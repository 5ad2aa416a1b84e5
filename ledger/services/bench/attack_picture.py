"""A picture of `bench attack`: for each attack, recall over the share of false alerts, as SVG.

Plain SVG without scripts or fonts of its own; colours follow the reader's light or dark scheme.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape

from ledger.services.bench.bench_attack import Line, Point, Result

COLUMNS, WIDTH, HEIGHT, GAP, TOP = 4, 190, 150, 46, 64
# name, also its class -> dashes: told apart without colours too
METHODS = {"ours": "", "count": "6 3", "radius": "2 3", "speed": "8 3 2 3"}
LEGEND = (
    "across: share of alerts that are false, 0 to 1; up: share of deeds found, 0 to 1; ring: the"
    " stated 5 %, or the number chosen on other seeds"
)
STYLE = """
svg { font: 11px system-ui, sans-serif; --ink: #1f2328; --faint: #d0d7de; --back: #ffffff;
      --ours: #0550ae; --count: #953800; --radius: #116329; --speed: #8250df; }
@media (prefers-color-scheme: dark) {
  svg { --ink: #e6edf3; --faint: #3d444d; --back: #0d1117;
        --ours: #79c0ff; --count: #ffa657; --radius: #7ee787; --speed: #d2a8ff; } }
text { fill: var(--ink); } .title { font-weight: 600; } .back { fill: var(--back); }
.frame, .grid { fill: none; stroke: var(--faint); } .grid { stroke-width: .5; }
.line { fill: none; stroke-width: 1.6; }
"""


def picture(results: Sequence[Result]) -> str:
    """Return the SVG. Each curve goes through its thresholds; the ring is where it would be run."""
    rows = -(-len(results) // COLUMNS)
    width = GAP + COLUMNS * (WIDTH + GAP)
    height = TOP + rows * (HEIGHT + GAP) + 8
    colours = "\n".join(f".{n} {{ stroke: var(--{n}); }} circle.{n} {{ fill: var(--back); }}"
                        for n in METHODS)  # fmt: skip
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img"'
        ' aria-label="Share of attacks found over the share of false alerts, by attack">',
        f"<style>{STYLE}{colours}</style>",
        f'<rect class="back" width="{width}" height="{height}"/>',
        *_legend(),
    ]
    for number, result in enumerate(results):
        left = GAP + number % COLUMNS * (WIDTH + GAP)
        top = TOP + number // COLUMNS * (HEIGHT + GAP)
        parts += [f'<g transform="translate({left} {top})">', *_panel(result), "</g>"]
    return "\n".join([*parts, "</svg>", ""])


def _legend() -> Iterator[str]:
    for number, (name, dash) in enumerate(METHODS.items()):
        left = GAP + number * 110
        path = f'd="M{left} 16h30" stroke-dasharray="{dash}"'
        yield f'<path class="line {name}" {path}/><text x="{left + 36}" y="20">{name}</text>'
    yield f'<text x="{GAP}" y="38">{LEGEND}</text>'


def _panel(result: Result) -> Iterator[str]:
    yield f'<text class="title" x="0" y="-6">{escape(result.attack)} ({result.wanted})</text>'
    yield f'<rect class="frame" width="{WIDTH}" height="{HEIGHT}"/>'
    for share in (0.25, 0.5, 0.75):
        x, y = WIDTH * share, HEIGHT * share
        yield f'<path class="grid" d="M{x:g} 0V{HEIGHT}M0 {y:g}H{WIDTH}"/>'
    below = HEIGHT + 13
    corners = (("1", -4, 9, "end"), ("0", -4, HEIGHT, "end"), ("0", 0, below, "start"),
               ("1", WIDTH, below, "end"))  # fmt: skip
    for text, left, down, anchor in corners:
        yield f'<text x="{left}" y="{down}" text-anchor="{anchor}">{text}</text>'
    for line in reversed(result.lines):  # ours on top
        yield from _line(line)


def _line(line: Line) -> Iterator[str]:
    places = [_place(point) for point in line.curve if point.alerts]
    if len(places) > 1:
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        dash = METHODS[line.name]
        yield f'<polyline class="line {line.name}" stroke-dasharray="{dash}" points="{path}"/>'
    if line.chosen.alerts:
        x, y = _place(line.chosen)
        yield f'<circle class="line {line.name}" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>'


def _place(point: Point) -> tuple[float, float]:
    return (1 - (point.precision or 0.0)) * WIDTH, (1 - point.recall) * HEIGHT
