// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ITypes} from "../../src/ILedger.sol";
import {Trees} from "./Trees.sol";
import {World} from "./World.sol";

/// @notice What holds of both verbs that set an item's state: the branches that their trees share.
abstract contract ItemStates is World {
    uint64 internal constant REGULATOR = 10 ** 13 + 3;
    uint64 internal constant CARRIER = 10 ** 13 + 4;
    uint8 private immutable VERB;
    bytes32 private immutable EVENT;
    uint8 private immutable LOWEST;
    uint8 private immutable HIGHEST;
    uint8 private immutable REGULATORS;

    /// @notice A signed call of this verb.
    function signed(ITypes.Code memory c, ITypes.ItemArgs memory args, bytes32[] memory proof) internal virtual returns (bytes memory);

    function argsType() internal pure virtual returns (string memory);

    /// @notice Whether the verb sets this state.
    function sets(uint8 state) internal pure virtual returns (bool);

    /// @notice States that it does not set, among them those next to the ones that it does.
    function setsNone() internal pure virtual returns (uint8[3] memory);

    /// @param verb its number
    /// @param event_ its event's topic
    /// @param lowest the first of the states that an active item is taken to
    /// @param highest the last of them
    /// @param regulators the one of them that a regulator may set
    constructor(uint8 verb, bytes32 event_, uint8 lowest, uint8 highest, uint8 regulators) {
        (VERB, EVENT, LOWEST, HIGHEST, REGULATORS) = (verb, event_, lowest, highest, regulators);
    }

    function setUp() public override {
        super.setUp();
        land(registerParty(partyArgs(REGULATOR, 32, 1, 0, 0, 0)));
        land(registerParty(partyArgs(CARRIER, 8, 1, 0, 0, 0)));
    }

    function testFuzz_RevertWhen_TheStateIsNotOneThatThisVerbSets(uint8 state) external {
        uint8[3] memory edges = setsNone();
        if (sets(state)) state = edges[1];
        refused(set(1, BRAND, BATCH, state), abi.encodeWithSelector(ITypes.BadItemState.selector, state));
        for (uint256 i; i < 3; ++i) refused(set(1, BRAND, BATCH, edges[i]), abi.encodeWithSelector(ITypes.BadItemState.selector, edges[i]));
    }

    function testFuzz_RevertGiven_TheBatchIsUnknownOrTheItemIsNotShownToBeOfIt(uint8 index, uint64 unknown, uint32 beyond, uint64 gtin) external {
        uint32 at = index % COUNT;
        vm.assume(unknown == 0 || unknown > 3);
        refused(set(at, BRAND, unknown, HIGHEST), abi.encodeWithSelector(ITypes.UnknownBatch.selector, unknown));
        refused(set(at, RIVAL, 2, HIGHEST), abi.encodeWithSelector(ITypes.BadGtin.selector, GTIN));
        ITypes.Code memory c = code(at);
        c.gtin = gtin;
        if (gtin != GTIN) refused(signed(c, ITypes.ItemArgs(BRAND, BATCH, HIGHEST, DOCUMENT), codeProof(at)), abi.encodeWithSelector(ITypes.BadGtin.selector, gtin));
        c = code(uint32(between(beyond, COUNT, type(uint32).max)));
        refused(signed(c, ITypes.ItemArgs(BRAND, BATCH, HIGHEST, DOCUMENT), codeProof(0)), abi.encodeWithSelector(ITypes.IndexTooLarge.selector, c.index, COUNT));
        c = code(COUNT);
        refused(signed(c, ITypes.ItemArgs(BRAND, BATCH, HIGHEST, DOCUMENT), codeProof(0)), abi.encodeWithSelector(ITypes.IndexTooLarge.selector, COUNT, COUNT));
        bytes memory error = abi.encodeWithSelector(ITypes.NotInTree.selector, codeLeaf(at));
        refused(signed(code(at), ITypes.ItemArgs(BRAND, BATCH, HIGHEST, DOCUMENT), codeProof((at + 1) % COUNT)), error);
        // A second batch of the article has no say in an item that has a state.
        land(set(at, BRAND, BATCH, HIGHEST));
        land(reserveBatch(ITypes.ReserveBatchArgs(BRAND, GTIN, 0, DOCUMENT)));
        land(commission(3, commissionArgs(BRAND)));
        refused(set(at, BRAND, 3, HIGHEST), error);
    }

    function testFuzz_RevertWhen_TheActorsRoleMayNotSayIt(uint8 who) external {
        uint64[6] memory all = [RIVAL, DISTRIBUTOR, STORE, OPERATOR, REGULATOR, CARRIER];
        uint64 actor = all[who % 6];
        for (uint8 state = LOWEST; state <= HIGHEST; ++state) {
            uint16 roles = _rolesFor(state);
            bytes memory said = set(state, actor, BATCH, state);
            if (partyNow(actor).roles & roles == 0) refused(said, abi.encodeWithSelector(ITypes.RoleMissing.selector, actor, roles));
            else land(said);
        }
    }

    function testFuzz_RevertGiven_TheItemTravelsAloneAndTheActorDoesNotHoldIt(uint8 index, bool brand) external {
        uint32 at = index % COUNT;
        bytes32 item = drawn(at);
        refused(set(at, STORE, BATCH, HIGHEST), abi.encodeWithSelector(ITypes.NotHolder.selector, item, STORE));
        uint32 other = (at + 1) % COUNT;
        drawn(other);
        land(set(other, REGULATOR, BATCH, REGULATORS)); // who need not hold it
        if (brand) {
            land(set(at, BRAND, BATCH, HIGHEST));
            return;
        }
        handOver(item, BRAND, STORE);
        land(set(at, STORE, BATCH, HIGHEST));
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
        refused(set(at, DISTRIBUTOR, BATCH, HIGHEST), abi.encodeWithSelector(ITypes.UnitInside.selector, item));
        refused(set(at, STORE, BATCH, HIGHEST), abi.encodeWithSelector(ITypes.UnitInside.selector, item));
        uint64 other = brand ? BRAND : REGULATOR;
        land(setItemState(code(at), ITypes.ItemArgs(other, BATCH, 2, DOCUMENT), codeProof(at)));
    }

    function testFuzz_RevertGiven_TheItemIsNotActive(uint8 index, uint8 a, uint8 b) external {
        uint32 at = index % COUNT;
        a = uint8(between(a, 2, 7));
        land(a < 4 ? setItemState(code(at), ITypes.ItemArgs(BRAND, BATCH, a, DOCUMENT), codeProof(at)) : decommission(code(at), ITypes.ItemArgs(BRAND, BATCH, a, DOCUMENT), codeProof(at)));
        uint8 state = uint8(between(b, LOWEST, HIGHEST));
        refused(set(at, BRAND, BATCH, state), abi.encodeWithSelector(ITypes.ItemNotActive.selector, codeLeaf(at)));
    }

    function testFuzz_RevertWhen_ItIsOverAnOlderHead(uint8 index) external {
        uint32 at = index % COUNT;
        bytes memory older = set(at, BRAND, BATCH, HIGHEST);
        land(setItemState(code(at), ITypes.ItemArgs(BRAND, BATCH, 2, DOCUMENT), codeProof(at)));
        land(setItemState(code(at), ITypes.ItemArgs(BRAND, BATCH, 1, DOCUMENT), codeProof(at)));
        refused(older, abi.encodeWithSelector(ITypes.StaleHead.selector, itemSubject(codeLeaf(at)).id));
    }

    function testFuzz_WhenAllIsRight(uint8 index, uint8 b, uint32 later) external {
        uint32 at = index % COUNT;
        vm.warp(block.timestamp + later);
        ITypes.ItemArgs memory args = ITypes.ItemArgs(BRAND, BATCH, uint8(between(b, LOWEST, HIGHEST)), DOCUMENT);
        Subject memory before = itemSubject(codeLeaf(at));
        recorded(signed(code(at), args, codeProof(at)), before, BRAND, EVENT, codeLeaf(at), abi.encode(args));
        ITypes.Item memory i = itemNow(codeLeaf(at));
        bytes32 head = headAfter(before, VERB, BRAND, 0, _hash(argsType(), abi.encode(args)), DOCUMENT);
        vm.assertEq(abi.encode(i), abi.encode(BATCH, BRAND, block.timestamp, 1, args.state, head), "state, setter and time");
    }

    function set(uint32 index, uint64 actor, uint64 batch, uint8 state) internal returns (bytes memory) {
        return signed(code(index), ITypes.ItemArgs(actor, batch, state, DOCUMENT), codeProof(index));
    }

    /// @dev Who but the brand may say it: 1 brand, 2 distributor, 4 store, 8 carrier, 16 inspector, 32 regulator.
    function _rolesFor(uint8 state) private pure returns (uint16) {
        if (state == 2 || state == 6) return 16 | 32;
        if (state == 3) return 4 | 2 | 8;
        if (state == 4) return 4;
        return state == 5 ? 2 : 4 | 2;
    }
}
