"""What a run has cost is computed from its answers, its job and its endpoint, and never keeps its mail back."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from finetune.aws import endpoints, spending, storage
from finetune.contracts import NotifyInput
from finetune.domain.evaluation.answers import Answer
from finetune.domain.evaluation.llm_judge import Judgement
from finetune.domain.json_lines import to_jsonl
from finetune.remains import Standing
from finetune.run import Candidate, Run
from finetune.settings import Settings
from tests.evaluating import Bucket, refusal
from tests.evaluating import run as planned
from tests.integration.fakes import STACK, Stack

OPENED = datetime(2026, 11, 21, 12, tzinfo=UTC)
PRICES = {
    "training_per_1k_tokens": 0.001,
    "input_per_1k_tokens": 0.1,
    "output_per_1k_tokens": 0.2,
    "provisioned_per_hour": 20,
}
JUDGE = {"model": "judge", "prices": {"input_per_1k_tokens": 1, "output_per_1k_tokens": 1}}


def run(**settings: Any) -> Run:
    own = Settings.model_validate({"prices": PRICES, "judge": JUDGE} | settings)
    candidate = Candidate(index=1, name="shop-c1", hyperparameters={"epochCount": "3"})
    return planned().model_copy(update={"settings": own, "candidates": (candidate,)})


def known(of: Run) -> NotifyInput:
    return NotifyInput(outcome="RunFailed", execution_arn=of.execution_arn, run=of)


def kept(bucket: Bucket, of: Run, name: str, content: bytes) -> None:
    storage.write(bucket.client, of.uri(name), content, "application/json")


def noted(bucket: Bucket, of: Run, name: str, opened: datetime, until: datetime) -> None:
    kept(bucket, of, name, json.dumps({"opened": opened.isoformat(), "until": until.isoformat()}).encode())


def used(bucket: Bucket, of: Run, stands: Standing) -> list[tuple[str, float, float | None]]:
    found = spending.written(bucket.client, known(of), of, stands)
    return [(line.what, line.quantity, line.usd and round(line.usd, 6)) for line in found.lines]


TRAINED = Standing(trained=("shop-c1",))


def test_tokens_of_training_answers_and_judge_are_counted_once_and_what_was_reused_never() -> None:
    bucket, of = Bucket(), run()
    kept(bucket, of, "prepared.json", b'{"training_tokens": 1000, "more": 1}')
    paid = [Answer(id=str(number), input_tokens=100, output_tokens=50) for number in range(2)]
    free = Answer(id="reused", input_tokens=1000, output_tokens=1000, paid=False)
    kept(bucket, of, "answers/base/000.jsonl", to_jsonl([*paid, free]))
    kept(bucket, of, "answers/candidate/000.jsonl", to_jsonl(paid))
    kept(
        bucket, of, "answers/judge/000.jsonl", to_jsonl([Judgement(id="1", item="1", input_tokens=10, output_tokens=5)])
    )
    assert used(bucket, of, TRAINED) == [
        ("training", 3000.0, 0.003),
        ("evaluation", 600, 0.08),
        ("judge", 15, 0.015),
    ]
    told = json.loads(storage.read(bucket.client, of.uri("spent.json")) or b"")
    assert told["total_usd"] == pytest.approx(0.098)
    assert told["schema"] == 1


def test_replies_of_the_judge_in_a_rematch_are_the_judge_s() -> None:
    bucket, of = Bucket(), run()
    judgement = Judgement(id="1", item="1", input_tokens=10, output_tokens=5)
    for name in ("judge", "judge-2"):
        kept(bucket, of, f"answers/{name}/000.jsonl", to_jsonl([judgement]))
    assert used(bucket, of, Standing()) == [("judge", 30, 0.03)]


@pytest.mark.parametrize(
    ("shards", "missing"),
    [
        ((b"0.0", b"4e-17"), ()),
        ((b"0.5", b"0.25"), ("requests whose replies were lost, at most $0.75",)),
        ((b"0.5", b"null"), ("requests whose replies were lost, at most $0.50",)),
    ],
)
def test_what_was_lost_of_a_metered_evaluation_is_told_and_is_no_answer(
    shards: tuple[bytes, ...], missing: tuple[str, ...]
) -> None:
    bucket, of = Bucket(), run()
    for index, content in enumerate(shards):
        kept(bucket, of, f"answers/spent/{index:03}.json", content)
    found = spending.written(bucket.client, known(of), of, Standing())
    assert (found.lines, found.missing) == ((), missing)


def test_throughput_costs_from_its_creation_to_its_deletion_or_to_now() -> None:
    bucket, of = Bucket(), run()
    kept(bucket, of, "prepared.json", b'{"training_tokens": 1000}')
    noted(bucket, of, "throughput-evaluation.json", OPENED, OPENED + timedelta(minutes=61))
    assert used(bucket, of, TRAINED)[-1] == ("provisioned throughput", 2, 40.0)
    going = TRAINED.model_copy(update={"throughput": (OPENED, OPENED + timedelta(hours=5))})
    assert used(bucket, of, going)[-1] == ("provisioned throughput", 5, 100.0)


def test_every_throughput_of_a_run_is_counted_also_one_that_an_older_release_noted() -> None:
    bucket, of = Bucket(), run()
    for day, name in enumerate(("throughput.json", "throughput-evaluation.json", "throughput-service.json")):
        noted(bucket, of, name, opened := OPENED + timedelta(days=day), opened + timedelta(hours=2))
    assert used(bucket, of, Standing()) == [("provisioned throughput", 6, 120.0)]
    later = OPENED + timedelta(days=9)
    going = Standing(throughput=(later, later + timedelta(hours=1)))
    assert used(bucket, of, going) == [("provisioned throughput", 7, 140.0)]


def test_two_throughputs_of_one_run_leave_a_note_each(stack: Stack) -> None:
    request = stack.request(stack.run(), kind="provisioned")
    control = stack.emulator.control

    def end() -> None:
        [found] = endpoints.opened_by(control, request.run)
        assert spending.delete_endpoint(control, stack.s3, found, request.run.folder)

    end()
    endpoints.open_endpoint(
        control, request.run, request.model, {"provisioned": timedelta(hours=6)}, stack=STACK, purpose="service"
    )
    stack.clock.advance(60)
    end()
    assert len(storage.keys_under(stack.s3, request.run.uri("throughput-"))) == 2


@pytest.mark.parametrize(
    ("stands", "words"),
    [
        (Standing(jobs=("shop-c1",)), "the job shop-c1, which has not ended"),
        (Standing(unfinished=("shop-c1",)), "the job shop-c1, which ended early, at most $0.003"),
        (Standing(unknown="no answer"), "what Bedrock did not tell of the run's job and endpoint"),
    ],
)
def test_what_cannot_be_counted_is_named(stands: Standing, words: str) -> None:
    bucket, of = Bucket(), run()
    kept(bucket, of, "prepared.json", b'{"training_tokens": 1000}')
    assert spending.written(bucket.client, known(of), of, stands).missing == (words,)


def test_missing_and_broken_files_make_a_lower_bound() -> None:
    bucket, of = Bucket(), run(base_model="meta.llama3-2-1b-instruct-v1:0:128k")
    kept(bucket, of, "answers/base/000.jsonl", b"{broken")
    assert spending.written(bucket.client, known(of), of, TRAINED).missing == (
        "the job shop-c1, whose tokens or epochs are not known",
        f"the tokens in {of.uri('answers/base/000.jsonl')}, which cannot be read",
        "the hours of the throughput that answered",
    )


def test_the_evaluation_of_a_model_that_an_earlier_run_trained_is_counted() -> None:
    bucket, of = Bucket(), run()
    kept(bucket, of, "answers/candidate/000.jsonl", to_jsonl([Answer(id="1", input_tokens=100, output_tokens=50)]))
    noted(bucket, of, "throughput-service.json", OPENED, OPENED + timedelta(hours=1))
    assert used(bucket, of, Standing()) == [("evaluation", 150, 0.02), ("provisioned throughput", 1, 20.0)]


def test_nothing_used_costs_nothing() -> None:
    bucket, of = Bucket(), run()
    found = spending.written(bucket.client, known(of), of, Standing())
    assert (found.lines, found.missing) == ((), ())


def test_an_error_of_s3_is_told_and_never_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    bucket, of = Bucket(), run()

    def refuse(**_: object) -> None:
        raise refusal("SlowDown")

    monkeypatch.setattr(bucket, "get_object", refuse)
    found = spending.written(bucket.client, known(of), of, TRAINED)
    assert "SlowDown" in found.sentence
    assert found.sentence.startswith("Cost of the run: at least $0.00.")
    monkeypatch.undo()
    told = json.loads(storage.read(bucket.client, of.uri("spent.json")) or b"")
    assert told["missing"] == list(found.missing)  # a monthly budget counts the whole share
    monkeypatch.setattr(bucket, "put_object", refuse)
    assert spending.written(bucket.client, known(of), of, Standing()).sentence.endswith("nothing was billed.")
