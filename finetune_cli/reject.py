"""`finetune reject`: answer a run that asks."""

from __future__ import annotations

from finetune_cli import deciding
from finetune_cli.answer import Answer
from finetune_cli.commands.reject import Options
from finetune_cli.console import Console


def run(options: Options, console: Console) -> Answer:
    """Yes when the run is rejected."""
    return deciding.decide(options, "reject", console)
