"""`finetune approve`: answer a run that asks."""

from __future__ import annotations

from finetune_cli import deciding
from finetune_cli.answer import Answer
from finetune_cli.commands.approve import Options
from finetune_cli.console import Console


def run(options: Options, console: Console) -> Answer:
    """Yes when the run is approved."""
    return deciding.decide(options, "approve", console)
