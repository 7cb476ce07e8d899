"""Asking 1,000 items of a throttled model: wall time against the least that its quota allows, and items lost.

`python -m benchmarks.evaluation` runs a real boto3 client against a server of its own, on a clock that runs faster.
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from benchmarks.throttled_runtime import throttled_runtime
from finetune.aws.asking import ask_all
from finetune.aws.inference import Contestant, ask
from finetune.domain.evaluation.answers import Answer
from finetune.domain.evaluation.items import EvaluationItem, Turn
from finetune.domain.evaluation.pacing import SHARDS_AT_ONCE, Pace, workers
from finetune.estimate import shards_of

if TYPE_CHECKING:
    from mypy_boto3_bedrock_runtime import BedrockRuntimeClient

MODEL = "amazon.nova-micro-v1:0"
LONGEST_SECONDS = 600.0


def client(endpoint: str) -> BedrockRuntimeClient:
    session = boto3.session.Session("test", "secret", region_name="us-east-1")
    once = Config(retries={"mode": "standard", "total_max_attempts": 1}, read_timeout=30)
    return session.client("bedrock-runtime", endpoint_url=endpoint, config=once)


def items(count: int) -> list[EvaluationItem]:
    return [
        EvaluationItem(
            id=f"item-{number}",
            line=number + 1,
            messages=(Turn(role="user", text=f"Question {number}?"),),
            reference="x",
        )
        for number in range(count)
    ]


def evaluate(endpoint: str, asked: list[EvaluationItem], quota: int | None) -> tuple[list[Answer], int]:
    """Every answer, and the number of requests, with as many shards at once as the state machine runs."""
    requests: list[str] = []

    def shard(first: int, count: int) -> list[Answer]:
        runtime, deadline = client(endpoint), time.monotonic() + LONGEST_SECONDS

        def counted(item: EvaluationItem) -> Answer:
            requests.append(item.id)
            return ask(runtime, Contestant("base", MODEL, MODEL), item, {"temperature": 0, "maxTokens": 1024})

        return list(
            ask_all(
                counted,
                asked[first : first + count],
                pace=Pace(quota, SHARDS_AT_ONCE),
                workers=workers(quota, SHARDS_AT_ONCE),
                remaining=lambda: deadline - time.monotonic(),
            )
        )

    with ThreadPoolExecutor(SHARDS_AT_ONCE) as pool:
        done = [pool.submit(shard, each.first, each.count) for each in shards_of(len(asked))]
        return [answer for future in done for answer in future.result()], len(requests)


def measure(count: int, per_minute: int, latency: float, scale: float, *, known: bool) -> float:
    """Print one line and return wall time over the least time; the clock of the server runs `scale` times as fast."""
    per_second = per_minute / 60
    least = count * latency / (per_second * latency)
    with throttled_runtime(per_second * scale, latency / scale, per_second) as endpoint:
        started = time.monotonic()
        answers, requests = evaluate(endpoint, items(count), per_minute if known else None)
        seconds = (time.monotonic() - started) * scale
    lost = count - len({answer.id for answer in answers if answer.error is None})
    print(
        f"{count:,} items, {per_minute} requests a minute {'(documented)' if known else '(unknown)':<12}  "
        f"{seconds:6.1f} s  least {least:6.1f} s  ratio {seconds / least:.2f}  lost {lost}  requests {requests:,}"
    )
    return seconds / least


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=1000)
    parser.add_argument("--per-minute", type=int, default=600)
    parser.add_argument("--latency", type=float, default=2.0, help="seconds for one answer")
    parser.add_argument("--scale", type=float, default=4.0, help="how much faster the server's clock runs")
    chosen = parser.parse_args()
    for known in (True, False):
        measure(chosen.items, chosen.per_minute, chosen.latency, chosen.scale, known=known)


if __name__ == "__main__":
    main()
