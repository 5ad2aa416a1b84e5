// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ITypes} from "../src/ILedger.sol";
import {Types} from "./support/Types.sol";
import {World} from "./support/World.sol";

/// @notice anchorScanLog.tree
contract AnchorScanLogTest is World {
    function testFuzz_RevertGiven_TheActorIsNoOperator(uint40 size, uint8 who) external {
        uint64 actor = anyHandler(who);
        refused(anchorScanLog(ITypes.AnchorScanLogArgs(actor, size, "log", "map")), abi.encodeWithSelector(ITypes.RoleMissing.selector, actor, 64));
    }

    function testFuzz_RevertWhen_TheSizeIs2ToThe40OrMore(uint64 size) external {
        size = uint64(between(size, 1 << 40, type(uint64).max));
        refused(anchorScanLog(ITypes.AnchorScanLogArgs(OPERATOR, size, "log", "map")), abi.encodeWithSelector(ITypes.BadCount.selector, size));
        refused(anchorScanLog(ITypes.AnchorScanLogArgs(OPERATOR, 1 << 40, "log", "map")), abi.encodeWithSelector(ITypes.BadCount.selector, 1 << 40));
        land(anchorScanLog(ITypes.AnchorScanLogArgs(OPERATOR, type(uint40).max, "log", "map")));
    }

    function testFuzz_RevertWhen_TheSizeIsBelowTheAnchoredOne(uint40 size, uint64 smaller) external {
        vm.assume(size != 0);
        smaller = uint64(between(smaller, 0, size - 1));
        land(anchorScanLog(ITypes.AnchorScanLogArgs(OPERATOR, size, "log", "map")));
        refused(anchorScanLog(ITypes.AnchorScanLogArgs(OPERATOR, smaller, "log", "map")), abi.encodeWithSelector(ITypes.LogShrank.selector, smaller));
        land(anchorScanLog(ITypes.AnchorScanLogArgs(OPERATOR, size, "log", "map")));
    }

    function testFuzz_WhenAllIsRight(uint40 size, bytes32 logRoot, bytes32 mapRoot, uint32 later) external {
        vm.warp(block.timestamp + later);
        Subject memory before = logSubject();
        ITypes.AnchorScanLogArgs memory args = ITypes.AnchorScanLogArgs(OPERATOR, size, logRoot, mapRoot);
        recorded(anchorScanLog(args), before, OPERATOR, ITypes.ScanLogAnchored.selector, bytes32(uint256(OPERATOR)), abi.encode(args));
        ITypes.ScanLog memory log = scanLogNow();
        vm.assertEq(log.size, size, "size");
        vm.assertEq(log.time, block.timestamp, "time");
        vm.assertEq(log.logRoot, logRoot, "log's root");
        vm.assertEq(log.mapRoot, mapRoot, "map's root");
        vm.assertEq(log.seq, 1, "seq");
        vm.assertEq(log.head, headAfter(before, 64, OPERATOR, 0, vm.eip712HashStruct(Types.ANCHOR_SCAN_LOG, abi.encode(args)), 0), "head");
    }

    function testFuzz_WhenAllIsRight_OfAnEmptyLog(bytes32 logRoot, bytes32 mapRoot) external {
        land(anchorScanLog(ITypes.AnchorScanLogArgs(OPERATOR, 0, logRoot | bytes32(uint256(1)), mapRoot)));
        vm.assertEq(scanLogNow().seq, 1, "seq");
    }

    function testFuzz_RevertWhen_TheSizeIsAnchoredAlreadyWithAnotherRoot(uint40 size, bytes32 logRoot, bytes32 mapRoot) external {
        land(anchorScanLog(ITypes.AnchorScanLogArgs(OPERATOR, size, "log", "map")));
        bytes memory error = abi.encodeWithSelector(ITypes.LogForked.selector, size);
        if (logRoot != "log") refused(anchorScanLog(ITypes.AnchorScanLogArgs(OPERATOR, size, logRoot, "map")), error);
        if (mapRoot != "map") refused(anchorScanLog(ITypes.AnchorScanLogArgs(OPERATOR, size, "log", mapRoot)), error);
        if (size < type(uint40).max) land(anchorScanLog(ITypes.AnchorScanLogArgs(OPERATOR, size + 1, logRoot, mapRoot)));
    }
}
