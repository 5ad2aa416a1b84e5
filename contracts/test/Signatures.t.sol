// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ILedger} from "../src/ILedger.sol";
import {Types} from "./support/Types.sol";
import {World} from "./support/World.sol";

/// @notice signatures.tree
contract SignaturesTest is World {
    uint256 private constant VERBS = 9;
    uint256 private constant HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0;

    enum Spoil {
        Nothing,
        R,
        S,
        V
    }

    /// @notice A verb whose arguments are words, taken apart. extra: what is not signed.
    struct Shape {
        bytes4 selector;
        bytes target;
        bytes args;
        bytes extra;
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
        land(reserveBatch(ILedger.ReserveBatchArgs(BRAND, GTIN, 0, DOCUMENT)));
    }

    function testFuzz_RevertWhen_AnotherKeySigns(uint8 verb, uint256 key) external {
        twist.key = between(key, 1, 2 ** 250);
        Shape memory s = _shape(verb);
        refused(_signed(s), abi.encodeWithSelector(ILedger.WrongSigner.selector, s.actor, vm.addr(twist.key)));
        refused(ship("unit", STRANGER, STORE), abi.encodeWithSelector(ILedger.UnknownParty.selector, STRANGER));
    }

    function testFuzz_RevertWhen_ItRecoversNobodyOrItsSIsHigh(uint8 verb, uint256 s) external {
        spoil = Spoil.R;
        refused(_signed(_shape(verb)), abi.encodeWithSelector(ILedger.BadSignature.selector));
        spoil = Spoil.S;
        for (uint256 i; i < 2; ++i) {
            otherS = i == 0 ? HALF_ORDER + 1 : between(s, HALF_ORDER + 1, 2 ** 255 - 1);
            refused(_signed(_shape(verb)), abi.encodeWithSelector(ILedger.BadSignature.selector));
        }
        otherS = HALF_ORDER; // the largest: it recovers somebody
        refusedAs(_signed(_shape(verb)), ILedger.WrongSigner.selector);
    }

    function testFuzz_RevertWhen_ItIsMirrored(uint8 verb) external {
        spoil = Spoil.V;
        refusedAs(_signed(_shape(verb)), ILedger.WrongSigner.selector);
    }

    function testFuzz_RevertWhen_TheDeadlineHasPassed(uint8 verb, uint32 time) external {
        twist.deadline = uint64(between(time, 1, block.timestamp - 1));
        refused(_signed(_shape(verb)), abi.encodeWithSelector(ILedger.DeadlinePassed.selector, twist.deadline, block.timestamp));
        twist.deadline = uint64(block.timestamp);
        land(_signed(_shape(verb)));
    }

    function testFuzz_RevertWhen_ItIsReplayed(uint8 verb, uint32 later) external {
        Shape memory s = _shape(verb);
        bytes memory call = _signed(s);
        land(call);
        vm.warp(block.timestamp + between(later, 0, WEEK));
        refused(call, abi.encodeWithSelector(ILedger.StaleHead.selector, s.subject.id));
    }

    function testFuzz_RevertWhen_ItWasForAnotherChainContractOrMessage(uint8 verb, uint64 chainId, address verifier, bytes32 head, uint8 other) external {
        vm.assume(chainId != block.chainid && chainId != 0 && chainId < 2 ** 63 && verifier != address(ledger));
        Shape memory s = _shape(verb);
        bytes memory right = _signed(s);
        twist.domain = domain(chainId, address(ledger));
        refusedAs(_signed(s), ILedger.WrongSigner.selector);
        twist.domain = domain(block.chainid, verifier);
        refusedAs(_signed(s), ILedger.WrongSigner.selector);
        twist.domain = 0;
        if (head != 0 && head != s.subject.head) {
            otherHead = head;
            refusedAs(_signed(s), ILedger.WrongSigner.selector);
            otherHead = 0;
        }
        string memory name = s.name;
        s.name = _shape(other).name;
        if (keccak256(bytes(s.name)) != keccak256(bytes(name))) refusedAs(_signed(s), ILedger.WrongSigner.selector);
        vm.chainId(chainId); // a fork: what was signed before it is of the other chain
        refusedAs(right, ILedger.WrongSigner.selector);
    }

    function testFuzz_RevertWhen_AWordOfTheCallIsChanged(uint8 verb, uint256 at, uint8 bit) external {
        Shape memory s = _shape(verb);
        bytes memory call = _signed(s);
        at = between(at, 0, call.length - 1);
        uint256 extra = 4 + s.target.length + s.args.length; // an unsigned hint is bound by what it says, not by the key
        if (at >= extra && at < extra + s.extra.length) at = 4 + s.target.length;
        call[at] ^= bytes1(uint8(1 << (bit % 8)));
        vm.assertTrue(!attempt(call), "a changed call landed");
    }

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

    function authOf(Terms memory t, bytes32 message) internal override returns (ILedger.Auth memory signed) {
        signed = super.authOf(t, message);
        if (spoil == Spoil.R) signed.r = 0;
        if (spoil == Spoil.S) signed.vs = bytes32(otherS);
        if (spoil == Spoil.V) signed.vs ^= bytes32(uint256(1) << 255);
    }

    function _signed(Shape memory s) private returns (bytes memory) {
        bytes32 hash = keccak256(bytes.concat(keccak256(bytes(s.argsType)), s.args));
        ILedger.Auth memory signed = auth(s.subject, s.actor, Types.message(s.name, s.argsType), hash);
        return bytes.concat(s.selector, s.target, s.args, s.extra, abi.encode(signed));
    }

    /// @dev Each a call that would land.
    function _shape(uint256 verb) private returns (Shape memory) {
        verb %= VERBS;
        if (verb == 0) return Shape(ILedger.cancel.selector, "", abi.encode(BRAND), "", partySubject(BRAND), BRAND, "Cancel", Types.CANCEL);
        if (verb == 1) return Shape(ILedger.openEpoch.selector, "", abi.encode(BRAND, 1, bytes32("epoch"), DOCUMENT), "", partySubject(BRAND), BRAND, "OpenEpoch", Types.OPEN_EPOCH);
        if (verb == 2) return Shape(ILedger.reserveBatch.selector, "", abi.encode(BRAND, GTIN, 0, DOCUMENT), "", partySubject(BRAND), BRAND, "ReserveBatch", Types.RESERVE_BATCH);
        if (verb == 3) return Shape(ILedger.commission.selector, abi.encode(3), abi.encode(BRAND, bytes32("root"), 0, 9, DOCUMENT), "", batchSubject(3), BRAND, "Commission", Types.COMMISSION);
        if (verb == 4) return Shape(ILedger.activate.selector, abi.encode(BATCH), abi.encode(BRAND, 3, 9, 1, DOCUMENT), abi.encode(0), batchSubject(BATCH), BRAND, "Activate", Types.ACTIVATE);
        if (verb == 5) return Shape(ILedger.bindLot.selector, abi.encode(BATCH), abi.encode(BRAND, 3, 9, bytes32("lot"), 0, 0, MARKET, DOCUMENT), abi.encode(0), batchSubject(BATCH), BRAND, "BindLot", Types.BIND_LOT);
        if (verb == 6) return Shape(ILedger.anchorScanLog.selector, "", abi.encode(OPERATOR, 5, bytes32("log"), bytes32("map")), "", logSubject(), OPERATOR, "AnchorScanLog", Types.ANCHOR_SCAN_LOG);
        if (verb == 7) return Shape(ILedger.ship.selector, abi.encode(held), abi.encode(BRAND, STORE, DOCUMENT), "", unitSubject(held), BRAND, "Ship", Types.SHIP);
        return Shape(ILedger.receiveFrom.selector, abi.encode(shipped), abi.encode(STORE, BRAND, DOCUMENT), "", unitSubject(shipped), STORE, "ReceiveFrom", Types.RECEIVE_FROM);
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
            widths[field++] = text[i + 1] == "u" ? number : number * 8;
        }
    }
}
