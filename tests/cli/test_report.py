"""``w2s report`` where it can't write; what it writes is looked at in tests/report."""

from __future__ import annotations

import pytest

pytest.importorskip("tyro")

from w2s_theory import cli


def test_a_place_that_is_no_page_is_refused_before_anything_is_read(tmp_path, capsys):
    (tmp_path / "notes.md").write_text("mine")
    (tmp_path / "folder.html").mkdir()
    for name, what in (("notes.md", "a file"), ("notes.md/page.html", "a file"), ("folder.html", "a folder")):
        assert cli.main(["report", "--out", str(tmp_path / name)]) == 2
        assert f"is {what}. Give another name." in capsys.readouterr().err
    assert (tmp_path / "notes.md").read_text() == "mine"


def test_a_folder_that_can_not_be_made_is_said_with_its_own_exit_code(capsys):
    assert cli.main(["report", "--out", "/proc/nowhere/page.html"]) == 3
    assert "could not be made" in capsys.readouterr().err
