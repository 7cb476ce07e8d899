"""One local cloud with the stack for all end-to-end tests, under a KMS key of its own; each has its own project."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from local import deployment
from local.cloud import Cloud
from tests.deploying import deploy_translated
from tests.e2e.pipeline import Pipeline
from tests.keys import key_policy_text
from tools.project import ROOT

# A job of an hour takes two seconds; what takes long itself does not take hours (local.clock).
TIME_SCALE = 1800


@pytest.fixture(scope="session")
def build() -> Path:
    return deployment.build(ROOT, ROOT / ".aws-sam" / "builds")


# A cloud works as long as it runs, because its sweeper does, so this one ends with the last of these tests.
@pytest.fixture(scope="package")
def pipeline(build: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    with Cloud.start(tmp_path_factory.mktemp("cloud"), time_scale=TIME_SCALE) as cloud:
        policy = key_policy_text(cloud.account, cloud.region)
        key = cloud.client("kms").create_key(MultiRegion=True, Policy=policy)["KeyMetadata"]["Arn"]
        parameters = {"NotificationEmail": "team@example.com", "KmsKeyArn": key}
        outputs = deploy_translated(cloud, build, "finetune", parameters)
        deployed = Pipeline(cloud, outputs)
        deployed.admin.offer_everywhere()
        yield deployed
