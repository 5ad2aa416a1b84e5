// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ITypes} from "../src/ILedger.sol";
import {Types} from "./support/Types.sol";
import {World} from "./support/World.sol";

/// @notice reserveBatch.tree
contract ReserveBatchTest is World {
    function testFuzz_RevertGiven_TheActorIsNoBrand(uint64 gtin, bool operator) external {
        uint64 actor = operator ? OPERATOR : STORE;
        refused(_reserve(actor, gtin, 0), abi.encodeWithSelector(ITypes.RoleMissing.selector, actor, 1));
    }

    /// forge-config: deep.fuzz.runs = 10000
    function testFuzz_RevertGiven_TheEpochIsNotOpen(uint8 epoch) external {
        vm.assume(epoch != 0);
        refused(_reserve(BRAND, GTIN, epoch), abi.encodeWithSelector(ITypes.BadEpoch.selector, epoch));
    }

    function testFuzz_RevertWhen_TheGTINIsMalformed(uint64 gtin) external {
        vm.assume(gtin == 0 || gtin >= 10 ** 14 || withCheckDigit(gtin / 10) != gtin);
        refused(_reserve(BRAND, gtin, 0), abi.encodeWithSelector(ITypes.BadGtin.selector, gtin));
        refused(_reserve(BRAND, 0, 0), abi.encodeWithSelector(ITypes.BadGtin.selector, 0));
        uint64 long = withCheckDigit(10 ** 13 + GTIN / 10); // fifteen digits, the last of them right
        refused(_reserve(BRAND, long, 0), abi.encodeWithSelector(ITypes.BadGtin.selector, long));
        uint64 wrong = GTIN / 10 * 10 + (GTIN % 10 + uint64(between(gtin, 1, 9))) % 10;
        refused(_reserve(BRAND, wrong, 0), abi.encodeWithSelector(ITypes.BadGtin.selector, wrong));
    }

    function testFuzz_RevertWhen_TheGTINIsUnderNoPrefixOfTheActor(uint64 body) external {
        uint64 gtin = withCheckDigit(uint64(between(body, 1, 10 ** 13 - 1)));
        vm.assume(ledger.brandOf(gtin) != BRAND);
        refused(_reserve(BRAND, gtin, 0), abi.encodeWithSelector(ITypes.ForeignGtin.selector, gtin, BRAND));
        refused(_reserve(BRAND, RIVAL_GTIN, 0), abi.encodeWithSelector(ITypes.ForeignGtin.selector, RIVAL_GTIN, BRAND));
        refused(_reserve(RIVAL, GTIN, 0), abi.encodeWithSelector(ITypes.ForeignGtin.selector, GTIN, RIVAL));
    }

    function testFuzz_WhenAllIsRight(uint32 article, uint8 indicator) external {
        uint64 gtin = withCheckDigit((uint64(between(indicator, 0, 9)) * 10 ** 7 + 4006381) * 10 ** 5 + uint64(between(article, 0, 99999)));
        Subject memory before = partySubject(BRAND);
        ITypes.ReserveBatchArgs memory args = ITypes.ReserveBatchArgs(BRAND, gtin, 0, DOCUMENT);
        recorded(reserveBatch(args), before, BRAND, ITypes.BatchReserved.selector, bytes32(uint256(3)), abi.encode(args));
        ITypes.Batch memory b = batchNow(3);
        vm.assertEq(b.gtin, gtin, "GTIN");
        vm.assertEq(b.brand, BRAND, "brand");
        vm.assertEq(b.status, 1, "reserved");
        vm.assertEq(b.epoch, 0, "epoch");
        bytes32 hash = vm.eip712HashStruct(Types.RESERVE_BATCH, abi.encode(args));
        vm.assertEq(partyNow(BRAND).head, headAfter(before, 16, BRAND, 0, hash, DOCUMENT), "head");
        vm.assertEq(abi.decode(land(reserveBatch(args)), (uint64)), 4, "the next number");
        vm.assertEq(registryNow().batches, 4, "drawn");
    }

    function testFuzz_WhenAllIsRight_TheBatchKeepsItsEpoch(uint8 any) external {
        uint8[2] memory epochs = [uint8(between(any, 1, 30)), 31];
        for (uint64 i; i < 2; ++i) {
            land(openEpoch(ITypes.OpenEpochArgs(BRAND, epochs[i], "commitment", DOCUMENT)));
            land(_reserve(BRAND, GTIN, epochs[i]));
            vm.assertEq(batchNow(3 + i).epoch, epochs[i], "epoch");
        }
    }

    function testFuzz_WhenAllIsRight_UntilTheLastNumberIsDrawn(uint8 before) external {
        uint64 last = 2 ** 31 - 1;
        uint256 word = uint256(vm.load(address(ledger), 0)) & ~(uint256(type(uint64).max) << 64); // the registry's
        vm.store(address(ledger), 0, bytes32(word | (uint256(last - 1 - before % 2) << 64)));
        if (before % 2 == 1) land(_reserve(BRAND, GTIN, 0));
        vm.assertEq(abi.decode(land(_reserve(BRAND, GTIN, 0)), (uint64)), last, "the last number");
        refused(_reserve(BRAND, GTIN, 0), abi.encodeWithSelector(ITypes.BatchCounterSpent.selector));
    }

    function _reserve(uint64 actor, uint64 gtin, uint8 epoch) private returns (bytes memory) {
        return reserveBatch(ITypes.ReserveBatchArgs(actor, gtin, epoch, DOCUMENT));
    }
}
