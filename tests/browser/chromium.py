"""The browser that the tests open pages in: whichever Chromium or Chrome this machine has."""

from __future__ import annotations

import shutil
import sys

BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
MISSING = (
    "The tests open the report in a browser and found none: install Chromium or Google Chrome "
    "(`make browser` does it on Debian, as root)."
)
# A browser for tests runs as root in a container and has nobody to call.
FLAGS = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
)


def find() -> str | None:
    """The path of the first browser there is."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


if __name__ == "__main__":
    sys.exit(None if find() else MISSING)
