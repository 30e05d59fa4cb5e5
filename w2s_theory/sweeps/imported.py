"""The files that a file's imports name, of those that lie beside it or in its package."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path


def roots_of(path: Path, package: str | None = None) -> list[Path]:
    """Where the absolute imports of a file start: its folder, and the one that holds its outermost package (``package``, where it is known)."""
    folder = root = path.parent
    if package is not None:
        for _ in package.split("."):
            root = root.parent
    while package is None and (root / "__init__.py").is_file():
        root = root.parent
    return [folder, root]


def imported(tree: ast.AST, path: Path, roots: Sequence[Path]) -> set[Path]:
    """The files that Python executes for the import statements of ``tree``, wherever in it they stand; it is the file at ``path``.

    ``import a.b`` and ``from a import b`` name ``a/__init__.py`` and ``a/b.py`` (or ``a/b/__init__.py``) below each of ``roots``; a relative
    import starts at the file's own folder. What is on other import paths is not found, nor what is imported without a statement.
    """
    return {file for start, words in _named(tree, path.parent, roots) for file in _executed(start, words)}


def _named(tree: ast.AST, folder: Path, roots: Sequence[Path]) -> Iterator[tuple[Path, list[str]]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((root, alias.name.split(".")) for alias in node.names for root in roots)
        elif isinstance(node, ast.ImportFrom):
            words = node.module.split(".") if node.module else []
            starts = [folder, *folder.parents][node.level - 1 : node.level] if node.level else roots
            yield from ((start, [*words, alias.name]) for start in starts for alias in node.names)
            if node.level:
                yield from ((start, ["__init__"]) for start in starts)


def _executed(folder: Path, words: Sequence[str]) -> Iterator[Path]:
    for word in words:
        for file in (folder / word / "__init__.py", folder / f"{word}.py"):
            if file.is_file():
                yield file
                break
        folder /= word
