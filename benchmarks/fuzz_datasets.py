"""Fuzz the dataset check: broken lines by the million, reported as exceptions, slowest line and peak memory.

    python benchmarks/fuzz_datasets.py --lines 1000000
    python benchmarks/fuzz_datasets.py --lines 200000 --guided     needs the package atheris

Every line is checked on its own and timed, then checked and staged in a file with others. The result is one JSON
object; the exit status is 1 when an exception was not handled, what was staged is not taken, a line took longer than
50 ms, or memory went over 256 MB.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import sys
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from io import BytesIO
from typing import Any

from finetune.domain.catalog import base_model
from finetune.domain.records.strict_json import MAX_LINE_BYTES
from finetune.domain.staging.shares import Shares
from finetune.domain.staging.stage import Inputs, Sinks, prepare_dataset
from finetune.domain.validation.check import check_dataset
from finetune.domain.validation.rules import DatasetRules, rules_for

SLOWEST_SECONDS, MOST_MEGABYTES = 0.050, 256
MODELS = (
    "amazon.nova-pro-v1:0:300k",
    "amazon.nova-2-lite-v1:0:256k",
    "meta.llama3-1-8b-instruct-v1:0:128k",
    "anthropic.claude-3-haiku-20240307-v1:0:200k",
    "amazon.nova-canvas-v1:0",
)
_IMAGE = {
    "image": {"format": "png", "source": {"s3Location": {"uri": "s3://bucket/a.png", "bucketOwner": "123456789012"}}}
}
_THOUGHT = {"reasoningContent": {"reasoningText": {"text": "so"}}}


def _conversation(*turns: Any, **more: Any) -> dict[str, Any]:
    roles = ("user", "assistant") * len(turns)
    return {**more, "messages": [{"role": role, "content": turn} for role, turn in zip(roles, turns, strict=False)]}


_RECORDS: tuple[Any, ...] = (
    {"prompt": "two plus two", "completion": "four"},
    {"prompt": '“naïve” 漢字 😀\n\t\\ "', "completion": "jane@corp.org 4111 1111 1111 1111", "system": "be brief"},
    _conversation("User: hello", "[EOS] hi", "again\u2028", "bye"),
    _conversation("a", "b", system="be brief"),
    {
        "messages": [
            {"role": "system", "content": "s"},
            {"role": "user", "content": [{"type": "text", "text": "a"}]},
        ]
    },
    _conversation([{"text": "a"}], [{"text": "b"}], schemaVersion="bedrock-conversation-2024", system=[{"text": "s"}]),
    _conversation([{"text": "a"}, _IMAGE], [_THOUGHT, {"text": "b"}], schemaVersion="bedrock-conversation-2024"),
    _conversation("a", None, tools=[{"name": "add"}], tool_calls=[{"id": 1}]),
    {"text": "once upon a time"},
    {"image-ref": "s3://bucket/a.png", "caption": "a cat"},
    {"messages": [{"role": "user", "content": "a"}], "reference_answer": {"x": 1}},
    {"prompt": "a", "responses": [{"response": "b", "score": 0.5}]},
    [1, 2.5e3, None, True, "x", {}],
)
SEEDS = tuple(json.dumps(value, ensure_ascii=False).encode() for value in _RECORDS)
SCRAPS = (
    b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"\x00", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xef\xbb\xbf",
    b"\xe2\x80\xa8", b"NaN", b"-Infinity", b"1e999", b"9" * 400, b"-0.0", b"null", b"true", b"\\ud800", b"\\u0000",
    b"\\u0055ser:", b"\r", b"\t", b'"prompt":"x",', b'"messages":', b'"role":"assistant",', b'"system":', b"{}",
    b'{"a":1}', b" " * 300, b"<video>", b"\x7f", b"[" * 80, b'{"a":' * 80, b"-" * 40, b"@" * 40, b"a." * 40, b"1 " * 60,
    b"+1 " * 30, b"s3://b/c", b"1234 5678 ", b"(123) 456-", b"DE12 3456 ",
)  # fmt: skip


def hostile() -> Iterator[bytes]:
    """Lines of the greatest length, built to be slow to read, to explain or to search."""
    most = MAX_LINE_BYTES
    for scrap in SCRAPS:
        if scrap == b"\r":
            continue  # that would be a million lines
        yield (scrap * (most // len(scrap) + 1))[:most]
        text = json.dumps((scrap.decode(errors="replace") * (most // len(scrap)))[: most // 7]).encode()
        yield b'{"prompt":%b,"completion":"x"}' % text
        yield b'{"messages":[{"role":"user","content":%b},{"role":"assistant","content":%b}]}' % (text, text)
    yield b'{"prompt":"' + b"x" * (most - 40) + b'","completion":"y"}'
    yield b"[" * (most // 2) + b"]" * (most // 2)
    yield b'{"messages":[' + b",".join([b'{"role":"user","content":"a"}'] * 30_000) + b"]}"
    yield b'{"messages":[' + b",".join([b"1"] * 400_000) + b"]}"
    yield b"{" + b",".join(b'"k%d":%d' % (n, n) for n in range(60_000)) + b"}"
    yield b"{" + b",".join(b'"k":%d' % n for n in range(80_000)) + b"}"
    yield b'{"prompt":"' + b"".join(b"w%d " % n for n in range(120_000)) + b'","completion":"y"}'
    yield json.dumps({"prompt": "漢" * 300_000, "completion": "ﬁ" * 30_000}, ensure_ascii=False).encode()
    yield json.dumps({"prompt": "\u0958\u0344" * 60_000, "completion": "İ" * 50_000}, ensure_ascii=False).encode()


def mutated(rng: random.Random) -> bytes:
    """A seed with up to six changes: bytes inserted, removed, doubled, flipped, or taken from another seed."""
    line = bytearray(rng.choice(SEEDS))
    for _ in range(rng.randrange(7)):
        place, length = rng.randrange(len(line) + 1), rng.choice((1, 1, 2, 5, 20))
        change = rng.randrange(5)
        if change == 0:
            line[place:place] = rng.choice(SCRAPS)
        elif change == 1:
            del line[place : place + length]
        elif change == 2:
            line[place:place] = line[place : place + length]
        elif change == 3 and place < len(line):
            line[place] = rng.randrange(256)
        else:
            other = rng.choice(SEEDS)
            begin = rng.randrange(len(other))
            line[place : place + length] = other[begin : begin + length]
    return bytes(line)


def _value(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _report(data: bytes, suffix: str, rules: DatasetRules) -> None:
    report = check_dataset([data], suffix=suffix, rules=rules)
    if report.container == "jsonl" and report.lines < report.records + report.rejected + report.blank:
        raise AssertionError("more records than lines")
    json.dumps(report.as_dict()).encode()


def _stage(data: bytes, suffix: str, rules: DatasetRules) -> None:
    """What is staged has to be taken line by line."""
    training, validation = BytesIO(), BytesIO()
    sinks, shares = Sinks(training, validation, BytesIO()), Shares(validation=0.2, evaluation=0.2)
    prepared = prepare_dataset(Inputs(lambda: [data], suffix), rules, shares, 7, sinks)
    for staged, sink in ((prepared.training, training), (prepared.validation, validation)):
        count = staged.records if staged else 0
        report = check_dataset([sink.getvalue()], suffix=".jsonl", rules=rules)
        if (report.lines, report.records) != (count, count):
            raise AssertionError(f"of {count} staged records {report.records} are taken")


class Fuzz:
    """Checks lines and remembers what went wrong."""

    def __init__(self) -> None:
        self._rules: list[DatasetRules] = [
            rules_for(base_model(model), "FINE_TUNING", minimum_records=0) for model in MODELS
        ]
        self.lines = self._files = 0
        self.exceptions: dict[str, str] = {}
        self.slowest = (0.0, "")
        self._batch: list[bytes] = []

    def line(self, data: bytes) -> None:
        """Check one line alone and, a hundred later, together with its neighbours."""
        rules = self._rules[self.lines % len(self._rules)]
        self.lines += 1
        started = time.process_time()
        self._check(data, ".jsonl", rules)
        self.slowest = max(self.slowest, (time.process_time() - started, f"{data[:40]!r}, {len(data):,} bytes"))
        if len(data) < 10_000:
            self._batch.append(data)
        if len(self._batch) == 100:
            self._files += 1
            self._file()
            self._batch.clear()

    def _file(self) -> None:
        """Check and stage a file of these lines; every third is an array of those that are JSON, spread over lines."""
        suffix = (".jsonl", ".json", ".csv")[self._files % 3]
        rules = self._rules[self._files // 3 % len(self._rules)]
        data = b"\n".join(self._batch)
        if suffix == ".json":
            values = [value for line in self._batch if (value := _value(line)) is not None]
            data = json.dumps(values, indent=2, ensure_ascii=False).encode(errors="replace")
        self._check(data, suffix, rules)
        self._guard(data, lambda: _stage(data, suffix, rules))

    def _check(self, data: bytes, suffix: str, rules: DatasetRules) -> None:
        self._guard(data, lambda: _report(data, suffix, rules))

    def _guard(self, data: bytes, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - finding these is what this is for
            self.exceptions.setdefault(f"{type(error).__name__}: {error}"[:200], repr(data[:300]))

    def result(self, seconds: float) -> dict[str, Any]:
        """What was found."""
        return {
            "lines": self.lines,
            "seconds": round(seconds, 1),
            "exceptions": self.exceptions,
            "slowest_line_ms": round(self.slowest[0] * 1000, 1),
            "slowest_line": self.slowest[1],
            "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        }


def guided(fuzz: Fuzz, lines: int, seed: int, finish: Callable[[], None]) -> None:
    """Let atheris choose the bytes by the branches that they reach; it never returns."""
    atheris = import_module("atheris")  # a package that only this mode needs
    atheris.instrument_all()

    def one(data: bytes) -> None:
        fuzz.line(data)
        if fuzz.lines >= lines:
            finish()

    atheris.Setup([sys.argv[0], f"-seed={seed}", "-max_len=600"], one, custom_mutator=_mutator(atheris))
    atheris.Fuzz()


def _mutator(atheris: Any) -> Callable[[bytes, int, int], bytes]:
    """One change in three comes from here, so that the interesting seeds are not to be guessed byte by byte."""

    def mutate(data: bytes, most: int, seed: int) -> bytes:
        rng = random.Random(seed)  # noqa: S311 - a fuzzer must be repeatable
        return mutated(rng)[:most] if rng.randrange(3) == 0 else bytes(atheris.Mutate(data, most))

    return mutate


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--guided", action="store_true", help="let atheris choose the bytes by coverage")
    options = parser.parse_args()
    fuzz, started = Fuzz(), time.monotonic()

    def finish() -> int:
        result = fuzz.result(time.monotonic() - started)
        print(json.dumps(result, indent=2, ensure_ascii=False), flush=True)
        failed = result["exceptions"] or fuzz.slowest[0] > SLOWEST_SECONDS or result["peak_memory_mb"] > MOST_MEGABYTES
        return int(bool(failed))

    for line in hostile():
        fuzz.line(line)
    if options.guided:
        guided(fuzz, options.lines, options.seed, lambda: os._exit(finish()))
    rng = random.Random(options.seed)  # noqa: S311 - a fuzzer must be repeatable
    while fuzz.lines < options.lines:
        fuzz.line(mutated(rng))
    return finish()


if __name__ == "__main__":
    sys.exit(main())
