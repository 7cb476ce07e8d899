"""What `finetune approve` and `finetune reject` have in common."""

from __future__ import annotations

from typing import Literal

from finetune.aws import clients, decisions
from finetune.aws.translation import translated
from finetune.contracts import DecideInput
from finetune.foreign import FOREIGN_CHARACTERS
from finetune_cli import stack
from finetune_cli.answer import Answer, UsageFailure
from finetune_cli.console import Console
from finetune_cli.options import DecisionOptions


def decide(options: DecisionOptions, decision: Literal["approve", "reject"], console: Console) -> Answer:
    """Yes when this answer holds, whoever gave it first."""
    if len(options.reason) > FOREIGN_CHARACTERS:
        raise UsageFailure(f"The reason has {len(options.reason)} characters; give at most {FOREIGN_CHARACTERS}.")
    (function,) = stack.outputs(options.stack, "DecideFunctionName")
    with translated("asking who you are"):
        who = clients.identity().get_caller_identity()["Arn"]
    given = DecideInput(
        run=options.run[:200], question=options.question, decision=decision, by=who, reason=options.reason
    )
    told = decisions.answer(clients.functions(), function, given)
    holds = told.decision == decision
    (console.write if holds else console.warn)(told.sentence if holds else f"finetune: {told.sentence}")
    return Answer(holds, {"run": options.run, **told.payload()})
