"""The shortcut finds what the long way finds: on plain lines, on broken ones, and on every mixture of them."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetune.domain.catalog import base_model
from finetune.domain.records.lines import Lines
from finetune.domain.records.reading import read_unit
from finetune.domain.records.shortcut import Plain, plain, quick, record_of, runs
from finetune.domain.similarity.identity import exact_of
from finetune.domain.validation import check
from finetune.domain.validation.check import check_dataset
from finetune.domain.validation.rules import rules_for
from tests.sizes import sized
from tests.staging import Prepared
from tests.unit.domain.records.test_conversion import ANTHROPIC, BEDROCK, OPENAI, TURNS, blocks, read, strings

MODELS = (
    "amazon.nova-micro-v1:0:128k",
    "meta.llama3-1-8b-instruct-v1:0:128k",
    "meta.llama3-3-70b-instruct-v1:0:128k",
    "anthropic.claude-3-haiku-20240307-v1:0:200k",
)
TEXTS = (
    "two plus two", "Two  plus two?", "four", "User: hello", "see <image>", 'a "quoted" word', "back\\slash",
    "tab\there", "line\nbreak", "naïve café", "漢字かな", "😀", "null \0 byte", "\x7f", "\u2028", "jane@corp.org",
    "literal \\n here", "   ", "AKIAIOSFODNN7EXAMPLE", "word " * 60, "4111 1111 1111 1111", "…", ".",
    "one two three four five six seven eight nine",
)  # fmt: skip
TEXT = st.sampled_from(TEXTS) | st.text(max_size=8)
ROLES = st.sampled_from([("user", "assistant"), ("user", "assistant"), ("assistant", "user"), ("user", "user")])


def turns(block: bool) -> st.SearchStrategy[list[dict[str, Any]]]:
    def build(pairs: list[tuple[tuple[str, str], str, str]]) -> list[dict[str, Any]]:
        return [
            {"role": role, "content": [{"text": text}] if block else text}
            for roles, *texts in pairs
            for role, text in zip(roles, texts, strict=True)
        ]

    return st.lists(st.tuples(ROLES, TEXT, TEXT), max_size=3).map(build)


def with_lead(lead: str | None, messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return messages if lead is None else [{"role": "system", "content": lead}, *messages]


RECORD = st.one_of(
    st.fixed_dictionaries({"prompt": TEXT, "completion": TEXT}, optional={"id": TEXT}),
    st.fixed_dictionaries(
        {"schemaVersion": st.just("bedrock-conversation-2024"), "messages": turns(block=True)},
        optional={"system": st.builds(lambda text: [{"text": text}], TEXT)},
    ),
    st.fixed_dictionaries({"messages": turns(block=False)}, optional={"system": TEXT}),
    st.builds(lambda lead, own: {"messages": with_lead(lead, own)}, st.none() | TEXT, turns(block=False)),
)
WRITTEN = st.builds(
    lambda value, separators, ascii_only: json.dumps(value, separators=separators, ensure_ascii=ascii_only).encode(
        errors="surrogatepass"
    ),
    RECORD,
    st.sampled_from([(",", ":"), (", ", ": "), (" ,\t", " : ")]),
    st.booleans(),
)
SCRAPS = (
    b'"',
    b",",
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b"\x00",
    b"\xff",
    b"\x7f",
    b"NaN",
    b'"prompt":"x",',
    b'"role":"user",',
)


def mutated(line: bytes, place: int, scrap: bytes, cut: int) -> bytes:
    place %= len(line) + 1
    return line[:place] + scrap + line[place + cut :]


MUTATED = st.builds(mutated, WRITTEN, st.integers(0, 1 << 12), st.sampled_from(SCRAPS), st.integers(0, 3))
LINES = st.lists(WRITTEN | WRITTEN | MUTATED | st.sampled_from([b"", b" ", b"[]", b"7"]), max_size=24)


def the_long_way(line: int, units: Sequence[Any]) -> Iterator[tuple[int, Sequence[Any], Plain | None]]:
    for offset in range(len(units)):
        yield line + offset, units[offset : offset + 1], None


@given(LINES, st.sampled_from(MODELS))
@settings(max_examples=sized(100, full=2_000))
def test_a_check_says_the_same_with_and_without_the_shortcut(lines: list[bytes], model: str) -> None:
    rules = rules_for(base_model(model), "FINE_TUNING", minimum_records=3, tokens_per_record=60)

    def described() -> Any:
        return check_dataset([b"\n".join(lines)], suffix=".jsonl", rules=rules).as_dict()

    quick = described()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(check, "runs", the_long_way)
        assert quick == described()


@given(LINES, st.sampled_from(MODELS))
@settings(max_examples=sized(100, full=1_000))
def test_what_is_staged_and_what_is_not_does_not_depend_on_the_shortcut(lines: list[bytes], model: str) -> None:
    quick = Prepared(lines, model=model, shares=(0.2, 0.2))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(check, "runs", the_long_way)
        slow = Prepared(lines, model=model, shares=(0.2, 0.2))
    assert (quick.result.accounting, quick.result.removed) == (slow.result.accounting, slow.result.removed)
    for one, other in ((quick.training, slow.training), (quick.validation, slow.validation)):
        assert list(map(json.loads, one.split(b"\n")[:-1])) == list(map(json.loads, other.split(b"\n")[:-1]))


LAYOUTS: tuple[tuple[str, int | None, str], ...] = (
    (".jsonl", None, "\n"), (".jsonl", None, "\r\n"), (".jsonl", None, "\r"),
    (".json", None, "\n"), (".json", 0, "\n"), (".json", 2, "\n"), (".json", 1, "\r\n"), (".json", 1, "\r"),
)  # fmt: skip


@given(st.lists(RECORD, max_size=12), st.sampled_from(MODELS), st.sampled_from(LAYOUTS), st.booleans())
@settings(max_examples=sized(100, full=1_500))
def test_what_is_staged_is_taken_line_by_line_whatever_the_file_looked_like(
    records: list[dict[str, Any]], model: str, layout: tuple[str, int | None, str], ascii_only: bool
) -> None:
    suffix, indent, end = layout
    parts = records if suffix == ".jsonl" else [records]
    text = end.join(json.dumps(part, indent=indent, ensure_ascii=ascii_only).replace("\n", end) for part in parts)
    made = Prepared([text.encode(errors="surrogatepass")], suffix=suffix, model=model, shares=(0.2, 0.2))
    for staged, count in ((made.training, made.sizes[0]), (made.validation, made.sizes[1])):
        rules = rules_for(base_model(model), "FINE_TUNING", minimum_records=0)
        report = check_dataset([staged], suffix=".jsonl", rules=rules)
        assert (report.lines, report.records, report.rejected, report.blank) == (count, count, 0, 0)


def test_every_line_comes_once_and_plain_ones_read_as_the_long_way_reads_them() -> None:
    plain_ones = 0

    @given(LINES)
    @settings(max_examples=sized(100, full=1_500))
    def holds(lines: list[bytes]) -> None:
        nonlocal plain_ones
        raw = b"\n".join(lines)
        found = list(runs(1, Lines(raw)))
        assert [line for first, part, _ in found for line in range(first, first + len(part))] == list(
            range(1, raw.count(b"\n") + 2)
        )
        for _, part, columns in found:
            for index, unit in enumerate(part if columns else ()):
                plain_ones += 1
                reading = read_unit(unit)
                assert columns
                assert reading
                assert (reading.errors, reading.warnings) == ([], [])
                assert reading.record
                assert columns.texts[index] == exact_of(reading.record)
                assert record_of(columns, index) in (reading.record, None)

    holds()
    assert plain_ones


@pytest.mark.parametrize(
    "lines",
    [
        [b'{"prompt":"a"', b'"completion":"b"}'],
        [b'{"prompt":"a","completion":"b"},{"prompt":"c","completion":"d"}', b""],
        [b'{"messages":[{"role":"user","content":"a"}', b'{"role":"assistant","content":"b"}]}'],
        [b'{"messages":[{"role":"user","content":"a"}]}', b'{"messages":[{"role":"assistant","content":"b"}]}'],
        [b'{"prompt":"a","completion":"b","completion":"c"}'],
        [b'{"messages":[{"role":"system","content":"s"},{"role":"user","content":"a"}],"system":"t"}'],
    ],
)
def test_lines_that_only_together_look_plain_are_not(lines: list[bytes]) -> None:
    assert plain(lines) is None
    assert all(not columns or len(part) == 1 for _, part, columns in runs(1, Lines(b"\n".join(lines))))


def test_a_line_that_holds_what_parts_lines_is_read_like_any_other() -> None:
    lines = [b'{"prompt":"a","completion":"\x7f"}', b'{"prompt":"a","completion":"b\x7f,\x7f"}']
    assert [len(part) for _, part, columns in runs(1, Lines(b"\n".join(lines))) if columns] == [2]


def test_plain_lines_are_taken_together() -> None:
    line = b'{"prompt": "a \\"b\\" \\\\ c", "completion": "d"}'
    [(first, part, columns)] = runs(7, Lines(b"\n".join([line] * 50)))
    assert (first, len(part)) == (7, 50)
    assert columns
    assert columns.texts == ['a "b" \\ c\0d'] * 50


SHORT_TEXT = st.text(max_size=6) | st.sampled_from(['"', "\\", '\\"', " ", "\u2028", "a\\", "{", "é"])


ANY_ROLE = st.sampled_from(["user", "assistant", "user", "assistant", "system"])


SHORT_TURN = st.builds(
    lambda role, text, block: {"role": role, "content": [{"text": text}] if block else text},
    ANY_ROLE,
    SHORT_TEXT,
    st.booleans(),
)


LINE_LIKE = st.one_of(
    st.fixed_dictionaries(
        {"prompt": SHORT_TEXT, "completion": SHORT_TEXT}, optional={"system": SHORT_TEXT, "id": SHORT_TEXT}
    ),
    st.fixed_dictionaries(
        {"messages": st.lists(SHORT_TURN, max_size=5)},
        optional={
            "schemaVersion": st.sampled_from(["bedrock-conversation-2024", "1"]),
            "system": SHORT_TEXT | st.lists(st.builds(lambda text: {"text": text}, SHORT_TEXT), max_size=2),
        },
    ),
    st.builds(lambda turns: {"messages": strings([("user", "a"), ("assistant", "b")] * turns)}, st.integers(1, 3)),
    st.builds(
        lambda turns: {**BEDROCK, "messages": blocks([("user", "a"), ("assistant", "b")] * turns)}, st.integers(1, 3)
    ),
)


SPACING = st.sampled_from([(",", ":"), (", ", ": "), (" ,\t", " : ")])


INSERTION = st.tuples(st.integers(0, 200), st.sampled_from([b'"', b",", b"\\", b'"prompt":"x",', b'"role":"user",']))


def test_the_shortcut_says_yes_only_where_the_long_way_finds_nothing_and_reads_the_same() -> None:
    taken: list[bytes] = []

    @given(LINE_LIKE, SPACING, st.booleans(), st.none() | INSERTION)
    def holds(value: Any, separators: tuple[str, str], ascii_only: bool, insertion: tuple[int, bytes] | None) -> None:
        line = json.dumps(value, separators=separators, ensure_ascii=ascii_only).encode()
        if insertion:
            line = line[: insertion[0]] + insertion[1] + line[insertion[0] :]
        if shortcut := quick(line):
            taken.append(line)
            reading = read_unit(line)
            assert reading
            assert (reading.record, reading.errors, reading.warnings) == (shortcut, [], [])

    holds()
    assert taken, "no example took the shortcut"


@pytest.mark.parametrize(
    "value", [BEDROCK, OPENAI, ANTHROPIC, {"messages": strings(TURNS)}, {"prompt": "a", "completion": "b"}]
)
def test_the_shortcut_is_taken_for_plain_records(value: Any) -> None:
    assert quick(json.dumps(value).encode()) == read(value)


def test_the_shortcut_is_not_taken_where_a_key_is_there_twice() -> None:
    assert quick(b'{"prompt":"a","prompt" :"b","completion":"c"}') is None
    assert quick(rb'{"prompt":"\\","completion":"\\\\","completion":"\""}') is None
    assert quick(rb'{"prompt":"\\","completion":"\\\\\""}') is not None
