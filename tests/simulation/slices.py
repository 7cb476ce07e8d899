"""A slice of all faults, in a process of its own because it forks, for tests that go to different workers."""

from __future__ import annotations

import subprocess
import sys

from tools.project import ROOT

SEED = 1


def broken(scenarios: tuple[str, ...], faults: int, *more: str) -> str:
    """What breaks which promise in these scenarios, with a line that replays it; empty when nothing does."""
    named = [word for name in scenarios for word in ("--scenario", name)]
    command = [sys.executable, "-m", "tests.simulation", "faults", *named, "--limit", str(faults), "--seed", str(SEED)]
    found = subprocess.run([*command, *more], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    return "" if found.returncode == 0 else f"{found.stdout}{found.stderr}It ended with {found.returncode}."
