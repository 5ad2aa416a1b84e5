// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ILedger, ITypes} from "../src/ILedger.sol";
import {Types} from "./support/Types.sol";
import {Vm} from "./support/Vm.sol";
import {World} from "./support/World.sol";

/// @notice sealLedger.tree
contract SealLedgerTest is World {
    function testFuzz_RevertWhen_ThereIsNoQuorum(uint8 any) external {
        uint256 given = between(any, 0, THRESHOLD - 1);
        refused(sealLedger(_args(), first(given)), abi.encodeWithSelector(ITypes.QuorumMissing.selector, given, THRESHOLD));
    }

    function testFuzz_RevertWhen_TheSuccessorIsZero(uint256 chainId) external {
        refused(sealLedger(ITypes.SealLedgerArgs(chainId, address(0), DOCUMENT)), abi.encodeWithSelector(ITypes.ZeroAddress.selector));
    }

    function testFuzz_RevertGiven_TheLedgerIsSealed(uint256 chainId, address successor) external {
        vm.assume(successor != address(0));
        bytes32 unit = packed(BRAND, "unit", 2);
        bytes[6] memory calls = [
            ship(unit, BRAND, STORE),
            shipList(listOf(_only(unit)), BRAND, STORE),
            cancel(BRAND),
            updateParty(ITypes.UpdatePartyArgs(STORE, 4, 0, 0, 0, DOCUMENT)),
            bindLot(BATCH, lotArgs(0, 0, "lot", 0), 0),
            anchorScanLog(ITypes.AnchorScanLogArgs(OPERATOR, 1, "log", "map"))
        ];
        ITypes.SealLedgerArgs memory args = ITypes.SealLedgerArgs(chainId, successor, DOCUMENT);
        Subject memory before = registrySubject();
        bytes memory again = sealLedger(args);
        vm.recordLogs();
        land(again);
        Vm.Log memory log = vm.getRecordedLogs()[0];
        address[] memory signers = addressesOf(first(THRESHOLD));
        vm.assertEq(log.topics[0], ITypes.LedgerSealed.selector, "event");
        vm.assertEq(log.data, abi.encode((uint256(before.seq + 1) << 168) | uint160(signers[0]), args, signers), "event's data");
        ITypes.Registry memory r = registryNow();
        vm.assertEq(r.open, 0, "sealed");
        vm.assertEq(r.successorChain, chainId, "successor's chain");
        vm.assertEq(r.successor, successor, "successor");
        bytes32 hash = _hash(Types.SEAL_LEDGER, abi.encode(args));
        vm.assertEq(r.head, keccak256(abi.encode(before.head, before.seq + 1, 9, 0, 0, hash, DOCUMENT, signers[0], 0, block.timestamp)), "head");
        bytes memory error = abi.encodeWithSelector(ITypes.LedgerClosed.selector);
        for (uint256 i; i < calls.length; ++i) refused(calls[i], error);
        refused(again, error);
    }

    function testFuzz_RevertGiven_TheRegistrarIsCalledAtItsOwnAddress(bool ruling) external {
        address registrar = address(uint160(uint256(keccak256(abi.encodePacked(bytes2(0xd694), address(ledger), bytes1(0x01))))));
        vm.assertTrue(registrar.code.length != 0, "made by the ledger");
        bytes memory call = ruling ? updateParty(ITypes.UpdatePartyArgs(STORE, 4, 0, 0, 0, DOCUMENT)) : openEpoch(ITypes.OpenEpochArgs(BRAND, 0, "epoch", DOCUMENT));
        if (!ruling) {
            // Signed over a party with no history: as the registrar's own, empty storage has it.
            Subject memory s = subjectOf("party", bytes32(uint256(BRAND)), 0, 0);
            ITypes.OpenEpochArgs memory args = ITypes.OpenEpochArgs(BRAND, 0, "epoch", DOCUMENT);
            call = abi.encodeCall(ledger.openEpoch, (args, _auth(s, BRAND, "OpenEpoch", Types.OPEN_EPOCH, abi.encode(args))));
        }
        (bool ok, bytes memory out) = registrar.call(call);
        vm.assertTrue(!ok, "landed past the ledger");
        vm.assertEq(out, abi.encodeWithSelector(ITypes.LedgerClosed.selector), "closed");
    }

    function testFuzz_GivenTheLedgerIsBeingDeployedWithAPredecessor(uint256 chainId, address before, uint64 number, bytes32 hash) external {
        predecessor = ITypes.Link(chainId, before, number, hash);
        ledger = ILedger(deploy(adminKeys(), THRESHOLD));
        vm.assertEq(abi.encode(predecessorNow()), abi.encode(predecessor), "chain, contract and last block");
    }

    function _only(bytes32 unit) private pure returns (bytes32[] memory list) {
        list = new bytes32[](1);
        list[0] = unit;
    }

    function _args() private pure returns (ITypes.SealLedgerArgs memory) {
        return ITypes.SealLedgerArgs(1, address(1), DOCUMENT);
    }
}
