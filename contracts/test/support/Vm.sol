// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

/// @notice Those of forge's cheatcodes that the tests call.
interface Vm {
    struct Log {
        bytes32[] topics;
        bytes data;
        address emitter;
    }

    function addr(uint256 key) external pure returns (address);
    function assertEq(address left, address right, string calldata why) external pure;
    function assertEq(bytes32 left, bytes32 right, string calldata why) external pure;
    function assertEq(bytes calldata left, bytes calldata right, string calldata why) external pure;
    function assertEq(uint256 left, uint256 right, string calldata why) external pure;
    function assertTrue(bool holds, string calldata why) external pure;
    function assume(bool holds) external pure;
    function chainId(uint256 id) external;
    function coinbase(address newCoinbase) external;
    function deployCode(string calldata artifact) external returns (address);
    function eip712HashStruct(string calldata typeDefinition, bytes calldata abiEncoded) external pure returns (bytes32);
    function envOr(string calldata name, string calldata otherwise) external view returns (string memory);
    function envOr(string calldata name, uint256 otherwise) external view returns (uint256);
    function getRecordedLogs() external returns (Log[] memory);
    function load(address target, bytes32 slot) external view returns (bytes32);
    function parseJsonBytes(string calldata json, string calldata path) external pure returns (bytes memory);
    function parseJsonBytesArray(string calldata json, string calldata path) external pure returns (bytes[] memory);
    function parseJsonString(string calldata json, string calldata path) external pure returns (string memory);
    function parseJsonStringArray(string calldata json, string calldata path) external pure returns (string[] memory);
    function parseJsonUint(string calldata json, string calldata path) external pure returns (uint256);
    function parseJsonUintArray(string calldata json, string calldata path) external pure returns (uint256[] memory);
    function prank(address sender, bool delegateCall) external;
    function readFile(string calldata path) external view returns (string memory);
    function recordLogs() external;
    function revertToState(uint256 snapshot) external returns (bool);
    function revertToStateAndDelete(uint256 snapshot) external returns (bool);
    function snapshotState() external returns (uint256);
    function store(address target, bytes32 slot, bytes32 value) external;
    function toString(uint256 value) external pure returns (string memory);
    function warp(uint256 time) external;
    function writeLine(string calldata path, string calldata line) external;
}
