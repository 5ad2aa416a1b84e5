// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ITypes} from "../src/ILedger.sol";
import {Types} from "./support/Types.sol";
import {Vm} from "./support/Vm.sol";
import {World} from "./support/World.sol";

/// @notice setAdmins.tree
contract SetAdminsTest is World {
    function testFuzz_RevertWhen_TheOldSetHasNoQuorumOrTheNewSetDoesNotAccept(uint8 any) external {
        ITypes.SetAdminsArgs memory args = _args(3, 2);
        uint256 given = between(any, 0, 1);
        refused(setAdmins(args, first(given), _first(3, 2)), abi.encodeWithSelector(ITypes.QuorumMissing.selector, given, THRESHOLD));
        refused(setAdmins(args, first(2), _first(3, given)), abi.encodeWithSelector(ITypes.QuorumMissing.selector, given, 2));
        uint256[] memory keys = _new(3);
        (keys[0], keys[1]) = (keys[1], keys[any % 2]);
        refused(setAdmins(args, first(2), keys), abi.encodeWithSelector(ITypes.SignersNotAscending.selector));
        refused(setAdmins(args, first(2), first(2)), abi.encodeWithSelector(ITypes.WrongSigner.selector, 0, addressOf(adminKeys()[0])));
        refused(setAdmins(args, _first(3, 2), _first(3, 2)), abi.encodeWithSelector(ITypes.WrongSigner.selector, 0, addressOf(_new(3)[0])));
    }

    function testFuzz_RevertWhen_ItWasSignedBeforeAnotherHandOver(uint8 any) external {
        uint256 size = between(any, 2, 5);
        bytes memory older = setAdmins(_args(size, 2), first(2), _first(size, 2));
        // Handed over to the same admins, so that only era and head are newer.
        ITypes.SetAdminsArgs memory args = ITypes.SetAdminsArgs(addressesOf(adminKeys()), 2, DOCUMENT);
        land(setAdmins(args, first(2), first(2)));
        refused(older, abi.encodeWithSelector(ITypes.EraCancelled.selector, 0, 1));
        older = setAdmins(_args(size, 2), first(2), _first(size, 2));
        seqOff = 1;
        refused(setAdmins(_args(size, 2), first(2), _first(size, 2)), abi.encodeWithSelector(ITypes.StaleHead.selector, registrySubject().id));
    }

    function testFuzz_RevertWhen_TheNewSetCannotBe(uint8 any, uint8 threshold) external {
        ITypes.SetAdminsArgs memory args = _args(3, threshold);
        if (threshold == 0 || threshold > 3) refused(setAdmins(args, first(2), _new(3)), abi.encodeWithSelector(ITypes.QuorumMissing.selector, 3, threshold));
        args.threshold = 0;
        refused(setAdmins(args, first(2), _new(3)), abi.encodeWithSelector(ITypes.QuorumMissing.selector, 3, 0));
        args = _args(3, 2);
        (args.admins[0], args.admins[1]) = (args.admins[1], args.admins[any % 2]);
        refused(setAdmins(args, first(2), _new(3)), abi.encodeWithSelector(ITypes.SignersNotAscending.selector));
        args.admins[0] = address(0);
        refused(setAdmins(args, first(2), _new(3)), abi.encodeWithSelector(ITypes.SignersNotAscending.selector));
        args.admins = new address[](33);
        for (uint160 i; i < 33; ++i) args.admins[i] = address(i + 1);
        refused(setAdmins(args, first(2), _new(3)), abi.encodeWithSelector(ITypes.BadCount.selector, 33));
    }

    function testFuzz_WhenAllIsRight_TimeAfterTime(uint8 any) external {
        for (uint256 i; i < 3; ++i) {
            Subject memory before = registrySubject();
            land(setAdmins(ITypes.SetAdminsArgs(addressesOf(adminKeys()), uint8(between(any, 1, 2)), DOCUMENT), first(2), first(2)));
            vm.assertEq(registryNow().seq, before.seq + 1, "seq");
        }
    }

    function test_WhenAllIsRight_TheLargestSet() external {
        land(setAdmins(_args(32, 2), first(2), _first(32, 2)));
        vm.assertEq(registryNow().admins, 32, "admins");
    }

    function testFuzz_WhenAllIsRight(uint8 any, uint8 least) external {
        uint256 size = between(any, 1, 6);
        uint8 threshold = uint8(between(least, 1, size));
        bytes memory hoarded = updateParty(ITypes.UpdatePartyArgs(STORE, 4, 0, 0, 0, DOCUMENT));
        Subject memory before = registrySubject();
        ITypes.SetAdminsArgs memory args = _args(size, threshold);
        vm.recordLogs();
        land(setAdmins(args, first(2), _first(size, threshold)));
        Vm.Log memory log = vm.getRecordedLogs()[0];
        vm.assertEq(log.topics[0], ITypes.AdminsSet.selector, "event");
        vm.assertEq(log.data, abi.encode((uint256(before.seq + 1) << 168) | uint160(addressOf(adminKeys()[0])), args, addressesOf(first(2))), "event's data");
        ITypes.Registry memory r = registryNow();
        vm.assertEq(r.admins, size, "admins");
        vm.assertEq(r.threshold, threshold, "threshold");
        vm.assertEq(r.era, 1, "era");
        bytes32 hash = _hash(Types.SET_ADMINS, abi.encode(args));
        vm.assertEq(r.head, keccak256(abi.encode(before.head, before.seq + 1, 8, 0, 0, hash, DOCUMENT, addressOf(adminKeys()[0]), 0, block.timestamp)), "head");
        vm.assertEq(r.seq, before.seq + 1, "seq");
        refused(hoarded, abi.encodeWithSelector(ITypes.EraCancelled.selector, 0, 1));
        for (uint256 i; i < ADMINS; ++i) vm.assertTrue(!isAdmin(1, addressOf(adminKeys()[i])), "an old admin");
        for (uint256 i; i < size; ++i) vm.assertTrue(isAdmin(1, args.admins[i]), "no new admin");
        ITypes.UpdatePartyArgs memory update = ITypes.UpdatePartyArgs(STORE, 4, 5, 0, 0, DOCUMENT);
        bytes memory old = updateParty(update, first(THRESHOLD));
        if (threshold <= THRESHOLD) refused(old, abi.encodeWithSelector(ITypes.WrongSigner.selector, 0, addressOf(adminKeys()[0])));
        land(updateParty(update, _first(size, threshold)));
    }

    uint64 private seqOff;

    /// @dev A ruling is signed in the registry's era.
    function terms(Subject memory subject, uint64 actor) internal override returns (Terms memory t) {
        t = super.terms(subject, actor);
        if (actor == 0) t.era = registryNow().era;
        t.subject.seq += seqOff;
    }

    function _new(uint256 size) private returns (uint256[] memory keys) {
        keys = new uint256[](size);
        for (uint256 i; i < size; ++i) keys[i] = uint256(keccak256(abi.encode("new admin", i)));
        sortByAddress(keys);
    }

    function _first(uint256 size, uint256 count) private returns (uint256[] memory keys) {
        keys = new uint256[](count);
        uint256[] memory all = _new(size);
        for (uint256 i; i < count; ++i) keys[i] = all[i];
    }

    function _args(uint256 size, uint8 threshold) private returns (ITypes.SetAdminsArgs memory) {
        return ITypes.SetAdminsArgs(addressesOf(_new(size)), threshold, DOCUMENT);
    }
}
