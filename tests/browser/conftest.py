"""One browser for all tests of the pages; each test gets pages of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import sync_playwright

from tests.browser import chromium
from tests.browser.watched import Opener


@pytest.fixture(scope="session")
def opener(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opener]:
    found = chromium.find()
    if found is None:
        pytest.fail(chromium.MISSING, pytrace=False)
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=found, args=chromium.FLAGS) as one:
        yield Opener(one, tmp_path_factory.mktemp("pages"))


@pytest.fixture
def show(opener: Opener) -> Iterator[Opener]:
    yield opener
    opener.close_pages()
