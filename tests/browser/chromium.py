"""The browser that the tests open pages in: the first that is there and starts, else one that is installed.

`python -m tests.browser.chromium` says which, or why there is none.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from playwright.sync_api import Browser, BrowserType, Error, sync_playwright

from tests.waiting import LAST_RESORT_SECONDS
from tools import alive

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
APPLICATIONS = ("Google Chrome.app/Contents/MacOS/Google Chrome", "Chromium.app/Contents/MacOS/Chromium")
# A browser for tests runs as root in a container and has nobody to call.
FLAGS = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
)
APT = {"DEBIAN_FRONTEND": "noninteractive"}


@dataclass(frozen=True)
class Found:
    """A browser that starts; with its version as it tells it."""

    path: str
    version: str


@dataclass(frozen=True)
class Way:
    """A way to install one: commands, and what they are called."""

    title: str
    commands: tuple[tuple[str, ...], ...]


def start(chromium: BrowserType, path: str) -> Browser:
    return chromium.launch(executable_path=path, args=FLAGS, timeout=LAST_RESORT_SECONDS * 1000)


@cache
def usable() -> Found | None:
    """The first browser of this machine that starts."""
    with sync_playwright() as playwright:
        for path in _present(playwright.chromium):
            try:
                with start(playwright.chromium, path) as browser:
                    return Found(path, browser.version)
            except Error:
                continue
    return None


def _present(chromium: BrowserType) -> Iterator[str]:
    yield from filter(None, map(shutil.which, NAMES))
    folders = (Path("/Applications"), Path("~/Applications").expanduser())
    own = (folder / application for folder in folders for application in APPLICATIONS)
    yield from (str(path) for path in (*own, Path(chromium.executable_path)) if path.exists())


def ways(*, root: bool) -> Iterator[Way]:
    """How one can be had here: the distribution's package as root, else Playwright's own in the user's cache."""
    apt = shutil.which("apt-get")
    if root and apt:
        install = (apt, "install", "--yes", "--no-install-recommends", "chromium")
        yield Way("the package chromium, with apt-get", ((apt, "update"), install))
    yield Way("Playwright's Chromium", ((sys.executable, "-m", "playwright", "install", "chromium"),))


def found_or_installed(offered: Iterable[Way], tell: Callable[[str], None] = alive.say) -> Found | None:
    """The browser that is there, else the first that can be installed and then starts."""
    found = usable()
    for way in offered:
        if found:
            return found
        environment = {**os.environ, **APT}
        done = all(
            alive.run(f"Installing a browser: {way.title}", command, environment=environment, tell=tell) == 0
            for command in way.commands
        )
        usable.cache_clear()
        found = usable()
        if not found:
            tell("  It was installed and does not start." if done else "  It cannot be installed.")
    return found


if __name__ == "__main__":
    chosen = found_or_installed(ways(root=os.geteuid() == 0))
    alive.say(
        f"Pages are tested in Chromium {chosen.version} ({chosen.path})."
        if chosen
        else "There is no browser, so pages are not tested; all other tests are run."
    )
