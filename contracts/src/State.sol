// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ITypes} from "./ILedger.sol";

/// @notice The one storage that both halves of the ledger work on, and what its numbers mean.
/// @dev Only this contract declares storage: the registrar's code runs on the ledger's slots.
abstract contract State is ITypes {
    uint16 internal constant BRAND = 1; // roles
    uint16 internal constant DISTRIBUTOR = 2;
    uint16 internal constant STORE = 4;
    uint16 internal constant CARRIER = 8;
    uint16 internal constant INSPECTOR = 16;
    uint16 internal constant REGULATOR = 32;
    uint16 internal constant OPERATOR = 64;

    uint8 internal constant ACTIVE = 1; // parties
    uint8 internal constant SUSPENDED = 2;
    uint8 internal constant RESERVED = 1; // batches
    uint8 internal constant COMMISSIONED = 2;
    uint8 internal constant RELEASED = 1; // lots
    uint8 internal constant RECALLED = 2;
    uint8 internal constant HELD = 1; // units
    uint8 internal constant IN_TRANSIT = 2;
    uint8 internal constant INSIDE = 3;
    uint8 internal constant LOST = 4;
    uint8 internal constant BY_SHIPPER = 1; // exceptions
    uint8 internal constant BY_RECEIVER = 2;
    uint8 internal constant BY_BRAND = 4;
    uint8 internal constant ITEM_ACTIVE = 1; // items
    uint8 internal constant BLOCKED = 2;
    uint8 internal constant STOLEN = 3;
    uint8 internal constant SUPPLIED = 4; // from here on decommissioned
    uint8 internal constant EXPORTED = 5;
    uint8 internal constant SAMPLE = 6;
    uint8 internal constant DESTROYED = 7;
    uint8 internal constant ITEM = 1; // kinds of children
    uint8 internal constant UNIT = 2;

    uint8 internal constant DEVICE = 16; // added to the key mode of what a device signed
    uint64 internal constant DEVICE_ERAS = 2 ** 32; // a device's eras are none of an account's
    uint64 internal constant FIRST_ASSIGNED_PARTY = 10 ** 13;

    Registry internal registry;
    Link internal predecessor;
    ScanLog internal scanLog;
    mapping(uint32 era => mapping(address admin => bool)) internal admins;
    mapping(uint64 party => Party) internal parties;
    mapping(uint256 lengthAndPrefix => uint64 party) internal prefixes;
    mapping(uint64 party => mapping(uint8 epoch => bytes32 commitment)) internal epochs;
    mapping(uint64 party => mapping(address account => mapping(address key => Delegate))) internal delegates;
    mapping(uint64 party => mapping(address account => bool)) internal retired;
    mapping(uint64 batch => Batch) internal batches;
    mapping(uint64 batch => mapping(uint32 first => Run)) internal runs;
    mapping(uint32 number => Lot) internal lots;
    mapping(uint64 gtin => mapping(bytes32 lot => uint32 number)) internal lotNumbers;
    mapping(bytes32 unit => Unit) internal units;
    mapping(bytes32 unit => mapping(uint32 report => Exception)) internal exceptions;
    mapping(bytes32 leaf => Item) internal items;
    mapping(uint64 batch => mapping(uint32 index => Claim)) internal claims;
}
