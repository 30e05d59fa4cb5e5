"""The version of the code that a row depends on, so that results of changed code are told from older ones."""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.metadata
import inspect
import json
import pickle
import platform
import sysconfig
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from .._validation import MissingExtra
from .points import SEED_RULE
from .source_file import SourceFile

LIBRARY = Path(__file__).resolve().parents[1]
#: Parts of the library that no row depends on.
_SILENT = ("cli", "report", "sweeps", "plotting.py")


def code_version(run_one: Callable[..., Any]) -> str:
    """Sixteen hexadecimal digits of what the rows of ``run_one`` depend on besides parameters and seeds.

    These are: its file and the files beside it that this one imports, without comments and docstrings; what it closes over, and
    arguments bound by ``functools.partial``; for functions of a notebook or of the script that is run, the functions and values that
    they refer to; the sources of w2s_theory; the versions of Python, NumPy, SciPy and torch. Other packages don't count.

    Raises ``ValueError`` when the function refers to something that can't be told from another of its kind (an open file, a lock).
    """
    digest = hashlib.sha256()
    try:
        for part in (_versions(), *_library(), *_identity(run_one, set())):
            digest.update(len(part).to_bytes(8, "little") + part)
    except (TypeError, RecursionError, pickle.PicklingError) as error:
        raise ValueError(
            f"run_one refers to something of which no version can be made ({error}). Make it inside run_one, or pass version='1', and "
            "another one when the code changes."
        ) from error
    return digest.hexdigest()[:16]


def _versions() -> bytes:
    found = [SEED_RULE, platform.python_version()]
    for package in ("numpy", "scipy", "torch"):
        try:
            found.append(importlib.metadata.version(package))
        except importlib.metadata.PackageNotFoundError:
            found.append("")
    return json.dumps(found).encode()


@functools.cache
def _library() -> tuple[bytes, ...]:
    """Digests of the library's sources, read once: a process goes on with the code that it has loaded."""
    files = [path for path in sorted(LIBRARY.rglob("*.py")) if path.relative_to(LIBRARY).parts[0] not in _SILENT]
    return tuple(hashlib.sha256(str(path.relative_to(LIBRARY)).encode() + b"\0" + path.read_bytes()).digest() for path in files)


def _identity(function: Any, seen: set[int]) -> Iterator[bytes]:
    """What tells this callable from another one, part by part."""
    if id(function) in seen:
        return
    seen.add(id(function))
    if isinstance(function, SourceFile):
        yield f"file {function.function} {function.package}".encode()
        yield from _files(Path(function.path), function.text)
    elif isinstance(function, functools.partial):
        yield b"partial"
        yield from _identity(function.func, seen)
        yield from _value([list(function.args), dict(function.keywords)], seen)
    elif isinstance(function, MethodType):
        yield b"method"
        yield from _identity(function.__func__, seen)
        yield from _value(function.__self__, seen)
    elif isinstance(function, FunctionType):
        yield from _function(function, seen)
    elif isinstance(function, type | BuiltinFunctionType | np.ufunc):
        yield f"named {getattr(function, '__module__', '')} {getattr(function, '__qualname__', function)}".encode()
    else:
        yield b"object"
        yield from _identity(type(function).__call__, seen)
        yield from _value(function, seen)


def _function(function: FunctionType, seen: set[int]) -> Iterator[bytes]:
    """Its instructions and all that they refer to: in its file, or in the notebook or script that cloudpickle would take it from."""
    path = file_of(function)
    yield f"function {function.__qualname__}".encode()
    if path is not None and function.__module__ != "__main__":
        if _is_installed(path):
            return  # the versions of the packages that matter are there already
        yield from _files(path, path.read_text(encoding="utf-8"))
    else:
        for name in sorted(_names(function.__code__) & function.__globals__.keys()):
            yield name.encode()
            yield from _value(function.__globals__[name], seen)
    yield from _bytecode(function.__code__, function.__doc__)  # also for a file: two lambdas of one line have the same name
    yield from _value([function.__defaults__, function.__kwdefaults__], seen)
    for cell in function.__closure__ or ():
        try:
            yield from _value(cell.cell_contents, seen)
        except ValueError:  # a name that is bound later
            yield b"unbound"


def _value(value: Any, seen: set[int]) -> Iterator[bytes]:
    if value is None or isinstance(value, str | int | float | bool | bytes | np.generic):
        yield f"{type(value).__name__} {value!r}".encode()
    elif isinstance(value, ModuleType):
        yield f"module {value.__name__}".encode()
    elif isinstance(value, np.ndarray) and value.dtype != object:
        yield f"array {value.dtype.str} {value.shape}".encode()
        yield hashlib.sha256(np.ascontiguousarray(value).data).digest()
    elif isinstance(value, list | tuple):
        yield f"{type(value).__name__} {len(value)}".encode()
        for item in value:
            yield from _value(item, seen)
    elif isinstance(value, set | frozenset):
        yield f"set {len(value)}".encode()
        yield from sorted(b"\0".join(_value(item, seen)) for item in value)
    elif isinstance(value, Mapping):
        yield f"mapping {len(value)}".encode()
        for key, item in value.items():
            yield from _value(key, seen)
            yield from _value(item, seen)
    elif isinstance(value, FunctionType | MethodType | BuiltinFunctionType | functools.partial | np.ufunc | SourceFile):
        yield from _identity(value, seen)
    elif isinstance(value, type) and value.__module__ != "__main__":
        yield f"class {value.__module__} {value.__qualname__}".encode()
    else:
        yield _pickled(value)


def _pickled(value: Any) -> bytes:
    try:
        import cloudpickle
    except ImportError as error:
        raise MissingExtra("sweeps", "cloudpickle") from error
    return hashlib.sha256(cloudpickle.dumps(value)).digest()


def _bytecode(code: CodeType, docstring: str | None) -> Iterator[bytes]:
    """The instructions of a function without its line numbers, its file's name and its docstring."""
    yield code.co_code
    yield repr((code.co_names, code.co_varnames, code.co_freevars)).encode()
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _bytecode(constant, None)
        elif not (isinstance(constant, str) and constant == docstring):
            yield repr(sorted(constant, key=repr) if isinstance(constant, frozenset) else constant).encode()


def _names(code: CodeType) -> set[str]:
    return set(code.co_names).union(*(_names(constant) for constant in code.co_consts if isinstance(constant, CodeType)))


def _files(path: Path, text: str) -> Iterator[bytes]:
    """A file and those beside it that it imports, directly or not, each as its syntax tree."""
    found: dict[Path, str] = {}
    waiting = [(path, text)]
    while waiting:
        path, text = waiting.pop()
        if path in found or path.is_relative_to(LIBRARY):
            continue
        tree = ast.parse(text)
        found[path] = ast.dump(_without_docstrings(tree))
        for beside in sorted(_siblings(tree, path.parent) - found.keys()):
            waiting.append((beside, beside.read_text(encoding="utf-8")))
    for path in sorted(found):
        yield f"{path.name}\0{found[path]}".encode()


def _siblings(tree: ast.AST, folder: Path) -> set[Path]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level <= 1:
            words = (node.module or "").split(".")
            names |= {words[0], words[-1]} | {alias.name for alias in node.names}
    return {folder / f"{name}.py" for name in names if name and (folder / f"{name}.py").is_file()}


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.body:
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
                node.body = node.body[1:]
    return tree


def file_of(function: Any) -> Path | None:
    """The file that a function was written in; None for those of a notebook or a shell, and for objects."""
    if isinstance(function, SourceFile):
        return Path(function.path)
    while isinstance(function, functools.partial):
        function = function.func
    try:
        path = Path(inspect.getsourcefile(inspect.unwrap(function)) or "")
    except TypeError:
        return None
    return path.resolve() if path.suffix == ".py" and path.is_file() else None


def _is_installed(path: Path) -> bool:
    homes = {sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")}
    return any(path.is_relative_to(Path(home).resolve()) for home in homes if home)
