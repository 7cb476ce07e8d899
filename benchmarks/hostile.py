"""The datasets on which checking and preparing take longest: seconds and peak memory for 10 MB of each.

`python -m benchmarks.hostile` prints a table, slowest first; each dataset is read in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any

from finetune.domain.catalog import base_model
from finetune.domain.staging.shares import Shares
from finetune.domain.staging.stage import Inputs, Sinks, Surveys, check_and_survey, stage_dataset
from finetune.domain.validation.problems import Problems
from finetune.domain.validation.rules import rules_for

MEGABYTES = 10
SEED = 7
RULES = rules_for(
    base_model("amazon.nova-micro-v1:0:128k"), "FINE_TUNING", minimum_records=0, maximum_records=10_000_000
)
LONG, SHORT = 90_000, 60


def _record(number: int, prompt: str, answer: str = "A sentence that answers it.") -> bytes:
    return json.dumps({"prompt": f"{prompt} {number}", "completion": f"{answer} {number}"}).encode()


def _filled(piece: str, characters: int = LONG) -> Callable[[int], bytes]:
    """Records whose prompt is one piece again and again."""
    prompt = piece * (characters // len(piece) + 1)
    return lambda number: _record(number, f"a {prompt[:characters]}")


def _words(number: int) -> str:
    """Words that many prompts share, in pairs that few do."""
    return " ".join(f"w{(number * step) % 97}" for step in range(1, 13))


RECORDS: Mapping[str, Callable[[int], bytes]] = {
    "passwords": _filled("password:"),
    "web tokens that never end": _filled("-eyJ"),
    "the beginning of an address": _filled("a."),
    "addresses without an end": _filled("a@"),
    "digits of a card": _filled("4 "),
    "digits with a plus": _filled("+1"),
    "bank accounts": _filled("DE00 AAAA "),
    "white space": _filled(" \\n"),
    "one letter": _filled("a"),
    "one short word": _filled("a "),
    "marks over letters": _filled("a\u0301\u0302\u0303"),
    "no spaces": _filled("\u4f8b\u3048"),
    "emoji": _filled("\U0001f469\u200d\U0001f4bb"),
    "quotes": _filled('"\\'),
    "other words each": lambda number: _record(number, " ".join(f"{number}x{place}" for place in range(LONG // 9))),
    "small records": lambda number: _record(number, "a", "b"),
    "the same record": lambda _: _record(0, "What is it?"),
    "the same prompt": lambda number: json.dumps({"prompt": "What is it?", "completion": f"It is {number}."}).encode(),
    "nearly the same": lambda number: _record(number, "What is the name of the thing that lies on the table here?"),
    "nearly the same, and long": lambda number: _record(number, "the thing on the table " * 200),
    "the same pairs of words": lambda number: _record(number, _words(number)),
    "a template": lambda number: _record(number, f"Ticket {number % 50}: please {_words(number % 400)}"),
    "many keys": lambda number: json.dumps({f"k{place}": number for place in range(9_000)}).encode(),
    "many turns": lambda number: json.dumps(
        {"messages": [{"role": ("user", "assistant")[n % 2], "content": f"{number}"} for n in range(2_000)]}
    ).encode(),
    "deep nesting": lambda number: b'{"prompt":' + b"[" * 60 + str(number).encode() + b"]" * 60 + b"}",
    "open brackets": lambda _: b"[" * LONG,
    "not JSON": lambda _: b"{" * SHORT,
    "empty objects": lambda _: b"{}",
    "escapes": lambda number: b'{"prompt":"' + b"\\u00e9" * (LONG // 6) + b'","completion":"%d"}' % number,
}  # fmt: skip


def dataset(name: str, size: int) -> bytes:
    """About so many bytes of hostile records."""
    data, number = bytearray(), count()
    while len(data) < size:
        data += RECORDS[name](next(number)) + b"\n"
    return bytes(data)


def judge(data: bytes) -> int:
    """Do with a dataset what Validate Dataset and Prepare Dataset do; the number of records that were staged."""
    with ExitStack() as files:
        survey, nowhere, training, validation, evaluation = (
            files.enter_context(tempfile.TemporaryFile()) for _ in range(5)
        )
        inputs = Inputs(lambda: _pieces(data), ".jsonl")
        listed: dict[Any, Any] = {"training": Problems(nowhere).of("dataset")}
        surveys = Surveys(survey, nowhere)
        check_and_survey(inputs, RULES, SEED, surveys, on_finding=listed)
        survey.seek(0)
        shares = Shares(validation=0.05, evaluation=0.1)
        with Path(os.devnull).open("rb") as none:
            return stage_dataset(
                inputs, RULES, shares, Surveys(survey, none), Sinks(training, validation, evaluation)
            ).accounting.staged


def _pieces(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), 1 << 23):
        yield data[start : start + (1 << 23)]


def measured(name: str, megabytes: int) -> dict[str, Any]:
    """Seconds and peak megabytes of one dataset, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.hostile", "--one", name, "--megabytes", str(megabytes)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - this module again
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=MEGABYTES)
    parser.add_argument("--one", choices=list(RECORDS), help="one dataset, in this process")
    options = parser.parse_args()
    if options.one:
        data = dataset(options.one, options.megabytes << 20)
        started = time.process_time()
        staged = judge(data)
        seconds = time.process_time() - started
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"seconds": seconds, "peak_mb": peak, "staged": staged}))
        return
    rows = {name: measured(name, options.megabytes) for name in RECORDS}
    print(f"| {options.megabytes} MB of | seconds of the processor | peak MB | staged |\n|---|---|---|---|")
    for name, row in sorted(rows.items(), key=lambda each: -each[1]["seconds"]):
        print(f"| {name} | {row['seconds']:.1f} | {row['peak_mb']:.0f} | {row['staged']:,} |")


if __name__ == "__main__":
    main()
