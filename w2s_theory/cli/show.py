"""``w2s show``: one statement as a page of a textbook."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from tyro.conf import Positional, arg

from .misuse import Misuse, refused
from .printing import print_json
from .screen import screen_width


@dataclass(frozen=True)
class Show:
    """Show a statement: the theorem and its proof, its symbols and assumptions, how it is checked, where it is tight and printed.

    examples:
      w2s show charikar2024.theorem_1              the page
      w2s show charikar2024.theorem_1 --seed 3     with another example
      w2s show charikar2024.theorem_1 --markdown   for a file
      w2s list                                     which there are

    The example in numbers is drawn and checked now: both sides, the room between them, the verdict. Pages have the width of the
    terminal, or 80 columns in a pipe.
    """

    statement: Annotated[Positional[str], arg(metavar="STATEMENT")]
    """name of the statement, <paper>.<statement>"""
    seed: Annotated[int, arg(metavar="N")] = 0
    """seed of the example in numbers"""
    no_example: bool = False
    """leave the example out: nothing is computed"""
    markdown: bool = False
    """print Markdown"""
    json: bool = False
    """print one JSON object instead of the page"""

    def run(self) -> int:
        """Print the page. An example that does not hold is shown, and is no error of this command."""
        from ..catalogue import page

        if self.seed < 0:
            raise Misuse(f"--seed must be >= 0; it is {self.seed}.")
        if self.markdown and self.json:
            raise Misuse("--markdown and --json are two ways to print; give one of them.")
        with refused(KeyError):
            found = page(self.statement, seed=None if self.no_example else self.seed)
        if self.json:
            print_json("show", found.as_plain())
        else:
            print(found.as_markdown() if self.markdown else found.as_text(screen_width()), end="")
        return 0
