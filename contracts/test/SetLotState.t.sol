// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ITypes} from "../src/ILedger.sol";
import {Types} from "./support/Types.sol";
import {World} from "./support/World.sol";

/// @notice setLotState.tree
contract SetLotStateTest is World {
    uint64 private constant REGULATOR = 10 ** 13 + 3;
    uint64 private constant OTHER_REGULATOR = 10 ** 13 + 4;

    function setUp() public override {
        super.setUp();
        land(registerParty(partyArgs(REGULATOR, 32, 1, 0, 0, 0)));
        land(registerParty(partyArgs(OTHER_REGULATOR, 32, 1, 0, 0, 0)));
        land(bindLot(BATCH, lotArgs(0, 0, "lot", 0), 0));
    }

    function testFuzz_RevertGiven_TheLotIsUnknown(uint32 lot, uint8 state) external {
        vm.assume(lot != 1);
        refused(setLotState(lot, BRAND, state), abi.encodeWithSelector(ITypes.UnknownLot.selector, lot));
    }

    function testFuzz_RevertWhen_TheActorIsNeitherItsBrandNorARegulator(uint8 who, bool recalled) external {
        uint64 actor = who % 3 == 0 ? RIVAL : who % 3 == 1 ? STORE : OPERATOR;
        if (recalled) land(setLotState(1, BRAND, 2));
        refused(setLotState(1, actor, recalled ? 1 : 2), abi.encodeWithSelector(ITypes.ForeignLot.selector, 1, actor));
    }

    function testFuzz_RevertWhen_TheStateIsNoneOrTheLotsAlready(uint8 state) external {
        if (state != 2) refused(setLotState(1, BRAND, state), abi.encodeWithSelector(ITypes.BadLotState.selector, state));
        land(setLotState(1, BRAND, 2));
        refused(setLotState(1, BRAND, 2), abi.encodeWithSelector(ITypes.BadLotState.selector, 2));
        if (state != 2 && state != 1) refused(setLotState(1, BRAND, state), abi.encodeWithSelector(ITypes.BadLotState.selector, state));
        land(setLotState(1, REGULATOR, 2)); // takes it over
        refused(setLotState(1, REGULATOR, 2), abi.encodeWithSelector(ITypes.BadLotState.selector, 2));
        refused(setLotState(1, BRAND, 2), abi.encodeWithSelector(ITypes.BadLotState.selector, 2));
    }

    function testFuzz_RevertWhen_AnotherRecalledItLast(bool taken) external {
        if (taken) land(setLotState(1, BRAND, 2));
        land(setLotState(1, REGULATOR, 2));
        refused(setLotState(1, BRAND, 1), abi.encodeWithSelector(ITypes.ForeignLot.selector, 1, BRAND));
        land(setLotState(1, OTHER_REGULATOR, 2));
        refused(setLotState(1, REGULATOR, 1), abi.encodeWithSelector(ITypes.ForeignLot.selector, 1, REGULATOR));
        land(setLotState(1, OTHER_REGULATOR, 1));
    }

    function testFuzz_RevertWhen_ItIsOverAnOlderHead(bool regulator) external {
        bytes memory older = setLotState(1, regulator ? REGULATOR : BRAND, 2);
        land(setLotState(1, BRAND, 2));
        land(setLotState(1, BRAND, 1));
        refused(older, abi.encodeWithSelector(ITypes.StaleHead.selector, lotSubject(1).id));
    }

    function testFuzz_WhenAllIsRight(bool regulator, uint32 later) external {
        uint64 actor = regulator ? REGULATOR : BRAND;
        vm.warp(block.timestamp + later);
        Subject memory before = lotSubject(1);
        ITypes.SetLotStateArgs memory args = ITypes.SetLotStateArgs(actor, 2, DOCUMENT);
        recorded(setLotState(1, actor, 2), before, actor, ITypes.LotStateSet.selector, bytes32(uint256(1)), abi.encode(args));
        ITypes.Lot memory l = lotNow(1);
        vm.assertEq(l.status, 2, "recalled");
        vm.assertEq(l.setBy, actor, "by");
        vm.assertEq(l.seq, 1, "seq");
        vm.assertEq(l.head, headAfter(before, 21, actor, 0, _hash(Types.SET_LOT_STATE, abi.encode(args)), DOCUMENT), "head");
        land(setLotState(1, actor, 1));
        vm.assertEq(lotNow(1).status, 1, "released");
        vm.assertEq(lotNow(1).setBy, 0, "by nobody");
    }

    function testFuzz_RevertGiven_TheLotIsRecalled(bytes32 epc) external {
        ITypes.PackArgs memory args = packArgs(BRAND, epc, items(2, epc));
        args.lot = 1;
        land(setLotState(1, REGULATOR, 2));
        refused(pack(args, new bytes32[][](0)), abi.encodeWithSelector(ITypes.LotRecalled.selector, 1));
        land(setLotState(1, REGULATOR, 1));
        land(pack(args, new bytes32[][](0)));
    }
}
