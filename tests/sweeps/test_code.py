"""The version of the code: another one for what changes rows, the same for what doesn't, in any process."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from w2s_theory.sweeps import SourceFile, code_version, sweep
from w2s_theory.sweeps import code as code_module

STUDY = '''
"""A study."""
import helper
from other import *

def run_one(params, rng):
    """What it does."""
    return {"y": helper.f(params["x"])}  # why
'''


def version_of(
    folder: Path, text: str = STUDY, helper: str = "def f(x):\n    return x\n", other: str = "k = 1\n", **named
) -> str:
    (folder / "study.py").write_text(text)
    (folder / "helper.py").write_text(helper)
    (folder / "other.py").write_text(other)
    (folder / "unused.py").write_text(other)
    return code_version(SourceFile(folder / "study.py", **named))


def test_comments_docstrings_and_layout_do_not_change_the_version_of_a_file(tmp_path):
    first = version_of(tmp_path)
    assert len(first) == 16 and int(first, 16) >= 0
    changed = (
        STUDY.replace("# why", "# because")
        .replace("What it does", "Something")
        .replace("A study", "Another")
        .replace("\n\n", "\n\n\n")
    )
    assert changed != STUDY and version_of(tmp_path, changed) == first
    (tmp_path / "unused.py").write_text("k = 5\n")
    assert code_version(SourceFile(tmp_path / "study.py")) == first


@pytest.mark.parametrize(
    "change",
    [
        {"text": STUDY.replace('params["x"]', 'params["x"] + 1')},
        {"helper": "def f(x):\n    return -x\n"},
        {"helper": "import deeper\ndef f(x):\n    return x\n"},
        {"other": "k = 2\n"},
        {"function": "helper"},
        {"package": "studies"},
    ],
    ids=["the file", "a file beside it", "a file beside that", "a file of which all is taken", "the function", "the package"],
)
def test_code_that_a_row_can_depend_on_changes_the_version(tmp_path, change):
    assert version_of(tmp_path) != version_of(tmp_path, **change)


def test_relative_imports_are_followed_and_circles_end(tmp_path):
    (tmp_path / "__init__.py").write_text("")
    text = "from ._shared import f\nfrom . import _again\ndef run_one(params, rng):\n    return {'y': f()}\n"
    for name, content in (
        ("study", text),
        ("_shared", "from . import _again\nf = int\n"),
        ("_again", "from ._shared import f\n"),
    ):
        (tmp_path / f"{name}.py").write_text(content)
    first = code_version(SourceFile(tmp_path / "study.py", package=tmp_path.name))
    (tmp_path / "_again.py").write_text("from ._shared import f\nx = 1\n")
    assert code_version(SourceFile(tmp_path / "study.py", package=tmp_path.name)) != first


def test_what_a_function_closes_over_or_is_bound_to_is_part_of_its_version():
    def make(scale, table):
        def run_one(params, rng):
            return {"y": scale * table.sum()}

        return run_one

    def run_two(params, rng, scale):
        return {"y": scale}

    table = np.arange(3.0)
    first = code_version(make(2.0, table))
    assert code_version(make(2.0, table.copy())) == first
    others = [
        make(3.0, table),
        make(2.0, table + 1),
        make(2, table),
        functools.partial(run_two, scale=1),
        functools.partial(run_two, scale=2),
    ]
    assert len({first, *map(code_version, others)}) == 6


class Slope:
    def __init__(self, slope):
        self.slope = slope

    def __call__(self, params, rng):
        return {"y": self.slope * params["x"]}

    def run(self, params, rng):
        return {"y": self.slope}


def test_methods_and_callable_objects_have_versions_that_see_their_state():
    made = [Slope(1.0), Slope(2.0), Slope(1.0).run, Slope(2.0).run]
    assert len({code_version(each) for each in made}) == 4
    assert code_version(Slope(1.0)) == code_version(Slope(1.0))


NOTEBOOK = """
import sys
import threading
from w2s_theory.sweeps import code_version
source = '''
import numpy as np
FACTOR = {factor}
def helper(x):
    # {comment}
    return FACTOR * x
def run_one(params, rng):
    "{comment}"
    return dict(y=helper(np.abs(params["x"])))
'''
exec(compile(source, "<cell>", "exec"), globals())
print(code_version(run_one))
"""


def test_functions_of_a_notebook_are_known_by_what_they_refer_to_the_same_in_every_process():
    def printed(factor, comment="as it is"):
        code = NOTEBOOK.replace("{factor}", str(factor)).replace("{comment}", comment)
        return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()

    first = printed(1)
    assert printed(1, "in other words") == first
    assert printed(2) != first


def test_the_library_and_the_versions_of_packages_count(monkeypatch, tmp_path):
    def run_one(params, rng):
        return {}

    first = code_version(run_one)
    monkeypatch.setattr(code_module.importlib.metadata, "version", lambda package: "0")
    assert code_version(run_one) != first
    monkeypatch.undo()
    (tmp_path / "quantities.py").write_text("x = 1\n")
    monkeypatch.setattr(code_module, "LIBRARY", tmp_path)
    code_module._library.cache_clear()
    other = code_version(run_one)
    (tmp_path / "quantities.py").write_text("x = 2\n")
    assert code_version(run_one) == other, "a process goes on with the code that it has loaded"
    code_module._library.cache_clear()
    assert first != other != code_version(run_one)
    code_module._library.cache_clear()


@pytest.mark.parametrize(
    ("text", "words"),
    [("def run_one(:\n", "does not parse"), (b"\xff\xfe", "UTF-8"), (None, "can't be read")],
    ids=["syntax", "bytes", "absent"],
)
def test_a_file_that_is_no_python_is_refused(tmp_path, text, words):
    path = tmp_path / "study.py"
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ValueError, match=words):
        SourceFile(path)


def test_what_has_no_version_is_refused_with_the_way_out_but_only_where_results_are_kept(tmp_path):
    lock = threading.Lock()

    def run_one(params, rng):
        return {"y": lock.locked()}

    with pytest.raises(ValueError, match=r"pass version='1'"):
        sweep(run_one, [{"x": 1}], store=tmp_path)
    assert sweep(run_one, [{"x": 1}]).provenance["version"] == "unknown"
    assert sweep(run_one, [{"x": 1}], store=tmp_path, version="1").table["y"].tolist() == [False]


def test_a_set_has_the_same_version_whatever_the_order_it_is_kept_in():
    code = "from w2s_theory.sweeps import code_version\nwords = set('abcdefgh')\nprint(code_version(lambda params, rng: {'y': len(words)}))"
    printed = {
        subprocess.run(
            [sys.executable, "-c", code], env=os.environ | {"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in "123"
    }
    assert len(printed) == 1
