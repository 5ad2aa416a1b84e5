// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ITypes} from "../../src/ILedger.sol";
import {Trees} from "../support/Trees.sol";
import {Types} from "../support/Types.sol";
import {Vm} from "../support/Vm.sol";
import {Ghost} from "./Ghost.sol";

/// @notice Suspension, cancelling, devices, admins and the seal under attack: invariants 16 to 20.
contract Governance is Ghost {
    uint64[4] internal all = [BRAND, DISTRIBUTOR, STORE, OPERATOR];

    /// @notice What the model knows of a device of the brand.
    struct Device {
        uint128 verbs;
        uint64 expiry;
        uint32 left;
        uint32 era;
    }

    mapping(uint64 party => bool) internal suspended;
    mapping(uint256 key => Device) internal devices;
    uint256[] internal office; // the admins' keys, ascending by address
    uint256 internal least = THRESHOLD;
    uint256 internal counter;
    uint256 private key; // signs instead of the actor's, if set, in this era
    uint64 private era;

    constructor() {
        office = adminKeys();
        for (uint256 i; i < 4; ++i) watch("party", bytes32(uint256(all[i])), partySubject(all[i]));
    }

    function terms(Subject memory subject, uint64 actor) internal override returns (Terms memory t) {
        t = super.terms(subject, actor);
        if (actor == 0) t.era = registryNow().era;
        if (key != 0) (t.key, t.era) = (key, era);
    }

    // --------------------------------------------------------------------------------- 16: suspended

    function suspend(uint8 who, uint8 how) external {
        uint64 party = all[who % 4];
        bool back = how % 4 != 0;
        ITypes.SuspendPartyArgs memory args = ITypes.SuspendPartyArgs(party, back ? 1 : 2, DOCUMENT);
        if (!attempt(suspendParty(args, _some(3)))) return;
        suspended[party] = !back;
        _ruled(party, 3, _hash(Types.SUSPEND_PARTY, abi.encode(args)));
    }

    /// @notice Somebody cancels, packs, ships or receives.
    function act(uint8 who, uint8 to, uint8 what) external {
        uint64 actor = all[who % 4];
        uint64 other = all[to % 4];
        if (what % 3 == 0) {
            if (!attempt(cancel(actor))) return;
            follow(partySubject(actor).id, CANCEL, actor, 0, _hash(Types.CANCEL, abi.encode(actor)), 0);
        } else {
            bytes32 unit = _packed(actor);
            if (unit == 0) return;
            bytes memory shipment = ship(unit, actor, other);
            if (!attempt(shipment)) return;
            expect(!suspended[other], 16, "something was sent to a suspended party");
            if (what % 3 == 2) {
                bool late = what % 2 == 0 && !suspended[other];
                if (late) land(suspendParty(ITypes.SuspendPartyArgs(other, 2, DOCUMENT), _some(3)));
                bool received = attempt(receiveFrom(unit, other, actor));
                expect(!(late && received), 16, "a suspended party received");
                if (late) land(suspendParty(ITypes.SuspendPartyArgs(other, 1, DOCUMENT), _some(3)));
                if (late) _ruled(other, 3, _hash(Types.SUSPEND_PARTY, abi.encode(other, 2, DOCUMENT)));
                if (late) _ruled(other, 3, _hash(Types.SUSPEND_PARTY, abi.encode(other, 1, DOCUMENT)));
            }
        }
        expect(!suspended[actor], 16, "a suspended party acted");
    }

    function _packed(uint64 actor) private returns (bytes32) {
        bytes32 epc = keccak256(abi.encode("unit", ++counter));
        ITypes.Child[] memory children = new ITypes.Child[](1);
        children[0] = Trees.unit(0, keccak256(abi.encode("child", counter)), "root", 1);
        return attempt(pack(packArgs(actor, epc, children), new bytes32[][](0))) ? unitId(actor, epc) : bytes32(0);
    }

    // ---------------------------------------------------------------------------------- 17: outrunning

    /// @notice What ends a key's or a party's power is signed; the party does all it can; then it lands.
    function outrun(uint8 who, uint8 what, uint8 times) external {
        uint64 party = all[who % 4];
        if (suspended[party]) return;
        uint256 device = 900 + what % 2;
        ITypes.DelegateArgs memory cut = ITypes.DelegateArgs(party, addressOf(device), 1, uint128(1 << SHIP), 0, 0, deviceNow(party, addressOf(device)).era + 1, DOCUMENT);
        bytes memory call = what % 3 == 0
            ? cancel(party)
            : what % 3 == 1 ? delegate(cut) : updateParty(ITypes.UpdatePartyArgs(party, partyNow(party).roles, partyNow(party).markets, 0, 0, DOCUMENT), _some(3));
        if (what % 3 == 1) _hoarded(party, cut, times);
        for (uint256 i; i <= times % 3; ++i) _event(party);
        expect(attempt(call), 17, "a party's own event made its end stale");
        (string memory argsType, bytes memory args, uint8 verb, bytes32 document) = what % 3 == 0
            ? (Types.CANCEL, abi.encode(party), CANCEL, bytes32(0))
            : what % 3 == 1 ? (Types.DELEGATE, abi.encode(cut), DELEGATE, DOCUMENT) : (Types.UPDATE_PARTY, abi.encode(party, partyNow(party).roles, partyNow(party).markets, 0, 0, DOCUMENT), UPDATE_PARTY, DOCUMENT);
        if (verb == UPDATE_PARTY) _ruled(party, verb, _hash(argsType, args));
        else follow(partySubject(party).id, verb, party, 0, _hash(argsType, args), document);
    }

    /// @dev What might outrun the end of a device: another delegation of it, and a cancel.
    function _hoarded(uint64 party, ITypes.DelegateArgs memory cut, uint8 which) private {
        if (which & 1 == 1) {
            ITypes.DelegateArgs memory more = ITypes.DelegateArgs(party, cut.key, 1, cut.verbs, type(uint40).max, 9, cut.deviceEra - 1, DOCUMENT);
            land(delegate(more));
            follow(partySubject(party).id, DELEGATE, party, 0, _hash(Types.DELEGATE, abi.encode(more)), DOCUMENT);
        }
        if (which & 2 == 2) {
            land(cancel(party));
            follow(partySubject(party).id, CANCEL, party, 0, _hash(Types.CANCEL, abi.encode(party)), 0);
        }
    }

    /// @dev An event of the party that touches neither its key's nor the other devices' era.
    function _event(uint64 party) private {
        address other = address(uint160(++counter + 10 ** 6));
        ITypes.DelegateArgs memory args = ITypes.DelegateArgs(party, other, 1, uint128(1 << SHIP), 0, 0, 0, DOCUMENT);
        land(delegate(args));
        follow(partySubject(party).id, DELEGATE, party, 0, _hash(Types.DELEGATE, abi.encode(args)), DOCUMENT);
    }

    // ------------------------------------------------------------------------------------ 18: devices

    /// @notice The brand names a device, changes what it may, or cuts it off.
    function name(uint8 which, uint8 verbs, uint32 expiry, uint8 limit, bool cut) external {
        if (suspended[BRAND]) return;
        uint256 device = 1000 + which % 2;
        uint128 mask = uint128(uint256(verbs & 1) << SHIP | (uint256(verbs) >> 1 & 1) << RECEIVE_FROM | 1 << 20);
        uint64 until = cut ? 0 : uint64(block.timestamp) + expiry % 1000;
        ITypes.DelegateArgs memory args = ITypes.DelegateArgs(BRAND, addressOf(device), 1, mask, until, limit % 4, devices[device].era, DOCUMENT);
        land(delegate(args));
        devices[device] = Device(mask, until, limit % 4, devices[device].era + 1);
        follow(partySubject(BRAND).id, DELEGATE, BRAND, 0, _hash(Types.DELEGATE, abi.encode(args)), DOCUMENT);
    }

    /// @notice A device signs one or two shipments, perhaps in an older era, perhaps late.
    function byDevice(uint8 which, bool older, uint16 later, bool pair) external {
        if (suspended[BRAND] || suspended[DISTRIBUTOR]) return;
        uint256 device = 1000 + which % 2;
        bytes32[] memory units = new bytes32[](pair ? 2 : 1);
        for (uint256 i; i < units.length; ++i) units[i] = _packed(BRAND);
        (key, era) = (device, devices[device].era);
        if (older && era != 0) --era;
        bool right = era == devices[device].era;
        era += 2 ** 32;
        bytes memory call = pair ? shipList(listOf(units), BRAND, DISTRIBUTOR) : ship(units[0], BRAND, DISTRIBUTOR);
        (key, era) = (0, 0);
        vm.warp(block.timestamp + later % 500);
        Device storage d = devices[device];
        right = right && d.era != 0 && block.timestamp <= d.expiry && d.verbs >> SHIP & 1 == 1 && units.length <= d.left;
        if (!attempt(call)) return;
        expect(right, 18, "a device did what it may not");
        expect(deviceNow(BRAND, addressOf(device)).left + units.length == d.left, 18, "a device's verbs were not counted");
        if (right) d.left -= uint32(units.length);
    }

    // -------------------------------------------------------------------------------------- 19: quorum

    /// @notice Somebody changes a party, signed by whomever: admins, former ones, strangers.
    function rule(uint8 who, uint16 signers, uint256 markets) external {
        uint64 party = all[who % 4];
        uint256[] memory keys = _some(signers);
        ITypes.UpdatePartyArgs memory args = ITypes.UpdatePartyArgs(party, partyNow(party).roles, markets, 0, 0, DOCUMENT);
        if (!attempt(updateParty(args, keys))) return;
        expect(_isQuorum(keys, office, least), 19, "a party was changed by no quorum");
        _ruled(party, UPDATE_PARTY, _hash(Types.UPDATE_PARTY, abi.encode(args)));
    }

    /// @notice Somebody hands over to another set, which accepts or not.
    function handOverTo(uint16 signers, uint8 set, uint8 threshold, uint8 accepting) external {
        uint256[] memory next = _set(set);
        uint256[] memory accepted = new uint256[](accepting % (next.length + 1));
        for (uint256 i; i < accepted.length; ++i) accepted[i] = next[i];
        uint256[] memory keys = _some(signers);
        ITypes.SetAdminsArgs memory args = ITypes.SetAdminsArgs(addressesOf(next), uint8(threshold % 4), DOCUMENT);
        if (!attempt(setAdmins(args, keys, accepted))) return;
        expect(_isQuorum(keys, office, least), 19, "handed over by no quorum");
        expect(args.threshold != 0 && accepted.length >= args.threshold, 19, "handed over to who has not accepted");
        (office, least) = (next, args.threshold);
    }

    /// @dev Candidates: three sets of three, of which one is in office at the start.
    function _set(uint256 number) private returns (uint256[] memory keys) {
        if (number % 3 == 0) return adminKeys();
        keys = new uint256[](ADMINS);
        for (uint256 i; i < ADMINS; ++i) keys[i] = uint256(keccak256(abi.encode("set", number % 3, i)));
        sortByAddress(keys);
    }

    /// @dev Mostly those in office, the first of them by the low bits; else of any set.
    function _some(uint256 signers) private returns (uint256[] memory keys) {
        uint256[] memory from = signers % 5 != 4 ? office : _set(signers >> 3);
        uint256 count = signers < 4 ? signers : (signers >> 6) % 4;
        if (count > from.length) count = from.length;
        keys = new uint256[](count);
        for (uint256 i; i < count; ++i) keys[i] = from[i];
    }

    function _isQuorum(uint256[] memory keys, uint256[] memory set, uint256 threshold) private pure returns (bool) {
        uint256 found;
        for (uint256 i; i < keys.length; ++i) {
            for (uint256 j; j < set.length; ++j) if (keys[i] == set[j]) ++found;
        }
        return found == keys.length && found >= threshold;
    }

    /// @dev A ruling's place in the history: no actor, key mode 0, and the lowest signer.
    function _ruled(uint64 party, uint8 verb, bytes32 argsHash) private {
        History storage h = histories[partySubject(party).id];
        h.head = keccak256(abi.encode(h.head, h.seq + 1, verb, 0, 0, argsHash, DOCUMENT, addressOf(office[0]), 0, block.timestamp));
        ++h.seq;
    }

    // -------------------------------------------------------------------------------------- 20: sealed

    /// @notice The ledger is sealed, everything is tried, and time is turned back.
    function sealAndTry(uint8 who, uint8 what) external {
        if (suspended[BRAND] || suspended[STORE]) return;
        uint256 snapshot = vm.snapshotState();
        bytes32 unit = _packed(BRAND);
        bytes[6] memory calls;
        land(sealLedger(ITypes.SealLedgerArgs(1, address(1), DOCUMENT), _some(3)));
        calls[0] = ship(unit, BRAND, STORE);
        calls[1] = cancel(all[who % 4]);
        calls[2] = updateParty(ITypes.UpdatePartyArgs(STORE, 4, what, 0, 0, DOCUMENT), _some(3));
        calls[3] = bindLot(BATCH, lotArgs(0, 0, keccak256(abi.encode(what)), 0), 0);
        calls[4] = anchorScanLog(ITypes.AnchorScanLogArgs(OPERATOR, what, "log", "map"));
        calls[5] = sealLedger(ITypes.SealLedgerArgs(2, address(2), DOCUMENT), _some(3));
        bool changed;
        for (uint256 i; i < 6; ++i) changed = attempt(calls[i]) || changed;
        bool relayed = !_failsAlone(calls[what % 6]);
        address registrar = address(uint160(uint256(keccak256(abi.encodePacked(bytes2(0xd694), address(ledger), bytes1(0x01))))));
        (bool past,) = registrar.call(_pastTheLedger());
        vm.revertToState(snapshot);
        expect(!changed, 20, "a sealed ledger changed");
        expect(!relayed, 20, "a batch changed a sealed ledger");
        expect(!past, 20, "the registrar worked past the ledger");
    }

    /// @dev Signed by no admins at all, whose era and threshold are 0 in the registrar's own storage.
    function _pastTheLedger() private returns (bytes memory) {
        ITypes.RegisterPartyArgs memory args = partyArgs(withCheckDigit(77), 1, 1, 0, 0, 0);
        return registerParty(args, new uint256[](0));
    }

    /// @dev A batch lands whatever becomes of its part: its one event then says that this failed.
    function _failsAlone(bytes memory call) private returns (bool) {
        bytes[] memory parts = new bytes[](1);
        parts[0] = call;
        bytes memory whole = batchOf(parts);
        vm.recordLogs();
        (bool ok,) = address(ledger).call(whole);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        return ok && logs.length == 1 && logs[0].topics[0] == ITypes.PartFailed.selector;
    }
}
