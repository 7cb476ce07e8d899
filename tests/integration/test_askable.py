"""Before anything is paid, the models that a run has to ask are asked for one token each."""

from __future__ import annotations

from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from finetune.aws.askable import models_asked, require_askable
from finetune.domain.catalog import base_model
from finetune.errors import FineTuneError, ModelNotAskable, ServiceBusy
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


@pytest.mark.parametrize(
    ("fault", "error"), [("deny", ModelNotAskable), ("throttle", ServiceBusy), ("internal-error", ServiceBusy)]
)
def test_a_refusal_is_named_and_a_busy_model_is_asked_again(
    stack: Stack, fault: str, error: type[FineTuneError]
) -> None:
    stack.emulator.admin.inject(f"{fault}-converse")
    with pytest.raises(error, match=f"asking the base model {ROW.inference_id} for one token"):
        require_askable(stack.emulator.runtime, models_asked(ROW, Settings()))


class NotReady:
    """A judge on an endpoint that is still starting."""

    def converse(self, **_: object) -> None:
        raise ClientError({"Error": {"Code": "ModelNotReadyException", "Message": "It is starting."}}, "Converse")


def test_a_model_that_is_not_ready_is_asked_again() -> None:
    with pytest.raises(ServiceBusy, match="asking the judge j for one token"):
        require_askable(cast("Any", NotReady()), {"judge": "j"})


@pytest.mark.parametrize("judge", ["amazon.nova-2-lite-v1:0", "nobody.knows-it-v1:0"])
def test_a_judge_whose_id_takes_no_question_is_named_with_the_usual_reasons(stack: Stack, judge: str) -> None:
    models = models_asked(ROW, Settings.model_validate({"judge": {"model": judge}}))
    with pytest.raises(ModelNotAskable, match=rf"asking the judge {judge} .*an inference profile that the id does not"):
        require_askable(stack.emulator.runtime, models)
