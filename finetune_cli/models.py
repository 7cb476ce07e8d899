"""`finetune models`: the custom models that a stack has trained."""

from __future__ import annotations

from finetune.aws import billed
from finetune.aws.billed import Billed
from finetune.foreign import foreign
from finetune_cli import past, stack
from finetune_cli.answer import Answer
from finetune_cli.commands.models import Options
from finetune_cli.console import Console
from finetune_cli.costs import facts_of, price_of
from finetune_cli.runs import table


def run(options: Options, console: Console) -> Answer:
    """Yes when there is a model."""
    by = stack.removing(options.stack)
    account = billed.everything(by.bedrock, by.ssm, options.stack)
    wanted = stack.slugs_of(options.stack, options.project)
    models = [each for each in account.billed if each.kind == "model" and (wanted is None or each.project in wanted)]
    shown = sorted(models, key=lambda each: (each.project, each.run, each.name), reverse=True)
    if shown:
        ages = [past.ago(account.as_of - each.created) if each.created else "unknown" for each in shown]
        rows = [(each.name, _stands(each), age, price_of(each)) for each, age in zip(shown, ages, strict=True)]
        console.write(*table([("model", "stands", "age", "price"), *rows]))
    elif not account.unasked:
        whose = f"Project {foreign(options.project)} of stack" if options.project else "Stack"
        console.write(f"{whose} {options.stack} has no custom model.")
    for why in account.unasked:
        console.warn(f"warning: not asked, so there may be more: {why}")
    facts = {"stack": options.stack, "models": list(map(facts_of, shown)), "unasked": list(account.unasked)}
    return Answer(bool(shown), facts)


def _stands(each: Billed) -> str:
    told = (
        "in service" if each.in_service else "",
        "kept" if each.kept else "",
        f"deleted on {each.deletion}" if each.deletion else "",
    )
    return ", ".join(filter(None, told)) or "not in service"
