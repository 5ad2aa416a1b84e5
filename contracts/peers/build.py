"""Compile what `touchstone bench gas` compares with, and write the committed artifact.

cd contracts && npm ci && cd .. && .venv/bin/python contracts/peers/build.py
"""

from __future__ import annotations

import json
from pathlib import Path

import solcx

HERE = Path(__file__).resolve().parent
NAMES = ("PeerERC721", "PeerERC721A", "PeerERC1155")
SETTINGS = {  # as our own contract is compiled
    "viaIR": True,
    "optimizer": {"enabled": True, "runs": 200},
    "evmVersion": "paris",
    "metadata": {"bytecodeHash": "none", "appendCBOR": False},
    "outputSelection": {"*": {"*": ["evm.bytecode.object"]}},
}


def compile_peers() -> dict[str, str]:
    """Return the code that creates each contract, as 0x hex by its name."""
    sources = {"Peers.sol": {"content": (HERE / "Peers.sol").read_text()}}
    output = solcx.compile_standard(
        {"language": "Solidity", "sources": sources, "settings": SETTINGS},
        solc_binary=str(HERE.parent / "solc"),
        base_path=str(HERE.parent),
    )
    built = output["contracts"]["Peers.sol"]
    return {name: "0x" + built[name]["evm"]["bytecode"]["object"] for name in NAMES}


if __name__ == "__main__":
    (HERE / "Peers.json").write_text(json.dumps(compile_peers(), indent=1) + "\n")
