"""Runs the tutorials, and the example of the first page: their Python blocks in order, and what each prints becomes the ``text`` block below it.

    python docs/_config/tutorials.py            # run all, rewrite outputs and pictures
    python docs/_config/tutorials.py --check    # run all, say where an output differs, change nothing

Every tutorial runs in a folder of its own that is thrown away, in a process of its own, with warnings as errors.
"""

from __future__ import annotations

import argparse
import contextlib
import difflib
import io
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
DOCS = HERE.parent
#: A block of Python, and the output that stands below it, if any.
BLOCK = re.compile(r"```python\n(?P<code>.*?)```\n(?:\n```text\n(?P<output>.*?)```\n)?", re.DOTALL)
PICTURE = re.compile(r"!\[[^\]]*\]\(([\w-]+\.svg)\)")


def pages() -> list[Path]:
    """The pages whose blocks are run, in the order in which they are read."""
    return [DOCS / "index.md", DOCS / "cluster.md", *sorted((DOCS / "tutorials").glob("*.md"))]


def executed(text: str) -> str:
    """``text`` with the outputs that its blocks have now. A block that raises ends everything."""
    namespace: dict[str, Any] = {"__name__": "__main__"}

    def run(match: re.Match[str]) -> str:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(match["code"], "tutorial", "exec"), namespace)
        output = f"\n```text\n{printed.getvalue().rstrip()}\n```\n" if printed.getvalue().strip() else ""
        return f"```python\n{match['code']}```\n{output}"

    return BLOCK.sub(run, text)


def rerun(page: Path, *, keep_pictures: bool) -> str:
    """The page with fresh outputs, run where its files disturb nothing; raises ``RuntimeError`` with what went wrong."""
    with tempfile.TemporaryDirectory() as folder:
        ran = subprocess.run(
            [sys.executable, "-W", "error", str(Path(__file__).resolve()), "--run", str(page)],
            capture_output=True,
            text=True,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", "OMP_NUM_THREADS": "1"},
        )
        if ran.returncode or ran.stderr.strip():
            raise RuntimeError(f"{page.name} failed:\n{ran.stderr}")
        for picture in PICTURE.findall(ran.stdout):
            drawn = Path(folder) / picture
            if not drawn.is_file():
                raise RuntimeError(f"{page.name} shows {picture}, and no block has drawn it.")
            if keep_pictures:
                (page.parent / picture).write_bytes(drawn.read_bytes())
        return ran.stdout


def difference(page: Path) -> str:
    """How the page's outputs differ from those it has now: "" where they don't."""
    written, now = page.read_text(encoding="utf-8"), rerun(page, keep_pictures=False)
    return "\n".join(difflib.unified_diff(written.splitlines(), now.splitlines(), page.name, "now", lineterm=""))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="change nothing; exit code 1 where an output differs")
    parser.add_argument("--run", type=Path, metavar="FILE", help="run one, here and in this process, and print it")
    options = parser.parse_args()
    if options.run is not None:
        sys.stdout.write(executed(options.run.read_text(encoding="utf-8")))
        return 0
    differs = False
    for page in pages():
        if options.check:
            found = difference(page)
            differs |= bool(found)
            sys.stdout.write(f"{page.name}: {found or 'as it is written'}\n")
        else:
            page.write_text(rerun(page, keep_pictures=True), encoding="utf-8")
            sys.stdout.write(f"{page.name}: written\n")
    return int(differs)


if __name__ == "__main__":
    sys.exit(main())
