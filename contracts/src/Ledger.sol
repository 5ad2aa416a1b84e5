// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {ILedger} from "./ILedger.sol";
import {Messages} from "./Messages.sol";

/// @title The Touchstone ledger; see ILedger for the rules
/// @dev One silhouette for every verb: who signed, what must hold, what changes, the event. There is
/// no foreign call anywhere, so nothing can re-enter; there is no owner and no proxy.
contract Ledger is ILedger {
    using Messages for *;

    uint16 internal constant ROLE_BRAND = 1;
    uint16 internal constant ROLE_OPERATOR = 64;
    uint8 internal constant ACTIVE = 1;
    uint8 internal constant RESERVED = 1;
    uint8 internal constant COMMISSIONED = 2;
    uint8 internal constant HELD = 1;
    uint8 internal constant IN_TRANSIT = 2;
    uint8 internal constant INSIDE = 3;
    uint8 internal constant ITEM = 1;
    uint8 internal constant UNIT = 2;
    uint8 internal constant RELEASED = 1;

    uint64 internal constant FIRST_ASSIGNED_PARTY = 10 ** 13;
    uint64 internal constant PREFIX_INSIDE = type(uint64).max; // a longer prefix is registered below
    uint256 internal constant MAX_PARTS = 256;
    uint256 internal constant MAX_GROUP = 8;
    uint256 internal constant PART_GAS = 300_000; // more than any verb takes, but for
    uint256 internal constant PART_GAS_PER_BYTE = 600; // what the length of its calldata makes it do
    uint256 internal constant HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0;

    uint256 internal immutable CHAIN_ID;
    bytes32 internal immutable DOMAIN;

    Registry internal registry;
    ScanLog internal scanLog;
    mapping(address admin => bool) internal admins;
    mapping(uint64 party => Party) internal parties;
    mapping(uint256 lengthAndPrefix => uint64 party) internal prefixes;
    mapping(uint64 party => mapping(uint8 epoch => bytes32 commitment)) internal epochs;
    mapping(uint64 batch => Batch) internal batches;
    mapping(uint64 batch => mapping(uint32 first => Run)) internal runs;
    mapping(uint32 number => Lot) internal lots;
    mapping(uint64 gtin => mapping(bytes32 lot => uint32 number)) internal lotNumbers;
    mapping(bytes32 unit => Unit) internal units;

    /// @dev A verb being carried out. `by` is the event's word; `head` and `seq` are the subject's
    /// before the verb, and after `_record` those after it.
    struct Act {
        bytes32 head;
        uint256 seq;
        uint64 actor;
        address signer;
        uint8 keyMode;
        bytes32 argsHash;
    }

    /// @param admins_ ascending, so that none is named twice
    constructor(address[] memory admins_, uint8 threshold) {
        if (threshold == 0 || threshold > admins_.length || admins_.length > 255) revert QuorumMissing(admins_.length, threshold);
        address last;
        for (uint256 i; i < admins_.length; ++i) {
            if (admins_[i] <= last) revert SignersNotAscending();
            admins[last = admins_[i]] = true;
        }
        registry.nextParty = FIRST_ASSIGNED_PARTY;
        registry.threshold = threshold;
        registry.admins = uint8(admins_.length);
        CHAIN_ID = block.chainid;
        DOMAIN = _domain();
    }

    // ---------------------------------------------------------------------------- registry, parties

    function registerParty(RegisterPartyArgs calldata args, Quorum calldata quorum) external {
        bytes32 subject = _subject("party", 5, bytes32(uint256(args.party)));
        (Act memory act, address[] memory signers) = _byQuorum(Messages.REGISTER_PARTY_MSG, subject, args.hash(), quorum);
        Party storage p = parties[args.party];
        if (p.status != 0) revert PartyExists(args.party);
        if (args.account == address(0)) revert ZeroAddress();
        if (args.keyMode == 0 || args.keyMode > 3) revert BadKeyMode(args.keyMode);
        if (args.party >= FIRST_ASSIGNED_PARTY) {
            if (args.party != registry.nextParty) revert BadPartyId(args.party);
            registry.nextParty = args.party + 1;
        } else if (args.party == 0 || !_checkDigit(args.party)) {
            revert BadPartyId(args.party);
        }
        if (args.prefixLength != 0) _claimPrefix(args);

        (p.account, p.roles, p.keyMode, p.status, p.markets) = (args.account, args.roles, args.keyMode, ACTIVE, args.markets);
        _recordParty(p, act, Messages.REGISTER_PARTY, args.eventHash);
        emit PartyRegistered(args.party, _by(act), args, signers);
    }

    function openEpoch(OpenEpochArgs calldata args, Auth calldata auth) external {
        (Party storage p, Act memory act) = _byParty(args.actor, Messages.OPEN_EPOCH_MSG, args.hash(), auth);
        _needRole(p, args.actor, ROLE_BRAND);
        if (args.epoch > 31) revert BadEpoch(args.epoch);
        if (args.commitment == 0) revert ZeroRoot();
        if (epochs[args.actor][args.epoch] != 0) revert EpochExists(args.epoch);

        epochs[args.actor][args.epoch] = args.commitment;
        _recordParty(p, act, Messages.OPEN_EPOCH, args.eventHash);
        _log(EpochOpened.selector, args.actor, act, args.at(), 4);
    }

    function cancel(CancelArgs calldata args, Auth calldata auth) external {
        (Party storage p, Act memory act) = _byParty(args.actor, Messages.CANCEL_MSG, args.hash(), auth);

        ++p.era;
        _recordParty(p, act, Messages.CANCEL, 0);
        _log(Cancelled.selector, args.actor, act, args.at(), 1);
    }

    // -------------------------------------------------------------------------------- batches, lots

    function reserveBatch(ReserveBatchArgs calldata args, Auth calldata auth) external returns (uint64 number) {
        (Party storage p, Act memory act) = _byParty(args.actor, Messages.RESERVE_BATCH_MSG, args.hash(), auth);
        _needRole(p, args.actor, ROLE_BRAND);
        if (args.epoch > 31 || epochs[args.actor][args.epoch] == 0) revert BadEpoch(args.epoch);
        if (args.gtin == 0 || args.gtin >= 10 ** 14 || !_checkDigit(args.gtin)) revert BadGtin(args.gtin);
        if (brandOf(args.gtin) != args.actor) revert ForeignGtin(args.gtin, args.actor);
        number = ++registry.batches;
        if (number >= 2 ** 31) revert BatchCounterSpent();

        Batch storage b = batches[number];
        (b.gtin, b.brand, b.epoch, b.status) = (args.gtin, args.actor, args.epoch, RESERVED);
        _recordParty(p, act, Messages.RESERVE_BATCH, args.eventHash);
        _log(BatchReserved.selector, number, act, args.at(), 4);
    }

    function commission(uint64 number, CommissionArgs calldata args, Auth calldata auth) external {
        (Batch storage b, Act memory act) = _byBrand(number, args.actor, Messages.COMMISSION_MSG, args.hash(), auth);
        if (b.status != RESERVED) revert AlreadyCommissioned(number);
        if (args.count == 0) revert BadCount(args.count);
        if (args.root == 0) revert ZeroRoot();

        (b.count, b.status, b.root) = (args.count, COMMISSIONED, args.root);
        if (args.innerRoot != 0) b.innerRoot = args.innerRoot;
        _recordBatch(b, act, Messages.COMMISSION, args.eventHash);
        _log(Commissioned.selector, number, act, args.at(), 5);
    }

    function activate(uint64 number, ActivateArgs calldata args, uint32 hint, Auth calldata auth) external {
        (Batch storage b, Act memory act) = _byBrand(number, args.actor, Messages.ACTIVATE_MSG, args.hash(), auth);
        if (b.status != COMMISSIONED) revert NotCommissioned(number);

        _cut(number, b, args.from, args.to, hint).activeFrom = args.activeFrom;
        _recordBatch(b, act, Messages.ACTIVATE, args.eventHash);
        _log(Activated.selector, number, act, args.at(), 5);
    }

    function bindLot(uint64 number, BindLotArgs calldata args, uint32 hint, Auth calldata auth) external {
        (Batch storage b, Act memory act) = _byBrand(number, args.actor, Messages.BIND_LOT_MSG, args.hash(), auth);
        if (b.status != COMMISSIONED) revert NotCommissioned(number);

        uint32 lotNumber = _openLot(b.gtin, args);
        if (args.from != args.to) {
            Run storage run = _cut(number, b, args.from, args.to, hint);
            if (run.lot != 0) revert LotAlreadyBound(args.from, run.lot);
            run.lot = lotNumber;
        }
        _recordBatch(b, act, Messages.BIND_LOT, args.eventHash);
        _log(LotBound.selector, number, act, args.at(), 8);
    }

    // ---------------------------------------------------------------------------------------- units

    function pack(PackArgs calldata args, bytes32[][] calldata proofs, Auth calldata auth) external {
        bytes32 unit = _unitId(args);
        _pack(unit, args, proofs, _byUnit(unit, args.actor, Messages.PACK_MSG, args.hash(), auth));
    }

    function unpack(bytes32 unit, UnpackArgs calldata args, bytes32[][] calldata proofs, Auth calldata auth) external {
        _unpack(unit, args, proofs, _byUnit(unit, args.actor, Messages.UNPACK_MSG, args.hash(), auth));
    }

    function ship(bytes32 unit, ShipArgs calldata args, Auth calldata auth) external {
        Act memory act = _byUnit(unit, args.actor, Messages.SHIP_MSG, args.hash(), auth);
        _needAddressee(args);
        _ship(unit, args, act);
    }

    function shipList(bytes32[] calldata list, bool skipStale, ShipArgs calldata args, Stale[] calldata stale, Auth calldata auth) external {
        (bytes32[] memory heads, Act memory act) = _byList(Messages.SHIP_LIST_MSG, list, skipStale, args.actor, args.hash(), stale, auth);
        _needAddressee(args);
        for (uint256 i; i < list.length; ++i) {
            if (heads[i] == 0) continue;
            (act.head, act.seq) = (heads[i], units[list[i]].seq);
            _ship(list[i], args, act);
        }
    }

    function receiveFrom(bytes32 unit, ReceiveFromArgs calldata args, Auth calldata auth) external {
        _receive(unit, args, _byUnit(unit, args.actor, Messages.RECEIVE_FROM_MSG, args.hash(), auth));
    }

    function receiveList(bytes32[] calldata list, bool skipStale, ReceiveFromArgs calldata args, Stale[] calldata stale, Auth calldata auth) external {
        (bytes32[] memory heads, Act memory act) = _byList(Messages.RECEIVE_LIST_MSG, list, skipStale, args.actor, args.hash(), stale, auth);
        for (uint256 i; i < list.length; ++i) {
            if (heads[i] == 0) continue;
            (act.head, act.seq) = (heads[i], units[list[i]].seq);
            _receive(list[i], args, act);
        }
    }

    // ----------------------------------------------------------------------------------- log, relay

    function anchorScanLog(AnchorScanLogArgs calldata args, Auth calldata auth) external {
        ScanLog storage log = scanLog;
        Act memory act = _signed(_subject("log", 3, 0), log.head, log.seq, args.actor, Messages.ANCHOR_SCAN_LOG_MSG, args.hash(), auth);
        _needRole(parties[args.actor], args.actor, ROLE_OPERATOR);
        if (args.size < log.size) revert LogShrank(args.size);

        _record(act, Messages.ANCHOR_SCAN_LOG, 0, 0);
        (log.size, log.time, log.seq, log.head) = (args.size, uint64(block.timestamp), uint64(act.seq), act.head);
        (log.logRoot, log.mapRoot) = (args.logRoot, args.mapRoot);
        _log(ScanLogAnchored.selector, args.actor, act, args.at(), 4);
    }

    function group(bytes32 unit, uint8[] calldata verbs, bytes[] calldata args, bytes32[][][] calldata proofs, Auth calldata auth) external {
        if (verbs.length == 0) revert EmptyList();
        if (verbs.length > MAX_GROUP) revert TooManyParts(verbs.length);
        if (verbs.length != args.length || verbs.length != proofs.length) revert LengthMismatch();
        bytes32[] memory parts = new bytes32[](verbs.length);
        uint64 actor;
        for (uint256 i; i < verbs.length; ++i) {
            uint64 partActor;
            (parts[i], partActor) = _part(i, verbs[i], args[i], unit);
            if (i == 0) actor = partActor;
            if (partActor != actor) revert BadPart(i);
        }
        Act memory act = _byUnit(unit, actor, Messages.GROUP, parts.hashWords(), auth);
        for (uint256 i; i < verbs.length; ++i) {
            act.argsHash = parts[i];
            if (i != 0) (act.head, act.seq) = (units[unit].head, units[unit].seq);
            if (verbs[i] == Messages.PACK) {
                _pack(unit, _packArgs(args[i]), proofs[i], act);
            } else if (verbs[i] == Messages.UNPACK) {
                _unpack(unit, _unpackArgs(args[i]), proofs[i], act);
            } else if (verbs[i] == Messages.SHIP) {
                _needAddressee(_shipArgs(args[i]));
                _ship(unit, _shipArgs(args[i]), act);
            } else {
                _receive(unit, _receiveArgs(args[i]), act);
            }
        }
    }

    function batch(bytes[] calldata parts) external {
        if (parts.length == 0) revert EmptyList();
        if (parts.length > MAX_PARTS) revert TooManyParts(parts.length);
        uint256 free;
        assembly ("memory-safe") {
            free := mload(0x40)
        }
        for (uint256 i; i < parts.length; ++i) {
            bytes calldata part = parts[i];
            if (bytes4(part) == this.batch.selector) revert NotBatchable(this.batch.selector);
            if ((gasleft() * 63) / 64 < PART_GAS + PART_GAS_PER_BYTE * part.length) revert GasFloor(i);
            (bool ok, bytes memory reason) = _delegate(part, free);
            if (ok) continue;
            if (reason.length == 0) revert EmptyRevert(i);
            emit PartFailed(i, reason);
        }
    }

    // ---------------------------------------------------------------------------------------- views

    function brandOf(uint64 gtin) public view returns (uint64) {
        uint64 digits = gtin % 10 ** 13; // without the indicator
        for (uint8 length = 12; length >= 4; --length) {
            uint64 owner = prefixes[_prefixKey(digits / uint64(10 ** (13 - length)), length)];
            if (owner != 0 && owner != PREFIX_INSIDE) return owner;
        }
        return 0;
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

    // --------------------------------------------------------------------------------- verbs, inner

    function _pack(bytes32 unit, PackArgs calldata args, bytes32[][] calldata proofs, Act memory act) internal {
        Unit storage u = units[unit];
        if (u.state != 0) revert UnitExists(unit);
        if (args.count == 0 || args.slotted.length > args.count) revert BadCount(args.count);
        if (args.childrenRoot == 0) revert ZeroRoot();
        if (args.slotted.length != proofs.length) revert LengthMismatch();
        if (args.lot != 0) {
            Lot storage lot = lots[args.lot];
            if (lot.status == 0) revert UnknownLot(args.lot);
            (u.lot, u.market) = (args.lot, lot.market);
        }

        _record(act, Messages.PACK, 0, args.eventHash);
        (u.holder, u.seq, u.count, u.state, u.level) = (uint48(act.actor), uint32(act.seq), args.count, HELD, args.level);
        (u.childrenRoot, u.head) = (args.childrenRoot, act.head);
        emit Packed(unit, _by(act), args);
        for (uint256 i; i < args.slotted.length; ++i) _packInto(unit, args, i, proofs[i], act);
    }

    /// @dev A child with a slot is frozen while it is inside, so it must be shown to be in the tree.
    function _packInto(bytes32 parent, PackArgs calldata args, uint256 i, bytes32[] calldata proof, Act memory act) internal {
        Child calldata child = args.slotted[i];
        _needInTree(child, proof, args.childrenRoot, args.count);
        Unit storage u = units[child.child];
        _needHeld(u, child.child, act.actor);
        if (u.count != child.count || u.childrenRoot != child.childrenRoot) revert BadChild(child.child);
        // A restricted child restricts its parent: packing is no way around a market.
        Unit storage p = units[parent];
        if (p.market == 0) p.market = u.market;
        else if (u.market != 0 && u.market != p.market) revert BadChild(child.child);

        (act.head, act.seq, act.argsHash) = (u.head, u.seq, Messages.packedInto(parent, 1));
        _record(act, Messages.PACKED_INTO, 0, args.eventHash);
        (u.state, u.parent, u.head, u.seq) = (INSIDE, parent, act.head, uint32(act.seq));
        emit PackedInto(child.child, parent, _by(act), 1, act.actor, args.eventHash);
    }

    function _unpack(bytes32 unit, UnpackArgs calldata args, bytes32[][] calldata proofs, Act memory act) internal {
        Unit storage u = units[unit];
        _needHeld(u, unit, act.actor);
        if (args.children.length == 0) revert EmptyList();
        if (args.children.length != proofs.length) revert LengthMismatch();

        uint256 gone = u.gone + args.children.length;
        if (gone > u.count) revert BadCount(gone); // a false tree may have more leaves than its packer counted

        _record(act, Messages.UNPACK, 0, args.eventHash);
        (u.gone, u.seq, u.head) = (uint32(gone), uint32(act.seq), act.head);
        emit Unpacked(unit, _by(act), args);
        for (uint256 i; i < args.children.length; ++i) _unpackFrom(unit, u, args, i, proofs[i], act);
    }

    /// @dev Whatever leaves a unit gets a slot, so nothing leaves twice.
    function _unpackFrom(bytes32 parent, Unit storage from, UnpackArgs calldata args, uint256 i, bytes32[] calldata proof, Act memory act) internal {
        Child calldata child = args.children[i];
        _needInTree(child, proof, from.childrenRoot, from.count);
        bytes32 id = child.child;
        Unit storage u = units[id];
        if (u.state == 0) {
            (u.count, u.market, u.lot, u.childrenRoot) = (child.count, from.market, from.lot, child.childrenRoot);
            if (child.kind == UNIT && from.level != 0) u.level = from.level - 1;
            act.head = _head0(_subject("unit", 4, id));
        } else {
            if (u.state != INSIDE || u.parent != parent) revert NotInside(id, parent);
            u.parent = 0;
            act.head = u.head;
        }

        (act.seq, act.argsHash) = (u.seq, Messages.unpackedFrom(parent, from.seq, from.head, child.position));
        _record(act, Messages.UNPACKED_FROM, 0, args.eventHash);
        (u.holder, u.state, u.head, u.seq) = (uint48(act.actor), HELD, act.head, uint32(act.seq));
        emit UnpackedFrom(id, parent, _by(act), from.seq, from.head, child.position, act.actor, args.eventHash);
    }

    function _ship(bytes32 unit, ShipArgs calldata args, Act memory act) internal {
        Unit storage u = units[unit];
        _needHeld(u, unit, act.actor);
        if (u.market != 0 && (parties[args.to].markets >> u.market) & 1 == 0) revert MarketRefused(args.to, u.market);

        _record(act, Messages.SHIP, args.to, args.eventHash);
        (u.addressee, u.seq, u.state, u.head) = (uint48(args.to), uint32(act.seq), IN_TRANSIT, act.head);
        _log(Shipped.selector, uint256(unit), act, args.at(), 3);
    }

    function _receive(bytes32 unit, ReceiveFromArgs calldata args, Act memory act) internal {
        Unit storage u = units[unit];
        if (u.state == 0) revert UnknownUnit(unit);
        if (u.state != IN_TRANSIT) revert UnitNotInTransit(unit);
        if (u.addressee != act.actor) revert NotAddressee(unit, act.actor);
        if (u.holder != args.from) revert NotFrom(unit, args.from);

        _record(act, Messages.RECEIVE_FROM, args.from, args.eventHash);
        (u.holder, u.addressee, u.seq, u.state, u.head) = (uint48(act.actor), 0, uint32(act.seq), HELD, act.head);
        _log(Received.selector, uint256(unit), act, args.at(), 3);
    }

    // --------------------------------------------------------------------------------------- guards

    function _needRole(Party storage p, uint64 party, uint16 role) internal view {
        if (p.roles & role == 0) revert RoleMissing(party, role);
    }

    /// @dev Held by `actor`, not inside another unit, and not empty.
    function _needHeld(Unit storage u, bytes32 unit, uint64 actor) internal view {
        if (u.state == 0) revert UnknownUnit(unit);
        if (u.holder != actor) revert NotHolder(unit, actor);
        if (u.state == IN_TRANSIT) revert UnitInTransit(unit);
        if (u.state == INSIDE) revert UnitInside(unit);
        if (u.count != 0 && u.gone >= u.count) revert UnitEmpty(unit);
    }

    function _needAddressee(ShipArgs calldata args) internal view {
        if (args.to == args.actor) revert ToSelf(args.to);
        _needActive(parties[args.to], args.to);
    }

    function _needActive(Party storage p, uint64 party) internal view {
        if (p.status == 0) revert UnknownParty(party);
        if (p.status != ACTIVE) revert PartyInactive(party);
    }

    function _needInTree(Child calldata c, bytes32[] calldata proof, bytes32 root, uint32 count) internal pure {
        bool item = c.kind == ITEM && c.childrenRoot == 0 && c.count == 0;
        bool unit = c.kind == UNIT && c.childrenRoot != 0 && c.count != 0;
        if (c.position >= count || !(item || unit)) revert BadChild(c.child);
        if (!MerkleProof.verifyCalldata(proof, root, c.leaf())) revert NotInTree(c.child);
    }

    // ----------------------------------------------------------------------------------- signatures

    function _byParty(uint64 actor, bytes32 typeHash, bytes32 argsHash, Auth calldata auth) internal view returns (Party storage p, Act memory act) {
        p = parties[actor];
        act = _signed(_subject("party", 5, bytes32(uint256(actor))), p.head, p.seq, actor, typeHash, argsHash, auth);
    }

    function _byBrand(uint64 number, uint64 actor, bytes32 typeHash, bytes32 argsHash, Auth calldata auth) internal view returns (Batch storage b, Act memory act) {
        b = batches[number];
        if (b.status == 0) revert UnknownBatch(number);
        if (b.brand != actor) revert NotBrandOf(number, actor);
        act = _signed(_subject("batch", 5, bytes32(uint256(number))), b.head, b.seq, actor, typeHash, argsHash, auth);
    }

    function _byUnit(bytes32 unit, uint64 actor, bytes32 typeHash, bytes32 argsHash, Auth calldata auth) internal view returns (Act memory) {
        Unit storage u = units[unit];
        return _signed(_subject("unit", 4, unit), u.head, u.seq, actor, typeHash, argsHash, auth);
    }

    /// @return heads of the units in storage, 0 for one that is passed over
    function _byList(bytes32 typeHash, bytes32[] calldata list, bool skipStale, uint64 actor, bytes32 argsHash, Stale[] calldata stale, Auth calldata auth)
        internal
        returns (bytes32[] memory heads, Act memory act)
    {
        if (list.length == 0) revert EmptyList();
        heads = new bytes32[](list.length);
        for (uint256 i; i < list.length; ++i) {
            heads[i] = units[list[i]].head;
            if (heads[i] == 0) revert UnknownUnit(list[i]);
        }
        bytes32 headsHash = _signedHeads(heads, list, stale);
        act.argsHash = argsHash;
        _sign(act, actor, keccak256(abi.encode(typeHash, keccak256(abi.encodePacked(list)), headsHash, skipStale, auth.era, auth.deadline, argsHash)), auth);
        // With nothing left to move, a relayer could land the list again and again as so many `Skipped`.
        if (stale.length == list.length) revert StaleHead(_subject("unit", 4, list[0]));
        for (uint256 i; i < stale.length; ++i) {
            uint256 at = stale[i].position;
            if (!skipStale) revert StaleHead(_subject("unit", 4, list[at]));
            heads[at] = 0;
            emit Skipped(list[at], actor, stale[i].head);
        }
    }

    /// @dev The heads as they were signed: a relayer can neither skip a fresh unit nor hide a moved one.
    function _signedHeads(bytes32[] memory heads, bytes32[] calldata list, Stale[] calldata stale) internal pure returns (bytes32 h) {
        if (stale.length == 0) return heads.hashWords();
        bytes32[] memory signed = new bytes32[](heads.length);
        for (uint256 i; i < heads.length; ++i) signed[i] = heads[i];
        for (uint256 i; i < stale.length; ++i) {
            uint32 at = stale[i].position;
            if (at >= heads.length || (i != 0 && at <= stale[i - 1].position)) revert LengthMismatch();
            if (heads[at] == stale[i].head) revert StaleNotProven(list[at]);
            signed[at] = stale[i].head;
        }
        return signed.hashWords();
    }

    function _byQuorum(bytes32 typeHash, bytes32 subject, bytes32 argsHash, Quorum calldata quorum) internal view returns (Act memory act, address[] memory signers) {
        if (quorum.seq != 0) revert StaleHead(subject);
        if (block.timestamp > quorum.deadline) revert DeadlinePassed(quorum.deadline, uint64(block.timestamp));
        if (quorum.era != registry.era) revert EraCancelled(quorum.era, registry.era);
        if (quorum.sigs.length < registry.threshold) revert QuorumMissing(quorum.sigs.length, registry.threshold);
        (act.head, act.argsHash) = (_head0(subject), argsHash);
        bytes32 digest = _digest(keccak256(abi.encode(typeHash, subject, act.head, quorum.era, quorum.deadline, argsHash)));
        signers = new address[](quorum.sigs.length);
        address last;
        for (uint256 i; i < signers.length; ++i) {
            address signer = _recover(digest, quorum.sigs[i].r, quorum.sigs[i].vs);
            if (!admins[signer]) revert WrongSigner(0, signer);
            if (signer <= last) revert SignersNotAscending();
            signers[i] = last = signer;
        }
        act.signer = signers[0];
    }

    function _signed(bytes32 subject, bytes32 head, uint256 seq, uint64 actor, bytes32 typeHash, bytes32 argsHash, Auth calldata auth) internal view returns (Act memory act) {
        if (auth.seq != seq) revert StaleHead(subject);
        (act.head, act.seq, act.argsHash) = (head == 0 ? _head0(subject) : head, seq, argsHash);
        _sign(act, actor, keccak256(abi.encode(typeHash, subject, act.head, auth.era, auth.deadline, argsHash)), auth);
    }

    function _sign(Act memory act, uint64 actor, bytes32 message, Auth calldata auth) internal view {
        if (block.timestamp > auth.deadline) revert DeadlinePassed(auth.deadline, uint64(block.timestamp));
        Party storage p = parties[actor];
        _needActive(p, actor);
        address signer = _recover(_digest(message), auth.r, auth.vs);
        if (signer != p.account) revert WrongSigner(actor, signer);
        if (auth.era != p.era) revert EraCancelled(auth.era, p.era);
        (act.actor, act.signer, act.keyMode) = (actor, signer, p.keyMode);
    }

    function _recover(bytes32 digest, bytes32 r, bytes32 vs) internal pure returns (address signer) {
        uint256 s = uint256(vs) & uint256(type(int256).max);
        if (s > HALF_ORDER) revert BadSignature();
        signer = ecrecover(digest, uint8((uint256(vs) >> 255) + 27), r, bytes32(s));
        if (signer == address(0)) revert BadSignature();
    }

    function _digest(bytes32 message) internal view returns (bytes32) {
        return keccak256(abi.encodePacked("\x19\x01", block.chainid == CHAIN_ID ? DOMAIN : _domain(), message));
    }

    function _domain() internal view returns (bytes32) {
        return keccak256(abi.encode(Messages.DOMAIN_TYPE, keccak256("Touchstone"), keccak256("1"), block.chainid, address(this)));
    }

    // -------------------------------------------------------------------------------------- history

    /// @dev keccak(abi.encode(string kind, bytes32 id)): offset, id, the kind's length and letters.
    function _subject(bytes32 kind, uint256 length, bytes32 id) internal pure returns (bytes32) {
        return keccak256(abi.encode(64, id, length, kind));
    }

    function _unitId(PackArgs calldata args) internal pure returns (bytes32) {
        return keccak256(abi.encode(args.actor, args.epcHash));
    }

    function _head0(bytes32 subject) internal view returns (bytes32) {
        return keccak256(abi.encode("touchstone-head/1", block.chainid, address(this), subject));
    }

    function _record(Act memory act, uint8 verb, uint64 counterparty, bytes32 eventHash) internal view {
        ++act.seq;
        act.head = keccak256(abi.encode(act.head, act.seq, verb, act.actor, counterparty, act.argsHash, eventHash, act.signer, act.keyMode, block.timestamp));
    }

    function _recordParty(Party storage p, Act memory act, uint8 verb, bytes32 eventHash) internal {
        _record(act, verb, 0, eventHash);
        (p.seq, p.head) = (uint32(act.seq), act.head);
    }

    function _recordBatch(Batch storage b, Act memory act, uint8 verb, bytes32 eventHash) internal {
        _record(act, verb, 0, eventHash);
        (b.seq, b.head) = (uint32(act.seq), act.head);
    }

    function _by(Act memory act) internal pure returns (uint256) {
        return (act.seq << 168) | (uint256(act.keyMode) << 160) | uint256(uint160(act.signer));
    }

    /// @dev Emits an event of the shape (uint indexed id, uint256 by, static struct args).
    function _log(bytes32 selector, uint256 id, Act memory act, uint256 at, uint256 words) internal {
        uint256 by = _by(act);
        assembly ("memory-safe") {
            let m := mload(0x40)
            mstore(m, by)
            calldatacopy(add(m, 32), at, mul(words, 32))
            log2(m, mul(add(words, 1), 32), selector, id)
        }
    }

    // ------------------------------------------------------------------------------- runs, prefixes

    /// @dev Return the run that covers exactly [from, to), cutting it out of the run or the gap that
    /// holds the range. Touches at most three runs and never loops: `hint` names the predecessor.
    function _cut(uint64 number, Batch storage b, uint32 from, uint32 to, uint32 hint) internal returns (Run storage) {
        if (from >= to || to > b.count) revert BadRange(from, to);
        mapping(uint32 => Run) storage list = runs[number];
        uint32 next = b.firstRun;
        uint32 end;
        if (hint != 0) {
            (next, end) = (list[hint - 1].next, list[hint - 1].to);
            if (end == 0 || hint - 1 > from) revert BadPredecessor(hint);
        }
        if (next != 0 && next - 1 <= from) revert BadPredecessor(hint);
        if (end > from) return _split(list, hint - 1, from, to);
        if (next != 0 && next - 1 < to) revert RunsOverlap(from, to);

        if (hint == 0) b.firstRun = from + 1;
        else list[hint - 1].next = from + 1;
        (list[from].next, list[from].to) = (next, to);
        return list[from];
    }

    function _split(mapping(uint32 => Run) storage list, uint32 first, uint32 from, uint32 to) internal returns (Run storage) {
        Run memory run = list[first];
        if (to > run.to) revert RunsOverlap(from, to);
        if (to < run.to) {
            list[to] = run; // the rest, to the right
            run.next = to + 1;
        }
        if (from > first) (list[first].next, list[first].to) = (from + 1, from);
        run.to = to;
        list[from] = run;
        return list[from];
    }

    function _openLot(uint64 gtin, BindLotArgs calldata args) internal returns (uint32 number) {
        if (args.lot == 0) revert ZeroRoot();
        if (args.expiry > type(uint40).max) revert BadTime(args.expiry);
        if (args.bestBefore > type(uint40).max) revert BadTime(args.bestBefore);
        number = lotNumbers[gtin][args.lot]; // by GTIN, since a lot's id can be guessed and nobody shall squat on it
        if (number == 0) {
            number = lotNumbers[gtin][args.lot] = ++registry.lots;
            lots[number] = Lot(gtin, args.actor, uint40(args.expiry), uint40(args.bestBefore), 0, args.market, RELEASED, 0, args.lot);
            emit LotOpened(number, args.lot);
            return number;
        }
        Lot storage lot = lots[number];
        bool same = lot.brand == args.actor && lot.market == args.market;
        if (!same || lot.expiry != args.expiry || lot.bestBefore != args.bestBefore) revert LotDiffers(args.lot);
    }

    /// @dev Marks every shorter length, so that no later prefix can contain this one.
    function _claimPrefix(RegisterPartyArgs calldata args) internal {
        uint8 length = args.prefixLength;
        uint64 prefix = args.prefix;
        if (length < 4 || length > 12 || prefix >= 10 ** length) revert BadPrefix(prefix, length);
        if (args.roles & ROLE_BRAND == 0) revert RoleMissing(args.party, ROLE_BRAND);
        if (prefixes[_prefixKey(prefix, length)] != 0) revert PrefixTaken(prefix, length);
        prefixes[_prefixKey(prefix, length)] = args.party;
        while (--length >= 4) {
            uint256 key = _prefixKey(prefix /= 10, length);
            uint64 owner = prefixes[key];
            if (owner == PREFIX_INSIDE) break; // all shorter ones are marked as well
            if (owner != 0) revert PrefixTaken(prefix, length);
            prefixes[key] = PREFIX_INSIDE;
        }
    }

    function _prefixKey(uint64 prefix, uint8 length) internal pure returns (uint256) {
        return (uint256(length) << 64) | prefix;
    }

    /// @dev GS1's check digit: weights 3 and 1 from the right, the check digit itself weighing 1.
    function _checkDigit(uint64 key) internal pure returns (bool) {
        uint256 sum;
        for (uint256 weight = 1; key != 0; key /= 10) {
            sum += (key % 10) * weight;
            weight = 4 - weight;
        }
        return sum % 10 == 0;
    }

    // ---------------------------------------------------------------------------------------- relay

    /// @return the part's hash, and who it says acts
    function _part(uint256 i, uint8 verb, bytes calldata args, bytes32 unit) internal pure returns (bytes32, uint64) {
        if (verb == Messages.SHIP && args.length == 96) return (_shipArgs(args).hash(), _shipArgs(args).actor);
        if (verb == Messages.RECEIVE_FROM && args.length == 96) return (_receiveArgs(args).hash(), _receiveArgs(args).actor);
        if (verb == Messages.UNPACK) return (_unpackArgs(args).hash(), _unpackArgs(args).actor);
        // A pack further on needs no check of its own: the unit exists by then.
        if (verb == Messages.PACK && _unitId(_packArgs(args)) == unit) return (_packArgs(args).hash(), _packArgs(args).actor);
        revert BadPart(i);
    }

    // A part's arguments where they stand in the calldata: abi.encode of one struct, so a dynamic one
    // begins after its offset word. What they point to is bound by the calldata's end, as ever.

    function _shipArgs(bytes calldata args) internal pure returns (ShipArgs calldata a) {
        assembly ("memory-safe") {
            a := args.offset
        }
    }

    function _receiveArgs(bytes calldata args) internal pure returns (ReceiveFromArgs calldata a) {
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

    /// @dev Runs one part in this contract's own storage; gives its memory back, keeps 128 bytes of error.
    function _delegate(bytes calldata part, uint256 free) internal returns (bool ok, bytes memory reason) {
        assembly ("memory-safe") {
            calldatacopy(free, part.offset, part.length)
            ok := delegatecall(gas(), address(), free, part.length, 0, 0)
            let size := returndatasize()
            if gt(size, 128) { size := 128 }
            reason := free
            mstore(reason, size)
            returndatacopy(add(reason, 32), 0, size)
            mstore(0x40, add(reason, 160))
        }
    }
}
