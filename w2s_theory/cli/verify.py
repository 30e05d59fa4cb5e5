"""``w2s verify``: check statements of the catalogue on example problems of their own."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from tyro.conf import Positional, arg

from .misuse import Misuse, refused
from .options import Given
from .printing import print_json

if TYPE_CHECKING:
    from ..outcomes import Check, Verdict


@dataclass(frozen=True)
class Verify:
    """Check statements on example problems of their own, drawn from --seed. The margin is the room left (0 = attained).

    examples:
      w2s verify                                  every statement in the catalogue
      w2s verify charikar2024                     the statements of one paper
      w2s verify charikar2024.theorem_1 --json    one statement, for a program
      w2s verify --device cuda                    NumPy and, beside it, the same
                                                  problems as torch tensors there
      w2s verify --device cpu-torch identities    the same on the processor
      w2s verify --list                           what there is, where it is printed

    With a device every statement is checked with NumPy as always, and once more on the device where its mathematics is generic in
    the array library: same problems, same draws, float64. The rest says "NumPy only".

    exit codes:
      0    done; nothing is violated (an absent extra leaves its statements
           UNSOLVED, which is not a violation)
      1    a statement is VIOLATED or NONFINITE on one of its problems
      2    misuse: an unknown name, option or device
    """

    names: Annotated[Positional[Given[tuple[str, ...]]], arg(metavar="[NAME ...]")] = None
    """statements, or papers (all their statements); all without a name"""
    seed: Annotated[int, arg(metavar="N")] = 0
    """seed of the example problems and simulations"""
    device: Annotated[str, arg(metavar="DEVICE")] = "cpu"
    """cpu: NumPy; cuda, cuda:1, cpu-torch: NumPy and torch there, side by side"""
    json: bool = False
    """print one JSON object instead of the table"""
    list: bool = False
    """list the statements and their sources; check nothing"""

    def run(self) -> int:
        """Check, print a line for each statement as it is done, and return 1 where one is violated."""
        import numpy as np

        from .. import __version__
        from .._validation import MissingExtra
        from ..outcomes import VERDICT_TABLE
        from ..problems.devices import torch_device
        from ..theorems import STATEMENTS, compare_examples, find

        if self.seed < 0:
            raise Misuse(f"--seed must be >= 0; it is {self.seed}.")
        names: list[str] = []
        for name in self.names or STATEMENTS:
            chosen = [key for key in STATEMENTS if key == name or key.startswith(f"{name}.")]
            if not chosen:
                with refused(KeyError):
                    find(name)
            names += [key for key in chosen if key not in names]
        if self.list and self.json:
            from ..catalogue.listing import entries

            listed = [asdict(entry) for entry in entries() if entry.name in names]
            print_json("list", {"count": len(listed), "statements": listed})
            return 0
        if self.list:
            for key in names:
                print(f"{key:<40} {STATEMENTS[key].says}  [{STATEMENTS[key].source}]")
            return 0
        device = None if self.device == "cpu" else self.device
        if device is not None:
            try:
                torch_device(device)
            except (ValueError, MissingExtra) as error:
                raise Misuse(f"--device: {error}") from error
        results: list[Compared] = []
        width = max(len(name) for name in names)
        for name in names:
            # The draw depends on the name and the seed only, not on what else is asked for.
            rng = np.random.default_rng(np.random.SeedSequence([self.seed, *name.encode()]))
            results.append(Compared.of(compare_examples(name, device, rng=rng)))
            if not self.json:
                print(_line(results[-1], width, device), flush=True)
        code = max(
            VERDICT_TABLE[check.verdict][1] for result in results for check in (result.numpy, result.there) if check is not None
        )
        if self.json:
            head = {"version": __version__, "seed": self.seed, "device": self.device, "exit_code": code}
            print_json("verify", {**head, "checks": [_row(result) for result in results]})
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
        from ..checking import margin_difference

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
    return min(checks, key=lambda check: (_severity().index(check.verdict), check.margin))


def _severity() -> tuple[Verdict, ...]:
    """Worst first: the verdict of a statement is the worst over its problems."""
    from ..outcomes import VERDICT_TABLE

    return tuple(VERDICT_TABLE)


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
    count = {verdict: sum(check.verdict is verdict for check in checks) for verdict in _severity()}
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
    return row | {"on_device": there}


def _checked(check: Check) -> dict[str, Any]:
    return {**asdict(check), "verdict": check.verdict.name, "sentence": check.verdict.value}
