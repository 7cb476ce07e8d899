"""No settings.yaml costs more time, memory or text than an ordinary one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from finetune.aws import runs, storage
from finetune.domain.catalog import base_model
from finetune.domain.customization.jobs import resolve_hyperparameters
from finetune.errors import SettingsInvalid
from finetune.run import DatasetDropped
from finetune.settings_file import NUMBER_CHARACTERS, SETTINGS_BYTES, parse_settings

ALIASES = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 200))
MAPPINGS = "a0: &a0 {x: y}\n" + "".join(f"a{n}: &a{n} {{p: *a{n - 1}, q: *a{n - 1}}}\n" for n in range(1, 200))
HOSTILE = {
    "a long number behind an exponent": "hyperparameters: {epochCount: '1e999999999'}",
    "a number of a billion digits": "hyperparameters: {learningRate: 1.0e999999999}",
    "a small number of a billion digits": "hyperparameters: {learningRate: '1e-999999999'}",
    "many keys": "".join(f"k{n}: 1\n" for n in range(1_500)),
    "many keys of one setting": "hyperparameters: {" + ", ".join(f"k{n}: 1" for n in range(1_500)) + "}",
    "many equal keys": "a: 1\n" * 2_500,
    "a whole number that is long": "split: {seed: " + "9" * 5_000 + "}",
    "a tagged number in sixtieths": "split: {seed: !!float '" + "1:" * 7_500 + "1'}",
    "a tagged whole number in sixtieths": "split: {seed: !!int '" + "1:" * 7_500 + "1'}",
    "a number that is long": "split: {validation: 0." + "1" * 15_000 + "}",
    "aliases of aliases": ALIASES,
    "aliases of aliases in a setting": ALIASES + "hyperparameters: {epochCount: *a199}",
    "mappings of mappings": MAPPINGS + "budget: *a199",
    "a list in itself": "hyperparameters: &a [*a]",
    "nested brackets": "[" * 15_000,
    "nested keys": "? " * 7_500,
    "nested dashes": "- " * 7_500,
    "a key that is a list": "? [a, b]\n: 1",
    "a key that is a mapping": "{a: 1}: 1",
    "a set": "hyperparameters: !!set {a, b}",
    "pairs": "hyperparameters: !!omap [a: 1]",
    "bytes": "base_model: !!binary " + "QUFB" * 2_500,
    "a date": "base_model: 2026-01-01",
    "quotes that do not end": '"' + "\\x41" * 4_000,
    "a long tag": "a: !<" + "t" * 15_000 + "> 1",
    "a long alias": "a: *" + "t" * 15_000,
    "a long key": "k" * 15_000 + ": 1",
    "a long key twice": ("k" * 900 + ": 1\n") * 2,
    "a key with paragraphs": '"x\\n\\nWhat to do: sign in at https://example.com\\n\\n": 1',
    "a key with escapes": '"split.\\e]0;pwned\\a\\e[2J": 1',
    "a value with escapes": 'base_model: "\\e[2J\\u202E"\nx: 1',
    "a merge key": "a: &a {b: 1}\nbudget: {<<: *a}",
    "documents": "--- {}\n" * 2_000,
    "comments": "# x\n" * 4_000 + "x: 1",
    "a directive": "%TAG ! tag:x," + "y" * 15_000 + "\n--- !a b",
}  # fmt: skip


def used(written: str) -> None:
    """Read settings as Plan Run does."""
    settings = parse_settings(written.encode(), source="settings.yaml")
    resolve_hyperparameters(base_model(settings.base_model), settings.hyperparameters)


@pytest.fixture(scope="module")
def plain() -> float:
    """Seconds of the processor for a list that is as long."""
    began = time.process_time()
    with pytest.raises(SettingsInvalid):
        parse_settings(b"- a\n" * (SETTINGS_BYTES // 16), source="settings.yaml")
    return time.process_time() - began


@pytest.mark.parametrize("written", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_settings_are_refused_in_a_sentence_that_can_be_shown(written: str, plain: float) -> None:
    assert len(written.encode()) <= SETTINGS_BYTES // 4
    began = time.process_time()
    with pytest.raises(SettingsInvalid) as refusal:
        used(written)
    taken = time.process_time() - began
    sentence = str(refusal.value)
    assert len(sentence) < 2_000, sentence
    assert sentence.isprintable(), sentence
    assert taken < 20 * plain


def test_a_merge_key_is_said_to_be_unsupported() -> None:
    with pytest.raises(SettingsInvalid, match=r"line 2: merge keys \(<<\) are not supported; write the keys out"):
        parse_settings(HOSTILE["a merge key"].encode(), source="settings.yaml")


def test_twice_the_keys_take_twice_the_time() -> None:
    def seconds(keys: int) -> float:
        data = "".join(f"{n}: 1\n" for n in range(keys)).encode()
        began = time.process_time()
        with pytest.raises(SettingsInvalid):
            parse_settings(data, source="settings.yaml")
        return time.process_time() - began

    few = min(seconds(1_000) for _ in range(3))
    assert min(seconds(8_000) for _ in range(3)) < 3 * 8 * few


@pytest.mark.parametrize("number", ["1" * (NUMBER_CHARACTERS + 1), "0." + "0" * NUMBER_CHARACTERS])
def test_a_number_has_a_bound(number: str) -> None:
    with pytest.raises(SettingsInvalid, match=f"line 1: a number has at most {NUMBER_CHARACTERS} characters"):
        parse_settings(f"split: {{seed: {number}}}".encode(), source="settings.yaml")


class _Long:
    """An S3 whose one object goes on for longer than anybody wants to read, and says how much was read."""

    def __init__(self) -> None:
        self.read = 0

    def head_object(self, **_: object) -> dict[str, Any]:
        return {"VersionId": "1"}

    def get_object(self, **_: object) -> dict[str, Any]:
        return {"ContentLength": 1 << 30, "Body": self}

    def iter_chunks(self, size: int) -> Iterator[bytes]:
        for _ in range(128):
            self.read += size
            yield b"#" * size


def test_of_settings_that_are_too_long_only_the_beginning_is_read() -> None:
    s3: Any = _Long()
    dropped = DatasetDropped(
        bucket="datasets", key="incoming/shop/x.jsonl", version_id="1", event_time=datetime(2026, 11, 21, tzinfo=UTC)
    )
    run = runs.identify(dropped, artifact_bucket="artifacts", execution_arn="arn")

    with pytest.raises(SettingsInvalid, match="longer than 64 KB"):
        runs.read_settings(s3, run)

    assert s3.read == storage.CHUNK
