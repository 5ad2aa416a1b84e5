// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ITypes} from "../src/ILedger.sol";
import {ItemStates} from "./support/ItemStates.sol";
import {Types} from "./support/Types.sol";

/// @notice setItemState.tree
contract SetItemStateTest is ItemStates(49, ITypes.ItemStateSet.selector, 2, 3, 2) {
    function signed(ITypes.Code memory c, ITypes.ItemArgs memory args, bytes32[] memory proof) internal override returns (bytes memory) {
        return setItemState(c, args, proof);
    }

    function argsType() internal pure override returns (string memory) {
        return Types.SET_ITEM_STATE;
    }

    function sets(uint8 state) internal pure override returns (bool) {
        return state >= 1 && state <= 3;
    }

    function setsNone() internal pure override returns (uint8[3] memory) {
        return [uint8(0), 4, 255];
    }

    function testFuzz_RevertWhen_ItUndoesAStateThereIsNone(uint8 index, bool undone) external {
        uint32 at = index % COUNT;
        if (undone) land(set(at, BRAND, BATCH, 2));
        if (undone) land(set(at, BRAND, BATCH, 1));
        refused(set(at, BRAND, BATCH, 1), abi.encodeWithSelector(ITypes.BadItemState.selector, 1));
    }

    function testFuzz_RevertWhen_ItUndoesAStateThatAnotherSet(uint8 index, bool brandsOwn) external {
        uint32 at = index % COUNT;
        land(set(at, brandsOwn ? BRAND : REGULATOR, BATCH, 2));
        uint64 other = brandsOwn ? REGULATOR : BRAND;
        refused(set(at, other, BATCH, 1), abi.encodeWithSelector(ITypes.NotSetter.selector, codeLeaf(at), other));
        land(reserveBatch(ITypes.ReserveBatchArgs(BRAND, GTIN, 0, DOCUMENT)));
        refused(set(at, brandsOwn ? BRAND : REGULATOR, 3, 1), abi.encodeWithSelector(ITypes.NotInTree.selector, codeLeaf(at)));
        land(set(at, brandsOwn ? BRAND : REGULATOR, BATCH, 1));
        vm.assertEq(itemNow(codeLeaf(at)).state, 1, "active again");
    }

    function testFuzz_RevertWhen_ItUndoesStolenOrDestroyed(uint8 index, bool stolen) external {
        uint32 at = index % COUNT;
        if (stolen) land(set(at, BRAND, BATCH, 3));
        else land(decommission(code(at), ITypes.ItemArgs(BRAND, BATCH, 7, DOCUMENT), codeProof(at)));
        refused(set(at, BRAND, BATCH, 1), abi.encodeWithSelector(ITypes.ItemFinal.selector, codeLeaf(at), stolen ? 3 : 7));
    }

    function testFuzz_RevertWhen_ItUndoesAnEndAfterTenDays(uint8 index, uint8 state, uint32 later) external {
        uint32 at = index % COUNT;
        uint256 since = block.timestamp;
        land(decommission(code(at), ITypes.ItemArgs(BRAND, BATCH, uint8(between(state, 4, 6)), DOCUMENT), codeProof(at)));
        vm.warp(since + 10 days + 1 + later);
        refused(set(at, BRAND, BATCH, 1), abi.encodeWithSelector(ITypes.UndoTooLate.selector, codeLeaf(at), since));
        vm.warp(since + 10 days);
        land(set(at, BRAND, BATCH, 1));
    }

    function testFuzz_WhenARegulatorTakesABlockOver(uint8 index, bool brands, uint8 b) external {
        uint32 at = index % COUNT;
        uint64 inspector = 10 ** 13 + 5;
        land(registerParty(partyArgs(inspector, 16, 1, 0, 0, 0)));
        (uint64 setter, uint64 other) = brands ? (BRAND, inspector) : (inspector, BRAND);
        land(set(at, setter, BATCH, 2));
        bytes memory notActive = abi.encodeWithSelector(ITypes.ItemNotActive.selector, codeLeaf(at));
        refused(set(at, other, BATCH, 2), notActive); // no regulator
        refused(set(at, setter, BATCH, 2), notActive);
        refused(decommission(code(at), ITypes.ItemArgs(REGULATOR, BATCH, 6, DOCUMENT), codeProof(at)), notActive);
        land(set(at, REGULATOR, BATCH, 2));
        vm.assertEq(itemNow(codeLeaf(at)).by, REGULATOR, "the regulator's");
        refused(set(at, REGULATOR, BATCH, 2), notActive);
        refused(set(at, setter, BATCH, 1), abi.encodeWithSelector(ITypes.NotSetter.selector, codeLeaf(at), setter));
        land(set(at, REGULATOR, BATCH, 1));
        // Nothing but a block is taken over.
        uint8 ended = uint8(between(b, 3, 7));
        if (ended == 3) land(set(at, BRAND, BATCH, 3));
        else land(decommission(code(at), ITypes.ItemArgs(BRAND, BATCH, ended, DOCUMENT), codeProof(at)));
        refused(set(at, REGULATOR, BATCH, 2), notActive);
    }

    function testFuzz_WhenItLiftsABlock(uint8 index, uint32 later) external {
        uint32 at = index % COUNT;
        land(set(at, REGULATOR, BATCH, 2));
        vm.warp(block.timestamp + later);
        land(set(at, REGULATOR, BATCH, 1));
        vm.assertEq(itemNow(codeLeaf(at)).state, 1, "active");
        vm.assertEq(itemNow(codeLeaf(at)).by, REGULATOR, "by who lifted it");
    }
}
