// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {Act} from "./Act.sol";
import {ICustody} from "./ILedger.sol";
import {Messages} from "./Messages.sol";
import {Signed} from "./Signed.sol";
import {UnitWord, fresh, load, store} from "./UnitWord.sol";

/// @notice Who made a unit, what is in it, and who has it; see ICustody for the rules.
abstract contract Units is Signed, ICustody {
    using Messages for *;

    // ---------------------------------------------------------------------------------------- guards

    /// @dev Held by `actor`, not inside another unit, and live.
    function _needHeld(UnitWord u, bytes32 unit, uint256 actor) internal view {
        if (u.state() == 0) revert UnknownUnit(unit);
        if (u.holder() != actor) revert NotHolder(unit, uint64(actor));
        if (u.state() != HELD) {
            if (u.state() == INSIDE) revert UnitInside(unit);
            revert UnitInTransit(unit);
        }
        _needLive(u, unit);
    }

    /// @dev Not empty, and no item whose life has ended.
    function _needLive(UnitWord u, bytes32 unit) internal view {
        if (u.count() == 0) {
            if (items[unit].state >= SUPPLIED) revert ItemNotActive(unit);
        } else if (u.gone() >= u.count()) {
            revert UnitEmpty(unit);
        }
    }

    /// @dev No item that is blocked or was stolen: it goes nowhere but home.
    function _needFree(UnitWord u, bytes32 unit) internal view {
        if (u.count() == 0 && items[unit].state > ITEM_ACTIVE) revert ItemNotActive(unit);
    }

    /// @dev On its way, or lost on it.
    function _needMoving(UnitWord u, bytes32 unit) internal pure {
        if (u.state() == IN_TRANSIT) return;
        if (u.state() == 0) revert UnknownUnit(unit);
        if (u.state() != LOST) revert UnitNotInTransit(unit);
    }

    function _needAddressed(UnitWord u, bytes32 unit, uint256 addressee, uint64 from) internal pure {
        _needMoving(u, unit);
        if (u.addressee() != addressee) revert NotAddressee(unit, uint64(addressee));
        if (u.holder() != from) revert NotFrom(unit, from);
    }

    function _needShipped(UnitWord u, bytes32 unit, uint64 holder, uint64 to) internal pure {
        _needMoving(u, unit);
        if (u.holder() != holder) revert NotHolder(unit, holder);
        if (u.addressee() != to) revert NotAddressee(unit, to);
    }

    function _needAddressee(uint64 actor, uint64 to) internal view {
        if (to == actor) revert ToSelf(to);
        _needActive(to);
    }

    function _needMarket(uint64 party, uint8 market) internal view {
        if (market != 0 && (parties[party].markets >> market) & 1 == 0) revert MarketRefused(party, market);
    }

    function _needInTree(Child calldata c, bytes32[] calldata proof, bytes32 root, uint256 count) internal pure {
        bool item = c.kind == ITEM && c.childrenRoot == 0 && c.count == 0;
        bool unit = c.kind == UNIT && c.childrenRoot != 0 && c.count != 0;
        if (c.position >= count || !(item || unit)) revert BadChild(c.child);
        if (!MerkleProof.verifyCalldata(proof, root, c.leaf())) revert NotInTree(c.child);
    }

    function _unitId(uint64 creator, bytes32 epcHash) internal pure returns (bytes32 id) {
        assembly ("memory-safe") {
            mstore(0, creator)
            mstore(32, epcHash)
            id := keccak256(0, 64)
        }
    }

    /// @dev See ICustody, "Who made what". An item's batch vouches for it with its brand's signature.
    function _needMade(bytes32 id, bool item, uint64 creator, bytes32[] calldata origin) internal view {
        if (origin.length < (item ? 2 : 1)) revert NotMadeBy(id, creator);
        if (!item) {
            if (_unitId(creator, origin[0]) != id) revert NotMadeBy(id, creator);
            return;
        }
        Batch storage b = batches[uint64(uint256(origin[1]))];
        if (b.brand != creator) revert NotMadeBy(id, creator);
        if (origin[0].once() != id) revert NotMadeBy(id, creator);
        if (!MerkleProof.verifyCalldata(origin[2:], b.root, id)) revert NotInTree(id);
    }

    /// @dev Of a unit with a lot the lot's brand; of an item without one the brand whose batch vouched for it.
    function _isBrandOf(UnitWord u, uint64 party) internal view returns (bool) {
        if (u.lot() != 0) return lots[u.lot()].brand == party;
        return u.count() == 0 && batches[uint64(u.gone())].brand == party;
    }

    /// @dev Whether it is shown that a brand made a logistic unit of no lot; nothing shown is no.
    function _isMaker(UnitWord u, bytes32 unit, uint64 actor, bytes32[] calldata origin) internal view returns (bool) {
        if (u.lot() != 0 || u.count() == 0) return false;
        if (origin.length == 0) return false;
        _needRole(parties[actor], actor, BRAND);
        _needMade(unit, false, actor, origin);
        return true;
    }

    /// @dev Whether a brand shows the code of an item whose slot was made by another's batch: no batch but those
    /// of its GTIN's brand may hold its leaf, so that one's root was signed with a leaf that is not its own.
    function _isSquatted(UnitWord u, bytes32 unit, uint64 actor, bytes32[] calldata origin) internal view returns (bool) {
        if (u.count() != 0 || origin.length == 0) return false;
        if (batches[uint64(u.gone())].brand == actor) return false;
        _needCode(unit, actor, origin);
        return true;
    }

    /// @dev By the whole code: whoever learns its hash can put the leaf into a batch of another GTIN.
    function _needCode(bytes32 id, uint64 brand, bytes32[] calldata origin) internal view {
        if (origin.length < 4) revert NotMadeBy(id, brand);
        Batch storage b = batches[uint64(uint256(origin[3]))];
        if (b.brand != brand) revert NotMadeBy(id, brand);
        if (uint256(origin[0]) != b.gtin) revert NotMadeBy(id, brand);
        if (abi.encode(origin[0], origin[1], origin[2]).twice() != id) revert NotMadeBy(id, brand);
        if (!MerkleProof.verifyCalldata(origin[4:], b.root, id)) revert NotInTree(id);
    }

    /// @return market of a lot that `actor` may name
    /// @return foreign whether it is another's, and so only for children that all have it already
    function _needLot(uint32 number, uint64 actor) internal view returns (uint8 market, bool foreign) {
        if (number == 0) return (0, false);
        Lot storage l = lots[number];
        if (l.status == 0) revert UnknownLot(number);
        if (l.status == RECALLED) revert LotRecalled(number);
        return (l.market, l.brand != actor);
    }

    // ------------------------------------------------------------------------------------ signatures

    function _byUnit(uint8 verb, bytes32 typeHash, bytes32 unit, uint64 actor, bytes32 argsHash, Auth calldata auth)
        internal
        returns (Unit storage s, UnitWord u, Act act)
    {
        s = units[unit];
        u = load(s);
        act = _signed(verb, typeHash, _subject("unit", 4, unit), s.head, u.seq(), actor, argsHash, auth);
    }

    // ------------------------------------------------------------------------------- pack and unpack

    function _pack(bytes32 unit, PackArgs calldata args, bytes32[][] calldata proofs, Act act) internal {
        Unit storage s = units[unit];
        if (load(s).state() != 0) revert UnitExists(unit);
        if (args.count == 0) revert BadCount(args.count);
        if (args.slotted.length > args.count) revert BadCount(args.count);
        if (args.childrenRoot == 0) revert ZeroRoot();
        if (args.slotted.length != proofs.length) revert LengthMismatch();
        (uint8 market, bool foreign) = _needLot(args.lot, args.actor);
        if (foreign && args.slotted.length != args.count) revert ForeignLot(args.lot, args.actor);

        act.record(0, args.eventHash);
        bytes32 head = act.head();
        emit Packed(unit, act.by(), args);
        for (uint256 i; i < args.slotted.length; ++i) market = _packInto(unit, args, i, proofs[i], act, market, foreign);
        store(s, fresh(args.count, args.lot, market, args.level).moved(args.actor, 0, 1, HELD), head);
        s.childrenRoot = args.childrenRoot;
    }

    /// @dev A child with a slot is frozen while it is inside, so it must be shown to be in the tree.
    /// @return the parent's market: a restricted child restricts it, so packing is no way around a market
    function _packInto(bytes32 parent, PackArgs calldata args, uint256 i, bytes32[] calldata proof, Act act, uint8 market, bool foreign)
        internal
        returns (uint8)
    {
        Child calldata child = args.slotted[i];
        bytes32 id = child.child;
        _needInTree(child, proof, args.childrenRoot, args.count);
        Unit storage s = units[id];
        UnitWord u = load(s);
        _needHeld(u, id, act.actor());
        _needFree(u, id);
        if (u.count() != child.count) revert BadChild(id);
        if (s.childrenRoot != child.childrenRoot) revert BadChild(id);
        if (args.lot != 0 && u.lot() != args.lot) {
            if (foreign || u.lot() != 0) revert BadChild(id);
        }
        if (market == 0) market = u.market();
        else if (u.market() != 0 && u.market() != market) revert BadChild(id);

        act.on(s.head, u.seq(), Messages.PACKED_INTO, Messages.packedInto(parent, 1));
        act.record(0, args.eventHash);
        store(s, u.moved(args.actor, 0, act.seq(), INSIDE), act.head());
        s.parent = parent;
        emit PackedInto(id, parent, act.by(), 1, args.actor, args.eventHash);
        return market;
    }

    function _unpack(bytes32 unit, UnpackArgs calldata args, bytes32[][] calldata proofs, bytes32[][] calldata origins, Act act) internal {
        Unit storage s = units[unit];
        UnitWord u = load(s);
        _needHeld(u, unit, act.actor());
        if (args.children.length == 0) revert EmptyList();
        if (args.children.length != proofs.length) revert LengthMismatch();
        if (args.children.length + 1 != origins.length) revert LengthMismatch();
        uint256 gone = u.gone() + args.children.length;
        if (gone > u.count()) revert BadCount(gone); // a false tree may have more leaves than its packer counted
        uint64 creator = _creator(unit, origins[0]);

        act.record(0, args.eventHash);
        Parent memory parent = Parent(unit, u, s.childrenRoot, uint64(act.seq()), act.head(), creator);
        store(s, u.departed(gone).moved(args.actor, 0, act.seq(), HELD), act.head());
        emit Unpacked(unit, act.by(), args);
        for (uint256 i; i < args.children.length; ++i) _unpackFrom(parent, args, i, proofs[i], origins[i + 1], act);
    }

    function _creator(bytes32 unit, bytes32[] calldata origin) internal pure returns (uint64 creator) {
        if (origin.length != 2) revert LengthMismatch();
        creator = uint64(uint256(origin[0]));
        if (_unitId(creator, origin[1]) != unit) revert NotMadeBy(unit, creator);
    }

    /// @notice A unit as its children leave it: seq and head after its own event.
    struct Parent {
        bytes32 id;
        UnitWord word;
        bytes32 root;
        uint64 seq;
        bytes32 head;
        uint64 creator;
    }

    /// @dev Whatever leaves a unit gets a slot, so nothing leaves twice.
    function _unpackFrom(Parent memory parent, UnpackArgs calldata args, uint256 i, bytes32[] calldata proof, bytes32[] calldata origin, Act act)
        internal
    {
        Child calldata child = args.children[i];
        bytes32 id = child.child;
        _needInTree(child, proof, parent.root, parent.word.count());
        Unit storage s = units[id];
        UnitWord u = load(s);
        bytes32 head = s.head;
        if (u.state() == 0) {
            _needMade(id, child.kind == ITEM, parent.creator, origin);
            // A false tree may have leaves beside the slotted children that let another name the lot.
            uint32 lot = parent.word.lot();
            if (lot != 0 && lots[lot].brand != parent.creator) revert ForeignLot(lot, parent.creator);
            uint8 level = parent.word.level();
            u = fresh(child.count, lot, parent.word.market(), child.kind == UNIT && level != 0 ? level - 1 : 0);
            if (child.kind == UNIT) s.childrenRoot = child.childrenRoot;
            else u = u.departed(uint32(uint256(origin[1])));
            head = _head0(_subject("unit", 4, id));
        } else {
            if (u.state() != INSIDE) revert NotInside(id, parent.id);
            if (s.parent != parent.id) revert NotInside(id, parent.id);
            s.parent = 0;
        }

        act.on(head, u.seq(), Messages.UNPACKED_FROM, Messages.unpackedFrom(parent.id, parent.seq, parent.head, child.position));
        act.record(0, args.eventHash);
        store(s, u.moved(args.actor, 0, act.seq(), HELD), act.head());
        emit UnpackedFrom(id, parent.id, act.by(), parent.seq, parent.head, child.position, args.actor, args.eventHash);
    }

    // ------------------------------------------------------------------------------------- handoffs

    function _ship(bytes32 unit, Unit storage s, UnitWord u, uint64 to, To calldata args, Act act) internal {
        _needHeld(u, unit, act.actor());
        _needFree(u, unit);
        _needMarket(to, u.market());

        act.record(to, args.eventHash);
        store(s, u.moved(act.actor(), to, act.seq(), IN_TRANSIT), act.head());
        _log(Shipped.selector, uint256(unit), act, args.at(), 3);
    }

    function _receive(bytes32 unit, Unit storage s, UnitWord u, From calldata args, Act act) internal {
        uint64 from = args.from;
        _needAddressed(u, unit, act.actor(), from);
        _needLive(u, unit);

        act.record(from, args.eventHash);
        store(s, u.moved(act.actor(), 0, act.seq(), HELD), act.head());
        _log(Received.selector, uint256(unit), act, args.at(), 3);
    }
}
