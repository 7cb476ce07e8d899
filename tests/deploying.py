"""A built template deployed without the SAM CLI: the same transform, but in this process."""

from __future__ import annotations

import hashlib
import io
import json
import time
import zipfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from local.cloud import Cloud
from local.deployment import CAPABILITIES, DeploymentError, artifact_bucket, described, failures, outputs
from tools import project

ARCHIVE_DATE = (1980, 1, 1, 0, 0, 0)
STACK_SECONDS = 120.0
POLL_SECONDS = 0.1


def deploy_translated(cloud: Cloud, build_dir: Path, stack_name: str, parameters: Mapping[str, str]) -> dict[str, str]:
    """Deploy a built template; the stack's outputs."""
    template = project.read(build_dir / "template.yaml")
    bucket = artifact_bucket(cloud)
    for resource in template["Resources"].values():
        _package(cloud, bucket, build_dir, resource.get("Properties", {}))
    translator = Translator({}, Parser(), boto_session=boto3.session.Session(region_name=cloud.region))
    translated = translator.translate(template, parameter_values=dict(parameters))
    translator.metrics.publish()
    _apply(cloud, stack_name, json.dumps(translated), parameters)
    return outputs(cloud, stack_name)


def _package(cloud: Cloud, bucket: str, build_dir: Path, properties: dict[str, Any]) -> None:
    """Upload what a resource points to, as `sam package` does, and point to the upload."""
    for name in ("CodeUri", "ContentUri"):
        if isinstance(properties.get(name), str):
            properties[name] = _uploaded(cloud, bucket, build_dir / properties[name])
    if isinstance(properties.get("DefinitionUri"), str):
        properties["Definition"] = project.read(build_dir / properties.pop("DefinitionUri"))


@cache
def _uploaded(cloud: Cloud, bucket: str, folder: Path) -> str:
    """Where a folder of a build is, which nobody changes once it is deployed."""
    return _upload(cloud, bucket, _archive(folder))


def _archive(folder: Path) -> bytes:
    """A folder as a zip archive that depends on its content only."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                entry = zipfile.ZipInfo(str(path)[len(str(folder)) + 1 :], ARCHIVE_DATE)
                entry.external_attr = path.stat().st_mode << 16
                archive.writestr(entry, path.read_bytes())
    return buffer.getvalue()


def _upload(cloud: Cloud, bucket: str, data: bytes) -> str:
    key = hashlib.sha256(data).hexdigest()
    cloud.client("s3").put_object(Bucket=bucket, Key=key, Body=data)
    return f"s3://{bucket}/{key}"


def _apply(cloud: Cloud, stack_name: str, template: str, parameters: Mapping[str, str]) -> None:
    """Create the stack, or update it when it exists, and wait for the end."""
    request = {
        "StackName": stack_name,
        # A template given in line may have 51,200 bytes, one in a bucket a million.
        "TemplateURL": _upload(cloud, artifact_bucket(cloud), template.encode()).replace("s3://", f"{cloud.endpoint}/"),
        "Capabilities": CAPABILITIES,
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
    }
    cloudformation = cloud.client("cloudformation")
    try:
        if described(cloud, stack_name) is None:
            cloudformation.create_stack(**request)
        else:
            cloudformation.update_stack(**request)
    except ClientError as error:
        if "No updates are to be performed" not in str(error):
            raise DeploymentError(f"The stack {stack_name} was refused: {error}") from error
    _wait_for(cloud, stack_name)


def _wait_for(cloud: Cloud, stack_name: str) -> None:
    deadline = time.monotonic() + STACK_SECONDS
    status = "UNKNOWN"
    while time.monotonic() < deadline:
        stack = described(cloud, stack_name) or {"StackStatus": "DELETE_COMPLETE"}
        status = stack["StackStatus"]
        if not status.endswith("_IN_PROGRESS"):
            break
        time.sleep(POLL_SECONDS)
    if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        told = "\n".join(failures(cloud, stack_name))
        raise DeploymentError(f"The stack {stack_name} ended as {status}:\n{told}")
