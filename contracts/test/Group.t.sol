// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ILedger} from "../src/ILedger.sol";
import {Trees} from "./support/Trees.sol";
import {Vm} from "./support/Vm.sol";
import {World} from "./support/World.sol";

/// @notice group.tree
contract GroupTest is World {
    using Trees for ILedger.Child[];

    function testFuzz_RevertWhen_ThereIsNoPartOrMoreThanEight(uint8 any) external {
        bytes32 unit = packed(BRAND, "unit", 1);
        refused(group(unit, BRAND, new Part[](0)), abi.encodeWithSelector(ILedger.EmptyList.selector));
        uint256 parts = between(any, 9, 12);
        refused(group(unit, BRAND, _ships(parts)), abi.encodeWithSelector(ILedger.TooManyParts.selector, parts));
        refused(group(unit, BRAND, _ships(9)), abi.encodeWithSelector(ILedger.TooManyParts.selector, 9));
        refused(group(unit, BRAND, _ships(8)), abi.encodeWithSelector(ILedger.UnitInTransit.selector, unit));
    }

    function testFuzz_RevertWhen_ArgumentsOrProofsAreNotOneForEachVerb(uint8 args, uint8 proofs) external {
        (args, proofs) = (args % 4, proofs % 4);
        if (args == 2 && proofs == 2) args = 3;
        for (uint256 i; i < 3; ++i) {
            if (i == 1) (args, proofs) = (2, 1);
            if (i == 2) (args, proofs) = (3, 2);
            bytes memory call = abi.encodeCall(ledger.group, (bytes32("unit"), new uint8[](2), new bytes[](args), new bytes32[][][](proofs), ILedger.Auth(0, 0, 0, 0, 0)));
            refused(call, abi.encodeWithSelector(ILedger.LengthMismatch.selector));
        }
    }

    function testFuzz_RevertWhen_APartIsAnotherActors(bool second) external {
        bytes32 unit = packed(BRAND, "unit", 1);
        Part[] memory parts = new Part[](2);
        parts[0] = second ? shipPart(BRAND, STORE) : shipPart(STORE, BRAND);
        parts[1] = second ? receivePart(STORE, BRAND) : shipPart(BRAND, STORE);
        refused(group(unit, BRAND, parts), abi.encodeWithSelector(ILedger.BadPart.selector, 1));
    }

    function testFuzz_RevertWhen_APartPacksAnotherUnit(bytes32 epc) external {
        Part[] memory parts = new Part[](1);
        parts[0] = packPart(packArgs(BRAND, epc, items(1, epc)), new bytes32[][](0));
        refused(group(unitId(BRAND, keccak256(abi.encode(epc))), BRAND, parts), abi.encodeWithSelector(ILedger.BadPart.selector, 0));
    }

    function testFuzz_RevertWhen_APartIsNoCustodyVerb(uint8 verb) external {
        vm.assume(verb < PACK || verb > RECEIVE_FROM);
        bytes32 unit = packed(BRAND, "unit", 1);
        Part[] memory parts = new Part[](1);
        parts[0] = shipPart(BRAND, STORE);
        parts[0].verb = verb;
        refused(group(unit, BRAND, parts), abi.encodeWithSelector(ILedger.BadPart.selector, 0));
    }

    function testFuzz_RevertWhen_AShipOrReceiptIsLongerOrShorterThanItsStruct(uint8 length, bool receipt) external {
        vm.assume(length != 96);
        bytes32 unit = packed(BRAND, "unit", 1);
        Part[] memory parts = new Part[](1);
        parts[0] = receipt ? receivePart(BRAND, STORE) : shipPart(BRAND, STORE);
        bytes memory cut = new bytes(length);
        for (uint256 i; i < length && i < 96; ++i) cut[i] = parts[0].args[i];
        parts[0].args = cut;
        refused(group(unit, BRAND, parts), abi.encodeWithSelector(ILedger.BadPart.selector, 0));
    }

    function testFuzz_RevertWhen_PartsAreSwappedDroppedOrAdded(uint8 what) external {
        bytes32 unit = packed(BRAND, "unit", 3);
        ILedger.Child[] memory children = items(3, "unit");
        Part[] memory parts = new Part[](3);
        for (uint256 i; i < 3; ++i) parts[i] = unpackPart(BRAND, children, one(i));
        ILedger.Auth memory signed = groupAuth(unit, BRAND, parts);
        Part[] memory changed = new Part[](what % 3 == 0 ? 2 : what % 3 == 1 ? 3 : 4);
        for (uint256 i; i < changed.length; ++i) changed[i] = i == 3 ? shipPart(BRAND, STORE) : parts[i];
        if (what % 3 == 1) (changed[0], changed[1]) = (parts[1], parts[0]);
        refusedAs(groupCall(unit, changed, signed), ILedger.WrongSigner.selector);
        land(groupCall(unit, parts, signed));
    }

    function testFuzz_RevertGiven_TheUnitHasMovedSince(bytes32 epc) external {
        bytes32 unit = packed(BRAND, epc, 2);
        Part[] memory parts = new Part[](1);
        parts[0] = unpackPart(BRAND, items(2, epc), one(0));
        bytes memory call = group(unit, BRAND, parts);
        land(call);
        refused(call, abi.encodeWithSelector(ILedger.StaleHead.selector, unitSubject(unit).id));
    }

    function testFuzz_RevertWhen_ALaterPartBreaksARule(uint8 what) external {
        bytes32 unit = packed(BRAND, "unit", 2);
        ILedger.Child[] memory children = items(2, "unit");
        Part[] memory parts = new Part[](2);
        parts[0] = unpackPart(BRAND, children, one(0));
        bytes memory error;
        if (what % 4 == 0) (parts[1], error) = (shipPart(BRAND, BRAND), abi.encodeWithSelector(ILedger.ToSelf.selector, BRAND));
        if (what % 4 == 1) (parts[1], error) = (shipPart(BRAND, STRANGER), abi.encodeWithSelector(ILedger.UnknownParty.selector, STRANGER));
        if (what % 4 == 2) (parts[1], error) = (receivePart(BRAND, STORE), abi.encodeWithSelector(ILedger.UnitNotInTransit.selector, unit));
        if (what % 4 == 3) (parts[1], error) = (unpackPart(BRAND, children, one(0)), abi.encodeWithSelector(ILedger.NotInside.selector, children[0].child, unit));
        refused(group(unit, BRAND, parts), error);
        vm.assertEq(unitNow(unit).seq, 1, "nothing lands");
        vm.assertEq(unitNow(children[0].child).state, 0, "nothing left");
    }

    function testFuzz_WhenAllIsRight(bytes32 epc, uint8 to) external {
        uint64 addressee = to % 2 == 0 ? STORE : DISTRIBUTOR;
        bytes32 unit = unitId(BRAND, epc);
        ILedger.Child[] memory children = items(3, epc);
        ILedger.PackArgs memory args = packArgs(BRAND, epc, children);
        Part[] memory parts = new Part[](3);
        parts[0] = packPart(args, new bytes32[][](0));
        parts[1] = unpackPart(BRAND, children, one(1));
        parts[2] = shipPart(BRAND, addressee);
        Subject memory s = unitSubject(unit);
        vm.recordLogs();
        land(group(unit, BRAND, parts));
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.assertEq(logs[0].topics[0], ILedger.Packed.selector, "packed");
        vm.assertEq(logs[1].topics[0], ILedger.Unpacked.selector, "unpacked");
        vm.assertEq(logs[3].topics[0], ILedger.Shipped.selector, "shipped");
        s = Subject(s.id, headAfter(s, PACK, BRAND, 0, parts[0].hash, DOCUMENT), 1);
        s = Subject(s.id, headAfter(s, UNPACK, BRAND, 0, parts[1].hash, DOCUMENT), 2);
        ILedger.Unit memory u = unitNow(unit);
        vm.assertEq(u.head, headAfter(s, SHIP, BRAND, addressee, parts[2].hash, DOCUMENT), "head");
        vm.assertEq(u.seq, 3, "seq");
        vm.assertEq(u.addressee, addressee, "addressee");
        vm.assertEq(unitNow(children[1].child).holder, BRAND, "unpacked");
    }

    function testFuzz_WhenAllIsRight_ReceivesAndShipsOn(bytes32 epc) external {
        bytes32 unit = packed(BRAND, epc, 2);
        land(ship(unit, BRAND, STORE));
        Part[] memory parts = new Part[](3);
        parts[0] = receivePart(STORE, BRAND);
        parts[1] = unpackPart(STORE, items(2, epc), one(1));
        parts[2] = shipPart(STORE, DISTRIBUTOR);
        land(group(unit, STORE, parts));
        vm.assertEq(unitNow(unit).seq, 5, "seq");
        vm.assertEq(unitNow(unit).addressee, DISTRIBUTOR, "addressee");
        vm.assertEq(unitNow(items(2, epc)[1].child).holder, STORE, "unpacked");
    }

    function _ships(uint256 count) private pure returns (Part[] memory parts) {
        parts = new Part[](count);
        for (uint256 i; i < count; ++i) parts[i] = shipPart(BRAND, STORE);
    }
}
