"""The pages in a real browser: they load nothing, log nothing, can be read on a phone and used with a keyboard; the filters filter."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

pytest.importorskip("selenium", reason="the browser is driven by selenium, which is not installed")

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="needs the programs chromium and chromedriver; they are not on the path"
)

THEOREM = "charikar2024.theorem_1"
#: Pairs of colours of text and background whose contrast is below 4.5 (WCAG 2, level AA), with a text that has it.
FAINT = """
const light = (rgb) => {
  const [r, g, b] = rgb.map((c) => ((c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
const found = {};
for (const element of document.querySelectorAll("body *")) {
  const text = [...element.childNodes].filter((node) => node.nodeType === 3).map((node) => node.textContent).join("").trim();
  if (!text || !element.checkVisibility()) continue;
  const style = getComputedStyle(element);
  let behind = element, back = [0, 0, 0, 0];
  while (behind && back[3] === 0) {
    back = [...numbers(getComputedStyle(behind).backgroundColor), 1].slice(0, 4);
    behind = behind.parentElement;
  }
  if (back[3] === 0) back = numbers(getComputedStyle(document.documentElement).backgroundColor);
  const pair = [light(numbers(element instanceof SVGElement ? style.fill : style.color).slice(0, 3)), light(back.slice(0, 3))];
  const contrast = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
  if (contrast < 4.5) found[`${style.color} on ${back}`] = `${contrast.toFixed(2)}: ${text.slice(0, 40)}`;
}
return found;
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """One browser for all tests, with a profile of its own."""
    options = Options()
    options.binary_location = CHROMIUM or ""
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    profile = tmp_path_factory.mktemp("profile")
    arguments = ["--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", f"--user-data-dir={profile}"]
    for argument in [*arguments, *(["--no-sandbox"] if os.geteuid() == 0 else [])]:
        options.add_argument(argument)
    with pytest.MonkeyPatch.context() as patch:
        # selenium must neither look for a driver on the network nor report that it was used.
        patch.setenv("SE_OFFLINE", "true")
        patch.setenv("SE_AVOID_STATS", "true")
        driver = webdriver.Chrome(options=options, service=Service(executable_path=DRIVER, log_output=subprocess.DEVNULL))
    try:
        yield driver
    finally:
        driver.quit()


def emulate(browser: webdriver.Chrome, *, media: str = "", scheme: str = "light") -> None:
    """Show the page as on paper ("print"), or in the colours that somebody prefers."""
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": features})


def opened(browser: webdriver.Chrome, path: Path, fragment: str = "", *, width: int = 1280) -> None:
    """The page, freshly loaded, in a window of that width."""
    browser.get("about:blank")
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    emulate(browser)
    for log in ("browser", "performance"):
        browser.get_log(log)  # empties it
    browser.get(path.as_uri() + fragment)
    # With a fragment the driver can come back before the whole file has been read.
    WebDriverWait(browser, 30).until(
        lambda driver: driver.execute_script("return location.protocol + document.readyState") == "file:complete"
    )


def shown(browser: webdriver.Chrome, selector: str = ".entry") -> list[str]:
    """The ids of the elements that are to be seen."""
    return browser.execute_script(
        "return [...document.querySelectorAll(arguments[0])].filter((e) => e.checkVisibility()).map((e) => e.id)", selector
    )


def count(browser: webdriver.Chrome) -> tuple[int, ...]:
    """Shown and all statements, experiments, findings, as the page says it."""
    return tuple(map(int, re.findall(r"\d+", browser.find_element(By.ID, "count").text)))


@pytest.fixture(params=["ledger_path", "user_report_path"])
def page(request: pytest.FixtureRequest) -> Path:
    return request.getfixturevalue(request.param)


def test_the_page_requests_nothing_but_itself_its_pictures_are_described_and_its_headings_in_order(browser, page):
    opened(browser, page)
    assert browser.get_log("browser") == []
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    assert {url for url in asked if not url.startswith("data:")} == {page.as_uri()}
    assert browser.title and browser.find_element(By.TAG_NAME, "h1").is_displayed()
    pictures = browser.execute_script("return [...document.images].map((i) => [i.naturalWidth, i.alt])")
    assert pictures
    for width, words in pictures:
        assert width > 0
        assert len(words.split()) >= 4 and not re.search(r"\.(png|svg|webp)\b|``", words)
    levels = browser.execute_script("return [...document.querySelectorAll('h1,h2,h3,h4,h5,h6')].map((h) => Number(h.tagName[1]))")
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    ids = browser.execute_script("return [...document.querySelectorAll('[id]')].map((e) => e.id)")
    assert len(ids) == len(set(ids))
    assert browser.execute_script("return document.documentElement.lang") == "en"
    unnamed = "return [...document.querySelectorAll('input, select')].filter((e) => !e.labels.length).map((e) => e.outerHTML)"
    assert browser.execute_script(unnamed) == []
    assert browser.execute_script("return [...document.querySelectorAll('th:not([scope])')].map((e) => e.outerHTML)") == []


def test_a_phone_shows_the_page_without_scrolling_sideways_and_text_stands_out_in_light_and_dark(browser, page):
    opened(browser, page, width=390)
    for is_open in (False, True):
        browser.execute_script("for (const d of document.querySelectorAll('details')) d.open = arguments[0]", is_open)
        assert browser.execute_script("return document.documentElement.scrollWidth") <= 390
    for scheme in ("light", "dark"):
        emulate(browser, scheme=scheme)
        assert browser.execute_script(FAINT) == {}
    smallest = "return Math.min(...[...document.querySelectorAll('p, dd, td, th, li')].map((e) => parseFloat(getComputedStyle(e).fontSize)))"
    assert browser.execute_script(smallest) >= 12


def test_the_check_of_contrast_sees_a_faint_text(browser, user_report_path):
    opened(browser, user_report_path)
    browser.execute_script("document.querySelector('h1').style.color = '#888888'")
    assert len(browser.execute_script(FAINT)) == 1


def test_what_is_shown_can_be_printed(browser, page):
    opened(browser, page, "#paper=mulgund2025" if page.name == "page.html" else "")  # all of the ledger takes long
    pdf = base64.b64decode(browser.execute_cdp_cmd("Page.printToPDF", {"printBackground": False})["data"])
    assert pdf.startswith(b"%PDF") and len(pdf) > 10_000
    emulate(browser, media="print")
    assert shown(browser, "form, nav") == []


def test_typing_filters_and_says_how_many_are_left(browser, ledger_path):
    opened(browser, ledger_path)
    before = count(browser)
    assert before[0] == before[1] >= 100 and before[2] == before[3] >= 40
    search = browser.find_element(By.ID, "q")
    search.send_keys("convex THEOREM_1")  # every word, in any case
    found = shown(browser)
    assert THEOREM in found and len(found) == count(browser)[0] + count(browser)[2] < before[1] + before[3]
    assert all("convex" in browser.find_element(By.ID, name).get_attribute("textContent").lower() for name in found)
    search.send_keys(" zzzz")
    assert shown(browser) == [] and browser.find_element(By.ID, "nothing").is_displayed()
    browser.find_element(By.CSS_SELECTOR, "#nothing button").click()
    assert count(browser) == before and not browser.find_element(By.ID, "nothing").is_displayed()


def test_choosing_filters_a_link_with_the_fragment_shows_the_same_and_an_unknown_choice_is_passed_over(browser, ledger_path):
    opened(browser, ledger_path)
    choices = {
        "show": "statements",
        "paper": "charikar2024",
        "status": "holds (derived here)",
        "kind": "for every problem",
        "scale": "full",
    }
    for name, choice in choices.items():
        before = len(shown(browser))
        Select(browser.find_element(By.ID, name)).select_by_value(choice)
        assert 0 < len(shown(browser)) <= before
    browser.find_element(By.ID, "figure").click()
    found = shown(browser)
    kinds = browser.execute_script(
        "return [...document.querySelectorAll('.entry')].filter((e) => e.checkVisibility()).map((e) => ({...e.dataset}))"
    )
    for data in kinds:
        assert data["kind"] == choices["kind"] and "charikar2024" in data["paper"].split() and data["figure"] == "yes"
        assert data["status"] == choices["status"]
    address = urlsplit(browser.current_url)
    assert address.fragment
    opened(browser, ledger_path, f"#{address.fragment}")
    assert shown(browser) == found
    assert Select(browser.find_element(By.ID, "paper")).first_selected_option.get_attribute("value") == "charikar2024"
    unknown = "#status=perfect&paper=%00&open=nobody&q=&figure=no&x=%ff"
    browser.execute_script("location.hash = arguments[0]", unknown)
    WebDriverWait(browser, 5).until(lambda driver: count(driver)[0] == count(driver)[1] > 0)
    assert browser.get_log("browser") == []


def test_a_status_in_the_head_leads_to_what_has_it(browser, ledger_path):
    opened(browser, ledger_path)
    row = browser.find_element(By.XPATH, "//table[contains(@class, 'tally')]//tr[.//a[contains(., 'counterexample found')]]")
    findings = int(row.find_elements(By.TAG_NAME, "td")[1].text)
    row.find_element(By.TAG_NAME, "a").click()
    WebDriverWait(browser, 5).until(lambda driver: count(driver)[4] < count(driver)[5])
    seen = "return [...document.querySelectorAll(arguments[0])].filter((e) => e.checkVisibility()).map((e) => e.dataset.status ?? e.textContent)"
    assert browser.execute_script(seen, ".findings tbody tr") == ["counterexample found"] * findings
    assert count(browser)[4] == findings > 0
    parts = browser.execute_script(seen, ".findings .part")
    assert all(re.fullmatch(r"|\d+ of \d+ findings have this status", part) for part in parts) and any(parts)
    browser.find_element(By.CSS_SELECTOR, "#filters button").click()
    assert len(browser.execute_script(seen, ".findings tbody tr")) == count(browser)[4] == count(browser)[5]


def test_the_keyboard_opens_a_statement_and_its_figure_comes_with_it(browser, ledger_path):
    opened(browser, ledger_path, "#show=statements&q=misfit&paper=charikar2024&figure=yes")
    name = shown(browser)[0]
    summary = browser.find_element(By.ID, name).find_element(By.TAG_NAME, "summary")
    browser.find_element(By.CSS_SELECTOR, "#filters button").send_keys("")  # the focus is on the last control
    active = browser.switch_to.active_element
    for _ in range(60):
        active.send_keys(Keys.TAB)
        active = browser.switch_to.active_element
        if active == summary:
            break
    assert active == summary
    assert browser.execute_script("return getComputedStyle(arguments[0]).outlineStyle", summary) == "solid"
    active.send_keys(Keys.ENTER)
    details = browser.find_element(By.ID, name).find_element(By.TAG_NAME, "details")
    WebDriverWait(browser, 5).until(lambda _: details.find_elements(By.TAG_NAME, "img"))
    assert browser.execute_script("return arguments[0].naturalWidth", details.find_element(By.TAG_NAME, "img")) > 0
    WebDriverWait(browser, 5).until(lambda driver: f"open={name}" in unquote(driver.current_url))


def test_a_link_to_a_statement_opens_it_and_lifts_a_filter_that_hides_it(browser, ledger_path):
    opened(browser, ledger_path, f"#{THEOREM}")
    entry = browser.find_element(By.ID, THEOREM)
    assert entry.find_element(By.TAG_NAME, "details").get_attribute("open")
    top = browser.execute_script("return arguments[0].getBoundingClientRect().top", entry)
    assert 0 <= top < 300
    words = entry.text
    assert "Proof" in words and "Assumptions" in words and "theorem_1.py" in words and "test_charikar2024.py" in words
    browser.find_element(By.ID, "q").send_keys("zzzz")
    browser.execute_script("location.hash = arguments[0]", THEOREM)
    WebDriverWait(browser, 5).until(lambda _: entry.is_displayed())
    assert browser.find_element(By.ID, "q").get_attribute("value") == ""


def test_links_lead_to_files_that_exist_and_to_places_on_the_page(browser, ledger_path):
    opened(browser, ledger_path)
    anchors: list[list[Any]] = browser.execute_script(
        "return [...document.links].map((a) => [a.getAttribute('href'), a.href, document.getElementById(a.hash.slice(1)) !== null])"
    )
    kinds = {"file": 0, "place": 0, "state": 0, "web": 0}
    for raw, address, is_there in anchors:
        if raw.startswith("#"):
            kinds["state" if "=" in raw else "place"] += 1
            assert "=" in raw or is_there, raw
        elif raw.startswith("https://"):
            kinds["web"] += 1
        else:
            kinds["file"] += 1
            assert Path(unquote(urlsplit(address).path)).is_file(), raw
    assert all(kinds.values())


def test_without_scripts_everything_is_there_but_the_filters(browser, ledger_path):
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        opened(browser, ledger_path)
        assert not browser.find_element(By.ID, "filters").is_displayed()
        assert not browser.find_element(By.ID, "nothing").is_displayed()
        assert len(shown(browser)) == len(browser.find_elements(By.CLASS_NAME, "entry")) > 140
        details = browser.find_element(By.ID, THEOREM).find_element(By.TAG_NAME, "details")
        details.find_element(By.TAG_NAME, "summary").click()
        assert details.get_attribute("open") and "Proof" in details.text
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


EVIL = """<img src=x onerror="window.evil=1"> <script>window.evil=1</script> "><svg onload='window.evil=1'> ' onload=window.evil=1 `</code><b>`"""
NOTES = f"{EVIL}\n\n[a](javascript:window.evil=1) [b](&#106;avascript:window.evil=1) ![c](http://a.b/c.png) <a href='javascript:window.evil=1'>d</a>"


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A page of the ledger, and a report of a user, all of whose texts want to run a script."""
    from w2s_theory.report import Section, write_report
    from w2s_theory.report.ledger_page import ledger_html

    from . import test_ledger_page as plain

    texts = dict.fromkeys(("title", "says", "source", "evidence", "tightness", "kind", "scale"), EVIL) | {"papers": (EVIL,)}
    parts = (plain.PageSection(EVIL, (plain.Paragraph(EVIL), plain.Formula((EVIL,)), plain.Terms(((EVIL, EVIL),)))),)
    one = plain.statement(**texts, name=f"toy.{EVIL}", sections=parts, figures=(EVIL,), links=(plain.Link(EVIL, EVIL, EVIL),))
    told = dict.fromkeys(("stem", "title", "source", "command", "scale"), EVIL)
    two = plain.experiment(**told, findings=((EVIL, f"reproduced {EVIL}", EVIL),), provenance=((EVIL, EVIL),), papers=(EVIL,))
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "page.html").write_text(
        ledger_html(plain.page([one], [two], notes=NOTES, papers={"toy": EVIL}, link=lambda path: "")), encoding="utf-8"
    )
    parts = [Section(EVIL, EVIL, [{EVIL: EVIL}], caption=EVIL)]
    write_report(EVIL, parts, folder, plain={}, provenance={EVIL: EVIL, "inputs": {EVIL: EVIL}})
    return [folder / "page.html", folder / "report.html"]


def test_no_text_runs_a_script_or_becomes_markup(browser, hostile):
    for path in hostile:
        opened(browser, path)
        for element in [*browser.find_elements(By.TAG_NAME, "summary"), *browser.find_elements(By.CSS_SELECTOR, ".prose a")]:
            element.click()
        assert browser.execute_script("return window.evil") is None
        assert "onerror=" in browser.find_element(By.TAG_NAME, "main").text
        made = "return [...document.querySelectorAll('main :is(script, b, [onerror], [onload], svg[onload], [href^=java])')].map((e) => e.outerHTML)"
        assert browser.execute_script(made) == []
        assert browser.get_log("browser") == [] or path.name == "page.html"  # its picture is no image
