// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ITypes} from "../src/ILedger.sol";
import {Types} from "./support/Types.sol";
import {World} from "./support/World.sol";

/// @notice withdraw.tree
contract WithdrawTest is World {
    function testFuzz_RevertGiven_TheUnitIsUnknownOrAnothers(bytes32 unknown, bytes32 epc, uint64 from) external {
        vm.assume(from != STORE);
        refused(withdraw(unknown, BRAND, STORE, new bytes32[](0)), abi.encodeWithSelector(ITypes.UnknownUnit.selector, unknown));
        bytes32 unit = _atSuspended(epc);
        refused(withdraw(unit, BRAND, from, brandsOf(unit)), abi.encodeWithSelector(ITypes.NotFrom.selector, unit, from));
    }

    function testFuzz_RevertGiven_ItIsInsideAnother(bytes32 epc) external {
        bytes32 unit = packed(BRAND, epc, 2);
        handOver(unit, BRAND, STORE);
        (ITypes.PackArgs memory args, bytes32[][] memory proofs) = around(STORE, keccak256(abi.encode(epc)), unit, 1);
        land(pack(args, proofs));
        land(suspendParty(ITypes.SuspendPartyArgs(STORE, 2, DOCUMENT)));
        refused(withdraw(unit, BRAND, STORE, brandsOf(unit)), abi.encodeWithSelector(ITypes.UnitInside.selector, unit));
        refused(withdraw(unit, BRAND, BRAND, brandsOf(unit)), abi.encodeWithSelector(ITypes.NotFrom.selector, unit, BRAND));
    }

    function testFuzz_RevertGiven_ItsHolderIsNotSuspended(bytes32 epc, bool again) external {
        bytes32 unit = again ? _atSuspended(epc) : packed(BRAND, epc, 2);
        if (again) land(suspendParty(ITypes.SuspendPartyArgs(STORE, 1, DOCUMENT)));
        else handOver(unit, BRAND, STORE);
        refused(withdraw(unit, BRAND, STORE, brandsOf(unit)), abi.encodeWithSelector(ITypes.NotSuspended.selector, STORE));
    }

    function testFuzz_RevertWhen_TheActorIsNeitherItsLotsBrandNorABrandThatMadeIt(bytes32 epc, bool item) external {
        bytes32 unit = item ? drawn(5) : _atSuspended(epc);
        if (item) handOver(unit, BRAND, STORE);
        if (item) land(suspendParty(ITypes.SuspendPartyArgs(STORE, 2, DOCUMENT)));
        bytes32[] memory nothing = new bytes32[](0);
        if (!item) refused(withdraw(unit, BRAND, STORE, nothing), abi.encodeWithSelector(ITypes.NotConcerned.selector, unit, BRAND));
        refused(withdraw(unit, RIVAL, STORE, nothing), abi.encodeWithSelector(ITypes.NotConcerned.selector, unit, RIVAL));
        refused(withdraw(unit, RIVAL, STORE, brandsOf(unit)), abi.encodeWithSelector(ITypes.NotMadeBy.selector, unit, RIVAL));
        bytes memory notMade = abi.encodeWithSelector(ITypes.NotMadeBy.selector, unit, DISTRIBUTOR);
        refused(withdraw(unit, DISTRIBUTOR, STORE, brandsOf(unit)), item ? notMade : abi.encodeWithSelector(ITypes.RoleMissing.selector, DISTRIBUTOR, 1));
        land(withdraw(unit, BRAND, STORE, item ? nothing : brandsOf(unit)));
    }

    function testFuzz_RevertWhen_TheActorIsNeitherItsLotsBrandNorABrandThatMadeIt_ByTheLot(uint8 market) external {
        bytes32 unit = packedFor(BRAND, "unit", 2, market % 2 == 0 ? MARKET : 0);
        handOver(unit, BRAND, DISTRIBUTOR);
        land(suspendParty(ITypes.SuspendPartyArgs(DISTRIBUTOR, 2, DOCUMENT)));
        refused(withdraw(unit, RIVAL, DISTRIBUTOR, new bytes32[](0)), abi.encodeWithSelector(ITypes.NotConcerned.selector, unit, RIVAL));
        land(withdraw(unit, BRAND, DISTRIBUTOR, new bytes32[](0)));
    }

    function testFuzz_RevertWhen_ABrandShowsAnItemOfAnothersAsItsOwn(uint8 any) external {
        bytes32 item = drawn(uint32(any % COUNT));
        handOver(item, BRAND, STORE);
        land(suspendParty(ITypes.SuspendPartyArgs(STORE, 2, DOCUMENT)));
        bytes32[] memory shown = claimedByRival(item);
        bytes memory notMade = abi.encodeWithSelector(ITypes.NotMadeBy.selector, item, RIVAL);
        refused(withdraw(item, RIVAL, STORE, shown), notMade);
        shown[0] = bytes32(uint256(RIVAL_GTIN));
        refused(withdraw(item, RIVAL, STORE, shown), notMade);
        refused(withdraw(item, RIVAL, STORE, brandsOf(item)), notMade);
        refused(withdraw(item, RIVAL, STORE, originOf(item)), notMade);
        refused(withdraw(item, RIVAL, STORE, new bytes32[](0)), abi.encodeWithSelector(ITypes.NotConcerned.selector, item, RIVAL));
        land(withdraw(item, BRAND, STORE, new bytes32[](0)));
    }

    function testFuzz_RevertWhen_ABrandShowsAnItemOfAnothersAsItsOwn_OfALot(bytes32 epc) external {
        bytes32 unit = packedFor(BRAND, epc, 2, MARKET);
        handOver(unit, BRAND, DISTRIBUTOR);
        land(unpack(unit, DISTRIBUTOR, items(2, epc), one(0)));
        bytes32 item = items(2, epc)[0].child;
        land(suspendParty(ITypes.SuspendPartyArgs(DISTRIBUTOR, 2, DOCUMENT)));
        bytes32[] memory shown = claimedByRival(item);
        refused(withdraw(item, RIVAL, DISTRIBUTOR, shown), abi.encodeWithSelector(ITypes.NotMadeBy.selector, item, RIVAL));
        refused(withdraw(item, RIVAL, DISTRIBUTOR, new bytes32[](0)), abi.encodeWithSelector(ITypes.NotConcerned.selector, item, RIVAL));
        land(withdraw(item, BRAND, DISTRIBUTOR, new bytes32[](0)));
    }

    function testFuzz_RevertWhen_TheActorIsNeitherItsLotsBrandNorABrandThatMadeIt_AsManyGoneAsItsBatch(bytes32 epc) external {
        bytes32 unit = packed(BRAND, epc, 3);
        land(unpack(unit, BRAND, items(3, epc), two(0, 1))); // two are gone, and batch 2 is the rival's
        handOver(unit, BRAND, STORE);
        land(suspendParty(ITypes.SuspendPartyArgs(STORE, 2, DOCUMENT)));
        refused(withdraw(unit, RIVAL, STORE, new bytes32[](0)), abi.encodeWithSelector(ITypes.NotConcerned.selector, unit, RIVAL));
    }

    function testFuzz_GivenAnotherBrandsBatchVouchedForAnItem_AndItsOwnIsOfOneCode(uint8 index) external {
        bytes32 item = squatted(index % COUNT, 0);
        land(reserveBatch(ITypes.ReserveBatchArgs(BRAND, GTIN, 0, DOCUMENT)));
        uint64 batch = registryNow().batches;
        land(commission(batch, ITypes.CommissionArgs(BRAND, item, 0, 1, DOCUMENT)));
        (bytes32[] memory whole, bytes32[] memory alone) = (brandsOf(item), new bytes32[](4));
        (alone[0], alone[1], alone[2], alone[3]) = (whole[0], whole[1], whole[2], bytes32(uint256(batch)));
        land(withdraw(item, BRAND, RIVAL, alone));
        vm.assertEq(unitNow(item).gone, batch, "its batch vouches for it");
    }

    function testFuzz_RevertGiven_ItIsEmptyOrAnItemWhoseLifeHasEnded(bytes32 epc, uint8 b) external {
        bytes32 unit = packed(BRAND, epc, 1);
        bytes32 item = items(1, epc)[0].child;
        handOver(unit, BRAND, STORE);
        emptied(unit, STORE, epc, 1);
        uint32 at = indexOf[item] - 1;
        land(decommission(code(at), ITypes.ItemArgs(BRAND, BATCH, uint8(between(b, 4, 7)), DOCUMENT), codeProof(at)));
        land(suspendParty(ITypes.SuspendPartyArgs(STORE, 2, DOCUMENT)));
        refused(withdraw(unit, BRAND, STORE, brandsOf(unit)), abi.encodeWithSelector(ITypes.UnitEmpty.selector, unit));
        refused(withdraw(item, BRAND, STORE, new bytes32[](0)), abi.encodeWithSelector(ITypes.ItemNotActive.selector, item));
    }

    function testFuzz_RevertWhen_ItsCodeIsNotShown(uint8 index, bytes32 other, bool suspended) external {
        bytes32 item = squatted(index % COUNT, 0);
        handOver(item, RIVAL, STORE);
        if (suspended) land(suspendParty(ITypes.SuspendPartyArgs(STORE, 2, DOCUMENT)));
        bytes memory notMade = abi.encodeWithSelector(ITypes.NotMadeBy.selector, item, BRAND);
        for (uint256 i; i < 4; ++i) {
            bytes32[] memory wrong = brandsOf(item);
            wrong[i] = i == 3 ? bytes32(uint256(2)) : wrong[i] ^ (other | bytes32(uint256(1)));
            refused(withdraw(item, BRAND, STORE, wrong), notMade);
        }
        bytes32[] memory right = brandsOf(item);
        right[4] ^= other | bytes32(uint256(1));
        refused(withdraw(item, BRAND, STORE, right), abi.encodeWithSelector(ITypes.NotInTree.selector, item));
        refused(withdraw(item, BRAND, STORE, new bytes32[](3)), notMade);
        bytes memory nothing = withdraw(item, BRAND, STORE, new bytes32[](0));
        refused(nothing, suspended ? abi.encodeWithSelector(ITypes.NotConcerned.selector, item, BRAND) : abi.encodeWithSelector(ITypes.NotSuspended.selector, STORE));
        land(withdraw(item, BRAND, STORE, brandsOf(item)));
    }

    function testFuzz_GivenAnotherBrandsBatchVouchedForAnItem(uint8 index, uint8 where, bool ofLot) external {
        if (ofLot) {
            ITypes.BindLotArgs memory terms_ = lotArgs(0, 0, "lot", MARKET);
            terms_.actor = RIVAL;
            land(bindLot(2, terms_, 0));
        }
        uint32 at = index % COUNT;
        bytes32 item = squatted(at, ofLot ? 1 : 0);
        uint64 holder = where % 3 == 0 ? RIVAL : DISTRIBUTOR;
        if (holder == DISTRIBUTOR) handOver(item, RIVAL, DISTRIBUTOR);
        bool inside = where % 3 == 2;
        if (inside) {
            (ITypes.PackArgs memory box, bytes32[][] memory proofs) = around(DISTRIBUTOR, "box", item, 1);
            land(pack(box, proofs));
        }
        Subject memory before = unitSubject(item);
        ITypes.From memory args = ITypes.From(BRAND, holder, DOCUMENT);
        recorded(withdraw(item, BRAND, holder, brandsOf(item)), before, BRAND, ITypes.Withdrawn.selector, item, abi.encode(args));
        bytes32 head = headAfter(before, 42, BRAND, holder, _hash(Types.WITHDRAW, abi.encode(args)), DOCUMENT);
        vm.assertEq(abi.encode(unitNow(item)), abi.encode(BRAND, 0, 0, before.seq + 1, 0, BATCH, 1, 0, 0, head, 0, 0), "its brand's, in no lot, market or unit");
        if (inside) refusedAs(unpack(unitId(DISTRIBUTOR, "box"), DISTRIBUTOR, _alone(item), one(0)), ITypes.NotInside.selector);
        // Its own batch vouches for it now, so that nobody has it taken from him again.
        handOver(item, BRAND, STORE);
        refused(withdraw(item, BRAND, STORE, brandsOf(item)), abi.encodeWithSelector(ITypes.NotSuspended.selector, STORE));
    }

    function _alone(bytes32 item) private returns (ITypes.Child[] memory children) {
        children = new ITypes.Child[](1);
        children[0] = asChild(0, item);
    }

    function testFuzz_WhenAllIsRight(bytes32 epc, bool onItsWay) external {
        bytes32 unit = packed(BRAND, epc, 2);
        handOver(unit, BRAND, STORE);
        if (onItsWay) land(ship(unit, STORE, DISTRIBUTOR));
        land(suspendParty(ITypes.SuspendPartyArgs(STORE, 2, DOCUMENT)));
        Subject memory before = unitSubject(unit);
        ITypes.From memory args = ITypes.From(BRAND, STORE, DOCUMENT);
        recorded(withdraw(unit, BRAND, STORE, brandsOf(unit)), before, BRAND, ITypes.Withdrawn.selector, unit, abi.encode(args));
        ITypes.Unit memory u = unitNow(unit);
        vm.assertEq(u.state, 1, "held");
        vm.assertEq(u.holder, BRAND, "by the brand");
        vm.assertEq(u.addressee, 0, "no addressee");
        vm.assertEq(u.head, headAfter(before, 42, BRAND, STORE, _hash(Types.WITHDRAW, abi.encode(args)), DOCUMENT), "head");
        land(ship(unit, BRAND, DISTRIBUTOR));
    }

    /// @dev A unit of the brand's, at a store that is suspended since.
    function _atSuspended(bytes32 epc) private returns (bytes32 unit) {
        unit = packed(BRAND, epc, 2);
        handOver(unit, BRAND, STORE);
        land(suspendParty(ITypes.SuspendPartyArgs(STORE, 2, DOCUMENT)));
    }
}
