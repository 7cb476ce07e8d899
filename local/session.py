"""The stack in a local cloud: started, built and deployed for as long as the context lasts."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from local.bedrock.admin import Admin
from local.cloud import Cloud
from local.deployment import REPOSITORY, build, deploy

STACK_NAME = "finetune"
RECIPIENT = "someone@example.com"
BUILDS = REPOSITORY / ".aws-sam" / "builds"

type Step = Callable[[str], AbstractContextManager[None]]


@dataclass(frozen=True)
class Session:
    """A running cloud with the stack in it."""

    cloud: Cloud
    outputs: Mapping[str, str]

    @property
    def bedrock(self) -> Admin:
        """The Bedrock emulator's own interface."""
        return Admin(self.cloud.bedrock_endpoint or "")


@contextmanager
def session(state: Path, *, region: str, time_scale: float, step: Step) -> Iterator[Session]:
    """Start a cloud, build the template beside it, deploy it, and stop the cloud in the end; `step` shows each."""

    def start() -> Cloud:
        with step("Start the local cloud"):
            return Cloud.start(state, time_scale, region=region)

    with ThreadPoolExecutor(1) as pool, _stopping(pool.submit(start)) as starting:
        with step("Build the template"):
            folder = build(REPOSITORY, BUILDS)
        cloud = starting.result()
        with step("Deploy the stack"):
            outputs = deploy(cloud, folder, STACK_NAME, {"NotificationEmail": RECIPIENT})
        yield Session(cloud, outputs)


@contextmanager
def _stopping(starting: Future[Cloud]) -> Iterator[Future[Cloud]]:
    """Stop the cloud in the end, also one that is still starting."""
    try:
        yield starting
    finally:
        if starting.exception() is None:
            starting.result().stop()
