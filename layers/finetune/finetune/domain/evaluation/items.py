"""Evaluation items: what every contestant is asked, and what its answers are measured against."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from finetune.domain.evaluation.answers import whole
from finetune.domain.evaluation.checks import Checks, read_checks
from finetune.domain.findings import Flaw, Ledger, OnFinding, Place, json_type, quoted
from finetune.domain.records.conversion import turn_text
from finetune.domain.records.reading import read_question, read_unit
from finetune.domain.records.record import Reading, Record, Unit
from finetune.domain.records.source import Source
from finetune.domain.similarity.identity import normalised
from finetune.domain.similarity.overlap import Asked, alike
from finetune.domain.tokens import estimate
from finetune.domain.validation.report import DatasetReport
from finetune.frozen import Frozen


class Turn(Frozen):
    """One turn of a conversation, text only."""

    role: Literal["user", "assistant"]
    text: str


class EvaluationItem(Frozen):
    """One question with what a right answer holds; `line` is the 1-based line of the file it came from.

    Where several answers are right, `reference` is the first, and an answer is held against the one it is nearest to.
    """

    id: str
    line: int
    system: str | None = None
    messages: tuple[Turn, ...]
    reference: str | None = None
    other_references: tuple[str, ...] = ()
    expected_keywords: tuple[str, ...] = ()
    category: str | None = None
    checks: Checks | None = None


def questions(items: Sequence[EvaluationItem]) -> dict[str, int]:
    """A number for each item by its id; items that ask the same, or nearly the same, have the same number.

    The system prompt belongs to the question: it may hold the text that the question is about.
    """
    texts = [(item.system or "", *(turn.text for turn in item.messages)) for item in items]
    prompts = [b"\x1f".join(normalised(whole(part)) for part in parts) for parts in texts]
    same = alike(list(map(Asked, prompts, map(answer_of, items))))
    return dict(zip([item.id for item in items], same, strict=True))


def references(item: EvaluationItem) -> tuple[str, ...]:
    """Every text that is a right answer."""
    return () if item.reference is None else (item.reference, *item.other_references)


def answer_of(item: EvaluationItem) -> bytes | None:
    """What the right answer says, normalised, or the words it must have; None where the item does not tell."""
    if item.reference is not None:
        return normalised(whole(item.reference))
    return b"\x1f".join(map(normalised, map(whole, item.expected_keywords))) or None


def asked_of(item: EvaluationItem) -> Asked:
    """What an evaluation item asks, without its system prompt, as training records are asked about."""
    return Asked(b"\x1f".join(normalised(turn.text) for turn in item.messages), answer_of(item))


def item_tokens(item: EvaluationItem, provider: str) -> int:
    """Estimated tokens of one item for a provider's models, question and reference."""
    texts = (item.system or "", *(turn.text for turn in item.messages), item.reference or "")
    return estimate("".join(texts), provider)


# What no evaluation needs more of. Each item is compared with each answer, and by its words with each record.
MOST_ITEMS, MOST_KEYWORDS, PHRASE_CHARACTERS, NAME_CHARACTERS = 10_000, 100, 1_000, 200
# An answer is held against each, some of them by every word.
MOST_REFERENCES = 20
# A set is held in memory, where it takes up to nine times its bytes, by functions that have no more than 512 MB and
# 1,769 MB (template.yaml); 10,000 items may have 6.7 KB each.
MOST_BYTES = 64 * 1024 * 1024
# What people call the right answer; the last two are the names in training records and in Bedrock's evaluation jobs.
_REFERENCES = ("reference", "references", "completion", "referenceResponse")
_KEYS = frozenset(
    {"id", "prompt", "messages", "system", "expected_keywords", "category", "checks", "schemaVersion", *_REFERENCES}
)


def check_evaluation_set(
    chunks: Iterable[bytes],
    *,
    suffix: str = ".jsonl",
    entries_per_code: int = 20,
    on_finding: OnFinding | None = None,
) -> tuple[tuple[EvaluationItem, ...], DatasetReport]:
    """The items of an evaluation set that can be used, and the report on all of them.

    An item is `{"prompt" or "messages", "system"?, "reference"?, "expected_keywords"?, "category"?, "checks"?, "id"?}`
    with a reference, keywords or checks. If its messages end with an assistant turn, that turn is the reference.
    `on_finding` gets every finding; the report keeps the first `entries_per_code` of a code.
    """
    ledger, items, places = Ledger(entries_per_code, on_finding=on_finding), list[EvaluationItem](), dict[str, Place]()
    source = Source(chunks, suffix)
    blank = rejected = 0
    for place, unit in source.placed():
        if source.size > MOST_BYTES:
            ledger.add(None, "beyond-bounds", f"has more than {MOST_BYTES >> 20} MiB; the rest is not read")
            break
        name, read = ledger.enter(place.element, place.line), _item_of(unit, place)
        if read is None:
            blank += 1
            continue
        item, flaws = read
        if item and (earlier := places.setdefault(item.id, place)) != place:
            item, flaws = None, (*flaws, Flaw("duplicate-id", f"has the id of the item on {earlier}"))
        for code, message in flaws:
            ledger.add(name, code, message)
        rejected += any(ledger.is_error(code) for code, _ in flaws)
        items += [item] if item else []
        if len(items) > MOST_ITEMS:
            ledger.add(None, "beyond-bounds", f"has more than {MOST_ITEMS:,} items; the rest is not read")
            break
    if source.flaw:
        ledger.add(None, *source.flaw)
    elif not items and not rejected:
        ledger.add(None, "empty-dataset", "the file holds no items")
    report = DatasetReport.of(
        source,
        ledger,
        format="evaluation-set" if items else None,
        blank=blank,
        records=len(items),
        rejected=rejected,
        distinct=len(items),
        statistics={
            "records": len(items),
            "references": sum(item.reference is not None for item in items),
            "categories": len({item.category for item in items if item.category}),
        },
    )
    return tuple(items), report


def _item_of(unit: Unit, place: Place) -> tuple[EvaluationItem | None, tuple[Flaw, ...]] | None:
    """The item of a unit unless an error is among its flaws; None for a blank line."""
    found: list[EvaluationItem] = []
    reading = read_unit(unit, lambda value: _read_item(value, place, found))
    if reading is None:
        return None
    return found[0] if found and not reading.errors else None, (*reading.errors, *reading.warnings)


def _read_item(value: Any, place: Place, found: list[EvaluationItem]) -> Reading:
    reading = Reading()
    if not isinstance(value, dict):
        reading.error("not-an-object", f"is {json_type(value)}, not an object")
        return reading
    if ("prompt" in value) == ("messages" in value):
        reading.error("missing-key", "needs the key prompt or the key messages, one of the two")
        return reading
    for key in value.keys() - _KEYS:
        reading.warn("ignored-key", f"the key {quoted(key)} is not part of an evaluation item")
    question = read_question(value, reading)
    if not reading.errors and question.sections - {"system"}:
        reading.error("cannot-be-expressed", "holds media or reasoning; evaluation items are text only")
    reference, *others = _right_answers(value, reading) or [None]
    keywords, checks = _keywords(value, reading), _checks(value, reading)
    turns, answer = _asked(question) if not reading.errors else ((), None)
    if reference is None:
        reference = answer
    if reference is None and not keywords and checks is None and not reading.errors:
        reading.error("missing-expectation", "has neither a reference nor expected_keywords nor checks")
    name, category = _optional_text(value, "id", reading), _optional_text(value, "category", reading)
    if reading.errors:
        return reading
    found.append(
        EvaluationItem(
            id=name or str(place).replace(" ", "-"),
            line=place.line,
            system=question.system,
            messages=turns,
            reference=reference,
            other_references=tuple(filter(None, others)),
            expected_keywords=keywords,
            category=category,
            checks=checks,
        )
    )
    return reading


def _asked(question: Record) -> tuple[tuple[Turn, ...], str | None]:
    """The turns up to the last question, and the answer behind it where there is one."""
    turns = tuple(Turn(role=turn["role"], text=turn_text(turn)) for turn in question.messages)
    return (turns[:-1], turns[-1].text) if turns[-1].role == "assistant" else (turns, None)


def _right_answers(value: Mapping[str, Any], reading: Reading) -> list[str | None]:
    """The reference of an item, or all of them where it gives a list."""
    key = next((key for key in _REFERENCES if value.get(key) is not None), None)
    given = value[key] if key else None
    if key is None or not isinstance(given, list):
        return [_optional_text(value, key, reading)] if key else []
    if not given:
        reading.error("empty-text", f"{key} is empty")
    if len(given) > MOST_REFERENCES:
        reading.error("beyond-bounds", f"{key} has more than {MOST_REFERENCES} texts")
        return []
    if None in given:
        reading.error("wrong-type", f"{key} holds null, not a string")
    return [_optional_text({key: each}, key, reading) for each in given]


def _optional_text(value: Mapping[str, Any], key: str, reading: Reading) -> str | None:
    text = value.get(key)
    if key == "id" and type(text) is int:
        return str(text)
    if key in ("id", "category") and isinstance(text, str) and len(text) > NAME_CHARACTERS:
        reading.error("beyond-bounds", f"{key} is longer than {NAME_CHARACTERS} characters")
        return None
    if text is None or (isinstance(text, str) and text.strip()):
        return text
    flaw = Flaw("empty-text", f"{key} is empty") if text == "" or isinstance(text, str) else None
    reading.errors.append(flaw or Flaw("wrong-type", f"{key} is {json_type(text)}, not a string"))
    return None


def _keywords(value: Mapping[str, Any], reading: Reading) -> tuple[str, ...]:
    keywords = value.get("expected_keywords")
    if keywords is None:
        return ()
    if not isinstance(keywords, list) or not all(isinstance(word, str) and word.strip() for word in keywords):
        reading.error("wrong-type", "expected_keywords is not an array of strings that are not empty")
        return ()
    if len(keywords) > MOST_KEYWORDS or any(len(word) > PHRASE_CHARACTERS for word in keywords):
        reading.error(
            "beyond-bounds",
            f"expected_keywords has more than {MOST_KEYWORDS} keywords, "
            f"or one of more than {PHRASE_CHARACTERS:,} characters",
        )
        return ()
    return tuple(keywords)


def _checks(value: Mapping[str, Any], reading: Reading) -> Checks | None:
    if value.get("checks") is None:
        return None
    checks, flaws = read_checks(value["checks"])
    for flaw in flaws:
        reading.error("invalid-check", flaw)
    return checks
