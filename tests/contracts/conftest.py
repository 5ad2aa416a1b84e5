"""One world for all tests of the contract, put back after each."""

from collections.abc import Iterator

import pytest

from tests.contracts.ledger_harness import Chain
from tests.contracts.world import start, undone


@pytest.fixture(scope="session")
def _world() -> Chain:
    return start()


@pytest.fixture
def world(_world: Chain) -> Iterator[Chain]:
    """The world of `world.start`, undone afterwards."""
    with undone(_world) as chain:
        yield chain
