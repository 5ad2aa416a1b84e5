// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ITypes} from "../src/ILedger.sol";
import {Types} from "./support/Types.sol";
import {World} from "./support/World.sol";

/// @notice takeBack.tree
contract TakeBackTest is World {
    function testFuzz_RevertGiven_TheUnitIsNotOnItsWay(bytes32 unknown, bytes32 epc) external {
        refused(takeBack(unknown, BRAND, STORE), abi.encodeWithSelector(ITypes.UnknownUnit.selector, unknown));
        bytes32 unit = packed(BRAND, epc, 2);
        refused(takeBack(unit, BRAND, STORE), abi.encodeWithSelector(ITypes.UnitNotInTransit.selector, unit));
        handOver(unit, BRAND, STORE);
        refused(takeBack(unit, BRAND, STORE), abi.encodeWithSelector(ITypes.UnitNotInTransit.selector, unit));
    }

    function testFuzz_RevertWhen_TheActorIsNotItsHolderOrNamesAnotherAddressee(bytes32 epc, uint64 to) external {
        vm.assume(to != STORE);
        bytes32 unit = packed(BRAND, epc, 2);
        land(ship(unit, BRAND, STORE));
        refused(takeBack(unit, STORE, STORE), abi.encodeWithSelector(ITypes.NotHolder.selector, unit, STORE));
        refused(takeBack(unit, DISTRIBUTOR, STORE), abi.encodeWithSelector(ITypes.NotHolder.selector, unit, DISTRIBUTOR));
        refused(takeBack(unit, BRAND, to), abi.encodeWithSelector(ITypes.NotAddressee.selector, unit, to));
    }

    function testFuzz_RevertGiven_TheAddresseeHasSignedAReceiptThatNobodyRelayed(bytes32 epc) external {
        bytes32 unit = packed(BRAND, epc, 2);
        land(ship(unit, BRAND, STORE));
        bytes memory receipt = receiveFrom(unit, STORE, BRAND);
        land(takeBack(unit, BRAND, STORE));
        refused(receipt, abi.encodeWithSelector(ITypes.StaleHead.selector, unitSubject(unit).id));
    }

    function testFuzz_WhenAllIsRight(bytes32 epc, bool lost) external {
        bytes32 unit = packed(BRAND, epc, 2);
        land(ship(unit, BRAND, STORE));
        if (lost) land(reportLost(unit, BRAND, STORE));
        Subject memory before = unitSubject(unit);
        ITypes.To memory args = ITypes.To(BRAND, STORE, DOCUMENT);
        recorded(takeBack(unit, BRAND, STORE), before, BRAND, ITypes.TakenBack.selector, unit, abi.encode(args));
        ITypes.Unit memory u = unitNow(unit);
        vm.assertEq(u.state, 1, "held");
        vm.assertEq(u.holder, BRAND, "by its shipper");
        vm.assertEq(u.addressee, 0, "no addressee");
        vm.assertEq(u.head, headAfter(before, 41, BRAND, STORE, _hash(Types.TAKE_BACK, abi.encode(args)), DOCUMENT), "head");
        land(ship(unit, BRAND, DISTRIBUTOR));
    }
}
