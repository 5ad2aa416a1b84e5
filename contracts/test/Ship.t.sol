// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ILedger} from "../src/ILedger.sol";
import {World} from "./support/World.sol";

/// @notice ship.tree
contract ShipTest is World {
    function testFuzz_RevertGiven_TheUnitIsUnknownAnothersOrOnItsWay(bytes32 unknown, bytes32 epc) external {
        refused(ship(unknown, BRAND, STORE), abi.encodeWithSelector(ILedger.UnknownUnit.selector, unknown));
        bytes32 unit = packed(BRAND, epc, 2);
        refused(ship(unit, DISTRIBUTOR, STORE), abi.encodeWithSelector(ILedger.NotHolder.selector, unit, DISTRIBUTOR));
        land(ship(unit, BRAND, STORE));
        refused(ship(unit, BRAND, STORE), abi.encodeWithSelector(ILedger.UnitInTransit.selector, unit));
    }

    function testFuzz_RevertGiven_TheUnitIsInsideAnother(bytes32 epc, uint8 siblings) external {
        (bytes32 child,) = packedInside(BRAND, epc, between(siblings, 0, 9));
        refused(ship(child, BRAND, STORE), abi.encodeWithSelector(ILedger.UnitInside.selector, child));
    }

    function testFuzz_RevertGiven_TheUnitIsEmpty(bytes32 epc, uint8 count) external {
        bytes32 unit = packed(BRAND, epc, between(count, 1, 6));
        emptied(unit, BRAND, epc, between(count, 1, 6));
        refused(ship(unit, BRAND, STORE), abi.encodeWithSelector(ILedger.UnitEmpty.selector, unit));
    }

    function testFuzz_RevertWhen_TheAddresseeIsNotRegistered(uint64 to) external {
        vm.assume(partyNow(to).status == 0);
        bytes32 unit = packed(BRAND, "unit", 1);
        refused(ship(unit, BRAND, to), abi.encodeWithSelector(ILedger.UnknownParty.selector, to));
    }

    function testFuzz_RevertWhen_TheAddresseeIsTheActor(bytes32 unit, uint8 who) external {
        refused(ship(unit, anyHandler(who), anyHandler(who)), abi.encodeWithSelector(ILedger.ToSelf.selector, anyHandler(who)));
    }

    function testFuzz_RevertWhen_TheAddresseeMayNotHoldGoodsOfTheUnitsMarket(uint8 market) external {
        vm.assume(market != 0);
        bytes32 unit = packedFor(BRAND, "unit", 2, market);
        refused(ship(unit, BRAND, STORE), abi.encodeWithSelector(ILedger.MarketRefused.selector, STORE, market));
        if (market != MARKET && market != OTHER_MARKET) {
            refused(ship(unit, BRAND, DISTRIBUTOR), abi.encodeWithSelector(ILedger.MarketRefused.selector, DISTRIBUTOR, market));
            return;
        }
        land(ship(unit, BRAND, DISTRIBUTOR));
    }

    function testFuzz_WhenAllIsRight(bytes32 epc, uint8 to, uint8 count, uint32 later) external {
        bytes32 unit = packed(BRAND, epc, between(count, 1, 20));
        uint64 addressee = to % 2 == 0 ? DISTRIBUTOR : STORE;
        vm.warp(block.timestamp + later);
        Subject memory before = unitSubject(unit);
        ILedger.ShipArgs memory args = ILedger.ShipArgs(BRAND, addressee, DOCUMENT);
        recorded(ship(unit, BRAND, addressee), before, BRAND, ILedger.Shipped.selector, unit, abi.encode(args));
        ILedger.Unit memory u = unitNow(unit);
        vm.assertEq(u.state, 2, "in transit");
        vm.assertEq(u.holder, BRAND, "still its holder");
        vm.assertEq(u.addressee, addressee, "addressee");
        vm.assertEq(u.seq, before.seq + 1, "seq");
        vm.assertEq(u.head, headAfter(before, SHIP, BRAND, addressee, shipHash(args), DOCUMENT), "head");
    }
}
