"""The rights of roles are asked as the deployed template grants them, with the tags that a condition looks at."""

from __future__ import annotations

from typing import Any

from tests.examined import Patient, physical, policies


def test_a_role_is_asked_for_the_tags_and_resources_that_its_policy_names(patient: Patient) -> None:
    asked: list[dict[str, Any]] = []
    simulate = patient._own()["SimulatePrincipalPolicy"]

    def remembering(**given: Any) -> Any:
        asked.append(given)
        return simulate(**given)

    patient.answers["SimulatePrincipalPolicy"] = remembering
    assert patient.examine()["roles"].found.state == "ok"
    assert all(len(each["ResourceArns"]) == 1 for each in asked)
    stop = next(each for each in asked if each["ActionNames"] == ["bedrock:StopModelCustomizationJob"])
    assert stop["ResourceArns"] == ["arn:aws:bedrock:us-east-1:123456789012:model-customization-job/doctor"]
    assert [each["ContextKeyName"] for each in stop["ContextEntries"]] == ["aws:ResourceTag/finetune-stack"]
    # At three calls a second, which IAM answers, these take less than two minutes.
    assert len(asked) < 300
    assert {physical(name) for name in ("PlanRunFunctionRole", "CustomizationRole")} <= {
        each["PolicySourceArn"].rpartition("/")[2] for each in asked
    }


def test_a_refusal_names_the_role_and_the_action(patient: Patient) -> None:
    patient.roles["NotifyFunctionRole"] = [
        *policies("NotifyFunctionRole"),
        {"Effect": "Deny", "Action": "sns:Publish", "Resource": "*"},
    ]
    assert patient.examine()["roles"].found.text == "refused: NotifyFunctionRole sns:Publish"


def test_the_newer_answers_decide_by_resource(patient: Patient) -> None:
    specific = [{"EvalResourceName": "one", "EvalResourceDecision": "allowed"}]

    def answer(**given: Any) -> dict[str, Any]:
        decided = {"EvalDecision": "implicitDeny", "ResourceSpecificResults": specific}
        return {"EvaluationResults": [{"EvalActionName": each, **decided} for each in given["ActionNames"]]}

    patient.answers["SimulatePrincipalPolicy"] = answer
    assert patient.examine()["roles"].found.state == "ok"


def test_without_a_key_of_its_own_no_role_is_asked_about_one(patient: Patient) -> None:
    patient.parameters["KmsKeyArn"] = ""
    assert patient.examine()["roles"].found.state == "ok"


def test_the_judges_that_a_stack_lists_are_asked_about_by_their_ids(patient: Patient) -> None:
    asked: list[str] = []

    def allowing(**given: Any) -> dict[str, Any]:
        asked.extend(given["ResourceArns"])
        return {
            "EvaluationResults": [{"EvalActionName": each, "EvalDecision": "allowed"} for each in given["ActionNames"]]
        }

    patient.parameters["JudgeModels"] = "us.some.judge-v1:0,other.judge"
    patient.answers["SimulatePrincipalPolicy"] = allowing
    assert patient.examine()["roles"].found.state == "ok"
    assert "arn:aws:bedrock:doctor::foundation-model/us.some.judge-v1:0" in asked


def test_a_template_that_is_not_understood_is_not_asked(patient: Patient) -> None:
    policy = {"PolicyDocument": {"Statement": [{"Action": "s3:GetObject", "Resource": {"Fn::Select": [0, ["a"]]}}]}}
    role = {"Type": "AWS::IAM::Role", "Properties": {"Policies": [policy]}}
    patient.answers["GetTemplate"] = lambda **_: {"TemplateBody": {"Resources": {"PlanRunFunctionRole": role}}}
    found = patient.examine()["roles"].found
    assert (found.state, found.text) == (
        "not asked",
        "the template uses Fn::Select in a way that is not understood",
    )
