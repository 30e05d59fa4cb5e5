"""The tutorials run as they are written, and print what stands below their blocks."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def _tutorials():
    spec = importlib.util.spec_from_file_location("tutorials", ROOT / "docs" / "_config" / "tutorials.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


tutorials = _tutorials()


SLOW = {"cluster"}  # it starts a cluster and two pools of processes, as the tests of these do


@pytest.mark.parametrize(
    "page", [pytest.param(page, marks=[pytest.mark.slow] * (page.stem in SLOW), id=page.stem) for page in tutorials.pages()]
)
def test_a_page_prints_what_stands_below_its_blocks(page):
    assert not tutorials.difference(page), "an output has changed; if it should, run: python docs/_config/tutorials.py"


@pytest.mark.parametrize("page", tutorials.pages(), ids=lambda page: page.stem)
def test_a_page_is_short_and_its_pictures_are_there(page):
    text = page.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 120
    assert all((page.parent / picture).is_file() for picture in tutorials.PICTURE.findall(text))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("```python\nprint(1 + 1)\n```\n\n```text\n3\n```\n", "-3"),
        ("```python\nprint(1 + 1)\n```\n\nNo output.\n", "+2"),
        ("```python\nx = 1\n```\n\n```text\n1\n```\n", "-1"),
    ],
)
def test_an_output_that_is_stale_is_seen(tmp_path, text, says):
    page = tmp_path / "page.md"
    page.write_text(text)
    assert says in tutorials.difference(page).splitlines()


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("raise RuntimeError('broken')", "RuntimeError: broken"),
        ("import warnings; warnings.warn('old')", "UserWarning: old"),
        ("x = 1\n```\n\n![A picture](none.svg)\n\n```python\ny = 1", "shows none.svg, and no block has drawn it"),
    ],
)
def test_a_block_that_raises_or_warns_or_draws_nothing_is_an_error(tmp_path, code, says):
    page = tmp_path / "page.md"
    page.write_text(f"```python\n{code}\n```\n")
    with pytest.raises(RuntimeError, match=says):
        tutorials.difference(page)


def test_blocks_share_their_names_and_keep_what_stands_around_them(tmp_path):
    page = tmp_path / "page.md"
    written = "# A\n\n```python\nx = 2\n```\n\nSo:\n\n```python\nprint(x)\n```\n\n```text\n2\n```\n\nThe end.\n\n```text\nNot an output.\n```\n"
    page.write_text(written)
    assert tutorials.rerun(page, keep_pictures=False) == written
    assert "tutorials" not in sys.modules  # loaded by its path, so that nothing of docs/ can be imported by accident
