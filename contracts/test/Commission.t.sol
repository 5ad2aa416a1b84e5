// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ITypes} from "../src/ILedger.sol";
import {Types} from "./support/Types.sol";
import {World} from "./support/World.sol";

/// @notice commission.tree
contract CommissionTest is World {
    function testFuzz_RevertGiven_TheBatchWasNeverReserved(uint64 batch) external {
        vm.assume(batch == 0 || batch > 2);
        refused(commission(batch, commissionArgs(BRAND)), abi.encodeWithSelector(ITypes.UnknownBatch.selector, batch));
    }

    function testFuzz_RevertGiven_TheBatchIsAnotherBrands(uint8 who) external {
        uint64 batch = _reserved();
        uint64 actor = who % 2 == 0 ? RIVAL : STORE;
        refused(commission(batch, commissionArgs(actor)), abi.encodeWithSelector(ITypes.NotBrandOf.selector, batch, actor));
    }

    function testFuzz_RevertGiven_TheBatchsBrandIsNoBrandAnyMore(uint32 any) external {
        uint64 batch = _reserved();
        noBrandAnyMore();
        ITypes.CommissionArgs memory args = ITypes.CommissionArgs(BRAND, codeNodes[0], 0, any, DOCUMENT);
        refused(commission(batch, args), abi.encodeWithSelector(ITypes.RoleMissing.selector, BRAND, 1));
    }

    /// forge-config: deep.fuzz.runs = 10000
    function testFuzz_RevertGiven_TheBatchHasARoot(bytes32 root, uint32 count) external {
        vm.assume(root != 0 && count != 0);
        refused(commission(BATCH, ITypes.CommissionArgs(BRAND, root, 0, count, DOCUMENT)), abi.encodeWithSelector(ITypes.AlreadyCommissioned.selector, BATCH));
    }

    function testFuzz_RevertWhen_TheCountIsZero(bytes32 root) external {
        vm.assume(root != 0);
        refused(commission(_reserved(), ITypes.CommissionArgs(BRAND, root, 0, 0, DOCUMENT)), abi.encodeWithSelector(ITypes.BadCount.selector, 0));
    }

    function testFuzz_RevertWhen_TheRootIsZero(uint32 count, bytes32 inner) external {
        vm.assume(count != 0);
        refused(commission(_reserved(), ITypes.CommissionArgs(BRAND, 0, inner, count, DOCUMENT)), abi.encodeWithSelector(ITypes.ZeroRoot.selector));
    }

    function testFuzz_WhenAllIsRight(bytes32 root, bytes32 inner, uint32 count) external {
        vm.assume(root != 0 && count != 0);
        uint64 batch = _reserved();
        Subject memory before = batchSubject(batch);
        ITypes.CommissionArgs memory args = ITypes.CommissionArgs(BRAND, root, inner, count, DOCUMENT);
        recorded(commission(batch, args), before, BRAND, ITypes.Commissioned.selector, bytes32(uint256(batch)), abi.encode(args));
        ITypes.Batch memory b = batchNow(batch);
        vm.assertEq(b.root, root, "root");
        vm.assertEq(b.innerRoot, inner, "inner root");
        vm.assertEq(b.count, count, "count");
        vm.assertEq(b.status, 2, "commissioned");
        vm.assertEq(b.seq, 1, "seq");
        vm.assertEq(b.head, headAfter(before, 17, BRAND, 0, vm.eip712HashStruct(Types.COMMISSION, abi.encode(args)), DOCUMENT), "head");
    }

    function test_WhenAllIsRight_TheLargestCount() external {
        uint64 batch = _reserved();
        land(commission(batch, ITypes.CommissionArgs(BRAND, "root", 0, type(uint32).max, DOCUMENT)));
        land(activate(batch, ITypes.ActivateArgs(BRAND, type(uint32).max - 1, type(uint32).max, 1, DOCUMENT), 0));
    }

    function _reserved() private returns (uint64) {
        return abi.decode(land(reserveBatch(ITypes.ReserveBatchArgs(BRAND, GTIN, 0, DOCUMENT))), (uint64));
    }
}
