"""What a run makes carries its stack, project and run, by the names that the template's conditions ask for."""

from __future__ import annotations

from finetune.aws.tags import EXECUTION_TAG, LEASE_TAG, NAME_TAG, PROJECT_TAG, RUN_TAG, STACK_TAG, tags_of
from tests.evaluating import run
from tests.integration.fakes import NOVA, Stack
from tools.project import ROOT


def test_a_resource_says_whose_it_is_and_what_else_there_is_to_say() -> None:
    tags = {tag["key"]: tag["value"] for tag in tags_of(run(), "stack", **{LEASE_TAG: "2026-11-21T18:00:00Z"})}
    assert tags == {
        STACK_TAG: "stack",
        PROJECT_TAG: "shop",
        NAME_TAG: "shop",
        RUN_TAG: run().run_id,
        EXECUTION_TAG: run().execution_arn,
        LEASE_TAG: "2026-11-21T18:00:00Z",
    }


def test_the_name_of_an_execution_that_no_tag_takes_is_left_out() -> None:
    named = run().model_copy(update={"execution_arn": "arn:aws:states:us-east-1:123456789012:execution:stack:a!b"})
    assert EXECUTION_TAG not in {tag["key"] for tag in tags_of(named, "stack")}


def test_bedrock_takes_them(stack: Stack) -> None:
    control, arn = stack.emulator.control, stack.emulator.add_model("model", NOVA)
    given: list[dict[str, str]] = tags_of(run(), "stack")
    control.tag_resource(resourceARN=arn, tags=given)  # type: ignore[arg-type]  # tags
    assert control.list_tags_for_resource(resourceARN=arn)["tags"] == given


def test_the_template_lets_functions_delete_what_carries_the_tag_of_the_stack() -> None:
    assert f"aws:ResourceTag/{STACK_TAG}: !Ref AWS::StackName" in (ROOT / "template.yaml").read_text()
