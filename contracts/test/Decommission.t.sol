// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ITypes} from "../src/ILedger.sol";
import {ItemStates} from "./support/ItemStates.sol";
import {Types} from "./support/Types.sol";

/// @notice decommission.tree
contract DecommissionTest is ItemStates(48, ITypes.Decommissioned.selector, 4, 7, 6) {
    function signed(ITypes.Code memory c, ITypes.ItemArgs memory args, bytes32[] memory proof) internal override returns (bytes memory) {
        return decommission(c, args, proof);
    }

    function argsType() internal pure override returns (string memory) {
        return Types.DECOMMISSION;
    }

    function sets(uint8 state) internal pure override returns (bool) {
        return state >= 4 && state <= 7;
    }

    function setsNone() internal pure override returns (uint8[3] memory) {
        return [uint8(0), 8, 3];
    }

    function testFuzz_RevertGiven_TheItemsLifeHasEnded(uint8 index, uint8 b) external {
        uint32 at = index % COUNT;
        bytes32 item = drawn(at);
        bytes memory call = ship(item, BRAND, STORE);
        land(set(at, BRAND, BATCH, uint8(between(b, 4, 7))));
        bytes memory error = abi.encodeWithSelector(ITypes.ItemNotActive.selector, item);
        refused(call, error);
        refused(returnTo(item, BRAND, STORE), error);
        (ITypes.PackArgs memory args, bytes32[][] memory proofs) = around(BRAND, "unit", item, 2);
        refused(pack(args, proofs), error);
    }
}
