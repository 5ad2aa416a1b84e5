// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ITypes} from "../src/ILedger.sol";
import {Types} from "./support/Types.sol";
import {World} from "./support/World.sol";

/// @notice refuse.tree
contract RefuseTest is World {
    function testFuzz_RevertGiven_TheUnitIsUnknownNotOnItsWayOrNotTheActorsToReceive(bytes32 unknown, bytes32 epc, uint64 from) external {
        refused(refuse(unknown, STORE, BRAND), abi.encodeWithSelector(ITypes.UnknownUnit.selector, unknown));
        bytes32 unit = packed(BRAND, epc, 2);
        refused(refuse(unit, STORE, BRAND), abi.encodeWithSelector(ITypes.UnitNotInTransit.selector, unit));
        land(ship(unit, BRAND, STORE));
        refused(refuse(unit, DISTRIBUTOR, BRAND), abi.encodeWithSelector(ITypes.NotAddressee.selector, unit, DISTRIBUTOR));
        refused(refuse(unit, BRAND, BRAND), abi.encodeWithSelector(ITypes.NotAddressee.selector, unit, BRAND));
        if (from != BRAND) refused(refuse(unit, STORE, from), abi.encodeWithSelector(ITypes.NotFrom.selector, unit, from));
    }

    function testFuzz_WhenAllIsRight(bytes32 epc, bool lost, bool toStore) external {
        bytes32 unit = packed(BRAND, epc, 2);
        uint64 to = toStore ? STORE : DISTRIBUTOR;
        land(ship(unit, BRAND, to));
        if (lost) land(reportLost(unit, BRAND, to));
        Subject memory before = unitSubject(unit);
        ITypes.From memory args = ITypes.From(to, BRAND, DOCUMENT);
        recorded(refuse(unit, to, BRAND), before, to, ITypes.ReceiptRefused.selector, unit, abi.encode(args));
        ITypes.Unit memory u = unitNow(unit);
        vm.assertEq(u.state, 1, "held");
        vm.assertEq(u.holder, BRAND, "by its shipper");
        vm.assertEq(u.addressee, 0, "no addressee");
        vm.assertEq(u.head, headAfter(before, 40, to, BRAND, _hash(Types.REFUSE, abi.encode(args)), DOCUMENT), "head");
        land(ship(unit, BRAND, to));
    }
}
