"""What holds for all tests: the longest files begin first, so that no worker is left with one."""

from __future__ import annotations

from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings

from scripts.loading import loading

# Files that play whole demos or start many processes, the longest first. The order matters for the
# time that `make test` takes, for nothing else.
LONGEST = (
    "tests/trips/test_demo.py",
    "tests/trips/test_kills.py",
    "tests/trips/test_refusals.py",
    "tests/scripts/",
    "tests/api/",
    "tests/browser/",
    "tests/chain/test_artifact.py",
    "tests/chain/embedded/test_process.py",
)

# Of Hypothesis' own profile only its clocks are left out: a busy machine is no failure. Where CI is
# set its profile has none anyway, and draws the same examples each time.
settings.register_profile(
    "untimed", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("untimed")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Load the tests as a command is loaded: a third less processor time, and less in each test."""
    with loading():
        return (yield)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the files; within a file the tests stay as they are written."""
    items.sort(key=lambda item: _place(item.nodeid))


def _place(node: str) -> int:
    places = (place for place, start in enumerate(LONGEST) if node.startswith(start))
    return next(places, len(LONGEST))
