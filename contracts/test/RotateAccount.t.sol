// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ITypes} from "../src/ILedger.sol";
import {Ruling} from "./support/Ruling.sol";
import {Types} from "./support/Types.sol";

/// @notice rotateAccount.tree
contract RotateAccountTest is Ruling {
    uint256 private constant NEW = 4242;
    uint256 private key; // signs instead of the actor's, if set

    function ruling(uint64 party, uint256[] memory keys) internal override returns (bytes memory) {
        return rotateAccount(_args(party), keys);
    }

    function restore(uint64) internal override {
        key = NEW;
    }

    function terms(Subject memory subject, uint64 actor) internal override returns (Terms memory t) {
        t = super.terms(subject, actor);
        if (key != 0) t.key = key;
    }

    function testFuzz_RevertWhen_TheAccountIsZeroOrTheKeyModeUnknown(uint8 mode) external {
        ITypes.RotateAccountArgs memory args = _args(STORE);
        args.account = address(0);
        refused(rotateAccount(args), abi.encodeWithSelector(ITypes.ZeroAddress.selector));
        args = _args(STORE);
        args.keyMode = mode;
        if (mode == 0 || mode > 3) refused(rotateAccount(args), abi.encodeWithSelector(ITypes.BadKeyMode.selector, mode));
        args.keyMode = 4;
        refused(rotateAccount(args), abi.encodeWithSelector(ITypes.BadKeyMode.selector, 4));
    }

    function testFuzz_RevertWhen_ThePartyHasHadTheAccount(bool twice) external {
        ITypes.RotateAccountArgs memory args = _args(STORE);
        address before = addressOf(keyOf(STORE));
        args.account = before; // the one it has now
        refused(rotateAccount(args), abi.encodeWithSelector(ITypes.AccountRetired.selector, before));
        land(rotateAccount(_args(STORE)));
        refused(rotateAccount(args), abi.encodeWithSelector(ITypes.AccountRetired.selector, before));
        args.account = address(77);
        if (twice) land(rotateAccount(args));
        args.account = addressOf(NEW);
        refused(rotateAccount(args), abi.encodeWithSelector(ITypes.AccountRetired.selector, args.account));
        land(rotateAccount(ITypes.RotateAccountArgs(DISTRIBUTOR, before, 1, DOCUMENT))); // but another party's
    }

    function testFuzz_WhenAllIsRight(bytes32 epc, uint8 mode) external {
        bytes32 unit = packed(BRAND, epc, 2);
        bytes memory hoarded = ship(unit, BRAND, STORE);
        ITypes.RotateAccountArgs memory args = _args(BRAND);
        args.keyMode = uint8(between(mode, 1, 3));
        rules(rotateAccount(args), BRAND, ROTATE_ACCOUNT, ITypes.AccountRotated.selector, Types.ROTATE_ACCOUNT, abi.encode(args));
        vm.assertEq(partyNow(BRAND).account, args.account, "account");
        vm.assertEq(partyNow(BRAND).keyMode, args.keyMode, "key mode");
        vm.assertEq(partyNow(BRAND).era, 1, "era");
        refused(hoarded, abi.encodeWithSelector(ITypes.WrongSigner.selector, BRAND, addressOf(keyOf(BRAND))));
        refused(ship(unit, BRAND, STORE), abi.encodeWithSelector(ITypes.WrongSigner.selector, BRAND, addressOf(keyOf(BRAND))));
        key = NEW;
        land(ship(unit, BRAND, STORE));
    }

    function _args(uint64 party) private returns (ITypes.RotateAccountArgs memory) {
        return ITypes.RotateAccountArgs(party, addressOf(NEW), 2, DOCUMENT);
    }
}
