"""What `finetune sample` is called with."""

from __future__ import annotations

import pytest

from finetune_cli.authoring.samples import FORMATS
from finetune_cli.parser import command_of
from tests.command import finetune


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_can_be_named(name: str) -> None:
    context = command_of("sample").make_context("sample", ["--records", "1", "--format", name])
    assert context.params["format"] == name


def test_the_number_of_records_has_to_be_given(capsys: pytest.CaptureFixture[str]) -> None:
    assert finetune("sample") == 2
    assert "Missing option '--records'. See `finetune sample --help`." in capsys.readouterr().err
