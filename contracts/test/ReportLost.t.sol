// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ITypes} from "../src/ILedger.sol";
import {Types} from "./support/Types.sol";
import {World} from "./support/World.sol";

/// @notice reportLost.tree
contract ReportLostTest is World {
    function testFuzz_RevertGiven_TheUnitIsNotOnItsWayOrReportedAlready(bytes32 epc) external {
        bytes32 unit = packed(BRAND, epc, 2);
        bytes memory error = abi.encodeWithSelector(ITypes.UnitNotInTransit.selector, unit);
        refused(reportLost(unit, BRAND, STORE), error);
        land(ship(unit, BRAND, STORE));
        land(reportLost(unit, BRAND, STORE));
        refused(reportLost(unit, BRAND, STORE), error);
    }

    function testFuzz_RevertWhen_TheActorIsNotItsHolderOrNamesAnotherAddressee(bytes32 epc, uint64 to) external {
        vm.assume(to != STORE);
        bytes32 unit = packed(BRAND, epc, 2);
        land(ship(unit, BRAND, STORE));
        refused(reportLost(unit, STORE, STORE), abi.encodeWithSelector(ITypes.NotHolder.selector, unit, STORE));
        refused(reportLost(unit, DISTRIBUTOR, STORE), abi.encodeWithSelector(ITypes.NotHolder.selector, unit, DISTRIBUTOR));
        refused(reportLost(unit, BRAND, to), abi.encodeWithSelector(ITypes.NotAddressee.selector, unit, to));
    }

    function testFuzz_WhenAllIsRight(bytes32 epc, bool backToShipper) external {
        bytes32 unit = packed(BRAND, epc, 2);
        land(ship(unit, BRAND, STORE));
        Subject memory before = unitSubject(unit);
        ITypes.To memory args = ITypes.To(BRAND, STORE, DOCUMENT);
        recorded(reportLost(unit, BRAND, STORE), before, BRAND, ITypes.LostReported.selector, unit, abi.encode(args));
        ITypes.Unit memory u = unitNow(unit);
        vm.assertEq(u.state, 4, "lost");
        vm.assertEq(u.holder, BRAND, "holder");
        vm.assertEq(u.addressee, STORE, "addressee");
        vm.assertEq(u.head, headAfter(before, 43, BRAND, STORE, _hash(Types.REPORT_LOST, abi.encode(args)), DOCUMENT), "head");
        refused(ship(unit, BRAND, DISTRIBUTOR), abi.encodeWithSelector(ITypes.UnitInTransit.selector, unit));
        land(backToShipper ? takeBack(unit, BRAND, STORE) : receiveFrom(unit, STORE, BRAND));
        vm.assertEq(unitNow(unit).holder, backToShipper ? BRAND : STORE, "found");
    }
}
