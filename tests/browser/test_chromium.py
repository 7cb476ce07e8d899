"""Where there is no browser, one sentence says so, and no test of a page is passed over."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.browser import chromium
from tools.project import ROOT


def test_without_a_browser_the_check_fails_with_one_sentence_that_says_what_to_do() -> None:
    found = subprocess.run(
        [sys.executable, "-m", "tests.browser.chromium"],
        cwd=ROOT,
        env={**os.environ, "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (found.returncode, found.stdout, found.stderr) == (1, "", f"{chromium.MISSING}\n")
    assert "`make browser`" in chromium.MISSING


def test_ci_installs_a_browser_before_it_tests() -> None:
    steps = (ROOT / ".ci/run").read_text().splitlines()
    assert steps.index("make browser") < steps.index("make check")
    assert "\nbrowser: " in (ROOT / "Makefile").read_text()
