"""A function in a file that is on no import path: it travels to workers as the file's text."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

_modules: dict[str, ModuleType] = {}


class SourceFile:
    """The function ``function`` of the Python file at ``path``, as a callable that works in any process.

    It carries the file's text: a worker that has neither the file nor its folder on its import path executes the text once and keeps the
    module. ``package`` is the package that relative imports of the file start from, where it has them; workers must be able to
    import that, and what else the file imports (its own folder is searched last).

    Raises ``ValueError`` when the file can't be read, does not parse or, once it is executed, has no such function.
    """

    def __init__(self, path: str | Path, function: str = "run_one", package: str | None = None) -> None:
        self.path = str(Path(path).resolve())
        self.function = function
        self.package = package
        try:
            self.text = Path(path).read_text(encoding="utf-8")
            compile(self.text, self.path, "exec")
        except SyntaxError as error:
            raise ValueError(f"{path} does not parse: {error.msg}, line {error.lineno}. Repair it.") from error
        except (OSError, ValueError) as error:
            raise ValueError(f"{path} can't be read as Python: {error}. Pass the path of a .py file in UTF-8.") from error

    @property
    def name(self) -> str:
        """The file's stem."""
        return Path(self.path).stem

    def module(self) -> ModuleType:
        """The file executed as a module, once per process and text. What it raises goes through."""
        digest = hashlib.sha256("\0".join([self.path, self.package or "", self.text]).encode()).hexdigest()[:16]
        if digest not in _modules:
            if self.package is None and (folder := str(Path(self.path).parent)) not in sys.path:
                sys.path.append(folder)
            module = ModuleType(f"_w2s_{self.name}_{digest}")
            module.__file__ = self.path
            module.__package__ = self.package
            sys.modules[module.__name__] = module  # dataclasses look their module up there
            try:
                exec(compile(self.text, self.path, "exec"), module.__dict__)
            except BaseException:
                del sys.modules[module.__name__]
                raise
            _modules[digest] = module
        return _modules[digest]

    def load(self) -> Any:
        """The function itself. Raises ``ValueError`` when the file has none of that name."""
        found = getattr(self.module(), self.function, None)
        if not callable(found):
            raise ValueError(f"{self.path} has no function {self.function!r}. Define it: def {self.function}(params, rng).")
        return found

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return self.load()(*arguments, **named)

    def __repr__(self) -> str:
        return f"SourceFile({self.path!r}, {self.function!r})"
