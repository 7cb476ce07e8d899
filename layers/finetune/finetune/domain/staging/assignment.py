"""Which prompts are held out: how many records the shares ask for, and the prompts of the lowest ranks that give them.

If the answers are labels, each label keeps its share of what is held out, as exactly as groups of one prompt allow.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import compress
from math import floor

from finetune.domain.evaluation.items import MOST_BYTES, MOST_ITEMS
from finetune.domain.records.record import Disposition
from finetune.domain.staging.shares import Shares
from finetune.domain.validation.rules import DatasetRules
from finetune.domain.validation.survey import ONLY, Survey


@dataclass(frozen=True, slots=True)
class Wanted:
    """How many records to hold out, and sentences on why that is not what was asked for."""

    evaluation: int
    validation: int
    notes: tuple[str, ...]

    @classmethod
    def of(cls, survey: Survey, rules: DatasetRules, shares: Shares, *, evaluate: bool, validate: bool) -> Wanted:
        """The shares in records, so that training keeps its minimum."""
        total = survey.dispositions.count(Disposition.TRAINING)
        askable = sum(rank not in survey.unaskable for rank in survey.kept()) if survey.unaskable else total
        notes = []
        possible = min(shares.to_evaluate(total), askable) if evaluate else 0
        evaluation = min(possible, _most_items(survey, total))
        if evaluation < possible:
            notes.append(
                f"{evaluation:,} records are held out for evaluation instead of {possible:,}; an evaluation set has at "
                f"most {MOST_ITEMS:,} items and {MOST_BYTES >> 20} MiB."
            )
        elif evaluation > (asked := floor(shares.evaluation * total + 0.5)):
            notes.append(
                f"{evaluation} records are held out for evaluation instead of {asked}; a verdict needs that many."
            )
        validation = floor(shares.validation * total + 0.5) if validate and rules.validation_allowed else 0
        bounds = rules.validation_records
        if validation and bounds:
            validation = min(max(validation, bounds.minimum), bounds.maximum)
        spare = max(0, total - rules.records.minimum)
        if evaluation + validation > spare:
            wish = f"{evaluation} records for evaluation and {validation} for validation"
            evaluation = spare * evaluation // (evaluation + validation)
            validation = min(validation, spare - evaluation)
            notes.append(
                f"{evaluation} records are held out for evaluation and {validation} for validation instead of {wish}, "
                f"so that training keeps the {rules.records.minimum} records that {rules.name} asks for."
            )
        if validation and bounds and validation < bounds.minimum:
            notes.append(
                f"No validation set is held out: {rules.name} asks for at least {bounds.minimum} records in one."
            )
            validation = 0
        return cls(evaluation, validation, tuple(notes))


# No fewer than most texts have for an estimated token.
_BYTES_PER_TOKEN = 5


def _most_items(survey: Survey, total: int) -> int:
    """How many records fit the bounds of an evaluation set, by their mean length."""
    kept = survey.dispositions.translate(ONLY[Disposition.TRAINING])
    return min(MOST_ITEMS, MOST_BYTES * total // max(1, _BYTES_PER_TOKEN * sum(compress(survey.tokens, kept))))


# Up to this many records all prompts are weighed; of more only those that have a chance, which bounds memory.
_EXACT = 100_000
_RANKS = 1 << 64
_Room = dict[Disposition, int]


def held_out(survey: Survey, wanted: Wanted) -> dict[int, Disposition]:
    """The disposition of each held-out prompt: lowest ranks first, passing over groups too large for what is left."""
    left = {Disposition.EVALUATION: wanted.evaluation, Disposition.VALIDATION: wanted.validation}
    dispositions: dict[int, Disposition] = {}
    total = survey.dispositions.count(Disposition.TRAINING)
    if not total or not sum(left.values()):
        return dispositions
    share = 1.0 if total <= _EXACT else min(1.0, (2 * sum(left.values()) + 1_000) / total)
    groups = Counter(rank for rank in survey.kept() if rank < share * _RANKS)
    ranked = sorted(groups.items())
    if names := survey.strata:
        labels = _labels(survey, names, groups)
        for name, quotas in _quotas(survey, names, total, left).items():
            _take([group for group in ranked if labels[group[0]] == name], survey, quotas, left, dispositions)
    _take(ranked, survey, left, left, dispositions)
    return dispositions


def _take(
    ranked: list[tuple[int, int]], survey: Survey, room: _Room, left: _Room, dispositions: dict[int, Disposition]
) -> None:
    """Hand out groups as long as there is room for them, in `room` and in what is `left` altogether."""
    for rank, size in ranked:
        if rank in dispositions:
            continue
        for disposition in room:
            if size <= min(room[disposition], left[disposition]) and not (
                disposition is Disposition.EVALUATION and rank in survey.unaskable
            ):
                dispositions[rank] = disposition
                left[disposition] -= size
                if room is not left:
                    room[disposition] -= size
                break


def _labels(survey: Survey, names: dict[int, str], groups: Counter[int]) -> dict[int, str]:
    """The label of each group; of one with several labels the first of them in the alphabet."""
    labels: dict[int, str] = {}
    for rank, label in survey.labelled():
        if rank in groups:
            labels[rank] = min(labels.get(rank, names[label]), names[label])
    return labels


def _quotas(survey: Survey, names: dict[int, str], total: int, left: _Room) -> dict[str, _Room]:
    """How many records of each label to hold out: its share, and what rounding leaves to the largest remainders."""
    sizes = Counter(names[label] for _, label in survey.labelled())
    quotas: dict[str, _Room] = {name: {} for name in sorted(sizes)}
    for disposition, wanted in left.items():
        for name, size in sizes.items():
            quotas[name][disposition] = size * wanted // total
        short = wanted - sum(quotas[name][disposition] for name in quotas)
        by_remainder = sorted(quotas, key=lambda name: (-(sizes[name] * wanted % total), name))
        for name in by_remainder[:short]:
            quotas[name][disposition] += 1
    return quotas
