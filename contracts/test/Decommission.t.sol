// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ITypes} from "../src/ILedger.sol";
import {Trees} from "./support/Trees.sol";
import {Types} from "./support/Types.sol";
import {World} from "./support/World.sol";

/// @notice decommission.tree
contract DecommissionTest is World {
    uint64 private constant REGULATOR = 10 ** 13 + 3;
    uint64 private constant CARRIER = 10 ** 13 + 4;

    function setUp() public override {
        super.setUp();
        land(registerParty(partyArgs(REGULATOR, 32, 1, 0, 0, 0)));
        land(registerParty(partyArgs(CARRIER, 8, 1, 0, 0, 0)));
    }

    function testFuzz_RevertWhen_TheStateIsNotOneThatThisVerbSets(uint8 state) external {
        if (_sets(state)) state = 8;
        refused(_set(1, BRAND, BATCH, state), abi.encodeWithSelector(ITypes.BadItemState.selector, state));
        uint8[3] memory edges = [0, 3, 8];
        for (uint256 i; i < 3; ++i) refused(_set(1, BRAND, BATCH, edges[i]), abi.encodeWithSelector(ITypes.BadItemState.selector, edges[i]));
    }

    function testFuzz_RevertGiven_TheBatchIsUnknownOrTheItemIsNotShownToBeOfIt(uint8 index, uint64 unknown, uint32 beyond, uint64 gtin) external {
        uint32 at = index % COUNT;
        vm.assume(unknown == 0 || unknown > 3);
        refused(_set(at, BRAND, unknown, 7), abi.encodeWithSelector(ITypes.UnknownBatch.selector, unknown));
        refused(_set(at, RIVAL, 2, 7), abi.encodeWithSelector(ITypes.BadGtin.selector, GTIN));
        ITypes.Code memory c = code(at);
        c.gtin = gtin;
        if (gtin != GTIN) refused(decommission(c, ITypes.ItemArgs(BRAND, BATCH, 7, DOCUMENT), codeProof(at)), abi.encodeWithSelector(ITypes.BadGtin.selector, gtin));
        c = code(uint32(between(beyond, COUNT, type(uint32).max)));
        refused(decommission(c, ITypes.ItemArgs(BRAND, BATCH, 7, DOCUMENT), codeProof(0)), abi.encodeWithSelector(ITypes.IndexTooLarge.selector, c.index, COUNT));
        c = code(COUNT);
        refused(decommission(c, ITypes.ItemArgs(BRAND, BATCH, 7, DOCUMENT), codeProof(0)), abi.encodeWithSelector(ITypes.IndexTooLarge.selector, COUNT, COUNT));
        bytes memory error = abi.encodeWithSelector(ITypes.NotInTree.selector, codeLeaf(at));
        refused(decommission(code(at), ITypes.ItemArgs(BRAND, BATCH, 7, DOCUMENT), codeProof((at + 1) % COUNT)), error);
        // A second batch of the article has no say in an item that has a state.
        land(_set(at, BRAND, BATCH, 7));
        land(reserveBatch(ITypes.ReserveBatchArgs(BRAND, GTIN, 0, DOCUMENT)));
        land(commission(3, commissionArgs(BRAND)));
        refused(_set(at, BRAND, 3, 7), error);
    }

    function testFuzz_RevertWhen_TheActorsRoleMayNotSayIt(uint8 who) external {
        uint64[6] memory all = [RIVAL, DISTRIBUTOR, STORE, OPERATOR, REGULATOR, CARRIER];
        uint64 actor = all[who % 6];
        for (uint8 state = 4; state <= 7; ++state) {
            uint16 roles = _rolesFor(state);
            bytes memory call = _set(state, actor, BATCH, state);
            if (partyNow(actor).roles & roles == 0) refused(call, abi.encodeWithSelector(ITypes.RoleMissing.selector, actor, roles));
            else land(call);
        }
    }

    function testFuzz_RevertGiven_TheItemTravelsAloneAndTheActorDoesNotHoldIt(uint8 index, bool brand) external {
        uint32 at = index % COUNT;
        bytes32 item = drawn(at);
        refused(_set(at, STORE, BATCH, 7), abi.encodeWithSelector(ITypes.NotHolder.selector, item, STORE));
        uint32 other = (at + 1) % COUNT;
        drawn(other);
        land(_set(other, REGULATOR, BATCH, 6)); // who need not hold it
        if (brand) {
            land(_set(at, BRAND, BATCH, 7));
            return;
        }
        handOver(item, BRAND, STORE);
        land(_set(at, STORE, BATCH, 7));
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
        refused(_set(at, DISTRIBUTOR, BATCH, 7), abi.encodeWithSelector(ITypes.UnitInside.selector, item));
        refused(_set(at, STORE, BATCH, 7), abi.encodeWithSelector(ITypes.UnitInside.selector, item));
        uint64 other = brand ? BRAND : REGULATOR;
        land(setItemState(code(at), ITypes.ItemArgs(other, BATCH, 2, DOCUMENT), codeProof(at)));
    }

    function testFuzz_RevertGiven_TheItemIsNotActive(uint8 index, uint8 a, uint8 b) external {
        uint32 at = index % COUNT;
        a = uint8(between(a, 2, 7));
        land(a < 4 ? setItemState(code(at), ITypes.ItemArgs(BRAND, BATCH, a, DOCUMENT), codeProof(at)) : decommission(code(at), ITypes.ItemArgs(BRAND, BATCH, a, DOCUMENT), codeProof(at)));
        uint8 state = uint8(between(b, 4, 7));
        refused(_set(at, BRAND, BATCH, state), abi.encodeWithSelector(ITypes.ItemNotActive.selector, codeLeaf(at)));
    }

    function testFuzz_RevertWhen_ItIsOverAnOlderHead(uint8 index) external {
        uint32 at = index % COUNT;
        bytes memory older = _set(at, BRAND, BATCH, 7);
        land(setItemState(code(at), ITypes.ItemArgs(BRAND, BATCH, 2, DOCUMENT), codeProof(at)));
        land(setItemState(code(at), ITypes.ItemArgs(BRAND, BATCH, 1, DOCUMENT), codeProof(at)));
        refused(older, abi.encodeWithSelector(ITypes.StaleHead.selector, itemSubject(codeLeaf(at)).id));
    }

    function testFuzz_WhenAllIsRight(uint8 index, uint8 b, uint32 later) external {
        uint32 at = index % COUNT;
        vm.warp(block.timestamp + later);
        ITypes.ItemArgs memory args = ITypes.ItemArgs(BRAND, BATCH, uint8(between(b, 4, 7)), DOCUMENT);
        Subject memory before = itemSubject(codeLeaf(at));
        recorded(decommission(code(at), args, codeProof(at)), before, BRAND, ITypes.Decommissioned.selector, codeLeaf(at), abi.encode(args));
        ITypes.Item memory i = itemNow(codeLeaf(at));
        bytes32 head = headAfter(before, 48, BRAND, 0, _hash(Types.DECOMMISSION, abi.encode(args)), DOCUMENT);
        vm.assertEq(abi.encode(i), abi.encode(BATCH, BRAND, block.timestamp, 1, args.state, head), "state, setter and time");
    }

    function _set(uint32 index, uint64 actor, uint64 batch, uint8 state) private returns (bytes memory) {
        return decommission(code(index), ITypes.ItemArgs(actor, batch, state, DOCUMENT), codeProof(index));
    }

    /// @dev Who but the brand may say it: 1 brand, 2 distributor, 4 store, 8 carrier, 16 inspector, 32 regulator.
    function _rolesFor(uint8 state) private pure returns (uint16) {
        if (state == 2 || state == 6) return 16 | 32;
        if (state == 3) return 4 | 2 | 8;
        if (state == 4) return 4;
        return state == 5 ? 2 : 4 | 2;
    }

    function testFuzz_RevertGiven_TheItemsLifeHasEnded(uint8 index, uint8 b) external {
        uint32 at = index % COUNT;
        bytes32 item = drawn(at);
        bytes memory call = ship(item, BRAND, STORE);
        land(_set(at, BRAND, BATCH, uint8(between(b, 4, 7))));
        bytes memory error = abi.encodeWithSelector(ITypes.ItemNotActive.selector, item);
        refused(call, error);
        refused(returnTo(item, BRAND, STORE), error);
        (ITypes.PackArgs memory args, bytes32[][] memory proofs) = around(BRAND, "unit", item, 2);
        refused(pack(args, proofs), error);
    }

    function _sets(uint8 state) private pure returns (bool) {
        return state >= 4 && state <= 7;
    }
}
