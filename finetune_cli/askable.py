"""Whom a person may ask: a project's model in service, an endpoint, or a base model; and what asking costs."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from finetune.aws import clients, customization, inference, publication, runs
from finetune.aws.asking import ask_all
from finetune.aws.inference import Contestant
from finetune.domain import catalog, cost
from finetune.domain.catalog import BaseModelRow
from finetune.domain.cost import TokenPrices, dollars
from finetune.domain.evaluation.answers import Answer
from finetune.domain.evaluation.expense import longest_answer, prompt
from finetune.domain.evaluation.items import EvaluationItem
from finetune.domain.evaluation.pacing import Pace, workers
from finetune.foreign import foreign
from finetune.settings import Inference
from finetune_cli import stack
from finetune_cli.answer import UsageFailure

if TYPE_CHECKING:
    from finetune.aws.publication import Published
    from finetune.aws.removal import Removing

# How long one question may take with all its repetitions.
PATIENCE_SECONDS = 300.0


@dataclass(frozen=True)
class Askable:
    """A model that answers, with its prices and the parameters with which it was evaluated."""

    contestant: Contestant
    row: BaseModelRow
    prices: TokenPrices
    parameters: Inference

    @property
    def name(self) -> str:
        return {"base": "base model", "candidate": "custom model"}[self.contestant.name]

    def most_usd(self, item: EvaluationItem) -> float | None:
        """What one answer costs at most; None where a price is unknown. On throughput it costs nothing more."""
        if not self.contestant.paid_by_token:
            return 0.0
        longest = longest_answer(item, self.row, self.parameters.max_tokens)
        return self.prices.usd(prompt(item, self.row.provider).most, longest)

    def usd(self, answer: Answer) -> float | None:
        """What an answer has cost."""
        if not self.contestant.paid_by_token or answer.error:
            return 0.0
        return self.prices.usd(answer.input_tokens, answer.output_tokens)

    def bounded(self, tokens: int | None) -> Askable:
        """The same with another bound of its answers."""
        parameters = self.parameters.model_copy(update={"max_tokens": tokens}) if tokens else self.parameters
        return Askable(self.contestant, self.row, self.prices, parameters)

    def answers(self, items: Iterable[EvaluationItem], *, patience: float = PATIENCE_SECONDS) -> Iterator[Answer]:
        """Answers as they come, paced at what the model takes; what has none within the patience is left out.

        Only what the model had no room for is asked again: whatever else went wrong may have been billed.
        """
        quota, until = self.row.requests_per_minute, time.monotonic() + patience
        yield from ask_all(
            self._ask,
            items,
            pace=Pace(quota),
            workers=workers(quota, 1),
            remaining=lambda: until - time.monotonic(),
            most=1,
        )

    def _ask(self, item: EvaluationItem) -> Answer:
        chosen = self.parameters
        given = {"temperature": chosen.temperature, "maxTokens": longest_answer(item, self.row, chosen.max_tokens)}
        nucleus = {} if chosen.top_p is None else {"topP": chosen.top_p}
        return inference.ask(clients.bedrock_runtime(), self.contestant, item, {**given, **nucleus})


def base(row: BaseModelRow, prices: TokenPrices, parameters: Inference) -> Askable:
    return Askable(Contestant("base", row.inference_id, row.inference_id), row, prices, parameters)


def find(by: Removing, text: str, *, compare: bool = False) -> list[Askable]:
    """Who is meant by a project, a model or an endpoint; with `compare` the base model stands first.

    UsageFailure when nobody is meant, or when a custom model has no endpoint.
    """
    if published := _published(by, text):
        slug, found = published
        return _custom(by, slug, found, compare=compare)
    if catalog.id_of(text) in catalog.base_models():
        if compare:
            raise UsageFailure(f"'{foreign(text)}' is a base model; name a project to compare its model with it.")
        row = catalog.base_model(text)
        return [base(row, cost.token_prices(row), Inference())]
    if ":custom-model/" in text or customization.model_arn(by.bedrock, text):
        raise UsageFailure(
            f"The custom model {foreign(text)} is not in service, and Bedrock answers only through an endpoint."
        )
    raise UsageFailure(
        f"'{foreign(text)}' has nothing in service and is no base model; `finetune status` lists who can be asked."
    )


def _published(by: Removing, text: str) -> tuple[str, Published] | None:
    """What a project has in service, or whoever serves a model or has an endpoint."""
    slugs = stack.slugs_of(by.stack, text) if not text.startswith("arn:") else None
    for slug, found in publication.read_all(by.ssm, by.stack):
        names = {found.endpoint_arn, found.endpoint_name, found.model_arn}
        if (slugs and slug in slugs) or text in names or f"{found.endpoint_name}-c" == text.rstrip("0123456789"):
            return slug, found
    return None


def _custom(by: Removing, slug: str, found: Published, *, compare: bool) -> list[Askable]:
    row = catalog.base_model(found.base_model)
    prices = cost.token_prices(row, found.prices)
    plan = runs.planned(by.s3, f"s3://{by.bucket}/runs/{slug}/{found.run_id}")
    parameters = plan.settings.inference if plan else Inference()
    custom = Askable(Contestant("candidate", found.endpoint_arn, found.model_arn), row, prices, parameters)
    return [base(row, prices, parameters), custom] if compare else [custom]


def bound(asked: Iterable[tuple[Askable, EvaluationItem]]) -> float | None:
    """What all these answers cost at most; None where a price is unknown."""
    each = [askable.most_usd(item) for askable, item in asked]
    known = [usd for usd in each if usd is not None]
    return sum(known) if len(known) == len(each) else None


def price(usd: float | None) -> str:
    """A price in words, which may be below a cent."""
    return "an unknown price" if usd is None else dollars(usd)


def lines(text: str) -> list[str]:
    """An answer as lines of a screen, the long ones in pieces, because nothing of it may be cut."""
    return [line[start : start + 1_000] for line in text.split("\n") for start in range(0, max(len(line), 1), 1_000)]
