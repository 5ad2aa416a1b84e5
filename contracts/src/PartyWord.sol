// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ITypes} from "./ILedger.sol";

/// @notice The first word of a Party: its key and whether it may act, read once a verb.
/// @dev The offsets are those of ITypes.Party, its first member lowest.
type PartyWord is uint256;

using {account, era, keyMode, status} for PartyWord global;

function loadParty(ITypes.Party storage party) view returns (PartyWord word) {
    assembly ("memory-safe") {
        word := sload(party.slot)
    }
}

function account(PartyWord word) pure returns (address) {
    return address(uint160(PartyWord.unwrap(word)));
}

function era(PartyWord word) pure returns (uint256) {
    return uint32(PartyWord.unwrap(word) >> 160);
}

function keyMode(PartyWord word) pure returns (uint256) {
    return uint8(PartyWord.unwrap(word) >> 208);
}

function status(PartyWord word) pure returns (uint256) {
    return uint8(PartyWord.unwrap(word) >> 216);
}
