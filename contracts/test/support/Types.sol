// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

/// @notice EIP-712's type strings as a signer writes them, apart from the contract's own.
library Types {
    string internal constant DOMAIN = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";
    string internal constant GROUP = "Group(bytes32 subject,bytes32 head,uint64 era,uint64 deadline,bytes32[] parts)";
    string internal constant CHILD = "Child(uint8 kind,uint32 position,bytes32 child,bytes32 childrenRoot,uint32 count)";

    string internal constant REGISTER_PARTY = "RegisterPartyArgs(uint64 party,address account,uint8 keyMode,uint16 roles,uint256 markets,uint64 prefix,uint8 prefixLength,bytes32 eventHash)";
    string internal constant OPEN_EPOCH = "OpenEpochArgs(uint64 actor,uint8 epoch,bytes32 commitment,bytes32 eventHash)";
    string internal constant CANCEL = "CancelArgs(uint64 actor)";
    string internal constant RESERVE_BATCH = "ReserveBatchArgs(uint64 actor,uint64 gtin,uint8 epoch,bytes32 eventHash)";
    string internal constant COMMISSION = "CommissionArgs(uint64 actor,bytes32 root,bytes32 innerRoot,uint32 count,bytes32 eventHash)";
    string internal constant ACTIVATE = "ActivateArgs(uint64 actor,uint32 from,uint32 to,uint64 activeFrom,bytes32 eventHash)";
    string internal constant BIND_LOT = "BindLotArgs(uint64 actor,uint32 from,uint32 to,bytes32 lot,uint64 expiry,uint64 bestBefore,uint8 market,bytes32 eventHash)";
    string internal constant PACK = "PackArgs(uint64 actor,bytes32 epcHash,bytes32 childrenRoot,uint32 count,uint8 level,uint32 lot,Child[] slotted,bytes32 eventHash)";
    string internal constant UNPACK = "UnpackArgs(uint64 actor,Child[] children,bytes32 eventHash)";
    string internal constant SHIP = "ShipArgs(uint64 actor,uint64 to,bytes32 eventHash)";
    string internal constant RECEIVE_FROM = "ReceiveFromArgs(uint64 actor,uint64 from,bytes32 eventHash)";
    string internal constant ANCHOR_SCAN_LOG = "AnchorScanLogArgs(uint64 actor,uint64 size,bytes32 logRoot,bytes32 mapRoot)";
    string internal constant UPDATE_PARTY = "UpdatePartyArgs(uint64 party,uint16 roles,uint256 markets,uint64 prefix,uint8 prefixLength,bytes32 eventHash)";
    string internal constant SUSPEND_PARTY = "SuspendPartyArgs(uint64 party,uint8 status,bytes32 eventHash)";
    string internal constant ROTATE_ACCOUNT = "RotateAccountArgs(uint64 party,address account,uint8 keyMode,bytes32 eventHash)";
    string internal constant DELEGATE = "DelegateArgs(uint64 actor,address key,uint8 keyMode,uint128 verbs,uint64 expiry,uint32 limit,uint32 deviceEra,bytes32 eventHash)";
    string internal constant SET_ADMINS = "SetAdminsArgs(address[] admins,uint8 threshold,bytes32 eventHash)";
    string internal constant SEAL_LEDGER = "SealLedgerArgs(uint256 chainId,address successor,bytes32 eventHash)";
    string internal constant VOID = "VoidArgs(uint64 actor,uint32 from,uint32 to,bytes32 eventHash)";
    string internal constant SET_LOT_STATE = "SetLotStateArgs(uint64 actor,uint8 state,bytes32 eventHash)";
    string internal constant REPORT_EXCEPTION = "ReportExceptionArgs(uint64 actor,uint64 from,uint32 good,uint32 damaged,uint32 short,uint32 over,uint32 wrong,bytes32 eventHash)";
    string internal constant SETTLE_EXCEPTION = "SettleExceptionArgs(uint64 actor,uint32 report,bytes32 eventHash)";
    string internal constant RETURN_TO = "ReturnToArgs(uint64 actor,uint64 to,bytes32 eventHash)";
    string internal constant REFUSE = "RefuseArgs(uint64 actor,uint64 from,bytes32 eventHash)";
    string internal constant TAKE_BACK = "TakeBackArgs(uint64 actor,uint64 to,bytes32 eventHash)";
    string internal constant WITHDRAW = "WithdrawArgs(uint64 actor,uint64 from,bytes32 eventHash)";
    string internal constant REPORT_LOST = "ReportLostArgs(uint64 actor,uint64 to,bytes32 eventHash)";
    string internal constant DRAW_ITEM = "DrawItemArgs(uint64 actor,uint64 batch,uint32 lot,bytes32 eventHash)";
    string internal constant DECOMMISSION = "DecommissionArgs(uint64 actor,uint64 batch,uint8 state,bytes32 eventHash)";
    string internal constant SET_ITEM_STATE = "SetItemStateArgs(uint64 actor,uint64 batch,uint8 state,bytes32 eventHash)";
    string internal constant CLAIM_INNER = "ClaimInnerArgs(uint64 actor,uint64 batch,uint32 index,bytes32 innerCode,bytes32 salt,bytes32 eventHash)";
    string internal constant PACKED_INTO = "PackedIntoArgs(bytes32 parent,uint64 parentSeq)";
    string internal constant UNPACKED_FROM = "UnpackedFromArgs(bytes32 parent,uint64 parentSeq,bytes32 parentHead,uint32 position)";

    /// @notice The type of a verb's message. With `Child` among its arguments it is `ofChildren`.
    function message(string memory verb, string memory args) internal pure returns (bytes32) {
        return keccak256(bytes.concat(bytes(verb), "(bytes32 subject,bytes32 head,uint64 era,uint64 deadline,", bytes(verb), "Args args)", bytes(args)));
    }

    function ofChildren(string memory verb, string memory args) internal pure returns (bytes32) {
        return message(verb, string.concat(CHILD, args));
    }

    /// @notice The type of a list's message.
    function list(string memory verb, string memory args) internal pure returns (bytes32) {
        return keccak256(
            bytes.concat(bytes(verb), "List(bytes32[] units,bytes32[] heads,bool skipStale,uint64 era,uint64 deadline,", bytes(verb), "Args args)", bytes(args))
        );
    }
}
