// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ILedger, ITypes} from "../src/ILedger.sol";
import {Types} from "./support/Types.sol";
import {Vm} from "./support/Vm.sol";
import {World} from "./support/World.sol";

/// @notice registerParty.tree
contract RegisterPartyTest is World {
    uint64 private constant NEXT = 10 ** 13 + 3;

    bool private twisted;
    Terms private twist; // what the next message says, if `twisted`

    function terms(Subject memory subject, uint64 actor) internal override returns (Terms memory) {
        return twisted ? twist : super.terms(subject, actor);
    }

    function test_WhenTheLedgerIsMade_ItIsInForceAtOnce() external {
        ledger = ILedger(deploy(adminKeys(), THRESHOLD));
        vm.assertEq(registryNow().nextParty, DISTRIBUTOR, "the first number to assign");
        land(registerParty(partyArgs(DISTRIBUTOR, 2, 1, 0, 0, 0)));
        land(registerParty(partyArgs(STORE, 4, 1, 0, 0, 0)));
        vm.assertEq(registryNow().nextParty, STORE + 1, "the next");
        handOver(packed(STORE, "unit", 1), STORE, DISTRIBUTOR);
    }

    function testFuzz_RevertWhen_TheAdminsSignaturesAreFewerThanTheThreshold(uint8 any) external {
        uint256 given = between(any, 0, THRESHOLD - 1);
        refused(registerParty(_next(), first(given)), abi.encodeWithSelector(ITypes.QuorumMissing.selector, given, THRESHOLD));
    }

    function testFuzz_RevertWhen_TheyAreNotAscendingOrOneSignsTwice(uint8 any) external {
        uint256[] memory keys = adminKeys();
        uint256 i = between(any, 0, 1);
        (keys[i], keys[i + 1]) = any % 4 < 2 ? (keys[i + 1], keys[i]) : (keys[i], keys[i]);
        refused(registerParty(_next(), keys), abi.encodeWithSelector(ITypes.SignersNotAscending.selector));
    }

    function testFuzz_RevertWhen_OneIsNoAdmins(uint256 stranger, uint8 place) external {
        stranger = between(stranger, 1, 2 ** 250);
        uint256[] memory keys = adminKeys();
        keys[place % ADMINS] = stranger;
        refused(registerParty(_next(), keys), abi.encodeWithSelector(ITypes.WrongSigner.selector, 0, addressOf(stranger)));
    }

    function testFuzz_RevertWhen_TheRegistrysEraTheDeadlineOrThePartysSeqIsAnother(uint64 era, uint64 seq, uint32 ago) external {
        (twisted, twist) = (true, terms(ruledSubject(NEXT), 0));
        Terms memory right = twist;
        if (era != 0) {
            twist.era = era;
            refused(registerParty(_next()), abi.encodeWithSelector(ITypes.EraCancelled.selector, era, 0));
        }
        twist = right;
        twist.deadline = uint64(block.timestamp - between(ago, 1, 10 ** 9));
        refused(registerParty(_next()), abi.encodeWithSelector(ITypes.DeadlinePassed.selector, twist.deadline, block.timestamp));
        twist = right;
        if (seq != 0) {
            twist.subject.seq = seq;
            refused(registerParty(_next()), abi.encodeWithSelector(ITypes.StaleHead.selector, right.subject.id));
        }
        twist = right;
        twist.deadline = uint64(block.timestamp);
        land(registerParty(_next()));
    }

    function testFuzz_RevertGiven_ThePartyExists(address account) external {
        ITypes.RegisterPartyArgs memory args = _next();
        (twisted, twist) = (true, terms(ruledSubject(NEXT), 0));
        bytes memory call = registerParty(args);
        land(call);
        refused(call, abi.encodeWithSelector(ITypes.PartyExists.selector, NEXT));
        args.account = account;
        refused(registerParty(args), abi.encodeWithSelector(ITypes.PartyExists.selector, NEXT));
    }

    function testFuzz_RevertWhen_TheIdIsNeitherAGLNNorTheNextAssignedNumber(uint64 party) external {
        vm.assume(party != NEXT && partyNow(party).status == 0 && (party == 0 || party >= 10 ** 13 || withCheckDigit(party / 10) != party));
        refused(registerParty(partyArgs(party, 2, 1, 0, 0, 0)), abi.encodeWithSelector(ITypes.BadPartyId.selector, party));
        uint64 wrong = withCheckDigit(uint64(between(party, 1, 10 ** 12 - 1))) / 10 * 10;
        wrong += (withCheckDigit(wrong / 10) + uint64(between(party, 1, 9))) % 10;
        refused(registerParty(partyArgs(wrong, 2, 1, 0, 0, 0)), abi.encodeWithSelector(ITypes.BadPartyId.selector, wrong));
        refused(registerParty(partyArgs(0, 2, 1, 0, 0, 0)), abi.encodeWithSelector(ITypes.BadPartyId.selector, 0));
        refused(registerParty(partyArgs(NEXT + 1, 2, 1, 0, 0, 0)), abi.encodeWithSelector(ITypes.BadPartyId.selector, NEXT + 1));
    }

    function testFuzz_RevertWhen_TheAccountIsZero(uint64 markets) external {
        ITypes.RegisterPartyArgs memory args = _next();
        (args.account, args.markets) = (address(0), markets);
        refused(registerParty(args), abi.encodeWithSelector(ITypes.ZeroAddress.selector));
    }

    function testFuzz_RevertWhen_TheKeyModeIsUnknown(uint8 mode) external {
        ITypes.RegisterPartyArgs memory args = _next();
        args.keyMode = mode;
        if (mode >= 1 && mode <= 3) land(registerParty(args));
        else refused(registerParty(args), abi.encodeWithSelector(ITypes.BadKeyMode.selector, mode));
    }

    function testFuzz_RevertWhen_ItsLengthIsNot4To12OrItsValueDoesNotFit(uint64 prefix, uint8 length) external {
        vm.assume(length != 0);
        if (length >= 4 && length <= 12) prefix = uint64(between(prefix, 10 ** length, type(uint64).max));
        refused(registerParty(partyArgs(NEXT, 1, 1, 0, prefix, length)), abi.encodeWithSelector(ITypes.BadPrefix.selector, prefix, length));
        refused(registerParty(partyArgs(NEXT, 1, 1, 0, 123, 3)), abi.encodeWithSelector(ITypes.BadPrefix.selector, 123, 3));
        refused(registerParty(partyArgs(NEXT, 1, 1, 0, 123, 13)), abi.encodeWithSelector(ITypes.BadPrefix.selector, 123, 13));
        refused(registerParty(partyArgs(NEXT, 1, 1, 0, 10000, 4)), abi.encodeWithSelector(ITypes.BadPrefix.selector, 10000, 4));
        land(registerParty(partyArgs(NEXT, 1, 1, 0, 999999999999, 12)));
    }

    function testFuzz_RevertWhen_ThePartyIsNoBrand(uint16 roles) external {
        roles &= type(uint16).max - 1;
        refused(registerParty(partyArgs(NEXT, roles, 1, 0, 123456, 6)), abi.encodeWithSelector(ITypes.RoleMissing.selector, NEXT, 1));
        land(registerParty(partyArgs(NEXT, roles, 1, 0, 0, 0))); // but without a prefix
    }

    function testFuzz_RevertWhen_ItContainsOrIsContainedInARegisteredOne(uint64 digits, uint8 a, uint8 b) external {
        (uint8 mine, uint8 theirs) = (uint8(between(a, 4, 12)), uint8(between(b, 4, 12)));
        digits = uint64(between(digits, 7 * 10 ** 11, 8 * 10 ** 11 - 1)); // away from the world's prefixes
        land(registerParty(partyArgs(NEXT, 1, 1, 0, digits / uint64(10 ** (12 - mine)), mine)));
        uint64 prefix = digits / uint64(10 ** (12 - theirs));
        refused(registerParty(partyArgs(NEXT + 1, 1, 1, 0, prefix, theirs)), _taken(digits, mine, theirs));
        uint64 apart = theirs <= mine ? prefix + 1 - 2 * (prefix % 2) : prefix + uint64(10 ** (theirs - mine)) * (digits < 75 * 10 ** 10 ? 1 : 0);
        if (apart != prefix) land(registerParty(partyArgs(NEXT + 1, 1, 1, 0, apart, theirs)));
    }

    function testFuzz_WhenThereIsAPrefix(uint64 digits, uint8 any) external {
        uint8 length = uint8(between(any, 4, 12));
        digits = uint64(between(digits, 7 * 10 ** 11, 8 * 10 ** 11 - 1));
        land(registerParty(partyArgs(NEXT, 1, 1, 0, digits / uint64(10 ** (12 - length)), length)));
        vm.assertEq(ledger.brandOf(digits * 10 + 3 * 10 ** 13), NEXT, "owner of all below it");
        vm.assertEq(ledger.brandOf(digits * 10 + 10 ** 12 / 10 * 2), 0, "not of its neighbour");
    }

    function testFuzz_GivenThePartyIsNew(uint64 body, uint16 roles, uint8 mode, uint256 markets, bool assigned) external {
        uint64 party = assigned ? NEXT : withCheckDigit(uint64(between(body, 1, 10 ** 12 - 1)));
        vm.assume(partyNow(party).status == 0);
        ITypes.RegisterPartyArgs memory args = partyArgs(party, roles, uint8(between(mode, 1, 3)), markets, 0, 0);
        Subject memory before = partySubject(party);
        vm.recordLogs();
        land(registerParty(args));
        Vm.Log memory log = vm.getRecordedLogs()[0];
        address[] memory signers = addressesOf(first(THRESHOLD));
        vm.assertEq(log.topics[0], ITypes.PartyRegistered.selector, "event");
        vm.assertEq(log.topics[1], bytes32(uint256(party)), "event's subject");
        vm.assertEq(log.data, abi.encode((uint256(1) << 168) | uint160(signers[0]), args, signers), "event's data");

        ITypes.Party memory p = partyNow(party);
        vm.assertEq(p.account, args.account, "account");
        vm.assertEq(p.roles, roles, "roles");
        vm.assertEq(p.keyMode, args.keyMode, "key mode");
        vm.assertEq(p.status, 1, "active");
        vm.assertEq(p.markets, markets, "markets");
        vm.assertEq(p.seq, 1, "seq");
        bytes32 hash = vm.eip712HashStruct(Types.REGISTER_PARTY, abi.encode(args));
        vm.assertEq(p.head, keccak256(abi.encode(before.head, 1, 1, 0, 0, hash, DOCUMENT, signers[0], 0, block.timestamp)), "head");
        vm.assertEq(registryNow().nextParty, assigned ? NEXT + 1 : NEXT, "next number");
    }

    function testFuzz_GivenTheContractIsBeingDeployed(uint8 threshold, uint8 any) external {
        uint256[] memory keys = adminKeys();
        if (threshold == 0 || threshold > ADMINS) {
            _notDeployed(keys, threshold, abi.encodeWithSelector(ITypes.QuorumMissing.selector, ADMINS, threshold));
            return;
        }
        deploy(keys, threshold);
        uint256 i = between(any, 0, 1);
        (keys[i], keys[i + 1]) = any % 4 < 2 ? (keys[i + 1], keys[i]) : (keys[i], keys[i]);
        _notDeployed(keys, threshold, abi.encodeWithSelector(ITypes.SignersNotAscending.selector));
        _notDeployed(new uint256[](0), 0, abi.encodeWithSelector(ITypes.QuorumMissing.selector, 0, 0));
        _notDeployed(new uint256[](0), threshold, abi.encodeWithSelector(ITypes.QuorumMissing.selector, 0, threshold));
    }

    function deployExternally(uint256[] memory keys, uint8 threshold) external {
        deploy(keys, threshold);
    }

    function _notDeployed(uint256[] memory keys, uint8 threshold, bytes memory error) private {
        (bool ok, bytes memory out) = address(this).call(abi.encodeCall(this.deployExternally, (keys, threshold)));
        vm.assertTrue(!ok, "deployed");
        vm.assertEq(out, error, "refused with another error");
    }

    /// @dev A longer one is found taken at its own length; a shorter one where it would contain the other.
    function _taken(uint64 digits, uint8 mine, uint8 theirs) private pure returns (bytes memory) {
        uint8 at = mine < theirs ? mine : theirs;
        return abi.encodeWithSelector(ITypes.PrefixTaken.selector, digits / uint64(10 ** (12 - at)), at);
    }

    function _next() private returns (ITypes.RegisterPartyArgs memory) {
        return partyArgs(NEXT, 2, 1, 0, 0, 0);
    }

    function testFuzz_WhenTheLedgerIsMade(uint256 chainId, address before, uint64 number, bytes32 hash) external {
        predecessor = ITypes.Link(chainId, before, number, hash);
        ledger = ILedger(deploy(adminKeys(), THRESHOLD));
        ITypes.Link memory link = predecessorNow();
        vm.assertEq(abi.encode(link), abi.encode(predecessor), "predecessor");
        vm.assertEq(registryNow().open, 1, "in force");
    }
}
