// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ILedger, ITypes} from "../../src/ILedger.sol";
import {Peek} from "./Peek.sol";
import {Types} from "./Types.sol";
import {Vm} from "./Vm.sol";

/// @notice Signs for any party and relays to the ledger, and reads the ledger's storage.
/// @dev Signatures are made from EIP-712's words and forge's own hashing, never by the contract's code.
abstract contract Relay {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    uint256 internal constant ADMINS = 3;
    uint8 internal constant THRESHOLD = 2;
    uint64 internal constant WEEK = 7 days;
    // Of secp256k1 (SEC 2, section 2.4.1); the generator's y is even.
    uint256 internal constant ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
    uint256 internal constant GENERATOR_X = 0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798;

    ILedger internal ledger;
    Peek internal peek;
    mapping(uint256 key => address) private met;

    /// @notice What a history belongs to, with its newest head and seq.
    struct Subject {
        bytes32 id;
        bytes32 head;
        uint64 seq;
    }

    /// @notice What a message is signed with beside its arguments.
    struct Terms {
        Subject subject;
        uint64 era;
        uint64 deadline;
        uint256 key;
        bytes32 domain;
    }

    // ------------------------------------------------------------------------------------ relaying

    /// @notice Relay a call that must land.
    function land(bytes memory call) internal returns (bytes memory out) {
        bool ok;
        (ok, out) = address(ledger).call(call);
        if (!ok) {
            assembly ("memory-safe") {
                revert(add(out, 32), mload(out))
            }
        }
    }

    /// @notice Relay a call that must be refused with just this error.
    function refused(bytes memory call, bytes memory error) internal {
        (bool ok, bytes memory out) = address(ledger).call(call);
        vm.assertTrue(!ok, "the call landed");
        vm.assertEq(out, error, "refused with another error");
    }

    /// @notice Relay a call that must be refused with this kind of error.
    function refusedAs(bytes memory call, bytes4 error) internal {
        (bool ok, bytes memory out) = address(ledger).call(call);
        vm.assertTrue(!ok, "the call landed");
        vm.assertEq(bytes32(bytes4(out)), bytes32(error), "refused with another error");
    }

    /// @notice Relay a call that may land.
    function attempt(bytes memory call) internal returns (bool ok) {
        (ok,) = address(ledger).call(call);
    }

    /// @notice Relay a call that must land and say first just this: `id`'s next event, by `actor`.
    /// data: the event's words after `by`.
    function recorded(bytes memory call, Subject memory before, uint64 actor, bytes32 event_, bytes32 id, bytes memory data) internal returns (Vm.Log[] memory logs) {
        vm.recordLogs();
        land(call);
        logs = vm.getRecordedLogs();
        vm.assertEq(logs[0].topics[0], event_, "event");
        vm.assertEq(logs[0].topics[1], id, "event's subject");
        vm.assertEq(logs[0].data, bytes.concat(abi.encode(by(before.seq + 1, actor)), data), "event's data");
    }

    /// @notice An event's word on who signed, how the key is held, and its number.
    function by(uint64 seq, uint64 actor) internal returns (uint256) {
        return (uint256(seq) << 168) | (uint256(partyNow(actor).keyMode) << 160) | uint160(addressOf(keyOf(actor)));
    }

    /// @notice The head after one more event.
    function headAfter(Subject memory s, uint8 verb, uint64 actor, uint64 counterparty, bytes32 argsHash, bytes32 eventHash) internal returns (bytes32) {
        return keccak256(
            abi.encode(s.head, s.seq + 1, verb, actor, counterparty, argsHash, eventHash, addressOf(keyOf(actor)), partyNow(actor).keyMode, block.timestamp)
        );
    }

    // ------------------------------------------------------------------------------------- reading

    function registryNow() internal returns (ITypes.Registry memory) {
        return abi.decode(_read(abi.encodeCall(peek.registry_, ())), (ITypes.Registry));
    }

    function predecessorNow() internal returns (ITypes.Link memory) {
        return abi.decode(_read(abi.encodeCall(peek.predecessor_, ())), (ITypes.Link));
    }

    function scanLogNow() internal returns (ITypes.ScanLog memory) {
        return abi.decode(_read(abi.encodeCall(peek.scanLog_, ())), (ITypes.ScanLog));
    }

    function isAdmin(uint32 era, address account) internal returns (bool) {
        return abi.decode(_read(abi.encodeCall(peek.admin, (era, account))), (bool));
    }

    function partyNow(uint64 party) internal returns (ITypes.Party memory) {
        return abi.decode(_read(abi.encodeCall(peek.party, (party))), (ITypes.Party));
    }

    function deviceNow(uint64 party, address key) internal returns (ITypes.Delegate memory) {
        return abi.decode(_read(abi.encodeCall(peek.device, (party, partyNow(party).account, key))), (ITypes.Delegate));
    }

    function batchNow(uint64 batch) internal returns (ITypes.Batch memory) {
        return abi.decode(_read(abi.encodeCall(peek.batch, (batch))), (ITypes.Batch));
    }

    function runNow(uint64 batch, uint32 first) internal returns (ITypes.Run memory) {
        return abi.decode(_read(abi.encodeCall(peek.run, (batch, first))), (ITypes.Run));
    }

    function lotNow(uint32 number) internal returns (ITypes.Lot memory) {
        return abi.decode(_read(abi.encodeCall(peek.lot, (number))), (ITypes.Lot));
    }

    function unitNow(bytes32 unit) internal returns (ITypes.Unit memory) {
        return abi.decode(_read(abi.encodeCall(peek.unit, (unit))), (ITypes.Unit));
    }

    function exceptionNow(bytes32 unit, uint32 report) internal returns (ITypes.Exception memory) {
        return abi.decode(_read(abi.encodeCall(peek.report, (unit, report))), (ITypes.Exception));
    }

    function itemNow(bytes32 leaf) internal returns (ITypes.Item memory) {
        return abi.decode(_read(abi.encodeCall(peek.item, (leaf))), (ITypes.Item));
    }

    function claimNow(uint64 batch, uint32 index) internal returns (ITypes.Claim memory) {
        return abi.decode(_read(abi.encodeCall(peek.claim, (batch, index))), (ITypes.Claim));
    }

    function epochNow(uint64 party, uint8 epoch) internal returns (bytes32) {
        return abi.decode(_read(abi.encodeCall(peek.epoch, (party, epoch))), (bytes32));
    }

    /// @notice The hint of a range that begins at `from`, and where the run or the gap that holds it ends.
    function placeOf(uint64 batch, uint32 from, uint32 count) internal returns (uint32 hint, uint32 end) {
        uint32 next = batchNow(batch).firstRun;
        while (next != 0 && next - 1 <= from) {
            ITypes.Run memory run = runNow(batch, next - 1);
            (hint, end, next) = (next, run.to, run.next);
        }
        if (end <= from) end = next == 0 ? count : next - 1;
    }

    /// @dev Runs the getters' code on the ledger's storage.
    function _read(bytes memory call) private returns (bytes memory out) {
        vm.prank(address(ledger), true);
        (, out) = address(peek).delegatecall(call);
    }

    // ------------------------------------------------------------------------------------- signing

    function keyOf(uint64 party) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode("party", party)));
    }

    /// @notice The admins' keys, ascending by address.
    function adminKeys() internal returns (uint256[] memory keys) {
        keys = new uint256[](ADMINS);
        for (uint256 i; i < ADMINS; ++i) keys[i] = uint256(keccak256(abi.encode("admin", i)));
        sortByAddress(keys);
    }

    function sortByAddress(uint256[] memory keys) internal {
        address[] memory addresses = addressesOf(keys);
        for (uint256 i = 1; i < keys.length; ++i) {
            for (uint256 j = i; j != 0 && addresses[j] < addresses[j - 1]; --j) {
                (keys[j], keys[j - 1]) = (keys[j - 1], keys[j]);
                (addresses[j], addresses[j - 1]) = (addresses[j - 1], addresses[j]);
            }
        }
    }

    function addressesOf(uint256[] memory keys) internal returns (address[] memory addresses) {
        addresses = new address[](keys.length);
        for (uint256 i; i < keys.length; ++i) addresses[i] = addressOf(keys[i]);
    }

    /// @notice A key's address; those that setUp met are not computed again.
    function addressOf(uint256 key) internal returns (address account) {
        account = met[key];
        if (account == address(0)) met[key] = account = vm.addr(key);
    }

    function domain(uint256 chainId, address verifier) internal pure returns (bytes32) {
        return keccak256(abi.encode(keccak256(bytes(Types.DOMAIN)), keccak256("Touchstone"), keccak256("1"), chainId, verifier));
    }

    function subjectOf(string memory kind, bytes32 id, bytes32 head, uint64 seq) internal view returns (Subject memory) {
        bytes32 subject = keccak256(abi.encode(kind, id));
        bytes32 first = keccak256(abi.encode("touchstone-head/1", block.chainid, address(ledger), subject));
        return Subject(subject, seq == 0 ? first : head, seq);
    }

    function unitSubject(bytes32 unit) internal returns (Subject memory) {
        ITypes.Unit memory u = unitNow(unit);
        return subjectOf("unit", unit, u.head, u.seq);
    }

    function partySubject(uint64 party) internal returns (Subject memory) {
        ITypes.Party memory p = partyNow(party);
        return subjectOf("party", bytes32(uint256(party)), p.head, p.seq);
    }

    /// @notice A party's subject as a quorum signs over it: as its last decision left it.
    function ruledSubject(uint64 party) internal returns (Subject memory) {
        ITypes.Party memory p = partyNow(party);
        return subjectOf("party", bytes32(uint256(party)), p.ruled, p.ruledSeq);
    }

    /// @notice A party's subject as `cancel` and `delegate` sign over it: head 0.
    function headless(uint64 party) internal returns (Subject memory s) {
        s = partySubject(party);
        s.head = 0;
    }

    function registrySubject() internal returns (Subject memory) {
        ITypes.Registry memory r = registryNow();
        return subjectOf("registry", 0, r.head, r.seq);
    }

    function lotSubject(uint32 lot) internal returns (Subject memory) {
        ITypes.Lot memory l = lotNow(lot);
        return subjectOf("lot", bytes32(uint256(lot)), l.head, l.seq);
    }

    function itemSubject(bytes32 leaf) internal returns (Subject memory) {
        ITypes.Item memory i = itemNow(leaf);
        return subjectOf("item", leaf, i.head, i.seq);
    }

    /// @notice Of an inner code that nobody has claimed.
    function claimSubject(uint64 batch, uint32 index) internal view returns (Subject memory) {
        return subjectOf("claim", bytes32((uint256(batch) << 32) | index), 0, 0);
    }

    function batchSubject(uint64 batch) internal returns (Subject memory) {
        ITypes.Batch memory b = batchNow(batch);
        return subjectOf("batch", bytes32(uint256(batch)), b.head, b.seq);
    }

    function logSubject() internal returns (Subject memory) {
        ITypes.ScanLog memory log = scanLogNow();
        return subjectOf("log", 0, log.head, uint64(log.seq));
    }

    /// @notice A right signature's terms; a test of signatures overrides it to sign otherwise.
    function terms(Subject memory subject, uint64 actor) internal virtual returns (Terms memory) {
        return Terms(subject, partyNow(actor).era, uint64(block.timestamp) + WEEK, keyOf(actor), domain(block.chainid, address(ledger)));
    }

    function digestOf(bytes32 domain_, bytes32 message) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked("\x19\x01", domain_, message));
    }

    /// @notice A signature with the nonce 1, which is right and takes no time: r is the generator's x.
    function signature(uint256 key, bytes32 digest) internal pure returns (ITypes.Sig memory) {
        uint256 s = addmod(uint256(digest), mulmod(GENERATOR_X, key, ORDER), ORDER);
        uint256 vs = s <= ORDER / 2 ? s : (ORDER - s) | (1 << 255);
        return ITypes.Sig(bytes32(GENERATOR_X), bytes32(vs));
    }

    /// @notice The signature of a message over one subject. last: hash of the arguments or the parts.
    function auth(Subject memory subject, uint64 actor, bytes32 typeHash, bytes32 last) internal returns (ITypes.Auth memory) {
        Terms memory t = terms(subject, actor);
        return authOf(t, keccak256(abi.encode(typeHash, t.subject.id, t.subject.head, t.era, t.deadline, last)));
    }

    function authOf(Terms memory t, bytes32 message) internal virtual returns (ITypes.Auth memory) {
        ITypes.Sig memory sig = signature(t.key, digestOf(t.domain, message));
        return ITypes.Auth(uint192((uint256(t.subject.seq) << 128) | (uint256(t.era) << 64) | t.deadline), sig.r, sig.vs);
    }
}
