"""`finetune stop`: end a run that is going on; the pipeline cleans up after it."""

from __future__ import annotations

from finetune.aws import executions
from finetune_cli import past, stack, states
from finetune_cli.answer import Answer
from finetune_cli.commands.stop import Options
from finetune_cli.console import Console, agreed

CAUSE = "A person stopped it by `finetune stop`."


def run(options: Options, console: Console) -> Answer:
    """Yes once the execution is stopped."""
    by = stack.removing(options.stack)
    found = past.find(by, options.run)
    facts = {"run": found.name, "execution": found.execution_arn, "stopped": False}
    if not found.going:
        console.warn(f"finetune: run {found.name} has ended already: {found.verdict}.")
        return Answer(False, facts)
    state = states.current(by.stepfunctions, found)
    console.write(
        f"Run {found.name} is going on{f', in {state}' if state else ''}. Stopped, it trains and evaluates no further; "
        "what its job has trained by then is billed, and a model in service stays."
    )
    if not (options.yes or agreed(console, "Stop it? Type yes: ")):
        console.warn("finetune: nothing was stopped.")
        return Answer(False, facts)
    executions.stop(by.stepfunctions, found.execution_arn, CAUSE)
    console.write(
        "Stopped. The pipeline stops its job, deletes the endpoint that it opened and sends the mail, within minutes."
    )
    return Answer(True, {**facts, "stopped": True})
