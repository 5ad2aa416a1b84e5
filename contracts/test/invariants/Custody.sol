// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ITypes} from "../../src/ILedger.sol";
import {Trees} from "../support/Trees.sol";
import {Types} from "../support/Types.sol";
import {Vm} from "../support/Vm.sol";
import {Ghost} from "./Ghost.sol";

/// @notice Custody under attack: invariants 5 to 15. Three parties pack, unpack, ship and receive over few
/// units, each step right or wrong as the numbers have it; the model says which.
contract Custody is Ghost {
    using Trees for ITypes.Child[];

    uint8 internal constant NONE = 0;
    uint8 internal constant HELD = 1;
    uint8 internal constant IN_TRANSIT = 2;
    uint8 internal constant INSIDE = 3;
    uint8 internal constant LOST = 4;

    /// @notice What the model knows of a unit.
    struct Thing {
        uint64 holder;
        uint64 addressee;
        uint8 state;
        uint8 market;
        uint32 count;
        uint32 gone;
        bytes32 parent;
    }

    bytes32[] internal things; // every unit that has a slot
    bytes32[] internal packs; // those that were packed
    mapping(bytes32 unit => Thing) internal model;
    mapping(bytes32 unit => ITypes.Child[]) internal childrenOf;
    mapping(bytes32 unit => mapping(uint256 position => uint256)) internal timesOut;
    mapping(uint8 market => uint32 number) internal lotOf;
    bytes[] internal landed; // calls that landed: none may land again
    uint256 internal counter;

    constructor() {
        for (uint8 m = MARKET; m <= OTHER_MARKET; ++m) {
            land(bindLot(BATCH, lotArgs(0, 0, keccak256(abi.encode("lot", m)), m), 0));
            lotOf[m] = registryNow().lots;
        }
        for (uint256 i; i < 3; ++i) pack_(i, i == 2 ? 2 : 0);
    }

    // --------------------------------------------------------------------------------------- packing

    /// @notice The brand packs a few items and cases that have no slot yet, some for a market.
    function packNew(uint8 seed, uint8 market) external {
        if (packs.length < 12) pack_(seed, market);
    }

    /// @notice Somebody packs units that have a slot, whatever their state.
    function packAround(uint8 actor, uint8 a, uint8 b, uint8 market) external {
        if (packs.length >= 20) return;
        (bytes32 first_, bytes32 second) = (_thing(a), _thing(b));
        uint64 by_ = actor % 2 == 0 ? uint64(model[first_].holder) : anyHandler(actor / 2);
        ITypes.Child[] memory children = new ITypes.Child[](3);
        children[0] = asChild(0, first_);
        bool alone = first_ == second || b % 2 == 0;
        children[1] = alone ? Trees.item(1, codeLeaf(a % COUNT)) : asChild(1, second);
        children[2] = Trees.item(2, codeLeaf(b % COUNT));
        ITypes.PackArgs memory args = packArgs(by_, keccak256(abi.encode("around", ++counter)), children);
        if (by_ == BRAND) args.lot = _lot(market);
        args.level = 2;
        uint256[] memory slotted = alone ? one(0) : two(0, 1);
        args.slotted = children.pick(slotted);
        _pack(args, children, slotted);
    }

    /// @notice Somebody packs a unit that states itself as its child.
    function packItself(uint8 actor) external {
        uint64 by_ = anyHandler(actor);
        bytes32 epc = keccak256(abi.encode("itself", ++counter));
        bytes32 unit = unitId(by_, epc);
        ITypes.Child[] memory children = new ITypes.Child[](1);
        children[0] = Trees.unit(0, unit, keccak256("any"), 1);
        ITypes.PackArgs memory args = packArgs(by_, epc, children);
        args.slotted = children;
        if (attempt(pack(args, children.proofs(one(0))))) breach(10, "a unit was packed into itself");
    }

    /// @notice Somebody packs a unit again, or under another's number.
    function packAgain(uint8 which, uint8 actor, bool asCreator) external {
        bytes32 epc = keccak256(abi.encode("new", between(which, 1, counter)));
        ITypes.PackArgs memory args = packArgs(BRAND, epc, items(1, "again"));
        uint64 signer = asCreator ? BRAND : anyHandler(actor);
        bool exists = model[unitId(BRAND, epc)].state != NONE;
        if (!exists && signer == BRAND) return;
        if (attempt(pack(args, new bytes32[][](0), signer))) breach(signer == BRAND ? 5 : 13, "a unit's id was taken");
    }

    function pack_(uint256 seed, uint8 market) private {
        bytes32 epc = keccak256(abi.encode("new", ++counter));
        uint256 count = between(seed, 1, 4);
        ITypes.Child[] memory children = new ITypes.Child[](count);
        for (uint32 i; i < count; ++i) {
            uint256 pick = uint256(keccak256(abi.encode(seed, i)));
            bytes32 epcOfCase = keccak256(abi.encode("case", pick % 6)); // stated by several parents
            children[i] = pick % 2 == 0
                ? Trees.item(i, codeLeaf(uint32(pick % COUNT)))
                : Trees.unit(i, named(BRAND, epcOfCase), _caseOf(pick % 6).root(), 2);
        }
        ITypes.PackArgs memory args = packArgs(BRAND, epc, children);
        args.lot = _lot(market);
        if (!_pack(args, children, new uint256[](0))) breach(5, "a creator could not pack his own new unit");
    }

    function _pack(ITypes.PackArgs memory args, ITypes.Child[] memory children, uint256[] memory slotted) private returns (bool ok) {
        bytes32 unit = unitId(args.actor, args.epcHash);
        uint8 market = args.lot == 0 ? 0 : lotNow(args.lot).market;
        bool right = true;
        bool mixed;
        for (uint256 i; i < slotted.length; ++i) {
            Thing storage child = model[children[slotted[i]].child];
            right = right && _movable(children[slotted[i]].child, args.actor);
            if (market == 0) market = child.market;
            mixed = mixed || (child.market != 0 && child.market != market);
        }
        bytes memory call = pack(args, children.proofs(slotted));
        ok = attempt(call);
        if (!ok) return false;
        landed.push(call);
        expect(right, 8, "what could not move was packed");
        expect(!mixed, 11, "two markets in one unit");
        model[unit] = Thing(args.actor, 0, HELD, market, uint32(children.length), 0, 0);
        for (uint256 i; i < children.length; ++i) childrenOf[unit].push(children[i]);
        packs.push(unit);
        _born(unit);
        follow(_subject(unit), PACK, args.actor, 0, packHash(args), DOCUMENT);
        bytes32 hash = vm.eip712HashStruct(Types.PACKED_INTO, abi.encode(unit, uint64(1)));
        for (uint256 i; i < slotted.length; ++i) {
            Thing storage child = model[children[slotted[i]].child];
            (child.state, child.parent) = (INSIDE, unit);
            follow(_subject(children[slotted[i]].child), PACKED_INTO, args.actor, 0, hash, DOCUMENT);
        }
    }

    // ------------------------------------------------------------------------------------- unpacking

    /// @notice Somebody takes one or two children out, perhaps one twice.
    function unpackSome(uint8 which, uint8 actor, uint8 a, uint8 b, bool pair) external {
        bytes32 unit = packs[which % packs.length];
        ITypes.Child[] memory children = childrenOf[unit];
        uint64 by_ = actor % 4 != 0 ? uint64(model[unit].holder) : anyHandler(actor / 4);
        uint256[] memory out = pair ? two(a % children.length, b % children.length) : one(a % children.length);
        bool right = _movable(unit, by_);
        for (uint256 i; i < out.length; ++i) right = right && _isIn(children[out[i]].child, unit) && (i == 0 || out[0] != out[1]);
        bytes memory call = unpack(unit, by_, children, out);
        Subject memory before = unitSubject(unit);
        if (!attempt(call)) return;
        landed.push(call);
        expect(model[unit].state == HELD && model[unit].holder == by_, 7, "opened by another than its holder");
        _unpacked(unit, by_, children, out, before);
        expect(right, 9, "what had left was taken out");
    }

    function _unpacked(bytes32 unit, uint64 by_, ITypes.Child[] memory children, uint256[] memory out, Subject memory before) private {
        Thing storage from = model[unit];
        from.gone += uint32(out.length);
        bytes32 head = headAfter(before, UNPACK, by_, 0, unpackHash(ITypes.UnpackArgs(by_, children.pick(out), DOCUMENT)), DOCUMENT);
        follow(_subject(unit), UNPACK, by_, 0, unpackHash(ITypes.UnpackArgs(by_, children.pick(out), DOCUMENT)), DOCUMENT);
        for (uint256 i; i < out.length; ++i) {
            ITypes.Child memory c = children[out[i]];
            expect(++timesOut[unit][out[i]] == 1, 9, "a child left twice");
            if (model[c.child].state == NONE) {
                model[c.child] = Thing(by_, 0, HELD, from.market, c.count, 0, 0);
                if (c.kind == Trees.UNIT) _opensAsCase(c.child);
                _born(c.child);
            } else {
                (model[c.child].holder, model[c.child].state, model[c.child].parent) = (by_, HELD, 0);
            }
            bytes32 hash = vm.eip712HashStruct(Types.UNPACKED_FROM, abi.encode(unit, before.seq + 1, head, c.position));
            follow(_subject(c.child), UNPACKED_FROM, by_, 0, hash, DOCUMENT);
        }
    }

    /// @dev A case that got its slot is opened like any other unit.
    function _opensAsCase(bytes32 unit) private {
        for (uint256 i; i < 6; ++i) {
            if (unit != unitId(BRAND, keccak256(abi.encode("case", i)))) continue;
            ITypes.Child[] memory children = _caseOf(i);
            for (uint256 j; j < children.length; ++j) childrenOf[unit].push(children[j]);
            packs.push(unit);
        }
    }

    // -------------------------------------------------------------------------------------- handoffs

    function shipOne(uint8 which, uint8 actor, uint8 to) external {
        bytes32 unit = _thing(which);
        uint64 by_ = actor % 4 != 0 ? uint64(model[unit].holder) : anyHandler(actor / 4);
        bytes memory call = ship(unit, by_, anyHandler(to));
        if (!attempt(call)) return;
        landed.push(call);
        _shipped(unit, by_, anyHandler(to));
    }

    function receiveOne(uint8 which, uint8 actor, bool other) external {
        bytes32 unit = _thing(which);
        Thing memory t = model[unit];
        uint64 by_ = actor % 4 != 0 && t.addressee != 0 ? t.addressee : anyHandler(actor / 4);
        uint64 from = other ? anyHandler(actor) : t.holder;
        bytes memory call = receiveFrom(unit, by_, from);
        if (!attempt(call)) return;
        landed.push(call);
        expect(_moving(t) && t.addressee == by_, 7, "received by another than its addressee");
        expect(t.holder == from, 7, "received from another than its holder");
        (model[unit].holder, model[unit].addressee, model[unit].state) = (by_, 0, HELD);
        follow(_subject(unit), RECEIVE_FROM, by_, from, receiveHash(ITypes.From(by_, from, DOCUMENT)), DOCUMENT);
    }

    function _shipped(bytes32 unit, uint64 by_, uint64 to) private {
        Thing storage t = model[unit];
        expect(t.state == HELD || t.state == INSIDE, 6, "what was on its way was sent to another");
        expect(t.holder == by_, 7, "shipped by another than its holder");
        expect(t.state != INSIDE, 8, "what is inside moved alone");
        expect(t.count == 0 || t.gone < t.count, 8, "what is empty moved");
        expect(t.market == 0 || (partyNow(to).markets >> t.market) & 1 == 1, 11, "goods left their market");
        (t.state, t.addressee) = (IN_TRANSIT, to);
        follow(_subject(unit), SHIP, by_, to, shipHash(ITypes.To(by_, to, DOCUMENT)), DOCUMENT);
    }

    /// @notice The addressee refuses; the holder takes back or reports lost: whoever tries.
    function wayBack(uint8 which, uint8 actor, uint8 how, bool other) external {
        bytes32 unit = _thing(which);
        Thing memory t = model[unit];
        bool refusing = how % 3 == 0;
        uint64 by_ = actor % 4 == 0 ? anyHandler(actor / 4) : refusing ? t.addressee : t.holder;
        uint64 to = other ? anyHandler(how / 3) : refusing ? t.holder : t.addressee;
        if (by_ == 0) by_ = STORE;
        bytes memory call = refusing ? refuse(unit, by_, to) : how % 3 == 1 ? takeBack(unit, by_, to) : reportLost(unit, by_, to);
        if (!attempt(call)) return;
        landed.push(call);
        expect(_moving(t), 6, "back from no way");
        if (refusing) expect(t.addressee == by_ && t.holder == to, 7, "refused by another than its addressee");
        else expect(t.holder == by_ && t.addressee == to, 7, "taken back or lost by another than its holder");
        if (how % 3 == 2) expect(t.state == IN_TRANSIT, 6, "lost twice");
        if (how % 3 == 2) model[unit].state = LOST;
        else (model[unit].state, model[unit].addressee) = (HELD, 0);
        string memory argsType = refusing ? Types.REFUSE : how % 3 == 1 ? Types.TAKE_BACK : Types.REPORT_LOST;
        uint8 verb = refusing ? 40 : how % 3 == 1 ? 41 : 43;
        follow(_subject(unit), verb, by_, to, _hash(argsType, abi.encode(by_, to, DOCUMENT)), DOCUMENT);
    }

    /// @notice A unit goes back: to its lot's brand whatever its market, to others as by ship.
    function sendBack(uint8 which, uint8 to) external {
        bytes32 unit = _thing(which);
        Thing memory t = model[unit];
        uint64 addressee = to % 2 == 0 ? BRAND : anyHandler(to / 2);
        bytes memory call = returnTo(unit, t.holder, addressee);
        if (!attempt(call)) return;
        landed.push(call);
        expect(_movable(unit, t.holder), 8, "what could not move went back");
        expect(_mayHold(addressee, t.market) || (addressee == BRAND && unitNow(unit).lot != 0), 11, "goods went back out of their market");
        (model[unit].state, model[unit].addressee) = (IN_TRANSIT, addressee);
        follow(_subject(unit), 37, t.holder, addressee, _hash(Types.RETURN_TO, abi.encode(t.holder, addressee, DOCUMENT)), DOCUMENT);
    }

    /// @notice A brand draws an item, perhaps another's, perhaps one that has a slot.
    function draw(uint8 index, bool rival) external {
        uint32 at = index % COUNT;
        ITypes.DrawItemArgs memory args = ITypes.DrawItemArgs(rival ? RIVAL : BRAND, BATCH, 0, DOCUMENT);
        bytes memory call = drawItem(codeOf(at), args, codeProof(at));
        if (!attempt(call)) return;
        landed.push(call);
        bytes32 leaf = codeLeaf(at);
        expect(!rival, 5, "an item was drawn by another brand");
        expect(model[leaf].state == NONE, 9, "an item has been drawn that had a slot");
        if (model[leaf].state != NONE) return;
        model[leaf] = Thing(BRAND, 0, HELD, 0, 0, 0, 0);
        _born(leaf);
        follow(_subject(leaf), 45, args.actor, 0, _hash(Types.DRAW_ITEM, abi.encode(args)), DOCUMENT);
    }

    // ----------------------------------------------------------------------------------------- lists

    /// @notice A list is signed, some of it moves, and a relayer says of each unit what he likes.
    function listOfThree(uint8 which, uint8 to, uint8 moved, uint8 told, bool skip) external {
        bytes32[] memory units = new bytes32[](3);
        ITypes.To memory args = ITypes.To(model[_thing(which)].holder, anyHandler(to), DOCUMENT);
        uint256 found;
        for (uint256 i; found < 3 && i < things.length; ++i) {
            if (_mayShip(_thing(which + i), args.actor, args.to)) units[found++] = _thing(which + i);
        }
        if (found < 3) return;
        List memory list = listOf(units);
        list.skipStale = skip;
        ITypes.Auth memory signed = listAuth(list, args.actor, Types.list("Ship", Types.SHIP), shipHash(args));
        uint256 gone;
        for (uint256 i; i < 3; ++i) if (moved >> i & 1 == 1 && _move(units[i], args.actor)) gone |= 1 << i;
        _relay(list, args, signed, gone, told % 2 == 0 ? gone : told >> 1 & 7);
        if (_relay(list, args, signed, 7, 7)) breach(14, "a list landed twice");
    }

    /// @dev Relays the list with the positions of `told` called stale, by the heads that were signed.
    function _relay(List memory list, ITypes.To memory args, ITypes.Auth memory signed, uint256 moved, uint256 told) private returns (bool ok) {
        uint256 count;
        for (uint256 i; i < 3; ++i) count += told >> i & 1;
        list.stale = new ITypes.Stale[](count);
        count = 0;
        for (uint32 i; i < 3; ++i) if (told >> i & 1 == 1) list.stale[count++] = ITypes.Stale(i, list.heads[i]);
        ok = attempt(abi.encodeCall(ledger.shipList, (list.units, list.skipStale, args, list.stale, signed)));
        if (!ok) return false;
        expect(told != 7, 14, "a list landed with nothing to move");
        expect(moved == told, 14, "a fresh unit was skipped, or a moved one hidden");
        expect(told == 0 || list.skipStale, 14, "skipped what the signer did not");
        for (uint256 i; i < 3; ++i) if (told >> i & 1 == 0) _shipped(list.units[i], args.actor, args.to);
    }

    /// @dev There and back again: the unit is as before but for its history.
    function _move(bytes32 unit, uint64 by_) private returns (bool) {
        uint64 to = by_ == DISTRIBUTOR ? BRAND : DISTRIBUTOR;
        if (!_mayHold(to, model[unit].market) || !_mayHold(by_, model[unit].market)) return false;
        _handOver(unit, by_, to);
        _handOver(unit, to, by_);
        return true;
    }

    function _handOver(bytes32 unit, uint64 from, uint64 to) private {
        handOver(unit, from, to);
        follow(_subject(unit), SHIP, from, to, shipHash(ITypes.To(from, to, DOCUMENT)), DOCUMENT);
        follow(_subject(unit), RECEIVE_FROM, to, from, receiveHash(ITypes.From(to, from, DOCUMENT)), DOCUMENT);
    }

    // ---------------------------------------------------------------------------- signatures, relay

    /// @notice What landed once lands never again.
    function replay(uint16 which) external {
        if (attempt(landed[which % landed.length])) breach(13, "a message landed twice");
    }

    /// @notice A message that is changed, late, or from another key lands never.
    function forge(uint8 which, uint8 to, uint8 how, uint16 at, uint8 bit, uint32 late) external {
        bytes32 unit = _thing(which);
        uint64 by_ = uint64(model[unit].holder);
        if (!_movable(unit, by_) || anyHandler(to) == by_ || !_mayHold(anyHandler(to), model[unit].market)) return;
        bytes memory call = ship(unit, by_, anyHandler(to));
        if (how % 4 == 0) {
            uint256 place = between(at, 4, call.length - 1);
            call[place] ^= bytes1(uint8(1 << (bit % 8)));
            expect(!attempt(call), 13, "a changed message landed");
        } else if (how % 4 == 1) {
            vm.warp(block.timestamp + WEEK + 1 + late);
            expect(!attempt(call), 13, "a message landed after its deadline");
        } else if (how % 4 == 2) {
            land(cancel(by_));
            follow(partyId(by_), 7, by_, 0, vm.eip712HashStruct(Types.CANCEL, abi.encode(by_)), 0);
            expect(!attempt(call), 13, "a message landed that its key had cancelled");
        } else {
            uint256 chain = block.chainid;
            vm.chainId(chain + 1 + late);
            bool ok = attempt(call);
            vm.chainId(chain);
            expect(!ok, 13, "a message landed on another chain");
        }
    }

    /// @notice A shipment and a big unpacking, relayed with little gas: what lands is what would with plenty.
    function relay(uint8 which, uint8 to, uint32 gas_) external {
        bytes32 unit = _thing(which);
        (uint64 by_, uint64 addressee) = (model[unit].holder, anyHandler(to));
        bytes[] memory parts = new bytes[](2);
        (parts[0], parts[1]) = (ship(unit, by_, addressee), _unpackingOfMany());
        bool right = _mayShip(unit, by_, addressee);
        Vm.Log[] memory logs = _relayed(batchOf(parts), between(gas_, 60_000, 4_000_000));
        if (logs.length == 0) return;
        bool failed = logs[0].topics[0] == ITypes.PartFailed.selector;
        expect(failed != right, 15, "gas decided whether a shipment fails");
        expect(logs[logs.length - 1].topics[0] != ITypes.PartFailed.selector, 15, "gas decided whether an unpacking fails");
        if (!failed) _shipped(unit, by_, addressee);
    }

    /// @dev The part that needs the most gas for its length: each child gets a slot.
    function _unpackingOfMany() private returns (bytes memory) {
        bytes32 epc = keccak256(abi.encode("many", ++counter));
        ITypes.Child[] memory children = new ITypes.Child[](8);
        for (uint32 i; i < 8; ++i) children[i] = Trees.unit(i, named(BRAND, keccak256(abi.encode(epc, i))), "root", 2);
        land(pack(packArgs(BRAND, epc, children), new bytes32[][](0)));
        return unpack(unitId(BRAND, epc), BRAND, children, upTo(8));
    }

    /// @dev What a call with just this gas says; nothing if it does not land.
    function _relayed(bytes memory call, uint256 gas) private returns (Vm.Log[] memory logs) {
        vm.recordLogs();
        (bool ok,) = address(ledger).call{gas: gas}(call);
        logs = vm.getRecordedLogs();
        return ok ? logs : new Vm.Log[](0);
    }

    // ------------------------------------------------------------------------------------ what holds

    /// @notice Each unit's slot says what the model says.
    function checkCustody() external {
        for (uint256 i; i < things.length; ++i) {
            ITypes.Unit memory u = unitNow(things[i]);
            Thing memory t = model[things[i]];
            expect(u.holder == t.holder && u.addressee == t.addressee && u.state == t.state, 6, "another holder, addressee or state");
            expect(u.parent == t.parent, 6, "another parent");
            expect((u.state == IN_TRANSIT || u.state == LOST) == (u.addressee != 0), 6, "on its way to nobody, or held with an addressee");
            expect((u.state == INSIDE) == (u.parent != 0), 6, "inside nothing, or in two places");
        }
    }

    function checkInside() external {
        for (uint256 i; i < things.length; ++i) {
            ITypes.Unit memory u = unitNow(things[i]);
            if (u.state == INSIDE) expect(u.addressee == 0, 8, "what is inside is on its way");
            if (u.addressee != 0) expect(u.count == 0 || u.gone < u.count, 8, "what is empty is on its way");
        }
    }

    function checkGone() external {
        for (uint256 i; i < things.length; ++i) {
            ITypes.Unit memory u = unitNow(things[i]);
            if (u.count == 0) expect(u.gone == BATCH, 5, "another batch vouches for an item");
            else expect(u.gone <= u.count && u.gone == model[things[i]].gone, 9, "more left than was packed");
        }
    }

    function checkNesting() external {
        for (uint256 i; i < things.length; ++i) {
            bytes32 above = unitNow(things[i]).parent;
            for (uint256 depth; above != 0; ++depth) {
                if (above == things[i] || depth > things.length) {
                    breach(10, "a unit is inside itself");
                    return;
                }
                above = unitNow(above).parent;
            }
        }
    }

    function checkMarkets() external {
        for (uint256 i; i < things.length; ++i) {
            ITypes.Unit memory u = unitNow(things[i]);
            expect(u.market == model[things[i]].market, 11, "another market");
            if (u.state == INSIDE && u.market != 0) expect(unitNow(u.parent).market == u.market, 11, "a market was lost by packing");
        }
    }

    // ---------------------------------------------------------------------------------------- model

    function _moving(Thing memory t) internal pure returns (bool) {
        return t.state == IN_TRANSIT || t.state == LOST;
    }

    function _movable(bytes32 unit, uint64 by_) internal view returns (bool) {
        Thing storage t = model[unit];
        return t.state == HELD && t.holder == by_ && (t.count == 0 || t.gone < t.count);
    }

    function _mayHold(uint64 party, uint8 market) internal returns (bool) {
        return market == 0 || (partyNow(party).markets >> market) & 1 == 1;
    }

    function _mayShip(bytes32 unit, uint64 by_, uint64 to) internal returns (bool) {
        return _movable(unit, by_) && to != by_ && _mayHold(to, model[unit].market);
    }

    function _isIn(bytes32 child, bytes32 unit) internal view returns (bool) {
        return model[child].state == NONE || (model[child].state == INSIDE && model[child].parent == unit);
    }

    function _born(bytes32 unit) private {
        things.push(unit);
        watch("unit", unit, subjectOf("unit", unit, 0, 0));
    }

    function _thing(uint256 any) internal view returns (bytes32) {
        return things[any % things.length];
    }

    function _lot(uint8 market) internal view returns (uint32) {
        return market % 3 == 0 ? 0 : lotOf[market % 3 == 1 ? OTHER_MARKET : MARKET];
    }

    function _caseOf(uint256 number) internal pure returns (ITypes.Child[] memory children) {
        children = new ITypes.Child[](2);
        for (uint32 i; i < 2; ++i) children[i] = Trees.item(i, codeLeaf(uint32(COUNT - 12 + 2 * number + i)));
    }

    function _subject(bytes32 unit) internal pure returns (bytes32) {
        return keccak256(abi.encode("unit", unit));
    }

    function partyId(uint64 party) internal pure returns (bytes32) {
        return keccak256(abi.encode("party", bytes32(uint256(party))));
    }
}
