"""Scan worlds with known truth, drawn from a seed: `simulate` is the one way in.

Written apart from the detectors: nothing here is read from them, nor they from here. What is drawn,
and why, is in docs/simulator.md.
"""

from __future__ import annotations

from ledger.services.worlds.simulator.attacks import ATTACKS
from ledger.services.worlds.simulator.settings import Settings
from ledger.services.worlds.simulator.world import World, simulate

__all__ = ["ATTACKS", "Settings", "World", "simulate"]
