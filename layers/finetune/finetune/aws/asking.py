"""Many questions to one model at once, paced at what it takes; one that it has no room for is asked again later."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from finetune.aws.translation import code_of, service_time
from finetune.domain.evaluation.pacing import Pace
from finetune.errors import AccessRefused, BudgetReached

if TYPE_CHECKING:
    from datetime import datetime

    from mypy_boto3_bedrock_runtime import BedrockRuntimeClient

# What a request under way when the time is up may still take; Converse may take longer than a function has left.
GRACE_SECONDS = 15.0
MOST_FAULTS = 6

# The model has no room now: asked again for as long as there is time, so that no item is lost.
BUSY = frozenset({"ThrottlingException", "ModelNotReadyException", "ServiceUnavailableException"})
# Something broke, which may lie in the question: asked again a few times.
FAULTS = frozenset({"ModelTimeoutException", "InternalServerException", "ModelErrorException", "NoResponse"})


class Question(Protocol):
    @property
    def id(self) -> str: ...


class Reply(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def error(self) -> str | None: ...


def ask_all[Q: Question, R: Reply](  # noqa: PLR0913 - keywords, one for each way to ask
    ask: Callable[[Q], R],
    questions: Iterable[Q],
    *,
    pace: Pace,
    workers: int,
    remaining: Callable[[], float],
    again: frozenset[str] = FAULTS,
    most: int = MOST_FAULTS,
    now: Callable[[], float] = time.monotonic,
    rest: Callable[[float], None] = time.sleep,
) -> Iterator[R]:
    """Replies in the order in which they come, at most one for each question; questions without a reply had no time.

    A question is asked again after an error in `BUSY`, and after one in `again` until it came `most` times. `ask` runs
    in threads.
    """
    queue, running, faults = deque(questions), dict[Future[R], tuple[Q, float]](), Counter[str]()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="asking")

    def taken(future: Future[R]) -> R | None:
        """The reply of a question that is done; None when it is asked again."""
        question, sent_at = running.pop(future)
        reply = future.result()
        if reply.error in BUSY | FAULTS:
            pace.throttled(sent_at, now())
        else:
            pace.answered()
        faults[question.id] += reply.error in again
        if reply.error in BUSY or (reply.error in again and faults[question.id] < most):
            queue.append(question)
            return None
        return reply

    try:
        while (queue and remaining() > 0) or (running and remaining() > -GRACE_SECONDS):
            pause, left = pace.wait(now()), max(0.0, remaining())
            free = queue and left and len(running) < workers
            if free and not pause:
                question = queue.popleft()
                pace.sent(now())
                running[pool.submit(ask, question)] = question, now()
            elif not running:
                rest(min(pause, left))
            else:
                timeout = min(pause, left) if free else remaining() + GRACE_SECONDS
                done = wait(running, timeout=max(timeout, 0.0), return_when=FIRST_COMPLETED).done
                yield from filter(None, map(taken, done))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def converse(
    runtime: BedrockRuntimeClient, request: Mapping[str, Any], until: datetime | None = None
) -> tuple[dict[str, Any], str | None]:
    """The model's reply, or the code of the error that came instead.

    AccessRefused when all would be refused; BudgetReached when the service answers at `until` or later.
    """
    try:
        reply: dict[str, Any] = dict(runtime.converse(**request))
        code = None
    except ClientError as error:
        reply, code = dict(error.response), code_of(error)
        if code == "AccessDeniedException":
            message = error.response["Error"].get("Message", "")
            raise AccessRefused(f"While asking {request['modelId']}: {message}") from error
    except BotoCoreError:
        return {}, "NoResponse"
    if until and service_time(reply) >= until:
        raise BudgetReached(
            f"At {until:%Y-%m-%d %H:%M} UTC the evaluation had not ended, and the budget covers no more hours of its "
            "throughput."
        )
    return reply, code
