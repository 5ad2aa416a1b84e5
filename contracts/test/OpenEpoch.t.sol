// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ITypes} from "../src/ILedger.sol";
import {Types} from "./support/Types.sol";
import {World} from "./support/World.sol";

/// @notice openEpoch.tree
contract OpenEpochTest is World {
    function testFuzz_RevertGiven_TheActorIsNoBrand(uint8 epoch, bool operator) external {
        uint64 actor = operator ? OPERATOR : STORE;
        refused(_open(actor, epoch, "commitment"), abi.encodeWithSelector(ITypes.RoleMissing.selector, actor, 1));
    }

    function testFuzz_RevertWhen_TheEpochIsOver31(uint8 epoch) external {
        epoch = uint8(between(epoch, 32, 255));
        refused(_open(BRAND, epoch, "commitment"), abi.encodeWithSelector(ITypes.BadEpoch.selector, epoch));
        refused(_open(BRAND, 32, "commitment"), abi.encodeWithSelector(ITypes.BadEpoch.selector, 32));
        land(_open(BRAND, 31, "commitment"));
    }

    function testFuzz_RevertWhen_TheCommitmentIsEmpty(uint8 epoch) external {
        refused(_open(BRAND, uint8(between(epoch, 1, 31)), 0), abi.encodeWithSelector(ITypes.ZeroRoot.selector));
    }

    function testFuzz_RevertGiven_TheEpochIsOpen(uint8 epoch, bytes32 commitment) external {
        vm.assume(commitment != 0);
        epoch = uint8(between(epoch, 1, 31));
        land(_open(BRAND, epoch, "first"));
        refused(_open(BRAND, epoch, commitment), abi.encodeWithSelector(ITypes.EpochExists.selector, epoch));
    }

    function testFuzz_GivenTheEpochIsNotOpen(uint8 epoch, bytes32 commitment) external {
        vm.assume(commitment != 0);
        epoch = uint8(between(epoch, 1, 31));
        Subject memory before = partySubject(BRAND);
        ITypes.OpenEpochArgs memory args = ITypes.OpenEpochArgs(BRAND, epoch, commitment, DOCUMENT);
        recorded(openEpoch(args), before, BRAND, ITypes.EpochOpened.selector, bytes32(uint256(BRAND)), abi.encode(args));
        vm.assertEq(epochNow(BRAND, epoch), commitment, "commitment");
        vm.assertEq(epochNow(RIVAL, epoch), 0, "nobody else's");
        bytes32 hash = vm.eip712HashStruct(Types.OPEN_EPOCH, abi.encode(args));
        vm.assertEq(partyNow(BRAND).head, headAfter(before, 6, BRAND, 0, hash, DOCUMENT), "head");
        vm.assertEq(partyNow(BRAND).seq, before.seq + 1, "seq");
        land(_open(RIVAL, epoch, commitment));
    }

    function _open(uint64 actor, uint8 epoch, bytes32 commitment) private returns (bytes memory) {
        return openEpoch(ITypes.OpenEpochArgs(actor, epoch, commitment, DOCUMENT));
    }
}
