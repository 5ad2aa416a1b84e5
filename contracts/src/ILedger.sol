// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

/// @title The Touchstone ledger
/// @notice This file is the manual: every struct, event, error and verb with its rules. Everybody outside
/// sees one contract at one address, `ILedger`; its code is in two, since one may have no more than 24,576
/// bytes: `Ledger` (custody) hands what it does not know to the `Registrar` that it made itself.
///
/// Words. A *party* is a registered GLN (or an id the ledger assigned) with an account. A *batch* is
/// a set of codes under one Merkle root. A *unit* is what travels alone: mostly a pallet. A *lot* is
/// goods made together. An *item* is one code. A *subject* is anything with a history: each has `seq`, the
/// number of its events, and `head`, a hash chain over all of them.
///
/// Signing. Every verb is an EIP-712 message by the acting party over {subject, the subject's
/// current head, era, deadline, the verb's arguments}; anyone may relay it. The head is read from
/// storage, so a signature vouches for the whole history before it and can be used once.
///
///   Verb(bytes32 subject,bytes32 head,uint64 era,uint64 deadline,VerbArgs args)
///   VerbList(bytes32[] units,bytes32[] heads,bool skipStale,uint64 era,uint64 deadline,VerbArgs args)
///   Group(bytes32 subject,bytes32 head,uint64 era,uint64 deadline,bytes32[] parts)
///
/// Two kinds of message are over another head, so that nobody outruns them by moving the subject first.
/// cancel and delegate: head 0, since what they change counts up (the key's era, the device's era).
/// What a quorum decides on a party: the party's head as the last such decision left it (`ruled`).
///
/// Devices. A party may name keys that sign some of its verbs, for some time and a number of times
/// (`delegate`). Its messages are of era 2^32 + the device's own, so that none is ever one of an account. Such a
/// signature is recorded with the device as signer and DEVICE (16) added to the key mode.
///
/// History. head' = keccak(abi(head, seq, verb, actor, counterparty, argsHash, eventHash, signer,
/// keyMode, block.timestamp)), argsHash = hashStruct(VerbArgs). The event of each verb carries all
/// that is needed to recompute its head.
interface ITypes {
    // ------------------------------------------------------------------------------- signatures

    /// @param terms seq · 2^128 + era · 2^64 + deadline: the subject's seq that the signer saw (a newer one is
    /// `StaleHead`; not read where no head is signed), the signing key's era (an older one was cancelled), and
    /// the last second (unix) at which the message may be executed
    /// @param r,vs an EIP-2098 compact signature
    struct Auth {
        uint192 terms;
        bytes32 r;
        bytes32 vs;
    }

    /// @notice One signature of several: EIP-2098.
    struct Sig {
        bytes32 r;
        bytes32 vs;
    }

    /// @notice A registry verb's signatures, ascending by signer, at least `threshold` of them.
    /// @param seq the registry's seq, or for a party its `ruledSeq`, that the signers saw
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
    // Hashed as {Verb}Args; the verbs of one shape share a struct here.

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

    /// @param prefix,prefixLength one more GTIN prefix; length 0 = none
    struct UpdatePartyArgs {
        uint64 party;
        uint16 roles;
        uint256 markets;
        uint64 prefix;
        uint8 prefixLength;
        bytes32 eventHash;
    }

    /// @param status 1 active again, 2 suspended
    struct SuspendPartyArgs {
        uint64 party;
        uint8 status;
        bytes32 eventHash;
    }

    struct RotateAccountArgs {
        uint64 party;
        address account;
        uint8 keyMode;
        bytes32 eventHash;
    }

    /// @param key the device's address
    /// @param keyMode how the device's key is held
    /// @param verbs bit n set: the device may sign verb number n; 16 and above
    /// @param expiry last second (unix) at which it may sign; 0 cuts it off at once
    /// @param limit how many verbs it may sign; each unit of a list and each part of a group is one
    /// @param deviceEra the device's era as it is now, or a later one; what was signed for it or an older one is void
    /// after this. The end of a device names the next one, so that no delegation for its present era makes it stale;
    /// one for a later era does, and for 2^32 - 2 it is the key's last: who signs a delegation looks at this number
    struct DelegateArgs {
        uint64 actor;
        address key;
        uint8 keyMode;
        uint128 verbs;
        uint64 expiry;
        uint32 limit;
        uint32 deviceEra;
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

    /// @param admins the whole new set, ascending
    struct SetAdminsArgs {
        address[] admins;
        uint8 threshold;
        bytes32 eventHash;
    }

    /// @param chainId,successor where the ledger goes on
    struct SealLedgerArgs {
        uint256 chainId;
        address successor;
        bytes32 eventHash;
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

    /// @param from,to half-open range of indices
    struct VoidArgs {
        uint64 actor;
        uint32 from;
        uint32 to;
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

    /// @param state 1 released, 2 recalled
    struct SetLotStateArgs {
        uint64 actor;
        uint8 state;
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

    /// @notice ShipArgs, ReturnToArgs, TakeBackArgs, ReportLostArgs.
    /// @param to whom the unit goes to, or was on its way to
    struct To {
        uint64 actor;
        uint64 to;
        bytes32 eventHash;
    }

    /// @notice ReceiveFromArgs, RefuseArgs, WithdrawArgs.
    /// @param from who has had the unit so far
    struct From {
        uint64 actor;
        uint64 from;
        bytes32 eventHash;
    }

    /// @notice What came instead of what was sent: `good` + `damaged` + `short` is what should be inside.
    /// @param over of the right goods, but more than were sent
    /// @param wrong other goods, that nobody sent
    struct ReportExceptionArgs {
        uint64 actor;
        uint64 from;
        uint32 good;
        uint32 damaged;
        uint32 short;
        uint32 over;
        uint32 wrong;
        bytes32 eventHash;
    }

    /// @param report the seq that the report has in the unit's history
    struct SettleExceptionArgs {
        uint64 actor;
        uint32 report;
        bytes32 eventHash;
    }

    struct DrawItemArgs {
        uint64 actor;
        uint64 batch;
        uint32 lot;
        bytes32 eventHash;
    }

    /// @notice What an item's leaf is made of: leaf = keccak(keccak(abi(Code))).
    /// @param serial ASCII, left-aligned
    struct Code {
        uint64 gtin;
        uint32 index;
        bytes32 serial;
    }

    /// @notice DecommissionArgs, SetItemStateArgs.
    /// @param state 1 active, 2 blocked, 3 stolen | 4 supplied, 5 exported, 6 sample, 7 destroyed
    struct ItemArgs {
        uint64 actor;
        uint64 batch;
        uint8 state;
        bytes32 eventHash;
    }

    /// @param innerCode,salt what the commitment of this index was made of; the code is spent by this
    struct ClaimInnerArgs {
        uint64 actor;
        uint64 batch;
        uint32 index;
        bytes32 innerCode;
        bytes32 salt;
        bytes32 eventHash;
    }

    struct AnchorScanLogArgs {
        uint64 actor;
        uint64 size;
        bytes32 logRoot;
        bytes32 mapRoot;
    }

    // ---------------------------------------------------------------------------------- storage

    /// @param era raised by each new set of admins: what the old ones signed is void
    /// @param open 1 = in force, 0 = sealed
    /// @param successorChain,successor where a sealed ledger goes on
    struct Registry {
        uint64 nextParty;
        uint64 batches;
        uint32 lots;
        uint32 era;
        uint8 threshold;
        uint8 admins;
        uint32 seq;
        uint8 open;
        bytes32 head;
        uint256 successorChain;
        address successor;
    }

    /// @notice The sealed ledger that this one goes on from, none if all is 0.
    /// @param number,hash its last block
    struct Link {
        uint256 chainId;
        address ledger;
        uint64 number;
        bytes32 hash;
    }

    struct ScanLog {
        uint64 size;
        uint64 time;
        uint64 seq;
        bytes32 head;
        bytes32 logRoot;
        bytes32 mapRoot;
    }

    /// @param account the key that signs for the party
    /// @param era raised by `cancel`: signatures of an older era are void
    /// @param keyMode 1 own agent, 2 browser, 3 hosted by the operator
    /// @param status 1 active, 2 suspended
    /// @param markets bit m set: the party may hold goods of market m
    /// @param ruled,ruledSeq head and seq as the last decision of a quorum on this party left them
    struct Party {
        address account;
        uint32 era;
        uint16 roles;
        uint8 keyMode;
        uint8 status;
        uint32 seq;
        bytes32 head;
        uint256 markets;
        bytes32 ruled;
        uint32 ruledSeq;
    }

    /// @notice A device of a party's account: with the account its devices end.
    /// @param left verbs that it may still sign
    struct Delegate {
        uint128 verbs;
        uint40 expiry;
        uint32 left;
        uint32 era;
        uint8 keyMode;
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
    /// @param voided 1 = void, for ever
    struct Run {
        uint32 next;
        uint32 to;
        uint64 activeFrom;
        uint32 lot;
        uint8 voided;
    }

    /// @param status 1 released, 2 recalled
    /// @param setBy who recalled it, 0 while it is released
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
        uint64 setBy;
    }

    /// @param holder the one party that has it, also while it is on its way
    /// @param addressee the one party it is on its way to, else 0
    /// @param count children packed, 0 for an item
    /// @param gone children that have left; of an item the batch that vouched for it
    /// @param state 1 held, 2 in transit, 3 inside `parent`, 4 lost in transit
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

    /// @notice A receipt that was not as sent.
    /// @param settled bits: 1 the shipper, 2 the receiver, 4 the brand; open until 3 or more
    struct Exception {
        uint48 from;
        uint48 by;
        uint32 damaged;
        uint32 short;
        uint32 over;
        uint32 wrong;
        uint8 settled;
    }

    /// @param by,since who set the state, and when
    /// @param state as in ItemArgs; 0 = never set, which is active too
    struct Item {
        uint64 batch;
        uint64 by;
        uint40 since;
        uint32 seq;
        uint8 state;
        bytes32 head;
    }

    struct Claim {
        uint64 by;
        uint64 time;
        uint32 seq;
        bytes32 head;
    }

    // ----------------------------------------------------------------------------------- events
    // Every event carries the arguments as they were signed. `by` says who signed, how that key is
    // held, and the event's own number: bits 0-159 signer, 160-167 keyMode (1 to 3, 16 more for a device,
    // 0 for a quorum, whose lowest signer it names), 168-231 seq.

    event PartyRegistered(uint64 indexed party, uint256 by, RegisterPartyArgs args, address[] signers);
    event PartyUpdated(uint64 indexed party, uint256 by, UpdatePartyArgs args, address[] signers);
    event PartyStatusSet(uint64 indexed party, uint256 by, SuspendPartyArgs args, address[] signers);
    event AccountRotated(uint64 indexed party, uint256 by, RotateAccountArgs args, address[] signers);
    event Delegated(uint64 indexed actor, uint256 by, DelegateArgs args);
    event EpochOpened(uint64 indexed actor, uint256 by, OpenEpochArgs args);
    event Cancelled(uint64 indexed actor, uint256 by, CancelArgs args);
    event AdminsSet(uint256 by, SetAdminsArgs args, address[] signers);
    event LedgerSealed(uint256 by, SealLedgerArgs args, address[] signers);
    event BatchReserved(uint64 indexed batch, uint256 by, ReserveBatchArgs args);
    event Commissioned(uint64 indexed batch, uint256 by, CommissionArgs args);
    event Activated(uint64 indexed batch, uint256 by, ActivateArgs args);
    event Voided(uint64 indexed batch, uint256 by, VoidArgs args);
    event LotBound(uint64 indexed batch, uint256 by, BindLotArgs args);
    event LotStateSet(uint32 indexed lot, uint256 by, SetLotStateArgs args);
    event Packed(bytes32 indexed unit, uint256 by, PackArgs args);
    event Unpacked(bytes32 indexed unit, uint256 by, UnpackArgs args);
    event Shipped(bytes32 indexed unit, uint256 by, To args);
    event Received(bytes32 indexed unit, uint256 by, From args);
    event ExceptionReported(bytes32 indexed unit, uint256 by, ReportExceptionArgs args);
    event ExceptionSettled(bytes32 indexed unit, uint256 by, SettleExceptionArgs args);
    event Returned(bytes32 indexed unit, uint256 by, To args);
    event ReceiptRefused(bytes32 indexed unit, uint256 by, From args);
    event TakenBack(bytes32 indexed unit, uint256 by, To args);
    event Withdrawn(bytes32 indexed unit, uint256 by, From args);
    event LostReported(bytes32 indexed unit, uint256 by, To args);
    event ItemDrawn(bytes32 indexed unit, uint256 by, DrawItemArgs args);
    event Decommissioned(bytes32 indexed item, uint256 by, ItemArgs args);
    event ItemStateSet(bytes32 indexed item, uint256 by, ItemArgs args);
    event InnerClaimed(uint256 indexed claim, uint256 by, ClaimInnerArgs args);
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

    error BadSignature(); // s is high, or r and vs recover nobody
    error WrongSigner(uint64 actor, address signer); // signed by a key that is not the actor's
    error EraCancelled(uint64 signed, uint64 current);
    error DeadlinePassed(uint64 deadline, uint64 time);
    error StaleHead(bytes32 subject); // signed over a head that is no longer the newest
    error StaleNotProven(bytes32 unit); // called stale by the relayer, but the signed head is current
    error QuorumMissing(uint256 given, uint256 threshold);
    error SignersNotAscending();
    error DeviceExpired(uint64 actor, address key); // or cut off
    error DeviceSpent(uint64 actor, address key); // fewer verbs left than this takes
    error DeviceNotAllowed(uint64 actor, address key); // another verb than it was named for
    error LedgerClosed(); // sealed for its successor; or the registrar was called past the ledger

    error UnknownParty(uint64 party);
    error PartyInactive(uint64 party);
    error PartyExists(uint64 party);
    error BadPartyId(uint64 party); // neither a GLN with a right check digit nor the next assigned id
    error BadKeyMode(uint8 keyMode);
    error BadStatus(uint8 status); // not 1 or 2, or what it is already
    error AccountRetired(address account); // was the party's before
    error BadVerbs(uint128 verbs); // none, or one that no device may sign
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
    error BadCount(uint256 count); // none, more children than were packed, too many admins, or a log that is too long
    error ZeroRoot();
    error BadRange(uint32 from, uint32 to);
    error BadPredecessor(uint32 hint); // the hint is not the last run that starts at or before `from`
    error RunsOverlap(uint32 from, uint32 to);
    error RunVoided(uint32 from); // void codes stay as they are
    error BadTime(uint64 time);
    error UnknownLot(uint32 lot);
    error LotDiffers(bytes32 lot); // exists with another expiry, best-before, market or brand
    error LotAlreadyBound(uint32 from, uint32 lot);
    error BadLotState(uint8 state); // not 1 or 2, or what it is already
    error LotRecalled(uint32 lot);
    error ForeignLot(uint32 lot, uint64 actor); // not the actor's to name, recall or release

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
    error BadChild(bytes32 child); // no such leaf can be, or not as its slot says, or two markets or lots in one unit
    error NotInTree(bytes32 child); // its leaf and proof do not lead to the root
    error NotInside(bytes32 child, bytes32 unit); // has left already
    error NotMadeBy(bytes32 id, uint64 creator); // nothing shows that this unit or item is the creator's
    error NotSuspended(uint64 party);
    error TotalsDiffer(uint256 told, uint256 expected);
    error NoException(); // all came as it was sent
    error UnknownException(bytes32 unit, uint32 report);
    error AlreadySettled(bytes32 unit, uint32 report);
    error NotConcerned(bytes32 unit, uint64 actor); // neither of the two sides, nor the brand
    error EmptyList();
    error LengthMismatch();

    error BadItemState(uint8 state); // not one that this verb sets, or what it is already
    error ItemNotActive(bytes32 item);
    error ItemFinal(bytes32 item, uint8 state); // destroyed or stolen: for ever
    error NotSetter(bytes32 item, uint64 actor); // only who set a state may undo it
    error UndoTooLate(bytes32 item, uint64 since); // ten days have passed
    error IndexTooLarge(uint32 index, uint32 count);
    error AlreadyClaimed(uint64 batch, uint32 index);

    error LogShrank(uint64 size);
    error LogForked(uint64 size); // other roots for the size that is anchored already
    error NotBatchable(bytes4 selector);
    error TooManyParts(uint256 parts);
    error GasFloor(uint256 part);
    error EmptyRevert(uint256 part);
    error BadPart(uint256 part);
}

/// @notice Parties, governance, batches, lots, items and the scan log; called at the ledger's address.
interface IRegistrar is ITypes {
    // ------------------------------------------------------------------------- registry, parties

    /// @notice Register a party. Signed by a quorum of the admins over the party's (empty) head.
    /// @dev The id is a GLN, or `registry.nextParty` for one without a GLN. A GTIN prefix (4 to 12
    /// leading digits after the indicator digit) may neither contain nor be contained in another's.
    function registerParty(RegisterPartyArgs calldata args, Quorum calldata quorum) external;

    /// @notice Set a party's roles and markets, and add a prefix. Signed by a quorum over the party's `ruled`.
    function updateParty(UpdatePartyArgs calldata args, Quorum calldata quorum) external;

    /// @notice Suspend a party, or make it active again. Signed by a quorum over the party's `ruled`, so the
    /// party cannot outrun it. A suspended party changes nothing, and nothing is shipped to it.
    function suspendParty(SuspendPartyArgs calldata args, Quorum calldata quorum) external;

    /// @notice Give a party another key. Signed by a quorum over the party's `ruled`. What the old key signed
    /// and its devices are void; the old key is never the party's again.
    function rotateAccount(RotateAccountArgs calldata args, Quorum calldata quorum) external;

    /// @notice Name a device that may sign for the party, change what it may, or cut it off. What it signed
    /// before and nobody relayed is void. To cut it off (expiry 0) lands whatever the key's era. Subject: the party, head 0.
    function delegate(DelegateArgs calldata args, Auth calldata auth) external;

    /// @notice Bind a key epoch of a brand to this chain and contract, once. Subject: the party.
    function openEpoch(OpenEpochArgs calldata args, Auth calldata auth) external;

    /// @notice Void what the party's key signed for this era or an older one and nobody relayed; not what its
    /// devices signed. Touches no unit's head, so nobody can outrun a take-back with it. Subject: the party, head 0.
    function cancel(CancelArgs calldata args, Auth calldata auth) external;

    /// @notice Hand over to another set of admins. Signed by a quorum of the old set and, so that nobody
    /// hands over to keys that nobody holds, by one of the new. Subject: the registry.
    /// @param accepted signatures of the new set over the same message, ascending by signer
    function setAdmins(SetAdminsArgs calldata args, Quorum calldata quorum, Sig[] calldata accepted) external;

    /// @notice End this ledger for its successor: no verb is carried out any more. Subject: the registry.
    function sealLedger(SealLedgerArgs calldata args, Quorum calldata quorum) external;

    // ---------------------------------------------------------------------------- batches, lots

    /// @notice Draw the next batch number, before any serial of it exists. Subject: the party.
    function reserveBatch(ReserveBatchArgs calldata args, Auth calldata auth) external returns (uint64 batch);

    // Who is a brand no longer commissions, activates and binds no more; it may still void and recall.

    /// @notice Put a reserved batch's root on chain, once and for ever. Subject: the batch.
    function commission(uint64 batch, CommissionArgs calldata args, Auth calldata auth) external;

    /// @notice Set from when a range of codes is active: a time below 2^40. Subject: the batch.
    /// @param hint key plus one of the last run that starts at or before `from`, 0 = none; unsigned
    function activate(uint64 batch, ActivateArgs calldata args, uint32 hint, Auth calldata auth) external;

    /// @notice Make a range of codes void, for ever. Subject: the batch.
    function voidCodes(uint64 batch, VoidArgs calldata args, uint32 hint, Auth calldata auth) external;

    /// @notice Bind a range of codes to a lot, opening the lot if it is new. Subject: the batch.
    function bindLot(uint64 batch, BindLotArgs calldata args, uint32 hint, Auth calldata auth) external;

    /// @notice Recall a lot, or release it again. By its brand, or a regulator, who may also take a brand's
    /// recall over; only who recalled it last may release it. Subject: the lot, by its number.
    function setLotState(uint32 lot, SetLotStateArgs calldata args, Auth calldata auth) external;

    // ------------------------------------------------------------------------------------ items

    // The model is the EU's of medicines (2016/161): out of the active state by whoever may say so, back only
    // by who said it and within ten days, never from destroyed or stolen; a block its setter lifts at any time.
    //   decommission: 4 supplied (store), 5 exported (distributor), 6 sample (inspector, regulator), 7 destroyed
    //   (store, distributor); setItemState: 2 blocked (inspector, regulator), 3 stolen (store, distributor,
    //   carrier), 1 active: undo. The batch's brand may set all of them; another brand none.
    // While an item travels alone only its holder, its brand, an inspector or a regulator may set its state, and
    // inside a unit only the last three. A regulator may take a block over, lest it stay if its setter is gone.
    // `code` shows that the item has the batch's GTIN: no brand speaks for another's items.

    /// @notice End an item's life. Subject: the item, by its leaf.
    /// @param proof from the leaf to the batch's root; unsigned, and empty once the item has a state
    function decommission(Code calldata code, ItemArgs calldata args, bytes32[] calldata proof, Auth calldata auth) external;

    /// @notice Block an item, report it stolen, or undo what one has set. Subject: the item, by its leaf.
    function setItemState(Code calldata code, ItemArgs calldata args, bytes32[] calldata proof, Auth calldata auth) external;

    /// @notice Record that an item's inner code was uncovered, once. By the batch's brand or an operator.
    /// Subject: the claim, number batch · 2^32 + index.
    /// @param proof from the inner leaf, keccak(keccak(abi(index, innerCode, salt))), to the batch's inner root; unsigned
    function claimInner(ClaimInnerArgs calldata args, bytes32[] calldata proof, Auth calldata auth) external;

    // -------------------------------------------------------------------------------------- log

    /// @notice Anchor the operator's scan log: tree size and roots; the size is below 2^40 and never falls, and
    /// one size has one pair of roots. Subject: the log.
    function anchorScanLog(AnchorScanLogArgs calldata args, Auth calldata auth) external;

    /// @notice The party that owns the longest registered prefix of a GTIN-14, 0 if none does.
    function brandOf(uint64 gtin) external view returns (uint64);
}

/// @notice Custody of units, and the relay of all verbs.
interface ICustody is ITypes {
    // ------------------------------------------------------------------------------------ units

    // Who made what. A unit's id binds its creator. A child that gets its slot by leaving its parent must be
    // the parent's creator's own: what he had from somebody else came to him as a unit with a slot. `origins`
    // shows it, unsigned: first [creator, epcHash] of the unit, then for each child
    //   a unit without a slot: [epcHash]
    //   an item without a slot: [code, batch, proof from its leaf = keccak(code) to the batch's root …]
    //   one with a slot: nothing

    /// @notice Make a logistic unit of a children tree. Subject: the new unit. Children with a slot are
    /// frozen inside it, and what restricts them to a market restricts it.
    /// @dev A lot is named by its brand while it is not recalled; by another only for children that all have a
    /// slot and this lot.
    /// @param proofs one for each slotted child: from its leaf to the children root
    function pack(PackArgs calldata args, bytes32[][] calldata proofs, Auth calldata auth) external;

    /// @notice Take children out of a held unit; each gets a slot of its own. Subject: the unit.
    /// @dev A child without a slot gets a lot only from a unit that the lot's brand made.
    function unpack(bytes32 unit, UnpackArgs calldata args, bytes32[][] calldata proofs, bytes32[][] calldata origins, Auth calldata auth) external;

    /// @notice Give an item that was never packed a slot of its own, held by its brand. Subject: the unit whose
    /// id is the item's leaf. `lot` as in pack.
    /// @param code keccak(abi(gtin, index, serial))
    function drawItem(bytes32 code, DrawItemArgs calldata args, bytes32[] calldata proof, Auth calldata auth) external;

    /// @notice Send a held unit on its way to one party; no item that is not active. Subject: the unit.
    function ship(bytes32 unit, To calldata args, Auth calldata auth) external;

    /// @notice Send several units under one signature: a despatch advice. Units that moved since are
    /// named in `stale` (ascending): skipped if the signer said so, else `StaleHead`.
    /// @dev The seq is not read: the heads say it. At least one unit must be fresh, so that a list
    /// lands once: whatever moved by it is stale for ever after.
    function shipList(bytes32[] calldata units, bool skipStale, To calldata args, Stale[] calldata stale, Auth calldata auth) external;

    /// @notice Confirm receipt of a unit, by its addressee alone, also of one reported lost. Subject: the unit.
    function receiveFrom(bytes32 unit, From calldata args, Auth calldata auth) external;

    /// @notice Confirm receipt of several units under one signature; see `shipList`.
    function receiveList(bytes32[] calldata units, bool skipStale, From calldata args, Stale[] calldata stale, Auth calldata auth) external;

    /// @notice Confirm receipt of a unit whose content is not what was sent. The exception stays open until
    /// both sides or the brand settle it. Subject: the unit.
    function reportException(bytes32 unit, ReportExceptionArgs calldata args, Auth calldata auth) external;

    /// @notice Agree that an exception is settled: its shipper and its receiver, or alone a brand that is neither:
    /// that of the unit's lot or, if it has none, who made it; of an item that is whose batch vouched for it.
    /// Subject: the unit.
    /// @param origin for a brand that made a unit of no lot: [epcHash]; else empty
    function settleException(bytes32 unit, SettleExceptionArgs calldata args, bytes32[] calldata origin, Auth calldata auth) external;

    /// @notice Send a unit back: as ship, but the brand of its lot (of an item without one, its own brand) may have it
    /// whatever its market, and also an item that is blocked or was stolen.
    function returnTo(bytes32 unit, To calldata args, Auth calldata auth) external;

    /// @notice Refuse receipt, by the addressee: the unit is its shipper's as before. Subject: the unit.
    function refuse(bytes32 unit, From calldata args, Auth calldata auth) external;

    /// @notice Take back what the addressee never received, also what is lost. By its holder. Subject: the unit.
    function takeBack(bytes32 unit, To calldata args, Auth calldata auth) external;

    /// @notice Say that a unit was lost on its way. By its holder. Subject: the unit.
    function reportLost(bytes32 unit, To calldata args, Auth calldata auth) external;

    /// @notice Take a unit from a suspended holder, as the brand that may settle its exceptions alone.
    /// Or an item from anybody, by the brand of its GTIN, if the batch that vouched for it is another brand's: that
    /// one signed a root with a leaf that was not its own. The item has neither lot nor market then, and is out of
    /// whatever it was put into. Subject: the unit.
    /// @param origin as in settleException; against another brand's batch the item's whole code:
    ///   [gtin, index, serial, batch, proof from its leaf to the batch's root …]
    function withdraw(bytes32 unit, From calldata args, bytes32[] calldata origin, Auth calldata auth) external;

    // ------------------------------------------------------------------------------------ relay

    /// @notice Consecutive verbs of one actor on one unit under one signature, all or nothing.
    /// @param verbs verb numbers: pack (first only), unpack, ship, receiveFrom
    /// @param args abi-encoded arguments of each verb
    /// @param proofs,origins for pack and unpack, as those take them; empty for the others
    function group(
        bytes32 unit,
        uint8[] calldata verbs,
        bytes[] calldata args,
        bytes32[][][] calldata proofs,
        bytes32[][][] calldata origins,
        Auth calldata auth
    ) external;

    /// @notice Relay many verbs in one transaction, each failing alone with its own error.
    /// @dev Not nested. Before each part a gas floor that its length alone decides must be left, and a
    /// part that reverts without a word reverts the whole, so a mean relayer cannot make a part fail.
    /// @param parts for each part its length in four bytes, then its calldata
    function batch(bytes calldata parts) external;

    /// @notice Raw storage words. Storage is the reading interface, since it is what proofs prove:
    /// the slots are those of the published layout (`touchstone-layout/1`).
    function extSloads(bytes32[] calldata slots) external view returns (bytes32[] memory words);
}

/// @notice What stands at the ledger's address.
interface ILedger is ICustody, IRegistrar {}
