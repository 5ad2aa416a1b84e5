"""Freezes fraud files, and files that prove no fraud, for checkers in any language: python -m
tests.chain.build_fraud_cases (once). Each row has both files as text, and the code by which it is
refused (null: the fraud is proved)."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from coincurve import PrivateKey

from ledger.chain import fraud
from ledger.chain.header import Header, Vote
from ledger.chain.strict_json import load
from ledger.chain.trust import sign
from ledger.db.engine import reading
from ledger.errors import Rejected
from ledger.services.goods.ways import find_ways
from ledger.services.proving import prove_fraud
from tests.services.fraud_world import box, codes, item_of, pack, pack_falsely, way
from tests.services.proof_world import World, open_world

from .proof_forge import NO_RUN, Forge, Json, dump
from .synthetic import Chain, keys, seal

OUT = Path(__file__).parents[1] / "vectors" / "touchstone" / "fraud" / "cases.json"
Row = dict[str, Any]


def main() -> None:
    """Write cases.json."""
    with tempfile.TemporaryDirectory() as directory, open_world(Path(directory)) as world:
        rows = [*_memberships(world, Path(directory)), *_headers()]
    OUT.parent.mkdir(exist_ok=True)
    text = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    OUT.write_text('{"format": "touchstone-fraud/1", "rows": [\n' + text + "\n]}\n")


def _memberships(world: World, directory: Path) -> Iterator[Row]:
    trust = sign(world.trust(), bytes.fromhex((directory / "node" / "validator.key").read_text()))
    nested = pack(world, box(codes(20, 24)), codes(24, 26))
    with reading(world.site.engine) as session:
        (found,) = find_ways(world.site, session, item_of(world, 21), 1, 21)
    mine = way(world, *found.steps)
    assert mine[-1].unit == nested
    theirs = pack_falsely(world, item_of(world, 21), 3)
    with reading(world.site.engine) as session:
        item = item_of(world, 21)
        document = prove_fraud.membership(world.site, session, item, (mine, theirs))
    at = world.now + 30
    yield row("two packers", trust, dump(document), at)
    yield row("long ago", trust, dump(document), at + 30 * 86_400)
    for name, change in _CHANGES.items():
        yield row(name, trust, dump({**document, **change(document)}), at)
    for name, forge_it in _FORGED.items():
        read = fraud.read_membership(load(dump(document), fraud.MAX_BYTES))
        forge = Forge.around(document, read, trust)
        forge_it(forge)
        yield row(name, json.loads(forge.trust_file()), forge.bundle(), at)


def _edited(document: Json, *changes: tuple[Sequence[Any], Any]) -> Json:
    document = json.loads(json.dumps(document))
    for path, value in changes:
        node = document
        for step in path[:-1]:
            node = node[step]
        node[path[-1]] = value
    return document


_CHANGES: dict[str, Callable[[Json], Json]] = {
    "one way twice": lambda d: {"paths": [d["paths"][0]] * 2},
    "one way alone": lambda d: {"paths": d["paths"][:1]},
    "a way cut short": lambda d: {"paths": [d["paths"][0], d["paths"][1][:2]]},
    "no way at all": lambda d: {"paths": [d["paths"][0], []]},
    "another item": lambda d: {"item": "0x" + "22" * 32},
    "a sibling altered": lambda d: _edited(d, (("paths", 1, 0, "siblings", 0), "0x" + "22" * 32)),
    "a history left out": lambda d: {"histories": d["histories"][:1]},
    "another packer": lambda d: _edited(
        d, (("histories", 1, "events", 0, "actor"), "9506000134352")
    ),
    "another kind": lambda d: {"kind": "suspicion"},
}


def _unit(document: Json, way_: int, step: int) -> bytes:
    return bytes.fromhex(document["paths"][way_][step]["unit"][2:])


_FORGED: dict[str, Callable[[Forge], Any]] = {
    "sealed anew without a fault": lambda f: None,
    "the item travels alone": lambda f: f.set(
        "units", [bytes.fromhex(f.document["item"][2:])], state=1
    ),
    "the item's slot hidden": lambda f: f.hide(
        "units", [bytes.fromhex(f.document["item"][2:])], "state"
    ),
    "a case between has left": lambda f: f.set("units", [_unit(f.document, 0, 0)], state=1),
    "a case between not shown": lambda f: f.hide("units", [_unit(f.document, 1, 1)], "state"),
    "a pallet that is not on chain": lambda f: f.set("units", [_unit(f.document, 1, 2)], state=0),
    "a pallet packed otherwise": lambda f: f.set("units", [_unit(f.document, 0, 1)], count=9),
    "a slot that is not about it": lambda f: f.set("units", [bytes(32)], state=1),
    "no seal": lambda f: setattr(f, "signers", ()),
}


def _headers() -> Iterator[Row]:
    four, chain = keys(1, 2, 3, 4), Chain(keys(1, 2, 3, 4))
    for _ in range(3):
        chain.add()
    one = chain.draft()
    other = replace(one, state_root=bytes([7]) * 32)
    first, second = seal(one, four[:3]), seal(other, four[1:])
    yield _pair("two blocks", four, first, second)
    yield _pair("two blocks in two rounds", four, first, seal(other, four[1:], 3))
    yield _pair("one block in two rounds", four, first, seal(one, four[1:], 3))
    yield _pair("one block", four, first, first)
    yield _pair("two heights", four, first, seal(replace(other, number=9), four[1:]))
    yield _pair("one without a quorum", four, first, seal(other, four[:2]))
    yield _pair("one sealed by others", four, first, seal(other, [four[0], *keys(5, 6)]))
    yield _pair("of other validators", keys(5, 6, 7, 8), first, second)
    fifth = (set(map(_address, keys(1, 2, 3, 4, 5))) - set(map(_address, four))).pop()
    votes = [chain.add(proposer=key, vote=Vote(fifth, True)) for key in four[:3]]
    chain.validators = keys(1, 2, 3, 4, 5)
    change = {"votes": [_hex(vote) for vote in votes], "first": _hex(chain.add())}
    later = chain.draft()
    late = (seal(later, chain.validators[:4]), seal(replace(later, gas_limit=5), chain.validators))
    yield _pair("after a fifth validator came", four, *late, [change])
    yield _pair("a fifth validator unproved", four, *late)


def _address(key: PrivateKey) -> bytes:
    return Chain([key]).headers[0].coinbase


def _hex(header: Header) -> str:
    return "0x" + header.encode().hex()


def _pair(
    name: str,
    trusted: list[PrivateKey],
    first: Header,
    second: Header,
    changes: Sequence[Json] = (),
) -> Row:
    forge = Forge.of(NO_RUN)
    forge.validators = trusted
    document = {
        "format": fraud.FORMAT,
        "kind": fraud.HEADERS,
        "first": _hex(first),
        "second": _hex(second),
        "changes": list(changes),
    }
    return row(name, json.loads(forge.trust_file()), dump(document), forge.at)


def row(name: str, trust: Json, document: bytes, at: int) -> Row:
    """Return a row with what the checker says today."""
    files, code = dump(trust), None
    try:
        fraud.check(document, files, at)
    except Rejected as refusal:
        code = refusal.code
    return {
        "name": name,
        "code": code,
        "exit": int(code is not None),
        "at": at,
        "trust": files.decode(),
        "fraud": document.decode(),
    }


if __name__ == "__main__":
    main()
