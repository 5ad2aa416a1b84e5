// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ITypes} from "../src/ILedger.sol";
import {Ruling} from "./support/Ruling.sol";
import {Types} from "./support/Types.sol";

/// @notice updateParty.tree
contract UpdatePartyTest is Ruling {
    function ruling(uint64 party, uint256[] memory keys) internal override returns (bytes memory) {
        return updateParty(_args(party), keys);
    }

    function restore(uint64) internal override {}

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
        rules(updateParty(args), party, UPDATE_PARTY, ITypes.PartyUpdated.selector, Types.UPDATE_PARTY, abi.encode(args));
        ITypes.Party memory p = partyNow(party);
        vm.assertEq(p.roles, roles, "roles");
        vm.assertEq(p.markets, markets, "markets");
        vm.assertEq(abi.encode(p.account, p.era, p.keyMode, p.status), abi.encode(before.account, before.era, before.keyMode, before.status), "nothing else");
    }

    function _args(uint64 party) private pure returns (ITypes.UpdatePartyArgs memory) {
        return ITypes.UpdatePartyArgs(party, 4, 77, 0, 0, DOCUMENT);
    }
}
