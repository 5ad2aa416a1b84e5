// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ITypes} from "../../src/ILedger.sol";
import {Types} from "../support/Types.sol";
import {Ghost} from "./Ghost.sol";

/// @notice Items, inner codes, exceptions, withdrawals, recalls and the scan log under attack: invariants 21 to 26.
contract Goods is Ghost {
    uint64 internal constant REGULATOR = 10 ** 13 + 3;
    uint32 internal constant FEW = 3; // items that all of this is about
    uint64[6] internal all = [BRAND, RIVAL, DISTRIBUTOR, STORE, OPERATOR, REGULATOR];

    struct State {
        uint8 state;
        uint64 by;
        uint256 since;
    }

    struct Report {
        bytes32 unit;
        uint32 seq;
        uint64 from;
        uint64 by;
        uint8 settled;
    }

    State[3] internal states;
    bool[3] internal drawnYet;
    mapping(uint32 index => bool) internal claimed;
    Report[] internal reports;
    bytes32[] internal shipped; // on their way from the brand to the store
    bool internal storeSuspended;
    uint8 internal recalled; // 2 if lot 1 is
    uint64 internal recalledBy;
    ITypes.AnchorScanLogArgs internal anchored;
    uint256 internal counter;

    constructor() {
        land(registerParty(partyArgs(REGULATOR, 32, 1, 0, 0, 0)));
        land(bindLot(BATCH, lotArgs(0, 0, "lot", 0), 0));
        watch("lot", bytes32(uint256(1)), lotSubject(1));
        for (uint32 i; i < FEW; ++i) watch("item", codeLeaf(i), itemSubject(codeLeaf(i)));
    }

    // --------------------------------------------------------------------------------------- 21: items

    function say(uint8 index, uint8 who, uint8 state, bool ends) external {
        bool again = states[index % FEW].state == 2 && who % 4 != 0; // a block that another has set
        _say(index % FEW, who % 2 == 0 ? BRAND : all[who / 2 % 6], again ? 2 : state % 9, ends && !again);
    }

    /// @notice Somebody undoes a state, mostly who set it, perhaps late.
    function undo(uint8 index, uint8 who, uint32 later) external {
        uint32 at = index % FEW;
        if (states[at].state < 2) return;
        vm.warp(block.timestamp + later % 20 days);
        _say(at, who % 4 != 0 ? states[at].by : all[who / 4 % 6], 1, false);
    }

    function _say(uint32 at, uint64 actor, uint8 state, bool ends) private {
        ITypes.ItemArgs memory args = ITypes.ItemArgs(actor, BATCH, state, DOCUMENT);
        State storage s = states[at];
        bytes32[] memory proof = codeProof(at);
        if (!attempt(ends ? decommission(code(at), args, proof) : setItemState(code(at), args, proof))) return;
        expect(ends ? state >= 4 && state <= 7 : state >= 1 && state <= 3, 21, "a state that the verb does not set");
        if (state == 1) {
            expect(s.state > 1, 21, "undone what was not done");
            expect(s.by == actor, 21, "undone by another");
            expect(s.state != 3 && s.state != 7, 21, "back from stolen or destroyed");
            expect(s.state == 2 || block.timestamp <= s.since + 10 days, 21, "undone after ten days");
        } else {
            bool takenOver = s.state == 2 && state == 2 && actor == REGULATOR && s.by != REGULATOR;
            expect(s.state <= 1 || takenOver, 21, "one end after another");
            expect(actor == BRAND || partyNow(actor).roles & _rolesFor(state) != 0, 21, "said by who may not");
            expect(
                actor == BRAND || actor == REGULATOR || unitNow(codeLeaf(at)).state == 0 || unitNow(codeLeaf(at)).holder == actor,
                21,
                "said of an item that another holds"
            );
        }
        (s.state, s.by, s.since) = (state, actor, block.timestamp);
        bytes32 hash = _hash(ends ? Types.DECOMMISSION : Types.SET_ITEM_STATE, abi.encode(args));
        follow(keccak256(abi.encode("item", codeLeaf(at))), ends ? 48 : 49, actor, 0, hash, DOCUMENT);
    }

    function moveItem(uint8 index, bool there) external {
        uint32 at = index % FEW;
        bytes32 item = codeLeaf(at);
        if (!drawnYet[at]) drawn(at);
        drawnYet[at] = true;
        if (storeSuspended) return;
        uint64 holder = unitNow(item).holder;
        uint64 to = there ? STORE : DISTRIBUTOR;
        if (unitNow(item).state == 2) {
            if (!attempt(receiveFrom(item, unitNow(item).addressee, holder))) land(takeBack(item, holder, unitNow(item).addressee));
            else expect(states[at].state < 4, 21, "what ended on its way arrived");
            return;
        }
        if (!attempt(ship(item, holder, to))) return;
        expect(states[at].state < 2, 21, "what is blocked, stolen or decommissioned moved");
    }

    function _rolesFor(uint8 state) private pure returns (uint16) {
        if (state == 2 || state == 6) return 16 | 32;
        if (state == 3) return 4 | 2 | 8;
        if (state == 4) return 4;
        return state == 5 ? 2 : 4 | 2;
    }

    // --------------------------------------------------------------------------------- 22: inner codes

    function claimOne(uint8 index, uint8 who, bool otherCode, bool otherIndex) external {
        uint32 at = index % FEW;
        uint32 told = otherIndex ? (at + 1) % COUNT : at;
        uint64 actor = all[who % 6];
        ITypes.ClaimInnerArgs memory args = ITypes.ClaimInnerArgs(actor, BATCH, told, otherCode ? innerCode(at + 1) : innerCode(at), salt(at), DOCUMENT);
        if (!attempt(claimInner(args, innerProof(at)))) return;
        expect(!claimed[told], 22, "claimed twice");
        expect(!otherCode && !otherIndex, 22, "claimed with what the commitment was not made of");
        expect(actor == BRAND || actor == OPERATOR, 22, "claimed by who may not");
        claimed[told] = true;
    }

    // ---------------------------------------------------------------------------------- 23: exceptions

    function report(uint32[5] calldata counts, bool right) external {
        if (storeSuspended) return;
        bytes32 unit = _shippedToStore(3);
        ITypes.ReportExceptionArgs memory args =
            ITypes.ReportExceptionArgs(STORE, BRAND, counts[0] % 4, counts[1] % 4, counts[2] % 4, counts[3] % 2, counts[4] % 2, DOCUMENT);
        if (right) (args.good, args.damaged, args.short) = (2, 1, 0);
        if (!attempt(reportException(unit, args))) return;
        expect(args.good + args.damaged + args.short == 3, 23, "totals that are not what was sent");
        expect(args.damaged + args.short + args.over + args.wrong != 0, 23, "an exception of nothing");
        reports.push(Report(unit, 3, BRAND, STORE, 0));
    }

    function settle(uint8 which, uint8 who, bool shown) external {
        if (reports.length == 0) return;
        Report storage r = reports[which % reports.length];
        uint64 actor = all[who % 6];
        if (actor == STORE && storeSuspended) return;
        if (!attempt(settleException(r.unit, actor, r.seq, shown ? originOf(r.unit) : new bytes32[](0)))) return;
        uint8 side = actor == r.from ? 1 : actor == r.by ? 2 : actor == BRAND && shown ? 4 : 0;
        expect(side != 0, 23, "settled by who is not concerned");
        expect(r.settled < 3 && r.settled & side == 0, 23, "settled twice");
        r.settled |= side;
    }

    function checkReports() external {
        for (uint256 i; i < reports.length; ++i) {
            expect(exceptionNow(reports[i].unit, reports[i].seq).settled == reports[i].settled, 23, "settled otherwise than it was said");
        }
    }

    function _shippedToStore(uint256 count) private returns (bytes32 unit) {
        bytes32 epc = keccak256(abi.encode("unit", ++counter));
        ITypes.PackArgs memory args = packArgs(BRAND, epc, items(3, "of all units"));
        args.count = uint32(count);
        land(pack(args, new bytes32[][](0)));
        unit = unitId(BRAND, epc);
        land(ship(unit, BRAND, STORE));
    }

    // ---------------------------------------------------------------------------------- 24: withdrawal

    function suspendStore(bool back) external {
        if (storeSuspended != back) return;
        land(suspendParty(ITypes.SuspendPartyArgs(STORE, back ? 1 : 2, DOCUMENT)));
        storeSuspended = !back;
    }

    function take(uint8 who, bool shown) external {
        if (storeSuspended && shipped.length == 0) return;
        if (!storeSuspended) {
            shipped.push(_shippedToStore(3));
            land(receiveFrom(shipped[shipped.length - 1], STORE, BRAND));
        }
        bytes32 unit = shipped[shipped.length - 1];
        if (unitNow(unit).holder != STORE) return;
        uint64 actor = all[who % 6];
        if (actor == STORE) return;
        if (!attempt(withdraw(unit, actor, STORE, shown ? originOf(unit) : new bytes32[](0)))) return;
        expect(storeSuspended, 24, "withdrawn from a holder who is not suspended");
        expect(actor == BRAND && shown, 24, "withdrawn by who is not shown to be its brand");
    }

    /// @notice The rival makes the slot of a brand's item, and somebody takes it from him by its code, or none.
    function contest(uint8 index, uint8 who, bool shown, bool otherCode) external {
        uint32 at = FEW + index % FEW;
        bytes32 item = codeLeaf(at);
        if (unitNow(item).state == 0) squatted(at, 0);
        uint64 holder = unitNow(item).holder;
        uint64 actor = all[who % 6];
        if (actor == STORE && storeSuspended) return;
        bytes32[] memory code_ = shown ? brandsOf(otherCode ? codeLeaf(at + 1) : item) : new bytes32[](0);
        if (!attempt(withdraw(item, actor, holder, code_))) return;
        expect(holder == RIVAL, 24, "an item was taken from its brand");
        expect(actor == BRAND && shown && !otherCode, 24, "an item was taken by who did not show its code");
        expect(unitNow(item).gone == BATCH, 24, "another batch still vouches for it");
    }

    // ------------------------------------------------------------------------------------- 25: recalls

    function recall(uint8 who, bool release) external {
        uint64 actor = all[who % 6];
        if (actor == STORE && storeSuspended) return;
        uint8 state = release ? 1 : 2;
        if (!attempt(setLotState(1, actor, state))) return;
        expect(actor == BRAND || actor == REGULATOR, 25, "recalled by who may not");
        if (release) expect(recalled == 2 && recalledBy == actor, 25, "released by another than who recalled it");
        else expect(recalled != 2 || (actor == REGULATOR && recalledBy != REGULATOR), 25, "a recall was taken over by no regulator");
        (recalled, recalledBy) = (state, release ? 0 : actor);
        follow(lotSubject(1).id, 21, actor, 0, _hash(Types.SET_LOT_STATE, abi.encode(actor, state, DOCUMENT)), DOCUMENT);
    }

    function packOfLot(bool rival) external {
        bytes32 epc = keccak256(abi.encode("of the lot", ++counter));
        ITypes.PackArgs memory args = packArgs(rival ? RIVAL : BRAND, epc, items(3, "of all units"));
        args.lot = 1;
        if (!attempt(pack(args, new bytes32[][](0)))) return;
        expect(recalled != 2, 25, "a recalled lot was packed");
        expect(!rival, 25, "another brand's lot was named");
    }

    // ------------------------------------------------------------------------------------ 26: scan log

    function anchor(uint8 size, bytes32 logRoot, bool sameRoots) external {
        ITypes.AnchorScanLogArgs memory args = ITypes.AnchorScanLogArgs(OPERATOR, size % 8, logRoot, logRoot);
        if (sameRoots) (args.logRoot, args.mapRoot) = (anchored.logRoot, anchored.mapRoot);
        if (!attempt(anchorScanLog(args))) return;
        expect(args.size >= anchored.size, 26, "the log shrank");
        if (args.size == anchored.size && anchored.actor != 0) {
            expect(args.logRoot == anchored.logRoot && args.mapRoot == anchored.mapRoot, 26, "two roots of one size");
        }
        anchored = args;
    }

    function stored(History memory h) internal override returns (Subject memory) {
        if (bytes32(bytes(h.kind)) == "item") return itemSubject(h.id);
        return lotSubject(uint32(uint256(h.id)));
    }
}
