// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {World} from "./support/World.sol";

/// @notice brandOf.tree
contract BrandOfTest is World {
    /// forge-config: deep.fuzz.runs = 10000
    function testFuzz_ItShouldNameTheOwnerOfTheLongestPrefix(uint64 gtin) external view {
        uint64 digits = gtin % 10 ** 13; // after the indicator, with the check digit
        uint64 expected = digits / 10 ** 6 == 4006381 ? BRAND : digits / 10 ** 4 == 950110153 ? RIVAL : 0;
        vm.assertEq(ledger.brandOf(gtin), expected, "owner");
        vm.assertEq(ledger.brandOf(4006 * 10 ** 9 + digits % 10 ** 8), 0, "nobody's, though the brand's is of the same four digits");
        vm.assertEq(ledger.brandOf(gtin / 10 ** 13 % 10 ** 4 * 10 ** 13 + 4006381 * 10 ** 6 + digits % 10 ** 6), BRAND, "the brand's");
        vm.assertEq(ledger.brandOf(gtin / 10 ** 13 % 10 ** 4 * 10 ** 13 + 950110153 * 10 ** 4 + digits % 10 ** 4), RIVAL, "the rival's");
    }
}
