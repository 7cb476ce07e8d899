"""The evaluation of a deployed run: what a busy, refusing or silent model, a judge, a leak and a second run come to."""

from __future__ import annotations

import json
from itertools import product
from typing import Any

import pytest
import yaml

from finetune.domain.catalog import base_model
from finetune.domain.evaluation.human_review import read_back
from finetune.domain.evaluation.verdict import Evaluation
from tests.e2e.pipeline import EXAMPLE, Execution, Pipeline

DATASET = (EXAMPLE / "dataset.jsonl").read_bytes()
SETTINGS = yaml.safe_load((EXAMPLE / "settings.yaml").read_text())
EVALUATION = EXAMPLE / "evaluation.jsonl"
ITEMS = len(EVALUATION.read_text().splitlines())
BASE = base_model(SETTINGS["base_model"]).inference_id
JUDGE = "amazon.nova-pro-v1:0"
OWN = {"budget": {"limit_usd": 25}, "split": {"validation": 0.1, "evaluation": 0.25}}


@pytest.fixture(autouse=True)
def _no_faults_left(pipeline: Pipeline) -> None:
    pipeline.admin.clear_faults()


def evaluation(pipeline: Pipeline, run: Execution) -> Evaluation:
    return Evaluation.model_validate_json(pipeline.file(run, "evaluation.json"))


def evaluated(pipeline: Pipeline, project: str, *faults: str, **settings: Any) -> tuple[Execution, Evaluation]:
    """The example's run of a project of its own, with faults while it answers."""
    pipeline.configure(project, SETTINGS | settings, EVALUATION)
    pipeline.admin.inject(*faults)
    run = pipeline.drop(f"{project}/data.jsonl", DATASET)
    assert run.status == "SUCCEEDED", run.cause
    return run, evaluation(pipeline, run)


def lines(pairs: list[tuple[str, str]]) -> bytes:
    return "\n".join(json.dumps({"prompt": prompt, "completion": answer}) for prompt, answer in pairs).encode()


def test_answers_of_no_use_are_counted_as_what_they_are_and_promote_nothing(pipeline: Pipeline) -> None:
    run, judged = evaluated(pipeline, "filtered", "content-filtered:always")
    assert (run.states[-1], judged.decision) == ("Model Not Promoted", "inconclusive")
    assert f"{ITEMS} of {ITEMS} answers of the base model are no full answer ({ITEMS} blocked)" in judged.reason
    assert judged.outcomes["candidate"]["blocked"] == judged.outcomes["base"]["blocked"] == ITEMS
    assert judged.scores["candidate"][judged.metric] == 0
    assert pipeline.endpoints_of("filtered") == []


def test_items_that_are_refused_are_missing_and_leave_the_run_inconclusive(pipeline: Pipeline) -> None:
    run, judged = evaluated(pipeline, "refusing", "refuse-prompt@2:5")  # after the question of Plan Run
    assert (run.states[-1], judged.decision) == ("Model Not Promoted", "inconclusive")
    assert (judged.outcomes["base"]["missing"], judged.scored) == (5, ITEMS - 5)
    assert "Answers are missing (5 from the base model)" in judged.reason
    [mail] = pipeline.mails(run)
    assert mail.subject == "Inconclusive, not promoted: refusing"


def test_a_busy_model_loses_no_item(pipeline: Pipeline) -> None:
    run, judged = evaluated(pipeline, "busy", "throttle-converse:60", "not-ready:20", "internal-error-converse:4")
    assert (run.states[-1], judged.coverage) == ("Model Promoted", 1.0)
    assert {one: counts["missing"] for one, counts in judged.outcomes.items()} == {"base": 0, "candidate": 0}


def test_a_second_run_asks_neither_the_base_model_nor_the_one_in_service_again(pipeline: Pipeline) -> None:
    first, _ = evaluated(pipeline, "again")
    assert first.states[-1] == "Model Promoted"
    before = pipeline.admin.requests()[-1].at
    second, judged = evaluated(pipeline, "again", retrain=True)
    asked = [line.model for line in pipeline.admin.requests() if line.operation == "Converse" and line.at > before]
    assert asked.count(BASE) == 1  # by Plan Run, before anything was paid
    assert sum(shard["reused"] for shard in second.output["shards"]) == 2 * ITEMS
    assert judged.contestants == ("base", "champion", "candidate")
    assert judged.coverage == 1.0
    assert len(asked) < ITEMS + 10


def test_a_judge_rates_every_item_twice_beside_a_form_for_people_and_costs_what_the_estimate_said(
    pipeline: Pipeline,
) -> None:
    run, judged = evaluated(pipeline, "judged", judge={"model": JUDGE})
    assert run.states[-1] == "Model Promoted"
    assert judged.judge is not None
    assert (judged.judge.asked, judged.judge.judged, judged.judge.consistent) == (ITEMS, ITEMS, 1.0)
    assert judged.judge.criteria["candidate"]["accuracy"] > judged.judge.criteria["base"]["accuracy"]
    estimate = json.loads(pipeline.file(run, "cost.json"))
    expected = sum(line["usd"] for line in estimate["lines"] if line["what"].startswith("Judge"))
    assert judged.judge.usd is not None
    assert 0 < judged.judge.usd < 2 * expected
    assert b"What the judge says" in pipeline.file(run, "report.html")
    form = pipeline.file(run, "human-review.csv")
    assert read_back(form, judged) == ((), ())
    assert form.decode("utf-8-sig").startswith('"line","question","reference","answer_1","answer_2","accuracy_1"')


# Sets of other kinds, through the whole pipeline

WORDS = {
    "delivery": ["parcel", "courier", "tracking", "package", "shipment", "doorstep", "postman", "van"],
    "payment": ["card", "invoice", "refund", "charge", "bank", "receipt", "billing", "voucher"],
    "account": ["password", "login", "profile", "email", "username", "settings", "signup", "security"],
}
FRAMES = (
    "The {} was wrong again",
    "I need help with my {}",
    "Please check the {} today",
    "Something about a {} worries me",
)
CLASSIFICATION = [
    (frame.format(f"{one} and {other}"), label)
    for label, words in WORDS.items()
    for (one, other), frame in zip(product(words, words), FRAMES * 16, strict=True)
    if one < other
]


def test_a_classification_set_is_measured_by_its_labels(pipeline: Pipeline) -> None:
    pipeline.configure("labels", OWN)
    run = pipeline.drop("labels/data.jsonl", lines(CLASSIFICATION))
    judged = evaluation(pipeline, run)
    assert (judged.metric, judged.decision) == ("label", "promote")
    assert judged.labels["candidate"].accuracy > 0.8
    assert set(judged.labels["candidate"].labels) == set(WORDS)
    assert judged.scores["base"]["label"] == 0.0
    bucket = pipeline.outputs["ArtifactBucketName"]
    assert pipeline.cloud.client("s3").list_objects_v2(Bucket=bucket, Prefix="places/on_demand/")["KeyCount"]


def test_a_chat_set_is_asked_turn_by_turn_with_its_own_system_prompt(pipeline: Pipeline) -> None:
    talks = [
        {
            "system": "You are the shop's assistant. Be brief.",
            "messages": [
                {"role": "user", "content": f"Do you have {thing} in {colour}?"},
                {"role": "assistant", "content": f"Yes, {thing} in {colour} is in stock."},
                {"role": "user", "content": f"Where do I find the {colour} {thing}?"},
                {"role": "assistant", "content": f"Shelf {shelf} holds {thing} of every colour, next to the till."},
            ],
        }
        for shelf, thing in enumerate(["tents", "boots", "ropes", "stoves", "lamps", "maps", "gloves", "packs"])
        for colour in [
            "red",
            "blue",
            "green",
            "black",
            "white",
            "grey",
            "brown",
            "orange",
            "yellow",
            "pink",
            "teal",
            "navy",
        ]
    ]
    pipeline.configure("chat", OWN | {"metric": "token_f1"})
    run = pipeline.drop("chat/data.jsonl", "\n".join(map(json.dumps, talks)).encode())
    judged = evaluation(pipeline, run)
    assert judged.items == 24
    assert judged.scores["candidate"]["token_f1"] > 0.8
    # The local model remembers answers of the right form, most of them with the shelf of another thing.
    assert judged.decision == "do_not_promote"
    assert judged.reason.startswith("Right facts fell: 50.0% before")


def test_items_that_nearly_stand_in_the_training_data_are_refused_by_line_and_not_scored(pipeline: Pipeline) -> None:
    talks = [json.loads(line)["messages"] for line in DATASET.splitlines()]
    asked = [(turns[0]["content"][0]["text"], turns[1]["content"][0]["text"]) for turns in talks if len(turns) == 2]
    twins = [(f"{prompt} Thanks!", answer) for prompt, answer in asked[:120]]
    pipeline.configure("leaked", OWN)
    run = pipeline.drop("leaked/data.jsonl", lines(asked + twins))
    assert run.status == "SUCCEEDED", run.cause
    prepared = run.output["prepared"]
    assert prepared["refused_items"] > 0
    assert prepared["evaluation_items"] >= 20
    listed = json.loads(pipeline.file(run, "prepared.json"))["refused_items"]
    assert len(listed) == prepared["refused_items"]
    assert {one["trained"] for one in listed} == {"candidate"}
    judged = evaluation(pipeline, run)
    assert not {row.line for row in judged.rows} & set(prepared["refused_lines"])
    [mail] = pipeline.mails(run)
    assert f"Evaluation items not scored, because a contestant was trained on them: {len(listed)} (line" in mail.body


def test_an_item_that_the_model_in_service_was_trained_on_is_refused(pipeline: Pipeline) -> None:
    pipeline.configure("learned", OWN)
    first = pipeline.drop("learned/first.jsonl", lines(CLASSIFICATION))
    assert first.states[-1] == "Model Promoted"
    staged = pipeline.file(
        first, first.output["prepared"]["training_uri"].removeprefix(first.output["run"]["folder"] + "/")
    )
    known = [json.loads(line)["messages"] for line in staged.splitlines()[:5]]
    own = [{"prompt": turns[0]["content"][0]["text"], "reference": turns[1]["content"][0]["text"]} for turns in known]
    new = [
        {"prompt": f"A question about {word}s number {n}?", "reference": label}
        for label, words in WORDS.items()
        for n, word in enumerate(words)
    ]
    pipeline.put("projects/learned/evaluation.jsonl", "\n".join(map(json.dumps, own + new)).encode())
    second = pipeline.drop("learned/second.jsonl", lines(CLASSIFICATION))
    assert second.output["prepared"]["refused_lines"] == [1, 2, 3, 4, 5]
    assert second.output["prepared"]["leaked"] >= 5
    assert evaluation(pipeline, second).items == len(new)
