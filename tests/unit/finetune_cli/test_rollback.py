"""`finetune rollback` where there is nothing to go back to; what it changes is tested against the deployed stack."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, NoReturn

import pytest
from botocore.exceptions import ClientError

from finetune.aws import clients
from tests.command import answered, finetune


class EmptyStack:
    """A stack that exists, in which nothing was ever published."""

    meta = SimpleNamespace(region_name="us-east-1")

    def describe_stacks(self, **_: object) -> dict[str, Any]:
        return {"Stacks": [{}]}

    def get_parameter(self, **_: object) -> NoReturn:
        raise ClientError({"Error": {"Code": "ParameterNotFound", "Message": "There is none"}}, "GetParameter")


@pytest.fixture(autouse=True)
def _empty_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("cloudformation", "bedrock", "bedrock_runtime", "ssm"):
        monkeypatch.setattr(clients, name, EmptyStack)


def test_where_nothing_is_in_service_the_answer_is_no_with_the_reason(capsys: pytest.CaptureFixture[str]) -> None:
    assert finetune("rollback", "shop") == 1
    assert capsys.readouterr() == ("", "finetune: Project shop has nothing in service.\n")
    assert finetune("rollback", "shop", "--json") == 1
    assert answered(capsys) == {"project": "shop", "reason": "Project shop has nothing in service."}
