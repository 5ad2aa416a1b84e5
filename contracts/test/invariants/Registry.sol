// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ITypes} from "../../src/ILedger.sol";
import {Types} from "../support/Types.sol";
import {Ghost} from "./Ghost.sol";

/// @notice Parties, prefixes, batches, runs and lots under attack: invariants 1 to 5.
contract Registry is Ghost {
    uint32 internal constant CODES = 24; // of each batch that is commissioned here

    struct Prefix {
        uint64 party;
        uint64 digits;
        uint8 length;
    }

    bool private asNew;
    Prefix[] internal prefixesGiven;
    uint64[] internal partiesGiven;
    uint64 internal draws = 2;
    mapping(uint64 batch => bytes32) internal rootsOf; // what a batch must be for ever
    mapping(uint64 party => mapping(uint8 epoch => bool)) internal opened;
    mapping(uint64 batch => uint64[64]) internal activeFroms;
    mapping(uint64 batch => uint32[64]) internal lotsBound;
    mapping(uint64 batch => uint8[64]) internal voided;
    mapping(uint64 gtin => mapping(bytes32 lot => uint32)) internal lotsOpened;

    constructor() {
        prefixesGiven.push(Prefix(BRAND, 4006381, 7));
        prefixesGiven.push(Prefix(RIVAL, 950110153, 9));
        (opened[BRAND][0], opened[RIVAL][0]) = (true, true);
        (rootsOf[1], rootsOf[2]) = (_rootsNow(1), _rootsNow(2));
        for (uint64 i = 1; i <= 2; ++i) watch("batch", bytes32(uint256(i)), batchSubject(i));
        watch("party", bytes32(uint256(BRAND)), partySubject(BRAND));
        watch("party", bytes32(uint256(RIVAL)), partySubject(RIVAL));
    }

    // ------------------------------------------------------------------------------------- parties

    /// @dev Few digits, so that prefixes meet: in the third of its tries one contains another.
    function register(uint8 digits, uint8 length, bool again) external {
        uint64 party = digits % 2 == 0 ? registryNow().nextParty : withCheckDigit(uint64(between(digits, 1, 40)));
        if (again && partiesGiven.length != 0) party = partiesGiven[digits % partiesGiven.length];
        length = uint8(between(length, 4, 8));
        uint64 prefix = uint64(7_000_000 + (uint256(digits) % 3) * 1000 + (uint256(digits) / 3) % 3) / uint64(10 ** (7 - (length == 8 ? 7 : length)));
        if (length == 8) (prefix, length) = (0, 0); // without one
        bool exists = partyNow(party).status != 0;
        asNew = true;
        bytes memory call = registerParty(partyArgs(party, 1, 1, 0, prefix, length));
        asNew = false;
        if (!attempt(call)) return;
        expect(!exists, 3, "a party was registered twice");
        for (uint256 i; length != 0 && i < prefixesGiven.length; ++i) {
            expect(!_within(prefix, length, prefixesGiven[i]), 3, "a prefix contains another");
        }
        if (length != 0) prefixesGiven.push(Prefix(party, prefix, length));
        partiesGiven.push(party);
    }

    /// @dev Signs as over an empty history, if `asNew`.
    function terms(Subject memory subject, uint64 actor) internal override returns (Terms memory t) {
        t = super.terms(subject, actor);
        if (asNew) (t.subject.head, t.subject.seq) = (keccak256(abi.encode("touchstone-head/1", block.chainid, address(ledger), subject.id)), 0);
    }

    function _within(uint64 digits, uint8 length, Prefix memory other) private pure returns (bool) {
        uint8 shorter = length < other.length ? length : other.length;
        return digits / uint64(10 ** (length - shorter)) == other.digits / uint64(10 ** (other.length - shorter));
    }

    // ------------------------------------------------------------------------------------- batches

    function open(bool rival, uint8 epoch) external {
        ITypes.OpenEpochArgs memory args = ITypes.OpenEpochArgs(rival ? RIVAL : BRAND, epoch % 4, keccak256("epoch"), DOCUMENT);
        if (!attempt(openEpoch(args))) return;
        opened[args.actor][args.epoch] = true;
        follow(partySubject(args.actor).id, 6, args.actor, 0, vm.eip712HashStruct(Types.OPEN_EPOCH, abi.encode(args)), DOCUMENT);
    }

    function reserve(uint8 who, uint32 article, uint8 epoch, bool foreign) external {
        uint64 actor = who % 4 == 0 ? RIVAL : who % 4 == 1 ? STORE : BRAND;
        uint64 gtin = actor == RIVAL != foreign
            ? withCheckDigit(uint64(950110153000 + article % 1000))
            : withCheckDigit(uint64(400638100000 + article % 100_000));
        ITypes.ReserveBatchArgs memory args = ITypes.ReserveBatchArgs(actor, gtin, epoch % 4, DOCUMENT);
        if (!attempt(reserveBatch(args))) return;
        expect(registryNow().batches == draws + 1, 2, "a number was skipped or drawn twice");
        expect(actor != STORE, 2, "drawn by no brand");
        expect(!foreign, 2, "drawn under another's prefix");
        expect(opened[actor][args.epoch], 2, "drawn in an epoch that is not open");
        ++draws;
        ITypes.Batch memory b = batchNow(draws);
        expect(b.gtin == gtin && b.brand == actor && b.epoch == args.epoch, 2, "drawn as another batch");
        follow(partySubject(actor).id, 16, actor, 0, vm.eip712HashStruct(Types.RESERVE_BATCH, abi.encode(args)), DOCUMENT);
        watch("batch", bytes32(uint256(draws)), batchSubject(draws));
    }

    function commissionOne(uint8 which, bytes32 root, bytes32 inner) external {
        uint64 batch = uint64(between(which, 1, draws));
        ITypes.CommissionArgs memory args = ITypes.CommissionArgs(batchNow(batch).brand, root, inner, CODES, DOCUMENT);
        if (!attempt(commission(batch, args))) return;
        expect(rootsOf[batch] == 0, 1, "commissioned twice");
        if (rootsOf[batch] == 0) rootsOf[batch] = keccak256(abi.encode(root, inner, CODES));
        follow(batchSubject(batch).id, 17, args.actor, 0, vm.eip712HashStruct(Types.COMMISSION, abi.encode(args)), DOCUMENT);
    }

    function _rootsNow(uint64 batch) private returns (bytes32) {
        ITypes.Batch memory b = batchNow(batch);
        return b.status == 2 ? keccak256(abi.encode(b.root, b.innerRoot, b.count)) : bytes32(0);
    }

    // ---------------------------------------------------------------------------------- runs, lots

    /// @dev Mostly with the right hint and inside one run or gap, else as it comes.
    function setActive(uint8 which, uint32 from, uint32 to, uint40 time, uint32 hint, bool wild) external {
        uint64 batch = uint64(between(which, 1, draws));
        (from, to, hint) = _place(batch, from, to, hint, wild);
        ITypes.ActivateArgs memory args = ITypes.ActivateArgs(batchNow(batch).brand, from, to, time, DOCUMENT);
        if (!attempt(activate(batch, args, hint))) return;
        _checkRange(batch, from, to);
        for (uint32 i = from; i < to && i < 64; ++i) {
            expect(voided[batch][i] == 0, 4, "void codes were activated");
            activeFroms[batch][i] = time;
        }
        follow(batchSubject(batch).id, 18, args.actor, 0, vm.eip712HashStruct(Types.ACTIVATE, abi.encode(args)), DOCUMENT);
    }

    /// @notice Codes are made void: for ever.
    function voidSome(uint8 which, uint32 from, uint32 to, uint32 hint, bool wild) external {
        uint64 batch = uint64(between(which, 1, draws));
        (from, to, hint) = _place(batch, from, to, hint, wild);
        if (to > from + 2) to = from + 2;
        ITypes.VoidArgs memory args = ITypes.VoidArgs(batchNow(batch).brand, from, to, DOCUMENT);
        if (!attempt(voidCodes(batch, args, hint))) return;
        _checkRange(batch, from, to);
        for (uint32 i = from; i < to && i < 64; ++i) voided[batch][i] = 1;
        follow(batchSubject(batch).id, 19, args.actor, 0, _hash(Types.VOID, abi.encode(args)), DOCUMENT);
    }

    function bind(uint8 which, uint32 from, uint32 to, uint8 lot, uint32 hint, bool wild) external {
        uint64 batch = uint64(between(which, 1, draws));
        (from, to, hint) = _place(batch, from, to, hint, wild);
        if (lot % 16 == 0) to = from;
        ITypes.Batch memory b = batchNow(batch);
        bytes32 id = keccak256(abi.encode("lot", lot % 3));
        ITypes.BindLotArgs memory args = ITypes.BindLotArgs(b.brand, from, to, id, 1_900_000_000, 0, 0, DOCUMENT);
        bool onlyOpens = from == to && b.status == 2;
        if (!attempt(bindLot(batch, args, hint))) {
            expect(!onlyOpens, 5, "a brand could not name its own lot");
            return;
        }
        uint32 known = lotsOpened[b.gtin][id];
        uint32 number = known == 0 ? registryNow().lots : known;
        lotsOpened[b.gtin][id] = number;
        ITypes.Lot memory l = lotNow(number);
        expect(l.brand == b.brand && l.gtin == b.gtin && l.id == id, 5, "a lot of another brand or article");
        if (from != to) _checkRange(batch, from, to);
        for (uint32 i = from; i < to && i < 64; ++i) {
            expect(lotsBound[batch][i] == 0, 4, "a code's lot changed");
            lotsBound[batch][i] = number;
        }
        follow(batchSubject(batch).id, 20, args.actor, 0, vm.eip712HashStruct(Types.BIND_LOT, abi.encode(args)), DOCUMENT);
    }

    function _place(uint64 batch, uint32 from, uint32 to, uint32 hint, bool wild) private returns (uint32, uint32, uint32) {
        uint32 count = batchNow(batch).count;
        if (count == 0) return (0, 1, 0);
        from = uint32(between(from, 0, count - 1));
        (uint32 right, uint32 end) = placeOf(batch, from, count);
        if (wild) return (from, uint32(between(to, from, count + 2)), hint % 2 == 0 ? right : uint32(between(hint, 0, count + 1)));
        return (from, uint32(between(to, from + 1, end)), right);
    }

    function _checkRange(uint64 batch, uint32 from, uint32 to) private {
        expect(from < to && to <= batchNow(batch).count, 4, "a range that is none");
    }

    // ------------------------------------------------------------------------------------ what holds

    function checkRoots() external {
        for (uint64 i = 1; i <= draws; ++i) expect(_rootsNow(i) == rootsOf[i], 1, "roots or count changed");
    }

    function checkDraws() external {
        expect(registryNow().batches == draws, 2, "a batch that nobody drew");
    }

    function checkPrefixes() external {
        for (uint256 i; i < prefixesGiven.length; ++i) {
            Prefix memory p = prefixesGiven[i];
            expect(ledger.brandOf(p.digits * uint64(10 ** (13 - p.length))) == p.party, 3, "a prefix is another's");
        }
    }

    function checkRuns() external {
        for (uint64 batch = 1; batch <= draws; ++batch) {
            uint64[64] memory active;
            uint32[64] memory bound;
            uint8[64] memory gone;
            uint32 past;
            uint32 next = batchNow(batch).firstRun;
            for (uint256 steps; next != 0; ++steps) {
                ITypes.Run memory run = runNow(batch, next - 1);
                if (next - 1 < past || run.to <= next - 1 || run.to > batchNow(batch).count || steps > 64) {
                    breach(4, "runs that overlap or are out of order");
                    return;
                }
                for (uint32 i = next - 1; i < run.to; ++i) (active[i], bound[i], gone[i]) = (run.activeFrom, run.lot, run.voided);
                (past, next) = (run.to, run.next);
            }
            expect(keccak256(abi.encode(active)) == keccak256(abi.encode(activeFroms[batch])), 4, "active from another time");
            expect(keccak256(abi.encode(gone)) == keccak256(abi.encode(voided[batch])), 4, "void or not, otherwise than it was said");
            expect(keccak256(abi.encode(bound)) == keccak256(abi.encode(lotsBound[batch])), 4, "bound to another lot");
        }
    }
}
