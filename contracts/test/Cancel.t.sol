// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ITypes} from "../src/ILedger.sol";
import {Types} from "./support/Types.sol";
import {World} from "./support/World.sol";

/// @notice cancel.tree
contract CancelTest is World {
    function testFuzz_RevertGiven_ThePartyIsNotRegistered(uint64 party) external {
        vm.assume(partyNow(party).status == 0);
        refused(cancel(party), abi.encodeWithSelector(ITypes.UnknownParty.selector, party));
    }

    function testFuzz_GivenThePartyIsRegistered(bytes32 epc, uint8 times) external {
        bytes32 unit = packed(BRAND, epc, 1);
        bytes memory hoarded = ship(unit, BRAND, STORE);
        times = uint8(between(times, 1, 4));
        for (uint8 i; i < times; ++i) land(cancel(BRAND));
        refused(hoarded, abi.encodeWithSelector(ITypes.EraCancelled.selector, 0, times));
        vm.assertEq(partyNow(BRAND).era, times, "era");
        vm.assertEq(partyNow(RIVAL).era, 0, "nobody else's");
        vm.assertEq(unitNow(unit).seq, 1, "touches no unit");
        land(ship(unit, BRAND, STORE));
    }

    function testFuzz_GivenThePartyIsRegistered_ItsEventSaysHowTheKeyIsHeld(uint8 who) external {
        uint64 actor = anyHandler(who);
        Subject memory before = partySubject(actor);
        recorded(cancel(actor), before, actor, ITypes.Cancelled.selector, bytes32(uint256(actor)), abi.encode(actor));
        bytes32 hash = vm.eip712HashStruct(Types.CANCEL, abi.encode(actor));
        vm.assertEq(partyNow(actor).head, headAfter(before, 7, actor, 0, hash, 0), "head");
        vm.assertEq(partyNow(actor).seq, before.seq + 1, "seq");
    }

    function testFuzz_GivenThePartyIsRegistered_ItLandsWhateverLandedBefore(uint8 epoch) external {
        bytes memory call = cancel(BRAND);
        land(openEpoch(ITypes.OpenEpochArgs(BRAND, uint8(between(epoch, 1, 31)), "epoch", DOCUMENT)));
        land(call);
        refused(call, abi.encodeWithSelector(ITypes.EraCancelled.selector, 0, 1));
        vm.assertEq(partyNow(BRAND).era, 1, "once");
    }
}
