"""Variants of prompts by rule: the same question as another person would type it, with the same answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import chain, islice

from finetune.domain.records.record import Record
from finetune.domain.similarity.identity import prompt_and_identity

_SHORT_FORMS = {
    "do not": "don't", "does not": "doesn't", "did not": "didn't", "cannot": "can't", "is not": "isn't",
    "are not": "aren't", "was not": "wasn't", "will not": "won't", "would not": "wouldn't", "have not": "haven't",
    "has not": "hasn't", "I am": "I'm", "I have": "I've", "I would": "I'd", "it is": "it's", "what is": "what's",
    "What is": "What's", "that is": "that's", "where is": "where's", "Where is": "Where's", "how is": "how's",
}  # fmt: skip
_SWAPPED = {**_SHORT_FORMS, **{short: long for long, short in _SHORT_FORMS.items()}}
_FORM = re.compile("|".join(rf"\b{re.escape(form)}\b" for form in sorted(_SWAPPED, key=len, reverse=True)))
_ENGLISH = re.compile(r"\b(?:the|is|are|do|does|can|how|what|my|to|of|and|it)\b", re.IGNORECASE)
_WORD = re.compile(r"(?<![\w@/._-])[a-z]{6,}(?![\w@/_-])")
_GREETINGS = ("Hello,", "Hi there,", "Good morning,")
_CLOSINGS = ("Thanks!", "Thank you!", "Thanks in advance.")


def _other_form(text: str, _: int) -> str | None:
    """Every short form written out, or the other way round."""
    return _FORM.sub(lambda found: _SWAPPED[found[0]], text)


def _greeted(text: str, number: int) -> str | None:
    return f"{_GREETINGS[number % len(_GREETINGS)]} {text}" if _is_english(text) else None


def _thanked(text: str, number: int) -> str | None:
    thanks = _CLOSINGS[number % len(_CLOSINGS)]
    return f"{text} {thanks}" if text.endswith((".", "?")) and _is_english(text) else None


def _mistyped(text: str, number: int) -> str | None:
    """Two neighbouring letters inside one longer word in each other's place."""
    words = [found for found in _WORD.finditer(text) if found[0][2] != found[0][3]]
    if not words:
        return None
    at = words[number % len(words)].start() + 2
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]


def _is_english(text: str) -> bool:
    return len(_ENGLISH.findall(text)) >= 2


RULES: dict[str, Callable[[str, int], str | None]] = {
    "other short forms": _other_form,
    "a mistyped word": _mistyped,
    "a greeting": _greeted,
    "a word of thanks": _thanked,
}
# Nobody greets in the middle of a conversation.
_OPENING = frozenset({"a greeting"})


def variants[Where](
    records: Iterable[tuple[Where, Record, int]], taken: set[int]
) -> Iterator[tuple[Where, Record, Record, str]]:
    """Yield at most one variant of each record: the record's place, the record, the variant and the rule that made it.

    Each input has a place, a record and a number that picks the rule. `taken` has the hashes of all known prompts. A
    variant never has a prompt from `taken`, and its own prompt is added there.
    """
    rules = list(RULES)
    for where, record, number in records:
        start = number % len(rules)
        for name in islice(chain(rules[start:], rules), len(rules)):
            variant = _varied(record, name, number // len(rules))
            asked = hash(prompt_and_identity(variant)[0]) if variant else None
            if variant and asked and asked not in taken:
                taken.add(asked)
                yield where, record, variant, name
                break


def _varied(record: Record, name: str, number: int) -> Record | None:
    """The record with another last question; None where the rule does not apply to it."""
    if not record.messages or (name in _OPENING and len(record.messages) > 2):
        return None
    *before, question, answer = record.messages
    blocks = list(question["content"])
    last = max((index for index, block in enumerate(blocks) if "text" in block), default=None)
    if last is None:
        return None
    text = blocks[last]["text"]
    other = RULES[name](text, number)
    if not other or other == text:
        return None
    blocks[last] = {"text": other}
    place = len(record.texts) - len(answer["content"]) - 1
    return replace(
        record,
        messages=[*before, {**question, "content": blocks}, answer],
        texts=[*record.texts[:place], other, *record.texts[place + 1 :]],
    )
