"""The BLS12-381 curve is loaded when somebody computes on it, which no block here does.

py-evm loads every fork's precompiles with its first module. The tables of this curve alone, which
came with Prague, are a third of the processor time of a node's start, and a London chain has no use
for them. So the package stands in sys.modules as names whose functions load the real ones.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

PACKAGE = "eth.precompiles.bls12_381"
HOMES = {
    "bls12_381_g1": ("bls12_g1_add", "bls12_g1_msm", "bls12_map_fp_to_g1"),
    "bls12_381_g2": ("bls12_g2_add", "bls12_g2_msm", "bls12_map_fp2_to_g2"),
    "bls12_381_pairing": ("bls12_pairing_check",),
}


def load_late() -> None:
    """Put the stand-in in place, unless py-evm is loaded already or is not as we know it."""
    found = find_spec("eth")
    if "eth" in sys.modules or found is None or not found.submodule_search_locations:
        return
    folder = Path(found.submodule_search_locations[0], "precompiles", "bls12_381")
    if not all((folder / f"{home}.py").exists() for home in HOMES):
        return
    package = ModuleType(PACKAGE)
    package.__path__ = [str(folder)]  # where the real modules are found
    for home, names in HOMES.items():
        for name in names:
            setattr(package, name, _late(f"{PACKAGE}.{home}", name))
    sys.modules[PACKAGE] = package


def _late(module: str, name: str) -> Callable[[Any], None]:
    def precompile(computation: Any) -> None:
        getattr(importlib.import_module(module), name)(computation)

    precompile.__name__ = name
    return precompile
