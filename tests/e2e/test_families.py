"""Every family of the catalog, retired ones included, goes from a dropped dataset to a verdict."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import cycle, islice
from typing import Any

import pytest

from finetune.domain import catalog
from tests.e2e.pipeline import EXAMPLE, Pipeline
from tests.sizes import sized

CONVERSATIONS = [json.loads(line) for line in (EXAMPLE / "dataset.jsonl").read_text().splitlines()]
NOVA_LITE = "amazon.nova-lite-v1:0:300k"
SINGLE_TURN = [each for each in CONVERSATIONS if len(each["messages"]) == 2]
PRICES = {
    "training_per_1k_tokens": 0.001,
    "provisioned_per_hour": 20.0,
    "input_per_1k_tokens": 0.001,
    "output_per_1k_tokens": 0.001,
}


def text(turn: dict[str, Any]) -> str:
    return str(turn["content"][0]["text"])


def conversation(record: dict[str, Any]) -> dict[str, Any]:
    return record


def prompt_completion(record: dict[str, Any]) -> dict[str, Any]:
    return {"prompt": text(record["messages"][0]), "completion": text(record["messages"][1])}


def anthropic(record: dict[str, Any]) -> dict[str, Any]:
    turns = [{"role": turn["role"], "content": text(turn)} for turn in record["messages"]]
    return {"system": record["system"][0]["text"], "messages": turns}


def text_input(record: dict[str, Any]) -> dict[str, Any]:
    return {"input": f"{text(record['messages'][0])} {text(record['messages'][1])}"}


MAKERS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "conversation": conversation,
    "prompt_completion": prompt_completion,
    "anthropic": anthropic,
    "text_input": text_input,
}


def families() -> Iterator[Any]:
    """One base model of each combination of record format, method and deployments; at full size of each family too."""
    seen = set()
    for row in catalog.base_models().values():
        for method, rules in row.methods.items():
            written = (rules.record_format, method, row.deployments)
            family = sized(written, (*written, row.provider, row.validation, row.lifecycle.status))
            if family not in seen:
                seen.add(family)
                yield pytest.param(row, method, id=f"{row.id}-{method}")


@pytest.fixture(autouse=True)
def _lifecycle_as_in_the_catalog(pipeline: Pipeline) -> Iterator[None]:
    yield
    pipeline.admin.retire(*catalog.base_models())


@pytest.mark.parametrize(("row", "method"), list(families()))
def test_a_family_goes_from_a_dropped_dataset_to_a_verdict(
    pipeline: Pipeline, row: catalog.BaseModelRow, method: catalog.Method
) -> None:
    pipeline.admin.clear_faults()
    pipeline.admin.activate(row.id)
    project = f"family-{row.inference_id.replace('.', '-').replace(':', '-')}-{method[:4].lower()}"[-40:].strip("-")
    deployment = row.deployments[0]
    unknown = {name: usd for name, usd in PRICES.items() if getattr(row.prices, name) is None}
    hour = row.prices.provisioned_per_hour or PRICES["provisioned_per_hour"]
    # Four hours and more of throughput, because a slow machine takes long by the scaled clock.
    money = {"limit_usd": 50 + 6 * hour, "service_usd_per_month": 730 * hour}
    evaluation = "required" if row.answers_text(method) else "optional"
    settings = {"base_model": row.id, "method": method, "deployment": deployment, "evaluation": evaluation}
    pipeline.configure(project, settings | {"prices": unknown, "budget": money})
    run = pipeline.drop(f"{project}/data.jsonl", dataset(pipeline, project, row.methods[method]))

    assert run.status == "SUCCEEDED", run.cause
    assert len(pipeline.mails(run)) == 1
    assert f"{project}" in pipeline.file(run, "report.html").decode()
    if row.answers_text(method):
        assert "Evaluate Shard" in run.states
        assert run.output["evaluation"]["items"] >= 20
        served = "Model Promoted" in run.states
        assert len(pipeline.endpoints_of(run.output["run"]["slug"])) == int(served)
    else:
        assert run.states[-1] == "Model Not Promoted"
        assert run.output["evaluation"]["decision"] == "inconclusive"
        assert pipeline.endpoints_of(run.output["run"]["slug"]) == []


def test_records_with_images_are_trained_from_a_file_in_the_bucket_of_the_images(pipeline: Pipeline) -> None:
    pipeline.admin.clear_faults()
    pipeline.admin.activate(NOVA_LITE)
    pipeline.configure("seen", {"base_model": NOVA_LITE}, EXAMPLE / "evaluation.jsonl")
    run = pipeline.drop("seen/data.jsonl", jsonl(map(seen, SINGLE_TURN[:100], cycle(pictures(pipeline, "seen")))))

    assert run.status == "SUCCEEDED", run.cause
    assert run.output["evaluation"]["items"] >= 20
    prepared, folder = run.output["prepared"], run.output["run"]["folder"]
    of_dataset = folder.replace(pipeline.outputs["ArtifactBucketName"], pipeline.outputs["DatasetBucketName"])
    assert prepared["training_uri"].startswith(f"{of_dataset}/staged/training-")
    assert prepared["validation_uri"].startswith(f"{of_dataset}/staged/validation-")
    assert prepared["evaluation_uri"].startswith(f"{folder}/staged/evaluation-")


def dataset(pipeline: Pipeline, project: str, rules: catalog.MethodRules) -> bytes:
    """A dataset in the model's own record format, of a size that it takes."""
    if rules.record_format == "image_caption":
        return captions(pipeline, project, max(rules.records.minimum, 12))
    return jsonl(MAKERS[rules.record_format](record) for record in SINGLE_TURN)


def jsonl(records: Iterable[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(record) + "\n" for record in records).encode()


def captions(pipeline: Pipeline, project: str, count: int) -> bytes:
    uris = islice(cycle(pictures(pipeline, project)), count)
    return jsonl({"image-ref": uri, "caption": f"bicycle number {index}"} for index, uri in enumerate(uris))


def pictures(pipeline: Pipeline, project: str) -> list[str]:
    """Pictures of a project, where its jobs may read them."""
    keys = [f"projects/{project}/media/{index}.png" for index in range(20)]
    for key in keys:
        pipeline.put(key, b"\x89PNG\r\n\x1a\n")
    return [f"s3://{pipeline.outputs['DatasetBucketName']}/{key}" for key in keys]


def seen(record: dict[str, Any], uri: str) -> dict[str, Any]:
    """A record whose question has a picture."""
    asked, answer = record["messages"]
    picture = {"image": {"format": "png", "source": {"s3Location": {"uri": uri}}}}
    return {**record, "messages": [{**asked, "content": [picture, *asked["content"]]}, answer]}
