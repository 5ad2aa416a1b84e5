"""One picture of why: an alert's evidence as SVG, with the same words for those who cannot see it.

A diversion: the consignment's cases in order, scans in the alert's region up, all others down, the
named cases marked. Any other alert: its scans by time and region. Colours differ in lightness, and
position says the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import groupby
from typing import Any
from xml.sax.saxutils import escape

from ledger.domain.regions import REGIONS
from ledger.services.alerts_evidence import Document

WIDTH, HEIGHT = 720, 340
LEFT, RIGHT, TOP, BOTTOM = 92, 704, 96, 292
INK, FAINT, LOUD, MARK = "#1c2733", "#5b6875", "#b3261e", "#fbe3e1"
MOST_LINES = 3
MOST_ROWS = 9
WRAP = 108  # characters of a line of the sentence


def picture(told: Document, zone: int) -> str:
    """Return the picture of an alert's evidence as one SVG document.

    zone: minutes east of UTC of the times that are shown.
    """
    parts = _cases(told) if told["alert"]["kind"] == "diversion" else _times(told, zone)
    sentence = str(told["alert"]["finding"]["sentence"])
    title = f"Alert {told['alert']['id']}: {told['alert']['kind'].replace('_', ' ')}"
    lines = _wrapped(sentence)
    return "".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"'
            f' aria-labelledby="t d" font-family="sans-serif" font-size="12" fill="{INK}">',
            f'<title id="t">{escape(title)}</title><desc id="d">{escape(sentence)}</desc>',
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
            _text(16, 22, title, size=15, weight="bold"),
            *(_text(16, 42 + 16 * at, line) for at, line in enumerate(lines)),
            *parts,
            "</svg>\n",
        ]
    )


def _cases(told: Document) -> Iterator[str]:
    """Bars over the cases of the consignment: here above the line, elsewhere below it."""
    goods, region = told["consignment"], told["alert"]["region"]
    cases = goods["cases"]
    at = {
        (case["batch"], index): number
        for number, case in enumerate(cases)
        for index in range(case["first"], case["to"])
    }
    here, elsewhere = Counter[int](), Counter[int]()
    for row in _rows(told):
        number = at.get((row["batch"], row["index"]))
        if number is not None:
            (here if row["region"] == region else elsewhere)[number] += 1
    named = set(told["alert"]["finding"]["evidence"]["units"])
    step = (RIGHT - LEFT) / max(len(cases), 1)
    middle = (TOP + BOTTOM) / 2 + 10
    up = (middle - TOP - 16) / max(1, *here.values())
    down = (BOTTOM - middle - 6) / max(1, *elsewhere.values())
    for first, to in _runs([case["sscc"] in named for case in cases]):
        yield _box(LEFT + first * step, TOP + 4, (to - first) * step, BOTTOM - TOP - 4, MARK)
    for number, case in enumerate(cases):
        x = LEFT + number * step
        if here[number]:
            high = here[number] * up
            colour = LOUD if case["sscc"] in named else FAINT
            yield _box(x + step * 0.1, middle - high, step * 0.8, high, colour)
        if elsewhere[number]:
            yield _box(x + step * 0.1, middle, step * 0.8, elsewhere[number] * down, INK)
    yield _line(LEFT, middle, RIGHT, middle)
    yield from _pallets(cases, step)
    name = REGIONS[region].en if region in REGIONS else str(region)
    yield _text(16, TOP + 28, "scans in", colour=LOUD)
    yield _text(16, TOP + 43, name, colour=LOUD, weight="bold")
    yield _text(16, BOTTOM - 36, "scans")
    yield _text(16, BOTTOM - 21, "elsewhere", weight="bold")
    lot, count = told["alert"]["lot"], len(cases)
    note = f"{count} cases of lot {lot} that {told['alert']['consignee']} got, in order of codes;"
    yield _text(LEFT, HEIGHT - 14, f"{note} ticks: pallets; shaded: named", colour=FAINT)


def _runs(flags: list[bool]) -> Iterator[tuple[int, int]]:
    """Yield the runs of what is set, half open."""
    for _, group in groupby(enumerate(flags), key=lambda pair: pair[1]):
        part = list(group)
        if part[0][1]:
            yield part[0][0], part[-1][0] + 1


def _pallets(cases: list[dict[str, Any]], step: float) -> Iterator[str]:
    before = None
    for number, case in enumerate(cases):
        if case["pallet"] != before:
            x = LEFT + number * step
            yield _line(x, BOTTOM + 2, x, BOTTOM + 9)
        before = case["pallet"]


def _times(told: Document, zone: int) -> Iterator[str]:
    """A dot for each scan: when it was made, and in which region."""
    rows = _rows(told)
    if not rows:
        yield _text(LEFT, (TOP + BOTTOM) / 2, "No scan was kept with this alert.")
        return
    most = Counter(row["region"] for row in rows).most_common()
    lanes = [region for region, _ in most[:MOST_ROWS]]
    rest = len(most) > MOST_ROWS
    names = [_name(region) for region in lanes] + (["other regions"] if rest else [])
    first, last = rows[0]["time"], rows[-1]["time"]
    span = max(last - first, 1)
    high = (BOTTOM - TOP) / len(names)
    for lane, name in enumerate(names):
        y = TOP + high * (lane + 0.5)
        yield _text(16, y + 4, name)
        yield _line(LEFT + 16, y, RIGHT, y, colour="#d7dde3")
    for row in rows:
        lane = lanes.index(row["region"]) if row["region"] in lanes else len(names) - 1
        x = LEFT + 24 + (RIGHT - LEFT - 32) * (row["time"] - first) / span
        y = TOP + high * (lane + 0.5)
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{LOUD}" fill-opacity="0.6"/>'
    devices = len({row["device"] for row in rows})
    codes = len({row["code"] for row in rows})
    yield _text(LEFT + 16, BOTTOM + 16, _day(first, zone), colour=FAINT)
    yield _text(RIGHT, BOTTOM + 16, _day(last, zone), colour=FAINT, anchor="end")
    counts = ((len(rows), "scan"), (codes, "code"), (devices, "device"))
    scans, of, by = (f"{count} {name}{'s' if count != 1 else ''}" for count, name in counts)
    note = f"{scans} of {of} by {by}, by time and region"
    yield _text(LEFT + 16, HEIGHT - 14, note, colour=FAINT)


def _rows(told: Document) -> list[dict[str, Any]]:
    return [dict(zip(told["columns"], row, strict=True)) for row in told["scans"]]


def _name(region: int | None) -> str:
    return REGIONS[region].en if region is not None and region in REGIONS else "unknown"


def _day(seconds: int, zone: int) -> str:
    return f"{datetime.fromtimestamp(seconds + 60 * zone, UTC):%Y-%m-%d %H:%M}"


def _wrapped(text: str) -> list[str]:
    lines: list[str] = [""]
    for word in text.split(" "):
        if len(lines[-1]) + len(word) >= WRAP:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    if len(lines) > MOST_LINES:
        lines[MOST_LINES - 1] += " …"
    return lines[:MOST_LINES]


def _box(x: float, y: float, wide: float, high: float, colour: str) -> str:
    return f'<rect x="{x:.2f}" y="{y:.2f}" width="{wide:.2f}" height="{high:.2f}" fill="{colour}"/>'


def _line(x: float, y: float, to_x: float, to_y: float, colour: str = FAINT) -> str:
    return f'<path d="M{x:.1f} {y:.1f}L{to_x:.1f} {to_y:.1f}" stroke="{colour}"/>'


def _text(
    x: float,
    y: float,
    text: str,
    *,
    size: int = 12,
    colour: str = INK,
    weight: str = "normal",
    anchor: str = "start",
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{colour}"'
        f' font-weight="{weight}" text-anchor="{anchor}">{escape(_printable(text))}</text>'
    )


def _printable(text: Iterable[str]) -> str:
    return "".join(c for c in text if c.isprintable())
