"""Splitting is exact, leak-free, independent of input order, and loses nothing."""

import hashlib
import io
import json
import random
from collections.abc import Sequence
from math import floor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetune.domain.catalog import base_model
from finetune.domain.evaluation.items import EvaluationItem, Turn, check_evaluation_set
from finetune.domain.json_lines import from_jsonl, to_jsonl
from finetune.domain.similarity.identity import normalised
from finetune.domain.similarity.near_duplicates import MOST_GROUPED
from finetune.domain.staging.shares import Shares
from finetune.domain.staging.stage import Accounting, Inputs, PreparedDataset, Sinks, prepare_dataset
from finetune.domain.validation import survey as survey_module
from finetune.domain.validation.check import check_dataset
from finetune.domain.validation.rules import rules_for

NOVA = "amazon.nova-micro-v1:0:128k"
NOVA_PRO = "amazon.nova-pro-v1:0:300k"
NOVA_2_LITE = "amazon.nova-2-lite-v1:0:256k"
LLAMA_31 = "meta.llama3-1-8b-instruct-v1:0:128k"
CLAUDE = "anthropic.claude-3-haiku-20240307-v1:0:200k"
CANVAS = "amazon.nova-canvas-v1:0"
TITAN = "amazon.titan-text-express-v1:0:8k"
COHERE = "cohere.command-text-v14:7:4k"


class Prepared:
    """A preparation with what was written."""

    def __init__(
        self,
        lines: Sequence[bytes],
        *,
        model: str = NOVA,
        shares: tuple[float, float] | tuple[float, float, int] = (0.1, 0.1),
        seed: int = 7,
        suffix: str = ".jsonl",
        items: Sequence[EvaluationItem] | None = None,
        validation: Sequence[bytes] | None = None,
        minimum: int | None = 0,
        method: Any = "FINE_TUNING",
        **options: Any,
    ) -> None:
        sinks = Sinks(io.BytesIO(), io.BytesIO(), io.BytesIO())
        self.result: PreparedDataset = prepare_dataset(
            Inputs(
                lambda: [b"\n".join(lines)],
                suffix,
                evaluation_items=items or (),
                validation=None if validation is None else lambda: [b"\n".join(validation)],
            ),
            rules_for(base_model(model), method, minimum_records=minimum),
            Shares(*shares),
            seed,
            sinks,
            **options,
        )
        self.training, self.validation, self.evaluation = (
            sink.getvalue()  # type: ignore[attr-defined]  # the sinks are BytesIO here
            for sink in (sinks.training, sinks.validation, sinks.evaluation)
        )

    @property
    def sizes(self) -> tuple[int, int, int]:
        files = (self.result.training, self.result.validation, self.result.evaluation)
        return tuple(file.records if file else 0 for file in files)  # type: ignore[return-value]  # three files


def record(prompt: str, completion: str = "yes", **extra: str) -> bytes:
    return json.dumps({**extra, "prompt": prompt, "completion": completion}).encode()


def records(count: int, start: int = 0) -> list[bytes]:
    return [record(f"question number {n}", f"answer {n}") for n in range(start, start + count)]


def prompts(staged: bytes) -> set[bytes]:
    found = set()
    for text in staged.splitlines():
        value = json.loads(text)
        turn = value["messages"][0]
        found.add(normalised(turn["text"] if "text" in turn else turn["content"][0]["text"]))
    return found


def item(prompt: str, number: int = 1) -> EvaluationItem:
    return EvaluationItem(id=f"e{number}", line=number, messages=(Turn(role="user", text=prompt),), reference="yes")


@pytest.mark.parametrize(
    ("count", "expected"), [(10, (8, 1, 1)), (32, (26, 3, 3)), (100, (80, 10, 10)), (1001, (801, 100, 100))]
)
def test_shares_are_exact_to_the_record(count: int, expected: tuple[int, int, int]) -> None:
    assert Prepared(records(count)).sizes == expected


@given(st.integers(0, 60), st.floats(0, 0.4), st.floats(0, 0.4), st.integers(-5, 2**70))
@settings(max_examples=40, deadline=None)
def test_any_shares_are_exact(count: int, validation: float, evaluation: float, seed: int) -> None:
    made = Prepared(records(count), shares=(validation, evaluation), seed=seed)
    held = int(evaluation * count + 0.5)
    assert made.sizes[2] == held
    assert made.sizes[1] == min(int(validation * count + 0.5), count - held)
    assert sum(made.sizes) == count


GROUPED = st.lists(
    st.tuples(st.integers(0, 12), st.integers(0, 5), st.sampled_from(["{}", " {}", "{}?", "{}!"])), max_size=40
)


@given(GROUPED, st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_the_split_does_not_depend_on_the_order_and_never_divides_a_prompt(
    rows: list[tuple[int, int, str]], rng: random.Random
) -> None:
    lines = [record(shape.format(f"Question {prompt}"), f"answer {answer}") for prompt, answer, shape in rows]
    shuffled = rng.sample(lines, len(lines))
    made, again = Prepared(lines, shares=(0.2, 0.2)), Prepared(shuffled, shares=(0.2, 0.2))
    assert (made.training, made.validation) == (again.training, again.validation)
    assert [i.id for i in from_jsonl(made.evaluation, EvaluationItem)] == [
        i.id for i in from_jsonl(again.evaluation, EvaluationItem)
    ]
    groups = [prompts(made.training), prompts(made.validation), prompts(made.evaluation)]
    assert sum(map(len, groups)) == len(set().union(*groups)) == len({prompt for prompt, _, _ in rows})
    assert made.result.accounting.total == len(lines)
    assert made.result.accounting.staged == len({(prompt, answer) for prompt, answer, _ in rows})


def test_appending_rows_moves_next_to_nothing() -> None:
    before = Prepared(records(1000))
    after = Prepared(records(1010))
    assert len(prompts(before.evaluation) - prompts(after.evaluation)) <= 3
    assert len((prompts(before.evaluation) | prompts(before.validation)) & prompts(after.training)) <= 3


def test_another_seed_gives_another_split() -> None:
    assert prompts(Prepared(records(100)).evaluation) != prompts(Prepared(records(100), seed=8).evaluation)


def test_staged_files_are_described_by_what_was_written() -> None:
    made = Prepared(records(50))
    for file, data in ((made.result.training, made.training), (made.result.evaluation, made.evaluation)):
        assert file
        assert (file.bytes, file.sha256) == (len(data), hashlib.sha256(data).hexdigest())
        assert data.endswith(b"\n")
        assert file.records == data.count(b"\n")
    assert made.result.training_tokens == made.result.training.estimated_tokens > 0  # type: ignore[union-attr]  # asserted above


def test_small_windows_write_the_same_records_and_say_that_they_are_shuffled_less() -> None:
    lines = [record(f"question number {n} {'and more ' * 100}", f"answer {n}") for n in range(400)]
    made, windowed = Prepared(lines), Prepared(lines, window_bytes=1000)
    for one, other in zip((made.training, made.validation), (windowed.training, windowed.validation), strict=True):
        assert one != other
        assert sorted(one.splitlines()) == sorted(other.splitlines())
    assert not made.result.notes
    assert "shuffled" in windowed.result.notes[0]


def test_the_order_is_shuffled() -> None:
    numbers = [
        int(json.loads(text)["messages"][0]["content"][0]["text"].split()[-1])
        for text in Prepared(records(50)).training.splitlines()
    ]
    assert numbers != sorted(numbers)


def test_training_keeps_the_minimum_of_the_base_model() -> None:
    made = Prepared(records(105), model=LLAMA_31, minimum=None)
    assert sum(made.sizes) == 105
    assert made.sizes[0] == 100
    assert "so that training keeps the 100 records" in made.result.notes[0]
    assert Prepared(records(100), model=LLAMA_31, minimum=None).sizes == (100, 0, 0)


def test_too_few_records_to_train_on_are_a_problem() -> None:
    made = Prepared(
        [*records(8), record("held", "out")], items=[item("question number 1"), item("held", 2)], minimum=None
    )
    assert [problem.code for problem in made.result.problems] == ["too-few-records"]


def test_a_validation_set_has_the_least_size_the_model_asks_for_or_none() -> None:
    assert Prepared(records(100), model=COHERE, minimum=None).sizes == (58, 32, 10)
    made = Prepared(records(60), model=COHERE, minimum=None)
    assert made.sizes[1] == 0
    assert any("No validation set" in note for note in made.result.notes)


def test_no_validation_set_is_held_out_where_the_service_splits_itself() -> None:
    assert Prepared(records(100), model=NOVA_2_LITE).sizes == (90, 0, 10)


def test_duplicates_are_removed_exactly_and_but_for_case_space_and_punctuation() -> None:
    made = Prepared([record("One two"), record("One two"), record("one  TWO?"), record("one two", "no")], shares=(0, 0))
    assert made.sizes == (2, 0, 0)
    assert made.result.accounting == Accounting(total=4, staged=2, duplicates=2, leaked=0, rejected=0, blank=0)
    assert len(made.result.removed["duplicate"]) == 2


def test_numbers_and_operators_tell_records_apart() -> None:
    lines = [record(text) for text in ("3.5", "35", "a+b", "a-b", "1,5", "15", "-1", "1")]
    assert Prepared(lines, shares=(0, 0)).sizes == (8, 0, 0)


def test_bad_lines_are_left_out_and_named() -> None:
    made = Prepared([*records(3), b"", b"{}", b"[", record("User: x")], shares=(0, 0))
    assert made.result.accounting == Accounting(total=7, staged=3, duplicates=0, leaked=0, rejected=3, blank=1)
    assert made.result.removed == {"rejected": (5, 6, 7)}


def test_an_account_that_does_not_add_up_cannot_exist() -> None:
    with pytest.raises(ValueError, match="do not add up"):
        Accounting(total=3, staged=1, duplicates=0, leaked=0, rejected=0, blank=1)


LONG = "the customer writes that the parcel arrived on monday with a broken lid and asks for another one before friday"


def test_training_rows_that_are_asked_in_the_evaluation_set_are_removed() -> None:
    lines = [
        record("Where is it?"),
        record("where is IT"),
        record(LONG),
        record(LONG.replace("monday", "tuesday")),
        record("fine"),
    ]
    made = Prepared(lines, items=[item("Where is it?"), item(LONG, 2)])
    assert made.sizes == (1, 0, 2)
    assert made.result.removed == {"overlaps-evaluation": (1, 2, 3, 4)}
    assert from_jsonl(made.evaluation, EvaluationItem) == (item("Where is it?"), item(LONG, 2))


def test_rows_that_share_only_a_template_with_the_evaluation_set_stay() -> None:
    template = (
        "Classify the sentiment of the following review as positive, negative or neutral and answer with one word: {}"
    )
    lines = [record(template.format(f"{a} {b}")) for a in ("good", "bad", "dull") for b in ("plot", "cast", "score")]
    items = [item(template.format(f"{a} food"), n) for n, a in enumerate(("good", "bad", "dull", "warm"))]
    assert Prepared(lines, items=items, shares=(0, 0)).sizes == (9, 0, 4)


def test_a_validation_file_of_ones_own_is_converted_and_kept_apart() -> None:
    own = [*records(5), record("asked", "too"), record("Question number 4?", "Answer 4."), b"{}"]
    made = Prepared(records(20), validation=own, items=[item("asked")])
    assert made.sizes == (15, 5, 1)
    assert made.result.removed == {"overlaps-validation": (1, 2, 3, 4, 5)}
    assert made.result.validation_accounting == Accounting(
        total=8, staged=5, duplicates=1, leaked=1, rejected=1, blank=0
    )
    assert not prompts(made.training) & prompts(made.validation)


def test_a_validation_file_is_not_used_where_the_service_splits_itself() -> None:
    made = Prepared(records(20), model=NOVA_2_LITE, validation=records(5), shares=(0, 0))
    assert made.sizes == (20, 0, 0)
    assert "takes no validation set" in made.result.notes[0]


def test_held_out_records_become_questions_with_their_answers() -> None:
    lines = [
        json.dumps(
            {
                "messages": [
                    {"role": "system", "content": "be brief"},
                    {"role": "user", "content": f"a {n}"},
                    {"role": "assistant", "content": "b"},
                    {"role": "user", "content": "c"},
                    {"role": "assistant", "content": "d"},
                ]
            }
        ).encode()
        for n in range(4)
    ]
    [asked] = from_jsonl(Prepared(lines, shares=(0, 0.25)).evaluation, EvaluationItem)
    assert asked.system == "be brief"
    assert [(turn.role, turn.text) for turn in asked.messages][1:] == [("assistant", "b"), ("user", "c")]
    assert asked.reference == "d"
    assert asked.id.startswith("i")
    assert len(asked.id) == 13
    assert lines[asked.line - 1].decode().count(asked.messages[0].text) == 1


def test_prompts_are_asked_as_they_were_trained() -> None:
    lines = [record(f"a {n}", system="be brief") for n in range(4)]
    made = Prepared(lines, model=LLAMA_31, shares=(0, 0.25))
    [asked] = from_jsonl(made.evaluation, EvaluationItem)
    assert asked.system is None
    assert asked.messages[0].text.startswith("be brief\n\na ")
    assert json.loads(made.training.splitlines()[0])["prompt"].startswith("be brief\n\na ")


def test_held_out_questions_are_an_evaluation_set() -> None:
    staged = Prepared(records(50)).evaluation
    stripped = b"\n".join(
        json.dumps(
            {k: v for k, v in json.loads(text).items() if k == "reference"}
            | {"prompt": json.loads(text)["messages"][0]["text"]}
        ).encode()
        for text in staged.splitlines()
    )
    items, report = check_evaluation_set([stripped])
    assert report.accepted
    assert [i.reference for i in items] == [i.reference for i in from_jsonl(staged, EvaluationItem)]


def test_captions_and_texts_hold_out_nothing_for_evaluation() -> None:
    captions = [json.dumps({"image-ref": f"s3://bucket/{n}.png", "caption": f"a cat {n}"}).encode() for n in range(20)]
    texts = [json.dumps({"input": f"once {n}"}).encode() for n in range(20)]
    shown = Prepared(captions, model=CANVAS)
    assert (shown.sizes, shown.result.media) == ((20, 0, 0), True)
    made = Prepared(texts, model=TITAN, method="CONTINUED_PRE_TRAINING")
    assert (made.sizes, made.result.media) == ((18, 2, 0), False)
    assert json.loads(made.training.splitlines()[0]).keys() == {"input"}


def test_records_with_images_are_not_held_out_for_evaluation() -> None:
    def seen(n: int) -> bytes:
        picture = {"image": {"format": "png", "source": {"s3Location": {"uri": f"s3://bucket/{n}.png"}}}}
        turns = [
            {"role": "user", "content": [{"text": "what is it"}, picture]},
            {"role": "assistant", "content": [{"text": "a cat"}]},
        ]
        return json.dumps({"schemaVersion": "bedrock-conversation-2024", "messages": turns}).encode()

    assert Prepared([seen(n) for n in range(20)], model=NOVA_PRO).sizes == (18, 2, 0)


def test_tables_and_arrays_are_staged_as_lines() -> None:
    table = Prepared([b"prompt,completion", *(b"question %d,answer" % n for n in range(10))], suffix=".csv")
    array = Prepared([b"[", b",\n".join(record(f"question {n}", "answer") for n in range(10)), b"]"], suffix=".json")
    assert table.sizes == (8, 1, 1)
    assert (table.training, table.validation) == (array.training, array.validation)
    assert table.result.accounting.total == 10


@pytest.mark.parametrize("model", [NOVA, LLAMA_31])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_elements_of_an_array_that_was_written_to_be_read_are_staged_on_a_line_each(model: str, end: str) -> None:
    rows = [json.loads(each) for each in records(20)]
    if model == NOVA:
        turns = [[("user", row["prompt"]), ("assistant", row["completion"])] for row in rows]
        talks = [[{"role": role, "content": [{"text": text}]} for role, text in own] for own in turns]
        rows = [{"schemaVersion": "bedrock-conversation-2024", "messages": messages} for messages in talks]
    made = Prepared([json.dumps(rows, indent=2).replace("\n", end).encode()], suffix=".json", model=model)
    staged = [json.loads(line) for line in (made.training + made.validation).splitlines()]
    assert made.sizes == (16, 2, 2)
    assert len([row for row in rows if row in staged]) == len(staged) == 18


def test_answers_to_one_prompt_are_all_kept_beside_an_evaluation_set() -> None:
    jokes = [record("Tell me a joke about computers, please.", f"Here is joke {n}.") for n in range(50)]
    made = Prepared([*jokes, *records(10)], items=[item("something else entirely")])
    assert made.result.accounting.staged == 60


def test_lines_whose_order_is_decided_by_one_hash_are_all_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(survey_module, "crc32", lambda *_: 7)
    made = Prepared(records(100), shares=(0, 0))
    assert sorted(made.training.splitlines()) == made.training.splitlines()
    assert made.sizes == (100, 0, 0)


def pictured(question: str, name: str, answer: str = "a cat") -> bytes:
    picture = {"format": "png", "source": {"s3Location": {"uri": f"s3://bucket/projects/shop/media/{name}.png"}}}
    turns = [("user", [{"text": question}, {"image": picture}]), ("assistant", [{"text": answer}])]
    return json.dumps({"messages": [{"role": role, "content": content} for role, content in turns]}).encode()


def test_one_question_about_two_pictures_is_two_records() -> None:
    rows = [pictured("What is on this picture?", str(number)) for number in range(10)]
    assert Prepared(rows, model=NOVA_PRO).result.accounting.duplicates == 0
    report = check_dataset([b"\n".join(rows)], suffix=".jsonl", rules=rules_for(base_model(NOVA_PRO), "FINE_TUNING"))
    assert "normalised-duplicate" not in report.counts.warnings


def test_labels_of_pictures_are_held_out_in_their_proportions() -> None:
    rows = [pictured("What is on this picture?", str(n), "a cat" if n % 5 else "a dog") for n in range(100)]
    made = Prepared(rows, model=NOVA_PRO, shares=(0.2, 0))
    assert (made.validation.count(b"a cat"), made.validation.count(b"a dog")) == (16, 4)


def test_a_text_that_nearly_equals_what_cannot_be_asked_is_not_held_out_for_evaluation() -> None:
    """Both are kept together, and records with pictures cannot be evaluation items."""
    words = "the quick brown fox jumps over the lazy dog while a slow green turtle crawls under the old wooden bridge"
    lines = []
    for number in range(40):
        own = " ".join(f"{word}{number}" for word in words.split())
        turns = [("user", own), ("assistant", f"yes {number}")]
        messages = [{"role": role, "content": [{"text": text}]} for role, text in turns]
        lines += [json.dumps({"messages": messages}).encode(), pictured(f"{own} today", str(number))]
    assert Prepared(lines[::2], model=NOVA_PRO, shares=(0, 0.2)).sizes == (32, 0, 8)
    assert Prepared(lines, model=NOVA_PRO, shares=(0, 0.2)).sizes == (80, 0, 0)


def test_a_source_that_changes_between_passes_is_noticed() -> None:
    sources = iter([[b"\n".join(records(10))], [b"\n".join(records(9))]])
    sinks = Sinks(io.BytesIO(), io.BytesIO(), io.BytesIO())
    with pytest.raises(ValueError, match="not the one that was surveyed"):
        prepare_dataset(
            Inputs(lambda: next(sources), ".jsonl"),
            rules_for(base_model(NOVA), "FINE_TUNING"),
            Shares(0, 0),
            1,
            sinks,
        )


@pytest.mark.parametrize("shares", [(-0.1, 0.1), (0.5, 0.5)])
def test_shares_leave_something_for_training(shares: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="leave something"):
        Shares(*shares)


def test_what_was_prepared_is_json() -> None:
    described = json.loads(
        json.dumps(Prepared([*records(20), b"{}"], items=[item("question number 1")]).result.as_dict())
    )
    assert described["training_tokens"] > 0
    assert described["removed"] == {"overlaps-evaluation": [2], "rejected": [21]}


def test_items_survive_being_written() -> None:
    items = (item("a"), item("b", 2))
    assert from_jsonl(to_jsonl(items), EvaluationItem) == items


LABELS = st.lists(st.integers(0, 3), min_size=40, max_size=200)


@given(LABELS, st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_each_label_keeps_its_share_to_the_record(labels: list[int], rng: random.Random) -> None:
    lines = [record(f"text number {n}", f"label {label}") for n, label in enumerate(labels)]
    made = Prepared(lines, shares=(0.2, 0.1))
    again = Prepared(rng.sample(lines, len(lines)), shares=(0.2, 0.1))
    assert made.validation == again.validation
    assert made.sizes[1:] == (floor(0.2 * len(labels) + 0.5), floor(0.1 * len(labels) + 0.5))
    held = [json.loads(text)["messages"][-1]["content"][0]["text"] for text in made.validation.splitlines()]
    asked = [item.reference for item in from_jsonl(made.evaluation, EvaluationItem)]
    for label in set(labels):
        own = labels.count(label)
        assert abs(held.count(f"label {label}") - own * made.sizes[1] / len(labels)) <= 1
        assert abs(asked.count(f"label {label}") - own * made.sizes[2] / len(labels)) <= 1


def test_prompts_that_nearly_equal_each_other_stay_on_one_side() -> None:
    words = [f"{a}{b}" for a in ("ka", "lo", "mi", "nu", "pe", "ra", "so") for b in ("te", "de", "n", "s", "re", "ge")]
    rng = random.Random(5)  # noqa: S311 - texts, not secrets
    lines = []
    for n in range(60):
        text = [rng.choice(words) + str(n) * (rng.random() < 0.5) for _ in range(60)]
        copies = (" ".join([*text[:30], f"number{changed}", *text[31:]]) for changed in range(3))
        lines += [record(copy, f"answer {n} {changed}") for changed, copy in enumerate(copies)]
    made = Prepared(lines, shares=(0.2, 0.2))
    sides: dict[str, set[str]] = {}
    for side, data in (("training", made.training), ("validation", made.validation)):
        for text in data.splitlines():
            sides.setdefault(json.loads(text)["messages"][1]["content"][0]["text"].split()[1], set()).add(side)
    for item in from_jsonl(made.evaluation, EvaluationItem):
        sides.setdefault((item.reference or "").split()[1], set()).add("evaluation")
    assert len(sides) == 60
    assert sum(len(found) > 1 for found in sides.values()) <= 3
    assert made.sizes == (108, 36, 36)


def test_plain_lines_of_the_wanted_format_are_staged_as_they_are() -> None:
    lines = [b' {"prompt" :"question %d", "completion":"caf\\u00e9 %d"} ' % (n, n) for n in range(20)]
    made = Prepared(lines, model=LLAMA_31, shares=(0, 0))
    assert sorted(made.training.splitlines()) == sorted(text.strip() for text in lines)


def test_it_is_said_when_there_are_too_many_prompts_to_keep_near_copies_together() -> None:
    assert not Prepared(records(MOST_GROUPED)).result.notes
    [note] = Prepared(records(MOST_GROUPED + 1)).result.notes
    assert note == "Near copies were not kept together: there are more than 20,000 different prompts."


def test_as_many_are_held_out_as_a_verdict_takes_where_a_fifth_of_all_is_as_many() -> None:
    made = Prepared(records(149), shares=(0.0, 0.1, 20))
    assert made.sizes == (129, 0, 20)
    assert made.result.notes == ("20 records are held out for evaluation instead of 15; a verdict needs that many.",)
    assert Prepared(records(99), shares=(0.0, 0.1, 20)).sizes == (89, 0, 10)
    assert Prepared(records(149), shares=(0.0, 0.0, 20)).sizes == (149, 0, 0)
