// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ITypes} from "../src/ILedger.sol";
import {Types} from "./support/Types.sol";
import {Vm} from "./support/Vm.sol";
import {World} from "./support/World.sol";

/// @notice receiveList.tree
contract ReceiveListTest is World {
    function testFuzz_RevertWhen_TheListIsEmptyOrNamesAUnitThatIsNotThere(bytes32 unknown, uint8 at) external {
        bytes32[] memory units = new bytes32[](0);
        refused(_list(listOf(units)), abi.encodeWithSelector(ITypes.EmptyList.selector));
        units = _shipped(3);
        units[at % 3] = unknown;
        refused(_list(listOf(units)), abi.encodeWithSelector(ITypes.UnknownUnit.selector, unknown));
    }

    function testFuzz_RevertWhen_AUnitIsInItTwice(uint8 at) external {
        bytes32[] memory units = _shipped(3);
        units[(uint256(at) + 1) % 3] = units[at % 3];
        refused(_list(listOf(units)), abi.encodeWithSelector(ITypes.UnitNotInTransit.selector, units[at % 3]));
    }

    function testFuzz_RevertWhen_OneUnitBreaksARuleOfReceiveFrom(uint8 at) external {
        bytes32[] memory units = _shipped(3);
        List memory list = listOf(units);
        refused(receiveList(list, BRAND, BRAND), abi.encodeWithSelector(ITypes.NotAddressee.selector, units[0], BRAND));
        refused(receiveList(list, STORE, RIVAL), abi.encodeWithSelector(ITypes.NotFrom.selector, units[0], RIVAL));
        units[at % 3] = packed(BRAND, "not shipped", 1);
        refused(_list(listOf(units)), abi.encodeWithSelector(ITypes.UnitNotInTransit.selector, units[at % 3]));
        land(ship(units[at % 3], BRAND, DISTRIBUTOR));
        refused(_list(listOf(units)), abi.encodeWithSelector(ITypes.NotAddressee.selector, units[at % 3], STORE));
    }

    function testFuzz_WhenAllIsRight(uint8 count) external {
        bytes32[] memory units = _shipped(between(count, 1, 8));
        List memory list = listOf(units);
        vm.recordLogs();
        Subject[] memory before = new Subject[](units.length);
        for (uint256 i; i < units.length; ++i) before[i] = unitSubject(units[i]);
        land(_list(list));
        Vm.Log[] memory logs = vm.getRecordedLogs();
        ITypes.From memory args = ITypes.From(STORE, BRAND, DOCUMENT);
        for (uint256 i; i < units.length; ++i) {
            ITypes.Unit memory u = unitNow(units[i]);
            vm.assertEq(u.state, 1, "held");
            vm.assertEq(u.holder, STORE, "holder");
            vm.assertEq(u.seq, 3, "seq");
            vm.assertEq(u.head, headAfter(before[i], RECEIVE_FROM, STORE, BRAND, receiveHash(args), DOCUMENT), "head");
            vm.assertEq(logs[i].topics[1], units[i], "event's subject");
            vm.assertEq(logs[i].data, abi.encode(by(3, STORE), args), "event's data");
        }
    }

    function testFuzz_WhenAllIsRight_AMovedUnitIsPassedOver(uint8 at) external {
        bytes32[] memory units = _shipped(3);
        List memory list = listOf(units);
        list.skipStale = true;
        ITypes.From memory args = ITypes.From(STORE, BRAND, DOCUMENT);
        ITypes.Auth memory signed = listAuth(list, STORE, Types.list("ReceiveFrom", Types.RECEIVE_FROM), receiveHash(args));
        land(receiveFrom(units[at % 3], STORE, BRAND));
        ITypes.Stale[] memory stale = new ITypes.Stale[](1);
        stale[0] = ITypes.Stale(uint32(at) % 3, list.heads[at % 3]);
        land(abi.encodeCall(ledger.receiveList, (units, true, args, stale, signed)));
        for (uint256 i; i < 3; ++i) vm.assertEq(unitNow(units[i]).seq, 3, "received once");
    }

    uint256 private counter;

    function _shipped(uint256 count) private returns (bytes32[] memory units) {
        units = new bytes32[](count);
        for (uint256 i; i < count; ++i) {
            units[i] = packed(BRAND, keccak256(abi.encode("of the list", ++counter)), 1);
            land(ship(units[i], BRAND, STORE));
        }
    }

    function _list(List memory list) private returns (bytes memory) {
        return receiveList(list, STORE, BRAND);
    }
}
