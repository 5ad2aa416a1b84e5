"""Freezes bundles of a code that was printed before it joined the ledger, a real one: python -m
tests.services.build_imported_cases adds the rows that are not there yet to those of
`tests.chain.build_proof_cases`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ledger.chain import bundle_format
from ledger.chain.trust import sign
from ledger.db.engine import reading
from ledger.services import runs
from ledger.services.importing import imports, imports_work
from tests.chain.build_proof_cases import add, case
from tests.chain.proof_forge import Forge, dump
from tests.services.proof_world import BRAND, GTIN, World, open_world

SERIAL = "sn-0007.a"  # as no serial of our own is
FILE = "serial,lot,expiry\n" + "".join(
    f"{each},L-7,2027-01-31\n" for each in ("SN-6", SERIAL, "4711")
)


def main() -> None:
    """Add to cases.json."""
    with tempfile.TemporaryDirectory() as directory, open_world(Path(directory)) as world:
        key = bytes.fromhex((Path(directory) / "node" / "validator.key").read_text())
        number, index = _imported(world, Path(directory) / "codes.csv")
        add(_rows(world.prove(number, index, serial=SERIAL), sign(world.trust(), key)))


def _imported(world: World, file: Path) -> tuple[int, int]:
    """Return the batch of the file's codes, which are active, and the place of SERIAL in it."""
    file.write_text(FILE)
    wish = imports.Wish(BRAND, file, file.name, gtin=GTIN, whole=True)
    taken = imports.take(world.site, wish, lambda _: None)
    while True:
        imports_work.advance(world.site)
        with reading(world.site.engine) as session:
            told = imports.import_json(session, imports.find(session, taken.id))
        if told["state"] == imports.DONE:
            break
        assert world.worker.fault is None
        world.worker.join(0.01)
    number = told["batches"][0]["batch"]
    world.settle(runs.activate(world.site, number, 0, 3, world.now, "imported"))
    return number, 1


def _rows(bundle: dict[str, Any], trust: dict[str, Any]) -> Iterator[dict[str, Any]]:
    at = bundle["made"]
    yield case("printed elsewhere", None, 0, at, dump(trust), dump(bundle))
    claims = [claim for claim in bundle["verdict"]["proved"] if claim != "CODE_IMPORTED"]
    silent = {**bundle, "verdict": {**bundle["verdict"], "proved": claims}}
    yield case("printed elsewhere, unsaid", "CLAIMS_DIFFER", 1, at, dump(trust), dump(silent))
    upper = {**bundle, "serial": SERIAL.upper()}
    name = "printed elsewhere, in capitals"
    yield case(name, "CODE_NOT_UNDER_ROOT", 1, at, dump(trust), dump(upper))
    forge = Forge.around(bundle, bundle_format.read(dump(bundle)), trust)
    forge.set("batches", [bundle["code"]["batch"]], epoch=0)
    name = "made here, called printed elsewhere"
    yield case(name, "CLAIMS_DIFFER", 1, at, forge.trust_file(), forge.bundle())


if __name__ == "__main__":
    main()
