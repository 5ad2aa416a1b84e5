// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ITypes} from "../src/ILedger.sol";
import {Trees} from "./support/Trees.sol";
import {Types} from "./support/Types.sol";
import {World} from "./support/World.sol";

/// @notice setItemState.tree
contract SetItemStateTest is World {
    uint64 private constant REGULATOR = 10 ** 13 + 3;
    uint64 private constant CARRIER = 10 ** 13 + 4;

    function setUp() public override {
        super.setUp();
        land(registerParty(partyArgs(REGULATOR, 32, 1, 0, 0, 0)));
        land(registerParty(partyArgs(CARRIER, 8, 1, 0, 0, 0)));
    }

    function testFuzz_RevertWhen_TheStateIsNotOneThatThisVerbSets(uint8 state) external {
        if (_sets(state)) state = 4;
        refused(_set(1, BRAND, BATCH, state), abi.encodeWithSelector(ITypes.BadItemState.selector, state));
        uint8[3] memory edges = [0, 4, 255];
        for (uint256 i; i < 3; ++i) refused(_set(1, BRAND, BATCH, edges[i]), abi.encodeWithSelector(ITypes.BadItemState.selector, edges[i]));
    }

    function testFuzz_RevertGiven_TheBatchIsUnknownOrTheItemIsNotShownToBeOfIt(uint8 index, uint64 unknown, uint32 beyond, uint64 gtin) external {
        uint32 at = index % COUNT;
        vm.assume(unknown == 0 || unknown > 3);
        refused(_set(at, BRAND, unknown, 3), abi.encodeWithSelector(ITypes.UnknownBatch.selector, unknown));
        refused(_set(at, RIVAL, 2, 3), abi.encodeWithSelector(ITypes.BadGtin.selector, GTIN));
        ITypes.Code memory c = code(at);
        c.gtin = gtin;
        if (gtin != GTIN) refused(setItemState(c, ITypes.ItemArgs(BRAND, BATCH, 3, DOCUMENT), codeProof(at)), abi.encodeWithSelector(ITypes.BadGtin.selector, gtin));
        c = code(uint32(between(beyond, COUNT, type(uint32).max)));
        refused(setItemState(c, ITypes.ItemArgs(BRAND, BATCH, 3, DOCUMENT), codeProof(0)), abi.encodeWithSelector(ITypes.IndexTooLarge.selector, c.index, COUNT));
        c = code(COUNT);
        refused(setItemState(c, ITypes.ItemArgs(BRAND, BATCH, 3, DOCUMENT), codeProof(0)), abi.encodeWithSelector(ITypes.IndexTooLarge.selector, COUNT, COUNT));
        bytes memory error = abi.encodeWithSelector(ITypes.NotInTree.selector, codeLeaf(at));
        refused(setItemState(code(at), ITypes.ItemArgs(BRAND, BATCH, 3, DOCUMENT), codeProof((at + 1) % COUNT)), error);
        // A second batch of the article has no say in an item that has a state.
        land(_set(at, BRAND, BATCH, 3));
        land(reserveBatch(ITypes.ReserveBatchArgs(BRAND, GTIN, 0, DOCUMENT)));
        land(commission(3, commissionArgs(BRAND)));
        refused(_set(at, BRAND, 3, 3), error);
    }

    function testFuzz_RevertWhen_TheActorsRoleMayNotSayIt(uint8 who) external {
        uint64[6] memory all = [RIVAL, DISTRIBUTOR, STORE, OPERATOR, REGULATOR, CARRIER];
        uint64 actor = all[who % 6];
        for (uint8 state = 2; state <= 3; ++state) {
            uint16 roles = _rolesFor(state);
            bytes memory call = _set(state, actor, BATCH, state);
            if (partyNow(actor).roles & roles == 0) refused(call, abi.encodeWithSelector(ITypes.RoleMissing.selector, actor, roles));
            else land(call);
        }
    }

    function testFuzz_RevertGiven_TheItemTravelsAloneAndTheActorDoesNotHoldIt(uint8 index, bool brand) external {
        uint32 at = index % COUNT;
        bytes32 item = drawn(at);
        refused(_set(at, STORE, BATCH, 3), abi.encodeWithSelector(ITypes.NotHolder.selector, item, STORE));
        uint32 other = (at + 1) % COUNT;
        drawn(other);
        land(_set(other, REGULATOR, BATCH, 2)); // who need not hold it
        if (brand) {
            land(_set(at, BRAND, BATCH, 3));
            return;
        }
        handOver(item, BRAND, STORE);
        land(_set(at, STORE, BATCH, 3));
    }

    function testFuzz_RevertGiven_TheItemIsInsideAUnit(uint8 index, bool brand, bool movedOn) external {
        uint32 at = index % COUNT;
        bytes32 item = drawn(at);
        handOver(item, BRAND, DISTRIBUTOR);
        ITypes.Child[] memory children = new ITypes.Child[](1);
        children[0] = asChild(0, item);
        ITypes.PackArgs memory args = packArgs(DISTRIBUTOR, "box", children);
        args.slotted = children;
        land(pack(args, Trees.proofs(children, one(0))));
        if (movedOn) handOver(unitId(DISTRIBUTOR, "box"), DISTRIBUTOR, STORE);
        refused(_set(at, DISTRIBUTOR, BATCH, 3), abi.encodeWithSelector(ITypes.UnitInside.selector, item));
        refused(_set(at, STORE, BATCH, 3), abi.encodeWithSelector(ITypes.UnitInside.selector, item));
        uint64 other = brand ? BRAND : REGULATOR;
        land(setItemState(code(at), ITypes.ItemArgs(other, BATCH, 2, DOCUMENT), codeProof(at)));
    }

    function testFuzz_RevertGiven_TheItemIsNotActive(uint8 index, uint8 a, uint8 b) external {
        uint32 at = index % COUNT;
        a = uint8(between(a, 2, 7));
        land(a < 4 ? setItemState(code(at), ITypes.ItemArgs(BRAND, BATCH, a, DOCUMENT), codeProof(at)) : decommission(code(at), ITypes.ItemArgs(BRAND, BATCH, a, DOCUMENT), codeProof(at)));
        uint8 state = uint8(between(b, 2, 3));
        refused(_set(at, BRAND, BATCH, state), abi.encodeWithSelector(ITypes.ItemNotActive.selector, codeLeaf(at)));
    }

    function testFuzz_RevertWhen_ItIsOverAnOlderHead(uint8 index) external {
        uint32 at = index % COUNT;
        bytes memory older = _set(at, BRAND, BATCH, 3);
        land(setItemState(code(at), ITypes.ItemArgs(BRAND, BATCH, 2, DOCUMENT), codeProof(at)));
        land(setItemState(code(at), ITypes.ItemArgs(BRAND, BATCH, 1, DOCUMENT), codeProof(at)));
        refused(older, abi.encodeWithSelector(ITypes.StaleHead.selector, itemSubject(codeLeaf(at)).id));
    }

    function testFuzz_WhenAllIsRight(uint8 index, uint8 b, uint32 later) external {
        uint32 at = index % COUNT;
        vm.warp(block.timestamp + later);
        ITypes.ItemArgs memory args = ITypes.ItemArgs(BRAND, BATCH, uint8(between(b, 2, 3)), DOCUMENT);
        Subject memory before = itemSubject(codeLeaf(at));
        recorded(setItemState(code(at), args, codeProof(at)), before, BRAND, ITypes.ItemStateSet.selector, codeLeaf(at), abi.encode(args));
        ITypes.Item memory i = itemNow(codeLeaf(at));
        bytes32 head = headAfter(before, 49, BRAND, 0, _hash(Types.SET_ITEM_STATE, abi.encode(args)), DOCUMENT);
        vm.assertEq(abi.encode(i), abi.encode(BATCH, BRAND, block.timestamp, 1, args.state, head), "state, setter and time");
    }

    function _set(uint32 index, uint64 actor, uint64 batch, uint8 state) private returns (bytes memory) {
        return setItemState(code(index), ITypes.ItemArgs(actor, batch, state, DOCUMENT), codeProof(index));
    }

    /// @dev Who but the brand may say it: 1 brand, 2 distributor, 4 store, 8 carrier, 16 inspector, 32 regulator.
    function _rolesFor(uint8 state) private pure returns (uint16) {
        if (state == 2 || state == 6) return 16 | 32;
        if (state == 3) return 4 | 2 | 8;
        if (state == 4) return 4;
        return state == 5 ? 2 : 4 | 2;
    }

    function testFuzz_RevertWhen_ItUndoesAStateThereIsNone(uint8 index, bool undone) external {
        uint32 at = index % COUNT;
        if (undone) land(_set(at, BRAND, BATCH, 2));
        if (undone) land(_set(at, BRAND, BATCH, 1));
        refused(_set(at, BRAND, BATCH, 1), abi.encodeWithSelector(ITypes.BadItemState.selector, 1));
    }

    function testFuzz_RevertWhen_ItUndoesAStateThatAnotherSet(uint8 index, bool brandsOwn) external {
        uint32 at = index % COUNT;
        land(_set(at, brandsOwn ? BRAND : REGULATOR, BATCH, 2));
        uint64 other = brandsOwn ? REGULATOR : BRAND;
        refused(_set(at, other, BATCH, 1), abi.encodeWithSelector(ITypes.NotSetter.selector, codeLeaf(at), other));
        land(reserveBatch(ITypes.ReserveBatchArgs(BRAND, GTIN, 0, DOCUMENT)));
        refused(_set(at, brandsOwn ? BRAND : REGULATOR, 3, 1), abi.encodeWithSelector(ITypes.NotInTree.selector, codeLeaf(at)));
        land(_set(at, brandsOwn ? BRAND : REGULATOR, BATCH, 1));
        vm.assertEq(itemNow(codeLeaf(at)).state, 1, "active again");
    }

    function testFuzz_RevertWhen_ItUndoesStolenOrDestroyed(uint8 index, bool stolen) external {
        uint32 at = index % COUNT;
        if (stolen) land(_set(at, BRAND, BATCH, 3));
        else land(decommission(code(at), ITypes.ItemArgs(BRAND, BATCH, 7, DOCUMENT), codeProof(at)));
        refused(_set(at, BRAND, BATCH, 1), abi.encodeWithSelector(ITypes.ItemFinal.selector, codeLeaf(at), stolen ? 3 : 7));
    }

    function testFuzz_RevertWhen_ItUndoesAnEndAfterTenDays(uint8 index, uint8 state, uint32 later) external {
        uint32 at = index % COUNT;
        uint256 since = block.timestamp;
        land(decommission(code(at), ITypes.ItemArgs(BRAND, BATCH, uint8(between(state, 4, 6)), DOCUMENT), codeProof(at)));
        vm.warp(since + 10 days + 1 + later);
        refused(_set(at, BRAND, BATCH, 1), abi.encodeWithSelector(ITypes.UndoTooLate.selector, codeLeaf(at), since));
        vm.warp(since + 10 days);
        land(_set(at, BRAND, BATCH, 1));
    }

    function testFuzz_WhenARegulatorTakesABlockOver(uint8 index, bool brands, uint8 b) external {
        uint32 at = index % COUNT;
        uint64 inspector = 10 ** 13 + 5;
        land(registerParty(partyArgs(inspector, 16, 1, 0, 0, 0)));
        (uint64 setter, uint64 other) = brands ? (BRAND, inspector) : (inspector, BRAND);
        land(_set(at, setter, BATCH, 2));
        bytes memory notActive = abi.encodeWithSelector(ITypes.ItemNotActive.selector, codeLeaf(at));
        refused(_set(at, other, BATCH, 2), notActive); // no regulator
        refused(_set(at, setter, BATCH, 2), notActive);
        refused(decommission(code(at), ITypes.ItemArgs(REGULATOR, BATCH, 6, DOCUMENT), codeProof(at)), notActive);
        land(_set(at, REGULATOR, BATCH, 2));
        vm.assertEq(itemNow(codeLeaf(at)).by, REGULATOR, "the regulator's");
        refused(_set(at, REGULATOR, BATCH, 2), notActive);
        refused(_set(at, setter, BATCH, 1), abi.encodeWithSelector(ITypes.NotSetter.selector, codeLeaf(at), setter));
        land(_set(at, REGULATOR, BATCH, 1));
        // Nothing but a block is taken over.
        uint8 ended = uint8(between(b, 3, 7));
        if (ended == 3) land(_set(at, BRAND, BATCH, 3));
        else land(decommission(code(at), ITypes.ItemArgs(BRAND, BATCH, ended, DOCUMENT), codeProof(at)));
        refused(_set(at, REGULATOR, BATCH, 2), notActive);
    }

    function testFuzz_WhenItLiftsABlock(uint8 index, uint32 later) external {
        uint32 at = index % COUNT;
        land(_set(at, REGULATOR, BATCH, 2));
        vm.warp(block.timestamp + later);
        land(_set(at, REGULATOR, BATCH, 1));
        vm.assertEq(itemNow(codeLeaf(at)).state, 1, "active");
        vm.assertEq(itemNow(codeLeaf(at)).by, REGULATOR, "by who lifted it");
    }

    function _sets(uint8 state) private pure returns (bool) {
        return state >= 1 && state <= 3;
    }
}
