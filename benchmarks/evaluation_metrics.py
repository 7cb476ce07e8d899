"""What metrics, verdict and report of 1,000 pairs of answers, and a comparison of 10,000, cost, in milliseconds.

`python -m benchmarks.evaluation_metrics` prints one line for each.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable
from functools import partial

from finetune.domain.evaluation.answers import Answer
from finetune.domain.evaluation.checks import Checks
from finetune.domain.evaluation.comparison import compare
from finetune.domain.evaluation.gates import Gates
from finetune.domain.evaluation.human_review import form
from finetune.domain.evaluation.items import EvaluationItem, Turn
from finetune.domain.evaluation.metrics import METRICS, Metric
from finetune.domain.evaluation.verdict import decide
from finetune.domain.report.run import ReportData, render

HEADS, TAILS = ("ab", "bo", "ca", "de", "go", "hi", "ju", "ka"), ("ra", "so", "ti", "mu", "ne", "lo", "pi")
WORDS = [f"{head}{tail}" for head in HEADS for tail in TAILS]
ROUNDS = 3


def texts(count: int, words: int, seed: int) -> list[str]:
    chance = random.Random(seed)  # noqa: S311 - a benchmark must be repeatable
    return [" ".join(chance.choices(WORDS, k=words)) + "." for _ in range(count)]


def items(count: int, words: int) -> list[EvaluationItem]:
    return [
        EvaluationItem(
            id=f"item-{number}",
            line=number + 1,
            messages=(Turn(role="user", text="How?"),),
            reference=text,
            expected_keywords=("abra", "hiti"),
            category=f"c{number % 8}",
            checks=Checks(must_contain=("abra",), max_words=300),
        )
        for number, text in enumerate(texts(count, words, 1))
    ]


def milliseconds(work: Callable[[], object]) -> float:
    """The fastest of some rounds, which a busy machine disturbs least."""
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return 1000 * min(times)


def scored(metric: Metric, said: list[str], asked: list[EvaluationItem]) -> list[float]:
    return list(map(metric.score, said, asked))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=1000)
    parser.add_argument("--words", type=int, default=200, help="words of each text")
    chosen = parser.parse_args()
    asked = items(chosen.pairs, chosen.words)
    said = texts(chosen.pairs, chosen.words, 2)
    for name, metric in METRICS.items():
        print(f"{name:<20}{milliseconds(partial(scored, metric, said, asked)):>8.0f} ms")
    answers = {
        one: {
            item.id: Answer(id=item.id, text=text, stop_reason="end_turn")
            for item, text in zip(asked, texts(chosen.pairs, chosen.words, seed), strict=True)
        }
        for seed, one in enumerate(("base", "champion", "candidate"))
    }
    graded = [max(-1.0, min(1.0, random.Random(number).gauss(0.02, 0.3))) for number in range(10_000)]  # noqa: S311 - repeatable
    compared = partial(
        compare, [(0.5, 0.5 + each / 2) for each in graded], against="base", title="", minimum_gain=0, confidence=0.95
    )
    print(f"{'10,000 graded':<20}{milliseconds(compared):>8.0f} ms")
    judged = decide(asked, answers, gates=Gates(), seed=7)
    page = ReportData(
        project="p", run_id="r", created="", base_model="b", evaluation=judged, items=tuple(asked), answers=answers
    )
    for name, work in {
        "verdict": lambda: decide(asked, answers, gates=Gates(), seed=7),
        "report.html": lambda: render(page),
        "human-review.csv": lambda: form(asked, answers, judged),
    }.items():
        print(f"{name:<20}{milliseconds(work):>8.0f} ms")


if __name__ == "__main__":
    main()
