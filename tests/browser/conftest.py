"""One browser for all tests of the pages; each test gets pages of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import sync_playwright

from tests.browser import chromium
from tests.browser.watched import Opener


@pytest.fixture(scope="session")
def browser() -> chromium.Found:
    found = chromium.usable()
    assert found  # or tests/conftest.py had taken out the test
    return found


@pytest.fixture(scope="session")
def opener(browser: chromium.Found, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opener]:
    with sync_playwright() as playwright, chromium.start(playwright.chromium, browser.path) as one:
        yield Opener(one, tmp_path_factory.mktemp("pages"))


@pytest.fixture
def show(opener: Opener) -> Iterator[Opener]:
    yield opener
    opener.close_pages()
