"""The local cloud with the stack in it, kept running: `python -m local up`."""

import json
import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from finetune_cli import nearby
from local.deployment import REPOSITORY
from local.news import News
from local.pages import served
from local.session import Session, session
from local.terminal import Terminal
from local.words import Section

POLL_SECONDS = 0.5
_LIST_RUNS = "aws stepfunctions list-executions --state-machine-arn {machine}"
EXAMPLE = REPOSITORY / "examples" / "shop-assistant"


def up(state: Path, region: str, time_scale: float, terminal: Terminal) -> None:
    """Start the cloud, show how to use it, and report runs and mails as they come until interrupted."""
    with (
        session(state, region=region, time_scale=time_scale, step=terminal.step) as stack,
        served(stack.cloud.client("s3"), stack.outputs["ArtifactBucketName"]) as address,
        _found_by_the_command(stack),
    ):
        terminal.summarise(guide(stack, address))
        terminal.say("")
        terminal.say("Ctrl-C stops everything.")
        news, told = News(stack, address), 0
        try:
            while True:
                for line in news.lines():
                    terminal.say(line)
                mails = stack.cloud.mails()
                for mail in mails[told:]:
                    terminal.say(f"Mail to {mail.to}: {mail.subject} ({mail.path})")
                told = len(mails)
                time.sleep(POLL_SECONDS)
        except KeyboardInterrupt:
            terminal.say("Stopping.")


@contextmanager
def _found_by_the_command(stack: Session) -> Iterator[None]:
    """Write down how to reach this cloud, for as long as it runs."""
    reached = stack.cloud.state / nearby.FILE
    reached.write_text(json.dumps(stack.cloud.environment()))
    try:
        yield
    finally:
        reached.unlink(missing_ok=True)


def guide(stack: Session, address: str) -> list[Section]:
    """How to use the cloud from another terminal; every command can be copied and run."""
    return [
        Section("Endpoint", (stack.cloud.endpoint,)),
        Section("Environment, for another terminal", tuple(_exports(stack)), verbatim=True),
        Section("Drop a dataset with the AWS CLI", tuple(_cli(stack)), verbatim=True),
        Section("Drop a dataset with boto3", tuple(_boto3(stack)), verbatim=True),
        Section("See the runs", (_LIST_RUNS.format(machine=stack.outputs["StateMachineArn"]),), verbatim=True),
        Section("Reports and pages about datasets, for a browser", (address,)),
        Section("The finetune command", tuple(_command(stack)), verbatim=True),
        Section("Mails", (f"are saved in {stack.cloud.state / 'outbox'} and shown here",)),
    ]


def _exports(stack: Session) -> Iterator[str]:
    yield "unset AWS_PROFILE AWS_SESSION_TOKEN"
    for name, value in stack.cloud.environment().items():
        yield f"export {name}={shlex.quote(value)}"


def _command(stack: Session) -> Iterator[str]:
    """The command finds this cloud by --local in the clone, and by a variable where its state is elsewhere."""
    usual = (REPOSITORY / nearby.FOLDER).resolve() == stack.cloud.state
    where = (
        f"cd {shlex.quote(str(REPOSITORY))}"
        if usual
        else f"export {nearby.FOLDER_VARIABLE}={shlex.quote(str(stack.cloud.state))}"
    )
    yield where
    yield f"{shlex.quote(str(REPOSITORY / '.venv/bin/finetune'))} runs --local"


def _uploads() -> Iterator[tuple[str, str]]:
    """The example project's files and their keys, the dataset last."""
    for name in ("settings.yaml", "evaluation.jsonl"):
        yield str(EXAMPLE / name), f"projects/{EXAMPLE.name}/{name}"
    yield str(EXAMPLE / "dataset.jsonl"), f"incoming/{EXAMPLE.name}/dataset.jsonl"


def _cli(stack: Session) -> Iterator[str]:
    for path, key in _uploads():
        yield f"aws s3 cp {shlex.quote(path)} s3://{stack.outputs['DatasetBucketName']}/{key}"


def _boto3(stack: Session) -> Iterator[str]:
    yield f"{shlex.quote(str(REPOSITORY / '.venv/bin/python'))} - <<'END'"
    yield "import boto3"
    yield "s3 = boto3.client('s3')"
    for path, key in _uploads():
        yield f"s3.upload_file({path!r}, {stack.outputs['DatasetBucketName']!r}, {key!r})"
    yield "END"
