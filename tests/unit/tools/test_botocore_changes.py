"""What changed between two models of a service is told, and told apart by whether it can break a call."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from botocore.loaders import Loader

from tools import botocore_changes
from tools.botocore_changes import Change, changes, told

MODEL: dict[str, Any] = {
    "operations": {
        "CreateJob": {
            "http": {"method": "POST", "requestUri": "/jobs", "responseCode": 201},
            "input": {"shape": "CreateJobRequest"},
            "output": {"shape": "Job"},
            "errors": [{"shape": "ConflictException"}],
        },
        "Unused": {"http": {"method": "GET", "requestUri": "/unused"}},
    },
    "shapes": {
        "CreateJobRequest": {
            "type": "structure",
            "required": ["name"],
            "members": {
                "name": {"shape": "Name"},
                "kind": {"shape": "Kind"},
                "tags": {"shape": "Tags"},
                "arn": {"shape": "Arn"},
            },
        },
        "Arn": {"type": "string", "pattern": "(job/[a-z]+)|(model/[a-z]+)"},
        "Name": {"type": "string", "min": 1, "max": 63, "pattern": "[a-z]+"},
        "Kind": {"type": "string", "enum": ["FAST", "SLOW"]},
        "Tags": {"type": "list", "max": 50, "member": {"shape": "Tag"}},
        "Tag": {"type": "structure", "members": {"key": {"shape": "Name"}, "tags": {"shape": "Tags"}}},
        "Job": {
            "type": "structure",
            "required": ["status"],
            "members": {"status": {"shape": "Status", "locationName": "status"}, "units": {"shape": "Units"}},
        },
        "Status": {"type": "string", "enum": ["Running", "Done"], "max": 20},
        "Units": {"type": "integer", "min": 1},
        "ConflictException": {"type": "structure", "members": {}, "error": {"httpStatusCode": 400}},
        "QuotaException": {"type": "structure", "members": {}, "error": {"httpStatusCode": 400}},
    },
}


def changed(edit: Callable[[dict[str, Any], dict[str, Any]], Any]) -> list[Change]:
    """The changes that an edit of operations and shapes makes."""
    new = copy.deepcopy(MODEL)
    edit(new["operations"], new["shapes"])
    return changes(MODEL, new, ["CreateJob"])


def test_two_equal_models_have_no_changes_and_an_operation_that_is_not_used_may_go() -> None:
    assert changed(lambda operations, _: operations.pop("Unused")) == []


@pytest.mark.parametrize(
    ("edit", "text"),
    [
        (lambda o, _: o.pop("CreateJob"), "CreateJob: the operation is gone"),
        (lambda o, _: o["CreateJob"]["http"].update(requestUri="/job"), "requestUri was '/jobs', is '/job'"),
        (lambda o, _: o["CreateJob"].pop("output"), "CreateJob output was 'Job', is None"),
        (lambda o, _: o["CreateJob"]["errors"].clear(), "ConflictException is not declared any more"),
        (lambda _, s: s["ConflictException"]["error"].update(httpStatusCode=409), "was 400, is 409"),
        (lambda _, s: s["CreateJobRequest"]["members"].pop("kind"), "input.kind: the member is gone"),
        (lambda _, s: s["CreateJobRequest"]["required"].append("kind"), "input.kind: is required now"),
        (
            lambda _, s: (
                s["CreateJobRequest"]["members"].update(role={"shape": "Name"}),
                s["CreateJobRequest"]["required"].append("role"),
            ),
            "input.role: the member is new",
        ),
        (lambda _, s: s["Name"].update(max=20), "input.name: max was 63, is 20"),
        (lambda _, s: s["Name"].update(min=3), "input.name: min was 1, is 3"),
        (lambda _, s: s["Name"].update(pattern="[a-z]{2,}"), "pattern was '[a-z]+', is '[a-z]{2,}'"),
        (lambda _, s: s["Arn"].update(pattern="(job/[a-z]+)"), "arn: pattern was"),
        (lambda _, s: s["Arn"].update(pattern="(job/[a-z]+)|(model/[0-9]+)"), "arn: pattern was"),
        (lambda _, s: s["Kind"]["enum"].remove("SLOW"), "'SLOW' is not in the enum any more"),
        (lambda _, s: s["Tags"].update(type="map"), "input.tags: type was 'list', is 'map'"),
        (lambda _, s: s["Tag"]["members"].pop("key"), "input.tags.member.key: the member is gone"),
        (lambda _, s: s["Job"]["members"].pop("units"), "output.units: the member is gone"),
        (lambda _, s: s["Job"]["required"].clear(), "output.status: is not required any more"),
        (lambda _, s: s["Job"]["members"]["status"].update(locationName="state"), "locationName was 'status'"),
        (lambda _, s: s["Status"]["enum"].remove("Done"), "'Done' is not in the enum any more"),
    ],
)
def test_what_can_break_a_call_is_incompatible(edit: Any, text: str) -> None:
    found = changed(edit)
    assert any(text in change.text and change.breaks for change in found), found


@pytest.mark.parametrize(
    ("edit", "text"),
    [
        (
            lambda o, _: o["CreateJob"]["errors"].append({"shape": "QuotaException"}),
            "declares the error QuotaException",
        ),
        (lambda o, _: o["CreateJob"].update(deprecated=True), "is deprecated now"),
        (lambda _, s: s["CreateJobRequest"]["members"].update(role={"shape": "Name"}), "role: the member is new"),
        (lambda _, s: s["CreateJobRequest"]["required"].clear(), "name: is not required any more"),
        (lambda _, s: s["Name"].update(max=100), "name: max was 63, is 100"),
        (lambda _, s: s["Name"].pop("min"), "name: min was 1, is None"),
        (lambda _, s: s["Name"].pop("pattern"), "pattern was '[a-z]+', is None"),
        (
            lambda _, s: s["Arn"].update(pattern="(job/[a-z]+)|(plan/(x|y))|(model/[a-z]+)"),
            "input.arn: the pattern takes (plan/(x|y)) too",
        ),
        (lambda _, s: s["Kind"]["enum"].append("BEST"), "'BEST' is in the enum now"),
        (lambda _, s: s["Job"]["members"].update(cost={"shape": "Units"}), "output.cost: the member is new"),
        (lambda _, s: s["Job"]["required"].append("units"), "output.units: is required now"),
        (lambda _, s: s["Status"]["enum"].append("Waiting"), "'Waiting' is in the enum now"),
        (lambda _, s: s["Units"].update(min=2), "output.units: min was 1, is 2"),
    ],
)
def test_what_was_only_added_or_relaxed_is_told_and_breaks_nothing(edit: Any, text: str) -> None:
    found = changed(edit)
    assert any(text in change.text for change in found), found
    assert not any(change.breaks for change in found), found


def test_each_difference_is_a_line_and_only_an_incompatible_one_fails() -> None:
    added, broken = Change("CreateJob: declares the error A", breaks=False), Change("CreateJob: gone", breaks=True)
    lines, code = told({"bedrock": [added]}, "1.0", "1.1", 7)
    assert (lines, code) == (
        [
            "added or relaxed: bedrock CreateJob: declares the error A",
            "botocore 1.1 against 1.0: 1 differences in the 7 operations used, 0 of them incompatible.",
        ],
        0,
    )
    lines, code = told({"bedrock": [added], "s3": [broken]}, "1.0", "1.1", 7)
    assert (lines[1], code) == ("incompatible: s3 CreateJob: gone", 1)
    assert told({"s3": []}, "1.0", "1.0", 7)[1] == 0


def test_the_operations_used_are_those_that_the_product_calls_directly_and_by_paginators() -> None:
    assert {"bedrock", "bedrock-runtime", "s3", "ssm", "sns"} <= set(botocore_changes.services())
    loader = Loader()
    bedrock = botocore_changes.used(loader.load_service_model("bedrock", "service-2"))
    assert {"CreateModelCustomizationJob", "ListCustomModelDeployments", "UpdateProvisionedModelThroughput"} <= set(
        bedrock
    )
    assert "CreateGuardrail" not in bedrock
    assert "Converse" in botocore_changes.used(loader.load_service_model("bedrock-runtime", "service-2"))


def test_a_pinned_model_has_no_changes_against_itself() -> None:
    loader = Loader()
    for service in ("bedrock", "bedrock-runtime", "sns"):
        model = loader.load_service_model(service, "service-2")
        names = botocore_changes.used(model)
        assert names, service
        assert changes(model, model, names) == []


def test_a_release_that_cannot_be_had_is_told_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(_: object) -> Any:
        raise OSError("no route to the index")

    monkeypatch.setattr(botocore_changes, "_newest", refused)
    assert botocore_changes.main() == 2
    assert capsys.readouterr().out == "The newest botocore could not be installed: no route to the index\n"
