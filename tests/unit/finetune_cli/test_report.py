"""`finetune report` writes a run's page, and opens it where somebody looks."""

from __future__ import annotations

import io
import sys
import webbrowser
from pathlib import Path

import pytest

from finetune.aws import clients, storage
from tests.command import answered, finetune
from tests.past import Runs


class Screen(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


def page(run_uri: str, content: bytes) -> None:
    storage.write(clients.s3(), run_uri, content, "text/html")


def test_the_report_is_written_to_the_file_that_is_named(past: Runs, tmp_path: Path) -> None:
    run = past.add("shop", 1)
    page(run.uri("report.html"), b"report")
    page(run.uri("validation.html"), b"dataset")
    for option, content in ((["--dataset"], b"dataset"), ([], b"report")):
        assert finetune("report", run.run_id, "--out", tmp_path / "page.html", *option) == 0
        assert (tmp_path / "page.html").read_bytes() == content


def test_on_a_terminal_it_is_opened(past: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    run, opened = past.add("shop", 1), list[str]()
    page(run.uri("report.html"), b"report")

    def opens(address: str) -> bool:
        opened.append(address)
        return True

    monkeypatch.setattr(webbrowser, "open", opens)
    monkeypatch.setattr(sys, "stdout", screen := Screen())
    assert finetune("report", run.run_id) == 0
    [address] = opened
    assert Path(address.removeprefix("file://")).read_bytes() == b"report"
    assert "Opened the report" in screen.getvalue()


def test_without_a_report_the_page_about_the_dataset_is_written(past: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    run = past.add("shop", 1)
    assert finetune("report", run.run_id) == 1
    assert "has no report.html and no validation.html yet; its verdict: going on." in capsys.readouterr().err
    page(run.uri("validation.html"), b"dataset")
    assert finetune("report", run.run_id, "--json") == 0
    assert answered(capsys)["page"] == "validation.html"


def test_a_file_that_cannot_be_written_is_named(past: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = past.add("shop", 1)
    page(run.uri("report.html"), b"report")
    assert finetune("report", run.run_id, "--out", tmp_path) == 2
    assert f"{tmp_path} cannot be written: is a directory." in capsys.readouterr().err
