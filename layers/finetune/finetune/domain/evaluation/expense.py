"""What an evaluation takes before it is begun: tokens from its items' own texts, and hours from how they are asked."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from math import ceil

from finetune.domain.catalog import BaseModelRow, Deployment
from finetune.domain.cost import NOTHING, Amount, Asked, TokenPrices
from finetune.domain.evaluation.items import EvaluationItem, references
from finetune.domain.evaluation.pacing import SHARDS_AT_ONCE, slowest_per_second
from finetune.domain.tokens import estimate, most

# No answer is cut before the first, and every reply of a judge is at the second.
LEAST_ANSWER_TOKENS, MOST_RATING_TOKENS = 1024, 512
# So much longer than the reference may an answer be.
_LONGER_THAN_REFERENCE = 2
# A model that was not trained on such answers explains itself, where the reference may be one word.
_UNTRAINED_ANSWER_TOKENS, _RATING_TOKENS = 150, 120
# What a model's template puts around a turn, and what a judge is told around what it rates.
_TURN_TOKENS, _RUBRIC = 16, Amount(300, 1500)
# Each pair is rated in both orders.
_ORDERS = 2
# How long throughput takes to come up.
CREATION_MINUTES = Amount(25, 45)
# The requests a second that a model with room takes from all shards.
_USUAL_PER_SECOND = 2.0


def text_tokens(text: str, provider: str) -> Amount:
    """The tokens of a text, by the error that is stated for its kind."""
    tokens = estimate(text, provider)
    return Amount(tokens, most(tokens, text.encode("utf-8", "surrogatepass"), provider))


def prompt(item: EvaluationItem, provider: str) -> Amount:
    """The tokens that asking an item once takes."""
    likely, at_most = text_tokens("".join((item.system or "", *(turn.text for turn in item.messages))), provider)
    return Amount(likely, at_most + _TURN_TOKENS * (1 + len(item.messages)))


def longest_answer(item: EvaluationItem, row: BaseModelRow, bound: int | None = None) -> int:
    """The tokens at which every answer to an item is cut: twice its longest reference, or the settings' own bound."""
    reference = max((text_tokens(text, row.provider).most for text in references(item)), default=0)
    return min(row.answer_tokens, bound or max(LEAST_ANSWER_TOKENS, _LONGER_THAN_REFERENCE * ceil(reference)))


def answer(item: EvaluationItem, row: BaseModelRow, contestant: str, bound: int | None = None) -> Amount:
    """The tokens of one answer: about as many as the reference has, and no more than where answers are cut."""
    provider, at_most = row.provider, longest_answer(item, row, bound)
    reference = estimate(item.reference, provider) if item.reference else _UNTRAINED_ANSWER_TOKENS
    likely = max(reference, _UNTRAINED_ANSWER_TOKENS) if contestant == "base" else reference
    return Amount(min(likely, at_most), at_most)


def rated(item: EvaluationItem, row: BaseModelRow, bound: int | None = None) -> Amount:
    """The tokens that a judge is shown in one call: its rubric, the question, the reference and two answers."""
    reference = text_tokens(item.reference or "", row.provider)
    answers = (answer(item, row, one, bound) for one in ("base", "candidate"))
    return Amount.total((_RUBRIC, prompt(item, row.provider), reference, *answers))


def paid_by_token(champion_arn: str | None, endpoint: Deployment) -> tuple[str, ...]:
    """The contestants whose tokens are billed; on throughput they are not."""
    in_service = ("champion",) if champion_arn and ":provisioned-model/" not in champion_arn else ()
    return ("base", *in_service, *(("candidate",) if endpoint == "on_demand" else ()))


def asked(
    items: Iterable[EvaluationItem],
    paid: Collection[str],
    judged: Collection[str],
    row: BaseModelRow,
    bound: int | None = None,
) -> Asked:
    """The tokens of an evaluation by the contestants that are paid by the token; `judged` holds ids of items."""
    every = tuple(items)
    shown = [rated(item, row, bound).times(_ORDERS) for item in every if item.id in judged]
    return Asked(
        prompts=Amount.total(prompt(item, row.provider).times(len(paid)) for item in every),
        answers=Amount.total(answer(item, row, name, bound) for item in every for name in paid),
        judge_prompts=Amount.total(shown),
        judge_ratings=Amount(_RATING_TOKENS, MOST_RATING_TOKENS).times(_ORDERS * len(shown)),
    )


def most_usd(found: Asked, prices: TokenPrices, judge: TokenPrices) -> float | None:
    """What these tokens cost at most; None when a price is unknown."""
    usd = prices.usd(found.prompts.most, found.answers.most) if found.answers.most else 0.0
    ratings = judge.usd(found.judge_prompts.most, found.judge_ratings.most) if found.judge_ratings.most else 0.0
    return None if usd is None or ratings is None else usd + ratings


def minutes(shards: Sequence[int], contestants: int, judged: int, requests_per_minute: int | None) -> Amount:
    """How long an evaluation takes, from the items of its shards; at most, each shard goes at its slowest pace."""
    if not shards:
        return NOTHING
    at_once = min(SHARDS_AT_ONCE, len(shards))
    rounds = ceil(len(shards) / at_once) * max(shards)
    slowest = slowest_per_second(requests_per_minute, SHARDS_AT_ONCE)
    judging = _ORDERS * min(judged, rounds)
    longest = rounds * contestants / slowest + judging / slowest_per_second(None, 1)
    usual = min(_USUAL_PER_SECOND, 2 * SHARDS_AT_ONCE * slowest)
    return Amount((rounds * contestants + judging) / usual / 60, longest / 60)
