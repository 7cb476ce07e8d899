"""`finetune status`: what is in service, since when, from which data and at what price."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from finetune.aws import overview
from finetune.aws.endpoints import Tagged
from finetune.aws.overview import InService
from finetune.aws.tags import RUN_TAG
from finetune.domain import catalog, cost
from finetune.foreign import block
from finetune.letter import of_stack
from finetune_cli import stack
from finetune_cli.answer import Answer
from finetune_cli.commands.status import Options
from finetune_cli.console import Console, apart
from finetune_cli.options import STACK

_KINDS = {"on_demand": "on-demand deployment", "provisioned": "provisioned throughput"}


def run(options: Options, console: Console) -> Answer:
    """Yes when something is in service or open."""
    bedrock, _, ssm = stack.connect(options.stack)
    everything = overview.in_service(bedrock, ssm, options.stack)
    loose = overview.unpublished(bedrock, options.stack, everything)
    wanted = stack.slugs_of(options.stack, options.project)
    shown = [each for each in everything if wanted is None or each.slug in wanted]
    warned = [each for each in loose if wanted is None or overview.project_of(each) in wanted]
    console.write(*apart(list(map(_paragraph, shown)) or [_nothing(options)]))
    for warning in [*filter(None, (_mismatch(each, options.stack) for each in shown)), *map(_warning, warned)]:
        console.warn(f"warning: {warning}")
    facts = {
        "stack": options.stack,
        "projects": [_facts(each) for each in shown],
        "unpublished": [{**each.endpoint.payload(), "tags": dict(each.tags)} for each in warned],
    }
    return Answer(bool(shown or warned), facts)


def _nothing(options: Options) -> str:
    whose = f"Project {options.project} of stack" if options.project else "Stack"
    return f"{whose} {options.stack} has nothing in service."


def _state(each: InService) -> str:
    if each.found is None:
        return "missing"
    return {"Creating": "not ready", "Failed": "failed", "Ready": "answering"}[each.found.status]


def _facts(each: InService) -> dict[str, Any]:
    published = each.published
    return {
        "project": each.slug,
        "endpoint": published.endpoint_arn,
        "kind": published.kind,
        "state": _state(each),
        "model": published.model_arn,
        "answering_model": each.found.model_arn if each.found else None,
        "base_model": published.base_model,
        "run": published.run_id,
        "since": published.since.isoformat() if published.since else None,
        "dataset": published.dataset.payload() if published.dataset else None,
        "previous_model": published.previous_model_arn,
        "previous_run": published.previous_run_id,
        "prices": _prices(each),
    }


def _prices(each: InService) -> dict[str, float | None]:
    """USD; None where neither the settings nor the catalog know a price."""
    row, own = catalog.base_model(each.published.base_model), each.published.prices
    if each.published.kind == "on_demand":
        names = ("input_per_1k_tokens", "output_per_1k_tokens")
        return {name: cost.price(row, own, name) for name in names}
    hour = cost.hourly(row, own, each.found.units if each.found else each.published.model_units)
    return {
        "provisioned_per_hour": hour,
        "provisioned_per_month": None if hour is None else hour * cost.HOURS_PER_MONTH,
    }


def _paragraph(each: InService) -> str:
    published = each.published
    since = f"{published.since:%Y-%m-%d %H:%M} UTC" if published.since else "unknown"
    dataset = published.dataset
    lines = [
        ("endpoint", f"{published.endpoint_arn} ({_KINDS[published.kind]}, {_state(each)})"),
        ("model", f"{published.model_arn} (custom {published.base_model})"),
        ("since", f"{since}, run {published.run_id}"),
        ("dataset", f"{dataset.shown} (version {dataset.version_id})" if dataset else "unknown"),
        ("price", _price_words(each)),
        ("previous", f"run {published.previous_run_id}" if published.previous_run_id else "none"),
    ]
    return block(each.slug, *(f"  {name:<10}{value}" for name, value in lines))


def _price_words(each: InService) -> str:
    prices = _prices(each)
    if None in prices.values():
        return "unknown; set it under `prices` in settings.yaml"
    if each.published.kind == "provisioned":
        return (
            f"${prices['provisioned_per_hour']:,.2f} an hour, about ${prices['provisioned_per_month']:,.0f} a month, "
            "also when it is not used"
        )
    return (
        f"{usd(prices['input_per_1k_tokens'])} for 1,000 tokens of prompts and {usd(prices['output_per_1k_tokens'])} "
        "of answers; nothing is billed while idle"
    )


def usd(amount: float | None) -> str:
    """A price with all its digits: a token costs so little that others would write 3.5e-05."""
    return f"${Decimal(str(amount)).normalize():f}"


def _mismatch(each: InService, stack_name: str = STACK) -> str | None:
    if each.found is None:
        return f"the endpoint of {each.slug} no longer exists; the next promotion opens a new one."
    swap = each.published.swap
    if swap and swap.execution_arn is None:
        return (
            f"a rollback of {each.slug} to run {swap.run_id} is not finished; "
            f"`finetune rollback {each.slug}{of_stack(stack_name)}` continues it, or else the sweeper undoes it after "
            "some hours."
        )
    if swap:
        return f"run {swap.run_id} is putting another model behind the endpoint of {each.slug}."
    if each.found.model_arn != each.published.model_arn:
        return (
            f"the endpoint of {each.slug} answers with {each.found.model_arn}, which is not the published model: "
            "somebody changed it by hand. The next promotion or rollback corrects this."
        )
    return None


def _warning(each: Tagged) -> str:
    return (
        f"{each.endpoint.arn} ({_KINDS[each.endpoint.kind]}) is open but not published. It belongs to run "
        f"{each.tags.get(RUN_TAG, 'unknown')} of {overview.project_of(each)}; the sweeper deletes it "
        "some minutes after that run has ended."
    )
