// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ILedger} from "../src/ILedger.sol";
import {Types} from "./support/Types.sol";
import {World} from "./support/World.sol";

/// @notice anchorScanLog.tree
contract AnchorScanLogTest is World {
    function testFuzz_RevertGiven_TheActorIsNoOperator(uint64 size, uint8 who) external {
        uint64 actor = anyHandler(who);
        refused(anchorScanLog(ILedger.AnchorScanLogArgs(actor, size, "log", "map")), abi.encodeWithSelector(ILedger.RoleMissing.selector, actor, 64));
    }

    function testFuzz_RevertWhen_TheSizeIsBelowTheAnchoredOne(uint64 size, uint64 smaller) external {
        vm.assume(size != 0);
        smaller = uint64(between(smaller, 0, size - 1));
        land(anchorScanLog(ILedger.AnchorScanLogArgs(OPERATOR, size, "log", "map")));
        refused(anchorScanLog(ILedger.AnchorScanLogArgs(OPERATOR, smaller, "log", "map")), abi.encodeWithSelector(ILedger.LogShrank.selector, smaller));
        land(anchorScanLog(ILedger.AnchorScanLogArgs(OPERATOR, size, "log", "map")));
    }

    function testFuzz_WhenAllIsRight(uint64 size, bytes32 logRoot, bytes32 mapRoot, uint32 later) external {
        vm.warp(block.timestamp + later);
        Subject memory before = logSubject();
        ILedger.AnchorScanLogArgs memory args = ILedger.AnchorScanLogArgs(OPERATOR, size, logRoot, mapRoot);
        recorded(anchorScanLog(args), before, OPERATOR, ILedger.ScanLogAnchored.selector, bytes32(uint256(OPERATOR)), abi.encode(args));
        ILedger.ScanLog memory log = scanLogNow();
        vm.assertEq(log.size, size, "size");
        vm.assertEq(log.time, block.timestamp, "time");
        vm.assertEq(log.logRoot, logRoot, "log's root");
        vm.assertEq(log.mapRoot, mapRoot, "map's root");
        vm.assertEq(log.seq, 1, "seq");
        vm.assertEq(log.head, headAfter(before, 64, OPERATOR, 0, vm.eip712HashStruct(Types.ANCHOR_SCAN_LOG, abi.encode(args)), 0), "head");
    }
}
