"""What `finetune doctor` asks of an account, where an answer has more than two sides."""

from __future__ import annotations

import pytest

from finetune.aws.examined import Examined
from local.bedrock import deployments, throughput
from tests.examined import Patient


class Elsewhere(Examined):
    """Asked in a Region that customizes nothing."""

    region = "eu-west-1"


def test_a_region_that_customizes_nothing_is_wrong(patient: Patient) -> None:
    lines = patient.examine(Elsewhere)
    assert lines["identity"].found.state == "wrong"
    assert lines["takes jobs"].found.state == "not asked"


def test_a_busy_model_is_not_asked(patient: Patient) -> None:
    patient.account.emulator.admin.inject("throttle-converse:always")
    assert patient.amiss() == {"base model": "not asked"}


def test_a_quota_that_is_used_up_is_a_warning_and_one_that_nobody_needs_is_none(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throughput, "MOST_UNITS", 0)
    assert patient.examine()["model units"].found.text == "0 of 0 in use, and none is needed"
    patient.answers["ListCustomModelDeployments"] = lambda **_: {
        "modelDeploymentSummaries": [
            {"customModelDeploymentArn": "a", "customModelDeploymentName": "n", "modelArn": "m", "status": "Active"}
        ]
    }
    monkeypatch.setattr(deployments, "MOST", 1)
    found = patient.examine()["deployments"].found
    assert (found.state, found.text) == ("warning", "1 of 1 in use, so that a run would wait")
    assert "'(Model customization) Custom model deployments per account'" in found.mend
