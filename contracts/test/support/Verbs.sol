// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ILedger} from "../../src/ILedger.sol";
import {Relay} from "./Relay.sol";
import {Trees} from "./Trees.sol";
import {Types} from "./Types.sol";

/// @notice A signed call of every verb: right, unless a test says otherwise.
abstract contract Verbs is Relay {
    bytes32 internal constant DOCUMENT = keccak256("document");
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
        ILedger.Stale[] stale;
    }

    /// @notice One verb of a group.
    struct Part {
        uint8 verb;
        bytes args;
        bytes32 hash;
        bytes32[][] proofs;
    }

    // ------------------------------------------------------------------------------------- parties

    function registerParty(ILedger.RegisterPartyArgs memory args) internal returns (bytes memory) {
        uint256[] memory all = adminKeys();
        uint256[] memory keys = new uint256[](THRESHOLD);
        for (uint256 i; i < THRESHOLD; ++i) keys[i] = all[i];
        return registerParty(args, keys);
    }

    function registerParty(ILedger.RegisterPartyArgs memory args, uint256[] memory keys) internal returns (bytes memory) {
        bytes32 hash = vm.eip712HashStruct(Types.REGISTER_PARTY, abi.encode(args));
        Terms memory t = terms(partySubject(args.party), 0);
        bytes32 message = keccak256(abi.encode(Types.message("RegisterParty", Types.REGISTER_PARTY), t.subject.id, t.subject.head, t.era, t.deadline, hash));
        ILedger.Sig[] memory sigs = new ILedger.Sig[](keys.length);
        for (uint256 i; i < keys.length; ++i) sigs[i] = signature(keys[i], digestOf(t.domain, message));
        return abi.encodeCall(ledger.registerParty, (args, ILedger.Quorum(t.subject.seq, t.era, t.deadline, sigs)));
    }

    function openEpoch(ILedger.OpenEpochArgs memory args) internal returns (bytes memory) {
        bytes32 hash = vm.eip712HashStruct(Types.OPEN_EPOCH, abi.encode(args));
        return abi.encodeCall(ledger.openEpoch, (args, auth(partySubject(args.actor), args.actor, Types.message("OpenEpoch", Types.OPEN_EPOCH), hash)));
    }

    function cancel(uint64 actor) internal returns (bytes memory) {
        ILedger.CancelArgs memory args = ILedger.CancelArgs(actor);
        bytes32 hash = vm.eip712HashStruct(Types.CANCEL, abi.encode(args));
        return abi.encodeCall(ledger.cancel, (args, auth(partySubject(actor), actor, Types.message("Cancel", Types.CANCEL), hash)));
    }

    // ------------------------------------------------------------------------------- batches, lots

    function reserveBatch(ILedger.ReserveBatchArgs memory args) internal returns (bytes memory) {
        bytes32 hash = vm.eip712HashStruct(Types.RESERVE_BATCH, abi.encode(args));
        return abi.encodeCall(ledger.reserveBatch, (args, auth(partySubject(args.actor), args.actor, Types.message("ReserveBatch", Types.RESERVE_BATCH), hash)));
    }

    function commission(uint64 batch, ILedger.CommissionArgs memory args) internal returns (bytes memory) {
        bytes32 hash = vm.eip712HashStruct(Types.COMMISSION, abi.encode(args));
        return abi.encodeCall(ledger.commission, (batch, args, auth(batchSubject(batch), args.actor, Types.message("Commission", Types.COMMISSION), hash)));
    }

    function activate(uint64 batch, ILedger.ActivateArgs memory args, uint32 hint) internal returns (bytes memory) {
        bytes32 hash = vm.eip712HashStruct(Types.ACTIVATE, abi.encode(args));
        return abi.encodeCall(ledger.activate, (batch, args, hint, auth(batchSubject(batch), args.actor, Types.message("Activate", Types.ACTIVATE), hash)));
    }

    function bindLot(uint64 batch, ILedger.BindLotArgs memory args, uint32 hint) internal returns (bytes memory) {
        bytes32 hash = vm.eip712HashStruct(Types.BIND_LOT, abi.encode(args));
        return abi.encodeCall(ledger.bindLot, (batch, args, hint, auth(batchSubject(batch), args.actor, Types.message("BindLot", Types.BIND_LOT), hash)));
    }

    // --------------------------------------------------------------------------------------- units

    function unitId(uint64 creator, bytes32 epcHash) internal pure returns (bytes32) {
        return keccak256(abi.encode(creator, epcHash));
    }

    function packArgs(uint64 actor, bytes32 epcHash, ILedger.Child[] memory children) internal pure returns (ILedger.PackArgs memory) {
        return ILedger.PackArgs(actor, epcHash, Trees.root(children), uint32(children.length), 1, 0, new ILedger.Child[](0), DOCUMENT);
    }

    function packHash(ILedger.PackArgs memory args) internal pure returns (bytes32) {
        return vm.eip712HashStruct(string.concat(Types.PACK, Types.CHILD), abi.encode(args));
    }

    function pack(ILedger.PackArgs memory args, bytes32[][] memory proofs) internal returns (bytes memory) {
        return pack(args, proofs, args.actor);
    }

    function pack(ILedger.PackArgs memory args, bytes32[][] memory proofs, uint64 signer) internal returns (bytes memory) {
        Subject memory subject = unitSubject(unitId(args.actor, args.epcHash));
        return abi.encodeCall(ledger.pack, (args, proofs, auth(subject, signer, Types.ofChildren("Pack", Types.PACK), packHash(args))));
    }

    function unpackHash(ILedger.UnpackArgs memory args) internal pure returns (bytes32) {
        return vm.eip712HashStruct(string.concat(Types.UNPACK, Types.CHILD), abi.encode(args));
    }

    function unpack(bytes32 unit, ILedger.UnpackArgs memory args, bytes32[][] memory proofs) internal returns (bytes memory) {
        return abi.encodeCall(ledger.unpack, (unit, args, proofs, auth(unitSubject(unit), args.actor, Types.ofChildren("Unpack", Types.UNPACK), unpackHash(args))));
    }

    function unpack(bytes32 unit, uint64 actor, ILedger.Child[] memory children, uint256[] memory positions) internal returns (bytes memory) {
        return unpack(unit, ILedger.UnpackArgs(actor, Trees.pick(children, positions), DOCUMENT), Trees.proofs(children, positions));
    }

    function shipHash(ILedger.ShipArgs memory args) internal pure returns (bytes32) {
        return vm.eip712HashStruct(Types.SHIP, abi.encode(args));
    }

    function ship(bytes32 unit, uint64 actor, uint64 to) internal returns (bytes memory) {
        ILedger.ShipArgs memory args = ILedger.ShipArgs(actor, to, DOCUMENT);
        return abi.encodeCall(ledger.ship, (unit, args, auth(unitSubject(unit), actor, Types.message("Ship", Types.SHIP), shipHash(args))));
    }

    function receiveHash(ILedger.ReceiveFromArgs memory args) internal pure returns (bytes32) {
        return vm.eip712HashStruct(Types.RECEIVE_FROM, abi.encode(args));
    }

    function receiveFrom(bytes32 unit, uint64 actor, uint64 from) internal returns (bytes memory) {
        ILedger.ReceiveFromArgs memory args = ILedger.ReceiveFromArgs(actor, from, DOCUMENT);
        return abi.encodeCall(ledger.receiveFrom, (unit, args, auth(unitSubject(unit), actor, Types.message("ReceiveFrom", Types.RECEIVE_FROM), receiveHash(args))));
    }

    // --------------------------------------------------------------------------------------- lists

    /// @notice A list of units as they are now.
    function listOf(bytes32[] memory units) internal returns (List memory list) {
        (list.units, list.heads) = (units, new bytes32[](units.length));
        for (uint256 i; i < units.length; ++i) list.heads[i] = unitNow(units[i]).head;
    }

    function shipList(List memory list, uint64 actor, uint64 to) internal returns (bytes memory) {
        ILedger.ShipArgs memory args = ILedger.ShipArgs(actor, to, DOCUMENT);
        ILedger.Auth memory signed = listAuth(list, actor, Types.list("Ship", Types.SHIP), shipHash(args));
        return abi.encodeCall(ledger.shipList, (list.units, list.skipStale, args, list.stale, signed));
    }

    function receiveList(List memory list, uint64 actor, uint64 from) internal returns (bytes memory) {
        ILedger.ReceiveFromArgs memory args = ILedger.ReceiveFromArgs(actor, from, DOCUMENT);
        ILedger.Auth memory signed = listAuth(list, actor, Types.list("ReceiveFrom", Types.RECEIVE_FROM), receiveHash(args));
        return abi.encodeCall(ledger.receiveList, (list.units, list.skipStale, args, list.stale, signed));
    }

    function listAuth(List memory list, uint64 actor, bytes32 typeHash, bytes32 argsHash) internal returns (ILedger.Auth memory) {
        Terms memory t = terms(Subject(0, 0, 0), actor);
        bytes32 units = keccak256(abi.encodePacked(list.units));
        return authOf(t, keccak256(abi.encode(typeHash, units, keccak256(abi.encodePacked(list.heads)), list.skipStale, t.era, t.deadline, argsHash)));
    }

    // ---------------------------------------------------------------------------------- log, relay

    function anchorScanLog(ILedger.AnchorScanLogArgs memory args) internal returns (bytes memory) {
        bytes32 hash = vm.eip712HashStruct(Types.ANCHOR_SCAN_LOG, abi.encode(args));
        return abi.encodeCall(ledger.anchorScanLog, (args, auth(logSubject(), args.actor, Types.message("AnchorScanLog", Types.ANCHOR_SCAN_LOG), hash)));
    }

    function packPart(ILedger.PackArgs memory args, bytes32[][] memory proofs) internal pure returns (Part memory) {
        return Part(PACK, abi.encode(args), packHash(args), proofs);
    }

    function unpackPart(uint64 actor, ILedger.Child[] memory children, uint256[] memory positions) internal pure returns (Part memory) {
        ILedger.UnpackArgs memory args = ILedger.UnpackArgs(actor, Trees.pick(children, positions), DOCUMENT);
        return Part(UNPACK, abi.encode(args), unpackHash(args), Trees.proofs(children, positions));
    }

    function shipPart(uint64 actor, uint64 to) internal pure returns (Part memory) {
        ILedger.ShipArgs memory args = ILedger.ShipArgs(actor, to, DOCUMENT);
        return Part(SHIP, abi.encode(args), shipHash(args), new bytes32[][](0));
    }

    function receivePart(uint64 actor, uint64 from) internal pure returns (Part memory) {
        ILedger.ReceiveFromArgs memory args = ILedger.ReceiveFromArgs(actor, from, DOCUMENT);
        return Part(RECEIVE_FROM, abi.encode(args), receiveHash(args), new bytes32[][](0));
    }

    function group(bytes32 unit, uint64 actor, Part[] memory parts) internal returns (bytes memory) {
        return groupCall(unit, parts, groupAuth(unit, actor, parts));
    }

    function groupAuth(bytes32 unit, uint64 actor, Part[] memory parts) internal returns (ILedger.Auth memory) {
        bytes32[] memory hashes = new bytes32[](parts.length);
        for (uint256 i; i < parts.length; ++i) hashes[i] = parts[i].hash;
        return auth(unitSubject(unit), actor, keccak256(bytes(Types.GROUP)), keccak256(abi.encodePacked(hashes)));
    }

    function groupCall(bytes32 unit, Part[] memory parts, ILedger.Auth memory signed) internal view returns (bytes memory) {
        uint8[] memory verbs = new uint8[](parts.length);
        bytes[] memory args = new bytes[](parts.length);
        bytes32[][][] memory proofs = new bytes32[][][](parts.length);
        for (uint256 i; i < parts.length; ++i) (verbs[i], args[i], proofs[i]) = (parts[i].verb, parts[i].args, parts[i].proofs);
        return abi.encodeCall(ledger.group, (unit, verbs, args, proofs, signed));
    }

    function batchOf(bytes[] memory parts) internal view returns (bytes memory) {
        return abi.encodeCall(ledger.batch, (parts));
    }
}
