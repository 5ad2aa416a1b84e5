"""Measure the tables of docs/printing.md anew: `python -m tests.printing.measure`, some 40 minutes.

Each cell is the share that is read of 1,000 pictures, and the lowest and the highest of its four
quarters.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable

from ledger.domain.print_uses import Level
from tests.printing.camera import (
    FWHM,
    Camera,
    Damage,
    patched,
    read,
    scattered,
    specks,
    stained,
    unharmed,
)

QUARTER = 250
LEVELS: tuple[Level, ...] = ("L", "M", "Q", "H")
CLOSE = Camera()  # at the edge of what a code must bear

DAMAGES: dict[str, Damage] = {
    "none": unharmed,
    "patch 10 %, finders clear": patched(0.10, spare=True),
    "patch 10 %, anywhere": patched(0.10, spare=False),
    "patch 5 %, finders clear": patched(0.05, spare=True),
    "patch 5 %, anywhere": patched(0.05, spare=False),
    "stained modules 3 %, finders clear": stained(0.03, spare=True),
    "stained modules 3 %, anywhere": stained(0.03, spare=False),
    "modules 3 %, finders clear": scattered(0.03, spare=True),
    "modules 3 %, anywhere": scattered(0.03, spare=False),
    "modules 1.5 %, finders clear": scattered(0.015, spare=True),
    "modules 1 %, finders clear": scattered(0.01, spare=True),
    "modules 1 %, anywhere": scattered(0.01, spare=False),
    "specks of half a module, 3 %": specks(0.03),
}
BLURS = (0.75, 0.5 * FWHM)  # the second is a σ of half a module
PIXELS = (2.5, 3.0, 3.5, 4.0, 5.0)


def phone(px: float) -> Camera:
    """Return a phone's camera in ordinary light: the lens spreads each point over 1.2 pixels."""
    return Camera(px, math.hypot(0.5, 1.2 / px), 0.05)


def cell(level: Level, damage: Damage, camera: Camera) -> str:
    """Return what is read, with its spread."""
    quarters = [read(level, damage, camera, QUARTER, seed) / QUARTER for seed in range(4)]
    return f"{sum(quarters) / 4:.3f} ({min(quarters):.2f} to {max(quarters):.2f})"


def row(name: str, cells: Iterable[str]) -> None:
    """Print a row as soon as it is there."""
    sys.stdout.write(f"| {name} | {' | '.join(cells)} |\n")
    sys.stdout.flush()


def main() -> None:
    """Print all tables."""
    for name, damage in DAMAGES.items():
        row(name, (cell(level, damage, CLOSE) for level in LEVELS))
    for blur in BLURS:
        camera = Camera(blur=blur)
        row(f"blur {blur:.2f}", (cell(level, unharmed, camera) for level in LEVELS))
    for px in PIXELS:
        row(f"{px:g} px", (cell(level, unharmed, phone(px)) for level in LEVELS))


if __name__ == "__main__":
    main()
