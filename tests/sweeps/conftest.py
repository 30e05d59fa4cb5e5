"""Worker processes that the tests of this folder share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from w2s_theory.sweeps.engines import open_engine


@pytest.fixture(scope="package")
def two_workers() -> Iterator[object]:
    """Two workers on this machine; starting them takes longer than most tests."""
    with open_engine("loky:2") as engine:
        yield engine
