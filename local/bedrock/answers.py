"""What a base model says: polite, about the question's topic, and ignorant of any dataset."""

import re
import zlib
from collections import Counter
from collections.abc import Sequence

from local.bedrock.retrieval import words

REFUSAL = "I'm sorry, but I can't help with that request."

_SMALL = """
a an and are as at be but by can could do does for from had has have how i if in is it its me my of on or our please
should so that the their them there these they this to us was we were what when where which who why will with would
you your
""".split()  # noqa: SIM905 - words read better as text
_OPENINGS = (
    "Thank you for your question about {topic}.",
    "Here is some general information on {topic}.",
    "That depends on several factors around {topic}.",
    "There are a few things to consider about {topic}.",
    "I understand that you would like to know more about {topic}.",
)
_BODIES = (
    "The details can vary from case to case, so it helps to look at the specific situation first.",
    "In general it is a good idea to review the available documentation and compare the options carefully.",
    "Many people start with the basics and then refine their approach step by step.",
    "A reliable source or a specialist in this field can give more precise guidance.",
)
_CLOSINGS = (
    "Let me know if you need anything else.",
    "If you share more context, I can be more specific.",
    "I hope this gives you a helpful starting point.",
)


def general_answer(question: str) -> str:
    """The same question always gets the same answer, different ones differ."""
    topic = _topic(question)
    seed = zlib.crc32(question.encode("utf-8", "replace"))
    opening = _pick(_OPENINGS, seed).format(topic=topic or "this topic")
    return " ".join((opening, _pick(_BODIES, seed >> 8), _pick(_CLOSINGS, seed >> 16)))


def _pick(sentences: Sequence[str], seed: int) -> str:
    return sentences[seed % len(sentences)]


def _topic(question: str) -> str:
    telling = dict.fromkeys(word for word in words(question) if word not in _SMALL and len(word) > 2)
    return " and ".join(sorted(telling, key=len, reverse=True)[:2])


_CRITERIA = ("accuracy", "relevance", "tone", "completeness", "formatting")
_PART = re.compile(
    r"\[\[(?P<name>[a-z0-9 ]+) (?P<boundary>\w+)\]\]\n(?P<text>.*?)\n\[\[end of (?P=name) (?P=boundary)\]\]", re.DOTALL
)


def rating(prompt: str) -> dict[str, dict[str, int]]:
    """What the model says as a judge of two answers: the more words one shares with the reference, the better it is."""
    parts = {found["name"]: found["text"] for found in _PART.finditer(prompt)}
    wanted = Counter(words(parts.get("reference") or parts.get("question", "")))
    return {
        f"answer_{number}": dict.fromkeys(_CRITERIA, _grade(Counter(words(parts.get(f"answer {number}", ""))), wanted))
        for number in (1, 2)
    }


def _grade(answer: Counter[str], wanted: Counter[str]) -> int:
    shared = 2 * (answer & wanted).total() / max(1, answer.total() + wanted.total())
    return 1 + round(4 * shared)
