"""The documentation builds without a warning, has an entry for everything public, and loads nothing from elsewhere.

The examples in docstrings are executed too: by pytest itself, whose ``--doctest-modules`` (pyproject.toml) covers ``w2s_theory``.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

import w2s_theory
from w2s_theory.theorems import STATEMENTS

ROOT = Path(__file__).parent.parent
CONFIG = ROOT / "docs" / "_config"


def load(name):
    spec = importlib.util.spec_from_file_location(f"docs_{name}", CONFIG / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Page(HTMLParser):
    """The ids of a page, what it links to and what it loads."""

    def __init__(self, path):
        super().__init__()
        self.ids, self.links, self.loads, self.without_text = set(), [], [], []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.ids.add(found.get("id"))
        if tag == "a" and found.get("href"):
            self.links.append(found["href"])
        if tag in ("script", "img", "link", "iframe") and (found.get("src") or found.get("href")):
            self.loads.append(found.get("src") or found["href"])
        if tag == "img" and not found.get("alt"):
            self.without_text.append(found.get("src"))


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    pytest.importorskip("mkdocs")
    folder = tmp_path_factory.mktemp("site")
    ran = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "-f", str(CONFIG / "mkdocs.yml"), "-d", str(folder)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert ran.returncode == 0, ran.stderr
    assert "WARNING" not in ran.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site):
    return {path.relative_to(site).as_posix(): Page(path) for path in sorted(site.rglob("*.html"))}


@pytest.mark.slow
def test_every_public_name_has_an_entry(pages):
    assert {f"w2s_theory.{name}" for name in w2s_theory.__all__} <= pages["api/public.html"].ids


@pytest.mark.slow
def test_every_module_of_the_reference_shows_what_it_exports(pages):
    reference = load("reference")
    for name in reference.MODULES:
        module = importlib.import_module(f"w2s_theory.{name}")
        shown = pages[f"api/{name}.html"].ids
        assert f"{module.__name__}" in shown
        if name != "theorems":
            assert {f"{module.__name__}.{each}" for each in getattr(module, "__all__", ())} <= shown


@pytest.mark.slow
def test_every_statement_has_a_place_on_the_page_of_its_paper(pages):
    for name in STATEMENTS:
        paper = name.partition(".")[0]
        assert name.replace(".", "-") in pages[f"theorems/{paper}.html"].ids, name


@pytest.mark.slow
def test_every_command_and_schema_is_on_its_page(site):
    from w2s_theory import schemas
    from w2s_theory.cli import COMMANDS

    commands = (site / "command-line.html").read_text(encoding="utf-8")
    assert [name for name in COMMANDS if f"usage: w2s {name} " not in commands] == []
    written = (site / "schemas.html").read_text(encoding="utf-8")
    assert [name for name in schemas.names() if schemas.schema(name)["$id"] not in written] == []


@pytest.mark.slow
def test_no_link_within_the_site_is_broken(site, pages):
    for name, page in pages.items():
        for link in (*page.links, *page.loads):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc or name == "404.html":
                continue
            target = (site / name).parent / unquote(parts.path) if parts.path else site / name
            target = target / "index.html" if target.is_dir() else target
            assert target.is_file(), f"{name} links to {link}"
            if parts.fragment and target.suffix == ".html":
                there = pages[target.resolve().relative_to(site.resolve()).as_posix()]
                assert unquote(parts.fragment) in there.ids, f"{name} links to {link}"


@pytest.mark.slow
def test_nothing_is_loaded_from_elsewhere_and_every_image_has_a_text(site, pages):
    for name, page in pages.items():
        assert [load for load in page.loads if urlsplit(load).netloc] == [], name
        assert page.without_text == [], name
    for style in site.rglob("*.css"):
        text = style.read_text(encoding="utf-8")
        assert "url(http" not in text and "url(//" not in text and "@import" not in text, style


@pytest.mark.slow
def test_no_docstring_leaves_its_markup_on_the_page(site):
    for path in (site / "api").glob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert "<em>" not in text, path.name  # docstrings have no emphasis: it was a star of mathematics
        assert "\\*" not in text and "\\_" not in text, path.name
        assert "&gt;&gt;&gt; " not in text.replace('<span class="gp">&gt;&gt;&gt; </span>', ""), path.name


@pytest.mark.slow
def test_the_search_works_from_the_file_system(site):
    webdriver = pytest.importorskip("selenium.webdriver")
    if not (shutil.which("chromium") and shutil.which("chromedriver")):
        pytest.skip("needs chromium and chromedriver, which are not installed")
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    try:
        driver.get((site / "search.html").as_uri() + "?q=falsify")
        WebDriverWait(driver, 60).until(lambda d: d.find_elements(By.CSS_SELECTOR, "#mkdocs-search-results article"))
        links = [a.get_attribute("href") for a in driver.find_elements(By.CSS_SELECTOR, "#mkdocs-search-results article a")]
        assert any("falsification.html" in link for link in links)
        assert [entry for entry in driver.get_log("browser") if entry["level"] == "SEVERE"] == []
    finally:
        driver.quit()


def test_every_room_of_the_library_has_a_page():
    package = ROOT / "w2s_theory"
    rooms = {path.stem for path in package.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    assert {room for room in rooms if not room.startswith("_")} - {"cli"} == set(load("reference").MODULES)


@pytest.mark.parametrize(
    ("docstring", "markdown"),
    [
        ("f* in V and g* too", r"f\* in V and g\* too"),
        ("x_i and ``x_i`` | `a*b*`", r"x\_i and ``x_i`` \| `a*b*`"),
        ("a < b, weak_<class>", r"a &lt; b, weak\_&lt;class>"),
        ("rows [n][c]", r"rows \[n\]\[c\]"),
        ("Then\n\n    a_i* <= b\n\nso.", "Then\n\n    a_i* <= b\n\nso."),
        ("Then\n    a_i*\nso.", "Then\n\n    a_i*\n\nso."),
        ("Says\n>>> f(x_i)\n2\n\nEnd.", "Says\n\n```pycon\n>>> f(x_i)\n2\n```\n\nEnd."),
        ("Both:\n* one\n  more of it\n* two_x", "Both:\n\n* one\n  more of it\n* two\\_x"),
        ("Both:\n  * one\n    more of it", "Both:\n\n  * one\n    more of it"),
        ("a\n- b is less than a", "a\n\n- b is less than a"),
        ("# not a title", r"\# not a title"),
    ],
)
def test_prose_means_what_it_meant(docstring, markdown):
    pytest.importorskip("griffe")
    assert load("docstrings").as_markdown(docstring) == markdown


def test_constants_and_members_are_documented_by_what_stands_beside_them(tmp_path):
    griffe = pytest.importorskip("griffe")
    source = '"""m"""\nimport enum\n\n#: Most of\n#: them.\nMOST = 3\n\nclass Answer(enum.Enum):\n    """a"""\n\n    YES = "it is"\n\nBARE = 1\n'
    (tmp_path / "sample_of_constants.py").write_text(source)
    extensions = griffe.load_extensions(load("docstrings").PlainProse)
    module = griffe.load("sample_of_constants", search_paths=[tmp_path], extensions=extensions)
    assert module["MOST"].docstring.value == "Most of\nthem."
    assert module["Answer.YES"].docstring.value == "it is"
    assert module["BARE"].docstring is None


def test_the_keys_of_a_schema_are_read_through_references_and_lists():
    sys.path.insert(0, str(CONFIG))
    try:
        other_pages = load("other_pages")
    finally:
        sys.path.remove(str(CONFIG))
    schema = json.loads(
        '{"properties": {"rows": {"type": "array", "items": {"$ref": "#/$defs/row"}, "description": "a|b"}}, "required": ["rows"],'
        ' "$defs": {"row": {"type": "object", "properties": {"x": {"type": ["number", "null"]}, "k": {"enum": ["p", 1]}}}}}'
    )
    assert list(other_pages._keys(schema, schema)) == [
        r"| `rows` | array of object | yes | a\|b |",
        "| `rows[].x` | number or null | no |  |",
        '| `rows[].k` | `"p"` or `1` | no |  |',
    ]
