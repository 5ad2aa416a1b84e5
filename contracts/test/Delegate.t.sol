// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ITypes} from "../src/ILedger.sol";
import {Types} from "./support/Types.sol";
import {World} from "./support/World.sol";

/// @notice delegate.tree
contract DelegateTest is World {
    uint256 private constant DEVICE = 777;
    uint64 private constant ERAS = 2 ** 32; // what a device signs is of this era and its own

    uint256 private key; // signs instead of the actor's, if set, in this era
    uint64 private era;
    bool private overHead;

    function terms(Subject memory subject, uint64 actor) internal override returns (Terms memory t) {
        t = super.terms(subject, actor);
        if (key != 0) (t.key, t.era) = (key, era);
        if (overHead) t.subject.head = partyNow(actor).head;
    }

    function testFuzz_RevertWhen_TheKeyIsZeroItsModeUnknownItsVerbsNoneOrAPartysOwnOrItsExpiryTooLarge(uint8 mode, uint8 verb, uint64 expiry) external {
        ITypes.DelegateArgs memory args = _args();
        args.key = address(0);
        refused(delegate(args), abi.encodeWithSelector(ITypes.ZeroAddress.selector));
        args = _args();
        args.keyMode = mode;
        if (mode == 0 || mode > 3) refused(delegate(args), abi.encodeWithSelector(ITypes.BadKeyMode.selector, mode));
        args = _args();
        args.verbs = 0;
        refused(delegate(args), abi.encodeWithSelector(ITypes.BadVerbs.selector, 0));
        args.verbs = _args().verbs | uint128(1 << (verb % 16));
        refused(delegate(args), abi.encodeWithSelector(ITypes.BadVerbs.selector, args.verbs));
        args = _args();
        args.expiry = uint64(between(expiry, uint256(type(uint40).max) + 1, type(uint64).max));
        refused(delegate(args), abi.encodeWithSelector(ITypes.BadTime.selector, args.expiry));
        args.expiry = type(uint40).max;
        land(delegate(args));
    }

    function testFuzz_RevertWhen_ItIsOverAnOlderEraOfTheDeviceOrTheLastOneThereIs(uint32 deviceEra, uint32 older) external {
        ITypes.DelegateArgs memory args = _args();
        args.deviceEra = uint32(between(deviceEra, 0, type(uint32).max - 1));
        land(delegate(args));
        uint32 now_ = args.deviceEra + 1;
        vm.assertEq(deviceNow(BRAND, args.key).era, now_, "one more than it was told");
        refused(delegate(args), abi.encodeWithSelector(ITypes.EraCancelled.selector, args.deviceEra, now_));
        args.deviceEra = uint32(between(older, 0, args.deviceEra));
        refused(delegate(args), abi.encodeWithSelector(ITypes.EraCancelled.selector, args.deviceEra, now_));
        args.deviceEra = type(uint32).max;
        refused(delegate(args), abi.encodeWithSelector(ITypes.BadCount.selector, args.deviceEra));
        args.deviceEra = now_;
        if (now_ != type(uint32).max) land(delegate(args));
    }

    function testFuzz_RevertWhen_TheKeyWasCancelledSince_UnlessItEndsTheDevice(uint8 times, bool hoarded) external {
        ITypes.DelegateArgs memory args = _args();
        bytes memory named = delegate(args);
        (args.expiry, args.deviceEra) = (0, 1);
        bytes memory ended = delegate(args);
        if (hoarded) land(named);
        uint64 current = 1 + times % 3;
        for (uint256 i; i < current; ++i) land(cancel(BRAND));
        if (!hoarded) refused(named, abi.encodeWithSelector(ITypes.EraCancelled.selector, 0, current));
        land(ended);
        vm.assertEq(deviceNow(BRAND, args.key).expiry, 0, "cut off");
        refused(ended, abi.encodeWithSelector(ITypes.EraCancelled.selector, 1, 2));
        args.expiry = 1;
        (key, era, args.deviceEra) = (keyOf(BRAND), current + 1, 2);
        refused(delegate(args), abi.encodeWithSelector(ITypes.EraCancelled.selector, current + 1, current));
    }

    function testFuzz_RevertGiven_TheKeyBecomesTheAccountOrTheAccountADevice(bytes32 epc) external {
        bytes32 unit = packed(BRAND, epc, 2);
        land(delegate(_args()));
        land(cancel(BRAND));
        bytes memory asAccount = ship(unit, BRAND, STORE); // in era 1, as the device's
        (key, era) = (DEVICE, ERAS + 1);
        bytes memory asDevice = ship(unit, BRAND, STORE);
        (key, era) = (0, 0);
        land(rotateAccount(ITypes.RotateAccountArgs(BRAND, addressOf(DEVICE), 1, DOCUMENT)));
        refused(asDevice, abi.encodeWithSelector(ITypes.EraCancelled.selector, ERAS + 1, 2));
        (key, era) = (DEVICE, 2);
        ITypes.DelegateArgs memory args = _args();
        args.key = addressOf(keyOf(BRAND));
        land(delegate(args));
        refused(asAccount, abi.encodeWithSelector(ITypes.EraCancelled.selector, 1, ERAS + 1));
    }

    function testFuzz_RevertWhen_ItIsSignedOverThePartysHead(uint32 limit) external {
        ITypes.DelegateArgs memory args = _args();
        args.limit = limit;
        overHead = true;
        refusedAs(delegate(args), ITypes.WrongSigner.selector);
    }

    /// forge-config: deep.fuzz.runs = 10000
    function testFuzz_WhenAllIsRight(uint128 verbs, uint40 expiry, uint32 limit, uint8 mode) external {
        ITypes.DelegateArgs memory args = ITypes.DelegateArgs(BRAND, addressOf(DEVICE), uint8(between(mode, 1, 3)), (verbs | uint128(1 << SHIP)) & ~uint128(0xFFFF), expiry, limit, 0, DOCUMENT);
        bytes memory call = delegate(args);
        land(openEpoch(ITypes.OpenEpochArgs(BRAND, 5, "epoch", DOCUMENT))); // nobody outruns it
        Subject memory before = partySubject(BRAND);
        recorded(call, before, BRAND, ITypes.Delegated.selector, bytes32(uint256(BRAND)), abi.encode(args));
        ITypes.Delegate memory d = deviceNow(BRAND, args.key);
        vm.assertEq(abi.encode(d), abi.encode(args.verbs, expiry, limit, 1, args.keyMode), "verbs, expiry, limit, era and key mode");
        vm.assertEq(partyNow(BRAND).head, headAfter(before, DELEGATE, BRAND, 0, _hash(Types.DELEGATE, abi.encode(args)), DOCUMENT), "head");
    }

    function testFuzz_GivenADeviceSigns(bytes32 epc, uint8 mode, uint8 partyMode) external {
        bytes32 unit = packed(BRAND, epc, 2);
        ITypes.DelegateArgs memory args = _args();
        (args.keyMode, partyMode) = (uint8(between(mode, 1, 3)), uint8(between(partyMode, 1, 3)));
        uint256 rotated = uint256(keccak256(abi.encode(partyMode)));
        land(rotateAccount(ITypes.RotateAccountArgs(BRAND, addressOf(rotated), partyMode, DOCUMENT)));
        (key, era) = (rotated, 1);
        land(delegate(args));
        (key, era) = (DEVICE, ERAS + 1);
        Subject memory before = unitSubject(unit);
        vm.recordLogs();
        land(ship(unit, BRAND, STORE));
        uint256 recordedMode = 16 + (args.keyMode > partyMode ? args.keyMode : partyMode);
        uint256 said = (uint256(before.seq + 1) << 168) | (recordedMode << 160) | uint160(addressOf(DEVICE));
        vm.assertEq(vm.getRecordedLogs()[0].data, abi.encode(said, BRAND, STORE, DOCUMENT), "event's data");
        bytes32 hash = _hash(Types.SHIP, abi.encode(BRAND, STORE, DOCUMENT));
        vm.assertEq(unitNow(unit).head, keccak256(abi.encode(before.head, before.seq + 1, SHIP, BRAND, STORE, hash, DOCUMENT, addressOf(DEVICE), recordedMode, block.timestamp)), "head");
        vm.assertEq(deviceNow(BRAND, addressOf(DEVICE)).left, args.limit - 1, "one verb fewer");
    }

    function testFuzz_RevertGiven_ItSignsAnotherVerb(bytes32 epc, bool partys) external {
        bytes32 unit = packed(BRAND, epc, 2);
        ITypes.DelegateArgs memory args = _args();
        args.verbs = uint128(1 << RECEIVE_FROM);
        land(delegate(args));
        (key, era) = (DEVICE, ERAS + 1);
        bytes memory call = partys ? cancel(BRAND) : ship(unit, BRAND, STORE);
        refused(call, abi.encodeWithSelector(ITypes.DeviceNotAllowed.selector, BRAND, addressOf(DEVICE)));
        Part[] memory parts = new Part[](2);
        (parts[0], parts[1]) = (receivePart(BRAND, STORE), shipPart(BRAND, STORE));
        refused(group(unit, BRAND, parts), abi.encodeWithSelector(ITypes.DeviceNotAllowed.selector, BRAND, addressOf(DEVICE)));
    }

    function testFuzz_RevertGiven_ItSignsMoreThanItsLimit(uint8 any) external {
        bytes32[] memory units = new bytes32[](4);
        for (uint256 i; i < 4; ++i) units[i] = packed(BRAND, keccak256(abi.encode(i)), 1);
        ITypes.DelegateArgs memory args = _args();
        args.limit = uint32(between(any, 0, 3));
        land(delegate(args));
        (key, era) = (DEVICE, ERAS + 1);
        bytes memory error = abi.encodeWithSelector(ITypes.DeviceSpent.selector, BRAND, addressOf(DEVICE));
        refused(shipList(listOf(units), BRAND, STORE), error);
        Part[] memory parts = new Part[](4);
        for (uint256 i; i < 4; ++i) parts[i] = shipPart(BRAND, STORE);
        refused(group(units[0], BRAND, parts), error);
        for (uint256 i; i < args.limit; ++i) land(ship(units[i], BRAND, STORE));
        refused(ship(units[3], BRAND, STORE), error);
        (key, era) = (keyOf(BRAND), 0);
        args.deviceEra = 1;
        args.limit = 4;
        land(delegate(args));
    }

    function testFuzz_RevertGiven_ItHasExpiredOrWasCutOff(bytes32 epc, uint32 later) external {
        bytes32 unit = packed(BRAND, epc, 2);
        ITypes.DelegateArgs memory args = _args();
        args.expiry = uint64(block.timestamp) + 100;
        land(delegate(args));
        (key, era) = (DEVICE, ERAS + 1);
        bytes memory call = ship(unit, BRAND, STORE);
        vm.warp(args.expiry + 1 + uint256(later) % WEEK / 2);
        bytes memory expired = abi.encodeWithSelector(ITypes.DeviceExpired.selector, BRAND, addressOf(DEVICE));
        refused(call, expired);
        (key, args.deviceEra, args.expiry) = (0, 1, uint64(block.timestamp) + 100);
        land(delegate(args));
        refused(call, abi.encodeWithSelector(ITypes.EraCancelled.selector, ERAS + 1, ERAS + 2));
        vm.warp(args.expiry);
        (key, era) = (DEVICE, ERAS + 2);
        call = ship(unit, BRAND, STORE);
        bytes32[] memory list = new bytes32[](1);
        list[0] = unit;
        bytes memory sent = shipList(listOf(list), BRAND, STORE);
        uint256 before = vm.snapshotState();
        land(sent); // in its last second
        vm.revertToState(before);
        (key, args.deviceEra, args.expiry) = (0, 2, 0);
        bytes memory cut = delegate(args);
        land(cut);
        refused(call, expired);
    }

    function testFuzz_RevertGiven_ThePartyHasAnotherAccountOrTheDeviceIsAnotherPartys(bytes32 epc) external {
        bytes32 unit = packed(BRAND, epc, 2);
        bytes32 other = packed(DISTRIBUTOR, epc, 2);
        land(delegate(_args()));
        (key, era) = (DEVICE, ERAS + 1);
        refused(ship(other, DISTRIBUTOR, STORE), abi.encodeWithSelector(ITypes.WrongSigner.selector, DISTRIBUTOR, addressOf(DEVICE)));
        bytes memory call = ship(unit, BRAND, STORE);
        key = 0;
        land(rotateAccount(ITypes.RotateAccountArgs(BRAND, address(99), 1, DOCUMENT)));
        refused(call, abi.encodeWithSelector(ITypes.WrongSigner.selector, BRAND, addressOf(DEVICE)));
    }

    function testFuzz_GivenThePartyCancelsWhatItsOwnKeySigned(bytes32 epc, uint8 times) external {
        bytes32 unit = packed(BRAND, epc, 2);
        land(delegate(_args()));
        for (uint256 i; i <= times % 3; ++i) land(cancel(BRAND));
        (key, era) = (DEVICE, ERAS + 1);
        land(ship(unit, BRAND, STORE));
    }

    function _args() private returns (ITypes.DelegateArgs memory) {
        return ITypes.DelegateArgs(BRAND, addressOf(DEVICE), 1, uint128((1 << SHIP) | (1 << RECEIVE_FROM) | (1 << PACK)), type(uint40).max, 9, 0, DOCUMENT);
    }
}
