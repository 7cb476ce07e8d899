"""What tests of finetune.aws work on: the Bedrock emulator on a clock that stands still, AWS in memory beside it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.emulator import ManualClock, running_emulator
from tests.integration.deployed import Deployed
from tests.integration.fakes import MemoryBucket, MemoryExecutions, Stack


@pytest.fixture
def stack() -> Iterator[Stack]:
    clock = ManualClock()
    with running_emulator(clock) as emulator:
        yield Stack(emulator, clock)


@pytest.fixture
def bucket() -> MemoryBucket:
    return MemoryBucket()


@pytest.fixture
def executions() -> MemoryExecutions:
    return MemoryExecutions()


@pytest.fixture
def deployed(stack: Stack, bucket: MemoryBucket, executions: MemoryExecutions) -> Deployed:
    return Deployed(stack, bucket, executions)
