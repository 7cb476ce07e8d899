"""What surrounds the paragraph of every function: one line in the log that says what became of which run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from finetune.errors import FineTuneError
from finetune.foreign import LINE_CHARACTERS, SERVICE_CHARACTERS, foreign

Payload = dict[str, Any]
Handler = Callable[[Payload, LambdaContext], Payload]

# Words of ours; every other text of a payload might be somebody's and stays out of the log.
_WORDS = frozenset({"status", "decision", "outcome", "overfitting", "kind", "phase", "metric"})

logger = Logger()


def step(handler: Handler) -> Handler:
    """The handler with a line in the log for each time it ends: run, project, and counts and verdicts of its output."""

    @wraps(handler)
    @logger.inject_lambda_context
    def logged(event: Payload, context: LambdaContext) -> Payload:
        try:
            output = handler(event, context)
        except FineTuneError as error:
            logger.error("failed", error=type(error).__name__, **_whose(event))
            raise
        except Exception as error:
            logger.error("failed", error=type(error).__name__, **_whose(event))
            # What is not ours may repeat all of what it was about, more than a state holds.
            if len(str(error)) > LINE_CHARACTERS:
                raise RuntimeError(f"{type(error).__name__}: {foreign(error, SERVICE_CHARACTERS)}") from None
            raise
        logger.info("done", **_whose({"run": output} | event), output=facts(output))
        return output

    return logged


def _whose(event: Mapping[str, Any]) -> dict[str, Any]:
    run = event.get("run")  # a name where a person names it
    known = {**event, **(run if isinstance(run, Mapping) else {})}
    return {name: foreign(known[name]) for name in ("run_id", "project", "execution_arn") if name in known}


def facts(output: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers and verdicts of an output as they are, of lists their length, and no other text.

    >>> facts({"records": 3, "accepted": True, "first_problems": ["line 4: ..."], "reason": "...", "status": "Ready"})
    {'records': 3, 'accepted': True, 'first_problems': 1, 'status': 'Ready'}
    """
    return {
        name: len(value) if isinstance(value, list) else value
        for name, value in output.items()
        if isinstance(value, int | float | list) or (name in _WORDS and isinstance(value, str))
    }
