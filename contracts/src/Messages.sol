// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ITypes} from "./ILedger.sol";

/// @notice EIP-712 hashes of every verb's arguments and message, and the verb numbers.
/// @dev The type strings are frozen; tests/vectors/touchstone/typed_data.json holds one row for each.
/// Over 300 lines because it is one table.
library Messages {
    // Verb numbers: one frozen table.
    uint8 internal constant REGISTER_PARTY = 1;
    uint8 internal constant UPDATE_PARTY = 2;
    uint8 internal constant SUSPEND_PARTY = 3;
    uint8 internal constant ROTATE_ACCOUNT = 4;
    uint8 internal constant DELEGATE = 5;
    uint8 internal constant OPEN_EPOCH = 6;
    uint8 internal constant CANCEL = 7;
    uint8 internal constant SET_ADMINS = 8;
    uint8 internal constant SEAL_LEDGER = 9;
    uint8 internal constant RESERVE_BATCH = 16;
    uint8 internal constant COMMISSION = 17;
    uint8 internal constant ACTIVATE = 18;
    uint8 internal constant VOID = 19;
    uint8 internal constant BIND_LOT = 20;
    uint8 internal constant SET_LOT_STATE = 21;
    uint8 internal constant PACK = 32;
    uint8 internal constant UNPACK = 33;
    uint8 internal constant SHIP = 34;
    uint8 internal constant RECEIVE_FROM = 35;
    uint8 internal constant REPORT_EXCEPTION = 36;
    uint8 internal constant RETURN_TO = 37;
    uint8 internal constant PACKED_INTO = 38;
    uint8 internal constant UNPACKED_FROM = 39;
    uint8 internal constant REFUSE = 40;
    uint8 internal constant TAKE_BACK = 41;
    uint8 internal constant WITHDRAW = 42;
    uint8 internal constant REPORT_LOST = 43;
    uint8 internal constant SETTLE_EXCEPTION = 44;
    uint8 internal constant DRAW_ITEM = 45;
    uint8 internal constant DECOMMISSION = 48;
    uint8 internal constant SET_ITEM_STATE = 49;
    uint8 internal constant CLAIM_INNER = 50;
    uint8 internal constant ANCHOR_SCAN_LOG = 64;

    // Where a verb's arguments begin in the calldata if all of them are static: first, or after the subject.
    uint256 internal constant ARGS = 4;
    uint256 internal constant ARGS_ON = 36;
    uint256 internal constant ARGS_OF_CODE = 100; // after a Code

    bytes32 internal constant DOMAIN_TYPE = keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 internal constant GROUP = keccak256("Group(bytes32 subject,bytes32 head,uint64 era,uint64 deadline,bytes32[] parts)");
    bytes32 internal constant REGISTER_PARTY_MSG = keccak256(
        "RegisterParty(bytes32 subject,bytes32 head,uint64 era,uint64 deadline,"
        "RegisterPartyArgs args)"
        "RegisterPartyArgs(uint64 party,address account,uint8 keyMode,uint16 roles,uint256 markets,uint64 prefix,uint8 prefixLength,bytes32 eventHash)"
    );
    bytes32 internal constant UPDATE_PARTY_MSG = keccak256(
        "UpdateParty(bytes32 subject,bytes32 head,uint64 era,uint64 deadline,"
        "UpdatePartyArgs args)"
        "UpdatePartyArgs(uint64 party,uint16 roles,uint256 markets,uint64 prefix,uint8 prefixLength,bytes32 eventHash)"
    );
    bytes32 internal constant SUSPEND_PARTY_MSG = keccak256(
        "SuspendParty(bytes32 subject,bytes32 head,uint64 era,uint64 deadline,"
        "SuspendPartyArgs args)"
        "SuspendPartyArgs(uint64 party,uint8 status,bytes32 eventHash)"
    );
    bytes32 internal constant ROTATE_ACCOUNT_MSG = keccak256(
        "RotateAccount(bytes32 subject,bytes32 head,uint64 era,uint64 deadline,"
        "RotateAccountArgs args)"
        "RotateAccountArgs(uint64 party,address account,uint8 keyMode,bytes32 eventHash)"
    );
    bytes32 internal constant DELEGATE_MSG = keccak256(
        "Delegate(bytes32 subject,bytes32 head,uint64 era,uint64 deadline,"
        "DelegateArgs args)"
        "DelegateArgs(uint64 actor,address key,uint8 keyMode,uint128 verbs,uint64 expiry,uint32 limit,uint32 deviceEra,bytes32 eventHash)"
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
    bytes32 internal constant SET_ADMINS_MSG = keccak256(
        "SetAdmins(bytes32 subject,bytes32 head,uint64 era,uint64 deadline,"
        "SetAdminsArgs args)"
        "SetAdminsArgs(address[] admins,uint8 threshold,bytes32 eventHash)"
    );
    bytes32 internal constant SEAL_LEDGER_MSG = keccak256(
        "SealLedger(bytes32 subject,bytes32 head,uint64 era,uint64 deadline,"
        "SealLedgerArgs args)"
        "SealLedgerArgs(uint256 chainId,address successor,bytes32 eventHash)"
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
    bytes32 internal constant VOID_MSG = keccak256(
        "Void(bytes32 subject,bytes32 head,uint64 era,uint64 deadline,"
        "VoidArgs args)"
        "VoidArgs(uint64 actor,uint32 from,uint32 to,bytes32 eventHash)"
    );
    bytes32 internal constant BIND_LOT_MSG = keccak256(
        "BindLot(bytes32 subject,bytes32 head,uint64 era,uint64 deadline,"
        "BindLotArgs args)"
        "BindLotArgs(uint64 actor,uint32 from,uint32 to,bytes32 lot,uint64 expiry,uint64 bestBefore,uint8 market,bytes32 eventHash)"
    );
    bytes32 internal constant SET_LOT_STATE_MSG = keccak256(
        "SetLotState(bytes32 subject,bytes32 head,uint64 era,uint64 deadline,"
        "SetLotStateArgs args)"
        "SetLotStateArgs(uint64 actor,uint8 state,bytes32 eventHash)"
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
    bytes32 internal constant REPORT_EXCEPTION_MSG = keccak256(
        "ReportException(bytes32 subject,bytes32 head,uint64 era,uint64 deadline,"
        "ReportExceptionArgs args)"
        "ReportExceptionArgs(uint64 actor,uint64 from,uint32 good,uint32 damaged,uint32 short,uint32 over,uint32 wrong,bytes32 eventHash)"
    );
    bytes32 internal constant RETURN_TO_MSG = keccak256(
        "ReturnTo(bytes32 subject,bytes32 head,uint64 era,uint64 deadline,"
        "ReturnToArgs args)"
        "ReturnToArgs(uint64 actor,uint64 to,bytes32 eventHash)"
    );
    bytes32 internal constant REFUSE_MSG = keccak256(
        "Refuse(bytes32 subject,bytes32 head,uint64 era,uint64 deadline,"
        "RefuseArgs args)"
        "RefuseArgs(uint64 actor,uint64 from,bytes32 eventHash)"
    );
    bytes32 internal constant TAKE_BACK_MSG = keccak256(
        "TakeBack(bytes32 subject,bytes32 head,uint64 era,uint64 deadline,"
        "TakeBackArgs args)"
        "TakeBackArgs(uint64 actor,uint64 to,bytes32 eventHash)"
    );
    bytes32 internal constant WITHDRAW_MSG = keccak256(
        "Withdraw(bytes32 subject,bytes32 head,uint64 era,uint64 deadline,"
        "WithdrawArgs args)"
        "WithdrawArgs(uint64 actor,uint64 from,bytes32 eventHash)"
    );
    bytes32 internal constant REPORT_LOST_MSG = keccak256(
        "ReportLost(bytes32 subject,bytes32 head,uint64 era,uint64 deadline,"
        "ReportLostArgs args)"
        "ReportLostArgs(uint64 actor,uint64 to,bytes32 eventHash)"
    );
    bytes32 internal constant SETTLE_EXCEPTION_MSG = keccak256(
        "SettleException(bytes32 subject,bytes32 head,uint64 era,uint64 deadline,"
        "SettleExceptionArgs args)"
        "SettleExceptionArgs(uint64 actor,uint32 report,bytes32 eventHash)"
    );
    bytes32 internal constant DRAW_ITEM_MSG = keccak256(
        "DrawItem(bytes32 subject,bytes32 head,uint64 era,uint64 deadline,"
        "DrawItemArgs args)"
        "DrawItemArgs(uint64 actor,uint64 batch,uint32 lot,bytes32 eventHash)"
    );
    bytes32 internal constant DECOMMISSION_MSG = keccak256(
        "Decommission(bytes32 subject,bytes32 head,uint64 era,uint64 deadline,"
        "DecommissionArgs args)"
        "DecommissionArgs(uint64 actor,uint64 batch,uint8 state,bytes32 eventHash)"
    );
    bytes32 internal constant SET_ITEM_STATE_MSG = keccak256(
        "SetItemState(bytes32 subject,bytes32 head,uint64 era,uint64 deadline,"
        "SetItemStateArgs args)"
        "SetItemStateArgs(uint64 actor,uint64 batch,uint8 state,bytes32 eventHash)"
    );
    bytes32 internal constant CLAIM_INNER_MSG = keccak256(
        "ClaimInner(bytes32 subject,bytes32 head,uint64 era,uint64 deadline,"
        "ClaimInnerArgs args)"
        "ClaimInnerArgs(uint64 actor,uint64 batch,uint32 index,bytes32 innerCode,bytes32 salt,bytes32 eventHash)"
    );
    bytes32 internal constant ANCHOR_SCAN_LOG_MSG = keccak256(
        "AnchorScanLog(bytes32 subject,bytes32 head,uint64 era,uint64 deadline,"
        "AnchorScanLogArgs args)"
        "AnchorScanLogArgs(uint64 actor,uint64 size,bytes32 logRoot,bytes32 mapRoot)"
    );

    bytes32 internal constant T_REGISTER_PARTY = keccak256("RegisterPartyArgs(uint64 party,address account,uint8 keyMode,uint16 roles,uint256 markets,uint64 prefix,uint8 prefixLength,bytes32 eventHash)");
    bytes32 internal constant T_UPDATE_PARTY = keccak256("UpdatePartyArgs(uint64 party,uint16 roles,uint256 markets,uint64 prefix,uint8 prefixLength,bytes32 eventHash)");
    bytes32 internal constant T_SUSPEND_PARTY = keccak256("SuspendPartyArgs(uint64 party,uint8 status,bytes32 eventHash)");
    bytes32 internal constant T_ROTATE_ACCOUNT = keccak256("RotateAccountArgs(uint64 party,address account,uint8 keyMode,bytes32 eventHash)");
    bytes32 internal constant T_DELEGATE = keccak256("DelegateArgs(uint64 actor,address key,uint8 keyMode,uint128 verbs,uint64 expiry,uint32 limit,uint32 deviceEra,bytes32 eventHash)");
    bytes32 internal constant T_OPEN_EPOCH = keccak256("OpenEpochArgs(uint64 actor,uint8 epoch,bytes32 commitment,bytes32 eventHash)");
    bytes32 internal constant T_CANCEL = keccak256("CancelArgs(uint64 actor)");
    bytes32 internal constant T_SET_ADMINS = keccak256("SetAdminsArgs(address[] admins,uint8 threshold,bytes32 eventHash)");
    bytes32 internal constant T_SEAL_LEDGER = keccak256("SealLedgerArgs(uint256 chainId,address successor,bytes32 eventHash)");
    bytes32 internal constant T_RESERVE_BATCH = keccak256("ReserveBatchArgs(uint64 actor,uint64 gtin,uint8 epoch,bytes32 eventHash)");
    bytes32 internal constant T_COMMISSION = keccak256("CommissionArgs(uint64 actor,bytes32 root,bytes32 innerRoot,uint32 count,bytes32 eventHash)");
    bytes32 internal constant T_ACTIVATE = keccak256("ActivateArgs(uint64 actor,uint32 from,uint32 to,uint64 activeFrom,bytes32 eventHash)");
    bytes32 internal constant T_VOID = keccak256("VoidArgs(uint64 actor,uint32 from,uint32 to,bytes32 eventHash)");
    bytes32 internal constant T_BIND_LOT = keccak256("BindLotArgs(uint64 actor,uint32 from,uint32 to,bytes32 lot,uint64 expiry,uint64 bestBefore,uint8 market,bytes32 eventHash)");
    bytes32 internal constant T_SET_LOT_STATE = keccak256("SetLotStateArgs(uint64 actor,uint8 state,bytes32 eventHash)");
    bytes32 internal constant T_PACK = keccak256(
        "PackArgs(uint64 actor,bytes32 epcHash,bytes32 childrenRoot,uint32 count,uint8 level,uint32 lot,Child[] slotted,bytes32 eventHash)"
        "Child(uint8 kind,uint32 position,bytes32 child,bytes32 childrenRoot,uint32 count)"
    );
    bytes32 internal constant T_UNPACK = keccak256(
        "UnpackArgs(uint64 actor,Child[] children,bytes32 eventHash)"
        "Child(uint8 kind,uint32 position,bytes32 child,bytes32 childrenRoot,uint32 count)"
    );
    bytes32 internal constant T_SHIP = keccak256("ShipArgs(uint64 actor,uint64 to,bytes32 eventHash)");
    bytes32 internal constant T_RECEIVE_FROM = keccak256("ReceiveFromArgs(uint64 actor,uint64 from,bytes32 eventHash)");
    bytes32 internal constant T_REPORT_EXCEPTION = keccak256("ReportExceptionArgs(uint64 actor,uint64 from,uint32 good,uint32 damaged,uint32 short,uint32 over,uint32 wrong,bytes32 eventHash)");
    bytes32 internal constant T_RETURN_TO = keccak256("ReturnToArgs(uint64 actor,uint64 to,bytes32 eventHash)");
    bytes32 internal constant T_REFUSE = keccak256("RefuseArgs(uint64 actor,uint64 from,bytes32 eventHash)");
    bytes32 internal constant T_TAKE_BACK = keccak256("TakeBackArgs(uint64 actor,uint64 to,bytes32 eventHash)");
    bytes32 internal constant T_WITHDRAW = keccak256("WithdrawArgs(uint64 actor,uint64 from,bytes32 eventHash)");
    bytes32 internal constant T_REPORT_LOST = keccak256("ReportLostArgs(uint64 actor,uint64 to,bytes32 eventHash)");
    bytes32 internal constant T_SETTLE_EXCEPTION = keccak256("SettleExceptionArgs(uint64 actor,uint32 report,bytes32 eventHash)");
    bytes32 internal constant T_DRAW_ITEM = keccak256("DrawItemArgs(uint64 actor,uint64 batch,uint32 lot,bytes32 eventHash)");
    bytes32 internal constant T_DECOMMISSION = keccak256("DecommissionArgs(uint64 actor,uint64 batch,uint8 state,bytes32 eventHash)");
    bytes32 internal constant T_SET_ITEM_STATE = keccak256("SetItemStateArgs(uint64 actor,uint64 batch,uint8 state,bytes32 eventHash)");
    bytes32 internal constant T_CLAIM_INNER = keccak256("ClaimInnerArgs(uint64 actor,uint64 batch,uint32 index,bytes32 innerCode,bytes32 salt,bytes32 eventHash)");
    bytes32 internal constant T_ANCHOR_SCAN_LOG = keccak256("AnchorScanLogArgs(uint64 actor,uint64 size,bytes32 logRoot,bytes32 mapRoot)");
    bytes32 internal constant T_CHILD = keccak256("Child(uint8 kind,uint32 position,bytes32 child,bytes32 childrenRoot,uint32 count)");
    bytes32 internal constant T_PACKED_INTO = keccak256("PackedIntoArgs(bytes32 parent,uint64 parentSeq)");
    bytes32 internal constant T_UNPACKED_FROM = keccak256("UnpackedFromArgs(bytes32 parent,uint64 parentSeq,bytes32 parentHead,uint32 position)");

    /// @dev hashStruct of arguments that are all static: their ABI words are what EIP-712 hashes.
    function hashStruct(bytes32 typeHash, uint256 begin, uint256 words) internal pure returns (bytes32 h) {
        assembly ("memory-safe") {
            let m := mload(0x40)
            mstore(m, typeHash)
            calldatacopy(add(m, 32), begin, shl(5, words))
            h := keccak256(m, add(shl(5, words), 32))
        }
    }

    function hash(ITypes.SetAdminsArgs calldata a) internal pure returns (bytes32) {
        return keccak256(abi.encode(T_SET_ADMINS, keccak256(abi.encodePacked(a.admins)), a.threshold, a.eventHash));
    }

    function hash(ITypes.PackArgs calldata a) internal pure returns (bytes32) {
        return keccak256(abi.encode(T_PACK, a.actor, a.epcHash, a.childrenRoot, a.count, a.level, a.lot, hash(a.slotted), a.eventHash));
    }

    function hash(ITypes.UnpackArgs calldata a) internal pure returns (bytes32) {
        return keccak256(abi.encode(T_UNPACK, a.actor, hash(a.children), a.eventHash));
    }

    function hash(ITypes.Child[] calldata children) internal pure returns (bytes32) {
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
    function leaf(ITypes.Child calldata c) internal pure returns (bytes32) {
        return twice(abi.encode(c.kind, c.position, c.child, c.childrenRoot, c.count));
    }

    function twice(bytes memory text) internal pure returns (bytes32) {
        return once(keccak256(text));
    }

    /// @notice keccak of one word.
    function once(bytes32 word) internal pure returns (bytes32 h) {
        assembly ("memory-safe") {
            mstore(0, word)
            h := keccak256(0, 32)
        }
    }

    // Where a struct begins in the calldata.

    function at(ITypes.To calldata a) internal pure returns (uint256 p) {
        assembly ("memory-safe") {
            p := a
        }
    }

    function at(ITypes.From calldata a) internal pure returns (uint256 p) {
        assembly ("memory-safe") {
            p := a
        }
    }

    function at(ITypes.Child calldata a) internal pure returns (uint256 p) {
        assembly ("memory-safe") {
            p := a
        }
    }
}
