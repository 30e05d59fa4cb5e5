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


@pytest.mark.parametrize(
    ("statement", "file"),
    [
        ("import pack._part", "pack/_part.py"),
        ("import pack.deep.inner as inner", "pack/deep/inner.py"),
        ("import pack.deep.inner", "pack/deep/__init__.py"),
        ("from pack import _part", "pack/_part.py"),
        ("from pack.deep import inner", "pack/deep/inner.py"),
        ("from pack.deep.inner import f", "pack/deep/inner.py"),
        ("from . import _part", "pack/_part.py"),
        ("from ._part import f", "pack/_part.py"),
        ("from .deep import inner", "pack/__init__.py"),
        ("from .deep.inner import f", "pack/deep/inner.py"),
        ("import helpers", "pack/helpers/__init__.py"),
        ("def later():\n    import helpers.more", "pack/helpers/more.py"),
        ("from pack.deep import inner", "helper.py"),
    ],
)
def test_every_form_of_import_is_followed(tmp_path, statement, file):
    """``pack/study.py`` imports; ``pack/deep/inner.py`` imports ``pack/deep/other.py``, which imports ``helper.py``."""
    for name in ("pack/deep", "pack/helpers"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "__init__.py").touch()
    (tmp_path / "pack/__init__.py").touch()
    for name in ("pack/_part.py", "pack/helpers/more.py", "helper.py", "pack/unused.py"):
        (tmp_path / name).write_text("f = 1\n")
    (tmp_path / "pack/deep/inner.py").write_text("from .other import f\n")
    (tmp_path / "pack/deep/other.py").write_text("import helper\nf = helper.f\n")
    (tmp_path / "pack/study.py").write_text(f"{statement}\ndef run_one(params, rng):\n    return {{}}\n")
    study = SourceFile(tmp_path / "pack/study.py", package="pack")
    first = code_version(study)
    (tmp_path / "pack/unused.py").write_text("f = 2\n")
    assert code_version(study) == first
    (tmp_path / file).write_text((tmp_path / file).read_text() + "g = 2\n")
    assert code_version(study) != first


def test_a_file_beside_it_that_does_not_parse_counts_as_it_is(tmp_path):
    assert len({version_of(tmp_path, helper="def f(:\n"), version_of(tmp_path, helper="def g(:\n"), version_of(tmp_path)}) == 3


MODULE = '''
"""A module."""
class A:
    """A class."""
    at = 3
    def f(self, x=1):
        """A method."""
        try:
            x = x + 1  # why
            return [each for each in "abc"]
        except ValueError:
            return 2
'''


@pytest.mark.parametrize(
    ("old", "new", "is_same"),
    [
        ("# why", "# because", True),
        ("class A", "\n\n# more\nclass A", True),
        ("A module", "Something", True),
        ("A class", "Something", True),
        ("A method", "Something", True),
        ("at = 3", "at = 4", False),
        ("x=1", "x=2", False),
        ("x + 1", "x + 2", False),
        ("x + 1", "x - 1", False),
        ('"abc"', '"abd"', False),
        ("ValueError", "TypeError", False),
        ("def f", "def g", False),
        ("self, x", "self, *, x", False),
        ("        try:\n            x = x + 1  # why\n", "        x = x + 1\n        try:\n", False),
    ],
)
def test_a_module_of_the_library_counts_for_what_it_does(monkeypatch, tmp_path, old, new, is_same):
    path = tmp_path / "module.py"
    monkeypatch.setattr(code_module, "LIBRARY", tmp_path)
    path.write_text(MODULE)
    first = code_module._digest_of(path)
    assert old in MODULE
    path.write_text(MODULE.replace(old, new) + "\n")  # of another size, so that what Python keeps beside it is not taken for it
    os.utime(path, (0, 0))
    assert (code_module._digest_of(path) == first) is is_same


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
FACTOR = 1
def helper(x):
    # COMMENT
    return FACTOR * x
def run_one(params, rng):
    "COMMENT"
    return dict(y=helper(np.abs(params["x"])))
'''
for factor, comment in [(1, "as it is"), (1, "in other words"), (2, "as it is")]:
    cell = source.replace("FACTOR = 1", f"FACTOR = {factor}").replace("COMMENT", comment)
    exec(compile(cell, "<cell>", "exec"), globals())
    print(code_version(run_one))
"""


def test_functions_of_a_notebook_are_known_by_what_they_refer_to_the_same_in_every_process():
    command = [sys.executable, "-c", NOTEBOOK]
    one, other = (subprocess.run(command, capture_output=True, text=True, check=True).stdout.split() for _ in range(2))
    assert one == other and one[0] == one[1] != one[2]


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
        for seed in "12"
    }
    assert len(printed) == 1
