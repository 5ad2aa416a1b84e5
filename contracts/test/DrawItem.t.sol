// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ITypes} from "../src/ILedger.sol";
import {Trees} from "./support/Trees.sol";
import {Types} from "./support/Types.sol";
import {World} from "./support/World.sol";

/// @notice drawItem.tree
contract DrawItemTest is World {
    function testFuzz_RevertGiven_TheItemHasASlot(uint8 index, bool unpacked) external {
        uint32 at = index % COUNT;
        bytes32 leaf = codeLeaf(at);
        if (unpacked) {
            ITypes.Child[] memory children = new ITypes.Child[](1);
            children[0] = Trees.item(0, leaf);
            land(pack(packArgs(BRAND, "unit", children), new bytes32[][](0)));
            land(unpack(unitId(BRAND, "unit"), BRAND, children, one(0)));
        } else {
            drawn(at);
        }
        refused(_draw(at, BRAND, BATCH, 0, codeProof(at)), abi.encodeWithSelector(ITypes.UnitExists.selector, leaf));
    }

    function testFuzz_RevertWhen_TheBatchIsUnknownOrNotTheActors(uint8 index, uint64 batch) external {
        uint32 at = index % COUNT;
        vm.assume(batch == 0 || batch > 2);
        refused(_draw(at, BRAND, batch, 0, codeProof(at)), abi.encodeWithSelector(ITypes.UnknownBatch.selector, batch));
        refused(_draw(at, BRAND, 2, 0, codeProof(at)), abi.encodeWithSelector(ITypes.NotBrandOf.selector, 2, BRAND));
        refused(_draw(at, RIVAL, BATCH, 0, codeProof(at)), abi.encodeWithSelector(ITypes.NotBrandOf.selector, BATCH, RIVAL));
        refused(_draw(at, STRANGER, BATCH, 0, codeProof(at)), abi.encodeWithSelector(ITypes.UnknownParty.selector, STRANGER));
        key = keyOf(RIVAL);
        refused(_draw(at, BRAND, BATCH, 0, codeProof(at)), abi.encodeWithSelector(ITypes.WrongSigner.selector, BRAND, addressOf(key)));
    }

    function testFuzz_RevertGiven_TheBatchsBrandIsNoBrandAnyMore(uint32 any) external {
        uint32 at = any % COUNT;
        noBrandAnyMore();
        refused(_draw(at, BRAND, BATCH, 0, codeProof(at)), abi.encodeWithSelector(ITypes.RoleMissing.selector, BRAND, 1));
    }

    function testFuzz_RevertWhen_TheProofDoesNotLeadToTheBatchsRootOrThereIsNoneYet(uint8 index, uint8 other) external {
        uint32 at = index % COUNT;
        bytes memory error = abi.encodeWithSelector(ITypes.NotInTree.selector, codeLeaf(at));
        if (other % COUNT != at) refused(_draw(at, BRAND, BATCH, 0, codeProof(other % COUNT)), error);
        land(reserveBatch(ITypes.ReserveBatchArgs(BRAND, GTIN, 0, DOCUMENT)));
        refused(_draw(at, BRAND, 3, 0, codeProof(at)), error);
    }

    function testFuzz_RevertWhen_TheLotIsUnknownRecalledAnotherBrandsOrOfAnotherGTIN(uint8 index, uint32 unknown) external {
        uint32 at = index % COUNT;
        vm.assume(unknown > 3);
        refused(_draw(at, BRAND, BATCH, unknown, codeProof(at)), abi.encodeWithSelector(ITypes.UnknownLot.selector, unknown));
        ITypes.BindLotArgs memory args = lotArgs(0, 0, "lot", 0);
        args.actor = RIVAL;
        land(bindLot(2, args, 0));
        refused(_draw(at, BRAND, BATCH, 1, codeProof(at)), abi.encodeWithSelector(ITypes.ForeignLot.selector, 1, BRAND));
        uint64 gtin = withCheckDigit(GTIN / 10 + 1);
        land(reserveBatch(ITypes.ReserveBatchArgs(BRAND, gtin, 0, DOCUMENT)));
        land(commission(3, commissionArgs(BRAND)));
        land(bindLot(3, lotArgs(0, 0, "lot", 0), 0));
        refused(_draw(at, BRAND, BATCH, 2, codeProof(at)), abi.encodeWithSelector(ITypes.ForeignLot.selector, 2, BRAND));
        land(bindLot(BATCH, lotArgs(0, 0, "lot", 0), 0));
        land(setLotState(3, BRAND, 2));
        refused(_draw(at, BRAND, BATCH, 3, codeProof(at)), abi.encodeWithSelector(ITypes.LotRecalled.selector, 3));
    }

    function testFuzz_WhenAllIsRight(uint8 index, uint8 market, bool ofLot) external {
        uint32 at = index % COUNT;
        if (ofLot) land(bindLot(BATCH, lotArgs(0, 0, "lot", market), 0));
        Subject memory before = unitSubject(codeLeaf(at));
        ITypes.DrawItemArgs memory args = ITypes.DrawItemArgs(BRAND, BATCH, ofLot ? 1 : 0, DOCUMENT);
        recorded(drawItem(codeOf(at), args, codeProof(at)), before, BRAND, ITypes.ItemDrawn.selector, codeLeaf(at), abi.encode(args));
        ITypes.Unit memory u = unitNow(codeLeaf(at));
        vm.assertEq(u.state, 1, "held");
        vm.assertEq(u.holder, BRAND, "by its brand");
        vm.assertEq(u.count, 0, "an item");
        vm.assertEq(u.lot, args.lot, "lot");
        vm.assertEq(u.market, ofLot ? market : 0, "market");
        vm.assertEq(u.head, headAfter(before, 45, BRAND, 0, _hash(Types.DRAW_ITEM, abi.encode(args)), DOCUMENT), "head");
    }

    uint256 private key; // signs instead of the actor's, if set

    function terms(Subject memory subject, uint64 actor) internal override returns (Terms memory t) {
        t = super.terms(subject, actor);
        if (key != 0) t.key = key;
    }

    function _draw(uint32 index, uint64 actor, uint64 batch, uint32 lot, bytes32[] memory proof) private returns (bytes memory) {
        return drawItem(codeOf(index), ITypes.DrawItemArgs(actor, batch, lot, DOCUMENT), proof);
    }
}
