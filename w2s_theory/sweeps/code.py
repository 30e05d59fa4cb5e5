"""The version of the code that a row depends on, so that results of changed code are told from older ones."""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.metadata
import inspect
import json
import os
import pickle
import platform
import sysconfig
from collections.abc import Callable, Iterator, Mapping
from importlib.machinery import SourceFileLoader
from opcode import opmap
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from .._validation import MissingExtra
from .imported import imported, roots_of
from .points import SEED_RULE
from .source_file import SourceFile

LIBRARY = Path(__file__).resolve().parents[1]
#: Parts of the library that no row depends on.
_SILENT = ("cli", "report", "sweeps", "plotting.py")
_FLAGS = 0x3FF  # what kind of function it is
_DOCUMENTED = getattr(inspect, "CO_HAS_DOCSTRING", 0)


def code_version(run_one: Callable[..., Any]) -> str:
    """Sixteen hexadecimal digits of what the rows of ``run_one`` depend on besides parameters and seeds.

    These are: its file and the files that this one imports, directly or not, from beside it or from its package (see ``imported``), without
    comments and docstrings; what it closes over, and arguments bound by ``functools.partial``; for functions of a notebook or of the script
    that is run, the functions and values that they refer to; what w2s_theory does (comments and the words of docstrings are no matter);
    the versions of Python, NumPy, SciPy and torch. Other packages don't count, nor what lies on other import paths, nor data files.

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
    """Digests of the library's modules, read once: a process goes on with the code that it has loaded.

    They are taken of the instructions, which Python keeps beside the sources: to parse hundreds of files takes seconds.
    """
    return tuple(_digest_of(path) for path in sorted(LIBRARY.rglob("*.py")) if path.relative_to(LIBRARY).parts[0] not in _SILENT)


def _digest_of(path: Path) -> bytes:
    code = SourceFileLoader("", str(path)).get_code("")
    digest = hashlib.sha256(path.relative_to(LIBRARY).as_posix().encode())
    for part in _instructions(code) if code else ():
        digest.update(len(part).to_bytes(8, "little") + part)
    return digest.digest()


def _identity(function: Any, seen: set[int]) -> Iterator[bytes]:
    """What tells this callable from another one, part by part."""
    if id(function) in seen:
        return
    seen.add(id(function))
    if isinstance(function, SourceFile):
        yield f"file {function.function} {function.package}".encode()
        yield from _files(Path(function.path), function.text.encode(), function.package)
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
        yield from _files(path, path.read_bytes())
    else:
        for name in sorted(_names(function.__code__) & function.__globals__.keys()):
            yield name.encode()
            yield from _value(function.__globals__[name], seen)
    yield from _instructions(function.__code__)  # also for a file: two lambdas of one line have the same name
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


def _instructions(code: CodeType) -> Iterator[bytes]:
    """What a code object does: without line numbers, its file's name and docstrings, as of all that is defined in it."""
    yield code.co_code
    yield code.co_exceptiontable
    names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
    yield repr((*names, code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags & _FLAGS)).encode()
    silent = _silent_constants(code)
    for place, constant in enumerate(code.co_consts):
        if isinstance(constant, CodeType):
            yield from _instructions(constant)
        elif place not in silent:
            yield repr(sorted(constant, key=repr) if isinstance(constant, frozenset) else constant).encode()


def _silent_constants(code: CodeType) -> set[int]:
    """The places of the docstring and of the number of a class's first line, which Python 3.13 keeps, among the constants."""
    if code.co_flags & inspect.CO_OPTIMIZED:  # a function; before 3.13 the first constant of one that has no docstring is None
        is_documented = code.co_flags & _DOCUMENTED if _DOCUMENTED else not code.co_name.startswith("<")
        return {0} if is_documented and code.co_consts and isinstance(code.co_consts[0], str) else set()
    words, found = code.co_code, set()
    for at in range(2, len(words), 2):
        is_bound = words[at] == opmap["STORE_NAME"] and words[at - 2] == opmap["LOAD_CONST"]
        if is_bound and code.co_names[words[at + 1]] in ("__doc__", "__firstlineno__"):
            found.add(words[at - 1])
    return found


def _names(code: CodeType) -> set[str]:
    return set(code.co_names).union(*(_names(constant) for constant in code.co_consts if isinstance(constant, CodeType)))


def _files(first: Path, text: bytes, package: str | None = None) -> Iterator[bytes]:
    """A file and those that it imports, directly or not, each as its syntax tree; one that does not parse as its bytes."""
    home = roots_of(first, package)
    found: dict[Path, bytes] = {}
    waiting = {first}
    while waiting:
        path = waiting.pop()
        source = text if path == first else path.read_bytes()
        try:
            found[path], statements = _parsed(source)
        except (SyntaxError, ValueError):
            found[path] = source
            continue
        beside = imported(statements, path, [*home, *roots_of(path)]) - found.keys()
        waiting |= {each for each in beside if not each.is_relative_to(LIBRARY) and not _is_installed(each)}
    for path in sorted(found):
        yield os.path.relpath(path, first.parent).encode() + b"\0" + found[path]


@functools.lru_cache(maxsize=512)
def _parsed(source: bytes) -> tuple[bytes, ast.Module]:
    """A file's syntax tree as text, without docstrings; and its import statements alone."""
    tree = ast.parse(source)
    statements: list[ast.stmt] = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    return ast.dump(_without_docstrings(tree)).encode(), ast.Module(statements, [])


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
