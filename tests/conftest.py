"""Rules for every run of tests: size, order, no time limits, and a last line about what no browser was there for.

Where no browser starts, the tests that need one are taken out, the last line says so, and the exit code is 1.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests import sizes

NEEDS_A_BROWSER = "browser"  # the fixture
UNTESTED = "tests without a browser"  # the key under which a worker of xdist tells how many
# Workers begin with what takes longest, a file each, so that they end together.
LONGEST = ("tests/e2e/", "tests/simulation/test_faults", "tests/browser/")
_untested = pytest.StashKey[int]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full-size", action="store_true", help="run tests at their full size instead of a small one")


def pytest_configure(config: pytest.Config) -> None:
    sizes.FULL_SIZE = config.getoption("full_size")
    # How long an example takes, or takes to make, tells of the machine.
    settings.register_profile(
        "any machine",
        deadline=None,
        max_examples=sizes.sized(100, full=1_000),
        suppress_health_check=[HealthCheck.too_slow],
    )
    settings.load_profile("any machine")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))
    needing = [item for item in items if NEEDS_A_BROWSER in getattr(item, "fixturenames", ())]
    if needing and not _browser():
        config.hook.pytest_deselected(items=needing)
        items[:] = [item for item in items if item not in needing]
        config.stash[_untested] = len(needing)


def _browser() -> object:
    from tests.browser import chromium  # noqa: PLC0415  # takes a second, which most runs do not need

    return chromium.usable()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Each worker of xdist has collected all tests, and tells unless it crashed."""
    told = getattr(node, "workeroutput", {}).get(UNTESTED, 0)
    node.config.stash[_untested] = max(told, node.config.stash.get(_untested, 0))


def pytest_sessionfinish(session: pytest.Session) -> None:
    untested = session.config.stash.get(_untested, 0)
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput[UNTESTED] = untested
    elif untested and session.exitstatus in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_unconfigure(config: pytest.Config) -> None:
    reporter, untested = config.pluginmanager.get_plugin("terminalreporter"), config.stash.get(_untested, 0)
    if untested and reporter and not hasattr(config, "workeroutput"):
        reporter.write_line(
            f"Not tested: {untested} tests that open pages in a browser. No Chromium or Google Chrome starts here; "
            "install one and run `make test` again."
        )
