"""A report as Markdown and as one HTML page without scripts; whatever a text holds, it is shown and never interpreted."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from html import escape
from itertools import zip_longest

from .sections import Section, harmless, shown

#: Rows of a table that are shown; ``report.json`` has them all.
MOST_ROWS = 200
CSS = """\
:root{color-scheme:light}
body{font:16px/1.5 system-ui,sans-serif;color:#222;background:#fff;max-width:54rem;margin:0 auto;padding:1rem}
h1{font-size:1.7rem;line-height:1.2}h2{font-size:1.25rem;margin:2.2rem 0 .4rem}
p{max-width:44rem;overflow-wrap:anywhere}
.table{overflow-x:auto}table{border-collapse:collapse;font-size:.92rem;margin:.6rem 0}
th,td{padding:.3rem .7rem;border-bottom:1px solid #ddd;text-align:left;vertical-align:top}
thead th{border-bottom:2px solid #888}
.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
figure{margin:1rem 0}img{max-width:100%;height:auto}figcaption,.note{color:#555;font-size:.9rem}
@media print{body{max-width:none;padding:0;font-size:11pt}.table{overflow:visible}figure,tr{break-inside:avoid}h2{break-after:avoid}}
"""
#: What stands in place of a picture: bytes of a PNG, or the sentence that says why there is none.
Pictures = Mapping[int, bytes | str]


def html_page(title: str, sections: Sequence[Section], pictures: Pictures) -> str:
    """The whole report as one page: style and pictures inside, nothing fetched, no script allowed."""
    parts = [
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">",
        f"<title>{escaped(title)}</title>\n<style>\n{CSS}</style>\n</head>\n<body>\n<main>\n<h1>{escaped(title)}</h1>",
    ]
    for number, section in enumerate(sections, start=1):
        parts.append(f"<section>\n<h2>{escaped(section.title)}</h2>")
        parts += [f"<p>{escaped(paragraph)}</p>" for paragraph in paragraphs(section.text)]
        picture = pictures.get(number)
        if isinstance(picture, bytes):
            data = base64.b64encode(picture).decode()
            image = f'<img alt="{escaped(_caption(section))}" src="data:image/png;base64,{data}">'
            parts.append(f"<figure>{image}<figcaption>{escaped(_caption(section))}</figcaption></figure>")
        elif picture:
            parts.append(f'<p class="note">{escaped(picture)}</p>')
        parts += _html_table(section)
        parts.append("</section>")
    return "\n".join([*parts, "</main>\n</body>\n</html>\n"])


def markdown_page(title: str, sections: Sequence[Section], pictures: Pictures, files: Mapping[int, str]) -> str:
    """The report as Markdown; its pictures are the ``files`` beside it."""
    parts = [f"# {_markdown(title)}"]
    for number, section in enumerate(sections, start=1):
        parts.append(f"## {_markdown(section.title)}")
        parts += [_markdown(paragraph) for paragraph in paragraphs(section.text)]
        picture = pictures.get(number)
        if isinstance(picture, bytes):
            parts.append(f"![{_markdown(_caption(section))}]({files[number]})\n\n*{_markdown(_caption(section))}*")
        elif picture:
            parts.append(f"*{_markdown(picture)}*")
        parts += _markdown_table(section)
    return "\n\n".join(parts) + "\n"


def paragraphs(text: str) -> list[str]:
    """The paragraphs of a text: empty lines separate them, other line ends are spaces."""
    return [" ".join(block.split()) for block in re.split(r"\n[ \t]*\n", harmless(text)) if block.strip()]


def _caption(section: Section) -> str:
    return section.caption or section.title


def _cells(section: Section) -> tuple[list[str], list[list[tuple[str, bool]]], list[bool], str]:
    """Titles, the cells that are shown, which columns hold numbers only, and the sentence on those that are left out."""
    names, rows = section.columns(), list(section.rows)
    cells = [[shown(row.get(name)) for name in names] for row in rows[:MOST_ROWS]]
    numeric = [all(cell[1] for cell in column) for column in zip_longest(*cells)]
    left_out = f"{len(rows) - MOST_ROWS} more rows are in report.json." if len(rows) > MOST_ROWS else ""
    return names, cells, numeric, left_out


def _html_table(section: Section) -> list[str]:
    names, cells, numeric, left_out = _cells(section)
    if not names:
        return []
    style = [' class="number"' if is_number else "" for is_number in numeric]
    head = "".join(f'<th scope="col"{kind}>{escaped(name)}</th>' for name, kind in zip(names, style, strict=True))
    body = "\n".join(
        "<tr>" + "".join(f"<td{kind}>{escaped(text)}</td>" for (text, _), kind in zip(row, style, strict=True)) + "</tr>"
        for row in cells
    )
    table = f'<div class="table"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table></div>'
    return [table, f'<p class="note">{left_out}</p>'] if left_out else [table]


def _markdown_table(section: Section) -> list[str]:
    names, cells, numeric, left_out = _cells(section)
    if not names:
        return []
    lines = [[_markdown(name) for name in names], ["---:" if is_number else "---" for is_number in numeric]]
    lines += [[_markdown(text) for text, _ in row] for row in cells]
    table = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    return [table, f"*{left_out}*"] if left_out else [table]


def escaped(text: str) -> str:
    """``text`` as HTML shows it, in an element or in an attribute between double quotation marks."""
    return escape(harmless(text), quote=True)


def _markdown(text: str) -> str:
    """``text`` on one line, with every character that Markdown or HTML could act on escaped."""
    line = (
        " ".join(harmless(text).split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("://", "&#58;//")
    )
    line = re.sub(r"([\\`*_{}\[\]()#!|~$@])", r"\\\1", line)
    return re.sub(
        r"^(?:([-+=])|(\d+)([.)](?: |$)))", lambda found: f"\\{found[1]}" if found[1] else f"{found[2]}\\{found[3]}", line
    )
