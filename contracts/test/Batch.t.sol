// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ITypes} from "../src/ILedger.sol";
import {Vm} from "./support/Vm.sol";
import {World} from "./support/World.sol";

/// @notice batch.tree
contract BatchTest is World {
    uint256 private constant PART_GAS = 300_000;
    uint256 private constant PART_GAS_PER_BYTE = 600;

    function test_RevertWhen_ThereIsNoPartOrMoreThan256() external {
        refused(batchOf(new bytes[](0)), abi.encodeWithSelector(ITypes.EmptyList.selector));
        refused(batchOf(_views(257)), abi.encodeWithSelector(ITypes.TooManyParts.selector, 257));
        refused(batchOf(_views(300)), abi.encodeWithSelector(ITypes.TooManyParts.selector, 257));
        land(batchOf(_views(256)));
    }

    function testFuzz_RevertWhen_APartReachesOverTheEnd(uint8 at, uint32 length, uint8 cut) external {
        bytes[] memory parts = _ships(3, STORE);
        bytes memory all;
        uint256 own = parts[at % 3].length;
        for (uint256 i; i < 3; ++i) {
            uint256 told = i == at % 3 ? between(length, 3 * own + 9, type(uint32).max) : own;
            all = bytes.concat(all, bytes4(uint32(told)), parts[i]);
        }
        bytes memory error = abi.encodeWithSelector(ITypes.LengthMismatch.selector);
        refused(abi.encodeCall(ledger.batch, (all)), error);
        all = bytes.concat(bytes4(uint32(own)), parts[0], bytes4(uint32(own)), parts[1]);
        uint256 left = all.length - between(cut, 1, own + 3);
        assembly ("memory-safe") {
            mstore(all, left)
        }
        refused(abi.encodeCall(ledger.batch, (all)), error);
        vm.assertEq(unitNow(shipped[0]).state, 1, "nothing landed");
    }

    function _views(uint256 count) private view returns (bytes[] memory parts) {
        parts = new bytes[](count);
        for (uint256 i; i < count; ++i) parts[i] = abi.encodeCall(ledger.brandOf, (GTIN));
    }

    function testFuzz_RevertWhen_APartIsABatch(bytes calldata tail, uint8 at) external {
        bytes[] memory parts = _ships(3, STORE);
        parts[at % 3] = bytes.concat(ledger.batch.selector, tail);
        refused(batchOf(parts), abi.encodeWithSelector(ITypes.NotBatchable.selector, ledger.batch.selector));
    }

    function testFuzz_RevertWhen_APartRevertsWithoutAWord(uint8 at, uint8 cut) external {
        bytes[] memory parts = _ships(3, STORE);
        bytes memory part = parts[at % 3];
        uint256 length = between(cut, 0, part.length - 1);
        assembly ("memory-safe") {
            mstore(part, length)
        }
        refused(batchOf(parts), abi.encodeWithSelector(ITypes.EmptyRevert.selector, at % 3));
    }

    function testFuzz_WhenLessGasIsLeftThanThePartsFloor(uint24 gas_) external {
        bytes[] memory parts = _ships(2, STORE);
        bytes memory call = batchOf(parts);
        uint256 gas = between(gas_, 100_000, 1_500_000);
        (bool ok, bytes memory out) = address(ledger).call{gas: gas}(call);
        if (ok) {
            // Each part has landed: none is ever reported as failed for want of gas.
            vm.assertEq(unitNow(shipped[0]).state, 2, "the first landed");
            vm.assertEq(unitNow(shipped[1]).state, 2, "the second landed");
            vm.assertTrue(gas > PART_GAS + PART_GAS_PER_BYTE * parts[1].length, "with gas over the floor");
        } else {
            vm.assertTrue(bytes4(out) == ITypes.GasFloor.selector, "refused as a whole");
            vm.assertEq(unitNow(shipped[0]).state, 1, "nothing landed");
        }
        (ok, out) = address(ledger).call{gas: PART_GAS + PART_GAS_PER_BYTE * parts[0].length}(call);
        vm.assertEq(out, abi.encodeWithSelector(ITypes.GasFloor.selector, 0), "below the floor");
    }

    /// @dev A call that runs out of its own accord: the floor depends on the part's length alone.
    function test_WhenLessGasIsLeftThanThePartsFloor_TheFloorCountsBytes() external {
        bytes[] memory parts = new bytes[](1);
        parts[0] = bytes.concat(abi.encodeCall(ledger.brandOf, (GTIN)), new bytes(10_000));
        bytes memory call = batchOf(parts);
        (bool ok, bytes memory out) = address(ledger).call{gas: PART_GAS + PART_GAS_PER_BYTE * 9_900}(call);
        vm.assertTrue(!ok, "landed");
        vm.assertEq(out, abi.encodeWithSelector(ITypes.GasFloor.selector, 0), "below the floor");
        (ok,) = address(ledger).call{gas: (PART_GAS + PART_GAS_PER_BYTE * 10_036) * 65 / 63}(call);
        vm.assertTrue(ok, "above the floor");
    }

    function testFuzz_WhenAPartBreaksARule(uint8 at, bool selfShipment) external {
        bytes[] memory parts = _ships(3, STORE);
        bytes32 unit = shipped[at % 3];
        bytes memory error = selfShipment
            ? abi.encodeWithSelector(ITypes.ToSelf.selector, BRAND)
            : abi.encodeWithSelector(ITypes.NotHolder.selector, unit, RIVAL);
        parts[at % 3] = ship(unit, selfShipment ? BRAND : RIVAL, BRAND);
        vm.recordLogs();
        land(batchOf(parts));
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.assertEq(logs.length, 3, "one event a part");
        vm.assertEq(logs[at % 3].topics[0], ITypes.PartFailed.selector, "failed");
        vm.assertEq(logs[at % 3].topics[1], bytes32(uint256(at % 3)), "the part");
        vm.assertEq(logs[at % 3].data, abi.encode(error), "its error");
        for (uint256 i; i < 3; ++i) vm.assertEq(unitNow(shipped[i]).state, i == at % 3 ? 1 : 2, "the others stand");
    }

    function testFuzz_WhenPartsAreReorderedOrLeftOut(uint8 order, uint8 out) external {
        bytes[] memory parts = _ships(3, STORE);
        uint256 i = order % 3;
        (parts[0], parts[i]) = (parts[i], parts[0]);
        (shipped[0], shipped[i]) = (shipped[i], shipped[0]);
        bytes[] memory some = new bytes[](2);
        (some[0], some[1]) = out % 2 == 0 ? (parts[0], parts[1]) : (parts[1], parts[2]);
        land(batchOf(some));
        for (uint256 j; j < 3; ++j) vm.assertEq(unitNow(shipped[j]).state, j == (out % 2 == 0 ? 2 : 0) ? 1 : 2, "all but the one left out");
    }

    function testFuzz_WhenAllIsRight(uint8 count) external {
        bytes[] memory parts = _ships(between(count, 1, 12), DISTRIBUTOR);
        vm.recordLogs();
        land(batchOf(parts));
        vm.assertEq(vm.getRecordedLogs().length, parts.length, "one event a part");
        for (uint256 i; i < parts.length; ++i) vm.assertEq(unitNow(shipped[i]).addressee, DISTRIBUTOR, "carried out");
    }

    bytes32[] private shipped;

    /// @dev Shipments of as many new units.
    function _ships(uint256 count, uint64 to) private returns (bytes[] memory parts) {
        parts = new bytes[](count);
        for (uint256 i; i < count; ++i) {
            shipped.push(packed(BRAND, keccak256(abi.encode(i)), 1));
            parts[i] = ship(shipped[i], BRAND, to);
        }
    }
}
