"""Hypothesis profiles, the --runslow option, and the two reasons to skip: no GPU, no real data."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Time limits per example are off everywhere: on a shared machine they measure the neighbours.
# "ci" draws the same examples on every run, so that a red run can be repeated; "deep" is for hunting.
settings.register_profile("dev", deadline=None, print_blob=True)
settings.register_profile(
    "ci", deadline=None, derandomize=True, database=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("deep", deadline=None, max_examples=2000, print_blob=True)
settings.load_profile("dev")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--runslow", action="store_true", help="also run the tests marked slow")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--runslow"):
        _skip(items, "slow", "slow: run with --runslow")
    if any("gpu" in item.keywords for item in items) and not _has_gpu():
        _skip(items, "gpu", "needs a CUDA device that torch can see; there is none here")


def _skip(items: list[pytest.Item], marker: str, reason: str) -> None:
    for item in items:
        if item.get_closest_marker(marker):
            item.add_marker(pytest.mark.skip(reason=reason))


def _has_gpu() -> bool:
    try:
        import torch
    except ImportError:
        return False
    return torch.cuda.is_available()


@pytest.fixture(scope="session")
def real_data() -> Callable[[str], Path]:
    """Return ``find(name)``: the path of a file below the folder that W2S_DATA names, or a skip that says what is missing."""

    def find(name: str) -> Path:
        folder = os.environ.get("W2S_DATA")
        if not folder:
            pytest.skip(f"needs {name}: W2S_DATA does not name a folder with real data")
        path = Path(folder) / name
        if not path.exists():
            pytest.skip(f"needs {name}: it is not in W2S_DATA={folder}")
        return path

    return find
