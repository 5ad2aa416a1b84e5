"""What a code is printed for: its level of error correction and the size of its modules, and why.

docs/printing.md has the measurements that these rest on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["L", "M", "Q", "H"]


@dataclass(frozen=True)
class Use:
    """level: of ISO/IEC 18004. module: width of a module, in millimetres. why: for a person."""

    level: Level
    module: float
    why: str


USES: dict[str, Use] = {
    "item-label": Use("M", 0.40, "printed flat and clean: the fewest modules, so each is largest"),
    "bottle-cap": Use("Q", 0.40, "rubbed and scratched in patches, and no room for more modules"),
    "inkjet": Use("H", 0.50, "single dots fail all over the symbol, which takes the most repair"),
    "scratch-label": Use("H", 0.40, "what is left of the scratch layer covers patches"),
    "case-label": Use("Q", 0.75, "torn and taped over in patches, read from 25 cm"),
    "pallet-label": Use("Q", 1.50, "as a case's, read from half a metre"),
}
