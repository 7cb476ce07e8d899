"""Choose records that differ most from each other, up to a limit for each group and a limit in all."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from heapq import heapify, heappop, heappush
from typing import NamedTuple
from zlib import crc32

from finetune.domain.findings import Place
from finetune.domain.records.record import Record
from finetune.domain.similarity.identity import normalised, prompt_and_identity, shingles
from finetune_cli.authoring.cleaning import Change, Note


class Trait(NamedTuple):
    """What is kept of a record for the choice; `order` decides between equal records, independently of their places."""

    place: Place
    order: int
    answer: int
    words: array[int]
    pairs: array[int]


_WORDS = 64
_PAIRS = 32
_WORD_LETTERS = 5
_FUNCTION_WORDS = frozenset(
    b"""about above after again against already also always another around because been before being between both
    cannot could does doing down during each every first from have having hello here however into just know like
    little many maybe might more most much must need never nothing often only other over please really same shall
    should since some something somewhere still such than thank thanks that their them then there these they thing
    things think this those through today tomorrow under until upon very want wanted were what when where whether
    which while will with within without would write wrote yesterday your yours""".split()
)


def trait_of(place: Place, record: Record, seed: int) -> Trait:
    """What is kept of a record: hashes of its words, of its pairs of words and of its answer."""
    prompt, identity = prompt_and_identity(record)
    order = int.from_bytes(blake2b(identity, digest_size=8, key=str(seed).encode()[:64]).digest())
    asked = {word for word in prompt.replace(b"\x1f", b" ").split() if len(word) >= _WORD_LETTERS}
    words = sorted({crc32(word.strip(b".,;:()")) for word in asked - _FUNCTION_WORDS})[:_WORDS]
    pairs = sorted(shingles(identity))[:_PAIRS]
    answer = crc32(normalised(record.texts[-1])) if record.messages else order
    return Trait(place, order, answer, array("L", words), array("L", pairs))


def diverse(traits: Sequence[Trait], wanted: int) -> set[int]:
    """Positions of the `wanted` records that differ most; each step takes the record with the largest new share."""
    covered: set[int] = set()
    chosen: set[int] = set()
    waiting = [(-1.0, trait.order, position) for position, trait in enumerate(traits)]
    heapify(waiting)
    while waiting and len(chosen) < wanted:
        _, order, position = heappop(waiting)
        pairs = traits[position].pairs
        # What is new of a record only shrinks, so that the rest need not be looked at while this one stays ahead.
        new = -sum(pair not in covered for pair in pairs) / max(1, len(pairs))
        if waiting and (new, order) > waiting[0][:2]:
            heappush(waiting, (new, order, position))
        else:
            chosen.add(position)
            covered.update(pairs)
    return chosen


def groups_of(traits: Sequence[Trait]) -> tuple[str, list[int]]:
    """Group the records by `answer` or by `topic`: returns which of the two, and a group number for each record.

    Records are grouped by answer if there are at most half as many different answers as records. Otherwise the topic of
    a record is a word of its prompt: the most frequent of the longer words that occur in at most a fifth of all
    prompts.
    """
    answers = Counter(trait.answer for trait in traits)
    if len(answers) * 2 <= len(traits):
        return "answer", [trait.answer for trait in traits]
    often = Counter(word for trait in traits for word in trait.words)
    bound = max(2, len(traits) / 5)

    def topic(trait: Trait) -> int:
        known = [word for word in trait.words if 1 < often[word] <= bound]
        return max(known, key=lambda word: (often[word], word)) if known else trait.order

    return "topic", [topic(trait) for trait in traits]


@dataclass(slots=True)
class Selection:
    """Which records stay, by their places; `room` says for each group how many records it may still take."""

    places: set[Place]
    groups: Mapping[Place, int] = field(default_factory=dict)
    room: dict[int, int] = field(default_factory=dict)


def select(traits: Sequence[Trait], note: Note, *, balance: int | None = None, limit: int | None = None) -> Selection:
    """Choose at most `balance` records of every answer or topic and at most `limit` in all, those that differ most."""
    kept = list(traits)
    groups: dict[Place, int] = {}
    if balance is not None:
        kind, numbers = groups_of(kept)
        groups = {trait.place: number for trait, number in zip(kept, numbers, strict=True)}
        kept = _balanced(kept, numbers, balance, kind, note)
    if limit is not None and len(kept) > limit:
        kept = _limited(kept, limit, note)
    size = Counter(groups.get(trait.place, 0) for trait in kept)
    room = {group: balance - size[group] for group in set(groups.values())} if balance is not None else {}
    return Selection({trait.place for trait in kept}, groups, room)


def _limited(traits: list[Trait], limit: int, note: Note) -> list[Trait]:
    chosen = diverse(traits, limit)
    for position, trait in enumerate(traits):
        if position not in chosen:
            message = f"is not among the {limit:,} records that differ most"
            note(Change.at(trait.place, "removed", "over-limit", message))
    return [traits[position] for position in sorted(chosen)]


def _balanced(traits: list[Trait], numbers: list[int], cap: int, kind: str, note: Note) -> list[Trait]:
    members: dict[int, list[Trait]] = {}
    for trait, number in zip(traits, numbers, strict=True):
        members.setdefault(number, []).append(trait)
    kept = []
    for own in members.values():
        chosen = diverse(own, cap) if len(own) > cap else range(len(own))
        kept += [own[position] for position in chosen]
        for position, trait in enumerate(own):
            if position not in chosen:
                message = f"{len(own):,} records have the same {kind} as {own[0].place}; {cap:,} of them are kept"
                note(Change.at(trait.place, "removed", "over-balance", message))
    return sorted(kept, key=lambda trait: trait.place)
