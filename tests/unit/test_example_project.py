"""The example project keeps what its README promises."""

import json
import re
from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

PROJECT = Path(__file__).parents[2] / "examples" / "shop-assistant"
RESERVED = ("user:", "bot:", "assistant:", "system:", "<image>", "<video>", "[eos]")
NEAR_DUPLICATE = 0.8
PERSONAL_DATA = re.compile(r"\S@\S|\+?\d[\d ()-]{8,}\d|https?://|www\.")

Record = dict[str, Any]
Tokens = frozenset[str]


def lines_of(name: str) -> list[str]:
    return (PROJECT / name).read_text(encoding="utf-8").removesuffix("\n").split("\n")


def records_of(name: str) -> list[Record]:
    return [json.loads(line) for line in lines_of(name)]


def turns(record: Record, role: str) -> list[str]:
    return [message["content"][0]["text"] for message in record["messages"] if message["role"] == role]


def question(record: Record) -> str:
    return " ".join(turns(record, "user"))


def normalised(text: str) -> str:
    """Lower case without punctuation."""
    return " ".join(re.sub(r"[^\w\s]", "", text.lower()).split())


def tokens(text: str) -> Tokens:
    return frozenset(normalised(text).split())


def jaccard(one: Tokens, other: Tokens) -> float:
    return len(one & other) / len(one | other)


def nearest(prompt: str, records: list[Record], count: int) -> list[Record]:
    wanted = tokens(prompt)
    return sorted(records, key=lambda record: jaccard(wanted, tokens(question(record))), reverse=True)[:count]


def holds(answer: str, keywords: list[str]) -> bool:
    return all(keyword.lower() in answer.lower() for keyword in keywords)


def refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def is_conversation(record: Record) -> bool:
    """Tell whether a parsed line has exactly the shape that Nova trains on."""
    match record:
        case {
            "schemaVersion": "bedrock-conversation-2024",
            "system": [{"text": str(system)}],
            "messages": [_, _, *_] as messages,
        } if len(record) == 3:
            roles = [message.get("role") for message in messages]
            texts = [system]
            for message in messages:
                match message:
                    case {"role": _, "content": [{"text": str(text)}]}:
                        texts.append(text)
                    case _:
                        return False
            return (
                roles == ["user", "assistant"] * (len(roles) // 2)
                and all(text.strip() for text in texts)
                and not any(word in text.lower() for word in RESERVED for text in texts)
            )
    return False


def faulty_lines(name: str) -> list[int]:
    """The numbers of lines that are no conversation or repeat an earlier one."""
    faulty, seen = [], set()
    for number, line in enumerate(lines_of(name), start=1):
        try:
            record = json.loads(line, parse_constant=refuse_constant)
        except ValueError:
            faulty.append(number)
            continue
        if not is_conversation(record):
            faulty.append(number)
            continue
        content = tuple(normalised(message["content"][0]["text"]) for message in record["messages"])
        if content in seen:
            faulty.append(number)
        seen.add(content)
    return faulty


@pytest.fixture(scope="module")
def dataset() -> list[Record]:
    return records_of("dataset.jsonl")


@pytest.fixture(scope="module")
def evaluation() -> list[Record]:
    return records_of("evaluation.jsonl")


@pytest.fixture(scope="module")
def readme() -> str:
    return (PROJECT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["dataset.jsonl", "worse.jsonl"])
def test_every_line_is_a_conversation_that_nova_accepts_and_none_repeats_another(name: str) -> None:
    assert faulty_lines(name) == []


def test_the_dataset_has_the_promised_size_and_some_longer_conversations(dataset: list[Record], readme: str) -> None:
    longer = [record for record in dataset if len(record["messages"]) > 2]
    assert len(dataset) >= 260
    assert f"{len(dataset)} training conversations, {len(longer)} of them with two or three turns" in readme
    assert {len(record["messages"]) for record in dataset} == {2, 4, 6}


def test_all_datasets_share_one_system_prompt(dataset: list[Record]) -> None:
    prompts = {record["system"][0]["text"] for record in dataset + records_of("worse.jsonl")}
    assert len(prompts) == 1


@pytest.mark.parametrize("name", ["dataset.jsonl", "worse.jsonl"])
def test_no_two_questions_and_no_two_answers_are_equal_when_normalised(name: str) -> None:
    records = records_of(name)
    questions = Counter(normalised(question(record)) for record in records)
    answers = Counter(normalised(answer) for record in records for answer in turns(record, "assistant"))
    assert [text for text, count in (questions + answers).items() if count > 1] == []


@pytest.mark.parametrize("name", ["dataset.jsonl", "worse.jsonl"])
def test_no_two_questions_are_near_duplicates(name: str) -> None:
    questions = [tokens(question(record)) for record in records_of(name)]
    assert max(jaccard(one, other) for one, other in combinations(questions, 2)) < NEAR_DUPLICATE


@pytest.mark.parametrize("name", ["dataset.jsonl", "evaluation.jsonl", "worse.jsonl", "broken.jsonl"])
def test_nothing_looks_like_an_address_or_a_telephone_number(name: str) -> None:
    assert [number for number, line in enumerate(lines_of(name), start=1) if PERSONAL_DATA.search(line)] == []


def test_the_evaluation_set_has_the_promised_form(evaluation: list[Record], readme: str) -> None:
    categories = {item["category"] for item in evaluation}
    assert f"{len(evaluation)} questions in {len(categories)} categories" in readme
    assert len(evaluation) == 40
    assert 6 <= len(categories) <= 9
    for item in evaluation:
        assert list(item) == ["prompt", "reference", "expected_keywords", "category"]
        assert 2 <= len(item["expected_keywords"]) <= 5
        assert holds(item["reference"], item["expected_keywords"])


@pytest.mark.parametrize("name", ["dataset.jsonl", "worse.jsonl"])
def test_no_evaluation_prompt_is_a_near_duplicate_of_a_training_prompt(name: str, evaluation: list[Record]) -> None:
    trained = [tokens(text) for record in records_of(name) for text in [question(record), *turns(record, "user")]]
    asked = [tokens(item["prompt"]) for item in evaluation]
    assert max(jaccard(one, other) for one in asked for other in trained) < NEAR_DUPLICATE
    assert max(jaccard(one, other) for one, other in combinations(asked, 2)) < NEAR_DUPLICATE


def test_an_answer_near_each_evaluation_prompt_holds_all_its_keywords(
    dataset: list[Record], evaluation: list[Record]
) -> None:
    uncovered = [
        item["prompt"]
        for item in evaluation
        if not any(
            holds(turns(record, "assistant")[-1], item["expected_keywords"])
            for record in nearest(item["prompt"], dataset, count=5)
        )
    ]
    assert uncovered == []


def test_the_worse_dataset_knows_no_answer(evaluation: list[Record]) -> None:
    worse = records_of("worse.jsonl")
    assert len(worse) == 60
    for item in evaluation:
        keywords = item["expected_keywords"]
        assert not any(holds(turns(record, "assistant")[-1], keywords) for record in worse), item["prompt"]
        for record in nearest(item["prompt"], worse, count=3):
            assert not any(holds(turns(record, "assistant")[-1], [keyword]) for keyword in keywords), item["prompt"]


def test_the_settings_are_those_of_a_small_nova_run() -> None:
    assert yaml.safe_load((PROJECT / "settings.yaml").read_text(encoding="utf-8")) == {
        "base_model": "amazon.nova-micro-v1:0:128k",
        "method": "FINE_TUNING",
        "hyperparameters": {"epochCount": 2, "learningRate": 1.0e-5, "learningRateWarmupSteps": 10},
        "split": {"validation": 0.1, "evaluation": 0.1, "seed": 7},
        "budget": {"limit_usd": 25},
        "gates": {"minimum_items": 20, "minimum_gain": 0.0, "confidence": 0.95},
        "deployment": "on_demand",
    }


def test_the_readme_names_every_faulty_line_of_the_broken_dataset_and_no_other(readme: str) -> None:
    named = [int(number) for number in re.findall(r"^\| (\d+) \|", readme, flags=re.MULTILINE)]
    assert named == faulty_lines("broken.jsonl")
    assert f"{len(lines_of('broken.jsonl'))} lines, {len(named)} of them wrong" in readme
