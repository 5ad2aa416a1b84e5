// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {World} from "../support/World.sol";

/// @notice What a handler remembers: rules that were broken, and every history as its events tell it.
/// @dev A handler never reverts: it signs and relays right and wrong calls alike, and compares what the
/// contract made of them with what its own model says.
abstract contract Ghost is World {
    mapping(uint256 invariant => string) public broken; // the first breach of each invariant

    struct History {
        string kind;
        bytes32 id;
        bytes32 head;
        uint64 seq;
    }

    bytes32[] internal subjects;
    mapping(bytes32 subject => History) internal histories;

    constructor() {
        setUp();
    }

    function breach(uint256 invariant, string memory why) internal {
        if (bytes(broken[invariant]).length == 0) broken[invariant] = why;
    }

    function expect(bool holds, uint256 invariant, string memory why) internal {
        if (!holds) breach(invariant, why);
    }

    /// @notice Begin to follow a history where it stands.
    function watch(string memory kind, bytes32 id, Subject memory now_) internal {
        if (histories[now_.id].id != 0) return;
        subjects.push(now_.id);
        histories[now_.id] = History(kind, id, now_.head, now_.seq);
    }

    /// @notice One more event in a watched history.
    function follow(bytes32 subject, uint8 verb, uint64 actor, uint64 counterparty, bytes32 argsHash, bytes32 eventHash) internal {
        History storage h = histories[subject];
        h.head = headAfter(Subject(subject, h.head, h.seq), verb, actor, counterparty, argsHash, eventHash);
        ++h.seq;
    }

    function stored(History memory h) internal virtual returns (Subject memory) {
        if (bytes32(bytes(h.kind)) == "unit") return unitSubject(h.id);
        if (bytes32(bytes(h.kind)) == "batch") return batchSubject(uint64(uint256(h.id)));
        return partySubject(uint64(uint256(h.id)));
    }

    /// @notice Every watched history is in storage as its events tell it.
    function checkHistories(uint256 invariant) public {
        for (uint256 i; i < subjects.length; ++i) {
            History memory h = histories[subjects[i]];
            Subject memory s = stored(h);
            expect(s.head == h.head && s.seq == h.seq, invariant, string.concat("another history than its events tell: ", h.kind));
        }
    }
}
