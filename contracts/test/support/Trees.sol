// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ITypes} from "../../src/ILedger.sol";

/// @notice Children and the tree over them, as OpenZeppelin's standard-v1 lays it out, unsorted.
library Trees {
    uint8 internal constant ITEM = 1;
    uint8 internal constant UNIT = 2;

    function item(uint32 position, bytes32 leafOfCode) internal pure returns (ITypes.Child memory) {
        return ITypes.Child(ITEM, position, leafOfCode, 0, 0);
    }

    function unit(uint32 position, bytes32 id, bytes32 childrenRoot, uint32 count) internal pure returns (ITypes.Child memory) {
        return ITypes.Child(UNIT, position, id, childrenRoot, count);
    }

    function leaf(ITypes.Child memory c) internal pure returns (bytes32) {
        return keccak256(bytes.concat(keccak256(abi.encode(c))));
    }

    function root(ITypes.Child[] memory children) internal pure returns (bytes32) {
        return nodes(children)[0];
    }

    function proof(ITypes.Child[] memory children, uint256 position) internal pure returns (bytes32[] memory) {
        return proof(nodes(children), position);
    }

    function proof(bytes32[] memory all, uint256 position) internal pure returns (bytes32[] memory siblings) {
        uint256 at = all.length - 1 - position;
        uint256 depth;
        for (uint256 i = at; i != 0; i = (i - 1) / 2) ++depth;
        siblings = new bytes32[](depth);
        for (uint256 i; at != 0; ++i) {
            siblings[i] = all[at % 2 == 0 ? at - 1 : at + 1];
            at = (at - 1) / 2;
        }
    }

    function proofs(ITypes.Child[] memory children, uint256[] memory positions) internal pure returns (bytes32[][] memory all) {
        all = new bytes32[][](positions.length);
        for (uint256 i; i < positions.length; ++i) all[i] = proof(children, positions[i]);
    }

    function pick(ITypes.Child[] memory children, uint256[] memory positions) internal pure returns (ITypes.Child[] memory some) {
        some = new ITypes.Child[](positions.length);
        for (uint256 i; i < positions.length; ++i) some[i] = children[positions[i]];
    }

    /// @notice The flat array: the root first, the leaves last and backwards.
    function nodes(ITypes.Child[] memory children) internal pure returns (bytes32[] memory) {
        bytes32[] memory leaves = new bytes32[](children.length);
        for (uint256 i; i < leaves.length; ++i) leaves[i] = leaf(children[i]);
        return nodes(leaves);
    }

    function nodes(bytes32[] memory leaves) internal pure returns (bytes32[] memory all) {
        uint256 n = leaves.length;
        all = new bytes32[](2 * n - 1);
        for (uint256 i; i < n; ++i) all[2 * n - 2 - i] = leaves[i];
        for (uint256 i = n - 1; i != 0; --i) all[i - 1] = pair(all[2 * i - 1], all[2 * i]);
    }

    function pair(bytes32 a, bytes32 b) internal pure returns (bytes32) {
        return a < b ? keccak256(abi.encode(a, b)) : keccak256(abi.encode(b, a));
    }
}
