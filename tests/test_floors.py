"""The house: imports go down only, there are no circles, heavy libraries stay out of the import, theory does not touch the world."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "w2s_theory"
FLOORS = (
    {"outcomes", "_array", "_validation", "schemas"},
    {"statements", "montecarlo", "linalg", "divergences", "triple"},
    {"problems", "design", "checking"},
    {"students"},
    {"pipelines", "protocol", "embeddings"},
    {"quantities", "programs"},
    {"theorems"},
    {
        "falsification",
        "testing",
        "__init__",
        "real_tasks",
        "report",
        "diagnosis",
        "catalogue",
        "worst_case",
        "plotting",
        "sweeps",
    },
    {"cli", "__main__"},
)
MODULES = sorted(PACKAGE.rglob("*.py"))


def room(module: Path) -> str:
    """The top-level name a module belongs to."""
    relative = module.relative_to(PACKAGE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def floor(name: str) -> int:
    return next(i for i, names in enumerate(FLOORS) if name in names)


def package_imports(module: Path, *, also_type_checking: bool = False) -> set[tuple[str, ...]]:
    """Absolute paths, inside the package, of what a module imports (imports under TYPE_CHECKING left out)."""
    parents = module.relative_to(PACKAGE).parent.parts
    tree = ast.parse(module.read_text())
    skipped: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            skipped |= set(ast.walk(node))
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level and node not in skipped:
            base = parents[: len(parents) - node.level + 1]
            if node.module:
                found.add((*base, *node.module.split(".")))
            else:
                found |= {(*base, alias.name) for alias in node.names}
    return found


@pytest.mark.parametrize("module", MODULES, ids=lambda m: str(m.relative_to(PACKAGE)))
def test_imports_go_down_and_a_theorem_does_not_import_a_theorem(module):
    here = room(module)
    for path in package_imports(module):
        there = path[0] if path and path[0] != "__version__" else "outcomes"
        assert floor(there) <= floor(here), f"{module.name} imports upwards: {'.'.join(path)}"
        if here == "theorems" and module.name != "__init__.py" and there == "theorems":
            assert path[1].startswith("_"), f"a theorem imports a theorem: {'.'.join(path)}"


def test_every_module_has_a_floor():
    assert {room(m) for m in MODULES} <= set().union(*FLOORS)


@pytest.mark.parametrize(
    "module",
    [m for m in MODULES if floor(room(m)) < 8 and room(m) not in ("embeddings", "report", "diagnosis", "sweeps")],
    ids=lambda m: m.stem,
)
def test_the_theory_floors_do_not_print_plot_or_touch_files(module):
    tree = ast.parse(module.read_text())
    called = {n.func.id for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
    imported = {a.name.split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    assert not called & {"print", "open", "input", "exec", "eval"}
    assert not imported & {"matplotlib", "pickle", "os", "shutil"}


def test_importing_the_package_loads_neither_heavy_libraries_nor_scipy_stats():
    code = (
        "import sys, w2s_theory; w2s_theory.gain_report([1.0], [1.0], [1.0])\n"
        "heavy = {'torch', 'cvxpy', 'PEPit', 'sklearn', 'matplotlib', 'hypothesis', 'pyarrow', 'scipy.stats'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=PACKAGE.parent)


def test_the_public_names_exist_and_are_documented():
    import w2s_theory

    for name in w2s_theory.__all__:
        value = getattr(w2s_theory, name)
        assert name == "STATEMENTS" or value.__doc__, name
    with pytest.raises(AttributeError, match="public names"):
        w2s_theory.nonsense  # noqa: B018
