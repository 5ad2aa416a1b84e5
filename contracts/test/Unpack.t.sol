// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ITypes} from "../src/ILedger.sol";
import {Trees} from "./support/Trees.sol";
import {Types} from "./support/Types.sol";
import {Vm} from "./support/Vm.sol";
import {World} from "./support/World.sol";

/// @notice unpack.tree
contract UnpackTest is World {
    using Trees for ITypes.Child[];

    function testFuzz_RevertGiven_TheUnitIsUnknownInTransitOrAnothers(bytes32 unknown, bytes32 epc) external {
        ITypes.Child[] memory children = items(2, epc);
        refused(unpack(unknown, BRAND, children, one(0)), abi.encodeWithSelector(ITypes.UnknownUnit.selector, unknown));
        bytes32 unit = packed(BRAND, epc, 2);
        refused(unpack(unit, STORE, children, one(0)), abi.encodeWithSelector(ITypes.NotHolder.selector, unit, STORE));
        land(ship(unit, BRAND, STORE));
        refused(unpack(unit, BRAND, children, one(0)), abi.encodeWithSelector(ITypes.UnitInTransit.selector, unit));
        (bytes32 child,) = packedInside(BRAND, keccak256(abi.encode(epc)), 2);
        refused(unpack(child, BRAND, children, one(0)), abi.encodeWithSelector(ITypes.UnitInside.selector, child));
    }

    function testFuzz_RevertGiven_AllChildrenHaveLeft(bytes32 epc, uint8 any) external {
        uint256 count = between(any, 1, 6);
        bytes32 unit = packed(BRAND, epc, count);
        emptied(unit, BRAND, epc, count);
        refused(unpack(unit, BRAND, items(count, epc), one(0)), abi.encodeWithSelector(ITypes.UnitEmpty.selector, unit));
    }

    function testFuzz_RevertWhen_NoChildIsNamedOrProofsAreMissing(bytes32 epc, uint8 any) external {
        bytes32 unit = packed(BRAND, epc, 3);
        ITypes.Child[] memory children = items(3, epc);
        refused(unpack(unit, BRAND, children, new uint256[](0)), abi.encodeWithSelector(ITypes.EmptyList.selector));
        ITypes.UnpackArgs memory args = ITypes.UnpackArgs(BRAND, children, DOCUMENT);
        uint256 proofs = between(any, 0, 5);
        if (proofs != 3) refused(unpack(unit, args, new bytes32[][](proofs)), abi.encodeWithSelector(ITypes.LengthMismatch.selector));
    }

    function testFuzz_RevertWhen_MoreChildrenAreNamedThanAreLeft(uint8 any) external {
        // A false tree: more leaves than its packer counted.
        uint32 counted = uint32(between(any, 1, 5));
        ITypes.Child[] memory children = items(counted + 1, "unit");
        ITypes.PackArgs memory args = packArgs(BRAND, "unit", children);
        args.count = counted;
        land(pack(args, new bytes32[][](0)));
        refused(unpack(unitId(BRAND, "unit"), BRAND, children, upTo(counted + 1)), abi.encodeWithSelector(ITypes.BadCount.selector, counted + 1));
        if (counted == 1) return;
        land(unpack(unitId(BRAND, "unit"), BRAND, children, one(0)));
        refused(unpack(unitId(BRAND, "unit"), BRAND, children, upTo(counted)), abi.encodeWithSelector(ITypes.BadCount.selector, counted + 1));
    }

    function testFuzz_RevertWhen_APositionIsOverTheCountOrAKindOrItsFieldsCanBeNothing(uint8 kind, uint32 position, bytes32 root, uint32 count) external {
        ITypes.Child memory child = ITypes.Child(kind, position, keccak256("child"), root, count);
        bool item = kind == 1 && root == 0 && count == 0;
        bool unit = kind == 2 && root != 0 && count != 0;
        if (!item && !unit) _refuses(child, type(uint32).max);
        _refuses(ITypes.Child(1, position, keccak256("child"), 0, 0), position == 0 ? 0 : position);
        _refuses(ITypes.Child(1, 0, keccak256("child"), root | bytes32(uint256(1)), 0), 9);
        _refuses(ITypes.Child(1, 0, keccak256("child"), 0, count | 1), 9);
        _refuses(ITypes.Child(2, 0, keccak256("child"), 0, count | 1), 9);
        _refuses(ITypes.Child(2, 0, keccak256("child"), root | bytes32(uint256(1)), 0), 9);
        _refuses(ITypes.Child(kind | 4, 0, keccak256("child"), 0, 0), 9);
        _refuses(ITypes.Child(kind | 4, 0, keccak256("child"), root | bytes32(uint256(1)), count | 1), 9);
    }

    /// @dev A unit of `count` whose tree is this one leaf.
    function _refuses(ITypes.Child memory child, uint32 count) private {
        if (count == 0) return;
        ITypes.Child[] memory children = new ITypes.Child[](1);
        children[0] = child;
        bytes32 epc = keccak256(abi.encode(child, count));
        ITypes.PackArgs memory args = packArgs(BRAND, epc, children);
        args.count = count;
        land(pack(args, new bytes32[][](0)));
        bytes memory call = unpack(unitId(BRAND, epc), ITypes.UnpackArgs(BRAND, children, DOCUMENT), new bytes32[][](1));
        refused(call, abi.encodeWithSelector(ITypes.BadChild.selector, child.child));
    }

    /// forge-config: deep.fuzz.runs = 10000
    function testFuzz_RevertWhen_TheProofIsForAnotherRootOrAnotherChild(bytes32 epc, uint8 any) external {
        bytes32 unit = packed(BRAND, epc, 7);
        ITypes.Child[] memory children = items(7, epc);
        uint256 position = between(any, 0, 6);
        ITypes.UnpackArgs memory args = ITypes.UnpackArgs(BRAND, children.pick(one(position)), DOCUMENT);
        bytes memory notInTree = abi.encodeWithSelector(ITypes.NotInTree.selector, children[position].child);
        refused(unpack(unit, args, children.proofs(one((position + 1) % 7))), notInTree);
        refused(unpack(unit, args, items(7, keccak256(abi.encode(epc))).proofs(one(position))), notInTree);
        args.children[0].position = uint32((position + 1) % 7);
        refused(unpack(unit, args, children.proofs(one(position))), notInTree);
    }

    function testFuzz_RevertWhen_AnInnerNodeIsPassedForALeaf(bytes32 epc) external {
        bytes32 unit = packed(BRAND, epc, 4);
        ITypes.Child[] memory children = items(4, epc);
        bytes32 inner = children.nodes()[1];
        ITypes.Child[] memory named = new ITypes.Child[](1);
        named[0] = Trees.item(0, inner);
        bytes32[][] memory proofs = new bytes32[][](1);
        proofs[0] = new bytes32[](1);
        proofs[0][0] = children.nodes()[2];
        refused(unpack(unit, ITypes.UnpackArgs(BRAND, named, DOCUMENT), proofs), abi.encodeWithSelector(ITypes.NotInTree.selector, inner));
    }

    function testFuzz_RevertGiven_TheChildHasLeftBeforeOrMovesAlone(bytes32 epc, uint8 any) external {
        bytes32 unit = packed(BRAND, epc, 4);
        ITypes.Child[] memory children = items(4, epc);
        uint256 position = between(any, 0, 3);
        bytes memory notInside = abi.encodeWithSelector(ITypes.NotInside.selector, children[position].child, unit);
        refused(unpack(unit, BRAND, children, two(position, position)), notInside);
        land(unpack(unit, BRAND, children, one(position)));
        refused(unpack(unit, BRAND, children, one(position)), notInside);
        land(ship(children[position].child, BRAND, STORE));
        refused(unpack(unit, BRAND, children, one(position)), notInside);
    }

    function testFuzz_RevertGiven_TheChildHasLeftBeforeOrMovesAlone_AndIsInsideAnother(bytes32 epc) external {
        (bytes32 child,) = packedInside(BRAND, epc, 2);
        // A second parent states the same child as a leaf only.
        (ITypes.PackArgs memory args, bytes32[][] memory proofs) = around(BRAND, keccak256(abi.encode(epc)), child, 3);
        ITypes.Child[] memory children = args.slotted;
        args.slotted = new ITypes.Child[](0);
        land(pack(args, new bytes32[][](0)));
        bytes32 other = unitId(BRAND, args.epcHash);
        refused(unpack(other, ITypes.UnpackArgs(BRAND, children, DOCUMENT), proofs), abi.encodeWithSelector(ITypes.NotInside.selector, child, other));
    }

    function testFuzz_RevertWhen_AChildWithoutASlotWouldGetALotOfAnotherBrandThanItsUnitsCreator(bytes32 epc, bytes32 root, uint32 count) external {
        vm.assume(root != 0 && count != 0);
        bytes32 child = packedFor(BRAND, epc, 2, MARKET);
        handOver(child, BRAND, DISTRIBUTOR);
        // A false tree: a leaf beside the slotted child that lets the distributor name the lot.
        ITypes.Child[] memory children = new ITypes.Child[](2);
        children[0] = asChild(0, child);
        children[1] = Trees.unit(0, named(DISTRIBUTOR, "forged"), root, count);
        ITypes.PackArgs memory args = packArgs(DISTRIBUTOR, "box", children);
        (args.count, args.lot, args.slotted) = (1, unitNow(child).lot, children.pick(one(0)));
        land(pack(args, children.proofs(one(0))));
        bytes32 box = unitId(DISTRIBUTOR, "box");
        refused(unpack(box, DISTRIBUTOR, children, one(1)), abi.encodeWithSelector(ITypes.ForeignLot.selector, args.lot, DISTRIBUTOR));
        land(unpack(box, DISTRIBUTOR, children, one(0)));
    }

    function testFuzz_GivenTheChildNeverHadASlot(uint8 level, bytes32 root, uint32 count, bool asItem) external {
        vm.assume(root != 0 && count != 0);
        ITypes.Child[] memory children = items(2, "unit");
        if (!asItem) children[1] = Trees.unit(1, named(BRAND, keccak256("case")), root, count);
        ITypes.PackArgs memory args = packArgs(BRAND, "unit", children);
        land(bindLot(BATCH, lotArgs(0, 0, "lot", MARKET), 0));
        (args.lot, args.level) = (registryNow().lots, level);
        land(pack(args, new bytes32[][](0)));
        land(unpack(unitId(BRAND, "unit"), BRAND, children, one(1)));
        ITypes.Unit memory u = unitNow(children[1].child);
        vm.assertEq(u.state, 1, "held");
        vm.assertEq(u.holder, BRAND, "by the parent's holder");
        vm.assertEq(u.lot, args.lot, "lot");
        vm.assertEq(u.market, MARKET, "market");
        vm.assertEq(u.count, asItem ? 0 : count, "count");
        vm.assertEq(u.childrenRoot, asItem ? bytes32(0) : root, "root");
        vm.assertEq(u.level, asItem || level == 0 ? 0 : level - 1, "level");
        vm.assertEq(u.parent, 0, "no parent");
        vm.assertEq(unitNow(unitId(BRAND, "unit")).gone, 1, "gone");
        land(ship(children[1].child, BRAND, DISTRIBUTOR));
    }

    function testFuzz_GivenTheChildIsFrozenInThisUnit(bytes32 epc, bool restricted) external {
        bytes32 child = restricted ? packedFor(BRAND, epc, 2, MARKET) : packed(BRAND, epc, 2);
        (ITypes.PackArgs memory args, bytes32[][] memory proofs) = around(BRAND, keccak256(abi.encode(epc)), child, 4);
        land(pack(args, proofs));
        bytes32 parent = unitId(BRAND, args.epcHash);
        handOver(parent, BRAND, DISTRIBUTOR);
        land(unpack(parent, ITypes.UnpackArgs(DISTRIBUTOR, args.slotted, DOCUMENT), proofs));
        ITypes.Unit memory u = unitNow(child);
        vm.assertEq(u.state, 1, "held");
        vm.assertEq(u.holder, DISTRIBUTOR, "by who unpacked it");
        vm.assertEq(u.parent, 0, "no parent");
        vm.assertEq(u.market, restricted ? MARKET : 0, "market as before");
        if (!restricted) land(ship(child, DISTRIBUTOR, STORE));
    }

    function testFuzz_WhenAllIsRight(bytes32 epc, uint8 any, uint32 later) external {
        bytes32 unit = packed(BRAND, epc, 5);
        ITypes.Child[] memory children = items(5, epc);
        uint256 position = between(any, 0, 4);
        vm.warp(block.timestamp + later);
        Subject memory before = unitSubject(unit);
        Subject memory child = unitSubject(children[position].child);
        ITypes.UnpackArgs memory args = ITypes.UnpackArgs(BRAND, children.pick(one(position)), DOCUMENT);
        Vm.Log[] memory logs =
            recorded(unpack(unit, args, children.proofs(one(position))), before, BRAND, ITypes.Unpacked.selector, unit, _dynamic(abi.encode(args)));
        ITypes.Unit memory u = unitNow(unit);
        vm.assertEq(u.gone, 1, "gone");
        vm.assertEq(unitNow(children[position].child).gone, BATCH, "the item's batch");
        vm.assertEq(u.seq, 2, "seq");
        vm.assertEq(u.head, headAfter(before, UNPACK, BRAND, 0, unpackHash(args), DOCUMENT), "head");
        bytes32 hash = vm.eip712HashStruct(Types.UNPACKED_FROM, abi.encode(unit, uint64(2), u.head, uint32(position)));
        vm.assertEq(unitNow(children[position].child).head, headAfter(child, UNPACKED_FROM, BRAND, 0, hash, DOCUMENT), "child's head");
        vm.assertEq(unitNow(children[position].child).seq, 1, "child's seq");
        vm.assertEq(logs[1].topics[0], ITypes.UnpackedFrom.selector, "child's event");
        vm.assertEq(logs[1].topics[1], children[position].child, "child");
        vm.assertEq(logs[1].topics[2], unit, "its parent");
        vm.assertEq(logs[1].data, abi.encode(by(1, BRAND), uint64(2), u.head, uint32(position), BRAND, DOCUMENT), "child's event's data");
    }

    function testFuzz_WhenAllIsRight_UnitsOfNoLevel(uint8 any) external {
        ITypes.Child[] memory children = items(2, "parent");
        children[0] = Trees.unit(0, named(BRAND, "case"), "root", 2);
        ITypes.PackArgs memory args = packArgs(BRAND, "parent", children);
        args.level = any % 3;
        land(pack(args, new bytes32[][](0)));
        land(unpack(unitId(BRAND, "parent"), BRAND, children, one(0)));
        vm.assertEq(unitNow(unitId(BRAND, "case")).level, args.level == 0 ? 0 : args.level - 1, "one below, but for 0");
    }

    function testFuzz_RevertWhen_TheUnitIsNotShownToBeTheCreatorsThatIsNamed(bytes32 epc, uint8 words, uint64 creator) external {
        vm.assume(creator != BRAND);
        bytes32 unit = packed(BRAND, epc, 2);
        ITypes.UnpackArgs memory args = ITypes.UnpackArgs(BRAND, items(2, epc).pick(one(0)), DOCUMENT);
        bytes32[][] memory proofs = items(2, epc).proofs(one(0));
        bytes32[][] memory origins = originsOf(unit, args.children);
        origins[0][0] = bytes32(uint256(creator));
        refused(unpack(unit, args, proofs, origins), abi.encodeWithSelector(ITypes.NotMadeBy.selector, unit, creator));
        (origins[0][0], origins[0][1]) = (bytes32(uint256(BRAND)), keccak256(abi.encode(epc)));
        refused(unpack(unit, args, proofs, origins), abi.encodeWithSelector(ITypes.NotMadeBy.selector, unit, BRAND));
        if (words % 5 == 2) words = 3;
        origins[0] = new bytes32[](words % 5);
        refused(unpack(unit, args, proofs, origins), abi.encodeWithSelector(ITypes.LengthMismatch.selector));
        refused(unpack(unit, args, proofs, new bytes32[][](words % 5)), abi.encodeWithSelector(ITypes.LengthMismatch.selector));
    }

    function testFuzz_RevertWhen_AChildWithoutASlotIsNotShownToBeTheUnitsCreators(bytes32 epc, uint8 words) external {
        ITypes.Child[] memory children = items(2, epc);
        children[1] = Trees.unit(1, named(BRAND, keccak256(abi.encode(epc))), "root", 2);
        land(pack(packArgs(BRAND, epc, children), new bytes32[][](0)));
        bytes32 unit = unitId(BRAND, epc);
        // An item: without its origin, with another's code or batch, and with a proof that leads elsewhere.
        _notMade(unit, children, 0, new bytes32[](words % 2), abi.encodeWithSelector(ITypes.NotMadeBy.selector, children[0].child, BRAND));
        bytes32[] memory origin = originOf(children[0].child);
        origin[0] = codeOf(63);
        _notMade(unit, children, 0, origin, abi.encodeWithSelector(ITypes.NotMadeBy.selector, children[0].child, BRAND));
        origin = originOf(children[0].child);
        origin[1] = bytes32(uint256(2));
        _notMade(unit, children, 0, origin, abi.encodeWithSelector(ITypes.NotMadeBy.selector, children[0].child, BRAND));
        origin = originOf(children[0].child);
        origin[2 + words % (origin.length - 2)] ^= bytes32(uint256(1));
        _notMade(unit, children, 0, origin, abi.encodeWithSelector(ITypes.NotInTree.selector, children[0].child));
        // A unit: without its EPC, and with another.
        _notMade(unit, children, 1, new bytes32[](0), abi.encodeWithSelector(ITypes.NotMadeBy.selector, children[1].child, BRAND));
        origin = new bytes32[](1);
        origin[0] = epc;
        _notMade(unit, children, 1, origin, abi.encodeWithSelector(ITypes.NotMadeBy.selector, children[1].child, BRAND));
        land(unpack(unit, BRAND, children, two(0, 1)));
    }

    function testFuzz_RevertWhen_AChildWithoutASlotIsNotShownToBeTheUnitsCreators_AndIsAnothers(bytes32 epc) external {
        // The rival states the brand's item as its own child.
        land(pack(packArgs(RIVAL, epc, items(2, epc)), new bytes32[][](0)));
        bytes32 item = items(2, epc)[0].child;
        refused(unpack(unitId(RIVAL, epc), RIVAL, items(2, epc), one(0)), abi.encodeWithSelector(ITypes.NotMadeBy.selector, item, RIVAL));
    }

    function _notMade(bytes32 unit, ITypes.Child[] memory children, uint256 position, bytes32[] memory origin, bytes memory error) private {
        ITypes.UnpackArgs memory args = ITypes.UnpackArgs(BRAND, children.pick(one(position)), DOCUMENT);
        bytes32[][] memory origins = originsOf(unit, args.children);
        origins[1] = origin;
        refused(unpack(unit, args, children.proofs(one(position)), origins), error);
    }
}
