"""Build the SAM template and deploy it to the local cloud."""

import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from local.cloud import Cloud

REPOSITORY = Path(__file__).resolve().parents[1]
SOURCES = ("template.yaml", "functions", "layers", "statemachine")
FORGOTTEN_SECONDS = 24 * 3600.0
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
TOLD_LINES = 15


class DeploymentError(RuntimeError):
    """The template could not be built or deployed."""


def build(project: Path, builds: Path) -> Path:
    """The folder below `builds` with what `sam build` makes of the sources as they are; made once, never changed."""
    folder = builds / _fingerprint(project)[:16]
    if folder.is_dir():
        return folder
    builds.mkdir(parents=True, exist_ok=True)
    for path in builds.iterdir():
        with contextlib.suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime > FORGOTTEN_SECONDS:
                shutil.rmtree(path, ignore_errors=True)
    # A built template names sources by paths from its own folder, so it is made as deep as it will stay.
    unfinished = Path(tempfile.mkdtemp(dir=builds, prefix="unfinished-"))
    try:
        _sam(["build", "--template-file", str(project / "template.yaml"), "--build-dir", str(unfinished)], project, {})
        with contextlib.suppress(OSError):  # somebody else finished the same build first
            unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return folder


def deploy(cloud: Cloud, build_dir: Path, stack_name: str, parameters: Mapping[str, str]) -> dict[str, str]:
    """Deploy a built template with the real `sam deploy`; the stack's outputs."""
    command = ["deploy", "--template-file", str(build_dir / "template.yaml"), "--stack-name", stack_name]
    command += ["--s3-bucket", artifact_bucket(cloud), "--capabilities", *CAPABILITIES]
    command += ["--no-confirm-changeset", "--no-fail-on-empty-changeset", "--no-progressbar"]
    if parameters:
        command += ["--parameter-overrides", *(f'{key}="{value}"' for key, value in parameters.items())]
    try:
        _sam(command, build_dir, cloud.environment())
    except DeploymentError as error:
        raise DeploymentError("\n".join([str(error), *failures(cloud, stack_name)])) from error
    return outputs(cloud, stack_name)


def _sam(arguments: list[str], folder: Path, environment: Mapping[str, str]) -> None:
    """Run the SAM CLI; it never sees the AWS credentials or configuration of this machine."""
    own = REPOSITORY / ".venv-sam" / "bin"
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    path = f"{own}{os.pathsep}{inherited['PATH']}"
    sam = shutil.which("sam", path=path)
    if sam is None:
        raise DeploymentError("The SAM CLI is not installed; `make setup` installs it into .venv-sam.")
    isolation = {
        "PATH": path,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "SAM_CLI_TELEMETRY": "0",
        "SAM_CLI_POLL_DELAY": "0.2",
    }
    with (
        # The SAM CLI leaves an empty folder for each archive that it uploads.
        tempfile.TemporaryDirectory(prefix="finetune-sam-", ignore_cleanup_errors=True) as scratch,
        subprocess.Popen(  # noqa: S603  # the SAM CLI with arguments of ours
            [sam, *arguments],
            cwd=folder,
            env={**inherited, **isolation, **environment, "TMPDIR": scratch},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as process,
    ):
        try:
            output, _ = process.communicate()
        except BaseException:
            # The SAM CLI has make and pip below it; an interrupt ends them all.
            os.killpg(process.pid, signal.SIGKILL)
            raise
    if process.returncode:
        lines = [line for line in output.splitlines() if line.strip() and not line.startswith("  ")]
        told = "\n".join(lines[-TOLD_LINES:])
        raise DeploymentError(f"`sam {arguments[0]}` failed with exit status {process.returncode}:\n{told}")


def _fingerprint(project: Path) -> str:
    """A hash over every file that `sam build` reads."""
    digest = hashlib.sha256(str(project.resolve()).encode())
    for path in _source_files(project):
        digest.update(f"\0{path.relative_to(project)}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _source_files(project: Path) -> Iterator[Path]:
    for name in SOURCES:
        root = project / name
        files = sorted(root.rglob("*")) if root.is_dir() else [root]
        yield from (file for file in files if file.is_file() and file.suffix != ".pyc")


def artifact_bucket(cloud: Cloud) -> str:
    """The bucket that built code is uploaded to, made when it is not there yet."""
    bucket = f"sam-artifacts-{cloud.account}"
    s3 = cloud.client("s3")
    if bucket not in {known["Name"] for known in s3.list_buckets()["Buckets"]}:
        # The one Region that S3 does not take by name.
        elsewhere = cloud.region != "us-east-1"
        place = {"CreateBucketConfiguration": {"LocationConstraint": cloud.region}} if elsewhere else {}
        s3.create_bucket(Bucket=bucket, **place)
    return bucket


def failures(cloud: Cloud, stack_name: str) -> list[str]:
    """Each resource that failed, with the reason; empty when there is no such stack."""
    if described(cloud, stack_name) is None:
        return []
    events = cloud.client("cloudformation").describe_stack_events(StackName=stack_name)["StackEvents"]
    failed = [event for event in reversed(events) if event["ResourceStatus"].endswith("_FAILED")]
    return [f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', '')}" for event in failed]


def described(cloud: Cloud, stack_name: str) -> dict[str, Any] | None:
    """What CloudFormation says of a stack; None when there is none."""
    try:
        stacks = cloud.client("cloudformation").describe_stacks(StackName=stack_name)["Stacks"]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    live = [stack for stack in stacks if stack["StackStatus"] != "DELETE_COMPLETE"]
    return live[0] if live else None


def outputs(cloud: Cloud, stack_name: str) -> dict[str, str]:
    """The outputs of a stack by name."""
    stack = described(cloud, stack_name)
    if stack is None:
        raise DeploymentError(f"The stack {stack_name} does not exist.")
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
