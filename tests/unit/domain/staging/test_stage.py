"""Splitting is exact, leak-free, independent of input order, and loses nothing."""

import hashlib
import io
import json

import pytest

from finetune.domain.catalog import base_model
from finetune.domain.evaluation.items import EvaluationItem, check_evaluation_set
from finetune.domain.json_lines import from_jsonl, to_jsonl
from finetune.domain.similarity.near_duplicates import MOST_GROUPED
from finetune.domain.staging.shares import Shares
from finetune.domain.staging.stage import Accounting, Inputs, Sinks, prepare_dataset
from finetune.domain.validation import survey as survey_module
from finetune.domain.validation.check import check_dataset
from finetune.domain.validation.rules import rules_for
from tests.staging import (
    CANVAS,
    LLAMA_31,
    NOVA,
    NOVA_2_LITE,
    NOVA_PRO,
    TITAN,
    Prepared,
    item,
    pictured,
    prompts,
    record,
    records,
)


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


def test_too_few_records_to_train_on_are_a_problem() -> None:
    made = Prepared(
        [*records(8), record("held", "out")], items=[item("question number 1"), item("held", 2)], minimum=None
    )
    assert [problem.code for problem in made.result.problems] == ["too-few-records"]


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


def test_one_question_about_two_pictures_is_two_records() -> None:
    rows = [pictured("What is on this picture?", str(number)) for number in range(10)]
    assert Prepared(rows, model=NOVA_PRO).result.accounting.duplicates == 0
    report = check_dataset([b"\n".join(rows)], suffix=".jsonl", rules=rules_for(base_model(NOVA_PRO), "FINE_TUNING"))
    assert "normalised-duplicate" not in report.counts.warnings


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


def test_what_was_prepared_is_json() -> None:
    described = json.loads(
        json.dumps(Prepared([*records(20), b"{}"], items=[item("question number 1")]).result.as_dict())
    )
    assert described["training_tokens"] > 0
    assert described["removed"] == {"overlaps-evaluation": [2], "rejected": [21]}


def test_items_survive_being_written() -> None:
    items = (item("a"), item("b", 2))
    assert from_jsonl(to_jsonl(items), EvaluationItem) == items


def test_plain_lines_of_the_wanted_format_are_staged_as_they_are() -> None:
    lines = [b' {"prompt" :"question %d", "completion":"caf\\u00e9 %d"} ' % (n, n) for n in range(20)]
    made = Prepared(lines, model=LLAMA_31, shares=(0, 0))
    assert sorted(made.training.splitlines()) == sorted(text.strip() for text in lines)


def test_it_is_said_when_there_are_too_many_prompts_to_keep_near_copies_together() -> None:
    assert not Prepared(records(MOST_GROUPED)).result.notes
    [note] = Prepared(records(MOST_GROUPED + 1)).result.notes
    assert note == "Near copies were not kept together: there are more than 20,000 different prompts."
