"""A browser is found or installed, and where none can be had nothing hides that pages were not tested."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.browser import chromium
from tools.project import ROOT

BROKEN = "#!/bin/sh\necho 'error while loading shared libraries' >&2\nexit 127\n"


def executable(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def without_a_browser(tmp_path: Path, *asked: str) -> subprocess.CompletedProcess[str]:
    """Run Python where the one browser does not start and none can be fetched."""
    executable(tmp_path / "bin" / "chromium", BROKEN)
    environment = {
        **os.environ,
        "PATH": str(tmp_path / "bin"),
        "HOME": str(tmp_path),
        "PLAYWRIGHT_BROWSERS_PATH": str(tmp_path / "browsers"),
        "PLAYWRIGHT_DOWNLOAD_HOST": "http://127.0.0.1:9",
        "PYTEST_ADDOPTS": "-p no:cacheprovider",
    }
    return subprocess.run(  # noqa: S603 - this interpreter
        [sys.executable, *asked], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def test_where_none_can_be_had_it_says_what_was_tried_and_leaves_the_rest_to_be_tested(tmp_path: Path) -> None:
    ran = without_a_browser(tmp_path, "-m", "tests.browser.chromium")
    lines = ran.stdout.splitlines()
    assert (ran.returncode, ran.stderr) == (0, "")
    assert lines[0] == "Installing a browser: Playwright's Chromium"
    assert lines[-2:] == [
        "  It cannot be installed.",
        "There is no browser, so pages are not tested; all other tests are run.",
    ]


@pytest.mark.parametrize("workers", [(), ("-n", "1")], ids=["alone", "in-a-worker"])
def test_tests_of_pages_are_not_skipped_but_named_in_the_last_line_and_the_exit_code_is_one(
    tmp_path: Path, workers: tuple[str, ...]
) -> None:
    files = ("tests/browser/test_pages.py", "tests/unit/tools/test_alive.py")
    ran = without_a_browser(tmp_path, "-m", "pytest", *files, *workers)
    assert ran.returncode == 1, ran.stderr
    last = ran.stdout.splitlines()[-1]
    assert last.startswith("Not tested: ")
    assert last.endswith("No Chromium or Google Chrome starts here; install one and run `make test` again.")
    assert "passed" in ran.stdout
    assert "skipped" not in ran.stdout


def test_where_no_test_needs_a_browser_none_is_missed(tmp_path: Path) -> None:
    ran = without_a_browser(tmp_path, "-m", "pytest", "tests/unit/tools/test_alive.py")
    assert (ran.returncode, "Not tested" in ran.stdout) == (0, False)


def test_one_that_does_not_start_is_passed_over(tmp_path: Path, browser: chromium.Found) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "google-chrome").symlink_to(browser.path)
    ran = without_a_browser(tmp_path, "-m", "tests.browser.chromium")
    assert ran.stdout == f"Pages are tested in Chromium {browser.version} ({tmp_path / 'bin' / 'google-chrome'}).\n"


INSTALLS = """
import sys
from tests.browser import chromium
put = "import os, sys; os.symlink(*sys.argv[1:])"
chromium.found_or_installed([
    chromium.Way("one that cannot be had", ((sys.executable, "-c", "raise SystemExit(100)"), ("never-run",))),
    chromium.Way("one that can", ((sys.executable, "-c", put, *sys.argv[1:]),)),
    chromium.Way("one that is not needed", (("never-run",),)),
])
"""


def test_the_first_way_that_brings_one_that_starts_is_the_last_tried(tmp_path: Path, browser: chromium.Found) -> None:
    ran = without_a_browser(tmp_path, "-c", INSTALLS, browser.path, str(tmp_path / "bin" / "google-chrome"))
    assert ran.stdout.splitlines() == [
        "Installing a browser: one that cannot be had",
        "  It cannot be installed.",
        "Installing a browser: one that can",
    ]


def test_root_gets_the_distributions_package_and_nobody_else_is_asked_to_become_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    executable(tmp_path / "apt-get", BROKEN)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert [way.title for way in chromium.ways(root=True)] == [
        "the package chromium, with apt-get",
        "Playwright's Chromium",
    ]
    assert [way.title for way in chromium.ways(root=False)] == ["Playwright's Chromium"]
    monkeypatch.setenv("PATH", "")
    assert [way.title for way in chromium.ways(root=True)] == ["Playwright's Chromium"]


@pytest.mark.parametrize("target", ["test", "test-all"])
def test_make_finds_or_installs_one_before_it_tests(target: str) -> None:
    recipe = (ROOT / "Makefile").read_text().partition(f"\n{target}:")[2].partition("\n\n")[0]
    assert recipe.index("-m tests.browser.chromium") < recipe.index("$(PYTEST)")
