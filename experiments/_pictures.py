"""The committed figures as a page embeds them: the same pixels in fewer bytes, with words for those who can't see them."""

from __future__ import annotations

import ast
import io
import re
from pathlib import Path

from w2s_theory._validation import MissingExtra
from w2s_theory.report.ledger_page import Picture

from ._runner import ROOT, Scale, figures_folder

#: How hard WebP tries (``quality`` of 100, ``method`` of 6): more costs seconds and saves little.
EFFORT = {"quality": 25, "method": 1}


def picture(stem: str, scale: Scale, words: tuple[str, str], root: Path = ROOT) -> Picture | None:
    """The figure of an experiment with its ``words``, or ``None`` where none is drawn; may run in a thread.

    Raises ``OSError`` naming a file that is not an image, ``MissingExtra``.
    """
    try:
        from PIL import Image  # matplotlib needs it too
    except ImportError:
        raise MissingExtra("figures", "Pillow") from None

    path = figures_folder(scale, root) / f"{stem}.png"
    if not path.exists():
        return None
    png, buffer = path.read_bytes(), io.BytesIO()
    try:
        with Image.open(io.BytesIO(png)) as image:
            width, height = image.size
            image.convert("RGB").save(buffer, "webp", lossless=True, **EFFORT)
    except OSError as error:
        raise OSError(
            f"{path} is not an image that can be read ({error}). Draw it again: python -m experiments {stem} --figures-only"
        ) from error
    webp = buffer.getvalue()
    data, media_type = (webp, "image/webp") if len(webp) < len(png) else (png, "image/png")
    caption, layout = words
    return Picture(data, media_type, width, height, f"Figure. {caption} {layout}".strip(), caption)


def words_of(stem: str, root: Path = ROOT) -> tuple[str, str]:
    """What a figure shows (the docstring of its file) and how it is laid out (that of its ``draw``, without references to code).

    Not for threads: Python 3.11 can fail where two of them parse at once.
    """
    path = root / "figures" / f"{stem}.py"
    if not path.exists():
        return stem, ""
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    draw = next((node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "draw"), None)
    layout = " ".join((ast.get_docstring(draw) or "" if draw else "").split())
    return " ".join((ast.get_docstring(tree) or path.stem).split()), re.sub(r";? ?see ``[^`]*``", "", layout)
