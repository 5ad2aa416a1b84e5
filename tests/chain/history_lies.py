"""Every single change that a lying server can make to the events of a history file."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]


def changes(document: Json, stranger: Json) -> Iterator[tuple[str, Json]]:
    """Yield (what was done, the file after it). stranger: an event of another subject."""
    events = document["events"]
    for name, changed in _lists(events, stranger):
        yield name, {**document, "events": changed}
        renumbered = [{**event, "seq": seq} for seq, event in enumerate(changed, 1)]
        if renumbered != changed and renumbered != events:
            yield f"{name}, renumbered", {**document, "events": renumbered}
    for place, event in enumerate(events):
        for path, value in _edits(event):
            changed = copy.deepcopy(events)
            _put(changed[place], path, value)
            yield (
                f"event {place}: {'.'.join(map(str, path))} = {value}",
                {
                    **document,
                    "events": changed,
                },
            )


def _lists(events: list[Json], stranger: Json) -> Iterator[tuple[str, list[Json]]]:
    """Drop one, put one in anywhere, swap two, give two each other's time."""
    for at in range(len(events)):
        yield f"event {at} dropped", events[:at] + events[at + 1 :]
        yield f"all after {at} dropped", events[:at]
        yield f"all before {at} dropped", events[at + 1 :]
    for at in range(len(events) + 1):
        # Of a long history the events beside the place, or the square of its length is tried.
        some = range(len(events)) if len(events) <= 4 else range(max(at - 1, 0), at)
        for place in some:
            yield f"event {place} again at {at}", [*events[:at], events[place], *events[at:]]
        yield f"a stranger's event at {at}", [*events[:at], stranger, *events[at:]]
    for a in range(len(events)):
        for b in range(a + 1, len(events)):
            swapped = list(events)
            swapped[a], swapped[b] = events[b], events[a]
            yield f"events {a} and {b} swapped", swapped
            if events[a]["time"] != events[b]["time"]:
                dated = list(events)
                dated[a] = {**events[a], "time": events[b]["time"]}
                dated[b] = {**events[b], "time": events[a]["time"]}
                yield f"times of {a} and {b} swapped", dated


def _edits(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Yield another value for each field: the next one of its form, and nothing at all."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _edits(part, (*path, name))
    elif isinstance(value, list):
        yield path, [*value, *(value[:1] or ["0x" + "00" * 32])]
        for place, part in enumerate(value):
            yield path, value[:place] + value[place + 1 :]
            yield from _edits(part, (*path, place))
    elif isinstance(value, int):
        yield path, value + 1
        yield path, value - 1 if value else 255
        if path == ("time",):
            yield path, value - 86_400
    elif value.startswith("0x"):
        yield path, value[:-1] + ("1" if value[-1] == "0" else "0")
        yield path, "0x" + "00" * (len(value) // 2 - 1) if value.strip("0x") else "0x" + "11" * 32
    else:
        yield path, str(int(value) + 1)
        yield path, "0" if value != "0" else "7"


def _put(document: Any, path: tuple[Any, ...], value: Any) -> None:
    for step in path[:-1]:
        document = document[step]
    document[path[-1]] = value
