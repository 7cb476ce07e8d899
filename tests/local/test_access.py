"""What `finetune access` prints and what the bucket's policy says holds where IAM decides."""

from __future__ import annotations

import json
from typing import Any

import pytest

from finetune_cli.access import Place, policy_of
from local.cloud import Cloud
from tests.local.conftest import Workbench
from tests.local.test_permissions import CALL, allow
from tests.simulation.permissions import of_bucket
from tests.template import ARTIFACTS

BUCKET, MACHINE = "dropping", "arn:aws:states:us-east-1:000000000000:stateMachine:finetune"
PLACE = Place("shop", "shop", BUCKET, ARTIFACTS, MACHINE, "decide", "finetune")
DROPS = {
    "incoming/shop/a.jsonl": True,
    "incoming/other/a.jsonl": False,
    "projects/shop/settings.yaml": False,
    "runs/x": False,
}


def put(workbench: Workbench, caller: str, bucket: str, key: str) -> Any:
    asked = {"Bucket": bucket, "Key": key, "Body": "x"}
    return workbench.invoke(caller, {"service": "s3", "call": "put_object", "with": asked})[1]


@pytest.fixture(scope="module")
def supplier(cloud: Cloud, workbench: Workbench) -> str:
    cloud.client("s3").create_bucket(Bucket=BUCKET)
    return workbench.function(CALL, *policy_of("supplier", PLACE)["Statement"])


@pytest.mark.parametrize("key", DROPS)
def test_a_supplier_drops_into_the_own_folder_only(workbench: Workbench, supplier: str, key: str) -> None:
    assert put(workbench, supplier, BUCKET, key) == ("allowed" if DROPS[key] else "AccessDenied")


def test_only_the_roles_that_the_bucket_names_write_whatever_their_own_policies_say(
    cloud: Cloud, workbench: Workbench
) -> None:
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket=ARTIFACTS)
    roles = [workbench.role("lambda.amazonaws.com", allow("s3:*", "*")) for _ in range(2)]
    text = json.dumps({"Version": "2012-10-17", "Statement": of_bucket(f"arn:aws:s3:::{ARTIFACTS}")})
    s3.put_bucket_policy(Bucket=ARTIFACTS, Policy=text.replace('"PlanRunFunctionRole"', json.dumps(roles[0])))

    found = [put(workbench, workbench.function(CALL, Role=role), ARTIFACTS, "runs/shop/r/plan.json") for role in roles]

    assert found == ["allowed", "AccessDenied"]
