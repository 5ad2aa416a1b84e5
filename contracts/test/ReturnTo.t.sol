// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ITypes} from "../src/ILedger.sol";
import {Types} from "./support/Types.sol";
import {World} from "./support/World.sol";

/// @notice returnTo.tree
contract ReturnToTest is World {
    function testFuzz_RevertGiven_TheUnitIsAnothersOrOnItsWay(bytes32 epc, bytes32 unknown) external {
        refused(returnTo(unknown, BRAND, STORE), abi.encodeWithSelector(ITypes.UnknownUnit.selector, unknown));
        bytes32 unit = packed(BRAND, epc, 2);
        refused(returnTo(unit, DISTRIBUTOR, BRAND), abi.encodeWithSelector(ITypes.NotHolder.selector, unit, DISTRIBUTOR));
        land(ship(unit, BRAND, STORE));
        refused(returnTo(unit, BRAND, STORE), abi.encodeWithSelector(ITypes.UnitInTransit.selector, unit));
    }

    function testFuzz_RevertWhen_ItGoesToTheActorOrToASuspendedParty(bytes32 epc) external {
        bytes32 unit = packed(BRAND, epc, 2);
        refused(returnTo(unit, BRAND, BRAND), abi.encodeWithSelector(ITypes.ToSelf.selector, BRAND));
        land(suspendParty(ITypes.SuspendPartyArgs(STORE, 2, DOCUMENT)));
        refused(returnTo(unit, BRAND, STORE), abi.encodeWithSelector(ITypes.PartyInactive.selector, STORE));
    }

    function testFuzz_RevertWhen_TheAddresseeMayNotHoldItsMarketAndIsNotItsLotsBrand(uint8 any) external {
        uint8 market = any % 2 == 0 ? MARKET : OTHER_MARKET;
        bytes32 unit = packedFor(BRAND, "unit", 2, market);
        handOver(unit, BRAND, DISTRIBUTOR);
        refused(returnTo(unit, DISTRIBUTOR, STORE), abi.encodeWithSelector(ITypes.MarketRefused.selector, STORE, market));
        refused(ship(unit, DISTRIBUTOR, BRAND), abi.encodeWithSelector(ITypes.MarketRefused.selector, BRAND, market));
        land(returnTo(unit, DISTRIBUTOR, BRAND)); // its lot's
    }

    function testFuzz_RevertGiven_ItIsAnItemThatIsBlockedOrWasStolen_ButOnItsWayToItsBrand(uint8 index, bool stolen, bool ofLot) external {
        if (ofLot) land(bindLot(BATCH, lotArgs(0, 0, "lot", 0), 0));
        uint32 at = index % COUNT;
        land(drawItem(codeOf(at), ITypes.DrawItemArgs(BRAND, BATCH, ofLot ? 1 : 0, DOCUMENT), codeProof(at)));
        bytes32 item = codeLeaf(at);
        handOver(item, BRAND, STORE);
        land(setItemState(code(at), ITypes.ItemArgs(BRAND, BATCH, stolen ? 3 : 2, DOCUMENT), codeProof(at)));
        bytes memory error = abi.encodeWithSelector(ITypes.ItemNotActive.selector, item);
        refused(returnTo(item, STORE, DISTRIBUTOR), error);
        refused(returnTo(item, STORE, RIVAL), error);
        land(returnTo(item, STORE, BRAND));
        land(receiveFrom(item, BRAND, STORE));
    }

    function testFuzz_WhenAllIsRight(bytes32 epc, bool toStore) external {
        bytes32 unit = packed(BRAND, epc, 2);
        handOver(unit, BRAND, DISTRIBUTOR);
        uint64 to = toStore ? STORE : BRAND;
        Subject memory before = unitSubject(unit);
        ITypes.To memory args = ITypes.To(DISTRIBUTOR, to, DOCUMENT);
        recorded(returnTo(unit, DISTRIBUTOR, to), before, DISTRIBUTOR, ITypes.Returned.selector, unit, abi.encode(args));
        ITypes.Unit memory u = unitNow(unit);
        vm.assertEq(u.state, 2, "in transit");
        vm.assertEq(u.holder, DISTRIBUTOR, "holder");
        vm.assertEq(u.addressee, to, "addressee");
        vm.assertEq(u.head, headAfter(before, 37, DISTRIBUTOR, to, _hash(Types.RETURN_TO, abi.encode(args)), DOCUMENT), "head");
        land(receiveFrom(unit, to, DISTRIBUTOR));
    }
}
