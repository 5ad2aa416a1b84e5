"""Freezes bundles of a real ledger: python -m tests.services.build_proof_vectors (once).

A checker in any language must accept each under `trust.json`, at the bundle's own `made`.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from ledger.chain.trust import sign
from tests.services.proof_world import good_bundles, open_world

OUT = Path(__file__).parents[1] / "vectors" / "touchstone" / "proofs"
KEPT = (
    "first scan, case on its way",
    "seen before, case put into another pallet",
    "item that travels alone",
    "with the documents of its events",
    "no unit, no lot",
    "between two runs",
    "no run at all",
    "best before passed",
    "expired and seen elsewhere",
    "code of nobody",
    "batch not commissioned",
    "ledger behind",
)


def main() -> None:
    """Write trust.json and one file a bundle."""
    (OUT / "good").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as directory, open_world(Path(directory)) as world:
        key = bytes.fromhex((Path(directory) / "node" / "validator.key").read_text())
        (OUT / "trust.json").write_text(json.dumps(sign(world.trust(), key), indent=1) + "\n")
        for name, bundle in good_bundles(world).items():
            if name in KEPT:
                path = OUT / "good" / (name.replace(",", "").replace(" ", "-") + ".json")
                path.write_text(json.dumps(bundle, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
