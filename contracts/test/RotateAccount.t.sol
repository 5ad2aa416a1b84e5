// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ITypes} from "../src/ILedger.sol";
import {Types} from "./support/Types.sol";
import {Vm} from "./support/Vm.sol";
import {World} from "./support/World.sol";

/// @notice rotateAccount.tree
contract RotateAccountTest is World {
    function testFuzz_RevertWhen_TheSignaturesAreNoQuorumOfAnotherEraOrLate(uint8 any, uint256 stranger, uint32 ago) external {
        uint256 given = between(any, 0, THRESHOLD - 1);
        refused(rotateAccount(_args(STORE), first(given)), abi.encodeWithSelector(ITypes.QuorumMissing.selector, given, THRESHOLD));
        uint256[] memory keys = adminKeys();
        uint256 i = between(any, 0, 1);
        (keys[i], keys[i + 1]) = any % 4 < 2 ? (keys[i + 1], keys[i]) : (keys[i], keys[i]);
        refused(rotateAccount(_args(STORE), keys), abi.encodeWithSelector(ITypes.SignersNotAscending.selector));
        keys = adminKeys();
        keys[any % ADMINS] = between(stranger, 1, 2 ** 250);
        refused(rotateAccount(_args(STORE), keys), abi.encodeWithSelector(ITypes.WrongSigner.selector, 0, vm.addr(keys[any % ADMINS])));
        eraLater = uint64(between(ago, 1, type(uint32).max));
        refused(rotateAccount(_args(STORE)), abi.encodeWithSelector(ITypes.EraCancelled.selector, eraLater, 0));
        eraLater = 0;
        bytes memory call = rotateAccount(_args(STORE));
        uint64 deadline = uint64(block.timestamp) + WEEK;
        vm.warp(uint256(deadline) + 1 + ago);
        refused(call, abi.encodeWithSelector(ITypes.DeadlinePassed.selector, deadline, block.timestamp));
        vm.warp(deadline);
        land(call);
    }

    function testFuzz_RevertWhen_ItIsOverAnOlderRuling(uint8 times) external {
        bytes memory older = rotateAccount(_args(STORE));
        for (uint256 i; i <= times % 3; ++i) land(updateParty(ITypes.UpdatePartyArgs(STORE, 4, i, 0, 0, DOCUMENT)));
        refused(older, abi.encodeWithSelector(ITypes.StaleHead.selector, partySubject(STORE).id));
    }

    function testFuzz_WhenThePartyHasDoneSomethingInBetween(uint8 times) external {
        bytes memory call = rotateAccount(_args(STORE));
        for (uint256 i; i <= times % 3; ++i) land(cancel(STORE));
        land(call);
        vm.assertEq(partyNow(STORE).ruledSeq, partyNow(STORE).seq, "the newest event");
        vm.assertEq(partyNow(STORE).ruled, partyNow(STORE).head, "is the newest ruling");
        key = NEW;
        land(cancel(STORE));
        vm.assertEq(partyNow(STORE).ruledSeq + 1, partyNow(STORE).seq, "until the party acts");
    }

    function testFuzz_RevertGiven_ThePartyIsUnknown(uint64 party) external {
        vm.assume(partyNow(party).status == 0);
        refused(rotateAccount(_args(party)), abi.encodeWithSelector(ITypes.UnknownParty.selector, party));
    }

    uint64 private eraLater;

    function terms(Subject memory subject, uint64 actor) internal override returns (Terms memory t) {
        t = super.terms(subject, actor);
        t.era += eraLater;
        if (key != 0) t.key = key;
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
        bytes32 head = keccak256(abi.encode(before.head, before.seq + 1, 4, 0, 0, hash, DOCUMENT, signers[0], 0, block.timestamp));
        vm.assertEq(partyNow(party).head, head, "head");
        vm.assertEq(partyNow(party).seq, before.seq + 1, "seq");
        vm.assertEq(partyNow(party).ruled, head, "ruled");
    }

    uint256 private constant NEW = 4242;
    uint256 private key; // signs instead of the actor's, if set

    function testFuzz_RevertWhen_TheAccountIsZeroOrTheKeyModeUnknown(uint8 mode) external {
        ITypes.RotateAccountArgs memory args = _args(STORE);
        args.account = address(0);
        refused(rotateAccount(args), abi.encodeWithSelector(ITypes.ZeroAddress.selector));
        args = _args(STORE);
        args.keyMode = mode;
        if (mode == 0 || mode > 3) refused(rotateAccount(args), abi.encodeWithSelector(ITypes.BadKeyMode.selector, mode));
        args.keyMode = 4;
        refused(rotateAccount(args), abi.encodeWithSelector(ITypes.BadKeyMode.selector, 4));
    }

    function testFuzz_RevertWhen_ThePartyHasHadTheAccount(bool twice) external {
        ITypes.RotateAccountArgs memory args = _args(STORE);
        address before = vm.addr(keyOf(STORE));
        args.account = before; // the one it has now
        refused(rotateAccount(args), abi.encodeWithSelector(ITypes.AccountRetired.selector, before));
        land(rotateAccount(_args(STORE)));
        refused(rotateAccount(args), abi.encodeWithSelector(ITypes.AccountRetired.selector, before));
        args.account = address(77);
        if (twice) land(rotateAccount(args));
        args.account = vm.addr(NEW);
        refused(rotateAccount(args), abi.encodeWithSelector(ITypes.AccountRetired.selector, args.account));
        land(rotateAccount(ITypes.RotateAccountArgs(DISTRIBUTOR, before, 1, DOCUMENT))); // but another party's
    }

    function testFuzz_WhenAllIsRight(bytes32 epc, uint8 mode) external {
        bytes32 unit = packed(BRAND, epc, 2);
        bytes memory hoarded = ship(unit, BRAND, STORE);
        ITypes.RotateAccountArgs memory args = _args(BRAND);
        args.keyMode = uint8(between(mode, 1, 3));
        _rules(rotateAccount(args), BRAND, ITypes.AccountRotated.selector, abi.encode(args), _hash(Types.ROTATE_ACCOUNT, abi.encode(args)));
        vm.assertEq(partyNow(BRAND).account, args.account, "account");
        vm.assertEq(partyNow(BRAND).keyMode, args.keyMode, "key mode");
        vm.assertEq(partyNow(BRAND).era, 1, "era");
        refused(hoarded, abi.encodeWithSelector(ITypes.WrongSigner.selector, BRAND, vm.addr(keyOf(BRAND))));
        refused(ship(unit, BRAND, STORE), abi.encodeWithSelector(ITypes.WrongSigner.selector, BRAND, vm.addr(keyOf(BRAND))));
        key = NEW;
        land(ship(unit, BRAND, STORE));
    }

    function _args(uint64 party) private pure returns (ITypes.RotateAccountArgs memory) {
        return ITypes.RotateAccountArgs(party, vm.addr(NEW), 2, DOCUMENT);
    }
}
