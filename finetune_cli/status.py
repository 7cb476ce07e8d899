"""`finetune status`: what is in service, since when, from which data and at what price."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from finetune.aws import clients, overview, usage
from finetune.aws.endpoints import Tagged
from finetune.aws.overview import InService
from finetune.aws.tags import RUN_TAG
from finetune.aws.usage import Usage
from finetune.domain import catalog, cost
from finetune.domain.cost import dollars
from finetune.errors import FineTuneError
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
    used, unasked = _usage(shown)
    console.write(*apart([_paragraph(each, used.get(each.slug)) for each in shown] or [_nothing(options)]))
    for warning in [
        *unasked,
        *filter(None, (_mismatch(each, options.stack) for each in shown)),
        *map(_warning, warned),
    ]:
        console.warn(f"warning: {warning}")
    facts = {
        "stack": options.stack,
        "projects": [{**_facts(each), "usage": _used(each, used.get(each.slug))} for each in shown],
        "unpublished": [{**each.endpoint.payload(), "tags": dict(each.tags)} for each in warned],
    }
    return Answer(bool(shown or warned), facts)


def _nothing(options: Options) -> str:
    whose = f"Project {options.project} of stack" if options.project else "Stack"
    return f"{whose} {options.stack} has nothing in service."


def _usage(shown: Sequence[InService]) -> tuple[dict[str, Usage], list[str]]:
    """How each is used, by slug, or why that could not be asked."""
    if not shown:
        return {}, []
    names = {
        each.slug: [
            each.published.endpoint_arn,
            each.published.endpoint_arn.rpartition("/")[2],
            each.published.endpoint_name,
            each.published.model_arn,
        ]
        for each in shown
    }
    now = max((each.found.as_of for each in shown if each.found), default=datetime.now(UTC))
    try:
        return usage.of_endpoints(clients.cloudwatch(), names, now), []
    except FineTuneError as error:
        return {}, [f"not known how the models are used: {error}"]


def _used(each: InService, found: Usage | None) -> dict[str, Any] | None:
    if found is None:
        return None
    means = {"answer_tokens": found.answer_tokens, "usd_per_day": _usd_per_day(each, found)}
    return {**found.model_dump(), **means}


def _usd_per_day(each: InService, found: Usage) -> float | None:
    """What the tokens of these days have cost a day; throughput costs the same every day."""
    prices = _prices(each)
    if each.published.kind == "provisioned":
        hour = prices["provisioned_per_hour"]
        return None if hour is None else 24 * hour
    usd = cost.TokenPrices(**prices).usd(found.input_tokens, found.output_tokens)
    return None if usd is None else usd / found.days


def _usage_words(each: InService, found: Usage | None) -> str:
    if found is None or not (found.invocations or found.throttles):
        return f"CloudWatch knows of no call in {usage.DAYS} days"
    errors = found.client_errors + found.server_errors
    latency = "" if found.latency_ms is None else f", {found.latency_ms / 1000:.1f} s each"
    answers = "" if found.answer_tokens is None else f", {found.answer_tokens:,.0f} tokens an answer"
    day = _usd_per_day(each, found)
    price = "" if day is None else f", about {dollars(day)} a day"
    return (
        f"{found.invocations:,} calls in {found.days} days, {errors:,} errors, {found.throttles:,} throttled"
        f"{latency}{answers}{price}"
    )


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


def _paragraph(each: InService, used: Usage | None) -> str:
    published = each.published
    since = f"{published.since:%Y-%m-%d %H:%M} UTC" if published.since else "unknown"
    dataset = published.dataset
    lines = [
        ("endpoint", f"{published.endpoint_arn} ({_KINDS[published.kind]}, {_state(each)})"),
        ("model", f"{published.model_arn} (custom {published.base_model})"),
        ("since", f"{since}, run {published.run_id}"),
        ("dataset", f"{dataset.shown} (version {dataset.version_id})" if dataset else "unknown"),
        ("price", _price_words(each)),
        ("used", _usage_words(each, used)),
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
