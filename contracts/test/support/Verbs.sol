// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ITypes} from "../../src/ILedger.sol";
import {Relay} from "./Relay.sol";
import {Trees} from "./Trees.sol";
import {Types} from "./Types.sol";

/// @notice A signed call of every verb: right, unless a test says otherwise.
abstract contract Verbs is Relay {
    bytes32 internal constant DOCUMENT = keccak256("document");
    uint8 internal constant REGISTER_PARTY = 1;
    uint8 internal constant UPDATE_PARTY = 2;
    uint8 internal constant SUSPEND_PARTY = 3;
    uint8 internal constant ROTATE_ACCOUNT = 4;
    uint8 internal constant DELEGATE = 5;
    uint8 internal constant OPEN_EPOCH = 6;
    uint8 internal constant CANCEL = 7;
    uint8 internal constant PACK = 32;
    uint8 internal constant UNPACK = 33;
    uint8 internal constant SHIP = 34;
    uint8 internal constant RECEIVE_FROM = 35;
    uint8 internal constant PACKED_INTO = 38;
    uint8 internal constant UNPACKED_FROM = 39;

    /// @notice Units under one signature. heads: as signed.
    struct List {
        bytes32[] units;
        bytes32[] heads;
        bool skipStale;
        ITypes.Stale[] stale;
    }

    /// @notice One verb of a group.
    struct Part {
        uint8 verb;
        bytes args;
        bytes32 hash;
        bytes32[][] proofs;
        bytes32[][] origins;
    }

    function _hash(string memory argsType, bytes memory args) internal pure returns (bytes32) {
        return vm.eip712HashStruct(argsType, args);
    }

    /// @notice The signature of a verb whose arguments hold no children.
    function _auth(Subject memory subject, uint64 actor, string memory verb, string memory argsType, bytes memory args) internal returns (ITypes.Auth memory) {
        return auth(subject, actor, Types.message(verb, argsType), _hash(argsType, args));
    }

    /// @notice The signatures of the first admins, as many as it takes.
    function _quorum(Subject memory subject, string memory verb, string memory argsType, bytes memory args) internal returns (ITypes.Quorum memory) {
        return _quorum(subject, verb, argsType, args, first(THRESHOLD));
    }

    function _quorum(Subject memory subject, string memory verb, string memory argsType, bytes memory args, uint256[] memory keys)
        internal
        returns (ITypes.Quorum memory)
    {
        Terms memory t = terms(subject, 0);
        bytes32 digest = _ruling(t, verb, argsType, args);
        return ITypes.Quorum(t.subject.seq, t.era, t.deadline, signatures(keys, digest));
    }

    function _ruling(Terms memory t, string memory verb, string memory argsType, bytes memory args) internal pure returns (bytes32) {
        bytes32 message = keccak256(abi.encode(Types.message(verb, argsType), t.subject.id, t.subject.head, t.era, t.deadline, _hash(argsType, args)));
        return digestOf(t.domain, message);
    }

    function signatures(uint256[] memory keys, bytes32 digest) internal pure returns (ITypes.Sig[] memory sigs) {
        sigs = new ITypes.Sig[](keys.length);
        for (uint256 i; i < keys.length; ++i) sigs[i] = signature(keys[i], digest);
    }

    /// @notice The first keys of the admins.
    function first(uint256 count) internal returns (uint256[] memory keys) {
        keys = new uint256[](count);
        uint256[] memory all = adminKeys();
        for (uint256 i; i < count; ++i) keys[i] = all[i];
    }

    // --------------------------------------------------------------------------------------- parties

    function registerParty(ITypes.RegisterPartyArgs memory args) internal returns (bytes memory) {
        return registerParty(args, first(THRESHOLD));
    }

    function registerParty(ITypes.RegisterPartyArgs memory args, uint256[] memory keys) internal returns (bytes memory) {
        return abi.encodeCall(ledger.registerParty, (args, _quorum(ruledSubject(args.party), "RegisterParty", Types.REGISTER_PARTY, abi.encode(args), keys)));
    }

    function updateParty(ITypes.UpdatePartyArgs memory args) internal returns (bytes memory) {
        return updateParty(args, first(THRESHOLD));
    }

    function updateParty(ITypes.UpdatePartyArgs memory args, uint256[] memory keys) internal returns (bytes memory) {
        return abi.encodeCall(ledger.updateParty, (args, _quorum(ruledSubject(args.party), "UpdateParty", Types.UPDATE_PARTY, abi.encode(args), keys)));
    }

    function suspendParty(ITypes.SuspendPartyArgs memory args) internal returns (bytes memory) {
        return suspendParty(args, first(THRESHOLD));
    }

    function suspendParty(ITypes.SuspendPartyArgs memory args, uint256[] memory keys) internal returns (bytes memory) {
        return abi.encodeCall(ledger.suspendParty, (args, _quorum(ruledSubject(args.party), "SuspendParty", Types.SUSPEND_PARTY, abi.encode(args), keys)));
    }

    function rotateAccount(ITypes.RotateAccountArgs memory args) internal returns (bytes memory) {
        return rotateAccount(args, first(THRESHOLD));
    }

    function rotateAccount(ITypes.RotateAccountArgs memory args, uint256[] memory keys) internal returns (bytes memory) {
        return abi.encodeCall(ledger.rotateAccount, (args, _quorum(ruledSubject(args.party), "RotateAccount", Types.ROTATE_ACCOUNT, abi.encode(args), keys)));
    }

    function sealLedger(ITypes.SealLedgerArgs memory args) internal returns (bytes memory) {
        return sealLedger(args, first(THRESHOLD));
    }

    function sealLedger(ITypes.SealLedgerArgs memory args, uint256[] memory keys) internal returns (bytes memory) {
        return abi.encodeCall(ledger.sealLedger, (args, _quorum(registrySubject(), "SealLedger", Types.SEAL_LEDGER, abi.encode(args), keys)));
    }

    function setAdmins(ITypes.SetAdminsArgs memory args, uint256[] memory keys, uint256[] memory accepting) internal returns (bytes memory) {
        ITypes.Quorum memory quorum = _quorum(registrySubject(), "SetAdmins", Types.SET_ADMINS, abi.encode(args), keys);
        bytes32 digest = _ruling(terms(registrySubject(), 0), "SetAdmins", Types.SET_ADMINS, abi.encode(args));
        return abi.encodeCall(ledger.setAdmins, (args, quorum, signatures(accepting, digest)));
    }

    function delegate(ITypes.DelegateArgs memory args) internal returns (bytes memory) {
        return abi.encodeCall(ledger.delegate, (args, _auth(headless(args.actor), args.actor, "Delegate", Types.DELEGATE, abi.encode(args))));
    }

    function openEpoch(ITypes.OpenEpochArgs memory args) internal returns (bytes memory) {
        return abi.encodeCall(ledger.openEpoch, (args, _auth(partySubject(args.actor), args.actor, "OpenEpoch", Types.OPEN_EPOCH, abi.encode(args))));
    }

    function cancel(uint64 actor) internal returns (bytes memory) {
        ITypes.CancelArgs memory args = ITypes.CancelArgs(actor);
        return abi.encodeCall(ledger.cancel, (args, _auth(headless(actor), actor, "Cancel", Types.CANCEL, abi.encode(args))));
    }

    // --------------------------------------------------------------------------------- batches, lots

    function reserveBatch(ITypes.ReserveBatchArgs memory args) internal returns (bytes memory) {
        return abi.encodeCall(ledger.reserveBatch, (args, _auth(partySubject(args.actor), args.actor, "ReserveBatch", Types.RESERVE_BATCH, abi.encode(args))));
    }

    function commission(uint64 batch, ITypes.CommissionArgs memory args) internal returns (bytes memory) {
        return abi.encodeCall(ledger.commission, (batch, args, _auth(batchSubject(batch), args.actor, "Commission", Types.COMMISSION, abi.encode(args))));
    }

    function activate(uint64 batch, ITypes.ActivateArgs memory args, uint32 hint) internal returns (bytes memory) {
        return abi.encodeCall(ledger.activate, (batch, args, hint, _auth(batchSubject(batch), args.actor, "Activate", Types.ACTIVATE, abi.encode(args))));
    }

    function voidCodes(uint64 batch, ITypes.VoidArgs memory args, uint32 hint) internal returns (bytes memory) {
        return abi.encodeCall(ledger.voidCodes, (batch, args, hint, _auth(batchSubject(batch), args.actor, "Void", Types.VOID, abi.encode(args))));
    }

    function bindLot(uint64 batch, ITypes.BindLotArgs memory args, uint32 hint) internal returns (bytes memory) {
        return abi.encodeCall(ledger.bindLot, (batch, args, hint, _auth(batchSubject(batch), args.actor, "BindLot", Types.BIND_LOT, abi.encode(args))));
    }

    function setLotState(uint32 lot, uint64 actor, uint8 state) internal returns (bytes memory) {
        ITypes.SetLotStateArgs memory args = ITypes.SetLotStateArgs(actor, state, DOCUMENT);
        return abi.encodeCall(ledger.setLotState, (lot, args, _auth(lotSubject(lot), actor, "SetLotState", Types.SET_LOT_STATE, abi.encode(args))));
    }

    // ----------------------------------------------------------------------------------------- items

    function decommission(ITypes.Code memory code, ITypes.ItemArgs memory args, bytes32[] memory proof) internal returns (bytes memory) {
        Subject memory subject = itemSubject(leafOf(code));
        return abi.encodeCall(ledger.decommission, (code, args, proof, _auth(subject, args.actor, "Decommission", Types.DECOMMISSION, abi.encode(args))));
    }

    function setItemState(ITypes.Code memory code, ITypes.ItemArgs memory args, bytes32[] memory proof) internal returns (bytes memory) {
        Subject memory subject = itemSubject(leafOf(code));
        return abi.encodeCall(ledger.setItemState, (code, args, proof, _auth(subject, args.actor, "SetItemState", Types.SET_ITEM_STATE, abi.encode(args))));
    }

    function claimInner(ITypes.ClaimInnerArgs memory args, bytes32[] memory proof) internal returns (bytes memory) {
        Subject memory subject = claimSubject(args.batch, args.index);
        return abi.encodeCall(ledger.claimInner, (args, proof, _auth(subject, args.actor, "ClaimInner", Types.CLAIM_INNER, abi.encode(args))));
    }

    function drawItem(bytes32 code, ITypes.DrawItemArgs memory args, bytes32[] memory proof) internal returns (bytes memory) {
        Subject memory subject = unitSubject(keccak256(abi.encode(code)));
        return abi.encodeCall(ledger.drawItem, (code, args, proof, _auth(subject, args.actor, "DrawItem", Types.DRAW_ITEM, abi.encode(args))));
    }

    function leafOf(ITypes.Code memory code) internal pure returns (bytes32) {
        return keccak256(abi.encode(keccak256(abi.encode(code))));
    }

    // --------------------------------------------------------------------------------------- units

    function unitId(uint64 creator, bytes32 epcHash) internal pure returns (bytes32) {
        return keccak256(abi.encode(creator, epcHash));
    }

    function packArgs(uint64 actor, bytes32 epcHash, ITypes.Child[] memory children) internal virtual returns (ITypes.PackArgs memory) {
        return ITypes.PackArgs(actor, epcHash, Trees.root(children), uint32(children.length), 1, 0, new ITypes.Child[](0), DOCUMENT);
    }

    function packHash(ITypes.PackArgs memory args) internal pure returns (bytes32) {
        return vm.eip712HashStruct(string.concat(Types.PACK, Types.CHILD), abi.encode(args));
    }

    function pack(ITypes.PackArgs memory args, bytes32[][] memory proofs) internal returns (bytes memory) {
        return pack(args, proofs, args.actor);
    }

    function pack(ITypes.PackArgs memory args, bytes32[][] memory proofs, uint64 signer) internal returns (bytes memory) {
        Subject memory subject = unitSubject(unitId(args.actor, args.epcHash));
        return abi.encodeCall(ledger.pack, (args, proofs, auth(subject, signer, Types.ofChildren("Pack", Types.PACK), packHash(args))));
    }

    function unpackHash(ITypes.UnpackArgs memory args) internal pure returns (bytes32) {
        return vm.eip712HashStruct(string.concat(Types.UNPACK, Types.CHILD), abi.encode(args));
    }

    /// @notice What shows who made a unit and those of its children that have no slot yet; a test's world knows.
    function originsOf(bytes32 unit, ITypes.Child[] memory children) internal virtual returns (bytes32[][] memory);

    function unpack(bytes32 unit, ITypes.UnpackArgs memory args, bytes32[][] memory proofs) internal returns (bytes memory) {
        return unpack(unit, args, proofs, originsOf(unit, args.children));
    }

    function unpack(bytes32 unit, ITypes.UnpackArgs memory args, bytes32[][] memory proofs, bytes32[][] memory origins) internal returns (bytes memory) {
        return abi.encodeCall(ledger.unpack, (unit, args, proofs, origins, auth(unitSubject(unit), args.actor, Types.ofChildren("Unpack", Types.UNPACK), unpackHash(args))));
    }

    function unpack(bytes32 unit, uint64 actor, ITypes.Child[] memory children, uint256[] memory positions) internal returns (bytes memory) {
        return unpack(unit, ITypes.UnpackArgs(actor, Trees.pick(children, positions), DOCUMENT), Trees.proofs(children, positions));
    }

    function shipHash(ITypes.To memory args) internal pure returns (bytes32) {
        return vm.eip712HashStruct(Types.SHIP, abi.encode(args));
    }

    function ship(bytes32 unit, uint64 actor, uint64 to) internal returns (bytes memory) {
        ITypes.To memory args = ITypes.To(actor, to, DOCUMENT);
        return abi.encodeCall(ledger.ship, (unit, args, auth(unitSubject(unit), actor, Types.message("Ship", Types.SHIP), shipHash(args))));
    }

    function receiveHash(ITypes.From memory args) internal pure returns (bytes32) {
        return vm.eip712HashStruct(Types.RECEIVE_FROM, abi.encode(args));
    }

    function receiveFrom(bytes32 unit, uint64 actor, uint64 from) internal returns (bytes memory) {
        ITypes.From memory args = ITypes.From(actor, from, DOCUMENT);
        return abi.encodeCall(ledger.receiveFrom, (unit, args, auth(unitSubject(unit), actor, Types.message("ReceiveFrom", Types.RECEIVE_FROM), receiveHash(args))));
    }

    function returnTo(bytes32 unit, uint64 actor, uint64 to) internal returns (bytes memory) {
        ITypes.To memory args = ITypes.To(actor, to, DOCUMENT);
        return abi.encodeCall(ledger.returnTo, (unit, args, _auth(unitSubject(unit), actor, "ReturnTo", Types.RETURN_TO, abi.encode(args))));
    }

    function takeBack(bytes32 unit, uint64 actor, uint64 to) internal returns (bytes memory) {
        ITypes.To memory args = ITypes.To(actor, to, DOCUMENT);
        return abi.encodeCall(ledger.takeBack, (unit, args, _auth(unitSubject(unit), actor, "TakeBack", Types.TAKE_BACK, abi.encode(args))));
    }

    function reportLost(bytes32 unit, uint64 actor, uint64 to) internal returns (bytes memory) {
        ITypes.To memory args = ITypes.To(actor, to, DOCUMENT);
        return abi.encodeCall(ledger.reportLost, (unit, args, _auth(unitSubject(unit), actor, "ReportLost", Types.REPORT_LOST, abi.encode(args))));
    }

    function refuse(bytes32 unit, uint64 actor, uint64 from) internal returns (bytes memory) {
        ITypes.From memory args = ITypes.From(actor, from, DOCUMENT);
        return abi.encodeCall(ledger.refuse, (unit, args, _auth(unitSubject(unit), actor, "Refuse", Types.REFUSE, abi.encode(args))));
    }

    function withdraw(bytes32 unit, uint64 actor, uint64 from, bytes32[] memory origin) internal returns (bytes memory) {
        ITypes.From memory args = ITypes.From(actor, from, DOCUMENT);
        return abi.encodeCall(ledger.withdraw, (unit, args, origin, _auth(unitSubject(unit), actor, "Withdraw", Types.WITHDRAW, abi.encode(args))));
    }

    function reportException(bytes32 unit, ITypes.ReportExceptionArgs memory args) internal returns (bytes memory) {
        return abi.encodeCall(ledger.reportException, (unit, args, _auth(unitSubject(unit), args.actor, "ReportException", Types.REPORT_EXCEPTION, abi.encode(args))));
    }

    function settleException(bytes32 unit, uint64 actor, uint32 report, bytes32[] memory origin) internal returns (bytes memory) {
        ITypes.SettleExceptionArgs memory args = ITypes.SettleExceptionArgs(actor, report, DOCUMENT);
        return abi.encodeCall(ledger.settleException, (unit, args, origin, _auth(unitSubject(unit), actor, "SettleException", Types.SETTLE_EXCEPTION, abi.encode(args))));
    }

    // --------------------------------------------------------------------------------------- lists

    /// @notice A list of units as they are now.
    function listOf(bytes32[] memory units) internal returns (List memory list) {
        (list.units, list.heads) = (units, new bytes32[](units.length));
        for (uint256 i; i < units.length; ++i) list.heads[i] = unitNow(units[i]).head;
    }

    function shipList(List memory list, uint64 actor, uint64 to) internal returns (bytes memory) {
        ITypes.To memory args = ITypes.To(actor, to, DOCUMENT);
        ITypes.Auth memory signed = listAuth(list, actor, Types.list("Ship", Types.SHIP), shipHash(args));
        return abi.encodeCall(ledger.shipList, (list.units, list.skipStale, args, list.stale, signed));
    }

    function receiveList(List memory list, uint64 actor, uint64 from) internal returns (bytes memory) {
        ITypes.From memory args = ITypes.From(actor, from, DOCUMENT);
        ITypes.Auth memory signed = listAuth(list, actor, Types.list("ReceiveFrom", Types.RECEIVE_FROM), receiveHash(args));
        return abi.encodeCall(ledger.receiveList, (list.units, list.skipStale, args, list.stale, signed));
    }

    function listAuth(List memory list, uint64 actor, bytes32 typeHash, bytes32 argsHash) internal returns (ITypes.Auth memory) {
        Terms memory t = terms(Subject(0, 0, 0), actor);
        bytes32 units = keccak256(abi.encodePacked(list.units));
        return authOf(t, keccak256(abi.encode(typeHash, units, keccak256(abi.encodePacked(list.heads)), list.skipStale, t.era, t.deadline, argsHash)));
    }

    // ---------------------------------------------------------------------------------- log, relay

    function anchorScanLog(ITypes.AnchorScanLogArgs memory args) internal returns (bytes memory) {
        bytes32 hash = vm.eip712HashStruct(Types.ANCHOR_SCAN_LOG, abi.encode(args));
        return abi.encodeCall(ledger.anchorScanLog, (args, auth(logSubject(), args.actor, Types.message("AnchorScanLog", Types.ANCHOR_SCAN_LOG), hash)));
    }

    function packPart(ITypes.PackArgs memory args, bytes32[][] memory proofs) internal pure returns (Part memory) {
        return Part(PACK, abi.encode(args), packHash(args), proofs, new bytes32[][](0));
    }

    function unpackPart(bytes32 unit, uint64 actor, ITypes.Child[] memory children, uint256[] memory positions) internal returns (Part memory) {
        ITypes.UnpackArgs memory args = ITypes.UnpackArgs(actor, Trees.pick(children, positions), DOCUMENT);
        return Part(UNPACK, abi.encode(args), unpackHash(args), Trees.proofs(children, positions), originsOf(unit, args.children));
    }

    function shipPart(uint64 actor, uint64 to) internal pure returns (Part memory) {
        ITypes.To memory args = ITypes.To(actor, to, DOCUMENT);
        return Part(SHIP, abi.encode(args), shipHash(args), new bytes32[][](0), new bytes32[][](0));
    }

    function receivePart(uint64 actor, uint64 from) internal pure returns (Part memory) {
        ITypes.From memory args = ITypes.From(actor, from, DOCUMENT);
        return Part(RECEIVE_FROM, abi.encode(args), receiveHash(args), new bytes32[][](0), new bytes32[][](0));
    }

    function group(bytes32 unit, uint64 actor, Part[] memory parts) internal returns (bytes memory) {
        return groupCall(unit, parts, groupAuth(unit, actor, parts));
    }

    function groupAuth(bytes32 unit, uint64 actor, Part[] memory parts) internal returns (ITypes.Auth memory) {
        bytes32[] memory hashes = new bytes32[](parts.length);
        for (uint256 i; i < parts.length; ++i) hashes[i] = parts[i].hash;
        return auth(unitSubject(unit), actor, keccak256(bytes(Types.GROUP)), keccak256(abi.encodePacked(hashes)));
    }

    function groupCall(bytes32 unit, Part[] memory parts, ITypes.Auth memory signed) internal view returns (bytes memory) {
        uint8[] memory verbs = new uint8[](parts.length);
        bytes[] memory args = new bytes[](parts.length);
        bytes32[][][] memory proofs = new bytes32[][][](parts.length);
        bytes32[][][] memory origins = new bytes32[][][](parts.length);
        for (uint256 i; i < parts.length; ++i) {
            (verbs[i], args[i], proofs[i], origins[i]) = (parts[i].verb, parts[i].args, parts[i].proofs, parts[i].origins);
        }
        return abi.encodeCall(ledger.group, (unit, verbs, args, proofs, origins, signed));
    }

    /// @notice Each part after its length in four bytes.
    function batchOf(bytes[] memory parts) internal view returns (bytes memory) {
        bytes memory all;
        for (uint256 i; i < parts.length; ++i) all = bytes.concat(all, bytes4(uint32(parts[i].length)), parts[i]);
        return abi.encodeCall(ledger.batch, (all));
    }
}
