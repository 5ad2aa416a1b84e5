"""Check a proof bundle against a trust file: no node, no database, no network.

A bundle is believed in nothing that does not follow from a header sealed by trusted validators. It
also says what follows; that is worked out again here, and a bundle that says more, less or other
is refused. Source: FORMATS "Proof bundle, trust file"; docs/proof.md for writers of other checkers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ledger.chain.bundle_code import CodeFacts, judge_code, judge_goods
from ledger.chain.bundle_custody import Custody, Key, Mark, check_histories, judge_custody
from ledger.chain.bundle_format import Bundle, Names, read
from ledger.chain.bundle_state import State, proved_words
from ledger.chain.frame import Standing, check_frame
from ledger.chain.storage import Layout
from ledger.chain.trust import check_trust
from ledger.domain.history import Event
from ledger.domain.jcs import event_hash
from ledger.domain.verdict import Evidence, Outcome, judge
from ledger.errors import Rejected


@dataclass(frozen=True)
class Party:
    """A party as the ledger registers it. key_mode: 1 own, 2 browser, 3 hosted by the operator."""

    account: bytes
    key_mode: int
    active: bool


@dataclass(frozen=True)
class Conclusion:
    """What follows from a bundle's proofs and statements, were its header to be trusted."""

    outcome: Outcome
    reasons: tuple[str, ...]
    proved: tuple[str, ...]
    stated: tuple[str, ...]
    code: CodeFacts
    custody: Custody
    parties: Mapping[int, Party]
    events: tuple[Event, ...]


@dataclass(frozen=True)
class Report(Standing):
    """An authentic bundle. lot, product, names: as the operator states them, the lot only where it
    is proved."""

    gtin: str
    serial: str
    lot: str | None
    product: Names | None
    names: Mapping[int, Names]
    conclusion: Conclusion


def check(bundle: bytes, trust: bytes, at: int) -> Report:
    """Return what an authentic bundle shows, seen from `at` (unix seconds).

    Raises Rejected with a code of its own for each fault: those of `check_trust`,
    `bundle_format.read`, `check_frame`, `judge_code`, `judge_custody`, `check_histories`,
    `proved_words`, and DOCUMENT_DIFFERS, DOCUMENT_NOT_NEEDED, SLOT_NOT_NEEDED, VERDICT_DIFFERS,
    CLAIMS_DIFFER.
    """
    pinned = check_trust(trust, at)
    found = read(bundle)
    standing = check_frame(found, pinned, at)
    conclusion = conclude(found, Layout(found.layout))
    _check_claims(found, conclusion)
    return Report(
        **vars(standing),
        gtin=f"{found.gtin:014d}",
        serial=found.serial,
        lot=found.stated.lot,
        product=found.stated.product,
        names=found.stated.names,
        conclusion=conclusion,
    )


def conclude(bundle: Bundle, layout: Layout) -> Conclusion:
    """Return what follows from the bundle if its header and chain id are right.

    layout: the bundle's own, found to be the trusted one. Judged at the settled block's time.
    Raises Rejected as `check`, but for trust and claims.
    """
    state = State(layout, proved_words(bundle))
    now = bundle.settled.timestamp
    code = judge_code(bundle, state, now)
    if code.leaf is None:
        custody = Custody()
        if bundle.units is not None or bundle.stated.lot is not None:
            raise Rejected("CODE_NOT_PLAIN", "The bundle says where an unknown code is.")
    else:
        custody = judge_custody(bundle, state, code.leaf)
        code = judge_goods(bundle, state, now, code, custody.around)
    marks, whole_batch = _batch_mark(bundle, state, code)
    check_histories(bundle, bundle.histories, {**custody.marks, **marks})
    events = tuple(event for history in bundle.histories for event in history.events)
    documents = _check_documents(bundle, events)
    parties = {
        party: _party(state, party)
        for party in (code.brand, custody.holder, custody.addressee)
        if party is not None
    }
    state.check_all_used()
    ledger_age = max(0, bundle.made - now)
    verdict = judge(
        Evidence(
            now=now,
            known=code.leaf is not None,
            ledger_age_s=ledger_age,
            chain=code.chain,
            scans=bundle.stated.scans,
        )
    )
    named = bundle.stated.product or bundle.stated.names
    return Conclusion(
        outcome=verdict.outcome,
        reasons=verdict.reasons,
        proved=(*code.proved, *custody.proved, *whole_batch, *documents),
        stated=(
            *code.stated,
            *custody.stated,
            *(("SCAN_HISTORY",) if code.leaf is not None else ()),
            *(("NAMES",) if named else ()),
            *(("LEDGER_AGE",) if "LEDGER_BEHIND" in verdict.reasons else ()),
        ),
        code=code,
        custody=custody,
        parties=parties,
        events=events,
    )


def _batch_mark(
    bundle: Bundle, state: State, code: CodeFacts
) -> tuple[dict[Key, Mark], tuple[str, ...]]:
    """Return seq and head of the batch if the bundle has its history, which it may leave out:
    a batch activated in many runs has many events, and one slot says what became of them."""
    if code.batch is None or not any(history.kind == "batch" for history in bundle.histories):
        return {}, ()
    words = state.read("batches", [code.batch], "seq", "head")
    mark = (words["seq"], words["head"].to_bytes(32, "big"))
    return {("batch", code.batch): mark}, ("BATCH_HISTORY_COMPLETE",)


def _party(state: State, party: int) -> Party:
    words = state.read("parties", [party], "account", "keyMode", "status")
    return Party(words["account"].to_bytes(20, "big"), words["keyMode"], words["status"] == 1)


def _check_documents(bundle: Bundle, events: tuple[Event, ...]) -> tuple[str, ...]:
    hashes = {event.event_hash for event in events}
    for named, document in bundle.documents.items():
        if named not in hashes:
            raise Rejected("DOCUMENT_NOT_NEEDED", "A document belongs to no event shown.")
        if event_hash(document) != named:
            raise Rejected("DOCUMENT_DIFFERS", "A document is not the one its event names.")
    return ("DOCUMENTS_MATCH",) if bundle.documents else ()


def _check_claims(bundle: Bundle, found: Conclusion) -> None:
    claimed = bundle.verdict
    if (claimed.outcome, claimed.reasons) != (found.outcome, found.reasons):
        raise Rejected(
            "VERDICT_DIFFERS",
            f"The bundle says {claimed.outcome} ({', '.join(claimed.reasons)}), but its proofs say "
            f"{found.outcome} ({', '.join(found.reasons)}).",
        )
    if (claimed.proved, claimed.stated) != (found.proved, found.stated):
        raise Rejected("CLAIMS_DIFFER", "The bundle claims other things than it proves and states.")
