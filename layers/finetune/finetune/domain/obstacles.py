"""What keeps a trained model from being evaluated, and what a person does about it."""

from __future__ import annotations

from typing import NamedTuple


class Obstacle(NamedTuple):
    """`why` ends a sentence, `advice` is one or more of its own."""

    why: str
    advice: str


NO_ENDPOINT = Obstacle(
    "no endpoint could be opened for it, because a quota of the account was still used up at the last retry",
    "Delete endpoints that are not needed, or ask for more in Service Quotas, under Amazon Bedrock: custom model "
    "deployments, or for provisioned throughput 'Model units no-commitment Provisioned Throughputs across custom "
    "models'. Then drop the dataset again; the model is evaluated without being trained once more.",
)
NO_TEXT = Obstacle(
    "its answers to a prompt are not text",
    "Open an endpoint of your own, look at what the model makes, and delete the endpoint afterwards.",
)
NO_ITEMS = Obstacle(
    "there were no evaluation items: the project has no evaluation.jsonl and too few records to hold some out",
    "Add an evaluation.jsonl to the project, or more records to the dataset, and drop it again.",
)
ALL_REFUSED = Obstacle(
    "every evaluation item was refused, because a contestant was trained on it",
    "Write evaluation items that neither this dataset nor the one of the model in service holds, and drop it again.",
)


def obstacle(*, answers_text: bool, items: int, refused: int) -> Obstacle:
    """What kept a model from being evaluated, from what its run had come to know; `items` are those left to ask."""
    if not answers_text:
        return NO_TEXT
    if items:
        return NO_ENDPOINT
    return ALL_REFUSED if refused else NO_ITEMS
