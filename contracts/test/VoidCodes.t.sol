// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ITypes} from "../src/ILedger.sol";
import {Types} from "./support/Types.sol";
import {World} from "./support/World.sol";

/// @notice voidCodes.tree
contract VoidCodesTest is World {
    function testFuzz_RevertGiven_TheBatchIsUnknownAnothersOrHasNoRootWhenRangeOrHintAreBad(uint64 unknown, uint32 from, uint32 to) external {
        vm.assume(unknown == 0 || unknown > 2);
        refused(_void(unknown, 0, 1, 0), abi.encodeWithSelector(ITypes.UnknownBatch.selector, unknown));
        refused(_void(2, 0, 1, 0), abi.encodeWithSelector(ITypes.NotBrandOf.selector, 2, BRAND));
        land(reserveBatch(ITypes.ReserveBatchArgs(BRAND, GTIN, 0, DOCUMENT)));
        refused(_void(3, 0, 1, 0), abi.encodeWithSelector(ITypes.NotCommissioned.selector, 3));
        if (from < to && to <= COUNT) to = COUNT + 1;
        refused(_void(BATCH, from, to, 0), abi.encodeWithSelector(ITypes.BadRange.selector, from, to));
        land(activate(BATCH, ITypes.ActivateArgs(BRAND, 10, 20, 1, DOCUMENT), 0));
        refused(_void(BATCH, 5, 11, 0), abi.encodeWithSelector(ITypes.RunsOverlap.selector, 5, 11));
        refused(_void(BATCH, 12, 14, 0), abi.encodeWithSelector(ITypes.BadPredecessor.selector, 0));
    }

    function testFuzz_RevertGiven_TheCodesAreVoid(uint8 any) external {
        land(_void(BATCH, 10, 20, 0));
        uint32 from = uint32(between(any, 10, 19));
        bytes memory error = abi.encodeWithSelector(ITypes.RunVoided.selector, 10);
        refused(activate(BATCH, ITypes.ActivateArgs(BRAND, from, 20, 1, DOCUMENT), 11), error);
        refused(bindLot(BATCH, lotArgs(from, 20, "lot", 0), 11), error);
        refused(_void(BATCH, from, 20, 11), error);
        land(activate(BATCH, ITypes.ActivateArgs(BRAND, 20, 21, 1, DOCUMENT), 11));
    }

    function testFuzz_WhenAllIsRight(uint8 a, uint8 b, bool ofRun) external {
        if (ofRun) land(activate(BATCH, ITypes.ActivateArgs(BRAND, 0, COUNT, 7, DOCUMENT), 0));
        uint32 from = uint32(between(a, 0, COUNT - 1));
        uint32 to = uint32(between(b, from + 1, COUNT));
        ITypes.VoidArgs memory args = ITypes.VoidArgs(BRAND, from, to, DOCUMENT);
        Subject memory before = batchSubject(BATCH);
        recorded(voidCodes(BATCH, args, ofRun ? 1 : 0), before, BRAND, ITypes.Voided.selector, bytes32(uint256(BATCH)), abi.encode(args));
        ITypes.Run memory run = runNow(BATCH, from);
        vm.assertEq(run.voided, 1, "void");
        vm.assertEq(run.to, to, "up to its end");
        vm.assertEq(run.activeFrom, ofRun ? 7 : 0, "active from when it was");
        vm.assertEq(batchNow(BATCH).head, headAfter(before, 19, BRAND, 0, _hash(Types.VOID, abi.encode(args)), DOCUMENT), "head");
        if (ofRun && from != 0) vm.assertEq(runNow(BATCH, 0).voided, 0, "not what is left of it");
        if (ofRun && to != COUNT) vm.assertEq(runNow(BATCH, to).voided, 0, "not what is right of it");
    }

    function _void(uint64 batch, uint32 from, uint32 to, uint32 hint) private returns (bytes memory) {
        return voidCodes(batch, ITypes.VoidArgs(BRAND, from, to, DOCUMENT), hint);
    }
}
