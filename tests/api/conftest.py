"""One installation in use, shared by the tests here; they only add scans and read."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from tests.api.world import World, live
from tests.support.installation import installation


@pytest.fixture(scope="package")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The ledger in use, and its worker at work."""
    with pytest.MonkeyPatch.context() as patch:
        # No anchor of the scan log comes between two looks at the database.
        patch.setenv("TOUCHSTONE_HEARTBEAT_S", "86400")
        with installation(tmp_path_factory.mktemp("api") / "data") as at:
            yield live(at)


@pytest.fixture
def phone(world: World) -> Iterator[TestClient]:
    """A new phone."""
    with world.phone() as client:
        yield client
