// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {Act} from "./Act.sol";
import {Messages} from "./Messages.sol";
import {Parties} from "./Parties.sol";

/// @notice Batches of codes, the runs of their states, and lots; see IRegistrar for the rules.
abstract contract Batches is Parties {
    using Messages for *;

    function reserveBatch(ReserveBatchArgs calldata args, Auth calldata auth) external returns (uint64 number) {
        bytes32 argsHash = Messages.hashStruct(Messages.T_RESERVE_BATCH, Messages.ARGS, 4);
        (Party storage p, Act act) = _byParty(Messages.RESERVE_BATCH, Messages.RESERVE_BATCH_MSG, args.actor, argsHash, auth);
        _needRole(p, args.actor, BRAND);
        if (args.epoch > 31 || epochs[args.actor][args.epoch] == 0) revert BadEpoch(args.epoch);
        if (args.gtin == 0 || args.gtin >= 10 ** 14 || !_checkDigit(args.gtin)) revert BadGtin(args.gtin);
        if (brandOf(args.gtin) != args.actor) revert ForeignGtin(args.gtin, args.actor);
        number = ++registry.batches;
        if (number >= 2 ** 31) revert BatchCounterSpent();

        Batch storage b = batches[number];
        (b.gtin, b.brand, b.epoch, b.status) = (args.gtin, args.actor, args.epoch, RESERVED);
        _recordParty(p, act, args.eventHash);
        _log(BatchReserved.selector, number, act, Messages.ARGS, 4);
    }

    function commission(uint64 number, CommissionArgs calldata args, Auth calldata auth) external {
        bytes32 argsHash = Messages.hashStruct(Messages.T_COMMISSION, Messages.ARGS_ON, 5);
        (Batch storage b, Act act) = _byBrand(Messages.COMMISSION, Messages.COMMISSION_MSG, number, args.actor, argsHash, auth);
        _needRole(parties[args.actor], args.actor, BRAND);
        if (b.status != RESERVED) revert AlreadyCommissioned(number);
        if (args.count == 0) revert BadCount(args.count);
        if (args.root == 0) revert ZeroRoot();

        (b.count, b.status, b.root) = (args.count, COMMISSIONED, args.root);
        if (args.innerRoot != 0) b.innerRoot = args.innerRoot;
        _recordBatch(b, act, args.eventHash);
        _log(Commissioned.selector, number, act, Messages.ARGS_ON, 5);
    }

    function activate(uint64 number, ActivateArgs calldata args, uint32 hint, Auth calldata auth) external {
        bytes32 argsHash = Messages.hashStruct(Messages.T_ACTIVATE, Messages.ARGS_ON, 5);
        (Batch storage b, Act act) = _byBrand(Messages.ACTIVATE, Messages.ACTIVATE_MSG, number, args.actor, argsHash, auth);
        _needRole(parties[args.actor], args.actor, BRAND);
        if (args.activeFrom > type(uint40).max) revert BadTime(args.activeFrom);
        _cut(number, b, args.from, args.to, hint).activeFrom = args.activeFrom;
        _recordBatch(b, act, args.eventHash);
        _log(Activated.selector, number, act, Messages.ARGS_ON, 5);
    }

    function voidCodes(uint64 number, VoidArgs calldata args, uint32 hint, Auth calldata auth) external {
        bytes32 argsHash = Messages.hashStruct(Messages.T_VOID, Messages.ARGS_ON, 4);
        (Batch storage b, Act act) = _byBrand(Messages.VOID, Messages.VOID_MSG, number, args.actor, argsHash, auth);
        _cut(number, b, args.from, args.to, hint).voided = 1;
        _recordBatch(b, act, args.eventHash);
        _log(Voided.selector, number, act, Messages.ARGS_ON, 4);
    }

    function bindLot(uint64 number, BindLotArgs calldata args, uint32 hint, Auth calldata auth) external {
        bytes32 argsHash = Messages.hashStruct(Messages.T_BIND_LOT, Messages.ARGS_ON, 8);
        (Batch storage b, Act act) = _byBrand(Messages.BIND_LOT, Messages.BIND_LOT_MSG, number, args.actor, argsHash, auth);
        _needRole(parties[args.actor], args.actor, BRAND);
        if (b.status != COMMISSIONED) revert NotCommissioned(number);

        uint32 lotNumber = _openLot(b.gtin, args);
        if (args.from != args.to) {
            Run storage run = _cut(number, b, args.from, args.to, hint);
            if (run.lot != 0) revert LotAlreadyBound(args.from, run.lot);
            run.lot = lotNumber;
        }
        _recordBatch(b, act, args.eventHash);
        _log(LotBound.selector, number, act, Messages.ARGS_ON, 8);
    }

    function setLotState(uint32 number, SetLotStateArgs calldata args, Auth calldata auth) external {
        Lot storage lot = lots[number];
        if (lot.status == 0) revert UnknownLot(number);
        bytes32 argsHash = Messages.hashStruct(Messages.T_SET_LOT_STATE, Messages.ARGS_ON, 3);
        bytes32 subject = _subject("lot", 3, bytes32(uint256(number)));
        Act act = _signed(Messages.SET_LOT_STATE, Messages.SET_LOT_STATE_MSG, subject, lot.head, lot.seq, args.actor, argsHash, auth);
        if (args.state == RECALLED) {
            lot.setBy = _recaller(number, lot, args.actor);
        } else {
            if (args.state != RELEASED) revert BadLotState(args.state);
            if (lot.status == RELEASED) revert BadLotState(args.state);
            if (lot.setBy != args.actor) revert ForeignLot(number, args.actor);
            lot.setBy = 0;
        }

        act.record(0, args.eventHash);
        (lot.status, lot.seq, lot.head) = (args.state, uint32(act.seq()), act.head());
        _log(LotStateSet.selector, number, act, Messages.ARGS_ON, 3);
    }

    // ---------------------------------------------------------------------------------------- inner

    /// @dev Brand or regulator; a recall that stands already is taken over by another regulator only.
    function _recaller(uint32 number, Lot storage lot, uint64 actor) internal view returns (uint64) {
        bool regulator = parties[actor].roles & REGULATOR != 0;
        if (lot.brand != actor && !regulator) revert ForeignLot(number, actor);
        if (lot.status == RELEASED) return actor;
        if (!regulator) revert BadLotState(RECALLED);
        if (lot.setBy == actor) revert BadLotState(RECALLED);
        return actor;
    }

    function _recordBatch(Batch storage b, Act act, bytes32 eventHash) internal {
        act.record(0, eventHash);
        (b.seq, b.head) = (uint32(act.seq()), act.head());
    }

    /// @dev Return the run that covers exactly [from, to), cutting it out of the run or the gap that
    /// holds the range. Touches at most three runs and never loops: `hint` names the predecessor.
    function _cut(uint64 number, Batch storage b, uint32 from, uint32 to, uint32 hint) internal returns (Run storage) {
        if (b.status != COMMISSIONED) revert NotCommissioned(number);
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
        if (run.voided != 0) revert RunVoided(first);
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
            lots[number] = Lot(gtin, args.actor, uint40(args.expiry), uint40(args.bestBefore), 0, args.market, RELEASED, 0, args.lot, 0);
            emit LotOpened(number, args.lot);
            return number;
        }
        Lot storage lot = lots[number];
        bool same = lot.brand == args.actor && lot.market == args.market;
        if (!same || lot.expiry != args.expiry || lot.bestBefore != args.bestBefore) revert LotDiffers(args.lot);
    }
}
