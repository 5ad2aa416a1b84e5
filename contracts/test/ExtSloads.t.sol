// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {World} from "./support/World.sol";

/// @notice extSloads.tree
contract ExtSloadsTest is World {
    function testFuzz_ItShouldReturnRawWords(bytes32[] memory slots) external view {
        for (uint256 i; i < slots.length; i += 2) slots[i] = bytes32(uint256(slots[i]) % 8);
        bytes32[] memory words = ledger.extSloads(slots);
        vm.assertEq(words.length, slots.length, "one for each");
        for (uint256 i; i < slots.length; ++i) vm.assertEq(words[i], vm.load(address(ledger), slots[i]), "a word");
    }
}
