// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ITypes} from "../src/ILedger.sol";
import {Types} from "./support/Types.sol";
import {World} from "./support/World.sol";

/// @notice signatures.tree
contract SignaturesTest is World {
    uint256 private constant VERBS = 21;
    uint256 private constant HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0;

    enum Spoil {
        Nothing,
        R,
        S,
        V
    }

    /// @notice A verb whose arguments are words, taken apart. extra, tail: what is not signed.
    struct Shape {
        bytes4 selector;
        bytes target;
        bytes args;
        bytes extra;
        bytes tail;
        Subject subject;
        uint64 actor;
        string name;
        string argsType;
    }

    Terms private twist; // what the next message says instead of what is right: fields other than 0
    bytes32 private otherHead;
    Spoil private spoil;
    uint256 private otherS;
    bytes32 private held;
    bytes32 private shipped;

    function setUp() public override {
        super.setUp();
        (held, shipped) = (packed(BRAND, "held", 1), packed(BRAND, "shipped", 1));
        land(ship(shipped, BRAND, STORE));
        land(reserveBatch(ITypes.ReserveBatchArgs(BRAND, GTIN, 0, DOCUMENT)));
        land(bindLot(BATCH, lotArgs(0, 0, "lot", 0), 0));
    }

    /// forge-config: deep.fuzz.runs = 10000
    function testFuzz_RevertWhen_AnotherKeySigns(uint8 verb, uint256 key) external {
        twist.key = between(key, 1, 2 ** 250);
        Shape memory s = _shape(verb);
        refused(_signed(s), abi.encodeWithSelector(ITypes.WrongSigner.selector, s.actor, addressOf(twist.key)));
        refused(ship("unit", STRANGER, STORE), abi.encodeWithSelector(ITypes.UnknownParty.selector, STRANGER));
    }

    function testFuzz_RevertWhen_ItRecoversNobodyOrItsSIsHigh(uint8 verb, uint256 s) external {
        spoil = Spoil.R;
        refused(_signed(_shape(verb)), abi.encodeWithSelector(ITypes.BadSignature.selector));
        spoil = Spoil.S;
        for (uint256 i; i < 2; ++i) {
            otherS = i == 0 ? HALF_ORDER + 1 : between(s, HALF_ORDER + 1, 2 ** 255 - 1);
            refused(_signed(_shape(verb)), abi.encodeWithSelector(ITypes.BadSignature.selector));
        }
        otherS = HALF_ORDER; // the largest: it recovers somebody
        refusedAs(_signed(_shape(verb)), ITypes.WrongSigner.selector);
    }

    /// forge-config: deep.fuzz.runs = 10000
    function testFuzz_RevertWhen_ItIsMirrored(uint8 verb) external {
        spoil = Spoil.V;
        refusedAs(_signed(_shape(verb)), ITypes.WrongSigner.selector);
    }

    function testFuzz_RevertWhen_TheDeadlineHasPassed(uint8 verb, uint32 time) external {
        twist.deadline = uint64(between(time, 1, block.timestamp - 1));
        refused(_signed(_shape(verb)), abi.encodeWithSelector(ITypes.DeadlinePassed.selector, twist.deadline, block.timestamp));
        twist.deadline = uint64(block.timestamp);
        land(_signed(_shape(verb)));
    }

    function testFuzz_RevertWhen_ItIsReplayed(uint8 verb, uint32 later) external {
        Shape memory s = _shape(verb);
        bytes memory call = _signed(s);
        land(call);
        vm.warp(block.timestamp + between(later, 0, WEEK));
        if (_headless(verb)) refusedAs(call, ITypes.EraCancelled.selector);
        else if (verb % VERBS == 19) refusedAs(call, ITypes.AlreadyClaimed.selector);
        else refused(call, abi.encodeWithSelector(ITypes.StaleHead.selector, s.subject.id));
    }

    function testFuzz_RevertWhen_ItWasForAnotherChainContractOrMessage(uint8 verb, uint64 chainId, address verifier, bytes32 head, uint8 other) external {
        vm.assume(chainId != block.chainid && chainId != 0 && chainId < 2 ** 63 && verifier != address(ledger));
        Shape memory s = _shape(verb);
        bytes memory right = _signed(s);
        twist.domain = domain(chainId, address(ledger));
        refusedAs(_signed(s), ITypes.WrongSigner.selector);
        twist.domain = domain(block.chainid, verifier);
        refusedAs(_signed(s), ITypes.WrongSigner.selector);
        twist.domain = 0;
        if (head != 0 && head != s.subject.head) {
            otherHead = head;
            refusedAs(_signed(s), ITypes.WrongSigner.selector);
            otherHead = 0;
        }
        string memory name = s.name;
        s.name = _shape(other).name;
        if (keccak256(bytes(s.name)) != keccak256(bytes(name))) refusedAs(_signed(s), ITypes.WrongSigner.selector);
        vm.chainId(chainId); // a fork: what was signed before it is of the other chain
        refusedAs(right, ITypes.WrongSigner.selector);
    }

    /// forge-config: deep.fuzz.runs = 10000
    function testFuzz_RevertWhen_AWordOfTheCallIsChanged(uint8 verb, uint256 at, uint8 bit) external {
        Shape memory s = _shape(verb);
        bytes memory call = _signed(s);
        at = between(at, 0, call.length - 1);
        uint256 extra = 4 + s.target.length + s.args.length; // a hint or a proof is bound by what it says, not by the key
        if (at >= extra && at < extra + s.extra.length) at = 4 + s.target.length;
        if (at >= call.length - s.tail.length) at = 4 + s.target.length;
        if (_headless(verb) && at >= extra && at < extra + 16) at = 4; // no seq goes with head 0
        call[at] ^= bytes1(uint8(1 << (bit % 8)));
        vm.assertTrue(!attempt(call), "a changed call landed");
    }

    /// forge-config: deep.fuzz.runs = 10000
    function testFuzz_RevertWhen_AWordHasBitsOverItsTypeSignedOrNot(uint8 verb, uint8 word, uint8 bit) external {
        Shape memory s = _shape(verb);
        uint256[] memory widths = _widths(s.argsType);
        uint256 at = word % widths.length;
        while (widths[at] == 256) at = (at + 1) % widths.length; // the actor's is not
        uint256 dirty = 1 << between(bit, widths[at], 255);
        bytes memory args = s.args;
        assembly ("memory-safe") {
            let place := add(add(args, 32), mul(at, 32))
            mstore(place, or(mload(place), dirty))
        }
        refused(_signed(s), "");
    }

    function terms(Subject memory subject, uint64 actor) internal override returns (Terms memory t) {
        t = super.terms(subject, actor);
        if (twist.key != 0) t.key = twist.key;
        if (twist.deadline != 0) t.deadline = twist.deadline;
        if (twist.domain != 0) t.domain = twist.domain;
        if (otherHead != 0) t.subject.head = otherHead;
    }

    function authOf(Terms memory t, bytes32 message) internal override returns (ITypes.Auth memory signed) {
        signed = super.authOf(t, message);
        if (spoil == Spoil.R) signed.r = 0;
        if (spoil == Spoil.S) signed.vs = bytes32(otherS);
        if (spoil == Spoil.V) signed.vs ^= bytes32(uint256(1) << 255);
    }

    function _signed(Shape memory s) private returns (bytes memory) {
        bytes32 hash = keccak256(bytes.concat(keccak256(bytes(s.argsType)), s.args));
        ITypes.Auth memory signed = auth(s.subject, s.actor, Types.message(s.name, s.argsType), hash);
        return bytes.concat(s.selector, s.target, s.args, s.extra, abi.encode(signed), s.tail);
    }

    function _headless(uint256 verb) private pure returns (bool) {
        return verb % VERBS == 0 || verb % VERBS == 20;
    }

    /// @dev Each a call that would land.
    function _shape(uint256 verb) private returns (Shape memory) {
        verb %= VERBS;
        if (verb < 8) return _ofBatch(verb);
        return verb < 15 ? _ofUnit(verb) : _ofItem(verb);
    }

    function _ofBatch(uint256 verb) private returns (Shape memory) {
        bytes memory hint = abi.encode(0);
        if (verb == 0) return Shape(ledger.cancel.selector, "", abi.encode(BRAND), "", "", headless(BRAND), BRAND, "Cancel", Types.CANCEL);
        if (verb == 1) return Shape(ledger.openEpoch.selector, "", abi.encode(BRAND, 1, bytes32("epoch"), DOCUMENT), "", "", partySubject(BRAND), BRAND, "OpenEpoch", Types.OPEN_EPOCH);
        if (verb == 2) return Shape(ledger.reserveBatch.selector, "", abi.encode(BRAND, GTIN, 0, DOCUMENT), "", "", partySubject(BRAND), BRAND, "ReserveBatch", Types.RESERVE_BATCH);
        if (verb == 3) return Shape(ledger.commission.selector, abi.encode(3), abi.encode(BRAND, bytes32("root"), 0, 9, DOCUMENT), "", "", batchSubject(3), BRAND, "Commission", Types.COMMISSION);
        if (verb == 4) return Shape(ledger.activate.selector, abi.encode(BATCH), abi.encode(BRAND, 3, 9, 1, DOCUMENT), hint, "", batchSubject(BATCH), BRAND, "Activate", Types.ACTIVATE);
        if (verb == 5) return Shape(ledger.voidCodes.selector, abi.encode(BATCH), abi.encode(BRAND, 3, 9, DOCUMENT), hint, "", batchSubject(BATCH), BRAND, "Void", Types.VOID);
        if (verb == 6) return Shape(ledger.bindLot.selector, abi.encode(BATCH), abi.encode(BRAND, 3, 9, bytes32("new lot"), 0, 0, MARKET, DOCUMENT), hint, "", batchSubject(BATCH), BRAND, "BindLot", Types.BIND_LOT);
        return Shape(ledger.setLotState.selector, abi.encode(1), abi.encode(BRAND, 2, DOCUMENT), "", "", lotSubject(1), BRAND, "SetLotState", Types.SET_LOT_STATE);
    }

    function _ofUnit(uint256 verb) private returns (Shape memory) {
        (bytes memory there, bytes memory onItsWay) = (abi.encode(held), abi.encode(shipped));
        (bytes memory to, bytes memory from) = (abi.encode(BRAND, STORE, DOCUMENT), abi.encode(STORE, BRAND, DOCUMENT));
        if (verb == 8) return Shape(ledger.ship.selector, there, to, "", "", unitSubject(held), BRAND, "Ship", Types.SHIP);
        if (verb == 9) return Shape(ledger.returnTo.selector, there, to, "", "", unitSubject(held), BRAND, "ReturnTo", Types.RETURN_TO);
        if (verb == 10) return Shape(ledger.receiveFrom.selector, onItsWay, from, "", "", unitSubject(shipped), STORE, "ReceiveFrom", Types.RECEIVE_FROM);
        if (verb == 11) return Shape(ledger.refuse.selector, onItsWay, from, "", "", unitSubject(shipped), STORE, "Refuse", Types.REFUSE);
        if (verb == 12) return Shape(ledger.takeBack.selector, onItsWay, to, "", "", unitSubject(shipped), BRAND, "TakeBack", Types.TAKE_BACK);
        if (verb == 13) return Shape(ledger.reportLost.selector, onItsWay, to, "", "", unitSubject(shipped), BRAND, "ReportLost", Types.REPORT_LOST);
        return Shape(ledger.reportException.selector, onItsWay, abi.encode(STORE, BRAND, 0, 1, 0, 0, 0, DOCUMENT), "", "", unitSubject(shipped), STORE, "ReportException", Types.REPORT_EXCEPTION);
    }

    function _ofItem(uint256 verb) private returns (Shape memory) {
        (bytes memory proof, bytes memory inner) = (abi.encode(codeProof(60)), abi.encode(innerProof(60)));
        assembly ("memory-safe") {
            // Without their offset words: that is in `extra`.
            let length := sub(mload(proof), 32)
            proof := add(proof, 32)
            mstore(proof, length)
            length := sub(mload(inner), 32)
            inner := add(inner, 32)
            mstore(inner, length)
        }
        bytes memory target = abi.encode(code(60));
        bytes32 leaf = codeLeaf(60);
        if (verb == 15) return Shape(ledger.anchorScanLog.selector, "", abi.encode(OPERATOR, 5, bytes32("log"), bytes32("map")), "", "", logSubject(), OPERATOR, "AnchorScanLog", Types.ANCHOR_SCAN_LOG);
        if (verb == 16) return Shape(ledger.drawItem.selector, abi.encode(codeOf(60)), abi.encode(BRAND, BATCH, 0, DOCUMENT), abi.encode(9 * 32), proof, unitSubject(leaf), BRAND, "DrawItem", Types.DRAW_ITEM);
        if (verb == 17) return Shape(ledger.decommission.selector, target, abi.encode(BRAND, BATCH, 7, DOCUMENT), abi.encode(11 * 32), proof, itemSubject(leaf), BRAND, "Decommission", Types.DECOMMISSION);
        if (verb == 18) return Shape(ledger.setItemState.selector, target, abi.encode(BRAND, BATCH, 2, DOCUMENT), abi.encode(11 * 32), proof, itemSubject(leaf), BRAND, "SetItemState", Types.SET_ITEM_STATE);
        if (verb == 19) return Shape(ledger.claimInner.selector, "", abi.encode(BRAND, BATCH, 60, innerCode(60), salt(60), DOCUMENT), abi.encode(10 * 32), inner, claimSubject(BATCH, 60), BRAND, "ClaimInner", Types.CLAIM_INNER);
        return Shape(ledger.delegate.selector, "", abi.encode(BRAND, address(1), 1, 1 << SHIP, type(uint40).max, 9, 0, DOCUMENT), "", "", headless(BRAND), BRAND, "Delegate", Types.DELEGATE);
    }

    /// @dev How many bits each field of a type string has: of `uint64`, `bytes32`, `address` and the like.
    function _widths(string memory argsType) private pure returns (uint256[] memory widths) {
        bytes memory text = bytes(argsType);
        uint256 fields = 1;
        for (uint256 i; i < text.length; ++i) if (text[i] == ",") ++fields;
        widths = new uint256[](fields);
        uint256 field;
        for (uint256 i; i < text.length; ++i) {
            if (text[i] != "(" && text[i] != ",") continue;
            uint256 number;
            for (uint256 j = i + 1; text[j] != " "; ++j) {
                if (text[j] >= "0" && text[j] <= "9") number = number * 10 + uint8(text[j]) - 48;
            }
            widths[field++] = text[i + 1] == "u" ? number : text[i + 1] == "a" ? 160 : number * 8;
        }
    }
}
