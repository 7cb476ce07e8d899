"""A settings file names a judge that the account's owner knows, never an endpoint of somebody else."""

from __future__ import annotations

import pytest

from finetune.aws.askable import require_allowed
from finetune.domain.catalog import base_models
from finetune.domain.cost import is_judge
from finetune.errors import SettingsInvalid
from finetune.settings_file import parse_settings
from local.bedrock.policy import Question, decide
from tests.emulator import ACCOUNT, REGION
from tests.simulation.permissions import policy
from tools.project import resources, template
from tools.roles import JUDGES, resolved

BEDROCK = f"arn:aws:bedrock:{REGION}"
PREMIUM = "anthropic.claude-opus-4-20250514-v1:0"
ANSWERING = [row.inference_id for row in base_models().values() if any(map(row.answers_text, row.methods))]


def judged_by(model: str) -> str | None:
    return parse_settings(f"judge: {{model: '{model}'}}".encode(), source="settings.yaml").judge.model


@pytest.mark.parametrize(
    "model",
    [
        f"{BEDROCK}:{ACCOUNT}:custom-model-deployment/876b5dfff57b",
        f"{BEDROCK}:{ACCOUNT}:provisioned-model/876b5dfff57b",
        f"{BEDROCK}:{ACCOUNT}:inference-profile/us.amazon.nova-pro-v1:0",
        f"{BEDROCK}:{ACCOUNT}:application-inference-profile/abcdefghijkl",
        f"{BEDROCK}::foundation-model/amazon.nova-pro-v1:0",
        f"{BEDROCK}:{ACCOUNT}:default-prompt-router/x",
        "arn:aws:sagemaker:us-east-1:1:endpoint",
        "amazon.nova-pro-v1:0\\n",
        "",
        " amazon.nova-pro-v1:0",
        "../x",
        "n" * 141,
    ],
)
def test_a_settings_file_names_its_judge_by_an_id_and_by_nothing_else(model: str) -> None:
    with pytest.raises(SettingsInvalid, match=r"judge\.model"):
        judged_by(model)


@pytest.mark.parametrize("model", [*ANSWERING, "eu.amazon.nova-pro-v1:0", "us.amazon.nova-pro-v1:0"])
def test_a_judge_of_the_catalog_needs_nobody_s_leave(model: str) -> None:
    require_allowed(judged_by(model), "")


UNLISTED = (PREMIUM, f"us.{PREMIUM}", "amazon.titan-embed-image-v1", "openai.gpt-oss-20b-1:0", "x.amazon.nova-pro-v1:0")


@pytest.mark.parametrize("model", UNLISTED)
def test_any_other_judge_is_asked_only_if_the_owner_of_the_stack_has_listed_it(model: str) -> None:
    for listed in ("", "other", f"{model}0", model[:-1]):
        with pytest.raises(SettingsInvalid, match=r"or let the owner of the stack add this one to its parameter Judge"):
            require_allowed(judged_by(model), listed)
    require_allowed(judged_by(model), f"other,{model}")


def test_without_a_judge_nothing_is_asked_of_anybody() -> None:
    require_allowed(None, "")


# What a function could ask if somebody had taken it over


def asked(stem: str, resource: str, **context: str) -> str:
    return decide(policy(stem), Question("bedrock:InvokeModel", resource, context))


@pytest.mark.parametrize("stem", ["PlanRun", "EvaluateShard"])
def test_a_function_may_ask_the_catalog_s_models_and_no_other_of_aws(stem: str) -> None:
    for row in base_models().values():
        bare = row.inference_id.removeprefix("us.")
        expected = "allowed" if is_judge(row.inference_id) else "implicitDeny"
        for region in (REGION, "us-east-2"):
            assert asked(stem, f"arn:aws:bedrock:{region}::foundation-model/{bare}") == expected, bare
        assert asked(stem, f"{BEDROCK}:{ACCOUNT}:inference-profile/us.{bare}") == expected, bare
    for model in (PREMIUM, "amazon.nova-premier-v1:0", "amazon.nova-pro-v1:0x"):
        assert asked(stem, f"{BEDROCK}::foundation-model/{model}") == "implicitDeny"
        assert asked(stem, f"{BEDROCK}:{ACCOUNT}:inference-profile/us.{model}") == "implicitDeny"
    assert asked(stem, f"{BEDROCK}:{ACCOUNT}:application-inference-profile/abc") == "implicitDeny"


@pytest.mark.parametrize("kind", ["custom-model-deployment", "provisioned-model"])
def test_an_endpoint_is_asked_by_what_evaluates_and_not_if_its_tag_names_another_stack(kind: str) -> None:
    endpoint, tag = f"{BEDROCK}:{ACCOUNT}:{kind}/876b5dfff57b", "aws:ResourceTag/finetune-stack"
    assert asked("PlanRun", endpoint) == "implicitDeny"
    for stem in ("EvaluateShard", "PromoteModel"):
        [named] = {
            each["Condition"]["StringEqualsIfExists"][tag]
            for each in policy(stem)
            if "bedrock:InvokeModel" in each["Action"] and "Condition" in each
        }
        assert asked(stem, endpoint, **{tag: named}) == "allowed"
        assert asked(stem, endpoint, **{tag: "another"}) == "implicitDeny"
        assert asked(stem, endpoint) == "allowed"  # whether AWS knows the tags here is not documented


def test_a_listed_judge_is_asked_by_its_id_or_its_profile_and_no_other_model_is() -> None:
    shared = template()["Resources"]["AskListedJudgesPolicy"]
    assert shared["Condition"] == "HasJudgeModels"
    own = resolved(shared["Properties"]["PolicyDocument"]["Statement"], own_key=False)
    by_id, by_profile = JUDGES

    def may(resource: str, profile: str = "") -> bool:
        context = {"bedrock:InferenceProfileArn": f"{BEDROCK}:{ACCOUNT}:inference-profile/{profile}"} if profile else {}
        return decide(own, Question("bedrock:InvokeModel", resource, context)) == "allowed"

    assert may(f"{BEDROCK}::foundation-model/{by_id}")
    assert may(f"{BEDROCK}:{ACCOUNT}:inference-profile/{by_profile}")
    beneath = f"arn:aws:bedrock:us-east-2::foundation-model/{by_profile.removeprefix('us.')}"
    assert may(beneath, by_profile)
    assert not may(beneath)
    assert not may(f"{BEDROCK}::foundation-model/{PREMIUM}", f"us.{PREMIUM}")
    assert not may(f"{BEDROCK}:{ACCOUNT}:custom-model-deployment/876b5dfff57b")


def test_only_the_two_functions_that_ask_have_the_policy_of_listed_judges() -> None:
    attached = {"Fn::If": ["HasJudgeModels", {"Ref": "AskListedJudgesPolicy"}, {"Ref": "AWS::NoValue"}]}
    functions = resources("AWS::Serverless::Function")
    having = {name for name, each in functions.items() if attached in each["Properties"]["Policies"]}
    assert having == {"PlanRunFunction", "EvaluateShardFunction"}
