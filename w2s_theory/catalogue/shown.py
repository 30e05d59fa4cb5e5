"""Which figure shows the content of which statement: ``SHOWS`` of the experiments, and ``figures.json``, its copy in the package.

An installed package has no experiments; ``python -m w2s_theory.catalogue.shown`` writes the copy in a checkout, and a test compares the two.
"""

from __future__ import annotations

import ast
import json
from pathlib import Path

from ..embeddings.files import replace_file

INDEX = Path(__file__).with_name("figures.json")


def shown_by_experiments(folder: Path) -> dict[str, tuple[str, ...]]:
    """``SHOWS`` of every experiment in ``folder`` that has one, by stem. The files are parsed, not imported.

    Raises ``ValueError`` for a ``SHOWS`` that is not a literal tuple of names.
    """
    found = {}
    for path in sorted(folder.glob("[!_]*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8"), str(path)).body:
            if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "SHOWS" for t in node.targets):
                try:
                    names = ast.literal_eval(node.value)
                except ValueError:
                    names = None
                if not isinstance(names, tuple) or not all(isinstance(name, str) for name in names):
                    raise ValueError(f"SHOWS in {path} must be a literal tuple of names of statements. Write them out.")
                found[path.stem] = names
    return found


def write_index(root: Path) -> None:
    """Write the copy in the package from the experiments of the checkout ``root``."""
    index = {stem: list(names) for stem, names in shown_by_experiments(root / "experiments").items()}
    replace_file(INDEX, (json.dumps(index, indent=2) + "\n").encode())


if __name__ == "__main__":
    write_index(INDEX.parents[2])
