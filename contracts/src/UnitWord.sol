// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ITypes} from "./ILedger.sol";

/// @notice The first word of a Unit: who has it, where it goes, and what may stop it; read and written once a verb.
/// @dev The offsets are those of ITypes.Unit, its first member lowest.
type UnitWord is uint256;

using {holder, addressee, lot, seq, count, gone, state, market, level, moved, departed} for UnitWord global;

function load(ITypes.Unit storage unit) view returns (UnitWord word) {
    assembly ("memory-safe") {
        word := sload(unit.slot)
    }
}

/// @dev The word and the head, which every verb on a unit changes together.
function store(ITypes.Unit storage unit, UnitWord word, bytes32 head) {
    assembly ("memory-safe") {
        sstore(unit.slot, word)
        sstore(add(unit.slot, 1), head)
    }
}

function holder(UnitWord word) pure returns (uint256) {
    return UnitWord.unwrap(word) & type(uint48).max;
}

function addressee(UnitWord word) pure returns (uint256) {
    return (UnitWord.unwrap(word) >> 48) & type(uint48).max;
}

function lot(UnitWord word) pure returns (uint32) {
    return uint32(UnitWord.unwrap(word) >> 96);
}

function seq(UnitWord word) pure returns (uint256) {
    return uint32(UnitWord.unwrap(word) >> 128);
}

function count(UnitWord word) pure returns (uint256) {
    return uint32(UnitWord.unwrap(word) >> 160);
}

function gone(UnitWord word) pure returns (uint256) {
    return uint32(UnitWord.unwrap(word) >> 192);
}

function state(UnitWord word) pure returns (uint256) {
    return uint8(UnitWord.unwrap(word) >> 224);
}

function market(UnitWord word) pure returns (uint8) {
    return uint8(UnitWord.unwrap(word) >> 232);
}

function level(UnitWord word) pure returns (uint8) {
    return uint8(UnitWord.unwrap(word) >> 240);
}

/// @notice The word after an event: in other hands, in another state.
function moved(UnitWord word, uint256 holder_, uint256 addressee_, uint256 seq_, uint256 state_) pure returns (UnitWord) {
    uint256 rest = UnitWord.unwrap(word) & ~uint256((0xFF << 224) | (0xFFFFFFFF << 128) | type(uint96).max);
    return UnitWord.wrap(rest | (state_ << 224) | (seq_ << 128) | (addressee_ << 48) | holder_);
}

/// @notice The word after children have left; of an item, vouched for by batch `gone_`.
function departed(UnitWord word, uint256 gone_) pure returns (UnitWord) {
    return UnitWord.wrap((UnitWord.unwrap(word) & ~uint256(0xFFFFFFFF << 192)) | (gone_ << 192));
}

/// @notice The word of a unit that begins.
function fresh(uint256 count_, uint256 lot_, uint256 market_, uint256 level_) pure returns (UnitWord) {
    return UnitWord.wrap((level_ << 240) | (market_ << 232) | (count_ << 160) | (lot_ << 96));
}
