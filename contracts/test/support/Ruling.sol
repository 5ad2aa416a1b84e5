// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ITypes} from "../../src/ILedger.sol";
import {Vm} from "./Vm.sol";
import {World} from "./World.sol";

/// @notice What holds of whatever the admins decide on a party: the branches that the trees of such verbs share.
abstract contract Ruling is World {
    uint64 private eraLater;

    /// @notice A right ruling of this verb, by these admins.
    function ruling(uint64 party, uint256[] memory keys) internal virtual returns (bytes memory);

    /// @notice Let the party sign again after it.
    function restore(uint64 party) internal virtual;

    function testFuzz_RevertWhen_TheSignaturesAreNoQuorumOfAnotherEraOrLate(uint8 any, uint256 stranger, uint32 ago) external {
        uint256 given = between(any, 0, THRESHOLD - 1);
        refused(ruling(STORE, first(given)), abi.encodeWithSelector(ITypes.QuorumMissing.selector, given, THRESHOLD));
        uint256[] memory keys = adminKeys();
        uint256 i = between(any, 0, 1);
        (keys[i], keys[i + 1]) = any % 4 < 2 ? (keys[i + 1], keys[i]) : (keys[i], keys[i]);
        refused(ruling(STORE, keys), abi.encodeWithSelector(ITypes.SignersNotAscending.selector));
        keys = adminKeys();
        keys[any % ADMINS] = between(stranger, 1, 2 ** 250);
        refused(ruling(STORE, keys), abi.encodeWithSelector(ITypes.WrongSigner.selector, 0, addressOf(keys[any % ADMINS])));
        eraLater = uint64(between(ago, 1, type(uint32).max));
        refused(ruling(STORE, first(THRESHOLD)), abi.encodeWithSelector(ITypes.EraCancelled.selector, eraLater, 0));
        eraLater = 0;
        bytes memory call = ruling(STORE, first(THRESHOLD));
        uint64 deadline = uint64(block.timestamp) + WEEK;
        vm.warp(uint256(deadline) + 1 + ago);
        refused(call, abi.encodeWithSelector(ITypes.DeadlinePassed.selector, deadline, block.timestamp));
        vm.warp(deadline);
        land(call);
    }

    function testFuzz_RevertWhen_ItIsOverAnOlderRuling(uint8 times) external {
        bytes memory older = ruling(STORE, first(THRESHOLD));
        for (uint256 i; i <= times % 3; ++i) land(updateParty(ITypes.UpdatePartyArgs(STORE, 4, i, 0, 0, DOCUMENT)));
        refused(older, abi.encodeWithSelector(ITypes.StaleHead.selector, partySubject(STORE).id));
    }

    function testFuzz_WhenThePartyHasDoneSomethingInBetween(uint8 times) external {
        bytes memory call = ruling(STORE, first(THRESHOLD));
        for (uint256 i; i <= times % 3; ++i) land(cancel(STORE));
        land(call);
        vm.assertEq(partyNow(STORE).ruledSeq, partyNow(STORE).seq, "the newest event");
        vm.assertEq(partyNow(STORE).ruled, partyNow(STORE).head, "is the newest ruling");
        restore(STORE);
        land(cancel(STORE));
        vm.assertEq(partyNow(STORE).ruledSeq + 1, partyNow(STORE).seq, "until the party acts");
    }

    function testFuzz_RevertGiven_ThePartyIsUnknown(uint64 party) external {
        vm.assume(partyNow(party).status == 0);
        refused(ruling(party, first(THRESHOLD)), abi.encodeWithSelector(ITypes.UnknownParty.selector, party));
    }

    function terms(Subject memory subject, uint64 actor) internal virtual override returns (Terms memory t) {
        t = super.terms(subject, actor);
        t.era += eraLater;
    }

    /// @dev Lands and checks the event of a ruling, and the party's head after it.
    function rules(bytes memory call, uint64 party, uint8 verb, bytes32 event_, string memory argsType, bytes memory args) internal {
        Subject memory before = partySubject(party);
        vm.recordLogs();
        land(call);
        Vm.Log memory log = vm.getRecordedLogs()[0];
        address[] memory signers = addressesOf(first(THRESHOLD));
        vm.assertEq(log.topics[0], event_, "event");
        vm.assertEq(log.topics[1], bytes32(uint256(party)), "event's subject");
        uint256 words = args.length / 32 + 2;
        bytes memory tail = abi.encode(THRESHOLD, signers[0], signers[1]);
        vm.assertEq(log.data, bytes.concat(abi.encode((uint256(before.seq + 1) << 168) | uint160(signers[0])), args, abi.encode(words * 32), tail), "event's data");
        bytes32 head = keccak256(abi.encode(before.head, before.seq + 1, verb, 0, 0, _hash(argsType, args), DOCUMENT, signers[0], 0, block.timestamp));
        vm.assertEq(partyNow(party).head, head, "head");
        vm.assertEq(partyNow(party).seq, before.seq + 1, "seq");
        vm.assertEq(partyNow(party).ruled, head, "ruled");
    }
}
