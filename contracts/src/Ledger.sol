// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {Act, begin} from "./Act.sol";
import {ICustody} from "./ILedger.sol";
import {Messages} from "./Messages.sol";
import {Registrar} from "./Registrar.sol";
import {Handoffs} from "./Handoffs.sol";
import {load} from "./UnitWord.sol";

/// @title The Touchstone ledger; see ILedger for the rules
/// @dev One silhouette for every verb: who signed, what must hold, what changes, the event. There is no foreign
/// call anywhere, so nothing can re-enter; there is no owner and no proxy: the registrar is made here, once.
contract Ledger is Handoffs {
    using Messages for *;

    uint256 internal constant MAX_PARTS = 256;
    uint256 internal constant MAX_GROUP = 8;
    uint256 internal constant PART_GAS = 300_000; // more than any verb takes, but for
    uint256 internal constant PART_GAS_PER_BYTE = 600; // what the length of its calldata makes it do

    address internal immutable REGISTRAR;
    uint256 internal immutable CHAIN_ID;
    bytes32 internal immutable DOMAIN;

    /// @param admins_ ascending, so that none is named twice
    /// @param predecessor_ the sealed ledger that this one goes on from; all 0 for none
    constructor(address[] memory admins_, uint8 threshold, Link memory predecessor_) {
        _setAdmins(0, admins_, threshold);
        registry.nextParty = FIRST_ASSIGNED_PARTY;
        registry.open = 1;
        predecessor = predecessor_;
        REGISTRAR = address(new Registrar());
        CHAIN_ID = block.chainid;
        DOMAIN = super._domain();
    }

    /// @dev All other verbs, on this contract's storage.
    fallback() external {
        address registrar = REGISTRAR;
        assembly ("memory-safe") {
            let m := mload(0x40)
            calldatacopy(m, 0, calldatasize())
            let ok := delegatecall(gas(), registrar, m, calldatasize(), 0, 0)
            returndatacopy(m, 0, returndatasize())
            if ok { return(m, returndatasize()) }
            revert(m, returndatasize())
        }
    }

    function _domain() internal view override returns (bytes32) {
        return block.chainid == CHAIN_ID ? DOMAIN : super._domain();
    }

    function extSloads(bytes32[] calldata slots) external view returns (bytes32[] memory words) {
        words = new bytes32[](slots.length);
        for (uint256 i; i < slots.length; ++i) {
            bytes32 slot = slots[i];
            bytes32 word;
            assembly ("memory-safe") {
                word := sload(slot)
            }
            words[i] = word;
        }
    }

    // ---------------------------------------------------------------------------------------- relay

    function batch(bytes calldata parts) external {
        if (parts.length == 0) revert EmptyList();
        uint256 free;
        assembly ("memory-safe") {
            free := mload(0x40)
        }
        uint256 at;
        for (uint256 i; at < parts.length; ++i) {
            if (i == MAX_PARTS) revert TooManyParts(MAX_PARTS + 1);
            (bytes calldata part, bytes4 selector, uint256 next) = _partAt(parts, at);
            if (next > parts.length) revert LengthMismatch();
            at = next;
            if (selector == ICustody.batch.selector) revert NotBatchable(selector);
            if (_passable() < _floor(part.length)) revert GasFloor(i);
            if (_self(part, free)) continue;
            bytes memory reason = _reason(free);
            if (reason.length == 0) revert EmptyRevert(i);
            emit PartFailed(i, reason);
        }
    }

    /// @return part what follows the length that stands at `at`
    /// @return selector its first four bytes
    /// @return next where the next length stands: four bytes count no further than calldata can be long
    function _partAt(bytes calldata parts, uint256 at) internal pure returns (bytes calldata part, bytes4 selector, uint256 next) {
        assembly ("memory-safe") {
            let here := add(parts.offset, at)
            part.length := shr(224, calldataload(here))
            part.offset := add(here, 4)
            selector := calldataload(part.offset)
            next := add(add(at, 4), part.length)
        }
    }

    /// @dev The gas that a call can pass on (EIP-150).
    function _passable() internal view returns (uint256) {
        unchecked {
            return (gasleft() * 63) / 64;
        }
    }

    /// @dev What a part of this many bytes must be given; no calldata is long enough to overflow it.
    function _floor(uint256 length) internal pure returns (uint256) {
        unchecked {
            return PART_GAS + PART_GAS_PER_BYTE * length;
        }
    }

    /// @dev Runs one part in this contract's own storage, in memory that is free again afterwards.
    function _self(bytes calldata part, uint256 free) internal returns (bool ok) {
        assembly ("memory-safe") {
            calldatacopy(free, part.offset, part.length)
            ok := delegatecall(gas(), address(), free, part.length, 0, 0)
        }
    }

    /// @dev Up to 128 bytes of the error that the last part ended with.
    function _reason(uint256 free) internal pure returns (bytes memory reason) {
        assembly ("memory-safe") {
            let size := returndatasize()
            if gt(size, 128) { size := 128 }
            reason := free
            mstore(reason, size)
            returndatacopy(add(reason, 32), 0, size)
            mstore(0x40, add(reason, 160))
        }
    }

    function group(
        bytes32 unit,
        uint8[] calldata verbs,
        bytes[] calldata args,
        bytes32[][][] calldata proofs,
        bytes32[][][] calldata origins,
        Auth calldata auth
    ) external {
        if (verbs.length == 0) revert EmptyList();
        if (verbs.length > MAX_GROUP) revert TooManyParts(verbs.length);
        if (verbs.length != args.length || verbs.length != proofs.length || verbs.length != origins.length) revert LengthMismatch();
        (bytes32[] memory parts, uint64 actor, uint256 mask) = _parts(unit, verbs, args);
        Unit storage s = units[unit];
        Act act = _byGroup(unit, s, parts, actor, mask, auth);
        for (uint256 i; i < verbs.length; ++i) {
            act.on(i == 0 ? act.head() : s.head, s.seq, verbs[i], parts[i]);
            if (verbs[i] == Messages.PACK) {
                _pack(unit, _packArgs(args[i]), proofs[i], act);
            } else if (verbs[i] == Messages.UNPACK) {
                _unpack(unit, _unpackArgs(args[i]), proofs[i], origins[i], act);
            } else if (verbs[i] == Messages.SHIP) {
                To calldata to = _toArgs(args[i]);
                _needAddressee(actor, to.to);
                _ship(unit, s, load(s), to.to, to, act);
            } else {
                _receive(unit, s, load(s), _fromArgs(args[i]), act);
            }
        }
    }

    function _byGroup(bytes32 unit, Unit storage s, bytes32[] memory parts, uint64 actor, uint256 verbs, Auth calldata auth) internal returns (Act act) {
        bytes32 subject = _subject("unit", 4, unit);
        (uint256 seq, uint256 era, uint256 deadline) = _terms(auth);
        if (seq != s.seq) revert StaleHead(subject);
        bytes32 head = seq == 0 ? _head0(subject) : s.head;
        act = begin(head, seq, 0, 0);
        _sign(act, actor, verbs, parts.length, era, deadline, _message(Messages.GROUP, subject, head, era, deadline, parts.hashWords()), auth);
    }

    /// @return hashes of the parts
    /// @return actor who all of them say acts
    /// @return mask bits of their verbs
    function _parts(bytes32 unit, uint8[] calldata verbs, bytes[] calldata args) internal pure returns (bytes32[] memory hashes, uint64 actor, uint256 mask) {
        hashes = new bytes32[](verbs.length);
        for (uint256 i; i < verbs.length; ++i) {
            uint64 partActor;
            (hashes[i], partActor) = _part(i, verbs[i], args[i], unit);
            if (i == 0) actor = partActor;
            if (partActor != actor) revert BadPart(i);
            mask |= 1 << verbs[i];
        }
    }

    /// @return the part's hash, and who it says acts
    function _part(uint256 i, uint8 verb, bytes calldata args, bytes32 unit) internal pure returns (bytes32, uint64) {
        if (verb == Messages.SHIP && args.length == 96) return (Messages.hashStruct(Messages.T_SHIP, _toArgs(args).at(), 3), _toArgs(args).actor);
        if (verb == Messages.RECEIVE_FROM && args.length == 96) {
            return (Messages.hashStruct(Messages.T_RECEIVE_FROM, _fromArgs(args).at(), 3), _fromArgs(args).actor);
        }
        if (verb == Messages.UNPACK) return (_unpackArgs(args).hash(), _unpackArgs(args).actor);
        // A pack further on needs no check of its own: the unit exists by then.
        if (verb == Messages.PACK) {
            PackArgs calldata pack_ = _packArgs(args);
            if (_unitId(pack_.actor, pack_.epcHash) == unit) return (pack_.hash(), pack_.actor);
        }
        revert BadPart(i);
    }

    // A part's arguments where they stand in the calldata: abi.encode of one struct, so a dynamic one
    // begins after its offset word. What they point to is bound by the calldata's end, as ever.

    function _toArgs(bytes calldata args) internal pure returns (To calldata a) {
        assembly ("memory-safe") {
            a := args.offset
        }
    }

    function _fromArgs(bytes calldata args) internal pure returns (From calldata a) {
        assembly ("memory-safe") {
            a := args.offset
        }
    }

    function _packArgs(bytes calldata args) internal pure returns (PackArgs calldata a) {
        assembly ("memory-safe") {
            a := add(args.offset, 32)
        }
    }

    function _unpackArgs(bytes calldata args) internal pure returns (UnpackArgs calldata a) {
        assembly ("memory-safe") {
            a := add(args.offset, 32)
        }
    }
}
