// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {Vm} from "../support/Vm.sol";

/// @notice Tests of so few possible inputs that every one is tried (fuzz.py), which no number of fuzz runs promises.
/// @dev An input is a number whose bits are the arguments', the first argument's lowest.
contract Whole {
    Vm private constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    /// @notice What WHOLE names: a test contract and, for each test, its name, its selector and the bits of its arguments.
    function test_whole() external {
        string memory place = vm.envOr("WHOLE", string(""));
        if (bytes(place).length == 0) return;
        string memory plan = vm.readFile(place);
        string[] memory names = vm.parseJsonStringArray(plan, ".names");
        bytes[] memory selectors = vm.parseJsonBytesArray(plan, ".selectors");
        bytes[] memory bits = vm.parseJsonBytesArray(plan, ".bits");
        uint256 from = vm.parseJsonUint(plan, ".from");
        uint256 to = vm.parseJsonUint(plan, ".to");
        address tests = vm.deployCode(vm.parseJsonString(plan, ".artifact"));
        (bool ok,) = tests.call(abi.encodeWithSignature("setUp()"));
        vm.assertTrue(ok, place);
        for (uint256 i; i < names.length; ++i) {
            _all(tests, names[i], bytes4(selectors[i]), bits[i], from, to);
        }
    }

    function _all(
        address tests,
        string memory name,
        bytes4 selector,
        bytes memory bits,
        uint256 from,
        uint256 to
    ) private {
        uint256 all;
        for (uint256 i; i < bits.length; ++i) all += uint8(bits[i]);
        bytes memory input = bytes.concat(selector, new bytes(32 * bits.length));
        for (uint256 n = from; n < to && n < 1 << all; ++n) {
            uint256 rest = n;
            for (uint256 i; i < bits.length; ++i) {
                uint256 word = rest & ((1 << uint8(bits[i])) - 1);
                rest >>= uint8(bits[i]);
                assembly ("memory-safe") {
                    mstore(add(add(input, 36), mul(i, 32)), word)
                }
            }
            if (_fails(tests, input)) vm.assertEq(input, "", name);
        }
    }

    function _fails(address tests, bytes memory input) private returns (bool) {
        uint256 before = vm.snapshotState();
        bool ok;
        bytes32 said;
        assembly ("memory-safe") {
            mstore(0, 0)
            ok := call(gas(), tests, 0, add(input, 32), mload(input), 0, 32)
            said := mload(0)
        }
        vm.revertToStateAndDelete(before);
        return !ok && bytes15(said) != "FOUNDRY::ASSUME";
    }
}
