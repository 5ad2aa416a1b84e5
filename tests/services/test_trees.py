"""Trees computed beside other work: begun once, one at a time, and begun anew after a fault."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from ledger.services.trees import Tree, Trees


def waited(look: Callable[[], Tree | None]) -> Tree:
    """Look until there is a tree."""
    while (found := look()) is None:
        time.sleep(0.001)
    return found


def test_a_tree_is_begun_once_and_nobody_waits_for_it() -> None:
    """While it is computed the caller gets nothing and goes on; then it gets the tree."""
    trees, go, begun = Trees(), threading.Event(), []

    def work() -> Tree:
        begun.append(1)
        go.wait()
        return Tree(b"kept", b"inner")

    assert [trees.find(7, work) for _ in range(5)] == [None] * 5
    assert trees.find(8, lambda: Tree(b"other", b"")) is None  # not before the first is done
    go.set()
    assert waited(lambda: trees.find(7, work)) == Tree(b"kept", b"inner")
    assert len(begun) == 1
    assert waited(lambda: trees.find(8, lambda: Tree(b"other", b""))) == Tree(b"other", b"")


def test_a_tree_that_nobody_asks_for_any_more_blocks_none() -> None:
    """A batch that another worker has commissioned meanwhile is forgotten."""
    trees = Trees()
    assert trees.find(1, lambda: Tree(b"one", b"")) is None
    assert waited(lambda: trees.find(2, lambda: Tree(b"two", b""))) == Tree(b"two", b"")


def test_a_fault_is_told_and_the_tree_begun_anew() -> None:
    """Whoever asks hears of it, once."""
    trees, faults = Trees(), [ValueError("no keys")]

    def work() -> Tree:
        if faults:
            raise faults.pop()
        return Tree(b"kept", b"inner")

    with pytest.raises(ValueError, match="no keys"):
        waited(lambda: trees.find(7, work))
    assert waited(lambda: trees.find(7, work)) == Tree(b"kept", b"inner")
