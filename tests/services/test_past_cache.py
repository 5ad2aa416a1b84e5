"""A file written past the page cache, by pieces in any order, has the bytes that it was given."""

from __future__ import annotations

import errno
import secrets
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ledger.services.past_cache import BLOCK, memory_for, past_cache


@pytest.mark.parametrize("size", [1, BLOCK - 1, BLOCK, 5 * BLOCK, 5 * BLOCK + 1, 9 * BLOCK - 7])
def test_pieces_make_up_the_file(tmp_path: Path, size: int) -> None:
    """Written by several threads, the last first; the file ends where it was said to."""
    wanted = secrets.token_bytes(size)

    def piece(at: int) -> None:
        part = wanted[at : at + 2 * BLOCK]
        memory = memory_for(len(part))
        memory[: len(part)] = bytearray(part)
        write(at, memory[: -(-len(part) // BLOCK) * BLOCK])

    path = tmp_path / "file"
    with path.open("wb") as file:
        with past_cache(file, size) as write, ThreadPoolExecutor(3) as pool:
            list(pool.map(piece, reversed(range(0, size, 2 * BLOCK))))
        file.seek(0, 2)
        file.write(b"end")  # an ordinary file again
    assert path.read_bytes() == wanted + b"end"


def test_what_cannot_be_written_directly_goes_by_the_cache(tmp_path: Path) -> None:
    """Neither place, length nor address fit a block, as on a disk with larger ones."""
    text = secrets.token_bytes(3 * BLOCK)
    memory = memory_for(len(text))
    memory[1 : len(text) + 1] = bytearray(text)
    path = tmp_path / "file"
    with path.open("wb") as file, past_cache(file, len(text)) as write:
        write(0, memory[1:101])
        write(100, memory[101 : len(text) + 1])
    assert path.read_bytes() == text


def test_an_empty_file_stays_empty(tmp_path: Path) -> None:
    """Nothing is reserved for it."""
    path = tmp_path / "file"
    with path.open("wb") as file, past_cache(file, 0):
        pass
    assert path.read_bytes() == b""


def test_a_file_that_does_not_fit_is_refused_before_it_is_begun(tmp_path: Path) -> None:
    """More than any disk has."""
    path, begun = tmp_path / "file", []
    with path.open("wb") as file, pytest.raises(OSError) as refusal, past_cache(file, 1 << 62):
        begun.append(True)
    assert refusal.value.errno in (errno.EFBIG, errno.ENOSPC)
    assert begun == []
