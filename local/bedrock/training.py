"""A small language model that is really trained: its losses depend on the data and on the hyperparameters.

It predicts each word of an answer from the two words before it and from the rare words of the prompt. It keeps a table
of counts for each of these contexts. Each table is smoothed with the next simpler one (a hierarchical Dirichlet model);
the simplest is a prior that represents what the base model knew.

Training adds counts in proportion to the learning rate. Too many epochs over few records make the tables too certain,
and the validation loss rises. Losses are in nats per token of four characters.

It runs as a separate process (`python -m local.bedrock.training`, JSON in and out), so that the server can answer other
requests.
"""

import json
import random
import re
import subprocess
import sys
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import log

type Pair = tuple[str, str]

VOCABULARY = 30_000
WORD_VISITS = 90_000
VALIDATION_PAIRS = 200
STEPS_REPORTED = 200
PROMPT_WORDS = 6
_CHARACTERS_PER_TOKEN = 4
_ANSWER_WORDS = 120
_STRENGTH_WORDS, _STRENGTH_PAIR, _STRENGTH_TRIPLE, _STRENGTH_PROMPT = 40.0, 6.0, 3.0, 3.0
_END = "\n"
# What the base model knows of English: its most frequent words, the nth about n times rarer than the first.
_COMMON = """
the of and to a in is you that it for on are with as your be this we can if or have by at not our from will please
an but was all do my so i has when any more which they there no one what about up out how me would their
""".split()  # noqa: SIM905 - words read better as text
_PRIOR: dict[str, float] = {word: 0.5 / (rank + 4) / 2.6 for rank, word in enumerate(_COMMON)} | {_END: 0.04}
_FLOOR = 0.4 / VOCABULARY
_WORD = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True)
class Task:
    """What to train: pairs of prompt and answer; `rate` is the learning rate in units of the base model's default."""

    training: Sequence[Pair]
    validation: Sequence[Pair]
    epochs: int
    batch_size: int
    rate: float
    warmup_steps: int


@dataclass(frozen=True)
class Curves:
    """Rows of (step, epoch, loss)."""

    training: list[tuple[int, int, float]]
    validation: list[tuple[int, int, float]]


def train_apart(task: Task) -> Curves:
    """Train in a process of its own and wait for it."""
    finished = subprocess.run(  # noqa: S603 - this interpreter and this module
        [sys.executable, "-m", __spec__.name],
        input=json.dumps(asdict(task)),
        capture_output=True,
        text=True,
        check=True,
    )
    return Curves(**json.loads(finished.stdout))


def train(task: Task) -> Curves:
    """Train and report; the same task always gives the same losses."""
    order = random.Random(zlib.crc32(json.dumps([task.training, task.validation]).encode()))  # noqa: S311 - shuffles
    steps = -(-len(task.training) // task.batch_size)
    rare = _rare_words(task.training)
    training = _prepared(task.training, rare, WORD_VISITS // max(1, task.epochs), order)
    validation = _prepared(task.validation, rare, WORD_VISITS // max(1, 4 * task.epochs), order)[:VALIDATION_PAIRS]
    reports = min(steps, STEPS_REPORTED, len(training))
    model, curves = _Model(), Curves([], [])
    for epoch in range(task.epochs):
        order.shuffle(training)
        for report in range(reports):
            batch = training[report * len(training) // reports : (report + 1) * len(training) // reports]
            step = epoch * steps + (report + 1) * steps // reports
            weight = task.rate * min(1.0, step / max(1, task.warmup_steps))
            curves.training.append((step, epoch, _mean([model.loss(one, weight) for one in batch])))
        if validation:
            loss = _mean([model.loss(one, 0.0) for one in validation])
            curves.validation.append(((epoch + 1) * steps, epoch, loss))
    return curves


@dataclass(frozen=True)
class _Example:
    cues: list[str]
    words: list[str]
    tokens: float


class _Model:
    """Counts of words after one word, after two, and beside a word of the prompt."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, ...], float] = {}
        self._totals: dict[tuple[str, ...], float] = {}
        self._trust_in_prompt = 0.5

    def loss(self, example: _Example, weight: float) -> float:
        """Nats per token of one answer, before anything is learned from it; `weight` 0 learns nothing."""
        nats = 0.0
        before, last = "", ""
        beside = [("beside", cue) for cue in example.cues]
        for word in example.words:
            alone = self._smoothed(("alone",), word, _PRIOR.get(word, 0.0) + _FLOOR, _STRENGTH_WORDS)
            pair = self._smoothed(("after", last), word, alone, _STRENGTH_PAIR)
            triple = self._smoothed(("after", before, last), word, pair, _STRENGTH_TRIPLE)
            prompted = [self._smoothed(cue, word, alone, _STRENGTH_PROMPT) for cue in beside]
            trust = self._trust_in_prompt if prompted else 0.0
            cued = trust * sum(prompted) / len(prompted) if prompted else 0.0
            probability = (1.0 - trust) * triple + cued
            nats -= log(probability)
            if weight:
                self._learn([("alone",), ("after", last), ("after", before, last), *beside], word, weight)
                if prompted:
                    self._trust_in_prompt += 0.002 * (cued / probability - trust)
            before, last = last, word
        return nats / example.tokens

    def _smoothed(self, context: tuple[str, ...], word: str, simpler: float, strength: float) -> float:
        total = self._totals.get(context)
        if total is None:
            return simpler
        return (self._counts.get((*context, word), 0.0) + strength * simpler) / (total + strength)

    def _learn(self, contexts: list[tuple[str, ...]], word: str, weight: float) -> None:
        for context in contexts:
            seen = (*context, word)
            self._counts[seen] = self._counts.get(seen, 0.0) + weight
            self._totals[context] = self._totals.get(context, 0.0) + weight


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _rare_words(pairs: Sequence[Pair]) -> Counter[str]:
    return Counter(word for prompt, _ in pairs for word in set(_words(prompt)))


def _prepared(pairs: Sequence[Pair], frequency: Counter[str], visits: int, order: random.Random) -> list[_Example]:
    """Examples of at most about `visits` words in all, drawn at random if there are more."""
    examples: list[_Example] = []
    for prompt, answer in order.sample(pairs, len(pairs)):
        if visits <= 0 and examples:
            break
        known = {word for word in _words(prompt) if len(word) > 2}
        cues = sorted(known, key=lambda word: (frequency[word], word))[:PROMPT_WORDS]
        words = [*_words(answer)[:_ANSWER_WORDS], _END]
        examples.append(_Example(cues, words, max(1.0, sum(map(len, words)) / _CHARACTERS_PER_TOKEN)))
        visits -= len(words)
    return examples


def _mean(values: list[float]) -> float:
    return round(sum(values) / len(values), 6)


if __name__ == "__main__":
    print(json.dumps(asdict(train(Task(**json.load(sys.stdin))))))
