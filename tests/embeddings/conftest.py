"""Random models that several tests read, saved once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.embeddings.tiny_models import save_albert, save_bert, save_llama


@pytest.fixture(scope="session")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An encoder's folder."""
    return save_bert(tmp_path_factory.mktemp("bert"))


@pytest.fixture(scope="session")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A decoder's folder."""
    return save_llama(tmp_path_factory.mktemp("llama"))


@pytest.fixture(scope="session")
def albert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an encoder that shares its blocks."""
    return save_albert(tmp_path_factory.mktemp("albert"))
