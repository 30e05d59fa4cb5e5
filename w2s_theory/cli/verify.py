"""``w2s verify``: check statements of the catalogue on example problems of their own."""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import asdict
from typing import Any, NamedTuple

import numpy as np

from .. import __version__
from .._validation import MissingExtra
from ..checking import margin_difference
from ..outcomes import VERDICT_TABLE, Check

DESCRIPTION = """\
Check statements on example problems of their own, drawn from --seed. The margin is the room left (0 = attained).

examples:
  w2s verify                                  every statement in the catalogue
  w2s verify charikar2024                     the statements of one paper
  w2s verify charikar2024.theorem_1 --json    one statement, for a program to read
  w2s verify --device cuda                    NumPy and, beside it, the same problems as torch tensors on the GPU
  w2s verify --device cpu-torch identities    the same with torch on the processor
  w2s verify --list                           what there is, and where it is printed

With a device every statement is checked with NumPy as always, and once more on the device where its mathematics is generic in the
array library: same problems, same draws, float64. The rest says "NumPy only".
"""
#: The verdict of a statement is the worst over its problems.
SEVERITY = tuple(VERDICT_TABLE)


def add(commands: Any) -> None:
    """Add the parser of ``verify``."""
    parser = commands.add_parser("verify", help="check all or some statements", description=DESCRIPTION)
    parser.add_argument("names", nargs="*", metavar="NAME", help="statement, or paper (all its statements); default: all")
    parser.add_argument("--seed", type=int, default=0, help="seed of the example problems and simulations (default 0)")
    parser.add_argument(
        "--device", default="cpu", help="cpu: NumPy (default); cuda, cuda:1, cpu-torch: NumPy and torch there, side by side"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    parser.add_argument("--list", action="store_true", help="list the statements and their sources; check nothing")
    parser.set_defaults(run=lambda options: _verify(options, parser))


def _verify(options: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    from ..problems.devices import torch_device
    from ..theorems import STATEMENTS, compare_examples, find

    if options.seed < 0:
        parser.error(f"--seed must be >= 0; it is {options.seed}")
    names: list[str] = []
    for name in options.names or STATEMENTS:
        chosen = [key for key in STATEMENTS if key == name or key.startswith(f"{name}.")]
        if not chosen:
            try:
                find(name)
            except KeyError as error:
                parser.error(error.args[0])
        names += [key for key in chosen if key not in names]
    if options.list:
        for key in names:
            print(f"{key:<40} {STATEMENTS[key].says}  [{STATEMENTS[key].source}]")
        return 0
    device = None if options.device == "cpu" else options.device
    if device is not None:
        try:
            torch_device(device)
        except (ValueError, MissingExtra) as error:
            parser.error(f"--device: {error}")
    results: list[Compared] = []
    width = max(len(name) for name in names)
    for name in names:
        # The draw depends on the name and the seed only, not on what else is asked for.
        rng = np.random.default_rng(np.random.SeedSequence([options.seed, *name.encode()]))
        results.append(Compared.of(compare_examples(name, device, rng=rng)))
        if not options.json:
            print(_line(results[-1], width, device), flush=True)
    code = max(
        VERDICT_TABLE[check.verdict][1] for result in results for check in (result.numpy, result.there) if check is not None
    )
    if options.json:
        head = {"version": __version__, "seed": options.seed, "device": options.device, "exit_code": code}
        print(json.dumps({**head, "checks": [_row(result) for result in results]}, indent=2))
    else:
        print(_summary(results, device))
    return code


class Compared(NamedTuple):
    """A statement's worst check with NumPy and on the device (``None``: NumPy only), over ``problems`` and ``moved`` of them; how many
    of these have another verdict there, and the largest difference of their margins in units of the errors they state."""

    numpy: Check
    there: Check | None
    problems: int
    moved: int
    changed: int
    difference: float

    @classmethod
    def of(cls, checks: list[tuple[Check, Check | None]]) -> Compared:
        moved = [(here, there) for here, there in checks if there is not None]
        return cls(
            numpy=_worst([here for here, _ in checks]),
            there=_worst([there for _, there in moved]) if moved else None,
            problems=len(checks),
            moved=len(moved),
            changed=sum(here.verdict is not there.verdict for here, there in moved),
            difference=max((margin_difference(here, there) for here, there in moved), default=math.nan),
        )


def _worst(checks: list[Check]) -> Check:
    return min(checks, key=lambda check: (SEVERITY.index(check.verdict), check.margin))


def _line(result: Compared, width: int, device: str | None) -> str:
    here, there = result.numpy, result.there
    line = f"{here.statement:<{width}}  {_said(here)}  {result.problems} problems  {here.why}".rstrip()
    if device is None:
        return line
    if there is None:
        return f"{line}  | NumPy only"
    line = f"{line}  | {device}: {_said(there)}  {result.moved} problems  {there.why}".rstrip()
    return f"{line}  differ by {result.difference:.1e} of the error"


def _said(check: Check) -> str:
    margin = "" if math.isnan(check.margin) else f"margin {check.margin: .2e} ± {check.error:.0e}"
    return f"{check.verdict.name:<12}  {margin}"


def _summary(results: list[Compared], device: str | None) -> str:
    lines = f"{len(results)} statements: {_counted([result.numpy for result in results])}"
    if device is None:
        return lines
    there = [result.there for result in results if result.there is not None]
    lines += f"\n{len(there)} of them on {device} too: {_counted(there) or 'none'}; {len(results) - len(there)} are NumPy only"
    changed = [result.numpy.statement for result in results if result.changed]
    return f"{lines}\nverdicts differ on {len(changed)} statements{': ' + ', '.join(changed) if changed else ''}"


def _counted(checks: list[Check]) -> str:
    count = {verdict: sum(check.verdict is verdict for check in checks) for verdict in SEVERITY}
    return ", ".join(f"{n} {verdict.name}" for verdict, n in count.items() if n)


def _row(result: Compared) -> dict[str, Any]:
    row = {**_checked(result.numpy), "problems": result.problems}
    if result.there is None:
        return row
    there = {
        **_checked(result.there),
        "problems": result.moved,
        "changed_verdicts": result.changed,
        "margin_difference": result.difference,
    }
    return row | {"on_device": _plain(there)}


def _checked(check: Check) -> dict[str, Any]:
    return _plain({**asdict(check), "verdict": check.verdict.name, "sentence": check.verdict.value})


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """NaN and infinity become null: JSON has no word for them."""
    return {key: None if isinstance(value, float) and not math.isfinite(value) else value for key, value in row.items()}
