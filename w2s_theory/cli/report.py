"""``w2s report``: the ledger of a checkout as one HTML page."""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import arg

from .checkout import checkout_root
from .misuse import Misuse, Unwritable, refused, written
from .printing import print_json


@dataclass(frozen=True)
class Report:
    """Write the ledger as one HTML page: every statement and experiment with its status, margins, figure, proof, code and test.

    It needs a checkout: the working directory or a folder above it, or the one that the package is installed from (pip install -e).
    Nothing is run: the page shows the tables and figures that are there, full ones where there are any. It is one file that loads
    nothing from elsewhere; open it in a browser. Its links to code and tests are relative: they hold while it stays where it is.

    examples:
      w2s report                       report/index.html in the checkout
      w2s report --out ledger.html     somewhere else
      w2s report --json                what was written, for a program
    exit codes:
      0    written
      2    misuse: no checkout, a --out that can't be a file, a damaged ledger
      3    the page could not be written (a full disk, a read-only folder)
      130  interrupted (Ctrl-C)
    """

    out: Annotated[str, arg(metavar="FILE")] = ""
    """page to write (.html), or a folder that gets index.html; without it report/index.html in the checkout"""
    json: bool = False
    """print one JSON object instead of the file's name"""

    def run(self) -> int:
        """Gather, write, and say where."""
        root = checkout_root()
        path = Path(self.out).absolute() if self.out else root / "report"
        if path.suffix not in (".html", ".htm"):
            path /= "index.html"
        in_the_way = next(
            (folder for folder in path.parents if folder.exists() and not folder.is_dir()), path if path.is_dir() else None
        )
        if in_the_way is not None:
            what = "a folder" if in_the_way == path else "a file"
            raise Misuse(f"--out must be a page (.html) or a folder for index.html; {in_the_way} is {what}. Give another name.")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Unwritable(f"the folder {path.parent} could not be made: {error}") from error
        from ..report.ledger_page import ledger_html, tally
        from ..report.writing import replace_file

        pages, store = (importlib.import_module(f"experiments.{name}") for name in ("_page", "_store"))
        with refused(store.StoreError, OSError):
            page = pages.gather(path, root)
        data = ledger_html(page).encode()
        with written():
            replace_file(path, data)
        entries = [*page.statements, *page.experiments]
        absent = sorted({link.path for entry in entries for link in entry.links if not link.address})
        figures = sum(entry.picture is not None for entry in page.experiments)
        if self.json:
            content = {"root": str(root), "page": str(path), "bytes": len(data), "statements": len(page.statements)}
            content |= {"experiments": len(page.experiments), "figures": figures, "statuses": tally(page), "absent": absent}
            print_json("report", content)
            return 0
        print(path)
        counted = f"{len(page.statements)} statements, {len(page.experiments)} experiments, {figures} figures"
        print(f"{counted}, {len(data) / 1e6:.1f} MB", file=sys.stderr)
        if absent:
            print(f"not in this checkout, so not linked: {', '.join(absent)}", file=sys.stderr)
        return 0
