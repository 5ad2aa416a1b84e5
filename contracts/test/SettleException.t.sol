// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ITypes} from "../src/ILedger.sol";
import {Trees} from "./support/Trees.sol";
import {Types} from "./support/Types.sol";
import {World} from "./support/World.sol";

/// @notice settleException.tree
contract SettleExceptionTest is World {
    function testFuzz_RevertGiven_ThereIsNoSuchReportOfTheUnit(bytes32 epc, uint32 report) external {
        bytes32 unit = _reported(epc);
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

    function testFuzz_RevertWhen_ABrandMadeItButTheLotIsAnothersOrShowsAnItemOfAnothers(uint8 any) external {
        bytes32 item = drawn(uint32(any % COUNT));
        handOver(item, BRAND, DISTRIBUTOR);
        land(ship(item, DISTRIBUTOR, STORE));
        land(reportException(item, ITypes.ReportExceptionArgs(STORE, DISTRIBUTOR, 0, 1, 0, 0, 0, DOCUMENT)));
        bytes32[] memory shown = claimedByRival(item);
        refused(settleException(item, RIVAL, 5, shown), abi.encodeWithSelector(ITypes.NotConcerned.selector, item, RIVAL));
        land(settleException(item, BRAND, 5, new bytes32[](0)));
    }

    function testFuzz_RevertWhen_ABrandMadeItButTheLotIsAnothersOrShowsAnItemOfAnothers_ByTheLot(bytes32 epc) external {
        land(bindLot(BATCH, lotArgs(0, 0, "lot", 0), 0));
        ITypes.PackArgs memory args = packArgs(BRAND, epc, items(2, epc));
        args.lot = registryNow().lots;
        land(pack(args, new bytes32[][](0)));
        bytes32 child = unitId(BRAND, epc);
        handOver(child, BRAND, RIVAL);
        ITypes.Child[] memory children = new ITypes.Child[](1);
        children[0] = asChild(0, child);
        args = packArgs(RIVAL, "repacked", children);
        (args.lot, args.slotted) = (registryNow().lots, children);
        land(pack(args, Trees.proofs(children, one(0))));
        bytes32 unit = unitId(RIVAL, "repacked");
        handOver(unit, RIVAL, DISTRIBUTOR);
        land(ship(unit, DISTRIBUTOR, STORE));
        land(reportException(unit, ITypes.ReportExceptionArgs(STORE, DISTRIBUTOR, 0, 1, 0, 0, 0, DOCUMENT)));
        refused(settleException(unit, RIVAL, 5, originOf(unit)), abi.encodeWithSelector(ITypes.NotConcerned.selector, unit, RIVAL));
        land(settleException(unit, BRAND, 5, new bytes32[](0)));
    }

    function testFuzz_RevertGiven_TheSideHasSettledOrTheExceptionIsClosed(bytes32 epc, bool receiverFirst) external {
        bytes32 unit = _reported(epc);
        (uint64 a, uint64 b) = receiverFirst ? (STORE, BRAND) : (BRAND, STORE);
        bytes memory error = abi.encodeWithSelector(ITypes.AlreadySettled.selector, unit, 3);
        land(settleException(unit, a, 3, new bytes32[](0)));
        refused(settleException(unit, a, 3, new bytes32[](0)), error);
        land(settleException(unit, b, 3, new bytes32[](0)));
        refused(settleException(unit, a, 3, new bytes32[](0)), error);
        refused(settleException(unit, b, 3, new bytes32[](0)), error);
        bytes32 both = _ofLot(keccak256(abi.encode("both", epc)));
        land(settleException(both, DISTRIBUTOR, 5, new bytes32[](0)));
        land(settleException(both, STORE, 5, new bytes32[](0)));
        refused(settleException(both, BRAND, 5, new bytes32[](0)), abi.encodeWithSelector(ITypes.AlreadySettled.selector, both, 5));
        bytes32 closed = _ofLot(keccak256(abi.encode(epc)));
        land(settleException(closed, BRAND, 5, new bytes32[](0)));
        refused(settleException(closed, DISTRIBUTOR, 5, new bytes32[](0)), abi.encodeWithSelector(ITypes.AlreadySettled.selector, closed, 5));
    }

    function testFuzz_WhenASideSettles(bytes32 epc, bool receiverFirst) external {
        bytes32 unit = _reported(epc);
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
        bytes32 unit = _reported(epc);
        land(ship(unit, STORE, DISTRIBUTOR));
        land(settleException(unit, STORE, 3, new bytes32[](0)));
        vm.assertEq(unitNow(unit).state, 2, "still in transit");
        vm.assertEq(unitNow(unit).addressee, DISTRIBUTOR, "to its addressee");
    }

    function testFuzz_WhenASideSettles_ThatIsTheBrandOfTheLot(bytes32 epc) external {
        bytes32 unit = packedFor(BRAND, epc, 2, MARKET);
        land(ship(unit, BRAND, DISTRIBUTOR));
        land(reportException(unit, ITypes.ReportExceptionArgs(DISTRIBUTOR, BRAND, 1, 1, 0, 0, 0, DOCUMENT)));
        land(settleException(unit, BRAND, 3, originOf(unit)));
        vm.assertEq(exceptionNow(unit, 3).settled, 1, "the shipper is the shipper, whatever its lot");
        land(settleException(unit, DISTRIBUTOR, 3, new bytes32[](0)));
        land(returnTo(unit, DISTRIBUTOR, BRAND));
        land(reportException(unit, ITypes.ReportExceptionArgs(BRAND, DISTRIBUTOR, 1, 1, 0, 0, 0, DOCUMENT)));
        land(settleException(unit, BRAND, 7, originOf(unit)));
        vm.assertEq(exceptionNow(unit, 7).settled, 2, "and the receiver the receiver");
    }

    function testFuzz_WhenTheBrandSettlesThatIsNoSide(bytes32 epc) external {
        bytes32 unit = _ofLot(epc);
        land(settleException(unit, BRAND, 5, new bytes32[](0)));
        vm.assertEq(exceptionNow(unit, 5).settled, 4, "closed at once");
    }

    /// @dev One damaged of two, at the store.
    function _reported(bytes32 epc) private returns (bytes32 unit) {
        unit = packed(BRAND, epc, 2);
        land(ship(unit, BRAND, STORE));
        land(reportException(unit, ITypes.ReportExceptionArgs(STORE, BRAND, 1, 1, 0, 0, 0, DOCUMENT)));
    }

    /// @dev One damaged of two of a lot, between two others than its brand.
    function _ofLot(bytes32 epc) private returns (bytes32 unit) {
        unit = packedFor(BRAND, epc, 2, 0);
        handOver(unit, BRAND, DISTRIBUTOR);
        land(ship(unit, DISTRIBUTOR, STORE));
        land(reportException(unit, ITypes.ReportExceptionArgs(STORE, DISTRIBUTOR, 1, 1, 0, 0, 0, DOCUMENT)));
    }
}
