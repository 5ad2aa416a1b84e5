// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ITypes} from "../src/ILedger.sol";
import {World} from "./support/World.sol";

/// @notice receiveFrom.tree
contract ReceiveFromTest is World {
    function testFuzz_RevertGiven_TheUnitIsUnknownOrNotOnItsWay(bytes32 unknown, bytes32 epc) external {
        refused(receiveFrom(unknown, STORE, BRAND), abi.encodeWithSelector(ITypes.UnknownUnit.selector, unknown));
        bytes32 unit = packed(BRAND, epc, 2);
        refused(receiveFrom(unit, BRAND, BRAND), abi.encodeWithSelector(ITypes.UnitNotInTransit.selector, unit));
        refused(receiveFrom(unit, STORE, BRAND), abi.encodeWithSelector(ITypes.UnitNotInTransit.selector, unit));
    }

    function testFuzz_RevertGiven_ItIsAnItemWhoseLifeHasEndedOnItsWay(uint8 index, uint8 b, bool refusedIt) external {
        uint32 at = index % COUNT;
        bytes32 item = drawn(at);
        land(ship(item, BRAND, STORE));
        ITypes.ItemArgs memory ended = ITypes.ItemArgs(BRAND, BATCH, uint8(between(b, 4, 7)), DOCUMENT);
        land(decommission(code(at), ended, codeProof(at)));
        refused(receiveFrom(item, STORE, BRAND), abi.encodeWithSelector(ITypes.ItemNotActive.selector, item));
        land(refusedIt ? refuse(item, STORE, BRAND) : takeBack(item, BRAND, STORE));
        vm.assertEq(unitNow(item).holder, BRAND, "its shipper's, as before");
    }

    function testFuzz_RevertWhen_TheActorIsNotTheAddressee(bytes32 epc, bool shipper) external {
        bytes32 unit = packed(BRAND, epc, 2);
        land(ship(unit, BRAND, STORE));
        uint64 actor = shipper ? BRAND : DISTRIBUTOR;
        refused(receiveFrom(unit, actor, BRAND), abi.encodeWithSelector(ITypes.NotAddressee.selector, unit, actor));
    }

    function testFuzz_RevertWhen_ItDidNotComeFromThePartyNamed(bytes32 epc, uint64 from) external {
        vm.assume(from != BRAND);
        bytes32 unit = packed(BRAND, epc, 2);
        land(ship(unit, BRAND, STORE));
        refused(receiveFrom(unit, STORE, from), abi.encodeWithSelector(ITypes.NotFrom.selector, unit, from));
    }

    function testFuzz_WhenAllIsRight(bytes32 epc, bool toStore, uint32 later) external {
        bytes32 unit = packed(BRAND, epc, 2);
        uint64 to = toStore ? STORE : DISTRIBUTOR;
        land(ship(unit, BRAND, to));
        vm.warp(block.timestamp + later);
        Subject memory before = unitSubject(unit);
        ITypes.From memory args = ITypes.From(to, BRAND, DOCUMENT);
        recorded(receiveFrom(unit, to, BRAND), before, to, ITypes.Received.selector, unit, abi.encode(args));
        ITypes.Unit memory u = unitNow(unit);
        vm.assertEq(u.state, 1, "held");
        vm.assertEq(u.holder, to, "holder");
        vm.assertEq(u.addressee, 0, "no addressee");
        vm.assertEq(u.seq, before.seq + 1, "seq");
        vm.assertEq(u.head, headAfter(before, RECEIVE_FROM, to, BRAND, receiveHash(args), DOCUMENT), "head");
        land(ship(unit, to, BRAND)); // and it may be sent on
    }

    function testFuzz_GivenItWasReportedLost(bytes32 epc, bool other) external {
        bytes32 unit = packed(BRAND, epc, 2);
        land(ship(unit, BRAND, STORE));
        land(reportLost(unit, BRAND, STORE));
        if (other) refused(receiveFrom(unit, DISTRIBUTOR, BRAND), abi.encodeWithSelector(ITypes.NotAddressee.selector, unit, DISTRIBUTOR));
        land(receiveFrom(unit, STORE, BRAND));
        vm.assertEq(unitNow(unit).state, 1, "held");
        vm.assertEq(unitNow(unit).holder, STORE, "holder");
        vm.assertEq(unitNow(unit).addressee, 0, "no addressee");
    }
}
