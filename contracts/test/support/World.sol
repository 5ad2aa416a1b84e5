// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ILedger, ITypes} from "../../src/ILedger.sol";
import {Peek} from "./Peek.sol";
import {Trees} from "./Trees.sol";
import {Verbs} from "./Verbs.sol";

/// @notice The world most tests begin in: parties, an epoch and a batch of each brand.
/// @dev The contract is the committed artifact, or the one that LEDGER_ARTIFACT names. MUTANT chooses
/// the mutant in an artifact that holds some (mutate.py): it is read from the block's coinbase.
abstract contract World is Verbs {
    bool public constant IS_TEST = true;

    uint64 internal constant BRAND = 4006381333931; // GLNs
    uint64 internal constant RIVAL = 9501101530003;
    uint64 internal constant DISTRIBUTOR = 10 ** 13; // numbers that the ledger assigned
    uint64 internal constant STORE = 10 ** 13 + 1;
    uint64 internal constant OPERATOR = 10 ** 13 + 2;
    uint64 internal constant STRANGER = 10 ** 13 + 99; // registered nowhere
    uint64 internal constant GTIN = 4006381333931;
    uint64 internal constant RIVAL_GTIN = 9501101530003;
    uint64 internal constant BATCH = 1; // the brand's; 2 is the rival's
    uint32 internal constant COUNT = 64;
    uint8 internal constant MARKET = 7; // the distributor may hold its goods, the store not
    uint8 internal constant OTHER_MARKET = 8;

    ITypes.Link internal predecessor; // the one that the next ledger goes on from
    bytes32[] internal codeNodes; // the tree over the brand's codes
    bytes32[] internal innerNodes; // and over its inner codes
    mapping(bytes32 leaf => uint32 indexPlusOne) internal indexOf;
    mapping(bytes32 unit => bytes32[2]) internal made; // creator and epcHash
    mapping(bytes32 tag => uint32 firstPlusOne) internal itemsOf;
    uint32 internal itemsTaken;

    function setUp() public virtual {
        vm.warp(1_700_000_000);
        vm.coinbase(address(uint160(vm.envOr("MUTANT", uint256(0)))));
        (ledger, peek) = (ILedger(deploy(adminKeys(), THRESHOLD)), new Peek());
        codeNodes = Trees.nodes(codeLeaves());
        innerNodes = Trees.nodes(innerLeaves());
        uint256 both = (1 << MARKET) | (1 << OTHER_MARKET);
        land(registerParty(partyArgs(BRAND, 1, 1, 0, 4006381, 7)));
        land(registerParty(partyArgs(RIVAL, 1, 1, 0, 950110153, 9)));
        land(registerParty(partyArgs(DISTRIBUTOR, 2, 3, both, 0, 0)));
        land(registerParty(partyArgs(STORE, 4, 2, 0, 0, 0)));
        land(registerParty(partyArgs(OPERATOR, 64, 1, 0, 0, 0)));
        for (uint64 i = 1; i <= 2; ++i) {
            uint64 brand = i == 1 ? BRAND : RIVAL;
            land(openEpoch(ITypes.OpenEpochArgs(brand, 0, keccak256("epoch"), DOCUMENT)));
            land(reserveBatch(ITypes.ReserveBatchArgs(brand, i == 1 ? GTIN : RIVAL_GTIN, 0, DOCUMENT)));
            land(commission(i, commissionArgs(brand)));
        }
    }

    /// @notice Create the contract; the keys are the admins', ascending by address.
    function deploy(uint256[] memory admins, uint8 threshold) internal returns (address created) {
        address[] memory addresses = new address[](admins.length);
        for (uint256 i; i < admins.length; ++i) addresses[i] = addressOf(admins[i]);
        bytes memory creation = bytes.concat(bytecode(), abi.encode(addresses, threshold, predecessor));
        assembly ("memory-safe") {
            created := create(0, add(creation, 32), mload(creation))
            if iszero(created) {
                returndatacopy(0, 0, returndatasize())
                revert(0, returndatasize())
            }
        }
    }

    function bytecode() internal view returns (bytes memory) {
        string memory path = vm.envOr("LEDGER_ARTIFACT", "../ledger/chain/artifacts/Ledger.json");
        return vm.parseJsonBytes(vm.readFile(path), ".bytecode");
    }

    // ----------------------------------------------------------------- arguments, right unless changed

    function partyArgs(uint64 party, uint16 roles, uint8 keyMode, uint256 markets, uint64 prefix, uint8 length) internal returns (ITypes.RegisterPartyArgs memory) {
        return ITypes.RegisterPartyArgs(party, addressOf(keyOf(party)), keyMode, roles, markets, prefix, length, DOCUMENT);
    }

    function commissionArgs(uint64 brand) internal view returns (ITypes.CommissionArgs memory) {
        return ITypes.CommissionArgs(brand, codeNodes[0], innerNodes[0], COUNT, DOCUMENT);
    }

    function lotArgs(uint32 from, uint32 to, bytes32 lot, uint8 market) internal pure returns (ITypes.BindLotArgs memory) {
        return ITypes.BindLotArgs(BRAND, from, to, lot, 1_900_000_000, 0, market, DOCUMENT);
    }

    // ---------------------------------------------------------------------------------------- codes

    function code(uint32 index) internal pure returns (ITypes.Code memory) {
        return ITypes.Code(GTIN, index, keccak256(abi.encode("serial", index)));
    }

    /// @notice What the leaf of the brand's code `index` is the hash of.
    function codeOf(uint32 index) internal pure returns (bytes32) {
        return keccak256(abi.encode(code(index)));
    }

    function codeLeaf(uint32 index) internal pure returns (bytes32) {
        return keccak256(abi.encode(codeOf(index)));
    }

    function codeLeaves() internal returns (bytes32[] memory leaves) {
        leaves = new bytes32[](COUNT);
        for (uint32 i; i < COUNT; ++i) {
            leaves[i] = codeLeaf(i);
            indexOf[leaves[i]] = i + 1;
        }
    }

    function codeProof(uint32 index) internal view returns (bytes32[] memory) {
        return Trees.proof(codeNodes, index);
    }

    function innerCode(uint32 index) internal pure returns (bytes32) {
        return keccak256(abi.encode("inner", index));
    }

    function salt(uint32 index) internal pure returns (bytes32) {
        return keccak256(abi.encode("salt", index));
    }

    function innerLeaves() internal pure returns (bytes32[] memory leaves) {
        leaves = new bytes32[](COUNT);
        for (uint32 i; i < COUNT; ++i) leaves[i] = keccak256(abi.encode(keccak256(abi.encode(i, innerCode(i), salt(i)))));
    }

    function innerProof(uint32 index) internal view returns (bytes32[] memory) {
        return Trees.proof(innerNodes, index);
    }

    /// @notice `count` codes of the brand's batch that no other `tag` has, as the children of a unit.
    function items(uint256 count, bytes32 tag) internal returns (ITypes.Child[] memory children) {
        if (itemsOf[tag] == 0) {
            itemsOf[tag] = itemsTaken + 1;
            itemsTaken += uint32(count);
            vm.assertTrue(itemsTaken <= COUNT, "the test needs more codes than there are");
        }
        children = new ITypes.Child[](count);
        for (uint32 i; i < count; ++i) children[i] = Trees.item(i, codeLeaf(itemsOf[tag] - 1 + i));
    }

    // ---------------------------------------------------------------------------------------- goods

    /// @notice A unit's id, remembered by who made it.
    function named(uint64 creator, bytes32 epcHash) internal returns (bytes32 unit) {
        unit = unitId(creator, epcHash);
        made[unit] = [bytes32(uint256(creator)), epcHash];
    }

    function packArgs(uint64 actor, bytes32 epcHash, ITypes.Child[] memory children) internal override returns (ITypes.PackArgs memory) {
        named(actor, epcHash);
        return super.packArgs(actor, epcHash, children);
    }

    function originsOf(bytes32 unit, ITypes.Child[] memory children) internal override returns (bytes32[][] memory origins) {
        origins = new bytes32[][](children.length + 1);
        origins[0] = new bytes32[](2);
        (origins[0][0], origins[0][1]) = (made[unit][0], made[unit][1]);
        for (uint256 i; i < children.length; ++i) {
            if (unitNow(children[i].child).state == 0) origins[i + 1] = originOf(children[i].child);
        }
    }

    /// @notice What shows who made a unit or an item.
    function originOf(bytes32 id) internal view returns (bytes32[] memory origin) {
        if (indexOf[id] == 0) {
            origin = new bytes32[](1);
            origin[0] = made[id][1];
            return origin;
        }
        bytes32[] memory proof = codeProof(indexOf[id] - 1);
        origin = new bytes32[](proof.length + 2);
        (origin[0], origin[1]) = (codeOf(indexOf[id] - 1), bytes32(uint256(BATCH)));
        for (uint256 i; i < proof.length; ++i) origin[i + 2] = proof[i];
    }

    /// @notice What shows a brand's right to a unit, or with its whole code to an item.
    function brandsOf(bytes32 id) internal view returns (bytes32[] memory origin) {
        if (indexOf[id] == 0) return originOf(id);
        ITypes.Code memory c = code(indexOf[id] - 1);
        bytes32[] memory proof = codeProof(indexOf[id] - 1);
        origin = new bytes32[](proof.length + 4);
        (origin[0], origin[1], origin[2], origin[3]) = (bytes32(uint256(c.gtin)), bytes32(uint256(c.index)), c.serial, bytes32(uint256(BATCH)));
        for (uint256 i; i < proof.length; ++i) origin[i + 4] = proof[i];
    }

    /// @notice A batch of the rival's whose only code is the brand's item, and what would show that with its code.
    function claimedByRival(bytes32 item) internal returns (bytes32[] memory origin) {
        land(reserveBatch(ITypes.ReserveBatchArgs(RIVAL, RIVAL_GTIN, 0, DOCUMENT)));
        uint64 batch = registryNow().batches;
        land(commission(batch, ITypes.CommissionArgs(RIVAL, item, 0, 1, DOCUMENT)));
        bytes32[] memory whole = brandsOf(item);
        origin = new bytes32[](4);
        (origin[0], origin[1], origin[2], origin[3]) = (whole[0], whole[1], whole[2], bytes32(uint256(batch)));
    }

    /// @notice A held unit of `count` items.
    function packed(uint64 actor, bytes32 epcHash, uint256 count) internal returns (bytes32) {
        land(pack(packArgs(actor, epcHash, items(count, epcHash)), new bytes32[][](0)));
        return unitId(actor, epcHash);
    }

    /// @notice A held unit of `count` items that only a party that may hold `market` may get.
    function packedFor(uint64 actor, bytes32 epcHash, uint256 count, uint8 market) internal returns (bytes32) {
        ITypes.PackArgs memory args = packArgs(actor, epcHash, items(count, epcHash));
        land(bindLot(BATCH, lotArgs(0, 0, keccak256(abi.encode("lot", market)), market), 0));
        args.lot = registryNow().lots;
        land(pack(args, new bytes32[][](0)));
        return unitId(actor, epcHash);
    }

    /// @notice Take the brand's role from it.
    function noBrandAnyMore() internal {
        land(updateParty(ITypes.UpdatePartyArgs(BRAND, 4, 0, 0, 0, DOCUMENT)));
    }

    /// @notice An item of the brand's whose slot the rival made, by a batch of its own that has its leaf.
    function squatted(uint32 index, uint32 lot) internal returns (bytes32 item) {
        item = codeLeaf(index);
        uint64 batch = uint64(uint256(claimedByRival(item)[3]));
        land(drawItem(codeOf(index), ITypes.DrawItemArgs(RIVAL, batch, lot, DOCUMENT), new bytes32[](0)));
    }

    /// @notice What an existing unit looks like in its parent's tree.
    function asChild(uint32 position, bytes32 unit) internal returns (ITypes.Child memory) {
        ITypes.Unit memory u = unitNow(unit);
        return u.count == 0 ? Trees.item(position, unit) : Trees.unit(position, unit, u.childrenRoot, u.count);
    }

    /// @notice Arguments and proofs of packing a unit that has a slot, first among `count` children.
    function around(uint64 actor, bytes32 epcHash, bytes32 child, uint256 count) internal returns (ITypes.PackArgs memory args, bytes32[][] memory proofs) {
        ITypes.Child[] memory children = items(count, epcHash);
        children[0] = asChild(0, child);
        args = packArgs(actor, epcHash, children);
        args.level = 2;
        args.slotted = Trees.pick(children, one(0));
        proofs = Trees.proofs(children, one(0));
    }

    /// @notice A unit frozen inside a parent, beside `siblings` items.
    function packedInside(uint64 actor, bytes32 epcHash, uint256 siblings) internal returns (bytes32 child, bytes32 parent) {
        child = packed(actor, epcHash, 2);
        bytes32 parentEpc = keccak256(abi.encode("parent of", epcHash));
        (ITypes.PackArgs memory args, bytes32[][] memory proofs) = around(actor, parentEpc, child, siblings + 1);
        land(pack(args, proofs));
        parent = unitId(actor, parentEpc);
    }

    /// @notice Take everything out of a unit that `packed` made.
    function emptied(bytes32 unit, uint64 holder, bytes32 epcHash, uint256 count) internal {
        land(unpack(unit, holder, items(count, epcHash), upTo(count)));
    }

    /// @notice An item with a slot of its own.
    function drawn(uint32 index) internal returns (bytes32) {
        land(drawItem(codeOf(index), ITypes.DrawItemArgs(BRAND, BATCH, 0, DOCUMENT), codeProof(index)));
        return codeLeaf(index);
    }

    function handOver(bytes32 unit, uint64 from, uint64 to) internal {
        land(ship(unit, from, to));
        land(receiveFrom(unit, to, from));
    }

    // --------------------------------------------------------------------------------------- fuzzing

    /// @notice A number with its GS1 check digit behind it.
    function withCheckDigit(uint64 body) internal pure returns (uint64) {
        uint64 sum;
        uint64 weight = 3;
        for (uint64 rest = body; rest != 0; rest /= 10) (sum, weight) = (sum + rest % 10 * weight, 4 - weight);
        return body * 10 + (10 - sum % 10) % 10;
    }

    /// @notice A number from `low` to `high`, both inclusive, that any number leads to.
    function between(uint256 any, uint256 low, uint256 high) internal pure returns (uint256) {
        return low + (high - low == type(uint256).max ? any : any % (high - low + 1));
    }

    /// @notice One of the three who handle goods.
    function anyHandler(uint256 any) internal pure returns (uint64) {
        return any % 3 == 0 ? BRAND : any % 3 == 1 ? DISTRIBUTOR : STORE;
    }

    /// @notice A dynamic struct as it stands after one static word: its offset is one word further on.
    function _dynamic(bytes memory encoded) internal pure returns (bytes memory) {
        assembly ("memory-safe") {
            mstore(add(encoded, 32), 64)
        }
        return encoded;
    }

    function two(uint256 a, uint256 b) internal pure returns (uint256[] memory list) {
        list = new uint256[](2);
        (list[0], list[1]) = (a, b);
    }

    function upTo(uint256 count) internal pure returns (uint256[] memory list) {
        list = new uint256[](count);
        for (uint256 i; i < count; ++i) list[i] = i;
    }

    function one(uint256 a) internal pure returns (uint256[] memory list) {
        list = new uint256[](1);
        list[0] = a;
    }
}
