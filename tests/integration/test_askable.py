"""Before anything is paid, the models that a run has to ask are asked for one token each."""

from __future__ import annotations

from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from finetune.aws.askable import models_asked, require_askable
from finetune.domain.catalog import base_model
from finetune.errors import ModelNotAskable
from finetune.settings import Settings
from tests.integration.fakes import NOVA, Stack

ROW = base_model(NOVA)
JUDGE = "amazon.nova-pro-v1:0"


def asked(stack: Stack) -> list[str | None]:
    return [each.model for each in stack.emulator.admin.requests() if each.operation == "Converse"]


def test_the_base_model_and_the_judge_are_asked_for_one_token_each(stack: Stack) -> None:
    models = models_asked(ROW, Settings.model_validate({"judge": {"model": JUDGE}}))
    require_askable(stack.emulator.runtime, models)
    assert asked(stack) == [ROW.inference_id, JUDGE]
    assert models_asked(ROW, Settings()) == {"base model": ROW.inference_id}


def test_a_model_that_is_never_asked_is_not_asked_before_either() -> None:
    images = base_model("amazon.nova-canvas-v1:0")
    assert models_asked(images, Settings.model_validate({"judge": {"model": JUDGE}})) == {}


def test_a_refusal_is_named(stack: Stack) -> None:
    stack.emulator.admin.inject("deny-converse")
    with pytest.raises(ModelNotAskable, match=f"asking the base model {ROW.inference_id} for one token"):
        require_askable(stack.emulator.runtime, models_asked(ROW, Settings()))


@pytest.mark.parametrize("fault", ["throttle", "internal-error"])
def test_a_busy_model_stops_no_run_and_the_others_are_asked_all_the_same(stack: Stack, fault: str) -> None:
    stack.emulator.admin.inject(f"{fault}-converse")
    require_askable(stack.emulator.runtime, {"base model": ROW.inference_id, "judge": JUDGE})
    assert asked(stack) == [ROW.inference_id, JUDGE]


class NotReady:
    """A judge on an endpoint that is still starting."""

    def converse(self, **_: object) -> None:
        raise ClientError({"Error": {"Code": "ModelNotReadyException", "Message": "It is starting."}}, "Converse")


def test_a_model_that_is_not_ready_yet_stops_no_run() -> None:
    require_askable(cast("Any", NotReady()), {"judge": "j"})


@pytest.mark.parametrize("judge", ["amazon.nova-2-lite-v1:0", "nobody.knows-it-v1:0"])
def test_a_judge_whose_id_takes_no_question_is_named_with_the_usual_reasons(stack: Stack, judge: str) -> None:
    models = models_asked(ROW, Settings.model_validate({"judge": {"model": judge}}))
    with pytest.raises(ModelNotAskable, match=rf"asking the judge {judge} .*an inference profile that the id does not"):
        require_askable(stack.emulator.runtime, models)
