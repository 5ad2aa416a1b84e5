// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ITypes} from "../src/ILedger.sol";
import {Types} from "./support/Types.sol";
import {Vm} from "./support/Vm.sol";
import {World} from "./support/World.sol";

/// @notice updateParty.tree
contract UpdatePartyTest is World {
    function testFuzz_RevertWhen_TheSignaturesAreNoQuorumOfAnotherEraOrLate(uint8 any, uint256 stranger, uint32 ago) external {
        uint256 given = between(any, 0, THRESHOLD - 1);
        refused(updateParty(_args(STORE), first(given)), abi.encodeWithSelector(ITypes.QuorumMissing.selector, given, THRESHOLD));
        uint256[] memory keys = adminKeys();
        uint256 i = between(any, 0, 1);
        (keys[i], keys[i + 1]) = any % 4 < 2 ? (keys[i + 1], keys[i]) : (keys[i], keys[i]);
        refused(updateParty(_args(STORE), keys), abi.encodeWithSelector(ITypes.SignersNotAscending.selector));
        keys = adminKeys();
        keys[any % ADMINS] = between(stranger, 1, 2 ** 250);
        refused(updateParty(_args(STORE), keys), abi.encodeWithSelector(ITypes.WrongSigner.selector, 0, vm.addr(keys[any % ADMINS])));
        eraLater = uint64(between(ago, 1, type(uint32).max));
        refused(updateParty(_args(STORE)), abi.encodeWithSelector(ITypes.EraCancelled.selector, eraLater, 0));
        eraLater = 0;
        bytes memory call = updateParty(_args(STORE));
        uint64 deadline = uint64(block.timestamp) + WEEK;
        vm.warp(uint256(deadline) + 1 + ago);
        refused(call, abi.encodeWithSelector(ITypes.DeadlinePassed.selector, deadline, block.timestamp));
        vm.warp(deadline);
        land(call);
    }

    function testFuzz_RevertWhen_ItIsOverAnOlderRuling(uint8 times) external {
        bytes memory older = updateParty(_args(STORE));
        for (uint256 i; i <= times % 3; ++i) land(updateParty(ITypes.UpdatePartyArgs(STORE, 4, i, 0, 0, DOCUMENT)));
        refused(older, abi.encodeWithSelector(ITypes.StaleHead.selector, partySubject(STORE).id));
    }

    function testFuzz_WhenThePartyHasDoneSomethingInBetween(uint8 times) external {
        bytes memory call = updateParty(_args(STORE));
        for (uint256 i; i <= times % 3; ++i) land(cancel(STORE));
        land(call);
        vm.assertEq(partyNow(STORE).ruledSeq, partyNow(STORE).seq, "the newest event");
        vm.assertEq(partyNow(STORE).ruled, partyNow(STORE).head, "is the newest ruling");
        land(cancel(STORE));
        vm.assertEq(partyNow(STORE).ruledSeq + 1, partyNow(STORE).seq, "until the party acts");
    }

    function testFuzz_RevertGiven_ThePartyIsUnknown(uint64 party) external {
        vm.assume(partyNow(party).status == 0);
        refused(updateParty(_args(party)), abi.encodeWithSelector(ITypes.UnknownParty.selector, party));
    }

    uint64 private eraLater;

    function terms(Subject memory subject, uint64 actor) internal override returns (Terms memory t) {
        t = super.terms(subject, actor);
        t.era += eraLater;
    }

    /// @dev Lands and checks the event of a ruling, and the party's head after it.
    function _rules(bytes memory call, uint64 party, bytes32 event_, bytes memory args, bytes32 hash) private {
        Subject memory before = partySubject(party);
        vm.recordLogs();
        land(call);
        Vm.Log memory log = vm.getRecordedLogs()[0];
        address[] memory signers = new address[](THRESHOLD);
        for (uint256 i; i < THRESHOLD; ++i) signers[i] = vm.addr(adminKeys()[i]);
        vm.assertEq(log.topics[0], event_, "event");
        vm.assertEq(log.topics[1], bytes32(uint256(party)), "event's subject");
        uint256 words = args.length / 32 + 2;
        bytes memory tail = abi.encode(THRESHOLD, signers[0], signers[1]);
        vm.assertEq(log.data, bytes.concat(abi.encode((uint256(before.seq + 1) << 168) | uint160(signers[0])), args, abi.encode(words * 32), tail), "event's data");
        bytes32 head = keccak256(abi.encode(before.head, before.seq + 1, 2, 0, 0, hash, DOCUMENT, signers[0], 0, block.timestamp));
        vm.assertEq(partyNow(party).head, head, "head");
        vm.assertEq(partyNow(party).seq, before.seq + 1, "seq");
        vm.assertEq(partyNow(party).ruled, head, "ruled");
    }

    function testFuzz_RevertWhen_ThereIsAPrefixThatOverlapsIsNoneOrIsForNoBrand(uint8 length, uint64 digits) external {
        ITypes.UpdatePartyArgs memory args = ITypes.UpdatePartyArgs(BRAND, 1, 0, 9501101, 7, DOCUMENT);
        refused(updateParty(args), abi.encodeWithSelector(ITypes.PrefixTaken.selector, 9501101, 7));
        (args.prefix, args.prefixLength) = (40063819, 8);
        refused(updateParty(args), abi.encodeWithSelector(ITypes.PrefixTaken.selector, 4006381, 7));
        if (length < 4 || length > 12) {
            (args.prefix, args.prefixLength) = (digits, length == 0 ? 13 : length);
            refused(updateParty(args), abi.encodeWithSelector(ITypes.BadPrefix.selector, digits, args.prefixLength));
        }
        (args.roles, args.prefix, args.prefixLength) = (4, 7654321, 7);
        refused(updateParty(args), abi.encodeWithSelector(ITypes.RoleMissing.selector, BRAND, 1));
    }

    function testFuzz_WhenThereIsAPrefixThatIsFree(uint64 digits, uint8 any) external {
        uint8 length = uint8(between(any, 4, 12));
        digits = uint64(between(digits, 7 * 10 ** 11, 8 * 10 ** 11 - 1));
        land(updateParty(ITypes.UpdatePartyArgs(BRAND, 1, 0, digits / uint64(10 ** (12 - length)), length, DOCUMENT)));
        vm.assertEq(ledger.brandOf(digits * 10), BRAND, "owner of all below it");
        vm.assertEq(ledger.brandOf(GTIN), BRAND, "and of what it had");
    }

    function testFuzz_WhenAllIsRight(uint16 roles, uint256 markets, uint8 who) external {
        uint64 party = anyHandler(who);
        ITypes.Party memory before = partyNow(party);
        ITypes.UpdatePartyArgs memory args = ITypes.UpdatePartyArgs(party, roles, markets, 0, 0, DOCUMENT);
        _rules(updateParty(args), party, ITypes.PartyUpdated.selector, abi.encode(args), _hash(Types.UPDATE_PARTY, abi.encode(args)));
        ITypes.Party memory p = partyNow(party);
        vm.assertEq(p.roles, roles, "roles");
        vm.assertEq(p.markets, markets, "markets");
        vm.assertEq(abi.encode(p.account, p.era, p.keyMode, p.status), abi.encode(before.account, before.era, before.keyMode, before.status), "nothing else");
    }

    function _args(uint64 party) private pure returns (ITypes.UpdatePartyArgs memory) {
        return ITypes.UpdatePartyArgs(party, 4, 77, 0, 0, DOCUMENT);
    }
}
