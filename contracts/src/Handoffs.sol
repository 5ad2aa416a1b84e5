// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {Act, begin} from "./Act.sol";
import {Messages} from "./Messages.sol";
import {UnitWord, fresh, load, store} from "./UnitWord.sol";
import {Units} from "./Units.sol";

/// @notice The verbs of custody, one by one and in lists; see ICustody for the rules.
abstract contract Handoffs is Units {
    using Messages for *;

    function pack(PackArgs calldata args, bytes32[][] calldata proofs, Auth calldata auth) external {
        bytes32 unit = _unitId(args.actor, args.epcHash);
        (,, Act act) = _byUnit(Messages.PACK, Messages.PACK_MSG, unit, args.actor, args.hash(), auth);
        _pack(unit, args, proofs, act);
    }

    function unpack(bytes32 unit, UnpackArgs calldata args, bytes32[][] calldata proofs, bytes32[][] calldata origins, Auth calldata auth) external {
        (,, Act act) = _byUnit(Messages.UNPACK, Messages.UNPACK_MSG, unit, args.actor, args.hash(), auth);
        _unpack(unit, args, proofs, origins, act);
    }

    function drawItem(bytes32 code, DrawItemArgs calldata args, bytes32[] calldata proof, Auth calldata auth) external {
        bytes32 unit = code.once();
        bytes32 argsHash = Messages.hashStruct(Messages.T_DRAW_ITEM, Messages.ARGS_ON, 4);
        (Unit storage s, UnitWord u, Act act) = _byUnit(Messages.DRAW_ITEM, Messages.DRAW_ITEM_MSG, unit, args.actor, argsHash, auth);
        if (u.state() != 0) revert UnitExists(unit);
        Batch storage b = batches[args.batch];
        if (b.status == 0) revert UnknownBatch(args.batch);
        if (b.brand != args.actor) revert NotBrandOf(args.batch, args.actor);
        _needRole(parties[args.actor], args.actor, BRAND);
        if (!MerkleProof.verifyCalldata(proof, b.root, unit)) revert NotInTree(unit);
        (uint8 market, bool foreign) = _needLot(args.lot, args.actor);
        if (foreign) revert ForeignLot(args.lot, args.actor);
        if (args.lot != 0 && lots[args.lot].gtin != b.gtin) revert ForeignLot(args.lot, args.actor);

        act.record(0, args.eventHash);
        store(s, fresh(0, args.lot, market, 0).departed(args.batch).moved(args.actor, 0, act.seq(), HELD), act.head());
        _log(ItemDrawn.selector, uint256(unit), act, Messages.ARGS_ON, 4);
    }

    // ------------------------------------------------------------------------------- ship and receive

    function ship(bytes32 unit, To calldata args, Auth calldata auth) external {
        bytes32 argsHash = Messages.hashStruct(Messages.T_SHIP, Messages.ARGS_ON, 3);
        uint64 actor = args.actor;
        (Unit storage s, UnitWord u, Act act) = _byUnit(Messages.SHIP, Messages.SHIP_MSG, unit, actor, argsHash, auth);
        uint64 to = args.to;
        _needAddressee(actor, to);
        _ship(unit, s, u, to, args, act);
    }

    function shipList(bytes32[] calldata list, bool skipStale, To calldata args, Stale[] calldata stale, Auth calldata auth) external {
        bytes32 argsHash = Messages.hashStruct(Messages.T_SHIP, args.at(), 3);
        (bytes32[] memory heads, Act act) = _byList(Messages.SHIP, Messages.SHIP_LIST_MSG, list, skipStale, args.actor, argsHash, stale, auth);
        uint64 to = args.to;
        _needAddressee(args.actor, to);
        for (uint256 i; i < list.length; ++i) {
            if (heads[i] == 0) continue;
            Unit storage s = units[list[i]];
            UnitWord u = load(s);
            act.on(heads[i], u.seq(), Messages.SHIP, argsHash);
            _ship(list[i], s, u, to, args, act);
        }
    }

    function receiveFrom(bytes32 unit, From calldata args, Auth calldata auth) external {
        bytes32 argsHash = Messages.hashStruct(Messages.T_RECEIVE_FROM, Messages.ARGS_ON, 3);
        (Unit storage s, UnitWord u, Act act) = _byUnit(Messages.RECEIVE_FROM, Messages.RECEIVE_FROM_MSG, unit, args.actor, argsHash, auth);
        _receive(unit, s, u, args, act);
    }

    function receiveList(bytes32[] calldata list, bool skipStale, From calldata args, Stale[] calldata stale, Auth calldata auth) external {
        bytes32 argsHash = Messages.hashStruct(Messages.T_RECEIVE_FROM, args.at(), 3);
        (bytes32[] memory heads, Act act) =
            _byList(Messages.RECEIVE_FROM, Messages.RECEIVE_LIST_MSG, list, skipStale, args.actor, argsHash, stale, auth);
        for (uint256 i; i < list.length; ++i) {
            if (heads[i] == 0) continue;
            Unit storage s = units[list[i]];
            UnitWord u = load(s);
            act.on(heads[i], u.seq(), Messages.RECEIVE_FROM, argsHash);
            _receive(list[i], s, u, args, act);
        }
    }

    // ------------------------------------------------------------------------------------- exceptions

    function reportException(bytes32 unit, ReportExceptionArgs calldata args, Auth calldata auth) external {
        bytes32 argsHash = Messages.hashStruct(Messages.T_REPORT_EXCEPTION, Messages.ARGS_ON, 8);
        (Unit storage s, UnitWord u, Act act) = _byUnit(Messages.REPORT_EXCEPTION, Messages.REPORT_EXCEPTION_MSG, unit, args.actor, argsHash, auth);
        _needAddressed(u, unit, args.actor, args.from);
        _needLive(u, unit);
        uint256 expected = u.count() == 0 ? 1 : u.count() - u.gone();
        uint256 told = uint256(args.good) + args.damaged + args.short;
        if (told != expected) revert TotalsDiffer(told, expected);
        if (uint256(args.damaged) + args.short + args.over + args.wrong == 0) revert NoException();

        act.record(args.from, args.eventHash);
        store(s, u.moved(args.actor, 0, act.seq(), HELD), act.head());
        exceptions[unit][uint32(act.seq())] = Exception(uint48(args.from), uint48(args.actor), args.damaged, args.short, args.over, args.wrong, 0);
        _log(ExceptionReported.selector, uint256(unit), act, Messages.ARGS_ON, 8);
    }

    function settleException(bytes32 unit, SettleExceptionArgs calldata args, bytes32[] calldata origin, Auth calldata auth) external {
        bytes32 argsHash = Messages.hashStruct(Messages.T_SETTLE_EXCEPTION, Messages.ARGS_ON, 3);
        (Unit storage s, UnitWord u, Act act) = _byUnit(Messages.SETTLE_EXCEPTION, Messages.SETTLE_EXCEPTION_MSG, unit, args.actor, argsHash, auth);
        Exception storage e = exceptions[unit][args.report];
        if (e.by == 0) revert UnknownException(unit, args.report);
        uint8 side;
        if (e.from == args.actor) side = BY_SHIPPER;
        else if (e.by == args.actor) side = BY_RECEIVER;
        else if (_isBrandOf(u, args.actor)) side = BY_BRAND;
        else if (_isMaker(u, unit, args.actor, origin)) side = BY_BRAND;
        if (side == 0) revert NotConcerned(unit, args.actor);
        if (e.settled >= BY_SHIPPER | BY_RECEIVER) revert AlreadySettled(unit, args.report);
        if (e.settled & side != 0) revert AlreadySettled(unit, args.report);

        e.settled |= side;
        _touch(s, u, act, 0, args.eventHash);
        _log(ExceptionSettled.selector, uint256(unit), act, Messages.ARGS_ON, 3);
    }

    // ------------------------------------------------------------------------------------ ways back

    function returnTo(bytes32 unit, To calldata args, Auth calldata auth) external {
        bytes32 argsHash = Messages.hashStruct(Messages.T_RETURN_TO, Messages.ARGS_ON, 3);
        (Unit storage s, UnitWord u, Act act) = _byUnit(Messages.RETURN_TO, Messages.RETURN_TO_MSG, unit, args.actor, argsHash, auth);
        _needAddressee(args.actor, args.to);
        _needHeld(u, unit, args.actor);
        if (!_isBrandOf(u, args.to)) {
            _needMarket(args.to, u.market());
            _needFree(u, unit);
        }

        act.record(args.to, args.eventHash);
        store(s, u.moved(args.actor, args.to, act.seq(), IN_TRANSIT), act.head());
        _log(Returned.selector, uint256(unit), act, Messages.ARGS_ON, 3);
    }

    function refuse(bytes32 unit, From calldata args, Auth calldata auth) external {
        bytes32 argsHash = Messages.hashStruct(Messages.T_REFUSE, Messages.ARGS_ON, 3);
        (Unit storage s, UnitWord u, Act act) = _byUnit(Messages.REFUSE, Messages.REFUSE_MSG, unit, args.actor, argsHash, auth);
        _needAddressed(u, unit, args.actor, args.from);

        act.record(args.from, args.eventHash);
        store(s, u.moved(args.from, 0, act.seq(), HELD), act.head());
        _log(ReceiptRefused.selector, uint256(unit), act, Messages.ARGS_ON, 3);
    }

    function takeBack(bytes32 unit, To calldata args, Auth calldata auth) external {
        bytes32 argsHash = Messages.hashStruct(Messages.T_TAKE_BACK, Messages.ARGS_ON, 3);
        (Unit storage s, UnitWord u, Act act) = _byUnit(Messages.TAKE_BACK, Messages.TAKE_BACK_MSG, unit, args.actor, argsHash, auth);
        _needShipped(u, unit, args.actor, args.to);

        act.record(args.to, args.eventHash);
        store(s, u.moved(args.actor, 0, act.seq(), HELD), act.head());
        _log(TakenBack.selector, uint256(unit), act, Messages.ARGS_ON, 3);
    }

    function reportLost(bytes32 unit, To calldata args, Auth calldata auth) external {
        bytes32 argsHash = Messages.hashStruct(Messages.T_REPORT_LOST, Messages.ARGS_ON, 3);
        (Unit storage s, UnitWord u, Act act) = _byUnit(Messages.REPORT_LOST, Messages.REPORT_LOST_MSG, unit, args.actor, argsHash, auth);
        _needShipped(u, unit, args.actor, args.to);
        if (u.state() == LOST) revert UnitNotInTransit(unit);

        act.record(args.to, args.eventHash);
        store(s, u.moved(args.actor, args.to, act.seq(), LOST), act.head());
        _log(LostReported.selector, uint256(unit), act, Messages.ARGS_ON, 3);
    }

    function withdraw(bytes32 unit, From calldata args, bytes32[] calldata origin, Auth calldata auth) external {
        bytes32 argsHash = Messages.hashStruct(Messages.T_WITHDRAW, Messages.ARGS_ON, 3);
        (Unit storage s, UnitWord u, Act act) = _byUnit(Messages.WITHDRAW, Messages.WITHDRAW_MSG, unit, args.actor, argsHash, auth);
        if (u.state() == 0) revert UnknownUnit(unit);
        if (u.holder() != args.from) revert NotFrom(unit, args.from);
        _needLive(u, unit);
        if (_isSquatted(u, unit, args.actor, origin)) {
            u = fresh(0, 0, 0, 0).departed(uint32(uint256(origin[3]))).moved(0, 0, u.seq(), HELD);
            s.parent = 0;
        } else {
            if (u.state() == INSIDE) revert UnitInside(unit);
            if (parties[args.from].status != SUSPENDED) revert NotSuspended(args.from);
            if (!_isBrandOf(u, args.actor) && !_isMaker(u, unit, args.actor, origin)) revert NotConcerned(unit, args.actor);
        }

        act.record(args.from, args.eventHash);
        store(s, u.moved(args.actor, 0, act.seq(), HELD), act.head());
        _log(Withdrawn.selector, uint256(unit), act, Messages.ARGS_ON, 3);
    }

    // ---------------------------------------------------------------------------------------- inner

    /// @dev An event that leaves the unit where it is.
    function _touch(Unit storage s, UnitWord u, Act act, uint64 counterparty, bytes32 eventHash) internal {
        act.record(counterparty, eventHash);
        store(s, u.moved(u.holder(), u.addressee(), act.seq(), u.state()), act.head());
    }

    /// @return heads of the units in storage, 0 for one that is passed over
    function _byList(
        uint8 verb,
        bytes32 typeHash,
        bytes32[] calldata list,
        bool skipStale,
        uint64 actor,
        bytes32 argsHash,
        Stale[] calldata stale,
        Auth calldata auth
    ) internal returns (bytes32[] memory heads, Act act) {
        if (list.length == 0) revert EmptyList();
        heads = new bytes32[](list.length);
        for (uint256 i; i < list.length; ++i) {
            heads[i] = units[list[i]].head;
            if (heads[i] == 0) revert UnknownUnit(list[i]);
        }
        bytes32 headsHash = _signedHeads(heads, list, stale);
        // With nothing left to move, a relayer could land the list again and again as so many `Skipped`.
        if (stale.length == list.length) revert StaleHead(_subject("unit", 4, list[0]));
        act = begin(0, 0, verb, argsHash);
        (, uint256 era, uint256 deadline) = _terms(auth);
        bytes32 message = keccak256(abi.encode(typeHash, keccak256(abi.encodePacked(list)), headsHash, skipStale, era, deadline, argsHash));
        _sign(act, actor, 1 << verb, list.length - stale.length, era, deadline, message, auth);
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
}
