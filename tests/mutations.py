"""Mutation testing: change a constant in each closed form by 10 %, one at a time, and see the tests fail. Runs under --runslow.

Constants are found, not listed: every number in the functions that hold closed forms, and every value they return, times 1.1. A mutant is a
copy of the package with one of them changed; the test files of its room must fail in a process of their own.
"""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
LAMBDA, SIDES = "<lambda>", ("_sides",)
DIVERGENCES = ("tests/test_divergences.py", "tests/quantities/test_gain.py", "tests/theorems/test_identities.py")
CHARIKAR = ("tests/theorems/test_charikar2024.py",)
FINITE = ("tests/theorems/test_finite_sample.py",)
REPORT = ("tests/design/test_report.py",)
#: File -> (functions that are closed forms, the tests that must notice).
CLOSED_FORMS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "divergences.py": (("gradient", "between", "residual", "inner"), DIVERGENCES),
    "design/filters.py": (("on",), ("tests/design/test_design.py",)),
    "design/label_moments.py": (("plus",), ("tests/design/test_streaming.py",)),
    "design/moments.py": (("merged",), ("tests/design/test_streaming.py",)),
    "design/report.py": (("in_sample", "_student", "_with_ceiling", "numbers", "gain_of_errors", "assemble"), REPORT),
    "design/rowwise.py": (("leave_one_out", "numbers"), REPORT),
    "quantities/gain.py": (("mean",), DIVERGENCES),
    "quantities/disagreement.py": (("share",), DIVERGENCES),
    "quantities/finite_sample.py": (("overfitting_ratio", "label_free_gain", LAMBDA), FINITE),
    "quantities/projection.py": (("band",), CHARIKAR),
    "quantities/sampled_training.py": (("value_bound", "excess_misfit_bound", "allowance"), CHARIKAR),
    "problems/gaussian.py": (("weak_error", "student_error", "misfit", "misfit_limit", "gain"), FINITE),
    "problems/population.py": (("squared_norm", "inner", "approximation_error"), CHARIKAR),
    "problems/training.py": (("excess_misfit",), CHARIKAR),
    "theorems/charikar2024/cross_term.py": (SIDES, CHARIKAR),
    "theorems/charikar2024/theorem_2_approximate.py": (SIDES, CHARIKAR),
    "theorems/ridge/penalty.py": (SIDES, ("tests/theorems/test_ridge.py",)),
    "theorems/identities/zero_one_binary.py": (SIDES, DIVERGENCES),
    "theorems/finite_sample/sign_flip.py": (SIDES, FINITE),
    "theorems/finite_sample/misfit_overstates_gain.py": (SIDES, FINITE),
}
#: Keyword arguments and assigned names whose numbers are not part of a closed form: axes, and allowances for rounding and inexact solves.
SKIPPED_KEYWORDS = {"axis", "keepdims", "scale", "solver_error"}
SKIPPED_NAMES = {"slip", "stationarity", "smallest", "scale", "safe", "size", "sizes", "lengths"}
#: (file, number) -> why changing it means the same.
EQUIVALENT = {
    ("theorems/finite_sample/sign_flip.py", "1"): "n and 2d + 1 are whole, so 2d + 1.1 has the same numbers on either side of it",
}


class Mutant(NamedTuple):
    """One change: characters ``first`` to ``last`` of a file become ``new``; ``tests`` must notice."""

    file: str
    line: int
    first: int
    last: int
    new: str
    tests: tuple[str, ...]


def mutants(file: str, functions: tuple[str, ...], tests: tuple[str, ...]) -> list[Mutant]:
    """Every number of the closed forms in a file times 1.1, and every value they return times 1.1."""
    source = (ROOT / "w2s_theory" / file).read_text()
    starts = [0]
    for text in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(text))
    lines = source.splitlines()
    found: list[Mutant] = []

    def change(node: ast.expr, new: str) -> None:
        assert node.end_lineno is not None
        ends = ((node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset))
        first, last = (starts[n - 1] + len(lines[n - 1].encode()[:c].decode()) for n, c in ends)
        found.append(Mutant(file, node.lineno, first, last, new.format(source[first:last]), tests))

    def visit(node: ast.AST, inside: bool) -> None:
        is_name_skipped = (
            isinstance(node, ast.Assign) and {n.id for n in ast.walk(node) if isinstance(n, ast.Name)} & SKIPPED_NAMES
        )
        if isinstance(node, ast.If | ast.Raise | ast.arguments) or is_name_skipped:
            return
        if isinstance(node, ast.keyword) and node.arg in SKIPPED_KEYWORDS:
            return
        if isinstance(node, ast.Subscript):  # an index is not a constant
            visit(node.value, inside)
            return
        if isinstance(node, ast.FunctionDef | ast.Lambda):
            here = (LAMBDA if isinstance(node, ast.Lambda) else node.name) in functions
            inside = inside or here
        is_result = isinstance(node, ast.Return) and node.value is not None and functions != SIDES
        if inside and is_result and not isinstance(node.value, ast.Name):
            change(node.value, "1.1 * ({})")
        if inside and isinstance(node, ast.Constant) and type(node.value) in (int, float) and node.value != 0:
            change(node, repr(1.1 * node.value))
        for child in ast.iter_child_nodes(node):
            visit(child, inside)

    visit(ast.parse(source), False)
    return found


ALL = [mutant for file, (functions, tests) in CLOSED_FORMS.items() for mutant in mutants(file, functions, tests)]
MUTANTS = [m for m in ALL if (m.file, (ROOT / "w2s_theory" / m.file).read_text()[m.first : m.last]) not in EQUIVALENT]


def test_every_closed_form_offers_something_to_change():
    assert {mutant.file for mutant in MUTANTS} == set(CLOSED_FORMS)


@pytest.mark.slow
@pytest.mark.parametrize("tests", sorted({m.tests for m in MUTANTS}), ids=lambda tests: tests[0])
def test_the_unchanged_copy_passes(tests, tmp_path):
    done = run_tests(tmp_path, tests)
    assert done.returncode == 0, f"a copy without any change fails, so a mutant proves nothing\n{done.stdout[-1500:]}"


@pytest.mark.slow
@pytest.mark.parametrize("mutant", MUTANTS, ids=[f"{m.file}:{m.line}:{i}" for i, m in enumerate(MUTANTS)])
def test_a_constant_ten_percent_off_is_noticed(mutant, tmp_path):
    source = (ROOT / "w2s_theory" / mutant.file).read_text()
    done = run_tests(tmp_path, mutant.tests, mutant.file, source[: mutant.first] + mutant.new + source[mutant.last :])
    what = f"{mutant.file}:{mutant.line}: {source[mutant.first : mutant.last]} -> {mutant.new}"
    assert done.returncode == 1, f"survived: {what}\n{done.stdout[-1500:]}"


def run_tests(folder: Path, tests: tuple[str, ...], file: str = "", source: str = "") -> subprocess.CompletedProcess[str]:
    """Run tests, in a process of its own, on a copy of the package in which ``file`` (if any) reads ``source``."""
    for name in ("w2s_theory", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "refs.bib"):
        shutil.copy(ROOT / name, folder)
    if file:
        (folder / "w2s_theory" / file).write_text(source)
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--hypothesis-profile=ci", "-p", "no:cacheprovider", *tests]
    environment = {**os.environ, "PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
