// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ITypes} from "../src/ILedger.sol";
import {Trees} from "./support/Trees.sol";
import {Types} from "./support/Types.sol";
import {Vm} from "./support/Vm.sol";
import {World} from "./support/World.sol";

/// @notice pack.tree
contract PackTest is World {
    using Trees for ITypes.Child[];

    function testFuzz_RevertGiven_TheUnitExists(bytes32 epc, bytes32 tag) external {
        bytes32 unit = packed(BRAND, epc, 2);
        refused(pack(packArgs(BRAND, epc, items(3, tag)), new bytes32[][](0)), abi.encodeWithSelector(ITypes.UnitExists.selector, unit));
    }

    /// forge-config: deep.fuzz.runs = 10000
    function testFuzz_RevertWhen_AnotherSignsInTheCreatorsName(bytes32 epc, bool registered) external {
        uint64 thief = registered ? RIVAL : STRANGER;
        ITypes.PackArgs memory args = packArgs(BRAND, epc, items(2, epc));
        refused(pack(args, new bytes32[][](0), thief), abi.encodeWithSelector(ITypes.WrongSigner.selector, BRAND, addressOf(keyOf(thief))));
    }

    function testFuzz_RevertWhen_TheCountIsZeroOrBelowTheSlottedChildren(bytes32 epc) external {
        ITypes.PackArgs memory args = packArgs(BRAND, epc, items(2, epc));
        args.count = 0;
        refused(pack(args, new bytes32[][](0)), abi.encodeWithSelector(ITypes.BadCount.selector, 0));
        args.count = 1;
        args.slotted = new ITypes.Child[](2);
        refused(pack(args, new bytes32[][](2)), abi.encodeWithSelector(ITypes.BadCount.selector, 1));
    }

    function testFuzz_RevertWhen_TheRootIsZero(bytes32 epc, uint32 count) external {
        vm.assume(count != 0);
        ITypes.PackArgs memory args = packArgs(BRAND, epc, items(2, epc));
        (args.childrenRoot, args.count) = (0, count);
        refused(pack(args, new bytes32[][](0)), abi.encodeWithSelector(ITypes.ZeroRoot.selector));
    }

    function testFuzz_RevertWhen_TheLotIsUnknown(uint32 lot) external {
        vm.assume(lot != 0);
        ITypes.PackArgs memory args = packArgs(BRAND, "unit", items(2, "unit"));
        args.lot = lot;
        refused(pack(args, new bytes32[][](0)), abi.encodeWithSelector(ITypes.UnknownLot.selector, lot));
    }

    function testFuzz_RevertWhen_TheProofsAreNotOneForEachSlottedChild(uint8 proofs) external {
        vm.assume(proofs != 1);
        bytes32 child = packed(BRAND, "child", 2);
        (ITypes.PackArgs memory args,) = around(BRAND, "parent", child, 3);
        refused(pack(args, new bytes32[][](proofs % 8 == 1 ? 2 : proofs % 8)), abi.encodeWithSelector(ITypes.LengthMismatch.selector));
    }

    function testFuzz_RevertWhen_ASlottedChildIsUnknownAnothersInTransitOrInside(bytes32 unknown) external {
        ITypes.Child[] memory children = items(2, "parent");
        children[1] = Trees.item(1, unknown);
        ITypes.PackArgs memory args = packArgs(BRAND, "parent", children);
        args.slotted = children.pick(one(1));
        refused(pack(args, children.proofs(one(1))), abi.encodeWithSelector(ITypes.UnknownUnit.selector, unknown));

        bytes32[][] memory proofs;
        bytes32 child = packed(DISTRIBUTOR, "another's", 2);
        (args, proofs) = around(BRAND, "parent", child, 3);
        refused(pack(args, proofs), abi.encodeWithSelector(ITypes.NotHolder.selector, child, BRAND));

        child = packed(BRAND, "on its way", 2);
        land(ship(child, BRAND, STORE));
        (args, proofs) = around(BRAND, "parent", child, 3);
        refused(pack(args, proofs), abi.encodeWithSelector(ITypes.UnitInTransit.selector, child));

        (child,) = packedInside(BRAND, "inside", 2);
        (args, proofs) = around(BRAND, "parent", child, 3);
        refused(pack(args, proofs), abi.encodeWithSelector(ITypes.UnitInside.selector, child));

        child = packed(BRAND, "empty", 1);
        emptied(child, BRAND, "empty", 1);
        (args, proofs) = around(BRAND, "parent", child, 3);
        refused(pack(args, proofs), abi.encodeWithSelector(ITypes.UnitEmpty.selector, child));
    }

    function testFuzz_RevertWhen_ASlottedChildsLeafIsNotWhatItsSlotSays(uint32 count, bytes32 root) external {
        vm.assume(count != 2 && count != 0 && root != 0);
        bytes32 child = packed(BRAND, "child", 2);
        ITypes.Child[] memory children = items(2, "parent");
        children[0] = Trees.unit(0, child, unitNow(child).childrenRoot, count);
        refused(pack(naming(children, 0), children.proofs(one(0))), abi.encodeWithSelector(ITypes.BadChild.selector, child));
        children[0] = Trees.unit(0, child, root, 2);
        refused(pack(naming(children, 0), children.proofs(one(0))), abi.encodeWithSelector(ITypes.BadChild.selector, child));
        children[0] = Trees.item(0, child);
        refused(pack(naming(children, 0), children.proofs(one(0))), abi.encodeWithSelector(ITypes.BadChild.selector, child));
    }

    function testFuzz_RevertWhen_ASlottedChildsLeafIsNotWhatItsSlotSays_OrNotInTheTree(bytes32 epc, bytes32 other) external {
        bytes32 child = packed(BRAND, epc, 2);
        (ITypes.PackArgs memory args, bytes32[][] memory proofs) = around(BRAND, keccak256(abi.encode(epc)), child, 3);
        proofs[0][0] ^= other | bytes32(uint256(1));
        refused(pack(args, proofs), abi.encodeWithSelector(ITypes.NotInTree.selector, child));
        (args, proofs) = around(BRAND, keccak256(abi.encode(epc)), child, 3);
        args.slotted[0].position = 3;
        refused(pack(args, proofs), abi.encodeWithSelector(ITypes.BadChild.selector, child));
    }

    function testFuzz_RevertWhen_TheUnitIsToBeInsideItself(bytes32 epc) external {
        bytes32 unit = unitId(BRAND, epc);
        ITypes.Child[] memory children = items(2, epc);
        children[1] = Trees.unit(1, unit, keccak256("any root"), 2);
        ITypes.PackArgs memory args = packArgs(BRAND, epc, children);
        args.slotted = children.pick(one(1));
        refused(pack(args, children.proofs(one(1))), abi.encodeWithSelector(ITypes.UnknownUnit.selector, unit));
    }

    function testFuzz_RevertWhen_TheLotIsRecalledOrAnotherBrandsAndNotThatOfAllChildren(bytes32 epc, bool same) external {
        land(bindLot(BATCH, lotArgs(0, 0, "lot", 0), 0));
        bytes32 child = _ofLot(keccak256(abi.encode("child", epc)), 1);
        handOver(child, BRAND, DISTRIBUTOR);
        // Another may name the lot for children that all have a slot and this lot.
        (ITypes.PackArgs memory args, bytes32[][] memory proofs) = around(DISTRIBUTOR, epc, child, 2);
        args.lot = 1;
        refused(pack(args, proofs), abi.encodeWithSelector(ITypes.ForeignLot.selector, 1, DISTRIBUTOR));
        (args, proofs) = around(DISTRIBUTOR, epc, child, 1);
        if (!same) {
            land(bindLot(BATCH, lotArgs(0, 0, "another lot", 0), 0));
            args.lot = 2;
            refused(pack(args, proofs), abi.encodeWithSelector(ITypes.BadChild.selector, child));
        }
        bytes32 none = packed(DISTRIBUTOR, keccak256(abi.encode("of no lot", epc)), 2);
        (ITypes.PackArgs memory ofNone, bytes32[][] memory shown) = around(DISTRIBUTOR, keccak256(abi.encode("around it", epc)), none, 1);
        ofNone.lot = 1;
        refused(pack(ofNone, shown), abi.encodeWithSelector(ITypes.BadChild.selector, none));
        args.lot = 1;
        bytes memory call = pack(args, proofs);
        land(setLotState(1, BRAND, 2));
        refused(call, abi.encodeWithSelector(ITypes.LotRecalled.selector, 1));
        land(setLotState(1, BRAND, 1));
        land(call);
    }

    function testFuzz_RevertWhen_ASlottedChildIsOfAnotherLot(bytes32 epc) external {
        land(bindLot(BATCH, lotArgs(0, 0, "lot", 0), 0));
        land(bindLot(BATCH, lotArgs(0, 0, "another lot", 0), 0));
        bytes32 child = _ofLot(keccak256(abi.encode("child", epc)), 1);
        (ITypes.PackArgs memory args, bytes32[][] memory proofs) = around(BRAND, epc, child, 2);
        args.lot = 2;
        refused(pack(args, proofs), abi.encodeWithSelector(ITypes.BadChild.selector, child));
        bytes32 mixed = packed(BRAND, keccak256(abi.encode("mixed", epc)), 2);
        (args, proofs) = around(BRAND, epc, mixed, 2);
        args.lot = 2; // its own brand may name a lot for what has none
        land(pack(args, proofs));
    }

    function _ofLot(bytes32 epc, uint32 lot) private returns (bytes32) {
        ITypes.PackArgs memory args = packArgs(BRAND, epc, items(2, epc));
        args.lot = lot;
        land(pack(args, new bytes32[][](0)));
        return unitId(BRAND, epc);
    }

    function testFuzz_RevertWhen_ChildrenOfTwoMarketsAreToBeInOneUnit(bool bySibling) external {
        bytes32 child = packedFor(BRAND, "one", 2, MARKET);
        ITypes.Child[] memory children = items(3, "parent");
        children[0] = asChild(0, child);
        ITypes.PackArgs memory args;
        if (bySibling) {
            bytes32 other = packedFor(BRAND, "other", 2, OTHER_MARKET);
            children[1] = asChild(1, other);
            args = packArgs(BRAND, "parent", children);
            args.slotted = children.pick(two(0, 1));
            refused(pack(args, children.proofs(two(0, 1))), abi.encodeWithSelector(ITypes.BadChild.selector, other));
            return;
        }
        land(bindLot(BATCH, lotArgs(0, 0, "lot of the parent", OTHER_MARKET), 0));
        args = naming(children, 0);
        args.lot = registryNow().lots;
        refused(pack(args, children.proofs(one(0))), abi.encodeWithSelector(ITypes.BadChild.selector, child));
    }

    function testFuzz_WhenAllIsRight(bytes32 epc, uint8 any, uint8 level, uint32 later) external {
        vm.warp(block.timestamp + later);
        (uint64 actor, uint32 count) = (anyHandler(any), uint32(between(any, 1, 20)));
        bytes32 unit = unitId(actor, epc);
        ITypes.PackArgs memory args = packArgs(actor, epc, items(count, epc));
        args.level = level;
        Subject memory before = unitSubject(unit);
        recorded(pack(args, new bytes32[][](0)), before, actor, ITypes.Packed.selector, unit, _dynamic(abi.encode(args)));
        ITypes.Unit memory u = unitNow(unit);
        vm.assertEq(u.state, 1, "held");
        vm.assertEq(u.holder, actor, "by its creator");
        vm.assertEq(u.count, count, "count");
        vm.assertEq(u.level, level, "level");
        vm.assertEq(u.childrenRoot, args.childrenRoot, "root");
        vm.assertEq(u.seq, 1, "seq");
        vm.assertEq(u.head, headAfter(before, PACK, actor, 0, packHash(args), DOCUMENT), "head");
        vm.assertEq(u.lot, 0, "no lot");
        vm.assertEq(u.market, 0, "no market");
    }

    function testFuzz_WhenAllIsRight_AChildWithASlotIsFrozen(bytes32 epc, bool restricted) external {
        bytes32 child = restricted ? packedFor(BRAND, epc, 2, MARKET) : packed(BRAND, epc, 2);
        Subject memory before = unitSubject(child);
        (ITypes.PackArgs memory args, bytes32[][] memory proofs) = around(BRAND, keccak256(abi.encode(epc)), child, 4);
        bytes32 parent = unitId(BRAND, args.epcHash);
        Vm.Log[] memory logs = recorded(pack(args, proofs), unitSubject(parent), BRAND, ITypes.Packed.selector, parent, _dynamic(abi.encode(args)));
        ITypes.Unit memory u = unitNow(child);
        vm.assertEq(u.state, 3, "inside");
        vm.assertEq(u.parent, parent, "parent");
        vm.assertEq(u.seq, before.seq + 1, "seq");
        bytes32 hash = vm.eip712HashStruct(Types.PACKED_INTO, abi.encode(parent, uint64(1)));
        vm.assertEq(u.head, headAfter(before, PACKED_INTO, BRAND, 0, hash, DOCUMENT), "head");
        vm.assertEq(unitNow(parent).market, restricted ? MARKET : 0, "the parent's market");
        vm.assertEq(logs[1].topics[0], ITypes.PackedInto.selector, "child's event");
        vm.assertEq(logs[1].topics[1], child, "child");
        vm.assertEq(logs[1].topics[2], parent, "its parent");
        vm.assertEq(logs[1].data, abi.encode(by(u.seq, BRAND), uint64(1), BRAND, DOCUMENT), "child's event's data");
    }

    function testFuzz_WhenAllIsRight_ChildrenOfOneMarketAndOfNone(bool first_) external {
        bytes32 restricted = packedFor(BRAND, "restricted", 2, MARKET);
        bytes32 same = packedFor(BRAND, "same", 2, MARKET);
        bytes32 free = packed(BRAND, "free", 2);
        ITypes.Child[] memory children = items(3, "parent");
        (children[0], children[1], children[2]) = (asChild(0, first_ ? free : restricted), asChild(1, first_ ? restricted : free), asChild(2, same));
        ITypes.PackArgs memory args = packArgs(BRAND, "parent", children);
        args.slotted = children;
        land(pack(args, children.proofs(upTo(3))));
        vm.assertEq(unitNow(unitId(BRAND, "parent")).market, MARKET, "the one market that there is");
    }

    function testFuzz_WhenAllIsRight_AUnitOfALotHasItsMarket(uint8 market) external {
        ITypes.Unit memory u = unitNow(packedFor(BRAND, "unit", 2, market));
        vm.assertEq(u.lot, registryNow().lots, "lot");
        vm.assertEq(u.market, market, "market");
    }

    function naming(ITypes.Child[] memory children, uint256 position) private returns (ITypes.PackArgs memory args) {
        args = packArgs(BRAND, "parent", children);
        args.slotted = children.pick(one(position));
    }
}
