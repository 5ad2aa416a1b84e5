// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

/// @notice A verb being carried out: the link that it adds to its subject's history.
/// @dev A pointer to the link's ten words as they are hashed: head, seq, verb, actor, counterparty, argsHash,
/// eventHash, signer, keyMode, time. `head` and `seq` are the subject's before the verb, and after `record`
/// those after it. Not a struct, which Solidity would fill with zeros first.
type Act is uint256;

using {head, seq, actor, by, signedBy, on, record} for Act global;

/// @notice An act on a subject whose newest head and seq are these.
function begin(bytes32 head_, uint256 seq_, uint256 verb, bytes32 argsHash) pure returns (Act act) {
    assembly ("memory-safe") {
        act := mload(0x40)
        mstore(0x40, add(act, 320))
        mstore(act, head_)
        mstore(add(act, 32), seq_)
        mstore(add(act, 64), verb)
        mstore(add(act, 160), argsHash)
    }
}

/// @notice Who acts, by whose key, held how; the time is the block's.
function signedBy(Act act, uint256 actor_, address signer, uint256 keyMode) view {
    assembly ("memory-safe") {
        mstore(add(act, 96), actor_)
        mstore(add(act, 224), signer)
        mstore(add(act, 256), keyMode)
        mstore(add(act, 288), timestamp())
    }
}

/// @notice Go on to another subject, or to another verb on the same, under the same signature.
function on(Act act, bytes32 head_, uint256 seq_, uint256 verb, bytes32 argsHash) pure {
    assembly ("memory-safe") {
        mstore(act, head_)
        mstore(add(act, 32), seq_)
        mstore(add(act, 64), verb)
        mstore(add(act, 160), argsHash)
    }
}

/// @notice Extend the history by this act.
function record(Act act, uint256 counterparty, bytes32 eventHash) pure {
    assembly ("memory-safe") {
        mstore(add(act, 32), add(mload(add(act, 32)), 1)) // of 32 bits in storage
        mstore(add(act, 128), counterparty)
        mstore(add(act, 192), eventHash)
        mstore(act, keccak256(act, 320))
    }
}

function head(Act act) pure returns (bytes32 h) {
    assembly ("memory-safe") {
        h := mload(act)
    }
}

function seq(Act act) pure returns (uint256 n) {
    assembly ("memory-safe") {
        n := mload(add(act, 32))
    }
}

function actor(Act act) pure returns (uint256 party) {
    assembly ("memory-safe") {
        party := mload(add(act, 96))
    }
}

/// @notice The word `by` of the event that records this act.
function by(Act act) pure returns (uint256 word) {
    assembly ("memory-safe") {
        word := or(or(shl(168, mload(add(act, 32))), shl(160, mload(add(act, 256)))), mload(add(act, 224)))
    }
}
