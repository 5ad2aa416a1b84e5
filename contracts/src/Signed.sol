// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {Act, begin} from "./Act.sol";
import {Messages} from "./Messages.sol";
import {PartyWord, loadParty} from "./PartyWord.sol";
import {State} from "./State.sol";

/// @notice Who signed, and the history that each verb extends; for both halves of the ledger.
abstract contract Signed is State {
    using Messages for *;

    uint256 internal constant MAX_ADMINS = 32;
    uint256 internal constant HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0;

    // ----------------------------------------------------------------------------------- signatures

    function _byParty(uint8 verb, bytes32 typeHash, uint64 actor, bytes32 argsHash, Auth calldata auth) internal returns (Party storage p, Act act) {
        p = parties[actor];
        act = _signed(verb, typeHash, _subject("party", 5, bytes32(uint256(actor))), p.head, p.seq, actor, argsHash, auth);
    }

    /// @dev Over head 0, so that no event of the party makes it stale; its arguments or its era count up.
    /// @param anyEra whether it lands in every era of the key: then its arguments must count up
    function _headless(uint8 verb, bytes32 typeHash, uint64 actor, bytes32 argsHash, bool anyEra, Auth calldata auth)
        internal
        returns (Party storage p, Act act)
    {
        p = parties[actor];
        bytes32 subject = _subject("party", 5, bytes32(uint256(actor)));
        act = begin(p.head, p.seq, verb, argsHash);
        (, uint256 era, uint256 deadline) = _terms(auth);
        bytes32 message = _message(typeHash, subject, 0, era, deadline, argsHash);
        _sign(act, actor, 1 << verb, 1, anyEra ? p.era : era, deadline, message, auth);
    }

    function _byBrand(uint8 verb, bytes32 typeHash, uint64 number, uint64 actor, bytes32 argsHash, Auth calldata auth)
        internal
        returns (Batch storage b, Act act)
    {
        b = batches[number];
        if (b.status == 0) revert UnknownBatch(number);
        if (b.brand != actor) revert NotBrandOf(number, actor);
        act = _signed(verb, typeHash, _subject("batch", 5, bytes32(uint256(number))), b.head, b.seq, actor, argsHash, auth);
    }

    function _signed(uint8 verb, bytes32 typeHash, bytes32 subject, bytes32 head, uint256 seq, uint64 actor, bytes32 argsHash, Auth calldata auth)
        internal
        returns (Act act)
    {
        (uint256 signedSeq, uint256 era, uint256 deadline) = _terms(auth);
        if (signedSeq != seq) revert StaleHead(subject);
        if (seq == 0) head = _head0(subject);
        act = begin(head, seq, verb, argsHash);
        _sign(act, actor, 1 << verb, 1, era, deadline, _message(typeHash, subject, head, era, deadline, argsHash), auth);
    }

    function _terms(Auth calldata auth) internal pure returns (uint256 seq, uint256 era, uint256 deadline) {
        uint256 terms = auth.terms;
        return (terms >> 128, uint64(terms >> 64), uint64(terms));
    }

    /// @param verbs bits of the verbs that are signed, and `count` how many there are: a device's limits
    function _sign(Act act, uint64 actor, uint256 verbs, uint256 count, uint256 era, uint256 deadline, bytes32 message, Auth calldata auth) internal {
        if (registry.open == 0) revert LedgerClosed();
        if (block.timestamp > deadline) revert DeadlinePassed(uint64(deadline), uint64(block.timestamp));
        PartyWord p = _needActive(actor);
        address signer = _recover(_digest(message), auth.r, auth.vs);
        uint256 keyMode = p.keyMode();
        if (signer != p.account()) {
            keyMode = _device(p, actor, signer, verbs, count, era);
        } else if (era != p.era()) {
            revert EraCancelled(uint64(era), uint64(p.era()));
        }
        act.signedBy(actor, signer, keyMode);
    }

    /// @return the key mode to record: a device is never said to be better held than its party's own key
    function _device(PartyWord p, uint64 actor, address key, uint256 verbs, uint256 count, uint256 era) internal returns (uint256) {
        Delegate storage d = delegates[actor][p.account()][key];
        if (d.era == 0) revert WrongSigner(actor, key);
        if (block.timestamp > d.expiry) revert DeviceExpired(actor, key);
        if (era != DEVICE_ERAS + d.era) revert EraCancelled(uint64(era), DEVICE_ERAS + d.era);
        if (verbs & ~uint256(d.verbs) != 0) revert DeviceNotAllowed(actor, key);
        if (count > d.left) revert DeviceSpent(actor, key);
        d.left -= uint32(count);
        return DEVICE + (d.keyMode > p.keyMode() ? d.keyMode : p.keyMode());
    }

    /// @notice The signers of a decision, all of them admins of the registry's era.
    function _quorum(bytes32 typeHash, bytes32 subject, bytes32 head, uint256 seq, bytes32 argsHash, Quorum calldata quorum)
        internal
        view
        returns (bytes32 digest, address[] memory signers)
    {
        if (registry.open == 0) revert LedgerClosed();
        if (block.timestamp > quorum.deadline) revert DeadlinePassed(quorum.deadline, uint64(block.timestamp));
        if (quorum.era != registry.era) revert EraCancelled(quorum.era, registry.era);
        if (quorum.seq != seq) revert StaleHead(subject);
        digest = _digest(keccak256(abi.encode(typeHash, subject, head, quorum.era, quorum.deadline, argsHash)));
        signers = _signers(digest, quorum.sigs, registry.era, registry.threshold);
    }

    function _signers(bytes32 digest, Sig[] calldata sigs, uint32 era, uint256 threshold) internal view returns (address[] memory signers) {
        if (sigs.length < threshold) revert QuorumMissing(sigs.length, threshold);
        signers = new address[](sigs.length);
        address last;
        for (uint256 i; i < signers.length; ++i) {
            address signer = _recover(digest, sigs[i].r, sigs[i].vs);
            if (!admins[era][signer]) revert WrongSigner(0, signer);
            if (signer <= last) revert SignersNotAscending();
            signers[i] = last = signer;
        }
    }

    /// @param set ascending, so that none is named twice
    function _setAdmins(uint32 era, address[] memory set, uint8 threshold) internal {
        if (threshold == 0) revert QuorumMissing(set.length, threshold);
        if (threshold > set.length) revert QuorumMissing(set.length, threshold);
        if (set.length > MAX_ADMINS) revert BadCount(set.length);
        address last;
        for (uint256 i; i < set.length; ++i) {
            if (set[i] <= last) revert SignersNotAscending();
            admins[era][last = set[i]] = true;
        }
        (registry.threshold, registry.admins) = (threshold, uint8(set.length));
    }

    function _recover(bytes32 digest, bytes32 r, bytes32 vs) internal view returns (address signer) {
        uint256 s = uint256(vs) & uint256(type(int256).max);
        if (s > HALF_ORDER) revert BadSignature();
        assembly ("memory-safe") {
            let m := mload(0x40)
            mstore(m, digest)
            mstore(add(m, 32), add(shr(255, vs), 27))
            mstore(add(m, 64), r)
            mstore(add(m, 96), s)
            mstore(0, 0) // the precompile gives nothing back where it recovers nobody
            pop(staticcall(gas(), 1, m, 128, 0, 32))
            signer := mload(0)
        }
        if (signer == address(0)) revert BadSignature();
    }

    /// @notice The hashStruct of one verb's message.
    function _message(bytes32 typeHash, bytes32 subject, bytes32 head, uint256 era, uint256 deadline, bytes32 argsHash) internal pure returns (bytes32 h) {
        assembly ("memory-safe") {
            let m := mload(0x40)
            mstore(m, typeHash)
            mstore(add(m, 32), subject)
            mstore(add(m, 64), head)
            mstore(add(m, 96), era)
            mstore(add(m, 128), deadline)
            mstore(add(m, 160), argsHash)
            h := keccak256(m, 192)
        }
    }

    function _digest(bytes32 message) internal view returns (bytes32 h) {
        bytes32 domain = _domain();
        assembly ("memory-safe") {
            let m := mload(0x40)
            mstore(m, shl(240, 0x1901))
            mstore(add(m, 2), domain)
            mstore(add(m, 34), message)
            h := keccak256(m, 66)
        }
    }

    function _domain() internal view virtual returns (bytes32) {
        return keccak256(abi.encode(Messages.DOMAIN_TYPE, keccak256("Touchstone"), keccak256("1"), block.chainid, address(this)));
    }

    // --------------------------------------------------------------------------------------- guards

    function _needRole(Party storage p, uint64 party, uint16 roles) internal view {
        if (p.roles & roles == 0) revert RoleMissing(party, roles);
    }

    function _needActive(uint64 party) internal view returns (PartyWord p) {
        p = loadParty(parties[party]);
        if (p.status() != ACTIVE) {
            if (p.status() == 0) revert UnknownParty(party);
            revert PartyInactive(party);
        }
    }

    // -------------------------------------------------------------------------------------- history

    /// @dev keccak(abi.encode(string kind, bytes32 id)): offset, id, the kind's length and letters.
    function _subject(bytes32 kind, uint256 length, bytes32 id) internal pure returns (bytes32 h) {
        assembly ("memory-safe") {
            let m := mload(0x40)
            mstore(m, 64)
            mstore(add(m, 32), id)
            mstore(add(m, 64), length)
            mstore(add(m, 96), kind)
            h := keccak256(m, 128)
        }
    }

    function _head0(bytes32 subject) internal view returns (bytes32) {
        return keccak256(abi.encode("touchstone-head/1", block.chainid, address(this), subject));
    }

    /// @dev Emits an event of the shape (uint indexed id, uint256 by, static struct args).
    function _log(bytes32 selector, uint256 id, Act act, uint256 begin, uint256 words) internal {
        uint256 by = act.by();
        assembly ("memory-safe") {
            let m := mload(0x40)
            mstore(m, by)
            calldatacopy(add(m, 32), begin, shl(5, words))
            log2(m, add(shl(5, words), 32), selector, id)
        }
    }
}
