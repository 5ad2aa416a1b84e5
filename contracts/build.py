"""Compile the contract with py-solc-x over npm's solc and write the committed artifact.

    cd contracts && npm ci && cd .. && .venv/bin/python contracts/build.py [OUT]

The artifact holds what running needs (ABI, bytecode, storage layout), so that no user needs Node.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import solcx
from eth_utils.crypto import keccak

HERE = Path(__file__).resolve().parent
ARTIFACT = HERE.parent / "ledger" / "chain" / "artifacts" / "Ledger.json"
SETTINGS: dict[str, Any] = {
    "viaIR": True,
    "optimizer": {"enabled": True, "runs": 200},
    "evmVersion": "paris",
    "metadata": {"bytecodeHash": "none", "appendCBOR": False},
    "outputSelection": {
        "*": {"*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object", "storageLayout"]}
    },
}


def compile_ledger() -> dict[str, Any]:
    """Return the artifact.

    abi: of ILedger, and the constructor's. bytecode: what creates the ledger, which creates its
    registrar. registrar: the address it makes it at is the ledger's first creation; its runtime
    code has this keccak on every chain. layout: `touchstone-layout/1`, one for both halves.
    """
    sources = {
        f"src/{path.name}": {"content": path.read_text()} for path in (HERE / "src").glob("*.sol")
    }
    output = solcx.compile_standard(
        {"language": "Solidity", "sources": sources, "settings": SETTINGS},
        solc_binary=str(HERE / "solc"),
        base_path=str(HERE),
    )
    ledger, registrar, interface = (
        output["contracts"][f"src/{file}.sol"][file] for file in ("Ledger", "Registrar", "ILedger")
    )
    rows = layout(ledger["storageLayout"])
    if rows != layout(registrar["storageLayout"]):
        raise SystemExit("Ledger and Registrar differ in storage: declare it in State alone.")
    constructor = [entry for entry in ledger["abi"] if entry["type"] == "constructor"]
    code = bytes.fromhex(registrar["evm"]["deployedBytecode"]["object"])
    return {
        "abi": constructor + interface["abi"],
        "bytecode": "0x" + ledger["evm"]["bytecode"]["object"],
        "runtime_bytes": len(ledger["evm"]["deployedBytecode"]["object"]) // 2,
        "registrar": {"runtime_bytes": len(code), "runtime_hash": "0x" + keccak(code).hex()},
        "layout": rows,
    }


def layout(storage: dict[str, Any]) -> list[dict[str, Any]]:
    """Turn solc's storageLayout into `touchstone-layout/1`: label, slot, offset, bytes, members.

    solc's own table names types by AST ids, which change with an unused error.
    """
    types = storage["types"]

    def row(entry: dict[str, Any]) -> dict[str, Any]:
        kind = types[entry["type"]]
        while "value" in kind:  # a mapping: what is stored under its last key
            kind = types[kind["value"]]
        members = [row(member) for member in kind.get("members", [])]
        return {
            "label": entry["label"],
            "slot": int(entry["slot"]),
            "offset": entry["offset"],
            "bytes": int(kind["numberOfBytes"]),
            "members": members,
        }

    return [row(entry) for entry in storage["storage"]]


def main() -> None:
    """Write the artifact to the path given, or over the committed one."""
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else ARTIFACT
    out.parent.mkdir(parents=True, exist_ok=True)
    artifact = compile_ledger()
    out.write_text(json.dumps(artifact, indent=1, sort_keys=True) + "\n")
    sizes = artifact["runtime_bytes"], artifact["registrar"]["runtime_bytes"]
    sys.stderr.write(f"{out}: {sizes[0]} and {sizes[1]} of 24576 bytes\n")


if __name__ == "__main__":
    main()
