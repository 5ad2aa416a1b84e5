// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ITypes} from "../src/ILedger.sol";
import {Types} from "./support/Types.sol";
import {Vm} from "./support/Vm.sol";
import {World} from "./support/World.sol";

/// @notice shipList.tree
contract ShipListTest is World {
    function testFuzz_RevertWhen_TheListIsEmptyOrNamesAUnitThatIsNotThere(bytes32 unknown, uint8 at) external {
        bytes32[] memory units = new bytes32[](0);
        refused(_list(listOf(units)), abi.encodeWithSelector(ITypes.EmptyList.selector));
        units = _held(3);
        units[at % 3] = unknown;
        refused(_list(listOf(units)), abi.encodeWithSelector(ITypes.UnknownUnit.selector, unknown));
    }

    function testFuzz_RevertWhen_AUnitIsInItTwice(uint8 at) external {
        bytes32[] memory units = _held(3);
        units[(uint256(at) + 1) % 3] = units[at % 3];
        refused(_list(listOf(units)), abi.encodeWithSelector(ITypes.UnitInTransit.selector, units[at % 3]));
    }

    function testFuzz_RevertWhen_OneUnitBreaksARuleOfShip(uint8 at) external {
        bytes32[] memory units = _held(3);
        List memory list = listOf(units);
        refused(shipList(list, BRAND, BRAND), abi.encodeWithSelector(ITypes.ToSelf.selector, BRAND));
        refused(shipList(list, BRAND, STRANGER), abi.encodeWithSelector(ITypes.UnknownParty.selector, STRANGER));
        refused(shipList(list, STORE, BRAND), abi.encodeWithSelector(ITypes.NotHolder.selector, units[0], STORE));
        bytes32 restricted = packedFor(BRAND, "restricted", 1, MARKET);
        units[at % 3] = restricted;
        refused(_list(listOf(units)), abi.encodeWithSelector(ITypes.MarketRefused.selector, STORE, MARKET));
        (units[at % 3],) = packedInside(BRAND, "inside", 1);
        refused(_list(listOf(units)), abi.encodeWithSelector(ITypes.UnitInside.selector, units[at % 3]));
        units[at % 3] = packed(BRAND, "empty", 1);
        emptied(units[at % 3], BRAND, "empty", 1);
        refused(_list(listOf(units)), abi.encodeWithSelector(ITypes.UnitEmpty.selector, units[at % 3]));
    }

    function testFuzz_RevertWhen_UnitsOrderOrArgumentsAreNotThoseSigned(uint8 what) external {
        bytes32[] memory units = _held(4);
        List memory list = listOf(units);
        ITypes.To memory args = ITypes.To(BRAND, STORE, DOCUMENT);
        ITypes.Auth memory signed = listAuth(list, BRAND, Types.list("Ship", Types.SHIP), shipHash(args));
        uint256 change = what % 6;
        if (change == 0) (list.units[0], list.units[1]) = (list.units[1], list.units[0]);
        if (change == 1) list.units = _without(units, what % 4);
        if (change == 2) list.skipStale = true;
        if (change == 3) args.to = DISTRIBUTOR;
        if (change == 4) args.eventHash = "another";
        if (change == 5) signed.terms += 1;
        refusedAs(abi.encodeCall(ledger.shipList, (list.units, list.skipStale, args, list.stale, signed)), ITypes.WrongSigner.selector);
    }

    function testFuzz_RevertWhen_ItsEraWasCancelledOrItsDeadlinePassed(uint32 later) external {
        bytes memory call = _list(listOf(_held(2)));
        land(cancel(BRAND));
        refused(call, abi.encodeWithSelector(ITypes.EraCancelled.selector, 0, 1));
        call = _list(listOf(_held(2)));
        uint64 deadline = uint64(block.timestamp) + WEEK;
        vm.warp(uint256(deadline) + 1 + later);
        refused(call, abi.encodeWithSelector(ITypes.DeadlinePassed.selector, deadline, block.timestamp));
    }

    function testFuzz_RevertWhen_TheRelayerHidesIt(uint8 at, bool skip) external {
        (List memory list, bytes32 moved) = _oneMoved(at, skip);
        refusedAs(_list(list), ITypes.WrongSigner.selector); // as if nothing had moved
        list.stale = _stale(uint32(at) % 4, moved);
        list.heads = listOf(list.units).heads; // or as if it had been signed like this
        ITypes.To memory args = ITypes.To(BRAND, STORE, DOCUMENT);
        refusedAs(abi.encodeCall(ledger.shipList, (list.units, skip, args, new ITypes.Stale[](0), signedBefore)), ITypes.WrongSigner.selector);
    }

    function testFuzz_RevertWhen_TheSignerSkipsNothing(uint8 at) external {
        (List memory list, bytes32 head) = _oneMoved(at, false);
        list.stale = _stale(uint32(at) % 4, head);
        refused(_relayed(list), abi.encodeWithSelector(ITypes.StaleHead.selector, unitSubject(list.units[at % 4]).id));
    }

    function testFuzz_WhenTheSignerSkipsIt(uint8 at) external {
        (List memory list, bytes32 head) = _oneMoved(at, true);
        list.stale = _stale(uint32(at) % 4, head);
        vm.recordLogs();
        land(_relayed(list));
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.assertEq(logs.length, 4, "one event a unit");
        vm.assertEq(logs[0].topics[0], ITypes.Skipped.selector, "skipped");
        vm.assertEq(logs[0].topics[1], list.units[at % 4], "the unit");
        vm.assertEq(logs[0].topics[2], bytes32(uint256(BRAND)), "by");
        vm.assertEq(logs[0].data, abi.encode(head), "the head that was signed");
        for (uint256 i; i < 4; ++i) {
            vm.assertEq(unitNow(list.units[i]).addressee, i == at % 4 ? DISTRIBUTOR : STORE, "addressee");
            if (i != at % 4) vm.assertEq(unitNow(list.units[i]).seq, 2, "moved once");
        }
    }

    function testFuzz_RevertWhen_PositionsAreNotAscendingOrNotInTheList(uint8 at, uint32 beyond) external {
        (List memory list, bytes32 head) = _oneMoved(at, true);
        list.stale = _stale(uint32(between(beyond, 4, type(uint32).max)), head);
        refused(_relayed(list), abi.encodeWithSelector(ITypes.LengthMismatch.selector));
        list.stale = _stale(4, head);
        refused(_relayed(list), abi.encodeWithSelector(ITypes.LengthMismatch.selector));
        list.stale = new ITypes.Stale[](2);
        list.stale[0] = list.stale[1] = ITypes.Stale(uint32(at) % 4, head);
        refused(_relayed(list), abi.encodeWithSelector(ITypes.LengthMismatch.selector));
        list.stale[0] = ITypes.Stale(3, "a head");
        list.stale[1] = ITypes.Stale(2, "a head");
        refused(_relayed(list), abi.encodeWithSelector(ITypes.LengthMismatch.selector));
    }

    function testFuzz_RevertWhen_TheRelayerCallsItStale(uint8 at, bytes32 head) external {
        List memory list = listOf(_held(4));
        list.skipStale = true;
        signedBefore = _auth(list);
        bytes32 unit = list.units[at % 4];
        list.stale = _stale(uint32(at) % 4, unitNow(unit).head);
        refused(_relayed(list), abi.encodeWithSelector(ITypes.StaleNotProven.selector, unit));
        list.stale = _stale(uint32(at) % 4, head);
        refusedAs(_relayed(list), ITypes.WrongSigner.selector);
    }

    function testFuzz_RevertGiven_EveryUnitHasMoved(uint8 count) external {
        bytes32[] memory units = _held(between(count, 1, 5));
        List memory list = listOf(units);
        list.skipStale = true;
        signedBefore = _auth(list);
        land(_relayed(list));
        list.stale = new ITypes.Stale[](units.length);
        for (uint32 i; i < units.length; ++i) list.stale[i] = ITypes.Stale(i, list.heads[i]);
        refused(_relayed(list), abi.encodeWithSelector(ITypes.StaleHead.selector, unitSubject(units[0]).id));
    }

    function testFuzz_WhenAllIsRight(uint8 count, bool skip) external {
        bytes32[] memory units = _held(between(count, 1, 8));
        List memory list = listOf(units);
        list.skipStale = skip;
        Subject[] memory before = new Subject[](units.length);
        for (uint256 i; i < units.length; ++i) before[i] = unitSubject(units[i]);
        vm.recordLogs();
        land(_list(list));
        Vm.Log[] memory logs = vm.getRecordedLogs();
        ITypes.To memory args = ITypes.To(BRAND, STORE, DOCUMENT);
        for (uint256 i; i < units.length; ++i) {
            ITypes.Unit memory u = unitNow(units[i]);
            vm.assertEq(u.state, 2, "in transit");
            vm.assertEq(u.addressee, STORE, "addressee");
            vm.assertEq(u.seq, 2, "seq");
            vm.assertEq(u.head, headAfter(before[i], SHIP, BRAND, STORE, shipHash(args), DOCUMENT), "head");
            vm.assertEq(logs[i].topics[1], units[i], "event's subject");
            vm.assertEq(logs[i].data, abi.encode(by(2, BRAND), args), "event's data");
        }
    }

    ITypes.Auth private signedBefore;

    function _held(uint256 count) private returns (bytes32[] memory units) {
        units = new bytes32[](count);
        for (uint256 i; i < count; ++i) {
            bytes32 epc = keccak256(abi.encode("of the list", ++counter));
            units[i] = packed(BRAND, epc, 1);
        }
    }

    uint256 private counter;

    function _list(List memory list) private returns (bytes memory) {
        return shipList(list, BRAND, STORE);
    }

    function _auth(List memory list) private returns (ITypes.Auth memory) {
        return listAuth(list, BRAND, Types.list("Ship", Types.SHIP), shipHash(ITypes.To(BRAND, STORE, DOCUMENT)));
    }

    /// @dev With the signature that was counter before anything moved.
    function _relayed(List memory list) private view returns (bytes memory) {
        return abi.encodeCall(ledger.shipList, (list.units, list.skipStale, ITypes.To(BRAND, STORE, DOCUMENT), list.stale, signedBefore));
    }

    /// @return list four units as signed, @return head of the one that has moved since, as signed
    function _oneMoved(uint8 at, bool skip) private returns (List memory list, bytes32 head) {
        list = listOf(_held(4));
        list.skipStale = skip;
        signedBefore = _auth(list);
        head = list.heads[at % 4];
        land(ship(list.units[at % 4], BRAND, DISTRIBUTOR));
    }

    function _stale(uint32 position, bytes32 head) private pure returns (ITypes.Stale[] memory stale) {
        stale = new ITypes.Stale[](1);
        stale[0] = ITypes.Stale(position, head);
    }

    function _without(bytes32[] memory units, uint256 gone) private pure returns (bytes32[] memory rest) {
        rest = new bytes32[](units.length - 1);
        for (uint256 i; i < rest.length; ++i) rest[i] = units[i < gone ? i : i + 1];
    }
}
