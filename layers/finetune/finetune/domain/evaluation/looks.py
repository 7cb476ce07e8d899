"""Looks at one evaluation set: each model that is measured on it is one more chance to promote a useless one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b

from finetune.domain.evaluation.gates import Gates
from finetune.domain.evaluation.items import EvaluationItem, asked_of, references
from finetune.frozen import Frozen

# Of so many questions a set is known by; a set with no more is known by all.
_MOST_KNOWN = 64
# Sets with at least this share of their questions in common are the same set.
_SAME_SET = 0.5


class Look(Frozen):
    """One model at one evaluation set by one metric.

    `whole` stands for the content of the set in any order. `known` are the smallest hashes of its questions, which say
    how much two sets have in common (bottom-k sketch, Cohen and Kaplan 2007).
    """

    model: str
    metric: str
    whole: str
    known: tuple[str, ...]

    def same_set(self, other: Look) -> bool:
        """Whether most questions of two sets are the same; a set with some questions more or fewer is no new one."""
        both = sorted({*self.known, *other.known})[:_MOST_KNOWN]
        return len({*both} & {*self.known} & {*other.known}) >= _SAME_SET * len(both)

    @property
    def identity(self) -> tuple[str, str, str]:
        """What makes it one look, however often it is taken."""
        return self.model, self.metric, self.whole


def look_at(items: Iterable[EvaluationItem], *, model: str, metric: str) -> Look:
    """A model's look at a set; names, lines and order of the items mean nothing."""
    asked = [(_hash(asked_of(item).prompt, item.system or ""), item) for item in items]
    whole = sorted(_hash(name, *references(item), *item.expected_keywords) for name, item in asked)
    known = sorted({name for name, _ in asked})[:_MOST_KNOWN]
    return Look(model=model, metric=metric, whole=_hash(*whole), known=tuple(known))


def _hash(*parts: str | bytes) -> str:
    whole = b"\x1f".join(part if isinstance(part, bytes) else part.encode("utf-8", "replace") for part in parts)
    return blake2b(whole, digest_size=8).hexdigest()


def number_of(look: Look, earlier: Sequence[Look]) -> int:
    """Which look at its set it is, from 1, after the others that were written down before it."""
    others = {one.identity for one in earlier if one.same_set(look)} - {look.identity}
    return 1 + len(others)


def sentence(look: int, gates: Gates) -> str:
    """Which look it was, at which level, and when the set is to be renewed."""
    level, last = f"{100 * gates.level(look):.2g}%", len(gates.later_looks)
    told = f"This was look {look} at this evaluation set"
    if look == 1:
        return (
            f"{told}: a model that is no better is promoted with a chance of at most {level}. Each further model that "
            f"is measured on it has to show more; renew the set after look {last}."
        )
    renew = (
        f"Renew the set after look {last}."
        if look < last
        else "Renew the set now: with new questions the count starts anew."
    )
    return (
        f"{told}, and each look is one more chance to promote a model that is no better: that chance was kept to "
        f"{level} instead of {100 * gates.level(1):.2g}%. {renew}"
    )
