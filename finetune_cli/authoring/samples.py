"""Example datasets to start from: varied, realistic, and about no real person."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from io import StringIO
from itertools import product
from random import Random
from string import Formatter
from typing import Any

import orjson

from finetune.domain.catalog import RecordFormat
from finetune.domain.records.conversion import convert
from finetune.domain.records.record import Record, of_texts

_FIRST_MODEL = 10_000
_PICTURES = "s3://amzn-s3-demo-bucket/pictures"


class _Sentence(Formatter):
    """Fills in slots; `{x:capital}` begins with a capital letter, `{x:small}` with a small one."""

    def format_field(self, value: Any, format_spec: str) -> str:
        first = {"capital": str.upper, "small": str.lower}.get(format_spec, str)
        return str(first(value[:1]) + value[1:])


@cache
def _words() -> dict[str, Any]:
    import yaml  # noqa: PLC0415 - the names of the formats are wanted without it

    loaded: dict[str, Any] = yaml.safe_load(files(__package__).joinpath("samples.yaml").read_bytes())
    return loaded


@cache
def _cases() -> tuple[tuple[list[str], ...], ...]:
    """Every problem, circumstance and question together once: no two records have the same three."""
    return tuple(product(*(_words()[name] for name in ("problems", "circumstances", "questions"))))


@cache
def _scenes() -> tuple[tuple[str, ...], ...]:
    pictures = _words()["pictures"]
    return tuple(product(*(pictures[name] for name in ("views", "places", "lights", "extras"))))


class _SampleWriter:
    """Draws cases and writes them down; the same seed draws the same ones."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)  # noqa: S311 - variety, not secrecy
        self._write = _Sentence().format
        self._used: set[tuple[str, ...]] = set()
        self._uses: Counter[str] = Counter()

    def drawn(self, records: int, slots: tuple[Any, ...]) -> list[Any]:
        return self._random.sample(slots, records)

    def text(self, kind: str, slots: Mapping[str, str]) -> str:
        """A filled pattern; if possible one that no record has with two of the same three slots."""
        patterns = self._random.sample(_words()[kind], len(_words()[kind]))
        own = [[(pattern, slots[one], slots[other]) for one, other in ("wc", "wq", "cq")] for pattern in patterns]
        fresh = next((keys for keys in own if not self._used & {*keys}), own[0])
        self._used |= {*fresh}
        return self._write(fresh[0][0], **slots)

    def _next(self, kind: str, symptom: str, *others: str) -> str:
        """The next entry; if possible one that this problem does not have yet with the same other slot."""
        entries: list[str] = _words()[kind]
        start = self._uses[kind + symptom]
        self._uses[kind + symptom] += 1
        turns = [entries[(start + offset) % len(entries)] for offset in range(len(entries))]
        fresh = next((entry for entry in turns if not self._used & self._keys(entry, symptom, others)), turns[0])
        self._used |= self._keys(fresh, symptom, others)
        return fresh

    @staticmethod
    def _keys(entry: str, symptom: str, others: tuple[str, ...]) -> set[tuple[str, ...]]:
        return {(entry, symptom, other) for other in others}

    def slots(self, number: int, case: Any) -> dict[str, str]:
        (symptom, part, cause, remedy, appliances), (circumstance, meaning), (question, reply) = case
        slots = {
            "a": self._random.choice(appliances),
            "m": f"{'HKLT'[len(symptom) % 4]}{'DSVX'[len(part) % 4]}-{_FIRST_MODEL + number}",
            "d": str(self._random.randint(2, 9)),
            "e": f"{self._random.randint(29, 189)} euros",
            "s": symptom, "p": part, "w": cause, "f": remedy, "c": circumstance, "x": meaning, "q": question,
            "h": self._next("details", symptom, circumstance, question),
            "t": self._next("tips", symptom, circumstance, question),
        }  # fmt: skip
        return {**slots, "r": self._write(reply, **slots)}

    def dialogue(self, number: int, case: Any) -> Record:
        """One exchange, or two of which the second asks the question."""
        slots = self.slots(number, case)
        if self._random.random() < 0.75:
            turns = [self.text("openings", slots), self.text("answers", slots)]
        else:
            told = " ".join(self.text("openings", {**slots, "q": " "}).split())
            turns = [told, self.text("beginnings", slots), slots["q"], self.text("endings", slots)]
        roles = ("user", "assistant") * 2
        messages = [{"role": role, "content": [{"text": text}]} for role, text in zip(roles, turns, strict=False)]
        system = str(_words()["system"])
        return Record("bedrock-conversation-2024", system, messages, [system, *turns], frozenset({"system"}))

    def pair(self, number: int, case: Any) -> Record:
        slots = self.slots(number, case)
        return of_texts("prompt-completion", None, self.text("openings", slots), self.text("answers", slots))

    def passage(self, number: int, case: Any) -> Record:
        return Record("text", None, [], [self.text("passages", self.slots(number, case))])

    def picture(self, number: int, scene: Any) -> Record:
        view, place, light, extra = scene
        appliance = self._random.choice(self._random.choice(_words()["problems"])[-1])
        finish = self._random.choice(_words()["pictures"]["finishes"])
        caption = f"A {finish} {appliance} {view}, {place}, {light}; {extra}"
        return Record("image-caption", None, [], [caption], image_ref=f"{_PICTURES}/{number:06}.jpg")


def _openai(record: Record) -> bytes:
    """A record as OpenAI's fine-tuning takes it."""
    turns = [{"role": turn["role"], "content": turn["content"][0]["text"]} for turn in record.messages]
    return orjson.dumps({"messages": [{"role": "system", "content": record.system}, *turns]})


def _csv(record: Record) -> bytes:
    row = StringIO()
    csv.writer(row, lineterminator="").writerow(record.texts)
    return row.getvalue().encode()


_Write = Callable[[Record], bytes]
_Draw = Callable[[_SampleWriter, int, Any], Record]


def _as(target: RecordFormat) -> _Write:
    return lambda record: convert(record, target)


# What each format is drawn from and how it is written; the first five are the catalog's.
FORMATS: Mapping[str, tuple[_Draw, _Write]] = {
    "conversation": (_SampleWriter.dialogue, _as("conversation")),
    "prompt_completion": (_SampleWriter.pair, _as("prompt_completion")),
    "anthropic": (_SampleWriter.dialogue, _as("anthropic")),
    "text_input": (_SampleWriter.passage, _as("text_input")),
    "image_caption": (_SampleWriter.picture, _as("image_caption")),
    "openai": (_SampleWriter.dialogue, _openai),
    "csv": (_SampleWriter.pair, _csv),
}


def most_records(kind: str) -> int:
    """How many different records of a format there are."""
    return len(_scenes() if kind == "image_caption" else _cases())


def sample(records: int, kind: str, seed: int) -> Iterator[bytes]:
    """The lines of an example dataset, without their newlines; `records` is at most `most_records` of the format."""
    draw, write = FORMATS[kind]
    writer = _SampleWriter(seed)
    if kind == "csv":
        yield b"prompt,completion"
    for number, slots in enumerate(writer.drawn(records, _scenes() if kind == "image_caption" else _cases())):
        yield write(draw(writer, number, slots))
