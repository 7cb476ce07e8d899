"""`finetune keep`: keep a custom model from being deleted, or let it go."""

from __future__ import annotations

from finetune.aws import retention, tags
from finetune.aws.tags import DELETE_AFTER_TAG, KEEP_TAG
from finetune.letter import of_stack
from finetune_cli import stack
from finetune_cli.answer import Answer
from finetune_cli.commands.keep import Options
from finetune_cli.console import Console


def run(options: Options, console: Console) -> Answer:
    """Yes when the model has, or with --not has not any more, the tag that keeps it."""
    bedrock, _, _ = stack.connect(options.stack)
    model = retention.find_model(bedrock, options.model, options.stack)
    if model is None:
        console.warn(f"finetune: stack {options.stack} has no custom model {options.model}.")
        return Answer(False, {"model": options.model, "kept": False})
    if options.let_go:
        # The sweeper gives it its days anew.
        tags.remove(bedrock, model.arn, [KEEP_TAG, DELETE_AFTER_TAG])
        console.write(f"{model.name} is not kept any more. The next daily sweep names the day of its deletion.")
    else:
        ending = of_stack(options.stack)
        tags.add(bedrock, model.arn, options.stack, {KEEP_TAG: "true"})
        console.write(f"{model.name} is kept and billed for storage until `finetune keep {model.name} --not{ending}`.")
    return Answer(True, {"model": model.name, "arn": model.arn, "kept": not options.let_go})
