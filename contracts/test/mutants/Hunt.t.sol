// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {Vm} from "../support/Vm.sol";

/// @notice Many mutants in one process (mutate.py): test contracts with given inputs, first against the contract as it
/// is, then against each mutant. What passes on the one and fails on the other has killed it.
/// @dev Mutants are chosen by the block's coinbase, so a world is set up once and put back after each call.
contract Hunt {
    Vm private constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    uint256 private constant PLENTY = 1_000_000_000; // a mutant that runs for ever ends here

    /// @notice What HUNT names: for each test contract its file of calls and mutants; kills are lines of the file that it names.
    function test_hunt() external {
        string memory place = vm.envOr("HUNT", string(""));
        if (bytes(place).length == 0) return;
        string memory plan = vm.readFile(string.concat(place, "/plan.json"));
        uint256 most = vm.parseJsonUint(plan, ".most");
        string[] memory names = vm.parseJsonStringArray(plan, ".contracts");
        bool[] memory killed = new bool[](most + 1);
        for (uint256 i; i < names.length; ++i) {
            uint256 before = vm.snapshotState();
            _hunt(string.concat(place, "/", names[i], ".json"), vm.parseJsonString(plan, ".kills"), killed);
            vm.revertToStateAndDelete(before);
        }
    }

    function _hunt(string memory place, string memory kills, bool[] memory killed) private {
        string memory part = vm.readFile(place);
        string[] memory functions = vm.parseJsonStringArray(part, ".functions");
        bytes[] memory calls = vm.parseJsonBytesArray(part, ".calls");
        uint256[] memory mutants = vm.parseJsonUintArray(part, ".mutants");
        address tests = vm.deployCode(vm.parseJsonString(part, ".artifact"));
        (bool ok,) = tests.call(abi.encodeWithSignature("setUp()"));
        vm.assertTrue(ok, place);
        bool[] memory passes = new bool[](calls.length);
        for (uint256 i; i < calls.length; ++i) passes[i] = !_fails(tests, calls[i], true);
        for (uint256 m; m < mutants.length; ++m) {
            if (killed[mutants[m]]) continue;
            vm.coinbase(address(uint160(mutants[m])));
            for (uint256 i; i < calls.length; ++i) {
                if (!passes[i] || !_fails(tests, calls[i], false)) continue;
                killed[mutants[m]] = true;
                vm.writeLine(kills, string.concat(vm.toString(mutants[m]), " ", functions[i]));
                break;
            }
        }
        vm.coinbase(address(0));
    }

    /// @param assumed whether an input that the test does not take counts as a failure
    function _fails(address tests, bytes memory input, bool assumed) private returns (bool) {
        uint256 before = vm.snapshotState();
        bool ok;
        bytes32 said;
        assembly ("memory-safe") {
            mstore(0, 0)
            ok := call(PLENTY, tests, 0, add(input, 32), mload(input), 0, 32)
            said := mload(0)
        }
        vm.revertToStateAndDelete(before);
        return !ok && (assumed || bytes15(said) != "FOUNDRY::ASSUME");
    }
}
