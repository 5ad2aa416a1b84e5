// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ILedger} from "../src/ILedger.sol";
import {World} from "./support/World.sol";

/// @notice receiveFrom.tree
contract ReceiveFromTest is World {
    function testFuzz_RevertGiven_TheUnitIsUnknownOrNotOnItsWay(bytes32 unknown, bytes32 epc) external {
        refused(receiveFrom(unknown, STORE, BRAND), abi.encodeWithSelector(ILedger.UnknownUnit.selector, unknown));
        bytes32 unit = packed(BRAND, epc, 2);
        refused(receiveFrom(unit, BRAND, BRAND), abi.encodeWithSelector(ILedger.UnitNotInTransit.selector, unit));
        refused(receiveFrom(unit, STORE, BRAND), abi.encodeWithSelector(ILedger.UnitNotInTransit.selector, unit));
    }

    function testFuzz_RevertWhen_TheActorIsNotTheAddressee(bytes32 epc, bool shipper) external {
        bytes32 unit = packed(BRAND, epc, 2);
        land(ship(unit, BRAND, STORE));
        uint64 actor = shipper ? BRAND : DISTRIBUTOR;
        refused(receiveFrom(unit, actor, BRAND), abi.encodeWithSelector(ILedger.NotAddressee.selector, unit, actor));
    }

    function testFuzz_RevertWhen_ItDidNotComeFromThePartyNamed(bytes32 epc, uint64 from) external {
        vm.assume(from != BRAND);
        bytes32 unit = packed(BRAND, epc, 2);
        land(ship(unit, BRAND, STORE));
        refused(receiveFrom(unit, STORE, from), abi.encodeWithSelector(ILedger.NotFrom.selector, unit, from));
    }

    function testFuzz_WhenAllIsRight(bytes32 epc, bool toStore, uint32 later) external {
        bytes32 unit = packed(BRAND, epc, 2);
        uint64 to = toStore ? STORE : DISTRIBUTOR;
        land(ship(unit, BRAND, to));
        vm.warp(block.timestamp + later);
        Subject memory before = unitSubject(unit);
        ILedger.ReceiveFromArgs memory args = ILedger.ReceiveFromArgs(to, BRAND, DOCUMENT);
        recorded(receiveFrom(unit, to, BRAND), before, to, ILedger.Received.selector, unit, abi.encode(args));
        ILedger.Unit memory u = unitNow(unit);
        vm.assertEq(u.state, 1, "held");
        vm.assertEq(u.holder, to, "holder");
        vm.assertEq(u.addressee, 0, "no addressee");
        vm.assertEq(u.seq, before.seq + 1, "seq");
        vm.assertEq(u.head, headAfter(before, RECEIVE_FROM, to, BRAND, receiveHash(args), DOCUMENT), "head");
        land(ship(unit, to, BRAND)); // and it may be sent on
    }
}
