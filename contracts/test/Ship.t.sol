// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ITypes} from "../src/ILedger.sol";
import {Trees} from "./support/Trees.sol";
import {World} from "./support/World.sol";

/// @notice ship.tree
contract ShipTest is World {
    function testFuzz_RevertGiven_TheUnitIsUnknownAnothersOrOnItsWay(bytes32 unknown, bytes32 epc) external {
        refused(ship(unknown, BRAND, STORE), abi.encodeWithSelector(ITypes.UnknownUnit.selector, unknown));
        bytes32 unit = packed(BRAND, epc, 2);
        refused(ship(unit, DISTRIBUTOR, STORE), abi.encodeWithSelector(ITypes.NotHolder.selector, unit, DISTRIBUTOR));
        land(ship(unit, BRAND, STORE));
        refused(ship(unit, BRAND, STORE), abi.encodeWithSelector(ITypes.UnitInTransit.selector, unit));
    }

    function testFuzz_RevertGiven_TheUnitIsInsideAnother(bytes32 epc, uint8 siblings) external {
        (bytes32 child,) = packedInside(BRAND, epc, between(siblings, 0, 9));
        refused(ship(child, BRAND, STORE), abi.encodeWithSelector(ITypes.UnitInside.selector, child));
    }

    function testFuzz_RevertGiven_TheUnitIsEmpty(bytes32 epc, uint8 count) external {
        bytes32 unit = packed(BRAND, epc, between(count, 1, 6));
        emptied(unit, BRAND, epc, between(count, 1, 6));
        refused(ship(unit, BRAND, STORE), abi.encodeWithSelector(ITypes.UnitEmpty.selector, unit));
    }

    /// forge-config: deep.fuzz.runs = 10000
    function testFuzz_RevertWhen_TheAddresseeIsNotRegistered(uint64 to) external {
        vm.assume(partyNow(to).status == 0);
        bytes32 unit = packed(BRAND, "unit", 1);
        refused(ship(unit, BRAND, to), abi.encodeWithSelector(ITypes.UnknownParty.selector, to));
    }

    function testFuzz_RevertWhen_TheAddresseeIsTheActor(bytes32 unit, uint8 who) external {
        refused(ship(unit, anyHandler(who), anyHandler(who)), abi.encodeWithSelector(ITypes.ToSelf.selector, anyHandler(who)));
    }

    function testFuzz_RevertWhen_TheAddresseeMayNotHoldGoodsOfTheUnitsMarket(uint8 market) external {
        vm.assume(market != 0);
        bytes32 unit = packedFor(BRAND, "unit", 2, market);
        refused(ship(unit, BRAND, STORE), abi.encodeWithSelector(ITypes.MarketRefused.selector, STORE, market));
        if (market != MARKET && market != OTHER_MARKET) {
            refused(ship(unit, BRAND, DISTRIBUTOR), abi.encodeWithSelector(ITypes.MarketRefused.selector, DISTRIBUTOR, market));
            return;
        }
        land(ship(unit, BRAND, DISTRIBUTOR));
    }

    function testFuzz_WhenAllIsRight(bytes32 epc, uint8 to, uint8 count, uint32 later) external {
        bytes32 unit = packed(BRAND, epc, between(count, 1, 20));
        uint64 addressee = to % 2 == 0 ? DISTRIBUTOR : STORE;
        vm.warp(block.timestamp + later);
        Subject memory before = unitSubject(unit);
        ITypes.To memory args = ITypes.To(BRAND, addressee, DOCUMENT);
        recorded(ship(unit, BRAND, addressee), before, BRAND, ITypes.Shipped.selector, unit, abi.encode(args));
        ITypes.Unit memory u = unitNow(unit);
        vm.assertEq(u.state, 2, "in transit");
        vm.assertEq(u.holder, BRAND, "still its holder");
        vm.assertEq(u.addressee, addressee, "addressee");
        vm.assertEq(u.seq, before.seq + 1, "seq");
        vm.assertEq(u.head, headAfter(before, SHIP, BRAND, addressee, shipHash(args), DOCUMENT), "head");
    }

    function testFuzz_RevertGiven_ItIsAnItemWhoseLifeHasEnded(uint8 index, uint8 state) external {
        uint32 at = index % COUNT;
        bytes32 item = drawn(at);
        state = uint8(between(state, 4, 7));
        land(decommission(code(at), ITypes.ItemArgs(BRAND, BATCH, state, DOCUMENT), codeProof(at)));
        refused(ship(item, BRAND, STORE), abi.encodeWithSelector(ITypes.ItemNotActive.selector, item));
    }

    function testFuzz_RevertGiven_ItIsAnItemThatIsBlockedOrWasStolen(uint8 index, bool stolen, bool toBrand) external {
        bytes32 item = drawn(uint32(index) % COUNT);
        handOver(item, BRAND, STORE);
        ITypes.ItemArgs memory args = ITypes.ItemArgs(BRAND, BATCH, stolen ? 3 : 2, DOCUMENT);
        land(setItemState(code(uint32(index) % COUNT), args, codeProof(uint32(index) % COUNT)));
        bytes memory error = abi.encodeWithSelector(ITypes.ItemNotActive.selector, item);
        refused(ship(item, STORE, toBrand ? BRAND : DISTRIBUTOR), error);
        bytes32[] memory list = new bytes32[](1);
        list[0] = item;
        refused(shipList(listOf(list), STORE, DISTRIBUTOR), error);
        ITypes.Child[] memory children = new ITypes.Child[](1);
        children[0] = asChild(0, item);
        ITypes.PackArgs memory box = packArgs(STORE, "box", children);
        box.slotted = children;
        refused(pack(box, Trees.proofs(children, one(0))), error);
        if (stolen) return;
        args.state = 1;
        land(setItemState(code(uint32(index) % COUNT), args, codeProof(uint32(index) % COUNT)));
        land(ship(item, STORE, toBrand ? BRAND : DISTRIBUTOR)); // active again
    }

    function testFuzz_RevertWhen_EitherPartyIsSuspended(bytes32 epc, bool shipper) external {
        bytes32 unit = packed(BRAND, epc, 2);
        bytes memory call = ship(unit, BRAND, STORE);
        uint64 party = shipper ? BRAND : STORE;
        land(suspendParty(ITypes.SuspendPartyArgs(party, 2, DOCUMENT)));
        refused(call, abi.encodeWithSelector(ITypes.PartyInactive.selector, party));
        land(suspendParty(ITypes.SuspendPartyArgs(party, 1, DOCUMENT)));
        land(call);
    }
}
