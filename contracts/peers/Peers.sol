// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

// What others would move goods with, as it comes from their makers; `touchstone bench gas` measures it
// beside our own handoff. A unit is a token; nothing is signed by the parties, no history is kept.

import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {ERC1155} from "@openzeppelin/contracts/token/ERC1155/ERC1155.sol";
import {ERC721A} from "erc721a/contracts/ERC721A.sol";

contract PeerERC721 is ERC721("Peer", "P") {
    function mint(address to, uint256 count) external {
        for (uint256 id; id < count; ++id) _mint(to, id);
    }

    function batchTransferFrom(address from, address to, uint256[] calldata ids) external {
        for (uint256 i; i < ids.length; ++i) transferFrom(from, to, ids[i]);
    }
}

contract PeerERC721A is ERC721A("Peer", "P") {
    function mint(address to, uint256 count) external {
        _mint(to, count);
    }

    function batchTransferFrom(address from, address to, uint256[] calldata ids) external {
        for (uint256 i; i < ids.length; ++i) transferFrom(from, to, ids[i]);
    }
}

contract PeerERC1155 is ERC1155("") {
    function mint(address to, uint256 count) external {
        for (uint256 id; id < count; ++id) _mint(to, id, 1, "");
    }
}
