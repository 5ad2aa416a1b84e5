// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ITypes} from "../src/ILedger.sol";
import {Trees} from "./support/Trees.sol";
import {Vm} from "./support/Vm.sol";
import {World} from "./support/World.sol";

/// @notice group.tree
contract GroupTest is World {
    using Trees for ITypes.Child[];

    function testFuzz_RevertWhen_ThereIsNoPartOrMoreThanEight(uint8 any) external {
        bytes32 unit = packed(BRAND, "unit", 1);
        refused(group(unit, BRAND, new Part[](0)), abi.encodeWithSelector(ITypes.EmptyList.selector));
        uint256 parts = between(any, 9, 12);
        refused(group(unit, BRAND, _ships(parts)), abi.encodeWithSelector(ITypes.TooManyParts.selector, parts));
        refused(group(unit, BRAND, _ships(9)), abi.encodeWithSelector(ITypes.TooManyParts.selector, 9));
        refused(group(unit, BRAND, _ships(8)), abi.encodeWithSelector(ITypes.UnitInTransit.selector, unit));
    }

    function testFuzz_RevertWhen_ArgumentsProofsOrOriginsAreNotOneForEachVerb(uint8 args, uint8 proofs, uint8 origins) external {
        uint8[3] memory lengths = [args % 4, proofs % 4, origins % 4];
        if (lengths[0] == 2 && lengths[1] == 2 && lengths[2] == 2) lengths[0] = 3;
        for (uint256 i; i < 4; ++i) {
            if (i != 0) lengths = [uint8(2), 2, 2];
            if (i != 0) lengths[i - 1] = args % 2 == 0 ? 1 : 3;
            bytes memory call = abi.encodeCall(
                ledger.group,
                (bytes32("unit"), new uint8[](2), new bytes[](lengths[0]), new bytes32[][][](lengths[1]), new bytes32[][][](lengths[2]), ITypes.Auth(0, 0, 0))
            );
            refused(call, abi.encodeWithSelector(ITypes.LengthMismatch.selector));
        }
    }

    function testFuzz_RevertWhen_APartIsAnotherActors(bool second) external {
        bytes32 unit = packed(BRAND, "unit", 1);
        Part[] memory parts = new Part[](2);
        parts[0] = second ? shipPart(BRAND, STORE) : shipPart(STORE, BRAND);
        parts[1] = second ? receivePart(STORE, BRAND) : shipPart(BRAND, STORE);
        refused(group(unit, BRAND, parts), abi.encodeWithSelector(ITypes.BadPart.selector, 1));
    }

    function testFuzz_RevertWhen_APartPacksAnotherUnit(bytes32 epc) external {
        Part[] memory parts = new Part[](1);
        parts[0] = packPart(packArgs(BRAND, epc, items(1, epc)), new bytes32[][](0));
        refused(group(unitId(BRAND, keccak256(abi.encode(epc))), BRAND, parts), abi.encodeWithSelector(ITypes.BadPart.selector, 0));
    }

    function testFuzz_RevertWhen_APartIsNoCustodyVerb(uint8 verb) external {
        vm.assume(verb < PACK || verb > RECEIVE_FROM);
        bytes32 unit = packed(BRAND, "unit", 1);
        Part[] memory parts = new Part[](1);
        parts[0] = shipPart(BRAND, STORE);
        parts[0].verb = verb;
        refused(group(unit, BRAND, parts), abi.encodeWithSelector(ITypes.BadPart.selector, 0));
        // Nor with the arguments of another verb.
        parts[0] = packPart(packArgs(BRAND, "another", items(1, "another")), new bytes32[][](0));
        parts[0].verb = verb;
        refused(group(unitId(BRAND, "another"), BRAND, parts), abi.encodeWithSelector(ITypes.BadPart.selector, 0));
    }

    function testFuzz_RevertWhen_AShipOrReceiptIsLongerOrShorterThanItsStruct(uint8 length, bool receipt) external {
        vm.assume(length != 96);
        bytes32 unit = packed(BRAND, "unit", 1);
        Part[] memory parts = new Part[](1);
        parts[0] = receipt ? receivePart(BRAND, STORE) : shipPart(BRAND, STORE);
        bytes memory cut = new bytes(length);
        for (uint256 i; i < length && i < 96; ++i) cut[i] = parts[0].args[i];
        parts[0].args = cut;
        refused(group(unit, BRAND, parts), abi.encodeWithSelector(ITypes.BadPart.selector, 0));
    }

    function testFuzz_RevertWhen_PartsAreSwappedDroppedOrAdded(uint8 what) external {
        bytes32 unit = packed(BRAND, "unit", 3);
        ITypes.Child[] memory children = items(3, "unit");
        Part[] memory parts = new Part[](3);
        for (uint256 i; i < 3; ++i) parts[i] = unpackPart(unit, BRAND, children, one(i));
        ITypes.Auth memory signed = groupAuth(unit, BRAND, parts);
        Part[] memory changed = new Part[](what % 3 == 0 ? 2 : what % 3 == 1 ? 3 : 4);
        for (uint256 i; i < changed.length; ++i) changed[i] = i == 3 ? shipPart(BRAND, STORE) : parts[i];
        if (what % 3 == 1) (changed[0], changed[1]) = (parts[1], parts[0]);
        refusedAs(groupCall(unit, changed, signed), ITypes.WrongSigner.selector);
        land(groupCall(unit, parts, signed));
    }

    function testFuzz_RevertGiven_TheUnitHasMovedSince(bytes32 epc) external {
        bytes32 unit = packed(BRAND, epc, 2);
        Part[] memory parts = new Part[](1);
        parts[0] = unpackPart(unit, BRAND, items(2, epc), one(0));
        bytes memory call = group(unit, BRAND, parts);
        land(call);
        refused(call, abi.encodeWithSelector(ITypes.StaleHead.selector, unitSubject(unit).id));
    }

    function testFuzz_RevertWhen_ALaterPartBreaksARule(uint8 what) external {
        bytes32 unit = packed(BRAND, "unit", 2);
        ITypes.Child[] memory children = items(2, "unit");
        Part[] memory parts = new Part[](2);
        parts[0] = unpackPart(unit, BRAND, children, one(0));
        bytes memory error;
        if (what % 4 == 0) (parts[1], error) = (shipPart(BRAND, BRAND), abi.encodeWithSelector(ITypes.ToSelf.selector, BRAND));
        if (what % 4 == 1) (parts[1], error) = (shipPart(BRAND, STRANGER), abi.encodeWithSelector(ITypes.UnknownParty.selector, STRANGER));
        if (what % 4 == 2) (parts[1], error) = (receivePart(BRAND, STORE), abi.encodeWithSelector(ITypes.UnitNotInTransit.selector, unit));
        if (what % 4 == 3) (parts[1], error) = (unpackPart(unit, BRAND, children, one(0)), abi.encodeWithSelector(ITypes.NotInside.selector, children[0].child, unit));
        refused(group(unit, BRAND, parts), error);
        vm.assertEq(unitNow(unit).seq, 1, "nothing lands");
        vm.assertEq(unitNow(children[0].child).state, 0, "nothing left");
    }

    function testFuzz_WhenAllIsRight(bytes32 epc, uint8 to) external {
        uint64 addressee = to % 2 == 0 ? STORE : DISTRIBUTOR;
        bytes32 unit = unitId(BRAND, epc);
        ITypes.Child[] memory children = items(3, epc);
        ITypes.PackArgs memory args = packArgs(BRAND, epc, children);
        Part[] memory parts = new Part[](3);
        parts[0] = packPart(args, new bytes32[][](0));
        parts[1] = unpackPart(unit, BRAND, children, one(1));
        parts[2] = shipPart(BRAND, addressee);
        Subject memory s = unitSubject(unit);
        vm.recordLogs();
        land(group(unit, BRAND, parts));
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.assertEq(logs[0].topics[0], ITypes.Packed.selector, "packed");
        vm.assertEq(logs[1].topics[0], ITypes.Unpacked.selector, "unpacked");
        vm.assertEq(logs[3].topics[0], ITypes.Shipped.selector, "shipped");
        s = Subject(s.id, headAfter(s, PACK, BRAND, 0, parts[0].hash, DOCUMENT), 1);
        s = Subject(s.id, headAfter(s, UNPACK, BRAND, 0, parts[1].hash, DOCUMENT), 2);
        ITypes.Unit memory u = unitNow(unit);
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
        parts[1] = unpackPart(unit, STORE, items(2, epc), one(1));
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
