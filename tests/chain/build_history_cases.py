"""Freezes history files, good and with one fault each, for checkers in any language: python -m
tests.chain.build_history_cases adds the rows that are not there yet. Each row has both files as
text, and the code by which it is refused (null: accepted, with its exit status)."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ledger.chain import history_proof
from ledger.chain.trust import sign
from tests.services.history_world import World, build, open_history_world, subjects

from .history_lies import changes
from .proof_forge import Forge, Json, dump

OUT = Path(__file__).parents[1] / "vectors" / "touchstone" / "histories" / "cases.json"
ACCEPTED = (
    "pallet 1",
    "case 4",
    "item",
    "unit of nobody",
    "batch",
    "batch reserved",
    "brand",
    "lot",
    "registry",
    "log",
)
RULED = {  # name of the row -> subject
    "item with states": "item blocked",
    "item without a state": "item without a state",
    "inner code": "inner code",
    "inner code not claimed": "inner code not claimed",
    "lot recalled and released": "lot",
    "party suspended and active again": "store",
    "registry handed over": "registry",
}
LIES = (
    "event 1 dropped",
    "event 1 dropped, renumbered",
    "all after 3 dropped",
    "event 1 again at 2, renumbered",
    "events 1 and 2 swapped, renumbered",
    "times of 0 and 1 swapped",
)


def main() -> None:
    """Add to cases.json."""
    rows = json.loads(OUT.read_text())["rows"]
    frozen = {row["name"] for row in rows}
    with tempfile.TemporaryDirectory() as directory, open_history_world(Path(directory)) as world:
        rows += [row for row in _rows(world, Path(directory)) if row["name"] not in frozen]
    text = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    OUT.write_text('{"format": "touchstone-history/1", "rows": [\n' + text + "\n]}\n")


def _rows(world: World, directory: Path) -> Any:
    key = bytes.fromhex((directory / "node" / "validator.key").read_text())
    trust = sign(world.trust(), key)
    files = {name: build(world, subject) for name, subject in subjects(world).items()}
    for name in ACCEPTED:
        yield _row(name, trust, dump(files[name]), world.now + 30)
    for name, of in RULED.items():
        yield _row(name, trust, dump(files[of]), world.now + 30)
    item, claim = files["item blocked"], files["inner code"]
    dropped = {**item, "events": item["events"][:2]}
    yield _row("the end of an item's life dropped", trust, dump(dropped), world.now + 30)
    unclaimed = {**claim, "subject": files["inner code not claimed"]["subject"]}
    yield _row("a claim of another inner code", trust, dump(unclaimed), world.now + 30)
    states = {**claim, "events": item["events"][:1]}
    yield _row("a claim that is none", trust, dump(states), world.now + 30)
    yield _row("stale", trust, dump(files["log"]), world.now + 86_400)
    pallet = files["pallet 1"]
    lies = dict(changes(pallet, files["brand"]["events"][0]))
    for name in LIES:
        yield _row(name, trust, dump(lies[name]), world.now + 30)
    for name, event, change in (
        ("redated by a second", 1, {"time": pallet["events"][1]["time"] + 1}),
        ("another key", 1, {"signer": "0x" + "11" * 20}),
        ("another key mode", 1, {"key_mode": 1}),
        ("another document", 1, {"event_hash": "0x" + "11" * 32}),
        ("to another party", 1, {"args": {"to": "4012345000009"}}),
    ):
        events = [dict(each) for each in pallet["events"]]
        events[event] |= change
        yield _row(name, trust, dump({**pallet, "events": events}), world.now + 30)
    nobody = files["unit of nobody"]
    yield _row("emptied", trust, dump({**pallet, "events": []}), world.now + 30)
    hidden = {**pallet, "events": [], "storage": {}}
    yield _row("called empty without a proof", trust, dump(hidden), world.now + 30)
    other = {**pallet, "subject": nobody["subject"]}
    yield _row("of another unit", trust, dump(other), world.now + 30)
    strange = {**nobody, "events": pallet["events"][:1]}
    yield _row("an event where there was none", trust, dump(strange), world.now + 30)
    for name, change_words in _FORGED.items():
        forge = Forge.around(pallet, history_proof.read(dump(pallet)), trust)
        change_words(forge)
        yield _row(name, json.loads(forge.trust_file()), forge.bundle(), world.now + 30)


def _unit(forge: Forge) -> bytes:
    return bytes.fromhex(forge.document["subject"]["id"][2:])


_FORGED: dict[str, Callable[[Forge], Any]] = {
    "a slot that is not about it": lambda f: f.set("units", [bytes(32)], seq=1),
    "counted less on chain": lambda f: f.set("units", [_unit(f)], seq=3),
    "counted more on chain": lambda f: f.set("units", [_unit(f)], seq=5),
    "another head on chain": lambda f: f.set("units", [_unit(f)], head=7),
    "no seal": lambda f: setattr(f, "signers", ()),
    "another chain": lambda f: f.document.__setitem__("chain_id", 5),
}


def _row(name: str, trust: Json, document: bytes, at: int) -> dict[str, Any]:
    files = dump(trust)
    try:
        code, exit_ = None, history_proof.check(document, files, at).exit_status
    except history_proof.Rejected as refusal:
        code, exit_ = refusal.code, 1
    return {
        "name": name,
        "code": code,
        "exit": exit_,
        "at": at,
        "trust": files.decode(),
        "history": document.decode(),
    }


if __name__ == "__main__":
    main()
