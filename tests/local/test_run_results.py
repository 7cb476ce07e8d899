"""The JSON object, the exit code, the summary and the folder of a run."""

import json
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from local import collect
from local.bedrock.ledger import Bill, EndpointLine, Ledger
from local.cloud import Mail
from local.project import RequestError
from local.results import Result, judgement, result
from local.words import Section, summary
from tests.local.histories import ENDS, recorded

NOW = datetime(2026, 1, 1, tzinfo=UTC)
KEYS = ["run_id", "status", "decision", "error", "cause", "seconds", "states", "mails"]
KEYS += ["endpoints_left", "billed_usd", "report"]
MAIL = Mail(to="someone@example.com", subject="Done", body="All is well.\n\nRead on.", path=Path("mails/1.eml"))
ENDPOINT = EndpointLine(
    arn="arn:aws:bedrock:us-east-1:000000000000:custom-model-deployment/abc",
    name="shop-1",
    kind="deployment",
    status="Ready",
    model_arn="arn:model",
    opened_at=NOW,
    deleted_at=None,
    hours=1.0,
    units=0,
    tags={},
)


def books(*, open_endpoint: bool = False) -> Ledger:
    bills = [
        Bill(item="training", resource="arn:job", quantity=55626, unit="tokens", usd=0.0556),
        Bill(item="throughput", resource="arn:x", quantity=0.5, unit="unit hours", usd=None),
    ]
    return Ledger(
        at=NOW,
        jobs=[],
        models=[],
        endpoints=[ENDPOINT],
        open=[ENDPOINT.arn] if open_endpoint else [],
        billed_usd=bills,
        total_usd=0.0556,
        unknown=["throughput of arn:x"],
    )


def outcome(name: str, *, mails: tuple[Mail, ...] = (MAIL,), open_endpoint: bool = False, **told: Any) -> Result:
    return result(
        {"status": ENDS[name], **told},
        recorded(name),
        run_id="20260101-000000-abcdef01",
        seconds=12.34,
        mails=mails,
        ledger=books(open_endpoint=open_endpoint),
        report=Path("out/run/report.html") if name == "promoted" else None,
    )


def told(found: Result, *, open_endpoint: bool = False) -> dict[str, Section]:
    verdict = judgement(recorded("promoted")) if found.decision else None
    return {one.title: one for one in summary(found, verdict, None, books(open_endpoint=open_endpoint), "out/x")}


def test_the_object_has_exactly_the_promised_keys() -> None:
    printed = json.loads(outcome("promoted", open_endpoint=True).model_dump_json())
    assert list(printed) == KEYS
    assert printed["decision"] == "promote"
    assert printed["states"][:2] == ["Plan Run", "First Delivery?"]
    assert printed["states"][-1] == "Model Promoted"
    assert printed["endpoints_left"] == 1
    assert printed["mails"] == [
        {"to": MAIL.to, "subject": MAIL.subject, "body": MAIL.body, "path": "mails/1.eml"},
    ]
    assert printed["report"] == "out/run/report.html"


def test_a_run_that_failed_says_why_and_decides_nothing() -> None:
    found = outcome("rejected", error="DatasetRejected", cause="10 problems in 21 records")
    assert (found.status, found.decision, found.error) == ("FAILED", None, "DatasetRejected")
    assert (found.report, found.endpoints_left) == (None, 0)


def test_a_cause_that_lambda_wrapped_in_json_is_one_sentence() -> None:
    wrapped = json.dumps({"errorMessage": "No such table.", "errorType": "KeyError", "stackTrace": ["a", "b"]})
    assert outcome("failed", error="KeyError", cause=wrapped).cause == "No such table."


@pytest.mark.parametrize(("name", "code"), [("promoted", 0), ("rejected", 1), ("failed", 1)])
def test_the_exit_code_follows_from_the_status(name: str, code: int) -> None:
    assert outcome(name).exit_code == code


def test_the_summary_of_a_promotion_names_the_verdict_the_mail_the_bill_and_the_endpoint() -> None:
    sections = told(outcome("promoted", open_endpoint=True), open_endpoint=True)
    assert list(sections) == ["Verdict: promote", "Mail", "What AWS would have billed", "Endpoints left", "Files"]
    assert sections["Mail"].lines[:3] == ("To: someone@example.com", "Subject: Done", "")
    assert sections["Endpoints left"].lines[0] == "shop-1, Ready, billed per token, nothing while idle"
    assert "Report: out/run/report.html" in sections["Files"].lines


def test_the_bill_marks_what_has_no_price() -> None:
    lines = told(outcome("promoted"))["What AWS would have billed"].lines
    assert [line.split()[0] for line in lines] == ["training", "throughput", "total", "?"]
    assert "$0.0556" in lines[0]
    assert "?" in lines[1]


def test_the_summary_of_a_failure_is_its_error_and_cause_in_one_paragraph() -> None:
    sections = told(outcome("rejected", error="DatasetRejected", cause="10 problems.", mails=()))
    assert sections["Run failed"].lines == ("DatasetRejected: 10 problems.",)
    assert sections["Mail"].lines == ("None was sent.",)
    assert sections["Endpoints left"].lines == ("None.",)


def test_a_folder_with_an_earlier_result_is_emptied(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "report.html").write_text("old")
    (tmp_path / collect.RESULT).write_text("{}")
    collect.prepare(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_is_interrupted_leaves_no_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), collect.kept_in(tmp_path / "out"):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_what_an_interrupted_run_has_written_is_kept(tmp_path: Path) -> None:
    out = ExitStack()
    out.enter_context(collect.kept_in(tmp_path / "out"))
    (tmp_path / "out" / "ledger.json").write_text("{}")
    out.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert (tmp_path / "out" / "ledger.json").is_file()


def test_the_report_is_the_datasets_where_the_run_came_no_further(tmp_path: Path) -> None:
    assert collect.report_in(tmp_path) is None
    (tmp_path / "validation.html").write_text("what is wrong")
    assert collect.report_in(tmp_path) == tmp_path / "validation.html"
    (tmp_path / "report.html").write_text("the verdict")
    assert collect.report_in(tmp_path) == tmp_path / "report.html"


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / collect.RESULT).write_text("{}")
    (tmp_path / "thesis.txt").write_text("my only copy")
    with pytest.raises(RequestError, match="holds other files"):
        collect.prepare(tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "my only copy"
