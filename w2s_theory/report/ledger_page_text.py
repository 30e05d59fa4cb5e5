"""Text of the ledger's page as HTML: running text with its code, blocks of a statement's page, notes in Markdown, statuses, links."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from html import unescape

from .._validation import MissingExtra
from ..catalogue.blocks import Block, Formula, Numbered, Paragraph, Terms
from .markup import escaped
from .sections import harmless


@dataclass(frozen=True)
class Link:
    """A file of the repository: ``what`` it is, its ``path`` there, and its address as seen from the page ("" where it is not there)."""

    what: str
    path: str
    address: str


def inline(text: str) -> str:
    """Running text; what stands between backquotes is code, an address at its end is a link."""
    line = re.sub(r"(`+)([^`]+)\1", r"<code>\2</code>", escaped(" ".join(text.split())))
    return re.sub(r'(?<![">])(https://[^\s<]+?)(?=[.,;)]?$|[.,;)]?\s)', r'<a href="\1" rel="noreferrer">\1</a>', line)


def blocks(parts: Iterable[Block], names: Collection[str] = ()) -> str:
    """Paragraphs, formulas, lists and terms; a term that is one of ``names`` leads to that statement."""
    return "\n".join(_block(part, names) for part in parts)


def _block(part: Block, names: Collection[str]) -> str:
    match part:
        case Paragraph(text):
            return f"<p>{inline(text)}</p>"
        case Formula(lines):
            return f'<pre class="formula" tabindex="0">{escaped(chr(10).join(lines))}</pre>'
        case Numbered(items):
            return f"<ol>{''.join(f'<li>{inline(item)}</li>' for item in items)}</ol>"
        case Terms(rows):
            return definitions(rows, names)


def definitions(rows: Iterable[tuple[str, str]], names: Collection[str] = ()) -> str:
    """Terms and what is said of each."""
    pairs = (
        (f'<a href="#{escaped(term)}"><code>{escaped(term)}</code></a>' if term in names else escaped(term), inline(meaning))
        for term, meaning in rows
    )
    return f"<dl>{''.join(f'<div><dt>{term}</dt><dd>{meaning}</dd></div>' for term, meaning in pairs)}</dl>"


def links(found: Iterable[Link]) -> str:
    """Links with their paths as text, since the page may be moved."""
    rows = []
    for link in found:
        path = f"<code>{escaped(link.path)}</code>"
        said = f'<a href="{escaped(link.address)}">{path}</a>' if link.address else f"{path} (not there)"
        rows.append(f"<div><dt>{escaped(link.what)}</dt><dd>{said}</dd></div>")
    return f'<dl class="links">{"".join(rows)}</dl>'


def status_word(status: str, words: Iterable[str]) -> str:
    """The word that a status begins with. Raises ``ValueError`` where it is none of ``words``."""
    found = max((word for word in words if status.startswith(word)), key=len, default="")  # one word begins with another
    if not found:
        raise ValueError(f"status must begin with one of {tuple(words)}; it is {status!r}.")
    return found


def badge(status: str, words: tuple[str, ...]) -> str:
    """The word of a status in its colour, and behind it what the status adds."""
    word = status_word(status, words)
    rest = status.removeprefix(word)
    return f'<span class="status s{words.index(word)}">{escaped(word)}</span>' + (
        f'<span class="detail">{" " if rest.startswith(" ") else ""}{inline(rest)}</span>' if rest else ""
    )


def from_markdown(text: str, link: Callable[[str], str]) -> str:
    """Notes: headings a level down, HTML shown as it is written, pictures as links, paths in the repository through ``link``.

    Raises ``MissingExtra`` without the package ``markdown``.
    """
    try:
        import markdown
    except ImportError:
        raise MissingExtra("docs", "markdown") from None

    reader = markdown.Markdown(extensions=["tables", "toc"], extension_configs={"toc": {"baselevel": 2, "slugify": _note_id}})
    reader.preprocessors.deregister("html_block")
    for pattern in ("html", "image_link", "image_reference", "short_image_ref"):
        reader.inlinePatterns.deregister(pattern)
    page = reader.convert(harmless(text))
    page = re.sub(r'href="(?!https?:|#)([^"]*)"', lambda found: _href(link(unescape(found[1]))), page)
    return (
        page.replace("<table>", '<div class="table" tabindex="0"><table>')
        .replace("</table>", "</table></div>")
        .replace("<th>", '<th scope="col">')
    )


def _href(address: str) -> str:
    """The attribute of a link; without an address (what is not there, another scheme) it leads nowhere."""
    return f'href="{escaped(address)}"' if address else 'title="not there"'


def _note_id(title: str, separator: str) -> str:
    return "note-" + re.sub(r"[^a-z0-9]+", separator, title.lower()).strip(separator)
