"""What was stated earlier of where goods may be sold, of a territory as of a market."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

Past = Sequence[tuple[int, frozenset[int]]]
"""Until when, unix seconds, and the regions and districts: none where goods might go anywhere."""


def past_of(before: Iterable[Any]) -> Past:
    """Return what a row keeps of it, as [until, regions] each."""
    return tuple((until, frozenset(regions)) for until, regions in before)


def since(past: Past, time: int) -> list[frozenset[int]]:
    """What of it held at any time from then on."""
    return [regions for until, regions in past if until > time]
