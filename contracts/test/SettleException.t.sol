// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ITypes} from "../src/ILedger.sol";
import {Types} from "./support/Types.sol";
import {World} from "./support/World.sol";

/// @notice settleException.tree
contract SettleExceptionTest is World {
    function testFuzz_RevertGiven_ThereIsNoSuchReportOfTheUnit(bytes32 epc, uint32 report) external {
        bytes32 unit = _reported(epc, false);
        vm.assume(report != 3);
        refused(settleException(unit, BRAND, report, originOf(unit)), abi.encodeWithSelector(ITypes.UnknownException.selector, unit, report));
    }

    function testFuzz_RevertWhen_TheActorIsNoSideAndNothingShowsThatHeIsTheBrand(bytes32 epc) external {
        bytes32 unit = packed(BRAND, epc, 2);
        handOver(unit, BRAND, DISTRIBUTOR);
        land(ship(unit, DISTRIBUTOR, STORE));
        land(reportException(unit, ITypes.ReportExceptionArgs(STORE, DISTRIBUTOR, 1, 1, 0, 0, 0, DOCUMENT)));
        refused(settleException(unit, BRAND, 5, new bytes32[](0)), abi.encodeWithSelector(ITypes.NotConcerned.selector, unit, BRAND));
        refused(settleException(unit, RIVAL, 5, new bytes32[](0)), abi.encodeWithSelector(ITypes.NotConcerned.selector, unit, RIVAL));
        refused(settleException(unit, RIVAL, 5, originOf(unit)), abi.encodeWithSelector(ITypes.NotMadeBy.selector, unit, RIVAL));
        land(settleException(unit, BRAND, 5, originOf(unit)));
        vm.assertEq(exceptionNow(unit, 5).settled, 4, "closed by who made it");
    }

    function testFuzz_RevertGiven_TheSideHasSettledOrTheExceptionIsClosed(bytes32 epc, bool receiverFirst) external {
        bytes32 unit = _reported(epc, false);
        (uint64 a, uint64 b) = receiverFirst ? (STORE, BRAND) : (BRAND, STORE);
        bytes memory error = abi.encodeWithSelector(ITypes.AlreadySettled.selector, unit, 3);
        land(settleException(unit, a, 3, new bytes32[](0)));
        refused(settleException(unit, a, 3, new bytes32[](0)), error);
        land(settleException(unit, b, 3, new bytes32[](0)));
        refused(settleException(unit, a, 3, new bytes32[](0)), error);
        refused(settleException(unit, b, 3, new bytes32[](0)), error);
        bytes32 closed = _reported(keccak256(abi.encode(epc)), true);
        land(settleException(closed, BRAND, 3, new bytes32[](0)));
        refused(settleException(closed, DISTRIBUTOR, 3, new bytes32[](0)), abi.encodeWithSelector(ITypes.AlreadySettled.selector, closed, 3));
    }

    function testFuzz_WhenASideSettles(bytes32 epc, bool receiverFirst) external {
        bytes32 unit = _reported(epc, false);
        (uint64 a, uint64 b) = receiverFirst ? (STORE, BRAND) : (BRAND, STORE);
        Subject memory before = unitSubject(unit);
        ITypes.SettleExceptionArgs memory args = ITypes.SettleExceptionArgs(a, 3, DOCUMENT);
        recorded(settleException(unit, a, 3, new bytes32[](0)), before, a, ITypes.ExceptionSettled.selector, unit, abi.encode(args));
        ITypes.Unit memory u = unitNow(unit);
        vm.assertEq(u.head, headAfter(before, 44, a, 0, _hash(Types.SETTLE_EXCEPTION, abi.encode(args)), DOCUMENT), "head");
        vm.assertEq(u.holder, STORE, "the unit stays where it is");
        vm.assertEq(u.state, 1, "and as it is");
        vm.assertEq(exceptionNow(unit, 3).settled, receiverFirst ? 2 : 1, "by one side");
        land(settleException(unit, b, 3, new bytes32[](0)));
        vm.assertEq(exceptionNow(unit, 3).settled, 3, "closed by both");
    }

    function testFuzz_WhenASideSettles_OnItsWay(bytes32 epc) external {
        bytes32 unit = _reported(epc, false);
        land(ship(unit, STORE, DISTRIBUTOR));
        land(settleException(unit, STORE, 3, new bytes32[](0)));
        vm.assertEq(unitNow(unit).state, 2, "still in transit");
        vm.assertEq(unitNow(unit).addressee, DISTRIBUTOR, "to its addressee");
    }

    function testFuzz_WhenTheBrandSettles(bytes32 epc) external {
        bytes32 unit = _reported(epc, true);
        land(settleException(unit, BRAND, 3, new bytes32[](0)));
        vm.assertEq(exceptionNow(unit, 3).settled, 4, "closed at once, though the brand was the shipper");
    }

    /// @dev One damaged of two, at the store, or of a lot at the distributor.
    function _reported(bytes32 epc, bool ofLot) private returns (bytes32 unit) {
        unit = ofLot ? packedFor(BRAND, epc, 2, MARKET) : packed(BRAND, epc, 2);
        uint64 to = ofLot ? DISTRIBUTOR : STORE;
        land(ship(unit, BRAND, to));
        land(reportException(unit, ITypes.ReportExceptionArgs(to, BRAND, 1, 1, 0, 0, 0, DOCUMENT)));
    }
}
