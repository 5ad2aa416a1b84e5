// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ITypes} from "../src/ILedger.sol";
import {Ruling} from "./support/Ruling.sol";
import {Types} from "./support/Types.sol";

/// @notice suspendParty.tree
contract SuspendPartyTest is Ruling {
    function ruling(uint64 party, uint256[] memory keys) internal override returns (bytes memory) {
        return suspendParty(_args(party), keys);
    }

    function restore(uint64 party) internal override {
        land(suspendParty(ITypes.SuspendPartyArgs(party, 1, DOCUMENT)));
    }

    function testFuzz_RevertWhen_TheStatusIsNoneOrThePartysAlready(uint8 status) external {
        if (status != 2) refused(suspendParty(ITypes.SuspendPartyArgs(STORE, status, DOCUMENT)), abi.encodeWithSelector(ITypes.BadStatus.selector, status));
        land(suspendParty(_args(STORE)));
        if (status != 1) refused(suspendParty(ITypes.SuspendPartyArgs(STORE, status, DOCUMENT)), abi.encodeWithSelector(ITypes.BadStatus.selector, status));
        refused(suspendParty(_args(STORE)), abi.encodeWithSelector(ITypes.BadStatus.selector, 2));
    }

    function testFuzz_GivenThePartyIsSuspended(bytes32 epc) external {
        bytes32 unit = packed(BRAND, epc, 2);
        ITypes.SuspendPartyArgs memory args = _args(BRAND);
        rules(suspendParty(args), BRAND, SUSPEND_PARTY, ITypes.PartyStatusSet.selector, Types.SUSPEND_PARTY, abi.encode(args));
        vm.assertEq(partyNow(BRAND).status, 2, "suspended");
        bytes[5] memory calls = [
            ship(unit, BRAND, STORE),
            cancel(BRAND),
            reserveBatch(ITypes.ReserveBatchArgs(BRAND, GTIN, 0, DOCUMENT)),
            bindLot(BATCH, lotArgs(0, 0, "lot", 0), 0),
            unpack(unit, BRAND, items(2, epc), one(0))
        ];
        for (uint256 i; i < calls.length; ++i) refused(calls[i], abi.encodeWithSelector(ITypes.PartyInactive.selector, BRAND));
    }

    function testFuzz_RevertGiven_AUnitIsForItOrOnItsWayToIt(bytes32 epc) external {
        bytes32 unit = packed(BRAND, epc, 2);
        bytes32 other = packed(BRAND, keccak256(abi.encode(epc)), 2);
        land(ship(unit, BRAND, STORE));
        bytes memory receipt = receiveFrom(unit, STORE, BRAND);
        bytes memory shipment = ship(other, BRAND, STORE);
        land(suspendParty(_args(STORE)));
        bytes memory error = abi.encodeWithSelector(ITypes.PartyInactive.selector, STORE);
        refused(receipt, error);
        refused(shipment, error);
        land(suspendParty(ITypes.SuspendPartyArgs(STORE, 1, DOCUMENT)));
        land(receipt);
        land(shipment);
    }

    function _args(uint64 party) private pure returns (ITypes.SuspendPartyArgs memory) {
        return ITypes.SuspendPartyArgs(party, 2, DOCUMENT);
    }
}
