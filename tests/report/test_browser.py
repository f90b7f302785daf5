"""The page as a browser shows it: Chromium without a window."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

selenium = pytest.importorskip("selenium", reason="selenium is not installed")

from selenium import webdriver  # noqa: E402
from selenium.webdriver.chrome.service import Service  # noqa: E402
from selenium.webdriver.common.action_chains import ActionChains  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.remote.webelement import WebElement  # noqa: E402

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
DRIVER = shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="chromium and chromedriver are not installed"
)

ARGUMENTS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


class Browser:
    """A page in Chromium."""

    def __init__(self, profile: Path) -> None:
        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM or ""
        for argument in (*ARGUMENTS, f"--user-data-dir={profile}"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options, Service(DRIVER or ""))

    def show(self, page: Path, width: int = 1280, *, dark: bool = False) -> None:
        """Load a page."""
        self.command("Emulation.setDeviceMetricsOverride", width=width, height=900,
                     deviceScaleFactor=1, mobile=width < 600)  # fmt: skip
        feature = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.command("Emulation.setEmulatedMedia", features=[feature])
        self.driver.get(page.as_uri())

    def command(self, name: str, **values: Any) -> Any:
        """Send a command of the DevTools protocol."""
        return self.driver.execute_cdp_cmd(name, values)

    def js(self, text: str, *values: Any) -> Any:
        """Return what an expression is worth in the page."""
        return self.driver.execute_script(f"return {text}", *values)

    def find(self, selector: str) -> WebElement:
        """Return the first element that a selector of CSS finds."""
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def plot(self, name: str) -> WebElement:
        """Return a chart."""
        return self.find(f'[data-chart="{name}"]')

    def labels(self, name: str) -> list[str]:
        """Return the numbers at a chart's axis from left to right."""
        texts = "[...arguments[0].querySelectorAll('text')].map((one) => one.textContent)"
        ends = "[...arguments[0].querySelectorAll('text')].map((one) => one.getAttribute('x'))"
        plot = self.plot(name)
        left = self.js(ends, plot)
        return [text for text, x in zip(self.js(texts, plot), left, strict=True) if float(x) > 40]

    def keys(self, *keys: str) -> None:
        """Press keys, as if by hand."""
        ActionChains(self.driver).send_keys(*keys).perform()


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    browser = Browser(tmp_path_factory.mktemp("profile"))
    yield browser
    browser.driver.quit()


@pytest.fixture
def browser(chromium: Browser, report: Path) -> Iterator[Browser]:
    """The report on a wide light screen; what it says on the console fails the test."""
    chromium.show(report)
    yield chromium
    assert chromium.driver.get_log("browser") == []
    assert chromium.js("typeof hacked") == "undefined"
    assert chromium.js("performance.getEntriesByType('resource').length") == 0


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (390, False)])
def test_every_chart_is_drawn(browser: Browser, report: Path, width: int, dark: bool) -> None:
    browser.show(report, width, dark=dark)
    data = browser.js("JSON.parse(document.getElementById('data').textContent)")
    for name, chart in data["charts"].items():
        plot = browser.plot(name)
        found = "[...arguments[0].querySelectorAll('path')]"
        paths = browser.js(f"{found}.map((one) => one.getAttribute('d'))", plot)
        assert len(paths) == len(chart["series"]), name
        for path, one in zip(paths, chart["series"], strict=True):
            assert path.startswith("M") and path.count("L") == len(one["x"]) - 1
            assert "NaN" not in path
        numbers = browser.js("arguments[0].querySelectorAll('text').length", plot)
        assert numbers >= 4, name
        place = "arguments[0].getBoundingClientRect()"
        box = browser.js(f"[{place}.left, {place}.right]", plot)
        assert 0 <= box[0] < box[1] <= width


@pytest.mark.parametrize("width", [320, 390, 800, 1280, 2000])
def test_nothing_is_wider_than_the_screen(browser: Browser, report: Path, width: int) -> None:
    browser.show(report, width)
    assert browser.js("document.documentElement.scrollWidth") <= width
    assert browser.js("[...document.images].every((one) => one.complete && one.naturalWidth)")


def test_light_and_dark(browser: Browser, report: Path) -> None:
    def colours() -> list[str]:
        body = "getComputedStyle(document.body)"
        line = "getComputedStyle(document.querySelector('.plot .run-0 .main')).stroke"
        found: list[str] = browser.js(f"[{body}.backgroundColor, {body}.color, {line}]")
        return found

    def brightness(colour: str) -> int:
        return sum(map(int, colour[4:-1].split(",")))

    light = colours()
    browser.show(report, dark=True)
    dark = colours()
    assert light[2] == "rgb(0, 114, 178)" and dark[2] != light[2]  # the first of our figures
    assert brightness(light[0]) > 720 > 200 > brightness(light[1])
    assert brightness(dark[0]) < 100 and brightness(dark[1]) > 600


def test_the_keys(browser: Browser) -> None:
    """Tab reaches the runs, then the charts; arrows read, + and - zoom, Escape shows all."""
    reached = []
    for _ in range(40):
        browser.keys(Keys.TAB)
        reached.append(
            browser.js("document.activeElement.dataset.chart || document.activeElement.id")
        )
        if reached[-1] == "loss":
            break
    assert reached[-1] == "loss"
    tip = browser.find('[data-chart="loss"] .tip')
    assert not tip.is_displayed()
    browser.keys(Keys.HOME)
    said = "document.querySelector('[data-chart=loss] [role=status]').textContent"
    first = browser.js(said)
    assert tip.is_displayed() and first.startswith("update 1: plain ") and "mined" in first
    browser.keys(Keys.ARROW_RIGHT)
    assert browser.js(said) != first and browser.js(said).startswith("update 2: ")
    before, other = browser.labels("loss"), browser.labels("iou")
    assert not browser.find("#reset").is_displayed()
    browser.keys("+")
    assert browser.labels("loss") != before and browser.labels("iou") != other
    assert browser.find("#reset").is_displayed()
    browser.keys("-", "-")
    assert browser.labels("loss") == before
    browser.keys("+", "+", Keys.ESCAPE)
    assert (browser.labels("loss"), browser.labels("iou")) == (before, other)
    assert not tip.is_displayed() and not browser.find("#reset").is_displayed()


def test_the_mouse(browser: Browser) -> None:
    before, other = browser.labels("loss"), browser.labels("rate")
    plot = browser.plot("loss")
    ActionChains(browser.driver).move_to_element(plot).click_and_hold().move_by_offset(
        60, 0
    ).release().perform()
    assert browser.labels("loss") != before and browser.labels("rate") != other
    shown = [float(text) for text in browser.labels("loss")]
    assert 25 < min(shown) < max(shown) < 45  # of 60 updates
    assert browser.find('[data-chart="loss"] .tip').is_displayed()
    browser.find("#reset").click()
    assert browser.labels("loss") == before
    ActionChains(browser.driver).move_to_element(plot).click_and_hold().move_by_offset(
        60, 0
    ).release().double_click().perform()
    assert browser.labels("loss") == before


def test_a_run_is_hidden_and_shown(browser: Browser) -> None:
    def runs() -> set[str]:
        groups = "[...document.querySelectorAll('.plot g > .run-0, .plot g > .run-1')]"
        return set(browser.js(f"{groups}.map((one) => one.getAttribute('class'))"))

    assert runs() == {"run-0", "run-1"}
    browser.find('input[data-run="0"]').click()
    assert runs() == {"run-1"}
    browser.find('input[data-run="0"]').send_keys(Keys.SPACE)
    assert runs() == {"run-0", "run-1"}


def test_what_is_drawn_on_images_can_be_chosen(browser: Browser) -> None:
    def shown(selector: str) -> bool:
        boxes = f"[...document.querySelectorAll('{selector}')]"
        found: bool = browser.js(f"{boxes}.some((one) => one.getClientRects().length > 0)")
        return found

    assert shown(".of-0 .false") and not shown(".of-1 .false")
    browser.find("#of-run-1").click()
    assert shown(".of-1 .false") and not shown(".of-0 .false")
    browser.find("#show-false").click()
    assert not shown(".of-1 .false") and shown(".of-1 .missed, .of-1 .hit")


def test_a_screen_reader_has_a_name_for_everything(browser: Browser) -> None:
    nodes = browser.command("Accessibility.getFullAXTree")["nodes"]
    named = {"checkbox", "radio", "button", "link", "application", "image", "region", "navigation",
             "RootWebArea", "columnheader", "rowheader"}  # fmt: skip
    seen = set()
    for node in nodes:
        role = node.get("role", {}).get("value")
        if role in named and not node["ignored"]:
            seen.add(role)
            assert node["name"]["value"].strip(), node
    assert {"checkbox", "radio", "link", "application", "image", "region"} <= seen
    charts = [one for one in nodes if one.get("role", {}).get("value") == "application"]
    loss = next(one["name"]["value"] for one in charts if "Training loss" in one["name"]["value"])
    assert "plain ends at" in loss
