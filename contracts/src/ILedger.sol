// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

/// @title The Touchstone ledger
/// @notice This interface is the manual: every struct, event, error and verb with its rules.
///
/// Words. A *party* is a registered GLN (or an id the ledger assigned) with an account. A *batch* is
/// a set of codes under one Merkle root. A *unit* is what travels alone: mostly a pallet. A *lot* is
/// goods made together. A *subject* is anything with a history: each has `seq`, the number of its
/// events, and `head`, a hash chain over all of them.
///
/// Signing. Every verb is an EIP-712 message by the acting party over {subject, the subject's
/// current head, era, deadline, the verb's arguments}; anyone may relay it. The head is read from
/// storage, so a signature vouches for the whole history before it and can be used once.
///
///   Verb(bytes32 subject,bytes32 head,uint64 era,uint64 deadline,VerbArgs args)
///   VerbList(bytes32[] units,bytes32[] heads,bool skipStale,uint64 era,uint64 deadline,VerbArgs args)
///   Group(bytes32 subject,bytes32 head,uint64 era,uint64 deadline,bytes32[] parts)
///
/// History. head' = keccak(abi(head, seq, verb, actor, counterparty, argsHash, eventHash, signer,
/// keyMode, block.timestamp)), argsHash = hashStruct(VerbArgs). The event of each verb carries all
/// that is needed to recompute its head.
interface ILedger {
    // ------------------------------------------------------------------------------- signatures

    /// @param seq the subject's seq that the signer saw: a newer one is `StaleHead`
    /// @param era the signing key's era: an older one was cancelled
    /// @param deadline last second (unix) at which the message may be executed
    /// @param r,vs an EIP-2098 compact signature
    struct Auth {
        uint64 seq;
        uint64 era;
        uint64 deadline;
        bytes32 r;
        bytes32 vs;
    }

    /// @notice One signature of several: EIP-2098.
    struct Sig {
        bytes32 r;
        bytes32 vs;
    }

    /// @notice A registry verb's signatures, ascending by signer, at least `threshold` of them.
    struct Quorum {
        uint64 seq;
        uint64 era;
        uint64 deadline;
        Sig[] sigs;
    }

    /// @notice For a list: the unit at `position` had `head` when the list was signed, and moved since.
    struct Stale {
        uint32 position;
        bytes32 head;
    }

    // -------------------------------------------------------------------------------- arguments

    struct RegisterPartyArgs {
        uint64 party;
        address account;
        uint8 keyMode;
        uint16 roles;
        uint256 markets;
        uint64 prefix;
        uint8 prefixLength;
        bytes32 eventHash;
    }

    struct OpenEpochArgs {
        uint64 actor;
        uint8 epoch;
        bytes32 commitment;
        bytes32 eventHash;
    }

    struct CancelArgs {
        uint64 actor;
    }

    struct ReserveBatchArgs {
        uint64 actor;
        uint64 gtin;
        uint8 epoch;
        bytes32 eventHash;
    }

    struct CommissionArgs {
        uint64 actor;
        bytes32 root;
        bytes32 innerRoot;
        uint32 count;
        bytes32 eventHash;
    }

    /// @param from,to half-open range of indices
    /// @param activeFrom unix seconds from which the codes are active; 0 = not active
    struct ActivateArgs {
        uint64 actor;
        uint32 from;
        uint32 to;
        uint64 activeFrom;
        bytes32 eventHash;
    }

    /// @param from,to half-open range of indices; an empty range only opens the lot
    /// @param lot keccak(abi(uint64 gtin, string lot))
    /// @param expiry,bestBefore first second after the date in the market's time zone; 0 = none
    struct BindLotArgs {
        uint64 actor;
        uint32 from;
        uint32 to;
        bytes32 lot;
        uint64 expiry;
        uint64 bestBefore;
        uint8 market;
        bytes32 eventHash;
    }

    /// @notice A leaf of a children tree: leaf = keccak(keccak(abi(Child))).
    /// @param kind 1 = item (child = its code leaf, root and count 0), 2 = unit
    struct Child {
        uint8 kind;
        uint32 position;
        bytes32 child;
        bytes32 childrenRoot;
        uint32 count;
    }

    /// @param epcHash keccak(salt ‖ EPC); the unit's id is keccak(abi(uint64 actor, bytes32 epcHash))
    /// @param lot number of a lot, 0 = none or mixed
    /// @param slotted those children that have a slot of their own already
    struct PackArgs {
        uint64 actor;
        bytes32 epcHash;
        bytes32 childrenRoot;
        uint32 count;
        uint8 level;
        uint32 lot;
        Child[] slotted;
        bytes32 eventHash;
    }

    struct UnpackArgs {
        uint64 actor;
        Child[] children;
        bytes32 eventHash;
    }

    struct ShipArgs {
        uint64 actor;
        uint64 to;
        bytes32 eventHash;
    }

    struct ReceiveFromArgs {
        uint64 actor;
        uint64 from;
        bytes32 eventHash;
    }

    struct AnchorScanLogArgs {
        uint64 actor;
        uint64 size;
        bytes32 logRoot;
        bytes32 mapRoot;
    }

    // ---------------------------------------------------------------------------------- storage

    /// @param account the key that signs for the party
    /// @param era raised by `cancel`: signatures of an older era are void
    /// @param keyMode 1 own agent, 2 browser, 3 hosted by the operator
    /// @param status 1 active, 2 suspended
    /// @param markets bit m set: the party may hold goods of market m
    struct Party {
        address account;
        uint32 era;
        uint16 roles;
        uint8 keyMode;
        uint8 status;
        uint32 seq;
        bytes32 head;
        uint256 markets;
    }

    /// @param firstRun key of the first run plus one, 0 = none
    /// @param status 1 reserved, 2 commissioned
    struct Batch {
        uint64 gtin;
        uint64 brand;
        uint32 count;
        uint32 firstRun;
        uint32 seq;
        uint8 epoch;
        uint8 status;
        bytes32 head;
        bytes32 root;
        bytes32 innerRoot;
    }

    /// @notice A run of a batch's indices in one state, keyed by its first index; runs are disjoint.
    /// @param next key of the next run plus one, 0 = none
    /// @param to one past the last index; 0 = there is no run here
    /// @param lot number of the bound lot, 0 = none
    struct Run {
        uint32 next;
        uint32 to;
        uint64 activeFrom;
        uint32 lot;
        uint8 voided;
    }

    /// @param status 1 released, 2 recalled
    struct Lot {
        uint64 gtin;
        uint64 brand;
        uint40 expiry;
        uint40 bestBefore;
        uint32 seq;
        uint8 market;
        uint8 status;
        bytes32 head;
        bytes32 id;
    }

    /// @param holder the one party that has it, also while it is on its way
    /// @param addressee the one party it is on its way to, else 0
    /// @param count children packed, 0 for an item
    /// @param gone children that have left
    /// @param state 1 held, 2 in transit, 3 inside `parent`
    /// @param lot number of its lot, 0 = none or mixed
    /// @dev One slot says who has it, where it goes, and what may stop it. A party fits 48 bits: GLNs are
    /// below 10^13, and the ledger assigns the numbers from there one by one.
    struct Unit {
        uint48 holder;
        uint48 addressee;
        uint32 lot;
        uint32 seq;
        uint32 count;
        uint32 gone;
        uint8 state;
        uint8 market;
        uint8 level;
        bytes32 head;
        bytes32 childrenRoot;
        bytes32 parent;
    }

    struct Registry {
        uint64 nextParty;
        uint64 batches;
        uint32 lots;
        uint32 era;
        uint8 threshold;
        uint8 admins;
        uint32 seq;
        bytes32 head;
    }

    struct ScanLog {
        uint64 size;
        uint64 time;
        uint64 seq;
        bytes32 head;
        bytes32 logRoot;
        bytes32 mapRoot;
    }

    // ----------------------------------------------------------------------------------- events
    // Every event carries the arguments as they were signed. `by` says who signed, how that key is
    // held, and the event's own number: bits 0-159 signer, 160-167 keyMode, 168-231 seq.

    event PartyRegistered(uint64 indexed party, uint256 by, RegisterPartyArgs args, address[] signers);
    event EpochOpened(uint64 indexed actor, uint256 by, OpenEpochArgs args);
    event Cancelled(uint64 indexed actor, uint256 by, CancelArgs args);
    event BatchReserved(uint64 indexed batch, uint256 by, ReserveBatchArgs args);
    event Commissioned(uint64 indexed batch, uint256 by, CommissionArgs args);
    event Activated(uint64 indexed batch, uint256 by, ActivateArgs args);
    event LotBound(uint64 indexed batch, uint256 by, BindLotArgs args);
    event Packed(bytes32 indexed unit, uint256 by, PackArgs args);
    event Unpacked(bytes32 indexed unit, uint256 by, UnpackArgs args);
    event Shipped(bytes32 indexed unit, uint256 by, ShipArgs args);
    event Received(bytes32 indexed unit, uint256 by, ReceiveFromArgs args);
    event ScanLogAnchored(uint64 indexed actor, uint256 by, AnchorScanLogArgs args);

    /// @notice A child with a slot went into `parent`, whose seq became `parentSeq`.
    event PackedInto(bytes32 indexed unit, bytes32 indexed parent, uint256 by, uint64 parentSeq, uint64 actor, bytes32 eventHash);
    /// @notice A child left `parent`, whose seq and head became `parentSeq` and `parentHead`.
    event UnpackedFrom(bytes32 indexed unit, bytes32 indexed parent, uint256 by, uint64 parentSeq, bytes32 parentHead, uint32 position, uint64 actor, bytes32 eventHash);
    /// @notice A lot was named for the first time, and got a number.
    event LotOpened(uint32 indexed number, bytes32 indexed lot);
    /// @notice A unit of a list that had moved since the list was signed, and was passed over.
    event Skipped(bytes32 indexed unit, uint64 indexed actor, bytes32 signedHead);
    /// @notice A part of a batch failed with its own error (first 128 bytes); the other parts stand.
    event PartFailed(uint256 indexed part, bytes reason);

    // ----------------------------------------------------------------------------------- errors

    error BadSignature(); // not 65 bytes of r, s, v with low s, or recovers nobody
    error WrongSigner(uint64 actor, address signer); // signed by a key that is not the actor's
    error EraCancelled(uint64 signed, uint64 current);
    error DeadlinePassed(uint64 deadline, uint64 time);
    error StaleHead(bytes32 subject); // signed over a head that is no longer the newest
    error StaleNotProven(bytes32 unit); // called stale by the relayer, but the signed head is current
    error QuorumMissing(uint256 given, uint256 threshold);
    error SignersNotAscending();

    error UnknownParty(uint64 party);
    error PartyInactive(uint64 party);
    error PartyExists(uint64 party);
    error BadPartyId(uint64 party); // neither a GLN with a right check digit nor the next assigned id
    error BadKeyMode(uint8 keyMode);
    error ZeroAddress();
    error RoleMissing(uint64 party, uint16 role);
    error BadPrefix(uint64 prefix, uint8 length);
    error PrefixTaken(uint64 prefix, uint8 length);

    error BadEpoch(uint8 epoch); // not 0..31, or not opened
    error EpochExists(uint8 epoch);
    error BadGtin(uint64 gtin);
    error ForeignGtin(uint64 gtin, uint64 actor); // not under a prefix of the actor
    error BatchCounterSpent();
    error UnknownBatch(uint64 batch);
    error NotBrandOf(uint64 batch, uint64 actor);
    error AlreadyCommissioned(uint64 batch);
    error NotCommissioned(uint64 batch);
    error BadCount(uint256 count); // none, or more children than were packed
    error ZeroRoot();
    error BadRange(uint32 from, uint32 to);
    error BadPredecessor(uint32 hint); // the hint is not the last run that starts at or before `from`
    error RunsOverlap(uint32 from, uint32 to);
    error BadTime(uint64 time);
    error UnknownLot(uint32 lot);
    error LotDiffers(bytes32 lot); // exists with another expiry, best-before, market or brand
    error LotAlreadyBound(uint32 from, uint32 lot);

    error UnitExists(bytes32 unit);
    error UnknownUnit(bytes32 unit);
    error NotHolder(bytes32 unit, uint64 actor);
    error NotAddressee(bytes32 unit, uint64 actor);
    error NotFrom(bytes32 unit, uint64 from);
    error UnitInTransit(bytes32 unit);
    error UnitNotInTransit(bytes32 unit);
    error UnitInside(bytes32 unit); // moves only with its parent
    error UnitEmpty(bytes32 unit); // no children left: never moves again
    error ToSelf(uint64 party);
    error MarketRefused(uint64 party, uint8 market);
    error BadChild(bytes32 child); // no such leaf can be, or not as its slot says, or two markets in one unit
    error NotInTree(bytes32 child); // its leaf and proof do not lead to the children root
    error NotInside(bytes32 child, bytes32 unit); // has left already
    error EmptyList();
    error LengthMismatch();

    error LogShrank(uint64 size);
    error NotBatchable(bytes4 selector);
    error TooManyParts(uint256 parts);
    error GasFloor(uint256 part);
    error EmptyRevert(uint256 part);
    error BadPart(uint256 part);

    // ------------------------------------------------------------------------- registry, parties

    /// @notice Register a party. Signed by a quorum of the admins over the party's (empty) head.
    /// @dev The id is a GLN, or `registry.nextParty` for one without a GLN. A GTIN prefix (4 to 12
    /// leading digits after the indicator digit) may neither contain nor be contained in another's.
    function registerParty(RegisterPartyArgs calldata args, Quorum calldata quorum) external;

    /// @notice Bind a key epoch of a brand to this chain and contract, once. Subject: the party.
    function openEpoch(OpenEpochArgs calldata args, Auth calldata auth) external;

    /// @notice Void all that the party's key signed and nobody relayed. Touches no unit's head, so
    /// nobody can outrun a take-back with it. Subject: the party.
    function cancel(CancelArgs calldata args, Auth calldata auth) external;

    // ---------------------------------------------------------------------------- batches, lots

    /// @notice Draw the next batch number, before any serial of it exists. Subject: the party.
    function reserveBatch(ReserveBatchArgs calldata args, Auth calldata auth) external returns (uint64 batch);

    /// @notice Put a reserved batch's root on chain, once and for ever. Subject: the batch.
    function commission(uint64 batch, CommissionArgs calldata args, Auth calldata auth) external;

    /// @notice Set from when a range of codes is active. Subject: the batch.
    /// @param hint key plus one of the last run that starts at or before `from`, 0 = none; unsigned
    function activate(uint64 batch, ActivateArgs calldata args, uint32 hint, Auth calldata auth) external;

    /// @notice Bind a range of codes to a lot, opening the lot if it is new. Subject: the batch.
    function bindLot(uint64 batch, BindLotArgs calldata args, uint32 hint, Auth calldata auth) external;

    // ------------------------------------------------------------------------------------ units

    /// @notice Make a logistic unit of a children tree. Subject: the new unit. Children with a slot are
    /// frozen inside it, and what restricts them to a market restricts it.
    /// @param proofs one for each slotted child: from its leaf to the children root
    function pack(PackArgs calldata args, bytes32[][] calldata proofs, Auth calldata auth) external;

    /// @notice Take children out of a held unit; each gets a slot of its own. Subject: the unit.
    function unpack(bytes32 unit, UnpackArgs calldata args, bytes32[][] calldata proofs, Auth calldata auth) external;

    /// @notice Send a held unit on its way to one party. Subject: the unit.
    function ship(bytes32 unit, ShipArgs calldata args, Auth calldata auth) external;

    /// @notice Send several units under one signature: a despatch advice. Units that moved since are
    /// named in `stale` (ascending): skipped if the signer said so, else `StaleHead`.
    /// @dev `auth.seq` is not read: the heads say it. At least one unit must be fresh, so that a list
    /// lands once: whatever moved by it is stale for ever after.
    function shipList(bytes32[] calldata units, bool skipStale, ShipArgs calldata args, Stale[] calldata stale, Auth calldata auth) external;

    /// @notice Confirm receipt of a unit, by its addressee alone. Subject: the unit.
    function receiveFrom(bytes32 unit, ReceiveFromArgs calldata args, Auth calldata auth) external;

    /// @notice Confirm receipt of several units under one signature; see `shipList`.
    function receiveList(bytes32[] calldata units, bool skipStale, ReceiveFromArgs calldata args, Stale[] calldata stale, Auth calldata auth) external;

    // -------------------------------------------------------------------------------- log, relay

    /// @notice Anchor the operator's scan log: tree size and roots; the size never falls. Subject: the log.
    function anchorScanLog(AnchorScanLogArgs calldata args, Auth calldata auth) external;

    /// @notice Consecutive verbs of one actor on one unit under one signature, all or nothing.
    /// @param verbs verb numbers: pack (first only), unpack, ship, receiveFrom
    /// @param args abi-encoded arguments of each verb
    /// @param proofs for pack and unpack, one list a child; empty for the others
    function group(bytes32 unit, uint8[] calldata verbs, bytes[] calldata args, bytes32[][][] calldata proofs, Auth calldata auth) external;

    /// @notice Relay many verbs in one transaction, each failing alone with its own error.
    /// @dev Not nested. Before each part a gas floor that its length alone decides must be left, and a
    /// part that reverts without a word reverts the whole, so a mean relayer cannot make a part fail.
    function batch(bytes[] calldata parts) external;

    // ------------------------------------------------------------------------------------ views

    /// @notice The party that owns the longest registered prefix of a GTIN-14, 0 if none does.
    function brandOf(uint64 gtin) external view returns (uint64);

    /// @notice Raw storage words. Storage is the reading interface, since it is what proofs prove:
    /// the slots are those of the published layout (`touchstone-layout/1`).
    function extSloads(bytes32[] calldata slots) external view returns (bytes32[] memory words);
}
