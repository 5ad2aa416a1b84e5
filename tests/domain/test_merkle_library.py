"""The tree beside OpenZeppelin's own library, run by Node.js on leaves made on the spot."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess

import pytest

from ledger.domain import merkle
from tests.domain.frozen import raw
from tests.house.repository import ROOT

PROGRAM = """
const { SimpleMerkleTree } = require('@openzeppelin/merkle-tree')
const leaves = JSON.parse(require('node:fs').readFileSync(0, 'utf8'))
console.log(JSON.stringify(leaves.map((_, last) => {
  const tree = SimpleMerkleTree.of(leaves.slice(0, last + 1), { sortLeaves: false })
  return { root: tree.root, proofs: [0, last >> 1, last].map((i) => [i, tree.getProof(i)]) }
})))
"""


@pytest.mark.needs_node
def test_openzeppelins_library_says_the_same_of_random_leaves() -> None:
    """Root, and the proofs of the first, the middle and the last leaf, for n = 1 to 300."""
    folder = ROOT / "contracts"
    library = folder / "node_modules" / "@openzeppelin" / "merkle-tree"
    if shutil.which("node") is None or not library.is_dir():
        reason = "missing: Node.js, or its packages (run: npm ci --prefix contracts)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    leaves = [secrets.token_bytes(32) for _ in range(300)]
    done = subprocess.run(
        ["node", "-e", PROGRAM],
        cwd=folder,
        input=json.dumps(["0x" + leaf.hex() for leaf in leaves]),
        capture_output=True,
        text=True,
        check=True,
    )
    said = json.loads(done.stdout)
    assert len(said) == 300
    for count, tree in enumerate(said, 1):
        nodes = merkle.tree(leaves[:count])
        assert nodes[0] == raw(tree["root"])
        for index, proof in tree["proofs"]:
            assert merkle.proof(nodes, index) == [raw(node) for node in proof]
