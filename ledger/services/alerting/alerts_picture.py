"""One picture of why: an alert's evidence as SVG, with the same words for those who cannot see it.

A diversion: the consignment's cases in order, scans in the alert's region up, all others down, the
named cases marked. Any other alert: its scans by time and region. Colours differ in lightness, and
position says the same. As wide as a phone, so that its words can be read on one.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import groupby
from typing import Any
from xml.sax.saxutils import escape

from ledger.domain import contents
from ledger.services.alerting.alerts_evidence import Document
from ledger.services.alerting.alerts_words import place_name, region_name, sentence, title

WIDTH, PAD = 480, 16
SIZE, LINE = 13, 18
BARS, LANE = 150, 30  # heights of the bars, and of a region's row
NAMES = 116  # where the rows begin
INK, FAINT, LOUD, MARK = "#1c2733", "#5b6875", "#b3261e", "#fbe3e1"
MOST_LINES, MOST_NOTES, MOST_ROWS = 8, 3, 9
WRAP = 62  # half-width characters of a line; digits are wider than half their height

_WORDS = {
    "en": {
        "here": "scans in {place}",
        "there": "scans elsewhere",
        "cases": "{n} cases of lot {lot} that {who} got, by pallet and code; ticks: pallets;"
        " shaded: named",
        "rest": "other regions",
        "none": "No scan was kept with this alert.",
        "times": "{scans} of {codes} by {devices}, by time and region",
        "scan": "{n} scan{s}",
        "code": "{n} code{s}",
        "device": "{n} device{s}",
    },
    "zh": {
        "here": "{place}的扫描",
        "there": "其他地区的扫描",
        "cases": "{who}收到的批次{lot}的{n}箱，按托盘及编码顺序排列；刻度为托盘，底色为所指各箱",
        "rest": "其他地区",
        "none": "此预警未保存扫描记录。",
        "times": "{devices}对{codes}的{scans}，按时间和地区排列",
        "scan": "{n}次扫描",
        "code": "{n}个编码",
        "device": "{n}台设备",
    },
}
Drawn = tuple[list[str], float]
"""Parts of the picture, and where they end."""


def picture(told: Document, zone: int, language: str = "en") -> str:
    """Return the picture of an alert's evidence as one SVG document.

    zone: minutes east of UTC of the times that are shown. language: of `alerts_words`.
    """
    why, name = sentence(told, language), title(told, language)
    lines = wrapped(why, MOST_LINES)
    top = 30.0 + LINE * len(lines) + 16
    if told["alert"]["kind"] == "diversion" and "consignment" in told:
        parts, end = _cases(told, top, language)
    else:
        parts, end = _times(told, top, zone, language)
    return "".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {end:.0f}" role="img"'
            f' aria-labelledby="t d" lang="{language}" font-family="sans-serif"'
            f' font-size="{SIZE}" fill="{INK}">',
            f'<title id="t">{escape(name)}</title><desc id="d">{escape(_printable(why))}</desc>',
            f'<rect width="{WIDTH}" height="{end:.0f}" fill="#ffffff"/>',
            _text(PAD, 26, name, size=16, weight="bold"),
            *(_text(PAD, 48 + LINE * at, line) for at, line in enumerate(lines)),
            *parts,
            "</svg>\n",
        ]
    )


def _cases(told: Document, top: float, language: str) -> Drawn:
    """Bars over the cases of the consignment: here above the line, elsewhere below it."""
    goods, words = told["consignment"], _WORDS[language]
    cases = goods["cases"]
    at = {
        (case["batch"], index): number
        for number, case in enumerate(cases)
        for index in contents.from_json(case).indices.tolist()
    }
    here, elsewhere = Counter[int](), Counter[int]()
    for row in _rows(told):
        number = at.get((row["batch"], row["index"]))
        if number is not None:
            (here if _is_here(told, row) else elsewhere)[number] += 1
    named = [case["sscc"] in told["alert"]["finding"]["evidence"]["units"] for case in cases]
    start = top + 24
    middle, bottom = start + BARS / 2, start + BARS
    parts = [_text(PAD, top + 12, words["here"].format(place=place_name(told, language)),
                   colour=LOUD, weight="bold")]  # fmt: skip
    step = (WIDTH - 2 * PAD) / max(len(cases), 1)
    for first, to in _runs(named):
        parts.append(_box(PAD + first * step, start, (to - first) * step, BARS, MARK))
    up, down = BARS / 2 / max(1, *here.values()), BARS / 2 / max(1, *elsewhere.values())
    for number in range(len(cases)):
        x, wide = PAD + (number + 0.1) * step, step * 0.8
        if high := here[number] * up:
            parts.append(_box(x, middle - high, wide, high, LOUD if named[number] else FAINT))
        if high := elsewhere[number] * down:
            parts.append(_box(x, middle, wide, high, INK))
    parts.append(_line(PAD, middle, WIDTH - PAD, middle))
    parts += _pallets(cases, step, bottom)
    parts.append(_text(PAD, bottom + 26, words["there"], weight="bold"))
    alert = told["alert"]
    note = words["cases"].format(n=len(cases), lot=alert["lot"], who=alert["consignee"])
    return _noted(parts, bottom + 26 + LINE, note)


def _is_here(told: Document, row: dict[str, Any]) -> bool:
    """Say whether a scan was made where the alert is of."""
    district = told["alert"]["finding"].get("district")
    if district is None:
        return bool(row["region"] == told["alert"]["region"])
    return bool(told["districts"].get(str(row["scan"])) == district["code"])


def _runs(flags: list[bool]) -> Iterator[tuple[int, int]]:
    """Yield the runs of what is set, half open."""
    for _, group in groupby(enumerate(flags), key=lambda pair: pair[1]):
        part = list(group)
        if part[0][1]:
            yield part[0][0], part[-1][0] + 1


def _pallets(cases: list[dict[str, Any]], step: float, y: float) -> Iterator[str]:
    before = None
    for number, case in enumerate(cases):
        if case["pallet"] != before:
            x = PAD + number * step
            yield _line(x, y + 2, x, y + 9)
        before = case["pallet"]


def _times(told: Document, top: float, zone: int, language: str) -> Drawn:
    """A dot for each scan: when it was made, and in which region."""
    rows, words = _rows(told), _WORDS[language]
    if not rows:
        return [_text(PAD, top + LINE, words["none"])], top + 2 * LINE
    most = Counter(row["region"] for row in rows).most_common()
    lanes = [region for region, _ in most[:MOST_ROWS]]
    names = [region_name(region, language) for region in lanes]
    names += [words["rest"]] if len(most) > MOST_ROWS else []
    first, last = min(row["time"] for row in rows), max(row["time"] for row in rows)
    parts = []
    for lane, name in enumerate(names):
        y = top + LANE * (lane + 0.5)
        parts.append(_text(PAD, y + 4, name))
        parts.append(_line(NAMES, y, WIDTH - PAD, y, colour="#d7dde3"))
    wide = WIDTH - PAD - NAMES - 16
    for row in rows:
        lane = lanes.index(row["region"]) if row["region"] in lanes else len(names) - 1
        x = NAMES + 8 + wide * (row["time"] - first) / max(last - first, 1)
        y = top + LANE * (lane + 0.5)
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{LOUD}" fill-opacity="0.6"/>')
    y = top + LANE * len(names) + 14
    form = "%Y-%m-%d %H:%M" if last - first >= 600 else "%m-%d %H:%M:%S"
    parts.append(_text(NAMES, y, _when(first, zone, form), colour=FAINT))
    if last > first:
        parts.append(_text(WIDTH - PAD, y, _when(last, zone, form), colour=FAINT, anchor="end"))
    counts = {
        f"{name}s": words[name].format(n=count, s="" if count == 1 else "s")
        for name, count in (
            ("scan", len(rows)),
            ("code", len({row["code"] for row in rows})),
            ("device", len({row["device"] for row in rows})),
        )
    }
    return _noted(parts, y + LINE + 6, words["times"].format(**counts))


def _noted(parts: list[str], y: float, note: str) -> Drawn:
    """Add a note below, and end the picture."""
    lines = wrapped(note, MOST_NOTES)
    parts += [_text(PAD, y + LINE * at, line, colour=FAINT) for at, line in enumerate(lines)]
    return parts, y + LINE * (len(lines) - 1) + 14


def _rows(told: Document) -> list[dict[str, Any]]:
    return [dict(zip(told["columns"], row, strict=True)) for row in told["scans"]]


def _when(seconds: int, zone: int, form: str) -> str:
    return datetime.fromtimestamp(seconds + 60 * zone, UTC).strftime(form)


def wrapped(text: str, most: int) -> list[str]:
    """Return a text in lines of WRAP half widths: broken at blanks, beside full-width characters,
    and where a word is longer than a line."""
    lines, line, wide = [], "", 0
    for part in _unbroken(_printable(text)):
        more = sum(_width(c) for c in part.rstrip())
        if line and wide + more > WRAP:
            lines.append(line.rstrip())
            line, wide = "", 0
        line, wide = line + part, wide + sum(_width(c) for c in part)
    lines.append(line.rstrip())
    if len(lines) > most:
        lines[most - 1] += " …"
    return lines[:most]


def _unbroken(text: str) -> Iterator[str]:
    """Yield the parts of a text that stay on one line, each with the blanks behind it."""
    part = ""
    for c in text:
        ends = part.endswith(" ") and c != " "
        if part and (ends or _width(c) == 2 or _width(part[-1]) == 2 or len(part) >= WRAP):
            if _width(c) == 2 and unicodedata.category(c).startswith("P"):
                part += c  # no line begins with a comma
                continue
            yield part
            part = ""
        part += c
    if part:
        yield part


def _width(c: str) -> int:
    return 2 if unicodedata.east_asian_width(c) in "WF" else 1


def _box(x: float, y: float, wide: float, high: float, colour: str) -> str:
    return f'<rect x="{x:.2f}" y="{y:.2f}" width="{wide:.2f}" height="{high:.2f}" fill="{colour}"/>'


def _line(x: float, y: float, to_x: float, to_y: float, colour: str = FAINT) -> str:
    return f'<path d="M{x:.1f} {y:.1f}L{to_x:.1f} {to_y:.1f}" stroke="{colour}"/>'


def _text(
    x: float,
    y: float,
    text: str,
    *,
    size: int = SIZE,
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
