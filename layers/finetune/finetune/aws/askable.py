"""Whether the models that a run has to ask answer at all, found out by one token each before anything is paid."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Literal

from finetune.aws.translation import translated
from finetune.domain.catalog import BaseModelRow
from finetune.domain.cost import is_judge
from finetune.errors import (
    AccessRefused,
    EndpointBusy,
    ModelNotAskable,
    ServiceBusy,
    ServiceRefused,
    SettingsInvalid,
)
from finetune.settings import Settings
from finetune.settings_file import JUDGE_FOR_EXAMPLE

if TYPE_CHECKING:
    from mypy_boto3_bedrock_runtime import BedrockRuntimeClient

Asked = Literal["base model", "judge"]
QUESTION = "Reply with the one word: ready"
WHY = (
    "usual reasons are an inference profile that the id does not name, a model that the Region or the account has no "
    "access to, a Marketplace subscription that is missing, and a policy of the organisation"
)


def models_asked(row: BaseModelRow, settings: Settings) -> dict[Asked, str]:
    """The models of AWS that an evaluation by these settings asks, by their ids for Converse."""
    if not row.answers_text(settings.method):
        return {}
    judge: dict[Asked, str] = {"judge": settings.judge.model} if settings.judge.model else {}
    return {"base model": row.inference_id, **judge}


def require_allowed(judge: str | None, listed: str) -> None:
    """SettingsInvalid when the judge is not in the catalog, and the owner of the stack has not `listed` it."""
    if judge is None or is_judge(judge) or judge in listed.split(","):
        return
    raise SettingsInvalid(
        f"judge.model {judge!r} may not be asked: name a model of the catalog, such as {JUDGE_FOR_EXAMPLE}, or let the "
        "owner of the stack add this one to its parameter JudgeModels."
    )


def require_askable(runtime: BedrockRuntimeClient, models: dict[Asked, str]) -> None:
    """Ask each model for one token; ModelNotAskable when one refuses. One that has no room now has not refused."""
    for what, model_id in models.items():
        require_answer(runtime, what, model_id)


def require_answer(runtime: BedrockRuntimeClient, what: Asked, model_id: str) -> None:
    """Ask one model for one token, with the errors of `require_askable`."""
    with suppress(ServiceBusy, EndpointBusy):
        ask(runtime, what, model_id)


def ask(runtime: BedrockRuntimeClient, what: Asked, model_id: str) -> None:
    """Ask one model for one token; ModelNotAskable when it refuses, ServiceBusy or EndpointBusy when it has no room."""
    try:
        with translated(f"asking the {what} {model_id} for one token"):
            runtime.converse(
                modelId=model_id,
                messages=[{"role": "user", "content": [{"text": QUESTION}]}],
                inferenceConfig={"maxTokens": 1, "temperature": 0},
            )
    except (AccessRefused, ServiceRefused) as error:
        raise ModelNotAskable(f"{error}; {WHY}.") from error
