// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {Vm} from "./support/Vm.sol";
import {Custody} from "./invariants/Custody.sol";
import {Ghost} from "./invariants/Ghost.sol";
import {Goods} from "./invariants/Goods.sol";
import {Governance} from "./invariants/Governance.sol";
import {Registry} from "./invariants/Registry.sol";

/// @notice What both suites share: one handler, whose listed functions are called at random.
abstract contract Invariants {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    bool public constant IS_TEST = true;

    struct Fuzzed {
        address target;
        bytes4[] selectors;
    }

    function holds(uint256 invariant) internal view {
        string memory why = handler().broken(invariant);
        vm.assertTrue(bytes(why).length == 0, why);
    }

    function handler() internal view virtual returns (Ghost);
}

/// @notice Invariants 1 to 5 of README.md.
contract RegistryInvariants is Invariants {
    Registry private registry;

    function setUp() public {
        registry = new Registry();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(registry);
    }

    function targetSelectors() external view returns (Fuzzed[] memory fuzzed) {
        bytes4[7] memory all = [
            Registry.register.selector,
            Registry.open.selector,
            Registry.reserve.selector,
            Registry.commissionOne.selector,
            Registry.setActive.selector,
            Registry.voidSome.selector,
            Registry.bind.selector
        ];
        fuzzed = new Fuzzed[](1);
        fuzzed[0] = Fuzzed(address(registry), new bytes4[](all.length));
        for (uint256 i; i < all.length; ++i) fuzzed[0].selectors[i] = all[i];
    }

    function invariant_01_ABatchsRootsAndCountNeverChange() external {
        registry.checkRoots();
        holds(1);
    }

    function invariant_02_ABatchNumberIsDrawnOnceByItsBrand() external {
        registry.checkDraws();
        holds(2);
    }

    function invariant_03_NoPrefixContainsAnother() external {
        registry.checkPrefixes();
        holds(3);
    }

    function invariant_04_RunsAreDisjointAndEachIndexHasOneState() external {
        registry.checkRuns();
        holds(4);
    }

    function invariant_05_NobodyNamesAnothersLotFirst() external view {
        holds(5);
    }

    function invariant_12_EveryEventExtendsItsSubjectsHistory() external {
        registry.checkHistories(12);
        holds(12);
    }

    function handler() internal view override returns (Ghost) {
        return registry;
    }
}

/// @notice Invariants 6 to 15 of README.md.
contract CustodyInvariants is Invariants {
    Custody private custody;

    function setUp() public {
        custody = new Custody();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(custody);
    }

    function targetSelectors() external view returns (Fuzzed[] memory fuzzed) {
        bytes4[14] memory all = [
            Custody.packNew.selector,
            Custody.packAround.selector,
            Custody.packItself.selector,
            Custody.packAgain.selector,
            Custody.unpackSome.selector,
            Custody.shipOne.selector,
            Custody.receiveOne.selector,
            Custody.wayBack.selector,
            Custody.sendBack.selector,
            Custody.draw.selector,
            Custody.listOfThree.selector,
            Custody.replay.selector,
            Custody.forge.selector,
            Custody.relay.selector
        ];
        fuzzed = new Fuzzed[](1);
        fuzzed[0] = Fuzzed(address(custody), new bytes4[](all.length));
        for (uint256 i; i < all.length; ++i) fuzzed[0].selectors[i] = all[i];
    }

    function invariant_05_NobodyTakesAnothersUnitId() external view {
        holds(5);
    }

    function invariant_06_AUnitHasOneHolderAndIsInOnePlace() external {
        custody.checkCustody();
        holds(6);
    }

    function invariant_07_OnlyHolderAndAddresseeMoveAUnit() external view {
        holds(7);
    }

    function invariant_08_WhatIsInsideOrEmptyNeverMoves() external {
        custody.checkInside();
        holds(8);
    }

    function invariant_09_NothingLeavesTwice() external {
        custody.checkGone();
        holds(9);
    }

    function invariant_10_NoUnitIsInsideItself() external {
        custody.checkNesting();
        holds(10);
    }

    function invariant_11_GoodsStayInTheirMarket() external {
        custody.checkMarkets();
        holds(11);
    }

    function invariant_12_EveryEventExtendsItsSubjectsHistory() external {
        custody.checkHistories(12);
        holds(12);
    }

    function invariant_13_ASignatureCarriesOutWhatWasSignedOnce() external view {
        holds(13);
    }

    function invariant_14_AListLandsAsItWasSignedOnce() external view {
        holds(14);
    }

    function invariant_15_GasNeverDecidesWhichPartFails() external view {
        holds(15);
    }

    function handler() internal view override returns (Ghost) {
        return custody;
    }
}

/// @notice Invariants 16 to 20 of README.md.
contract GovernanceInvariants is Invariants {
    Governance private governance;

    function setUp() public {
        governance = new Governance();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(governance);
    }

    function targetSelectors() external view returns (Fuzzed[] memory fuzzed) {
        bytes4[8] memory all = [
            Governance.suspend.selector,
            Governance.act.selector,
            Governance.outrun.selector,
            Governance.name.selector,
            Governance.byDevice.selector,
            Governance.rule.selector,
            Governance.handOverTo.selector,
            Governance.sealAndTry.selector
        ];
        fuzzed = new Fuzzed[](1);
        fuzzed[0] = Fuzzed(address(governance), new bytes4[](all.length));
        for (uint256 i; i < all.length; ++i) fuzzed[0].selectors[i] = all[i];
    }

    function invariant_12_EveryEventExtendsItsSubjectsHistory() external {
        governance.checkHistories(12);
        holds(12);
    }

    function invariant_16_ASuspendedPartyChangesNothing() external view {
        holds(16);
    }

    function invariant_17_NobodyOutrunsACancelOrARuling() external view {
        holds(17);
    }

    function invariant_18_ADeviceSignsOnlyWhatItMay() external view {
        holds(18);
    }

    function invariant_19_OnlyAQuorumInOfficeRules() external view {
        holds(19);
    }

    function invariant_20_ASealedLedgerNeverChanges() external view {
        holds(20);
    }

    function handler() internal view override returns (Ghost) {
        return governance;
    }
}

/// @notice Invariants 21 to 26 of README.md.
contract GoodsInvariants is Invariants {
    Goods private goods;

    function setUp() public {
        goods = new Goods();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(goods);
    }

    function targetSelectors() external view returns (Fuzzed[] memory fuzzed) {
        bytes4[12] memory all = [
            Goods.say.selector,
            Goods.moveItem.selector,
            Goods.undo.selector,
            Goods.claimOne.selector,
            Goods.contest.selector,
            Goods.report.selector,
            Goods.settle.selector,
            Goods.suspendStore.selector,
            Goods.take.selector,
            Goods.recall.selector,
            Goods.packOfLot.selector,
            Goods.anchor.selector
        ];
        fuzzed = new Fuzzed[](1);
        fuzzed[0] = Fuzzed(address(goods), new bytes4[](all.length));
        for (uint256 i; i < all.length; ++i) fuzzed[0].selectors[i] = all[i];
    }

    function invariant_12_EveryEventExtendsItsSubjectsHistory() external {
        goods.checkHistories(12);
        holds(12);
    }

    function invariant_21_AnItemsStateIsSetAndUndoneByWhoMay() external view {
        holds(21);
    }

    function invariant_22_AnInnerCodeIsClaimedOnce() external view {
        holds(22);
    }

    function invariant_23_AnExceptionAddsUpAndIsSettledByWhomItConcerns() external {
        goods.checkReports();
        holds(23);
    }

    function invariant_24_WithdrawnOnlyFromTheSuspendedByTheBrand() external view {
        holds(24);
    }

    function invariant_25_ARecallEndsOnlyByWhoMadeIt() external view {
        holds(25);
    }

    function invariant_26_TheScanLogGrowsAndNeverForks() external view {
        holds(26);
    }

    function handler() internal view override returns (Ghost) {
        return goods;
    }
}
