// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {State} from "../../src/State.sol";

/// @notice The ledger's storage with getters. The tests run its code on the ledger's storage.
contract Peek is State {
    function registry_() external view returns (Registry memory) {
        return registry;
    }

    function predecessor_() external view returns (Link memory) {
        return predecessor;
    }

    function scanLog_() external view returns (ScanLog memory) {
        return scanLog;
    }

    function admin(uint32 era, address account) external view returns (bool) {
        return admins[era][account];
    }

    function party(uint64 id) external view returns (Party memory) {
        return parties[id];
    }

    function epoch(uint64 id, uint8 number) external view returns (bytes32) {
        return epochs[id][number];
    }

    function device(uint64 id, address account, address key) external view returns (Delegate memory) {
        return delegates[id][account][key];
    }

    function batch(uint64 number) external view returns (Batch memory) {
        return batches[number];
    }

    function run(uint64 number, uint32 first) external view returns (Run memory) {
        return runs[number][first];
    }

    function lot(uint32 number) external view returns (Lot memory) {
        return lots[number];
    }

    function unit(bytes32 id) external view returns (Unit memory) {
        return units[id];
    }

    function report(bytes32 id, uint32 seq) external view returns (Exception memory) {
        return exceptions[id][seq];
    }

    function item(bytes32 leaf) external view returns (Item memory) {
        return items[leaf];
    }

    function claim(uint64 number, uint32 index) external view returns (Claim memory) {
        return claims[number][index];
    }
}
