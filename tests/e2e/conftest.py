"""One local cloud with the deployed stack for all end-to-end tests; each test has a project of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from local import deployment
from local.cloud import Cloud
from tests.deploying import deploy_translated
from tests.e2e.pipeline import Pipeline
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
        outputs = deploy_translated(cloud, build, "finetune", {"NotificationEmail": "team@example.com"})
        deployed = Pipeline(cloud, outputs)
        deployed.admin.offer_everywhere()
        yield deployed
