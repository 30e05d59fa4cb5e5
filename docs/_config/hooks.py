"""Adds to the site what is generated: the reference, the theorems, the command line, the schemas, the gallery, the ledger."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import other_pages
import reference
import theorem_pages
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from pygments.formatters import HtmlFormatter

HERE = Path(__file__).parent


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """The table of contents, whose theorems and modules come from the library."""
    config.nav = [
        {"Home": "index.md"},
        {"Tutorials": [f"tutorials/{path.name}" for path in sorted((HERE.parent / "tutorials").glob("*.md"))]},
        {"Gallery": "gallery.md"},
        {"Command line": "command-line.md"},
        *([{"On a cluster": "cluster.md"}] if (HERE.parent / "cluster.md").exists() else []),
        {"Schemas": "schemas.md"},
        {"Ledger": "ledger.md"},
        {
            "Theorems": [
                {"All of them": "theorems/index.md"},
                *({paper: f"theorems/{paper}.md"} for paper in theorem_pages.papers_in_order()),
            ]
        },
        {"API reference": [{"Public names": "api/public.md"}, *({name: f"api/{name}.md"} for name in reference.MODULES)]},
    ]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """The generated files, beside those that are written."""
    gallery, pictures = other_pages.gallery_page()
    contents: dict[str, Any] = {
        **reference.pages(),
        **theorem_pages.pages(),
        **pictures,
        "gallery.md": gallery,
        "command-line.md": other_pages.command_line(),
        "schemas.md": other_pages.schema_pages(),
        "ledger.md": other_pages.ledger(),
        "site.css": (HERE / "site.css").read_text() + HtmlFormatter(style="xcode").get_style_defs(".highlight"),
        "local_search.js": (HERE / "local_search.js").read_text(),
    }
    for path, content in contents.items():
        files.append(File.generated(config, path, content=content))
    return files


def on_post_build(config: MkDocsConfig) -> None:
    """The index of the search as a script too: a page that is opened from the file system may read no other file."""
    folder = Path(config.site_dir) / "search"
    index = (folder / "search_index.json").read_text(encoding="utf-8")
    (folder / "search_index.js").write_text(f"window.searchIndex = {index};\n", encoding="utf-8")
