"""A project with a model in service that answers, for the commands that ask it."""

from __future__ import annotations

from typing import Any

from finetune.aws import clients
from finetune.aws.publication import Published
from tests.past import Runs

PRICES = {"input_per_1k_tokens": 1.0, "output_per_1k_tokens": 2.0}


class Runtime:
    """Answers each question with its last text in capitals; `errors` come first, one for each call."""

    def __init__(self) -> None:
        self.asked = list[dict[str, Any]]()
        self.errors = list[Exception]()

    def converse(self, **request: Any) -> dict[str, Any]:
        self.asked.append(request)
        if self.errors:
            raise self.errors.pop(0)
        text = request["messages"][-1]["content"][0]["text"]
        return {
            "output": {"message": {"content": [{"text": text.upper()}]}},
            "stopReason": "end_turn",
            "usage": {"inputTokens": 10, "outputTokens": 5},
            "metrics": {"latencyMs": 400},
        }


def serving(past: Runs, *, kind: str = "custom-model-deployment", prices: Any = PRICES) -> tuple[Runtime, Published]:
    """The runtime and what project shop has in service at these prices."""
    runtime = Runtime()
    past.patched.setattr(clients, "bedrock_runtime", lambda: runtime)
    arn = f"arn:aws:bedrock:us-east-1:123456789012:{kind}/abcdefghijkl"
    model = past.stack.model("shop", 1)
    past.stack.publish("shop", 1, model, arn, prices=prices)
    found = Published(
        endpoint_arn=arn,
        endpoint_name=f"shop-{past.stack.run(1)}",
        kind="on_demand",
        base_model="amazon.nova-micro-v1:0:128k",
        model_arn=model,
        run_id=past.stack.run(1),
    )
    return runtime, found
