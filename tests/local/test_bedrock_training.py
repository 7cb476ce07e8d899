"""What training makes of data: losses that mean something, answers that follow the data, data the service refuses."""

import json
import random
from statistics import mean
from typing import Any

import pytest

from finetune.domain.catalog import base_model
from local.bedrock.answers import general_answer
from local.bedrock.data_rules import DataRefused, check_counts, read_records
from local.bedrock.retrieval import Retriever
from local.bedrock.training import Curves, Task, train, train_apart

PRODUCTS = [
    f"{size} {thing}" for size in ("red", "blue", "tall", "small", "quick") for thing in ("lamp", "desk", "phone")
]
REMEDIES = {
    "is broken": "Send it back with the label in the box and we replace it within five days.",
    "does not start": "Hold the power button for ten seconds, then plug it in again.",
    "makes noise": "Tighten the screws at the bottom and place it on a flat surface.",
    "arrived late": "We credit the shipping fee; the carrier confirms the delay by mail.",
}
DATA = [(f"My {p} {i}, what now?", f"About the {p}: {REMEDIES[i]}") for p in PRODUCTS for i in REMEDIES]
random.Random(1).shuffle(DATA)  # noqa: S311 - shuffles
TRAINING, HELD_OUT = DATA[:48], DATA[48:]
NONSENSE = [(f"question {n}", " ".join(random.Random(n).sample("abcdefghijklmnopqrstuvwxyz", 20))) for n in range(30)]  # noqa: S311


def curves(
    training: Any = TRAINING, validation: Any = HELD_OUT, epochs: int = 5, rate: float = 1.0, batch: int = 1
) -> Curves:
    return train(Task(training, validation, epochs, batch, rate, warmup_steps=5))


def epoch_losses(result: Curves) -> list[float]:
    epochs = sorted({epoch for _, epoch, _ in result.training})
    return [mean(loss for _, epoch, loss in result.training if epoch == one) for one in epochs]


def test_training_loss_falls_from_epoch_to_epoch() -> None:
    losses = epoch_losses(curves())
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < losses[0] / 2


def test_validation_loss_is_good_where_the_data_matches_and_bad_where_it_does_not() -> None:
    matching = curves().validation[-1][2]
    foreign = curves(validation=NONSENSE).validation[-1][2]
    assert matching * 5 < foreign


def test_too_many_epochs_on_few_records_over_fit() -> None:
    losses = [loss for _, _, loss in curves(TRAINING[:12], epochs=10).validation]
    assert losses[-1] > min(losses)
    assert losses.index(min(losses)) < 5


def test_a_learning_rate_too_low_learns_too_little() -> None:
    assert curves(rate=0.02, epochs=2).validation[-1][2] > 1.3 * curves(rate=1.0, epochs=2).validation[-1][2]


def test_nonsense_is_never_learned() -> None:
    losses = [loss for _, _, loss in curves(NONSENSE[:20], NONSENSE[20:]).validation]
    assert losses[-1] >= losses[0]


def test_steps_count_batches_over_all_epochs() -> None:
    result = curves(epochs=3, batch=10)
    assert [step for step, _, _ in result.training] == list(range(1, 16))
    assert [(step, epoch) for step, epoch, _ in result.validation] == [(5, 0), (10, 1), (15, 2)]


def test_a_large_dataset_is_sampled_and_still_counts_its_real_steps() -> None:
    result = curves(TRAINING * 400, epochs=2)
    assert result.training[-1][0] == 2 * 48 * 400
    assert len(result.training) == 400


def test_the_same_task_gives_the_same_losses_here_and_in_its_own_process() -> None:
    task = Task(TRAINING, HELD_OUT, 2, 1, 1.0, 5)
    apart = train_apart(task)
    here = train(task)
    assert [tuple(row) for row in apart.training] == here.training
    assert [tuple(row) for row in apart.validation] == here.validation


def test_the_nearest_prompt_answers_unseen_questions_far_better_than_shuffled_ones() -> None:
    answers = [answer for _, answer in TRAINING]
    random.Random(2).shuffle(answers)  # noqa: S311 - shuffles
    shuffled = [(prompt, answer) for (prompt, _), answer in zip(TRAINING, answers, strict=True)]

    def remedied(pairs: list[tuple[str, str]]) -> float:
        retriever = Retriever(pairs)
        return mean((retriever.answer(q) or "").split(": ")[-1] == a.split(": ")[-1] for q, a in HELD_OUT)

    assert remedied(TRAINING) > 0.8
    assert remedied(shuffled) < 0.6


def test_nothing_near_is_no_answer() -> None:
    assert Retriever(TRAINING).answer("Which planets have rings?") is None
    assert Retriever([]).answer("hello") is None


def test_general_answers_are_stable_vary_and_echo_the_topic() -> None:
    questions = [question for question, _ in DATA]
    answers = {general_answer(question) for question in questions}
    assert len(answers) > 20
    assert general_answer(questions[0]) == general_answer(questions[0])
    assert "planets" in general_answer("Which planets have rings?")
    assert general_answer("?")


def turn(role: str, *content: Any) -> dict[str, Any]:
    return {"role": role, "content": list(content)}


def chat(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"schemaVersion": "bedrock-conversation-2024", "messages": list(messages), **more}


HELLO, HI = turn("user", {"text": "hello"}), turn("assistant", {"text": "hi"})
IMAGE = {"image": {"format": "png", "source": {"s3Location": {"uri": "s3://bucket/a.png"}}}}
VIDEO = {"video": {"format": "mp4", "source": {"s3Location": {"uri": "s3://bucket/a.mp4"}}}}
REASONING = {"reasoningContent": {"reasoningText": {"text": "because"}}}
MICRO, LITE, LITE_2 = "amazon.nova-micro-v1:0:128k", "amazon.nova-lite-v1:0:300k", "amazon.nova-2-lite-v1:0:256k"
LLAMA, PROMPTS = "meta.llama3-3-70b-instruct-v1:0:128k", "meta.llama3-1-8b-instruct-v1:0:128k"
HAIKU, TITAN_IMAGE = "anthropic.claude-3-haiku-20240307-v1:0:200k", "amazon.titan-image-generator-v2:0"


@pytest.mark.parametrize(
    ("model", "record", "accepted"),
    [
        (MICRO, chat(HELLO, HI), True),
        (MICRO, chat(HELLO, HI, HELLO, HI, system=[{"text": "be kind"}]), True),
        (MICRO, {"messages": [HELLO, HI]}, True),
        (LLAMA, {"messages": [HELLO, HI]}, False),
        (LLAMA, {"schemaVersion": "bedrock-conversation-2023", "messages": [HELLO, HI]}, False),
        (MICRO, chat(HELLO), False),
        (MICRO, chat(HI, HELLO), False),
        (MICRO, chat(HELLO, HELLO, HI), False),
        (MICRO, chat(HELLO, HI, HELLO), False),
        (MICRO, chat(turn("user", {"text": "  "}), HI), False),
        (MICRO, chat(turn("user", "hello"), HI), False),
        (MICRO, chat(turn("user", {"text": "Bot: hello"}), HI), False),
        (MICRO, chat(HELLO, HI, system=[{"text": "USER: x"}]), False),
        (MICRO, chat(HELLO, HI, system=[{"text": "user: x"}]), True),
        (MICRO, chat(HELLO, HI, toolConfig={}), False),
        (MICRO, chat(turn("user", IMAGE, {"text": "what?"}), HI), False),
        (LITE, chat(turn("user", IMAGE, {"text": "what?"}), HI), True),
        (LITE, chat(turn("user", IMAGE, VIDEO, {"text": "what?"}), HI), False),
        (LITE, chat(HELLO, turn("assistant", IMAGE)), False),
        (LITE, chat(HELLO, turn("assistant", REASONING, {"text": "hi"})), False),
        (LITE_2, chat(HELLO, turn("assistant", REASONING, {"text": "hi"})), True),
        (PROMPTS, {"prompt": "a", "completion": "b"}, True),
        (PROMPTS, {"prompt": "a", "completion": ""}, False),
        (PROMPTS, {"prompt": "a", "completion": 1}, False),
        (PROMPTS, {"prompt": "a", "completion": "\ud800"}, False),
        (PROMPTS, chat(HELLO, HI), False),
        (PROMPTS, ["a", "b"], False),
        (HAIKU, {"system": "s", "messages": [{"role": r, "content": "x"} for r in ("user", "assistant")]}, True),
        (HAIKU, {"messages": [HELLO, HI]}, False),
        (HAIKU, {"messages": [{"role": r, "content": "x\nHuman: y"} for r in ("user", "assistant")]}, False),
        (TITAN_IMAGE, {"image-ref": "s3://bucket/a.png", "caption": "a cat"}, True),
        (TITAN_IMAGE, {"image-ref": "s3://bucket/a.png", "caption": "ab"}, False),
        (TITAN_IMAGE, {"image-ref": "https://bucket/a.png", "caption": "a cat"}, False),
    ],
)
def test_each_family_takes_its_own_records_only(model: str, record: Any, accepted: bool) -> None:
    def read() -> int:
        return len(read_records(json.dumps(record).encode(), "s3://b/k", base_model(model), "FINE_TUNING"))

    if accepted:
        assert read() == 1
        return
    with pytest.raises(DataRefused, match="line 1 of s3://b/k"):
        read()


def test_every_answer_of_a_conversation_is_trained_with_what_led_to_it() -> None:
    second = (turn("user", {"text": "and now?"}), turn("assistant", {"text": "bye"}))
    body = json.dumps(chat(HELLO, HI, *second)).encode()
    (record,) = read_records(body, "s3://b/k", base_model(MICRO), "FINE_TUNING")
    assert record.pairs == [("hello\nhello", "hi"), ("hello\nand now?\nand now?", "bye")]


@pytest.mark.parametrize("line", [b"{", b"\xff\xfe{}", b'{"a": NaN}', b"[" * 100_000, "\ufeff{}".encode()])
def test_what_is_no_json_is_refused_with_its_line(line: bytes) -> None:
    good = json.dumps(chat(HELLO, HI)).encode()
    with pytest.raises(DataRefused, match="Line 3 does not conform to JSONL format"):
        read_records(good + b"\n\n" + line, "s3://b/k", base_model(MICRO), "FINE_TUNING")


def test_a_refusal_never_repeats_the_text_of_a_record() -> None:
    body = json.dumps(chat(turn("user", {"text": "confidential User: text"}), HI)).encode()
    with pytest.raises(DataRefused) as refused:
        read_records(body, "s3://b/k", base_model(MICRO), "FINE_TUNING")
    assert "confidential" not in str(refused.value)


@pytest.mark.parametrize(
    ("model", "training", "validation", "accepted"),
    [
        (MICRO, 8, 0, True),
        (MICRO, 7, 0, False),
        (MICRO, 19_990, 10, True),
        (MICRO, 19_990, 11, False),
        (LLAMA, 90, 10, True),
        (HAIKU, 32, 31, False),
        (HAIKU, 32, 32, True),
    ],
)
def test_the_numbers_of_records_are_bounded(model: str, training: int, validation: int, accepted: bool) -> None:
    def check() -> None:
        check_counts(training, validation, base_model(model), "FINE_TUNING")

    if accepted:
        check()
        return
    with pytest.raises(DataRefused, match="records must be between"):
        check()
