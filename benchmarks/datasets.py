"""Checking and preparing datasets: seconds and peak memory beside a line-by-line jsonlines reader with the same checks.

`python -m benchmarks.datasets` measures everything in one run, each measurement in a process of its own, and takes the
median of several. It ends with `finetune check` on 32 records, beyond the start of the interpreter.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib import import_module
from itertools import accumulate, product
from pathlib import Path
from random import Random
from typing import Any

import jsonlines
import orjson

from finetune.domain.catalog import base_model
from finetune.domain.validation.check import check_dataset
from finetune.domain.validation.report import DatasetReport
from finetune.domain.validation.rules import DatasetRules, rules_for

MODELS = {"prompt_completion": "meta.llama3-1-8b-instruct-v1:0:128k", "conversation": "amazon.nova-micro-v1:0:128k"}
SEED = 7
# Imported only by the work that needs it, and before the clock runs: its memory and its import are not the others'.
SPLIT, PROBLEMS = "finetune.domain.staging.stage", "finetune.domain.validation.problems"
RESERVED = ("user:", "bot:", "assistant:", "system:", "<image>", "<video>", "[eos]")
SYLLABLES = ("ba", "ce", "di", "fo", "gu", "ka", "le", "mi")
WORDS = ["".join(word) for word in product(SYLLABLES, repeat=4)]
# As in any language, the n-th word is about n times rarer than the first.
WEIGHTS = list(accumulate(1 / place for place in range(1, len(WORDS) + 1)))


def generate(path: Path, kind: str, records: int) -> None:
    """A dataset of about 800 bytes a prompt/completion record and 1,000 a conversation, no two records the same."""
    random = Random(SEED)  # noqa: S311 - the same dataset every time

    def text(words: int) -> str:
        return " ".join(random.choices(WORDS, cum_weights=WEIGHTS, k=words))

    with path.open("wb") as file:
        for number in range(records):
            prompt, answer = f"Question {number}: {text(40)}?", f"Answer {number}: {text(45)}."
            if kind == "prompt_completion":
                record: dict[str, Any] = {"prompt": prompt, "completion": answer}
            else:
                turns = [("user", prompt), ("assistant", answer)]
                record = {
                    "schemaVersion": "bedrock-conversation-2024",
                    "system": [
                        {"text": "You answer questions about whatever people ask, briefly and in one paragraph."}
                    ],
                    "messages": [{"role": role, "content": [{"text": text}]} for role, text in turns],
                }
            file.write(orjson.dumps(record) + b"\n")


def chunks(path: Path) -> Iterator[bytes]:
    """The file as S3 would stream it."""
    with path.open("rb") as file:
        while piece := file.read(8 * 1024 * 1024):
            yield piece


def with_jsonlines(path: Path, _: DatasetRules) -> int:
    """The baseline: jsonlines, the same checks of schema and texts, lengths, reserved strings and exact duplicates."""
    seen: set[str] = set()
    least, most, total, records, problems = sys.maxsize, 0, 0, 0, 0
    with jsonlines.open(path) as reader:
        for record in reader.iter(type=dict, skip_empty=True):
            texts = _texts(record)
            if not texts or not all(isinstance(text, str) and text.strip() for text in texts):
                problems += 1
                continue
            length = sum(map(len, texts))
            low = "\n".join(texts).lower()
            problems += any(word in low for word in RESERVED)
            records, total = records + 1, total + length
            least, most = min(least, length), max(most, length)
            seen.add("\0".join(texts))
    return records


def from_tutorials(path: Path, _: DatasetRules) -> int:
    """What tutorials do: read everything, then look at it."""
    records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    texts = [_texts(record) for record in records]
    good = [own for own in texts if own and all(isinstance(text, str) and text.strip() for text in own)]
    lengths = [sum(map(len, own)) for own in good]
    reserved = [word for own in good for text in own for word in RESERVED if word in text.lower()]
    duplicates = len(good) - len({json.dumps(record, sort_keys=True) for record in records})
    return len(good) if max(lengths) and not reserved and not duplicates else 0


def _texts(record: dict[str, Any]) -> list[Any]:
    if "prompt" in record:
        return [record["prompt"], record.get("completion")]
    if record.get("schemaVersion") != "bedrock-conversation-2024" or not isinstance(record.get("messages"), list):
        return []
    texts = [block.get("text") for block in record.get("system", [])]
    for place, turn in enumerate(record["messages"]):
        if turn.get("role") != ("user", "assistant")[place % 2]:
            return []
        texts += [block.get("text") for block in turn["content"]]
    return texts if len(record["messages"]) % 2 == 0 else []


def check(path: Path, rules: DatasetRules) -> int:
    return check_dataset(chunks(path), suffix=".jsonl", rules=rules, lint=False).records


def check_and_lint(path: Path, rules: DatasetRules) -> int:
    return check_dataset(chunks(path), suffix=".jsonl", rules=rules).records


def check_and_survey(path: Path, rules: DatasetRules) -> int:
    """What Validate Dataset does; it leaves the survey for `stage`."""
    split = import_module(SPLIT)
    with surveyed(path).open("wb") as survey, Path(os.devnull).open("wb") as nowhere:
        inputs, surveys = split.Inputs(lambda: chunks(path), ".jsonl"), split.Surveys(survey, nowhere)
        listed = {"training": import_module(PROBLEMS).Problems(nowhere).of("dataset")}
        report: DatasetReport = split.check_and_survey(inputs, rules, SEED, surveys, on_finding=listed).dataset
        return report.records


def stage(path: Path, rules: DatasetRules) -> int:
    """What Prepare Dataset does behind that, writing to files as it does."""
    split = import_module(SPLIT)
    with ExitStack() as files:
        sinks = split.Sinks(*(files.enter_context(tempfile.TemporaryFile()) for _ in range(3)))
        surveys = split.Surveys(*(files.enter_context(surveyed(path).open("rb")) for _ in range(2)))
        inputs, shares = split.Inputs(lambda: chunks(path), ".jsonl"), split.Shares(validation=0.05, evaluation=0.05)
        staged: int = split.stage_dataset(inputs, rules, shares, surveys, sinks).accounting.staged
        return staged


def surveyed(path: Path) -> Path:
    """Where the survey of a dataset lies between the two."""
    return path.with_suffix(".survey")


WORK: dict[str, Callable[[Path, DatasetRules], int]] = {
    "as in tutorials, all at once": from_tutorials,
    "jsonlines and the same checks": with_jsonlines,
    "check_dataset without lint": check,
    "check_dataset with lint": check_and_lint,
    "check_and_survey, with lint": check_and_survey,
    "stage_dataset": stage,
}

BASELINES = {"against tutorials": "as in tutorials, all at once", "against jsonlines": "jsonlines and the same checks"}


def one(work: str, path: Path, kind: str, records: int) -> None:
    """Do one piece of work and print what it took; peak memory is of the whole process."""
    rules = rules_for(base_model(MODELS[kind]), "FINE_TUNING", maximum_records=10 * records)
    if WORK[work] in (check_and_survey, stage):
        import_module(SPLIT)
        import_module(PROBLEMS)
    started = time.perf_counter()
    done = WORK[work](path, rules)
    seconds = time.perf_counter() - started
    if done != records:
        raise ValueError(f"{work} saw {done:,} records of {records:,}")
    print(json.dumps({"seconds": seconds, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


def _measured(work: str, path: Path, kind: str, records: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.datasets", "--one", work, str(path), kind, str(records)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - this module again
    result: dict[str, float] = json.loads(done.stdout)
    return result


def compare(kind: str, records: int, runs: int) -> dict[str, Any]:
    """Medians of every piece of work on one generated dataset, taken in turns."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data.jsonl"
        generate(path, kind, records)
        size = path.stat().st_size
        found: dict[str, list[dict[str, float]]] = {work: [] for work in WORK}
        for _ in range(runs):
            for work in WORK:
                found[work].append(_measured(work, path, kind, records))
    rows = {
        work: {name: statistics.median(result[name] for result in results) for name in ("seconds", "peak_mb")}
        for work, results in found.items()
    }
    for row in rows.values():
        row["mb_per_second"] = size / 1e6 / row["seconds"]
        row |= {name: rows[baseline]["seconds"] / row["seconds"] for name, baseline in BASELINES.items()}
    return {"kind": kind, "records": records, "bytes": size, "runs": runs, "work": rows}


def small(runs: int) -> dict[str, float]:
    """Milliseconds of `finetune check` on 32 records beyond those of an interpreter that does nothing.

    With all modules compiled, as they are wherever the command has run before.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data.jsonl"
        generate(path, "conversation", 32)
        command = [sys.executable, "-m", "finetune_cli.main", "check", str(path)]
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": folder, "PYTHONDONTWRITEBYTECODE": ""}
        _wall(command, environment)
        pairs = [(_wall([sys.executable, "-c", ""], environment), _wall(command, environment)) for _ in range(runs)]
    start, whole = (statistics.median(column) for column in zip(*pairs, strict=True))
    beyond = statistics.median(whole - start for start, whole in pairs)
    return {"interpreter_ms": start * 1e3, "command_ms": whole * 1e3, "beyond_ms": beyond * 1e3}


def _wall(command: list[str], environment: dict[str, str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, env=environment, capture_output=True, check=True)  # noqa: S603 - this interpreter
    return time.perf_counter() - started


def machine() -> str:
    """What the numbers were taken on."""
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.processor(),
    )
    return f"{model}, {platform.machine()}, Python {platform.python_version()}"


def _table(result: dict[str, Any]) -> str:
    lines = [
        f"{result['records']:,} {result['kind']} records, {result['bytes'] / 1e6:,.0f} MB, medians of {result['runs']}",
        f"| work | seconds | MB/s | {' | '.join(BASELINES)} | peak MB |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {work} | {row['seconds']:.2f} | {row['mb_per_second']:.0f} | "
        + " | ".join(f"{row[name]:.1f}x" for name in BASELINES)
        + f" | {row['peak_mb']:.0f} |"
        for work, row in result["work"].items()
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure, print tables and write all numbers as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, nargs="+", default=[200_000], metavar="N")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("build/benchmarks/datasets.json"))
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        work, path, kind, records = options.one
        one(work, Path(path), kind, int(records))
        return
    results = [compare(kind, records, options.runs) for records in options.records for kind in MODELS]
    for result in results:
        print(_table(result), end="\n\n")
    started = small(max(options.runs, 11))
    whole, beyond = started["command_ms"], started["beyond_ms"]
    print(f"finetune check of 32 records: {whole:.0f} ms, of which {beyond:.0f} ms beyond the interpreter's start")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_bytes(orjson.dumps({"machine": machine(), "small": started, "results": results}, option=2))
    print(f"{machine()}; all numbers: {options.out}")


if __name__ == "__main__":
    main()
