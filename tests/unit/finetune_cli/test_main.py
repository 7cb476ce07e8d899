"""The command as a process: one exit code, one sentence, never a traceback."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from finetune_cli.answer import EXIT_CODES
from finetune_cli.main import main
from tests.command import EXAMPLE


def test_a_closed_pipe_is_no_traceback() -> None:
    command = f"{sys.executable} -m finetune_cli.main check {EXAMPLE / 'broken.jsonl'} | head -n 1"
    done = subprocess.run(["/bin/bash", "-c", command], capture_output=True, text=True, check=False)  # noqa: S603 - fixed words
    assert done.stderr == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
@pytest.mark.parametrize("option", [[], ["--json"]])
def test_a_report_that_finds_no_room_is_no_verdict(option: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-m", "finetune_cli.main", "check", str(EXAMPLE / "dataset.jsonl"), *option]
        ended = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)  # noqa: S603 - fixed words
    assert (ended.returncode, ended.stderr) == (2, "finetune: no space left on device.\n")


def test_ctrl_c_ends_a_command_in_silence() -> None:
    # A shell that starts jobs in the background has them ignore the signal.
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "from finetune_cli.main import main; sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", code, "sample", "--records", "20000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:  # noqa: S603 - ours
        assert process.stdout
        process.stdout.read(1)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()
    assert (process.returncode, err) == (130, b"")
    assert 130 in EXIT_CODES


def test_a_command_that_lacks_its_extra_says_how_to_get_it() -> None:
    code = (
        "import sys; sys.modules['boto3'] = None;"
        "from finetune_cli.main import main; sys.exit(main(['status', '--json']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)  # noqa: S603 - ours
    sentence = "This command needs boto3. Install the extra aws: pip install '<folder of the clone>[aws]'."
    assert (done.returncode, done.stderr) == (2, f"finetune: {sentence}\n")
    assert json.loads(done.stdout)["error"] == sentence


def test_another_module_that_is_not_there_is_an_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "finetune_cli.sample", None)
    with pytest.raises(ModuleNotFoundError):
        main(["sample", "--records", "1"])
