// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {Act, begin} from "./Act.sol";
import {IRegistrar} from "./ILedger.sol";
import {Messages} from "./Messages.sol";
import {Signed} from "./Signed.sol";

/// @notice Parties, their keys and devices, the admins, and the operator's scan log; see IRegistrar for the rules.
abstract contract Parties is Signed, IRegistrar {
    using Messages for *;

    uint64 internal constant PREFIX_INSIDE = type(uint64).max; // a longer prefix is registered below
    uint128 internal constant PARTY_VERBS = 0xFFFF; // a party's own affairs are no device's

    // -------------------------------------------------------------------------------------- parties

    function registerParty(RegisterPartyArgs calldata args, Quorum calldata quorum) external {
        if (parties[args.party].status != 0) revert PartyExists(args.party);
        bytes32 argsHash = Messages.hashStruct(Messages.T_REGISTER_PARTY, Messages.ARGS, 8);
        (Party storage p, Act act, address[] memory signers) = _ruling(Messages.REGISTER_PARTY, Messages.REGISTER_PARTY_MSG, args.party, argsHash, quorum);
        if (args.account == address(0)) revert ZeroAddress();
        _needKeyMode(args.keyMode);
        if (args.party >= FIRST_ASSIGNED_PARTY) {
            if (args.party != registry.nextParty) revert BadPartyId(args.party);
            registry.nextParty = args.party + 1;
        } else if (args.party == 0 || !_checkDigit(args.party)) {
            revert BadPartyId(args.party);
        }
        if (args.prefixLength != 0) _claimPrefix(args.party, args.roles, args.prefix, args.prefixLength);

        (p.account, p.roles, p.keyMode, p.status, p.markets) = (args.account, args.roles, args.keyMode, ACTIVE, args.markets);
        _recordRuling(p, act, args.eventHash);
        emit PartyRegistered(args.party, act.by(), args, signers);
    }

    function updateParty(UpdatePartyArgs calldata args, Quorum calldata quorum) external {
        bytes32 argsHash = Messages.hashStruct(Messages.T_UPDATE_PARTY, Messages.ARGS, 6);
        (Party storage p, Act act, address[] memory signers) = _ruling(Messages.UPDATE_PARTY, Messages.UPDATE_PARTY_MSG, args.party, argsHash, quorum);
        if (p.status == 0) revert UnknownParty(args.party);
        if (args.prefixLength != 0) _claimPrefix(args.party, args.roles, args.prefix, args.prefixLength);

        (p.roles, p.markets) = (args.roles, args.markets);
        _recordRuling(p, act, args.eventHash);
        emit PartyUpdated(args.party, act.by(), args, signers);
    }

    function suspendParty(SuspendPartyArgs calldata args, Quorum calldata quorum) external {
        bytes32 argsHash = Messages.hashStruct(Messages.T_SUSPEND_PARTY, Messages.ARGS, 3);
        (Party storage p, Act act, address[] memory signers) = _ruling(Messages.SUSPEND_PARTY, Messages.SUSPEND_PARTY_MSG, args.party, argsHash, quorum);
        if (p.status == 0) revert UnknownParty(args.party);
        if (args.status != ACTIVE && args.status != SUSPENDED) revert BadStatus(args.status);
        if (args.status == p.status) revert BadStatus(args.status);

        p.status = args.status;
        _recordRuling(p, act, args.eventHash);
        emit PartyStatusSet(args.party, act.by(), args, signers);
    }

    function rotateAccount(RotateAccountArgs calldata args, Quorum calldata quorum) external {
        bytes32 argsHash = Messages.hashStruct(Messages.T_ROTATE_ACCOUNT, Messages.ARGS, 4);
        (Party storage p, Act act, address[] memory signers) = _ruling(Messages.ROTATE_ACCOUNT, Messages.ROTATE_ACCOUNT_MSG, args.party, argsHash, quorum);
        if (p.status == 0) revert UnknownParty(args.party);
        if (args.account == address(0)) revert ZeroAddress();
        _needKeyMode(args.keyMode);
        retired[args.party][p.account] = true;
        if (retired[args.party][args.account]) revert AccountRetired(args.account);

        (p.account, p.keyMode) = (args.account, args.keyMode);
        ++p.era;
        _recordRuling(p, act, args.eventHash);
        emit AccountRotated(args.party, act.by(), args, signers);
    }

    function delegate(DelegateArgs calldata args, Auth calldata auth) external {
        bytes32 argsHash = Messages.hashStruct(Messages.T_DELEGATE, Messages.ARGS, 8);
        (Party storage p, Act act) = _headless(Messages.DELEGATE, Messages.DELEGATE_MSG, args.actor, argsHash, args.expiry == 0, auth);
        if (args.key == address(0)) revert ZeroAddress();
        _needKeyMode(args.keyMode);
        if (args.verbs == 0) revert BadVerbs(args.verbs);
        if (args.verbs & PARTY_VERBS != 0) revert BadVerbs(args.verbs);
        if (args.expiry > type(uint40).max) revert BadTime(args.expiry);
        Delegate storage d = delegates[args.actor][p.account][args.key];
        if (args.deviceEra < d.era) revert EraCancelled(args.deviceEra, d.era);
        if (args.deviceEra == type(uint32).max) revert BadCount(args.deviceEra);

        (d.verbs, d.expiry, d.left, d.keyMode) = (args.verbs, uint40(args.expiry), args.limit, args.keyMode);
        d.era = args.deviceEra + 1;
        _recordParty(p, act, args.eventHash);
        _log(Delegated.selector, args.actor, act, Messages.ARGS, 8);
    }

    function openEpoch(OpenEpochArgs calldata args, Auth calldata auth) external {
        bytes32 argsHash = Messages.hashStruct(Messages.T_OPEN_EPOCH, Messages.ARGS, 4);
        (Party storage p, Act act) = _byParty(Messages.OPEN_EPOCH, Messages.OPEN_EPOCH_MSG, args.actor, argsHash, auth);
        _needRole(p, args.actor, BRAND);
        if (args.epoch > 31) revert BadEpoch(args.epoch);
        if (args.commitment == 0) revert ZeroRoot();
        if (epochs[args.actor][args.epoch] != 0) revert EpochExists(args.epoch);

        epochs[args.actor][args.epoch] = args.commitment;
        _recordParty(p, act, args.eventHash);
        _log(EpochOpened.selector, args.actor, act, Messages.ARGS, 4);
    }

    function cancel(CancelArgs calldata args, Auth calldata auth) external {
        bytes32 argsHash = Messages.hashStruct(Messages.T_CANCEL, Messages.ARGS, 1);
        (Party storage p, Act act) = _headless(Messages.CANCEL, Messages.CANCEL_MSG, args.actor, argsHash, false, auth);

        ++p.era;
        _recordParty(p, act, 0);
        _log(Cancelled.selector, args.actor, act, Messages.ARGS, 1);
    }

    // ----------------------------------------------------------------------------------- governance

    function setAdmins(SetAdminsArgs calldata args, Quorum calldata quorum, Sig[] calldata accepted) external {
        (bytes32 digest, Act act, address[] memory signers) = _registryRuling(Messages.SET_ADMINS, Messages.SET_ADMINS_MSG, args.hash(), quorum);
        uint32 era = ++registry.era;
        _setAdmins(era, args.admins, args.threshold);
        _signers(digest, accepted, era, args.threshold);

        _recordRegistry(act, args.eventHash);
        emit AdminsSet(act.by(), args, signers);
    }

    function sealLedger(SealLedgerArgs calldata args, Quorum calldata quorum) external {
        bytes32 argsHash = Messages.hashStruct(Messages.T_SEAL_LEDGER, Messages.ARGS, 3);
        (, Act act, address[] memory signers) = _registryRuling(Messages.SEAL_LEDGER, Messages.SEAL_LEDGER_MSG, argsHash, quorum);
        if (args.successor == address(0)) revert ZeroAddress();

        (registry.open, registry.successorChain, registry.successor) = (0, args.chainId, args.successor);
        _recordRegistry(act, args.eventHash);
        emit LedgerSealed(act.by(), args, signers);
    }

    function anchorScanLog(AnchorScanLogArgs calldata args, Auth calldata auth) external {
        ScanLog storage log = scanLog;
        bytes32 argsHash = Messages.hashStruct(Messages.T_ANCHOR_SCAN_LOG, Messages.ARGS, 4);
        Act act = _signed(Messages.ANCHOR_SCAN_LOG, Messages.ANCHOR_SCAN_LOG_MSG, _subject("log", 3, 0), log.head, log.seq, args.actor, argsHash, auth);
        _needRole(parties[args.actor], args.actor, OPERATOR);
        if (args.size > type(uint40).max) revert BadCount(args.size);
        if (args.size < log.size) revert LogShrank(args.size);
        if (args.size == log.size && log.seq != 0) {
            if (args.logRoot != log.logRoot) revert LogForked(args.size);
            if (args.mapRoot != log.mapRoot) revert LogForked(args.size);
        }

        act.record(0, 0);
        (log.size, log.time, log.seq, log.head) = (args.size, uint64(block.timestamp), uint64(act.seq()), act.head());
        (log.logRoot, log.mapRoot) = (args.logRoot, args.mapRoot);
        _log(ScanLogAnchored.selector, args.actor, act, Messages.ARGS, 4);
    }

    function brandOf(uint64 gtin) public view returns (uint64) {
        uint64 digits = gtin % 10 ** 13; // without the indicator
        for (uint8 length = 12; length >= 4; --length) {
            uint64 owner = prefixes[_prefixKey(digits / uint64(10 ** (13 - length)), length)];
            if (owner != 0 && owner != PREFIX_INSIDE) return owner;
        }
        return 0;
    }

    // ---------------------------------------------------------------------------------------- inner

    /// @dev Over `ruled`, the head that the last ruling left: the party cannot outrun the next by acting.
    function _ruling(uint8 verb, bytes32 typeHash, uint64 party, bytes32 argsHash, Quorum calldata quorum)
        internal
        view
        returns (Party storage p, Act act, address[] memory signers)
    {
        p = parties[party];
        bytes32 subject = _subject("party", 5, bytes32(uint256(party)));
        bytes32 head0 = _head0(subject);
        (, signers) = _quorum(typeHash, subject, p.ruledSeq == 0 ? head0 : p.ruled, p.ruledSeq, argsHash, quorum);
        act = begin(p.seq == 0 ? head0 : p.head, p.seq, verb, argsHash);
        act.signedBy(0, signers[0], 0);
    }

    function _registryRuling(uint8 verb, bytes32 typeHash, bytes32 argsHash, Quorum calldata quorum)
        internal
        view
        returns (bytes32 digest, Act act, address[] memory signers)
    {
        bytes32 subject = _subject("registry", 8, 0);
        bytes32 head = registry.seq == 0 ? _head0(subject) : registry.head;
        (digest, signers) = _quorum(typeHash, subject, head, registry.seq, argsHash, quorum);
        act = begin(head, registry.seq, verb, argsHash);
        act.signedBy(0, signers[0], 0);
    }

    function _recordRuling(Party storage p, Act act, bytes32 eventHash) internal {
        _recordParty(p, act, eventHash);
        (p.ruled, p.ruledSeq) = (act.head(), uint32(act.seq()));
    }

    function _recordParty(Party storage p, Act act, bytes32 eventHash) internal {
        act.record(0, eventHash);
        (p.seq, p.head) = (uint32(act.seq()), act.head());
    }

    function _recordRegistry(Act act, bytes32 eventHash) internal {
        act.record(0, eventHash);
        (registry.seq, registry.head) = (uint32(act.seq()), act.head());
    }

    function _needKeyMode(uint8 keyMode) internal pure {
        if (keyMode == 0 || keyMode > 3) revert BadKeyMode(keyMode);
    }

    // ------------------------------------------------------------------------------------- prefixes

    /// @dev Marks every shorter length, so that no later prefix can contain this one.
    function _claimPrefix(uint64 party, uint16 roles, uint64 prefix, uint8 length) internal {
        if (length < 4 || length > 12 || prefix >= 10 ** length) revert BadPrefix(prefix, length);
        if (roles & BRAND == 0) revert RoleMissing(party, BRAND);
        if (prefixes[_prefixKey(prefix, length)] != 0) revert PrefixTaken(prefix, length);
        prefixes[_prefixKey(prefix, length)] = party;
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
}
