"""The tags by which what a run made is known again: whose it is, and until when it may live."""

from __future__ import annotations

from finetune.contracts import Run

STACK_TAG, RUN_TAG, PROJECT_TAG, LEASE_TAG = (
    "finetune-stack",
    "finetune-run",
    "finetune-project",
    "finetune-lease-until",
)


def tags_of(run: Run, stack: str, **more: str) -> list[dict[str, str]]:
    """The tags every resource of a run carries, as Bedrock spells them."""
    tags = {STACK_TAG: stack, RUN_TAG: run.run_id, PROJECT_TAG: run.slug, **more}
    return [{"key": key, "value": value} for key, value in tags.items()]
