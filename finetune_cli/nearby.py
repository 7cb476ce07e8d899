"""The local cloud of this machine, found by the file in which `python -m local up` says how to reach it."""

from __future__ import annotations

import json
import os
from pathlib import Path

from finetune_cli.answer import UsageFailure

# The folder of the local cloud's state, if it is another one.
FOLDER_VARIABLE = "FINETUNE_LOCAL"
FOLDER, FILE = "build/local-cloud", "environment.json"
# What would send a call elsewhere.
_OTHERS = ("AWS_PROFILE", "AWS_SESSION_TOKEN")


def enter() -> None:
    """Let every client of this process use the local cloud; UsageFailure when none is running."""
    path = Path(os.environ.get(FOLDER_VARIABLE, FOLDER)) / FILE
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        raise UsageFailure(
            f"No local cloud runs here: {path} is not there. Start one with `python -m local up` in this folder, or "
            f"name its state folder in {FOLDER_VARIABLE}."
        ) from None
    for name in _OTHERS:
        os.environ.pop(name, None)
    os.environ.update({str(name): str(value) for name, value in found.items()})
