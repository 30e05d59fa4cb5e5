"""``w2s verify``: check statements of the catalogue on example problems of their own."""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import asdict
from typing import Any

import numpy as np

from .. import __version__
from ..outcomes import VERDICT_TABLE, Check

DESCRIPTION = """\
Check statements on example problems of their own, drawn from --seed. The margin is the room left (0 = attained).

examples:
  w2s verify                                  every statement in the catalogue
  w2s verify charikar2024                     the statements of one paper
  w2s verify charikar2024.theorem_1 --json    one statement, for a program to read
  w2s verify --list                           what there is, and where it is printed
"""
#: The verdict of a statement is the worst over its problems.
SEVERITY = tuple(VERDICT_TABLE)


def add(commands: Any) -> None:
    """Add the parser of ``verify``."""
    parser = commands.add_parser("verify", help="check all or some statements", description=DESCRIPTION)
    parser.add_argument("names", nargs="*", metavar="NAME", help="statement, or paper (all its statements); default: all")
    parser.add_argument("--seed", type=int, default=0, help="seed of the example problems and simulations (default 0)")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    parser.add_argument("--list", action="store_true", help="list the statements and their sources; check nothing")
    parser.set_defaults(run=lambda options: _verify(options, parser))


def _verify(options: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    from ..theorems import STATEMENTS, check_examples, find

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
    results: list[tuple[str, Check, int]] = []
    width = max(len(name) for name in names)
    for name in names:
        # The draw depends on the name and the seed only, not on what else is asked for.
        checks = check_examples(name, rng=np.random.default_rng(np.random.SeedSequence([options.seed, *name.encode()])))
        worst = min(checks, key=lambda check: (SEVERITY.index(check.verdict), check.margin))
        results.append((name, worst, len(checks)))
        if not options.json:
            margin = "" if math.isnan(worst.margin) else f"margin {worst.margin: .2e} ± {worst.error:.0e}"
            print(
                f"{name:<{width}}  {worst.verdict.name:<12}  {len(checks)} problems  {margin}  {worst.why}".rstrip(), flush=True
            )
    code = max(VERDICT_TABLE[check.verdict][1] for _, check, _ in results)
    if options.json:
        rows = [
            _plain({**asdict(check), "verdict": check.verdict.name, "sentence": check.verdict.value, "problems": count})
            for _, check, count in results
        ]
        print(json.dumps({"version": __version__, "seed": options.seed, "exit_code": code, "checks": rows}, indent=2))
    else:
        count = {verdict: sum(check.verdict is verdict for _, check, _ in results) for verdict in SEVERITY}
        print(f"{len(results)} statements: " + ", ".join(f"{n} {verdict.name}" for verdict, n in count.items() if n))
    return code


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """NaN and infinity become null: JSON has no word for them."""
    return {key: None if isinstance(value, float) and not math.isfinite(value) else value for key, value in row.items()}
