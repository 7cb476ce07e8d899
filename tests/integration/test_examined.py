"""What is examined is a stack with a project's settings, each asked of AWS once; what is missing is not asked."""

from __future__ import annotations

import pytest

from finetune.aws.examined import Examined, NotAsked
from tests.examined import NOW, PROJECT, Patient
from tests.template import STACK


def test_the_stack_is_described_and_its_resources_listed_once(patient: Patient) -> None:
    by = Examined(STACK, None, NOW)
    assert by.resource("DatasetBucket") == "datasets"
    assert by.resource("Topic").startswith("arn:aws:sns:")
    assert patient.asked.count("DescribeStacks") == patient.asked.count("ListStackResources") == 1


@pytest.mark.usefixtures("patient")
def test_a_resource_that_the_release_does_not_have_is_not_asked_for() -> None:
    with pytest.raises(NotAsked, match="the deployed release has no SmokeTest"):
        Examined(STACK, None, NOW).resource("SmokeTest")


def test_the_settings_are_the_projects_and_name_the_base_model(patient: Patient) -> None:
    patient.settings("base_model: amazon.nova-lite-v1:0:300k\n")
    assert Examined(STACK, PROJECT, NOW).row.id == "amazon.nova-lite-v1:0:300k"
    patient.settings("base_model: none-such\n")
    with pytest.raises(NotAsked, match="do not say which base model"):
        _ = Examined(STACK, PROJECT, NOW).row


def test_a_template_that_comes_as_text_is_not_guessed_at(patient: Patient) -> None:
    patient.answers["GetTemplate"] = lambda **_: {"TemplateBody": "Resources: {}"}
    with pytest.raises(NotAsked):
        _ = Examined(STACK, None, NOW).template
