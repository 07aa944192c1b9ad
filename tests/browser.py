"""A browser without a window: Debian's Chromium, driven by Selenium; it reaches this machine and nothing else."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from selenium.common.exceptions import (
    NoSuchElementException,
    StaleElementReferenceException,
    WebDriverException,
)
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

PATIENCE_S = 60.0
_T = TypeVar("_T")


class Browser:
    """A page at a time, looked at as a person does."""

    def __init__(self, driver: Chrome) -> None:
        self._driver = driver

    def open(self, url: str) -> None:
        """Go to an address."""
        self._driver.get(url)

    @property
    def url(self) -> str:
        """Where the browser is."""
        return self._driver.current_url

    @property
    def source(self) -> str:
        """The page as it is now, with what scripts have changed."""
        return self._driver.page_source

    def press(self, selector: str) -> None:
        """Press a form's button that a CSS selector finds first, and wait for the page that it leads to."""
        before = self._driver.find_element(By.CSS_SELECTOR, "html")

        def click() -> bool:
            self._driver.find_element(By.CSS_SELECTOR, selector).click()
            return True

        self.await_(click, "a button")  # found anew where the page has replaced it meanwhile

        def is_gone() -> bool:
            try:
                before.is_enabled()
            except StaleElementReferenceException:
                return True
            except WebDriverException as problem:  # asked while the page is being replaced
                if "does not belong to the document" not in str(problem):
                    raise
            return False

        self.await_(is_gone, "another page")

    def fill(self, selector: str, text: str) -> None:
        """Put a text in the place of a field's."""
        field = self._driver.find_element(By.CSS_SELECTOR, selector)
        self._driver.execute_script("arguments[0].value = arguments[1]", field, text)

    def text(self, selector: str) -> str:
        """Return the text of what a CSS selector finds first, as it is shown."""
        for text in self.texts(selector):
            return text
        raise NoSuchElementException(selector)

    def texts(self, selector: str) -> list[str]:
        """Return the text of everything that a CSS selector finds, all of one moment."""
        script = (
            "return [...document.querySelectorAll(arguments[0])].map(one => one.innerText.trim())"
        )
        found: list[str] = self._driver.execute_script(script, selector)
        return found

    def run(self, script: str) -> Any:
        """Return what a script returns."""
        return self._driver.execute_script(script)

    def await_(self, look: Callable[[], _T], what: str) -> _T:
        """Look until there is something, and return it; the page may change meanwhile."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            try:
                found = look()
            except (NoSuchElementException, StaleElementReferenceException):
                found = None  # not yet, or just replaced
            if found:
                return found
            time.sleep(0.05)
        raise AssertionError(f"{what} was not to be seen:\n{self.source}")

    def complaints(self) -> list[str]:
        """Return what the browser has complained of since the last time: scripts, policies, missing files."""
        log = self._driver.get_log("browser")  # type: ignore[no-untyped-call]  # the library has no type for it
        return [entry["message"] for entry in log]


@contextmanager
def chromium(profile: Path) -> Iterator[Browser]:
    """Give a browser with a new profile; skip the test where there is none.

    Args:
        profile: an empty directory.
    """
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.skip("missing installable: chromium, for tests of pages")
    options = ChromeOptions()
    options.binary_location = program
    for argument in (
        "--headless=new",
        "--no-sandbox",  # root has no namespaces of its own in every container; the pages are ours
        "--disable-dev-shm-usage",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
        "--no-first-run",
        "--no-proxy-server",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        "--window-size=1300,1400",
        f"--user-data-dir={profile}",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    # Both programs are named, so that nothing is looked for or fetched.
    started = Chrome(options=options, service=Service(executable_path=driver))
    try:
        yield Browser(started)
    finally:
        started.quit()
