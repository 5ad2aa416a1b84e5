// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {Act} from "./Act.sol";
import {Batches} from "./Batches.sol";
import {Messages} from "./Messages.sol";

/// @notice The ledger's other half: everything but custody. The ledger makes it once, calls it by delegatecall,
/// and nothing else can come in its place. See IRegistrar for the rules.
/// @dev Called past the ledger it finds its own storage, which is not `open`, so it refuses every verb.
contract Registrar is Batches {
    using Messages for *;

    uint256 internal constant UNDO_WITHIN = 10 days;

    function decommission(Code calldata code, ItemArgs calldata args, bytes32[] calldata proof, Auth calldata auth) external {
        bytes32 argsHash = Messages.hashStruct(Messages.T_DECOMMISSION, Messages.ARGS_OF_CODE, 4);
        (bytes32 id, Item storage item, Act act) = _byItem(Messages.DECOMMISSION, Messages.DECOMMISSION_MSG, code, args, argsHash, auth);
        if (args.state < SUPPLIED) revert BadItemState(args.state);
        if (args.state > DESTROYED) revert BadItemState(args.state);

        _setItem(id, item, code, args, proof, act);
        _log(Decommissioned.selector, uint256(id), act, Messages.ARGS_OF_CODE, 4);
    }

    function setItemState(Code calldata code, ItemArgs calldata args, bytes32[] calldata proof, Auth calldata auth) external {
        bytes32 argsHash = Messages.hashStruct(Messages.T_SET_ITEM_STATE, Messages.ARGS_OF_CODE, 4);
        (bytes32 id, Item storage item, Act act) = _byItem(Messages.SET_ITEM_STATE, Messages.SET_ITEM_STATE_MSG, code, args, argsHash, auth);
        if (args.state == 0) revert BadItemState(args.state);
        if (args.state > STOLEN) revert BadItemState(args.state);

        if (args.state == ITEM_ACTIVE) _undo(id, item, args, act);
        else _setItem(id, item, code, args, proof, act);
        _log(ItemStateSet.selector, uint256(id), act, Messages.ARGS_OF_CODE, 4);
    }

    function claimInner(ClaimInnerArgs calldata args, bytes32[] calldata proof, Auth calldata auth) external {
        bytes32 leaf = abi.encode(args.index, args.innerCode, args.salt).twice();
        Claim storage claim = claims[args.batch][args.index];
        if (claim.seq != 0) revert AlreadyClaimed(args.batch, args.index);
        bytes32 argsHash = Messages.hashStruct(Messages.T_CLAIM_INNER, Messages.ARGS, 6);
        uint256 id = (uint256(args.batch) << 32) | args.index;
        Act act = _signed(Messages.CLAIM_INNER, Messages.CLAIM_INNER_MSG, _subject("claim", 5, bytes32(id)), 0, 0, args.actor, argsHash, auth);
        Batch storage b = batches[args.batch];
        if (b.status == 0) revert UnknownBatch(args.batch);
        if (b.brand != args.actor) _needRole(parties[args.actor], args.actor, OPERATOR);
        if (args.index >= b.count) revert IndexTooLarge(args.index, b.count);
        if (!MerkleProof.verifyCalldata(proof, b.innerRoot, leaf)) revert NotInTree(leaf);

        act.record(0, args.eventHash);
        (claim.by, claim.time, claim.seq, claim.head) = (args.actor, uint64(block.timestamp), uint32(act.seq()), act.head());
        _log(InnerClaimed.selector, id, act, Messages.ARGS, 6);
    }

    // ---------------------------------------------------------------------------------------- items

    function _byItem(uint8 verb, bytes32 typeHash, Code calldata code, ItemArgs calldata args, bytes32 argsHash, Auth calldata auth)
        internal
        returns (bytes32 id, Item storage item, Act act)
    {
        id = abi.encode(code.gtin, code.index, code.serial).twice();
        item = items[id];
        act = _signed(verb, typeHash, _subject("item", 4, id), item.head, item.seq, args.actor, argsHash, auth);
    }

    function _setItem(bytes32 id, Item storage item, Code calldata code, ItemArgs calldata args, bytes32[] calldata proof, Act act) internal {
        Batch storage b = batches[args.batch];
        if (b.status == 0) revert UnknownBatch(args.batch);
        if (code.gtin != b.gtin) revert BadGtin(code.gtin);
        if (code.index >= b.count) revert IndexTooLarge(code.index, b.count);
        if (item.seq == 0) {
            if (!MerkleProof.verifyCalldata(proof, b.root, id)) revert NotInTree(id);
            item.batch = args.batch;
        } else if (item.batch != args.batch) {
            revert NotInTree(id);
        }
        _needSay(id, b, args);
        if (item.state > ITEM_ACTIVE && !_takesOver(item, args)) revert ItemNotActive(id);
        _recordItem(item, args, act);
    }

    /// @dev A block whose setter is gone would stay for ever.
    function _takesOver(Item storage item, ItemArgs calldata args) internal view returns (bool) {
        if (item.state != BLOCKED || args.state != BLOCKED) return false;
        return item.by != args.actor && parties[args.actor].roles & REGULATOR != 0;
    }

    /// @dev Who may say it of an item: the brand all, others by their role; of one that travels alone its holder.
    function _needSay(bytes32 id, Batch storage b, ItemArgs calldata args) internal view {
        if (args.actor == b.brand) return;
        Party storage p = parties[args.actor];
        _needRole(p, args.actor, _rolesFor(args.state));
        if (units[id].state == 0) return;
        if (p.roles & (INSPECTOR | REGULATOR) != 0) return;
        if (units[id].state == INSIDE) revert UnitInside(id); // whose unit it is in by now, its slot does not say
        if (units[id].holder != args.actor) revert NotHolder(id, args.actor);
    }

    function _rolesFor(uint8 state) internal pure returns (uint16) {
        if (state == BLOCKED) return INSPECTOR | REGULATOR;
        if (state == STOLEN) return STORE | DISTRIBUTOR | CARRIER;
        if (state == SUPPLIED) return STORE;
        if (state == EXPORTED) return DISTRIBUTOR;
        if (state == SAMPLE) return INSPECTOR | REGULATOR;
        return STORE | DISTRIBUTOR;
    }

    function _undo(bytes32 id, Item storage item, ItemArgs calldata args, Act act) internal {
        if (item.state <= ITEM_ACTIVE) revert BadItemState(args.state);
        if (item.batch != args.batch) revert NotInTree(id);
        if (item.state == STOLEN) revert ItemFinal(id, STOLEN);
        if (item.state == DESTROYED) revert ItemFinal(id, DESTROYED);
        if (item.by != args.actor) revert NotSetter(id, args.actor);
        bool late = block.timestamp > item.since + UNDO_WITHIN;
        if (late && item.state != BLOCKED) revert UndoTooLate(id, item.since);
        _recordItem(item, args, act);
    }

    function _recordItem(Item storage item, ItemArgs calldata args, Act act) internal {
        act.record(0, args.eventHash);
        (item.by, item.since, item.state) = (args.actor, uint40(block.timestamp), args.state);
        (item.seq, item.head) = (uint32(act.seq()), act.head());
    }
}
