"""A function's line in the log: whose run it was, what came of it, and no text of anybody's."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import Any, cast

import pytest

from finetune import step as module
from finetune.errors import QuotaExceeded
from finetune.step import step

RUN = {"run_id": "20261121-103005-0badcafe", "project": "shop", "execution_arn": "arn:execution", "folder": "s3://x"}
SECRET = "Zwerchfell"


@dataclass
class Context:
    function_name: str = "notify"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:function"
    aws_request_id: str = "request"


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    stream = io.StringIO()
    monkeypatch.setattr(module.logger.registered_handler, "stream", stream)
    return stream


def logged(event: dict[str, Any], output: dict[str, Any] | Exception, log: io.StringIO) -> dict[str, Any]:
    @step
    def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
        del event, context
        if isinstance(output, Exception):
            raise output
        return output

    try:
        assert handler(event, cast("Any", Context())) == output
    except QuotaExceeded as error:
        assert error is output  # noqa: PT017 - that the very error goes on is what is asked
    [line] = log.getvalue().splitlines()
    assert SECRET not in line
    content: dict[str, Any] = json.loads(line)
    return content


def test_a_step_is_logged_once_with_its_run_and_counts(log: io.StringIO) -> None:
    output = {"accepted": False, "problems": 3, "first_problems": [SECRET], "report_uri": SECRET, "status": "Ready"}
    line = logged({"run": RUN, "prompt": SECRET}, output, log)
    assert (line["message"], line["level"], line["function_name"]) == ("done", "INFO", "notify")
    assert (line["run_id"], line["project"], line["execution_arn"]) == (RUN["run_id"], "shop", "arn:execution")
    assert line["output"] == {"accepted": False, "problems": 3, "first_problems": 1, "status": "Ready"}


def test_the_plan_itself_names_its_run(log: io.StringIO) -> None:
    line = logged({"request": {}, "execution_arn": "arn:execution"}, RUN, log)
    assert (line["run_id"], line["project"]) == (RUN["run_id"], "shop")


def test_a_step_that_fails_is_logged_by_the_name_of_its_error(log: io.StringIO) -> None:
    line = logged({"run": RUN}, QuotaExceeded(SECRET), log)
    assert (line["message"], line["level"], line["error"]) == ("failed", "ERROR", "QuotaExceeded")
    assert line["run_id"] == RUN["run_id"]


def test_a_function_without_a_run_is_logged_too(log: io.StringIO) -> None:
    line = logged({}, {"checked": 4, "released": []}, log)
    assert line["output"] == {"checked": 4, "released": 0}
    assert "run_id" not in line
