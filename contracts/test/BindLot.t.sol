// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ITypes} from "../src/ILedger.sol";
import {Types} from "./support/Types.sol";
import {Vm} from "./support/Vm.sol";
import {World} from "./support/World.sol";

/// @notice bindLot.tree
contract BindLotTest is World {
    function testFuzz_RevertGiven_TheBatchsBrandIsNoBrandAnyMore(uint32 any) external {
        noBrandAnyMore();
        refused(bindLot(BATCH, lotArgs(0, any, "lot", 0), 0), abi.encodeWithSelector(ITypes.RoleMissing.selector, BRAND, 1));
    }

    function testFuzz_RevertGiven_TheBatchHasNoRoot(bytes32 lot) external {
        land(reserveBatch(ITypes.ReserveBatchArgs(BRAND, GTIN, 0, DOCUMENT)));
        refused(bindLot(3, lotArgs(0, 1, lot, 0), 0), abi.encodeWithSelector(ITypes.NotCommissioned.selector, 3));
        refused(bindLot(3, lotArgs(0, 0, lot, 0), 0), abi.encodeWithSelector(ITypes.NotCommissioned.selector, 3));
    }

    function testFuzz_RevertWhen_TheLotIsZero(uint8 market) external {
        refused(bindLot(BATCH, lotArgs(0, 1, 0, market), 0), abi.encodeWithSelector(ITypes.ZeroRoot.selector));
    }

    function testFuzz_RevertWhen_ADateIsBeyondUint40(uint64 time) external {
        time = uint64(between(time, uint64(type(uint40).max) + 1, type(uint64).max));
        ITypes.BindLotArgs memory args = lotArgs(0, 1, "lot", 0);
        (args.expiry, args.bestBefore) = (time, 0);
        refused(bindLot(BATCH, args, 0), abi.encodeWithSelector(ITypes.BadTime.selector, time));
        (args.expiry, args.bestBefore) = (0, time);
        refused(bindLot(BATCH, args, 0), abi.encodeWithSelector(ITypes.BadTime.selector, time));
        (args.expiry, args.bestBefore) = (type(uint40).max, type(uint40).max);
        land(bindLot(BATCH, args, 0));
    }

    function testFuzz_GivenTheLotIsNotOpen(bytes32 lot, uint40 expiry, uint40 bestBefore, uint8 market) external {
        vm.assume(lot != 0);
        ITypes.BindLotArgs memory args = ITypes.BindLotArgs(BRAND, 7, 7, lot, expiry, bestBefore, market, DOCUMENT);
        vm.recordLogs();
        Subject memory before = batchSubject(BATCH);
        land(bindLot(BATCH, args, 0));
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.assertEq(logs[0].topics[0], ITypes.LotOpened.selector, "event of the lot");
        vm.assertEq(logs[0].topics[1], bytes32(uint256(1)), "its number");
        vm.assertEq(logs[0].topics[2], lot, "its id");
        vm.assertEq(logs[1].topics[0], ITypes.LotBound.selector, "event");
        vm.assertEq(logs[1].data, bytes.concat(abi.encode(by(before.seq + 1, BRAND)), abi.encode(args)), "event's data");
        vm.assertEq(batchNow(BATCH).head, headAfter(before, 20, BRAND, 0, vm.eip712HashStruct(Types.BIND_LOT, abi.encode(args)), DOCUMENT), "head");

        ITypes.Lot memory l = lotNow(1);
        vm.assertEq(l.id, lot, "id");
        vm.assertEq(l.gtin, GTIN, "GTIN");
        vm.assertEq(l.brand, BRAND, "brand");
        vm.assertEq(l.expiry, expiry, "expiry");
        vm.assertEq(l.bestBefore, bestBefore, "best before");
        vm.assertEq(l.market, market, "market");
        vm.assertEq(l.status, 1, "released");
        vm.assertEq(batchNow(BATCH).firstRun, 0, "no codes bound");
        land(bindLot(BATCH, args, 0));
        vm.assertEq(registryNow().lots, 1, "opened once");
    }

    function testFuzz_GivenAnotherBrandOpenedALotOfTheSameId(bytes32 lot, uint8 market) external {
        vm.assume(lot != 0);
        ITypes.BindLotArgs memory args = lotArgs(0, 1, lot, market);
        args.actor = RIVAL;
        land(bindLot(2, args, 0));
        args.actor = BRAND;
        args.expiry += 1;
        land(bindLot(BATCH, args, 0));
        vm.assertEq(lotNow(1).brand, RIVAL, "the rival's");
        vm.assertEq(lotNow(2).brand, BRAND, "the brand's own");
    }

    function testFuzz_RevertWhen_ExpiryBestBeforeOrMarketDiffer(uint40 expiry, uint40 bestBefore, uint8 market) external {
        land(bindLot(BATCH, lotArgs(0, 1, "lot", MARKET), 0));
        bytes memory error = abi.encodeWithSelector(ITypes.LotDiffers.selector, bytes32("lot"));
        ITypes.BindLotArgs memory args = lotArgs(1, 2, "lot", MARKET);
        args.expiry = expiry;
        if (expiry != 1_900_000_000) refused(bindLot(BATCH, args, 1), error);
        args = lotArgs(1, 2, "lot", MARKET);
        args.bestBefore = bestBefore;
        if (bestBefore != 0) refused(bindLot(BATCH, args, 1), error);
        if (market != MARKET) refused(bindLot(BATCH, lotArgs(1, 2, "lot", market), 1), error);
    }

    function testFuzz_RevertGiven_TheCodesHaveALot(uint32 any, bool same) external {
        land(bindLot(BATCH, lotArgs(10, 20, "lot", MARKET), 0));
        uint32 from = uint32(between(any, 10, 19));
        bytes32 lot = same ? bytes32("lot") : bytes32("another");
        refused(bindLot(BATCH, lotArgs(from, 20, lot, MARKET), 11), abi.encodeWithSelector(ITypes.LotAlreadyBound.selector, from, 1));
        (uint32 hint,) = placeOf(BATCH, 10, COUNT);
        land(activate(BATCH, ITypes.ActivateArgs(BRAND, 10, from + 1, 5, DOCUMENT), hint));
        vm.assertEq(runNow(BATCH, 10).lot, 1, "activating keeps the lot");
    }

    function testFuzz_GivenTheCodesHaveNone(uint32 any, uint40 activeFrom) external {
        land(activate(BATCH, ITypes.ActivateArgs(BRAND, 10, 20, activeFrom, DOCUMENT), 0));
        uint32 from = uint32(between(any, 10, 18));
        land(bindLot(BATCH, lotArgs(from, 19, "lot", MARKET), 11));
        ITypes.Run memory run = runNow(BATCH, from);
        vm.assertEq(run.lot, 1, "lot");
        vm.assertEq(run.to, 19, "to");
        vm.assertEq(run.activeFrom, activeFrom, "active from");
        vm.assertEq(runNow(BATCH, 19).activeFrom, activeFrom, "the rest's, too");
        vm.assertEq(runNow(BATCH, 19).lot, 0, "the rest has none");
    }
}
