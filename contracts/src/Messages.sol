// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ILedger} from "./ILedger.sol";

/// @notice EIP-712 hashes of every verb's arguments and message, and the verb numbers.
/// @dev The type strings are frozen; tests/vectors/touchstone/typed_data.json holds one row for each.
library Messages {
    // Verb numbers: one frozen table with all verbs of the design, also those built later.
    uint8 internal constant REGISTER_PARTY = 1;
    uint8 internal constant OPEN_EPOCH = 6;
    uint8 internal constant CANCEL = 7;
    uint8 internal constant RESERVE_BATCH = 16;
    uint8 internal constant COMMISSION = 17;
    uint8 internal constant ACTIVATE = 18;
    uint8 internal constant BIND_LOT = 20;
    uint8 internal constant PACK = 32;
    uint8 internal constant UNPACK = 33;
    uint8 internal constant SHIP = 34;
    uint8 internal constant RECEIVE_FROM = 35;
    uint8 internal constant PACKED_INTO = 38;
    uint8 internal constant UNPACKED_FROM = 39;
    uint8 internal constant ANCHOR_SCAN_LOG = 64;


    bytes32 internal constant DOMAIN_TYPE = keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 internal constant GROUP = keccak256("Group(bytes32 subject,bytes32 head,uint64 era,uint64 deadline,bytes32[] parts)");

    bytes32 internal constant REGISTER_PARTY_MSG = keccak256(
        "RegisterParty(bytes32 subject,bytes32 head,uint64 era,uint64 deadline,"
        "RegisterPartyArgs args)"
        "RegisterPartyArgs(uint64 party,address account,uint8 keyMode,uint16 roles,uint256 markets,uint64 prefix,uint8 prefixLength,bytes32 eventHash)"
    );
    bytes32 internal constant OPEN_EPOCH_MSG = keccak256(
        "OpenEpoch(bytes32 subject,bytes32 head,uint64 era,uint64 deadline,"
        "OpenEpochArgs args)"
        "OpenEpochArgs(uint64 actor,uint8 epoch,bytes32 commitment,bytes32 eventHash)"
    );
    bytes32 internal constant CANCEL_MSG = keccak256(
        "Cancel(bytes32 subject,bytes32 head,uint64 era,uint64 deadline,"
        "CancelArgs args)"
        "CancelArgs(uint64 actor)"
    );
    bytes32 internal constant RESERVE_BATCH_MSG = keccak256(
        "ReserveBatch(bytes32 subject,bytes32 head,uint64 era,uint64 deadline,"
        "ReserveBatchArgs args)"
        "ReserveBatchArgs(uint64 actor,uint64 gtin,uint8 epoch,bytes32 eventHash)"
    );
    bytes32 internal constant COMMISSION_MSG = keccak256(
        "Commission(bytes32 subject,bytes32 head,uint64 era,uint64 deadline,"
        "CommissionArgs args)"
        "CommissionArgs(uint64 actor,bytes32 root,bytes32 innerRoot,uint32 count,bytes32 eventHash)"
    );
    bytes32 internal constant ACTIVATE_MSG = keccak256(
        "Activate(bytes32 subject,bytes32 head,uint64 era,uint64 deadline,"
        "ActivateArgs args)"
        "ActivateArgs(uint64 actor,uint32 from,uint32 to,uint64 activeFrom,bytes32 eventHash)"
    );
    bytes32 internal constant BIND_LOT_MSG = keccak256(
        "BindLot(bytes32 subject,bytes32 head,uint64 era,uint64 deadline,"
        "BindLotArgs args)"
        "BindLotArgs(uint64 actor,uint32 from,uint32 to,bytes32 lot,uint64 expiry,uint64 bestBefore,uint8 market,bytes32 eventHash)"
    );
    bytes32 internal constant PACK_MSG = keccak256(
        "Pack(bytes32 subject,bytes32 head,uint64 era,uint64 deadline,"
        "PackArgs args)"
        "Child(uint8 kind,uint32 position,bytes32 child,bytes32 childrenRoot,uint32 count)"
        "PackArgs(uint64 actor,bytes32 epcHash,bytes32 childrenRoot,uint32 count,uint8 level,uint32 lot,Child[] slotted,bytes32 eventHash)"
    );
    bytes32 internal constant UNPACK_MSG = keccak256(
        "Unpack(bytes32 subject,bytes32 head,uint64 era,uint64 deadline,"
        "UnpackArgs args)"
        "Child(uint8 kind,uint32 position,bytes32 child,bytes32 childrenRoot,uint32 count)"
        "UnpackArgs(uint64 actor,Child[] children,bytes32 eventHash)"
    );
    bytes32 internal constant SHIP_MSG = keccak256(
        "Ship(bytes32 subject,bytes32 head,uint64 era,uint64 deadline,"
        "ShipArgs args)"
        "ShipArgs(uint64 actor,uint64 to,bytes32 eventHash)"
    );
    bytes32 internal constant SHIP_LIST_MSG = keccak256(
        "ShipList(bytes32[] units,bytes32[] heads,bool skipStale,uint64 era,uint64 deadline,"
        "ShipArgs args)"
        "ShipArgs(uint64 actor,uint64 to,bytes32 eventHash)"
    );
    bytes32 internal constant RECEIVE_FROM_MSG = keccak256(
        "ReceiveFrom(bytes32 subject,bytes32 head,uint64 era,uint64 deadline,"
        "ReceiveFromArgs args)"
        "ReceiveFromArgs(uint64 actor,uint64 from,bytes32 eventHash)"
    );
    bytes32 internal constant RECEIVE_LIST_MSG = keccak256(
        "ReceiveFromList(bytes32[] units,bytes32[] heads,bool skipStale,uint64 era,uint64 deadline,"
        "ReceiveFromArgs args)"
        "ReceiveFromArgs(uint64 actor,uint64 from,bytes32 eventHash)"
    );
    bytes32 internal constant ANCHOR_SCAN_LOG_MSG = keccak256(
        "AnchorScanLog(bytes32 subject,bytes32 head,uint64 era,uint64 deadline,"
        "AnchorScanLogArgs args)"
        "AnchorScanLogArgs(uint64 actor,uint64 size,bytes32 logRoot,bytes32 mapRoot)"
    );

    bytes32 private constant T_REGISTER_PARTY = keccak256("RegisterPartyArgs(uint64 party,address account,uint8 keyMode,uint16 roles,uint256 markets,uint64 prefix,uint8 prefixLength,bytes32 eventHash)");
    bytes32 private constant T_OPEN_EPOCH = keccak256("OpenEpochArgs(uint64 actor,uint8 epoch,bytes32 commitment,bytes32 eventHash)");
    bytes32 private constant T_CANCEL = keccak256("CancelArgs(uint64 actor)");
    bytes32 private constant T_RESERVE_BATCH = keccak256("ReserveBatchArgs(uint64 actor,uint64 gtin,uint8 epoch,bytes32 eventHash)");
    bytes32 private constant T_COMMISSION = keccak256("CommissionArgs(uint64 actor,bytes32 root,bytes32 innerRoot,uint32 count,bytes32 eventHash)");
    bytes32 private constant T_ACTIVATE = keccak256("ActivateArgs(uint64 actor,uint32 from,uint32 to,uint64 activeFrom,bytes32 eventHash)");
    bytes32 private constant T_BIND_LOT = keccak256("BindLotArgs(uint64 actor,uint32 from,uint32 to,bytes32 lot,uint64 expiry,uint64 bestBefore,uint8 market,bytes32 eventHash)");
    bytes32 private constant T_CHILD = keccak256("Child(uint8 kind,uint32 position,bytes32 child,bytes32 childrenRoot,uint32 count)");
    bytes32 private constant T_PACK = keccak256(
        "PackArgs(uint64 actor,bytes32 epcHash,bytes32 childrenRoot,uint32 count,uint8 level,uint32 lot,Child[] slotted,bytes32 eventHash)"
        "Child(uint8 kind,uint32 position,bytes32 child,bytes32 childrenRoot,uint32 count)"
    );
    bytes32 private constant T_UNPACK = keccak256(
        "UnpackArgs(uint64 actor,Child[] children,bytes32 eventHash)"
        "Child(uint8 kind,uint32 position,bytes32 child,bytes32 childrenRoot,uint32 count)"
    );
    bytes32 private constant T_SHIP = keccak256("ShipArgs(uint64 actor,uint64 to,bytes32 eventHash)");
    bytes32 private constant T_RECEIVE_FROM = keccak256("ReceiveFromArgs(uint64 actor,uint64 from,bytes32 eventHash)");
    bytes32 private constant T_ANCHOR_SCAN_LOG = keccak256("AnchorScanLogArgs(uint64 actor,uint64 size,bytes32 logRoot,bytes32 mapRoot)");
    bytes32 private constant T_PACKED_INTO = keccak256("PackedIntoArgs(bytes32 parent,uint64 parentSeq)");
    bytes32 private constant T_UNPACKED_FROM = keccak256("UnpackedFromArgs(bytes32 parent,uint64 parentSeq,bytes32 parentHead,uint32 position)");

    /// @dev hashStruct of arguments that are all static: their ABI words are what EIP-712 hashes.
    function hashStruct(bytes32 typeHash, uint256 at, uint256 words) internal pure returns (bytes32 h) {
        assembly ("memory-safe") {
            let m := mload(0x40)
            mstore(m, typeHash)
            calldatacopy(add(m, 32), at, mul(words, 32))
            h := keccak256(m, mul(add(words, 1), 32))
        }
    }

    function hash(ILedger.RegisterPartyArgs calldata a) internal pure returns (bytes32) {
        return hashStruct(T_REGISTER_PARTY, at(a), 8);
    }

    function hash(ILedger.OpenEpochArgs calldata a) internal pure returns (bytes32) {
        return hashStruct(T_OPEN_EPOCH, at(a), 4);
    }

    function hash(ILedger.CancelArgs calldata a) internal pure returns (bytes32) {
        return hashStruct(T_CANCEL, at(a), 1);
    }

    function hash(ILedger.ReserveBatchArgs calldata a) internal pure returns (bytes32) {
        return hashStruct(T_RESERVE_BATCH, at(a), 4);
    }

    function hash(ILedger.CommissionArgs calldata a) internal pure returns (bytes32) {
        return hashStruct(T_COMMISSION, at(a), 5);
    }

    function hash(ILedger.ActivateArgs calldata a) internal pure returns (bytes32) {
        return hashStruct(T_ACTIVATE, at(a), 5);
    }

    function hash(ILedger.BindLotArgs calldata a) internal pure returns (bytes32) {
        return hashStruct(T_BIND_LOT, at(a), 8);
    }

    function hash(ILedger.ShipArgs calldata a) internal pure returns (bytes32) {
        return hashStruct(T_SHIP, at(a), 3);
    }

    function hash(ILedger.ReceiveFromArgs calldata a) internal pure returns (bytes32) {
        return hashStruct(T_RECEIVE_FROM, at(a), 3);
    }

    function hash(ILedger.AnchorScanLogArgs calldata a) internal pure returns (bytes32) {
        return hashStruct(T_ANCHOR_SCAN_LOG, at(a), 4);
    }

    function hash(ILedger.PackArgs calldata a) internal pure returns (bytes32) {
        return keccak256(abi.encode(T_PACK, a.actor, a.epcHash, a.childrenRoot, a.count, a.level, a.lot, hash(a.slotted), a.eventHash));
    }

    function hash(ILedger.UnpackArgs calldata a) internal pure returns (bytes32) {
        return keccak256(abi.encode(T_UNPACK, a.actor, hash(a.children), a.eventHash));
    }

    function hash(ILedger.Child[] calldata children) internal pure returns (bytes32) {
        bytes32[] memory hashes = new bytes32[](children.length);
        for (uint256 i; i < children.length; ++i) hashes[i] = hashStruct(T_CHILD, at(children[i]), 5);
        return hashWords(hashes);
    }

    function packedInto(bytes32 parent, uint64 parentSeq) internal pure returns (bytes32) {
        return keccak256(abi.encode(T_PACKED_INTO, parent, parentSeq));
    }

    function unpackedFrom(bytes32 parent, uint64 parentSeq, bytes32 parentHead, uint32 position) internal pure returns (bytes32) {
        return keccak256(abi.encode(T_UNPACKED_FROM, parent, parentSeq, parentHead, position));
    }

    /// @notice EIP-712's hash of a bytes32[]: its words, end to end.
    function hashWords(bytes32[] memory words) internal pure returns (bytes32 h) {
        assembly ("memory-safe") {
            h := keccak256(add(words, 32), mul(mload(words), 32))
        }
    }

    /// @notice The leaf of a children tree; hashed twice, so that no inner node passes for one.
    function leaf(ILedger.Child calldata c) internal pure returns (bytes32) {
        return keccak256(bytes.concat(keccak256(abi.encode(c.kind, c.position, c.child, c.childrenRoot, c.count))));
    }

    // Where a struct begins in the calldata.

    function at(ILedger.RegisterPartyArgs calldata a) internal pure returns (uint256 p) {
        assembly ("memory-safe") {
            p := a
        }
    }

    function at(ILedger.OpenEpochArgs calldata a) internal pure returns (uint256 p) {
        assembly ("memory-safe") {
            p := a
        }
    }

    function at(ILedger.CancelArgs calldata a) internal pure returns (uint256 p) {
        assembly ("memory-safe") {
            p := a
        }
    }

    function at(ILedger.ReserveBatchArgs calldata a) internal pure returns (uint256 p) {
        assembly ("memory-safe") {
            p := a
        }
    }

    function at(ILedger.CommissionArgs calldata a) internal pure returns (uint256 p) {
        assembly ("memory-safe") {
            p := a
        }
    }

    function at(ILedger.ActivateArgs calldata a) internal pure returns (uint256 p) {
        assembly ("memory-safe") {
            p := a
        }
    }

    function at(ILedger.BindLotArgs calldata a) internal pure returns (uint256 p) {
        assembly ("memory-safe") {
            p := a
        }
    }

    function at(ILedger.ShipArgs calldata a) internal pure returns (uint256 p) {
        assembly ("memory-safe") {
            p := a
        }
    }

    function at(ILedger.ReceiveFromArgs calldata a) internal pure returns (uint256 p) {
        assembly ("memory-safe") {
            p := a
        }
    }

    function at(ILedger.AnchorScanLogArgs calldata a) internal pure returns (uint256 p) {
        assembly ("memory-safe") {
            p := a
        }
    }

    function at(ILedger.Child calldata a) internal pure returns (uint256 p) {
        assembly ("memory-safe") {
            p := a
        }
    }
}
