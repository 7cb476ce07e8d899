"""Judge Evaluation on a run whose model nobody could ask, and what its report says of the data and its origin."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any

import pytest

from finetune.aws.verdict import judge_evaluation
from finetune.contracts import JudgeEvaluationInput, JudgeEvaluationOutput
from finetune.domain.obstacles import ALL_REFUSED, NO_ENDPOINT, NO_ITEMS, NO_TEXT
from finetune.run import Candidate, ObjectVersion, Run
from finetune.version import code_name
from tests.evaluating import Bucket, items, judgement, run, shard

HASH = "0a1b2c3d4e5f6071"
CAUSE = json.dumps({"errorMessage": "ServiceQuotaExceededException: No units.", "errorType": "QuotaExceeded"})


def judged(
    told: dict[str, Any], *, left: int = 3, refused: int = 0, **more: Any
) -> tuple[JudgeEvaluationOutput, Bucket]:
    """A run that could not be evaluated, with what it wrote; `told` is its prepared.json."""
    bucket, planned = Bucket(), run()
    asked = judgement(shard(items(left), bucket, planned), shards=())
    bucket.objects[planned.uri("prepared.json").removeprefix("s3://")] = json.dumps(told).encode()
    prepared = asked.prepared.model_copy(update={"refused_items": refused, "refused_lines": tuple(range(1, refused))})
    model = asked.model.model_copy(update={"model_name": "shop-c1"} | more.pop("model", {}))
    return judge_evaluation(
        bucket.client,
        JudgeEvaluationInput.model_validate(
            dict(asked) | {"endpoint": None, "prepared": prepared, "model": model} | more
        ),
    ), bucket


def page(bucket: Bucket) -> str:
    return unescape(bucket.objects[run().uri("report.html").removeprefix("s3://")].decode())


def test_a_quota_that_refused_every_endpoint_is_said_with_the_services_words_and_what_to_do() -> None:
    output, bucket = judged({}, obstacle=CAUSE)
    assert (output.decision, output.metric) == ("inconclusive", None)
    assert output.reason == (
        f"The custom model was trained but not evaluated: {NO_ENDPOINT.why} (ServiceQuotaExceededException: No units)."
    )
    for words in (output.reason, "The custom model shop-c1 is kept", "$1.75 a month", NO_ENDPOINT.advice):
        assert words in page(bucket)


@pytest.mark.parametrize(
    ("known", "obstacle"),
    [
        ({"left": 0}, NO_ITEMS),
        ({"left": 0, "refused": 3}, ALL_REFUSED),
        ({"model": {"outcome": "trained_unmeasurable"}}, NO_TEXT),
    ],
)
def test_every_other_obstacle_has_its_own_words_and_advice(known: dict[str, Any], obstacle: Any) -> None:
    output, bucket = judged({}, **known)
    assert obstacle.why in output.reason
    assert obstacle.advice in page(bucket)


def test_the_report_counts_what_was_refused_by_likeness_and_tells_the_notes() -> None:
    leaks = [{"likeness": kind} for kind in ("near", "exact", "near")]
    _, bucket = judged({"refused_items": leaks, "notes": ["One thing.", "Another."]}, refused=3)
    assert "3 (1 exact, 2 near; lines 1, 2 and 1 more)" in page(bucket)
    assert "One thing. Another." in page(bucket)
    assert "Notes" not in page(judged({})[1])


def lineage(planned: Run) -> dict[str, str]:
    """The entries in the report of a run that was not evaluated."""
    bucket = Bucket()
    request: JudgeEvaluationInput = judgement(shard(items(3), bucket, planned), shards=())
    staged = request.prepared.model_copy(update={"training_uri": planned.uri(f"staged/training-{HASH}.jsonl")})
    judge_evaluation(bucket.client, request.model_copy(update={"prepared": staged, "endpoint": None}))
    [page] = [body.decode() for key, body in bucket.objects.items() if key.endswith("report.html")]
    return dict(re.findall(r"<dt>([^<]+)</dt><dd>([^<]+)</dd>", page.split("<h2>Lineage</h2>")[1]))


def test_the_lineage_names_versions_hashes_hyperparameters_and_code() -> None:
    planned = run().model_copy(
        update={
            "candidates": (Candidate(index=1, name="one", hyperparameters={"epochCount": "2", "batchSize": "1"}),),
            "evaluation_set": ObjectVersion(bucket="data", key="projects/shop/evaluation.jsonl", version_id="9"),
        }
    )
    named = lineage(planned)
    assert named["Dataset"] == "s3://data/incoming/shop/a.jsonl (version 1)"
    assert named["Evaluation set"] == "s3://data/projects/shop/evaluation.jsonl (version 9)"
    assert named["Training data"].endswith(f"training-{HASH}.jsonl (sha256 {HASH}\u2026)")
    assert named["Hyperparameters"] == "epochCount 2, batchSize 1"
    assert named["Code"] == f"{code_name()}\u2026"
    assert "Validation set" not in named
