// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ITypes} from "../src/ILedger.sol";
import {Types} from "./support/Types.sol";
import {Vm} from "./support/Vm.sol";
import {World} from "./support/World.sol";

/// @notice suspendParty.tree
contract SuspendPartyTest is World {
    function testFuzz_RevertWhen_TheSignaturesAreNoQuorumOfAnotherEraOrLate(uint8 any, uint256 stranger, uint32 ago) external {
        uint256 given = between(any, 0, THRESHOLD - 1);
        refused(suspendParty(_args(STORE), first(given)), abi.encodeWithSelector(ITypes.QuorumMissing.selector, given, THRESHOLD));
        uint256[] memory keys = adminKeys();
        uint256 i = between(any, 0, 1);
        (keys[i], keys[i + 1]) = any % 4 < 2 ? (keys[i + 1], keys[i]) : (keys[i], keys[i]);
        refused(suspendParty(_args(STORE), keys), abi.encodeWithSelector(ITypes.SignersNotAscending.selector));
        keys = adminKeys();
        keys[any % ADMINS] = between(stranger, 1, 2 ** 250);
        refused(suspendParty(_args(STORE), keys), abi.encodeWithSelector(ITypes.WrongSigner.selector, 0, vm.addr(keys[any % ADMINS])));
        eraLater = uint64(between(ago, 1, type(uint32).max));
        refused(suspendParty(_args(STORE)), abi.encodeWithSelector(ITypes.EraCancelled.selector, eraLater, 0));
        eraLater = 0;
        bytes memory call = suspendParty(_args(STORE));
        uint64 deadline = uint64(block.timestamp) + WEEK;
        vm.warp(uint256(deadline) + 1 + ago);
        refused(call, abi.encodeWithSelector(ITypes.DeadlinePassed.selector, deadline, block.timestamp));
        vm.warp(deadline);
        land(call);
    }

    function testFuzz_RevertWhen_ItIsOverAnOlderRuling(uint8 times) external {
        bytes memory older = suspendParty(_args(STORE));
        for (uint256 i; i <= times % 3; ++i) land(updateParty(ITypes.UpdatePartyArgs(STORE, 4, i, 0, 0, DOCUMENT)));
        refused(older, abi.encodeWithSelector(ITypes.StaleHead.selector, partySubject(STORE).id));
    }

    function testFuzz_WhenThePartyHasDoneSomethingInBetween(uint8 times) external {
        bytes memory call = suspendParty(_args(STORE));
        for (uint256 i; i <= times % 3; ++i) land(cancel(STORE));
        land(call);
        vm.assertEq(partyNow(STORE).ruledSeq, partyNow(STORE).seq, "the newest event");
        vm.assertEq(partyNow(STORE).ruled, partyNow(STORE).head, "is the newest ruling");
        land(suspendParty(ITypes.SuspendPartyArgs(STORE, 1, DOCUMENT)));
        land(cancel(STORE));
        vm.assertEq(partyNow(STORE).ruledSeq + 1, partyNow(STORE).seq, "until the party acts");
    }

    function testFuzz_RevertGiven_ThePartyIsUnknown(uint64 party) external {
        vm.assume(partyNow(party).status == 0);
        refused(suspendParty(_args(party)), abi.encodeWithSelector(ITypes.UnknownParty.selector, party));
    }

    uint64 private eraLater;

    function terms(Subject memory subject, uint64 actor) internal override returns (Terms memory t) {
        t = super.terms(subject, actor);
        t.era += eraLater;
    }

    /// @dev Lands and checks the event of a ruling, and the party's head after it.
    function _rules(bytes memory call, uint64 party, bytes32 event_, bytes memory args, bytes32 hash) private {
        Subject memory before = partySubject(party);
        vm.recordLogs();
        land(call);
        Vm.Log memory log = vm.getRecordedLogs()[0];
        address[] memory signers = new address[](THRESHOLD);
        for (uint256 i; i < THRESHOLD; ++i) signers[i] = vm.addr(adminKeys()[i]);
        vm.assertEq(log.topics[0], event_, "event");
        vm.assertEq(log.topics[1], bytes32(uint256(party)), "event's subject");
        uint256 words = args.length / 32 + 2;
        bytes memory tail = abi.encode(THRESHOLD, signers[0], signers[1]);
        vm.assertEq(log.data, bytes.concat(abi.encode((uint256(before.seq + 1) << 168) | uint160(signers[0])), args, abi.encode(words * 32), tail), "event's data");
        bytes32 head = keccak256(abi.encode(before.head, before.seq + 1, 3, 0, 0, hash, DOCUMENT, signers[0], 0, block.timestamp));
        vm.assertEq(partyNow(party).head, head, "head");
        vm.assertEq(partyNow(party).seq, before.seq + 1, "seq");
        vm.assertEq(partyNow(party).ruled, head, "ruled");
    }

    function testFuzz_RevertWhen_TheStatusIsNoneOrThePartysAlready(uint8 status) external {
        if (status != 2) refused(suspendParty(ITypes.SuspendPartyArgs(STORE, status, DOCUMENT)), abi.encodeWithSelector(ITypes.BadStatus.selector, status));
        land(suspendParty(_args(STORE)));
        if (status != 1) refused(suspendParty(ITypes.SuspendPartyArgs(STORE, status, DOCUMENT)), abi.encodeWithSelector(ITypes.BadStatus.selector, status));
        refused(suspendParty(_args(STORE)), abi.encodeWithSelector(ITypes.BadStatus.selector, 2));
    }

    function testFuzz_GivenThePartyIsSuspended(bytes32 epc) external {
        bytes32 unit = packed(BRAND, epc, 2);
        ITypes.SuspendPartyArgs memory args = _args(BRAND);
        _rules(suspendParty(args), BRAND, ITypes.PartyStatusSet.selector, abi.encode(args), _hash(Types.SUSPEND_PARTY, abi.encode(args)));
        vm.assertEq(partyNow(BRAND).status, 2, "suspended");
        bytes[5] memory calls = [
            ship(unit, BRAND, STORE),
            cancel(BRAND),
            reserveBatch(ITypes.ReserveBatchArgs(BRAND, GTIN, 0, DOCUMENT)),
            bindLot(BATCH, lotArgs(0, 0, "lot", 0), 0),
            unpack(unit, BRAND, items(2, epc), one(0))
        ];
        for (uint256 i; i < calls.length; ++i) refused(calls[i], abi.encodeWithSelector(ITypes.PartyInactive.selector, BRAND));
    }

    function testFuzz_RevertGiven_AUnitIsForItOrOnItsWayToIt(bytes32 epc) external {
        bytes32 unit = packed(BRAND, epc, 2);
        bytes32 other = packed(BRAND, keccak256(abi.encode(epc)), 2);
        land(ship(unit, BRAND, STORE));
        bytes memory receipt = receiveFrom(unit, STORE, BRAND);
        bytes memory shipment = ship(other, BRAND, STORE);
        land(suspendParty(_args(STORE)));
        bytes memory error = abi.encodeWithSelector(ITypes.PartyInactive.selector, STORE);
        refused(receipt, error);
        refused(shipment, error);
        land(suspendParty(ITypes.SuspendPartyArgs(STORE, 1, DOCUMENT)));
        land(receipt);
        land(shipment);
    }

    function _args(uint64 party) private pure returns (ITypes.SuspendPartyArgs memory) {
        return ITypes.SuspendPartyArgs(party, 2, DOCUMENT);
    }
}
