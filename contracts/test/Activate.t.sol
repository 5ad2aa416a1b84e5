// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ITypes} from "../src/ILedger.sol";
import {Types} from "./support/Types.sol";
import {World} from "./support/World.sol";

/// @notice activate.tree
contract ActivateTest is World {
    function testFuzz_RevertGiven_TheBatchIsUnknownAnothersOrHasNoRoot(uint64 unknown) external {
        vm.assume(unknown == 0 || unknown > 2);
        refused(activate(unknown, _range(0, 1), 0), abi.encodeWithSelector(ITypes.UnknownBatch.selector, unknown));
        refused(activate(2, _range(0, 1), 0), abi.encodeWithSelector(ITypes.NotBrandOf.selector, 2, BRAND));
        land(reserveBatch(ITypes.ReserveBatchArgs(BRAND, GTIN, 0, DOCUMENT)));
        refused(activate(3, _range(0, 1), 0), abi.encodeWithSelector(ITypes.NotCommissioned.selector, 3));
    }

    function testFuzz_RevertGiven_TheBatchsBrandIsNoBrandAnyMore(uint32 any) external {
        noBrandAnyMore();
        refused(activate(BATCH, _range(0, any), 0), abi.encodeWithSelector(ITypes.RoleMissing.selector, BRAND, 1));
        land(voidCodes(BATCH, ITypes.VoidArgs(BRAND, 0, 1, DOCUMENT), 0));
    }

    function testFuzz_RevertWhen_TheRangeIsEmptyBackwardsOrPastTheCount(uint32 from, uint32 to) external {
        if (from < to && to <= COUNT) to = COUNT + 1;
        refused(activate(BATCH, _range(from, to), 0), abi.encodeWithSelector(ITypes.BadRange.selector, from, to));
        refused(activate(BATCH, _range(5, 5), 0), abi.encodeWithSelector(ITypes.BadRange.selector, 5, 5));
        refused(activate(BATCH, _range(COUNT - 1, COUNT + 1), 0), abi.encodeWithSelector(ITypes.BadRange.selector, COUNT - 1, COUNT + 1));
        land(activate(BATCH, _range(COUNT - 1, COUNT), 0));
    }

    function testFuzz_RevertWhen_TheTimeIs2ToThe40OrLater(uint64 time) external {
        time = uint64(between(time, 1 << 40, type(uint64).max));
        refused(activate(BATCH, ITypes.ActivateArgs(BRAND, 0, 5, time, DOCUMENT), 0), abi.encodeWithSelector(ITypes.BadTime.selector, time));
        refused(activate(BATCH, ITypes.ActivateArgs(BRAND, 0, 5, 1 << 40, DOCUMENT), 0), abi.encodeWithSelector(ITypes.BadTime.selector, 1 << 40));
        land(activate(BATCH, ITypes.ActivateArgs(BRAND, 0, 5, (1 << 40) - 1, DOCUMENT), 0));
    }

    function testFuzz_RevertWhen_TheHintIsNotTheLastRunAtOrBeforeTheRange(uint32 from, uint32 hint) external {
        land(activate(BATCH, _range(10, 20), 0));
        land(activate(BATCH, _range(30, 40), 11));
        // A run that begins just there is the one to name.
        refused(activate(BATCH, _range(10, 11), 0), abi.encodeWithSelector(ITypes.BadPredecessor.selector, 0));
        refused(activate(BATCH, _range(30, 31), 11), abi.encodeWithSelector(ITypes.BadPredecessor.selector, 11));
        from = uint32(between(from, 0, COUNT - 1));
        uint32 right = from < 10 ? 0 : from < 30 ? 11 : 31;
        if (hint == right) hint = right == 0 ? 11 : right == 11 ? 31 : 0;
        refused(activate(BATCH, _range(from, from + 1), hint), abi.encodeWithSelector(ITypes.BadPredecessor.selector, hint));
        for (uint32 i; i < 3; ++i) {
            hint = i == 0 ? 0 : i == 1 ? 11 : 31;
            if (hint != right) refused(activate(BATCH, _range(from, from + 1), hint), abi.encodeWithSelector(ITypes.BadPredecessor.selector, hint));
        }
    }

    function testFuzz_RevertWhen_TheRangeSpansSeveralRunsOrGaps(uint32 from, uint32 to) external {
        land(activate(BATCH, _range(10, 20), 0));
        land(activate(BATCH, _range(30, 40), 11));
        refused(activate(BATCH, _range(15, 21), 11), abi.encodeWithSelector(ITypes.RunsOverlap.selector, 15, 21));
        from = uint32(between(from, 0, COUNT - 2));
        uint32 end = from < 10 ? 10 : from < 20 ? 20 : from < 30 ? 30 : from < 40 ? 40 : COUNT;
        if (end == COUNT) return;
        uint32 hint = from < 10 ? 0 : from < 30 ? 11 : 31;
        refused(activate(BATCH, _range(from, end + 1), hint), abi.encodeWithSelector(ITypes.RunsOverlap.selector, from, end + 1));
        to = uint32(between(to, end + 1, COUNT));
        refused(activate(BATCH, _range(from, to), hint), abi.encodeWithSelector(ITypes.RunsOverlap.selector, from, to));
        land(activate(BATCH, _range(from, end), hint));
    }

    function testFuzz_WhenTheRangeLiesInOneRunOrGap(uint32 any) external {
        uint32 from = uint32(between(any, 0, COUNT - 1));
        ITypes.ActivateArgs memory args = ITypes.ActivateArgs(BRAND, from, COUNT, any, DOCUMENT);
        Subject memory before = batchSubject(BATCH);
        recorded(activate(BATCH, args, 0), before, BRAND, ITypes.Activated.selector, bytes32(uint256(BATCH)), abi.encode(args));
        vm.assertEq(runNow(BATCH, from).activeFrom, any, "active from");
        vm.assertEq(runNow(BATCH, from).to, COUNT, "to");
        vm.assertEq(batchNow(BATCH).firstRun, from + 1, "first run");
        vm.assertEq(batchNow(BATCH).seq, before.seq + 1, "seq");
        vm.assertEq(batchNow(BATCH).head, headAfter(before, 18, BRAND, 0, vm.eip712HashStruct(Types.ACTIVATE, abi.encode(args)), DOCUMENT), "head");
    }

    /// @dev Each range is cut into the pieces that one call can set; after each, runs and list agree.
    /// forge-config: deep.fuzz.runs = 10000
    function testFuzz_WhenTheRangeLiesInOneRunOrGap_RunsAgreeWithAListOfStates(uint32[6] memory starts, uint32[6] memory lengths) external {
        uint64[] memory states = new uint64[](COUNT);
        for (uint64 i; i < 6; ++i) {
            uint32 from = uint32(between(starts[i], 0, COUNT - 1));
            (uint32 hint, uint32 end) = placeOf(BATCH, from, COUNT);
            uint32 to = uint32(between(lengths[i], from + 1, end));
            land(activate(BATCH, ITypes.ActivateArgs(BRAND, from, to, i + 1, DOCUMENT), hint));
            for (uint32 at = from; at < to; ++at) states[at] = i + 1;
        }
        uint64[] memory stored = new uint64[](COUNT);
        uint32 next = batchNow(BATCH).firstRun;
        for (uint32 past; next != 0;) {
            ITypes.Run memory run = runNow(BATCH, next - 1);
            vm.assertTrue(next - 1 >= past && run.to > next - 1, "in order and disjoint");
            for (uint32 at = next - 1; at < run.to; ++at) stored[at] = run.activeFrom;
            (past, next) = (run.to, run.next);
        }
        vm.assertEq(abi.encode(stored), abi.encode(states), "states");
    }

    function _range(uint32 from, uint32 to) private pure returns (ITypes.ActivateArgs memory) {
        return ITypes.ActivateArgs(BRAND, from, to, 1, DOCUMENT);
    }
}
