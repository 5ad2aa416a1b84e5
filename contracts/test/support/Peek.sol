// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ILedger} from "../../src/ILedger.sol";

/// @notice The ledger's storage with getters. The tests run its code on the ledger's storage; a test
/// holds the order of its variables to the published layout.
contract Peek {
    ILedger.Registry public registry;
    ILedger.ScanLog public scanLog;
    mapping(address admin => bool) public admins;
    mapping(uint64 party => ILedger.Party) public parties;
    mapping(uint256 lengthAndPrefix => uint64 party) public prefixes;
    mapping(uint64 party => mapping(uint8 epoch => bytes32 commitment)) public epochs;
    mapping(uint64 batch => ILedger.Batch) public batches;
    mapping(uint64 batch => mapping(uint32 first => ILedger.Run)) public runs;
    mapping(uint32 number => ILedger.Lot) public lots;
    mapping(uint64 gtin => mapping(bytes32 lot => uint32 number)) public lotNumbers;
    mapping(bytes32 unit => ILedger.Unit) public units;
}
