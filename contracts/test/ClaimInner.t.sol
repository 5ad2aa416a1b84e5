// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ITypes} from "../src/ILedger.sol";
import {Types} from "./support/Types.sol";
import {World} from "./support/World.sol";

/// @notice claimInner.tree
contract ClaimInnerTest is World {
    function testFuzz_RevertGiven_TheIndexWasClaimed(uint8 index, bool operator) external {
        uint32 at = index % COUNT;
        land(_claim(BRAND, BATCH, at, innerProof(at)));
        refused(_claim(operator ? OPERATOR : BRAND, BATCH, at, innerProof(at)), abi.encodeWithSelector(ITypes.AlreadyClaimed.selector, BATCH, at));
    }

    function testFuzz_RevertWhen_TheActorIsNeitherTheBatchsBrandNorAnOperator(uint8 index, uint8 who) external {
        uint32 at = index % COUNT;
        uint64 actor = who % 3 == 0 ? RIVAL : who % 3 == 1 ? STORE : DISTRIBUTOR;
        refused(_claim(actor, BATCH, at, innerProof(at)), abi.encodeWithSelector(ITypes.RoleMissing.selector, actor, 64));
    }

    function testFuzz_RevertGiven_TheBatchIsUnknownOrTheInnerCodeIsNotOfIt(uint8 index, uint64 unknown, uint32 beyond) external {
        uint32 at = index % COUNT;
        vm.assume(unknown == 0 || unknown > 2);
        refused(_claim(OPERATOR, unknown, at, innerProof(at)), abi.encodeWithSelector(ITypes.UnknownBatch.selector, unknown));
        beyond = uint32(between(beyond, COUNT, type(uint32).max));
        refused(_claim(BRAND, BATCH, beyond, innerProof(at)), abi.encodeWithSelector(ITypes.IndexTooLarge.selector, beyond, COUNT));
        refused(_claim(BRAND, BATCH, COUNT, innerProof(at)), abi.encodeWithSelector(ITypes.IndexTooLarge.selector, COUNT, COUNT));
        refused(_claim(BRAND, BATCH, at, innerProof((at + 1) % COUNT)), abi.encodeWithSelector(ITypes.NotInTree.selector, innerLeaves()[at]));
    }

    function testFuzz_RevertWhen_ItIsSignedOverAnotherIndexOrBatch(uint8 index, uint8 other, bool subject, bool otherBatch) external {
        (uint32 at, uint32 signed) = (index % COUNT, other % COUNT);
        vm.assume(otherBatch || at != signed);
        ITypes.ClaimInnerArgs memory args = ITypes.ClaimInnerArgs(BRAND, BATCH, at, innerCode(at), salt(at), DOCUMENT);
        Subject memory over = claimSubject(BATCH, at);
        if (subject) over = otherBatch ? claimSubject(2, at) : claimSubject(BATCH, signed);
        else if (otherBatch) args.batch = 2;
        else args.index = signed;
        ITypes.Auth memory auth_ = _auth(over, BRAND, "ClaimInner", Types.CLAIM_INNER, abi.encode(args));
        (args.batch, args.index) = (BATCH, at);
        refusedAs(abi.encodeCall(ledger.claimInner, (args, innerProof(at), auth_)), ITypes.WrongSigner.selector);
    }

    function testFuzz_GivenAnotherBatchHasTheSameInnerRoot(uint8 index) external {
        uint32 at = index % COUNT;
        for (uint64 batch = 1; batch <= 2; ++batch) {
            uint64 brand = batch == 1 ? BRAND : RIVAL;
            Subject memory before = claimSubject(batch, at);
            ITypes.ClaimInnerArgs memory args = ITypes.ClaimInnerArgs(brand, batch, at, innerCode(at), salt(at), DOCUMENT);
            recorded(claimInner(args, innerProof(at)), before, brand, ITypes.InnerClaimed.selector, bytes32((uint256(batch) << 32) | at), abi.encode(args));
            vm.assertEq(claimNow(batch, at).head, headAfter(before, 50, brand, 0, _hash(Types.CLAIM_INNER, abi.encode(args)), DOCUMENT), "head");
        }
    }

    function testFuzz_WhenAllIsRight(uint8 index, bool operator, uint32 later) external {
        uint32 at = index % COUNT;
        uint64 actor = operator ? OPERATOR : BRAND;
        vm.warp(block.timestamp + later);
        ITypes.ClaimInnerArgs memory args = ITypes.ClaimInnerArgs(actor, BATCH, at, innerCode(at), salt(at), DOCUMENT);
        Subject memory before = claimSubject(BATCH, at);
        recorded(claimInner(args, innerProof(at)), before, actor, ITypes.InnerClaimed.selector, bytes32((uint256(BATCH) << 32) | at), abi.encode(args));
        bytes32 head = headAfter(before, 50, actor, 0, _hash(Types.CLAIM_INNER, abi.encode(args)), DOCUMENT);
        vm.assertEq(abi.encode(claimNow(BATCH, at)), abi.encode(actor, block.timestamp, 1, head), "who claimed it, and when");
    }

    function _claim(uint64 actor, uint64 batch, uint32 index, bytes32[] memory proof) private returns (bytes memory) {
        return claimInner(ITypes.ClaimInnerArgs(actor, batch, index, innerCode(index), salt(index), DOCUMENT), proof);
    }
}
