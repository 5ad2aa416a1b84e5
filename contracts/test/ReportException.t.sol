// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ITypes} from "../src/ILedger.sol";
import {Types} from "./support/Types.sol";
import {World} from "./support/World.sol";

/// @notice reportException.tree
contract ReportExceptionTest is World {
    function testFuzz_RevertGiven_TheUnitIsUnknownNotOnItsWayOrNotTheActorsToReceive(bytes32 unknown, bytes32 epc, uint64 from) external {
        refused(_report(unknown, STORE, BRAND), abi.encodeWithSelector(ITypes.UnknownUnit.selector, unknown));
        bytes32 unit = packed(BRAND, epc, 2);
        refused(_report(unit, STORE, BRAND), abi.encodeWithSelector(ITypes.UnitNotInTransit.selector, unit));
        land(ship(unit, BRAND, STORE));
        refused(_report(unit, DISTRIBUTOR, BRAND), abi.encodeWithSelector(ITypes.NotAddressee.selector, unit, DISTRIBUTOR));
        refused(_report(unit, BRAND, BRAND), abi.encodeWithSelector(ITypes.NotAddressee.selector, unit, BRAND));
        if (from != BRAND) refused(_report(unit, STORE, from), abi.encodeWithSelector(ITypes.NotFrom.selector, unit, from));
    }

    function testFuzz_RevertGiven_ItIsAnItemWhoseLifeHasEndedOnItsWay(uint8 index, uint8 b, bool refusedIt) external {
        uint32 at = index % COUNT;
        bytes32 item = drawn(at);
        land(ship(item, BRAND, STORE));
        ITypes.ItemArgs memory ended = ITypes.ItemArgs(BRAND, BATCH, uint8(between(b, 4, 7)), DOCUMENT);
        land(decommission(code(at), ended, codeProof(at)));
        refused(reportException(item, ITypes.ReportExceptionArgs(STORE, BRAND, 0, 1, 0, 0, 0, DOCUMENT)), abi.encodeWithSelector(ITypes.ItemNotActive.selector, item));
        land(refusedIt ? refuse(item, STORE, BRAND) : takeBack(item, BRAND, STORE));
        vm.assertEq(unitNow(item).holder, BRAND, "its shipper's, as before");
    }

    function testFuzz_RevertWhen_GoodDamagedAndShortAreNotWhatWasSent(uint32 good, uint32 damaged, uint32 short, uint8 gone) external {
        bytes32 unit = packed(BRAND, "unit", 4);
        gone = gone % 4;
        if (gone != 0) land(unpack(unit, BRAND, items(4, "unit"), upTo(gone)));
        land(ship(unit, BRAND, STORE));
        uint256 told = uint256(good) + damaged + short;
        vm.assume(told != 4 - gone);
        bytes memory error = abi.encodeWithSelector(ITypes.TotalsDiffer.selector, told, 4 - gone);
        refused(reportException(unit, ITypes.ReportExceptionArgs(STORE, BRAND, good, damaged, short, 1, 1, DOCUMENT)), error);
        error = abi.encodeWithSelector(ITypes.TotalsDiffer.selector, 5 - gone, 4 - gone);
        refused(reportException(unit, ITypes.ReportExceptionArgs(STORE, BRAND, 4 - gone, 1, 0, 0, 0, DOCUMENT)), error);
    }

    function testFuzz_RevertWhen_AllIsGood(bytes32 epc, uint8 any) external {
        uint32 count = uint32(between(any, 1, 6));
        bytes32 unit = packed(BRAND, epc, count);
        land(ship(unit, BRAND, STORE));
        refused(reportException(unit, ITypes.ReportExceptionArgs(STORE, BRAND, count, 0, 0, 0, 0, DOCUMENT)), abi.encodeWithSelector(ITypes.NoException.selector));
    }

    function testFuzz_WhenAllIsRight(uint8 damaged, uint8 short, uint32 over, uint32 wrong, bool lost) external {
        bytes32 unit = packed(BRAND, "unit", 6);
        land(ship(unit, BRAND, STORE));
        if (lost) land(reportLost(unit, BRAND, STORE));
        ITypes.ReportExceptionArgs memory args = ITypes.ReportExceptionArgs(STORE, BRAND, 0, damaged % 4, short % 4, over, wrong, DOCUMENT);
        args.good = 6 - args.damaged - args.short;
        vm.assume(uint256(args.damaged) + args.short + over + wrong != 0);
        Subject memory before = unitSubject(unit);
        recorded(reportException(unit, args), before, STORE, ITypes.ExceptionReported.selector, unit, abi.encode(args));
        ITypes.Unit memory u = unitNow(unit);
        vm.assertEq(u.state, 1, "held");
        vm.assertEq(u.holder, STORE, "by the addressee");
        vm.assertEq(u.addressee, 0, "no addressee");
        vm.assertEq(u.head, headAfter(before, 36, STORE, BRAND, _hash(Types.REPORT_EXCEPTION, abi.encode(args)), DOCUMENT), "head");
        ITypes.Exception memory e = exceptionNow(unit, u.seq);
        vm.assertEq(abi.encode(e), abi.encode(BRAND, STORE, args.damaged, args.short, over, wrong, 0), "open");
    }

    function testFuzz_WhenAllIsRight_OfAnItem(uint32 wrong) external {
        bytes32 item = drawn(7);
        land(ship(item, BRAND, STORE));
        bytes memory error = abi.encodeWithSelector(ITypes.TotalsDiffer.selector, 0, 1);
        refused(reportException(item, ITypes.ReportExceptionArgs(STORE, BRAND, 0, 0, 0, 1, wrong, DOCUMENT)), error);
        land(reportException(item, ITypes.ReportExceptionArgs(STORE, BRAND, 0, 0, 1, 0, wrong, DOCUMENT)));
    }

    function _report(bytes32 unit, uint64 actor, uint64 from) private returns (bytes memory) {
        return reportException(unit, ITypes.ReportExceptionArgs(actor, from, 1, 1, 0, 0, 0, DOCUMENT));
    }
}
