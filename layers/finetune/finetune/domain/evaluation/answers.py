"""What a contestant said to an evaluation item, and how that counts."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator

from finetune.foreign import BLANK
from finetune.frozen import Frozen

AnswerOutcome = Literal["answered", "empty", "cut", "blocked", "unusable", "missing"]

# What a Converse stop reason means for the score. Answered and cut texts are measured as they are; empty, blocked and
# unusable ones score 0, because whoever asked got nothing to use; missing ones are never scored.
OUTCOMES: Mapping[str, AnswerOutcome] = {
    "end_turn": "answered",
    "stop_sequence": "answered",
    "max_tokens": "cut",
    "model_context_window_exceeded": "cut",
    "content_filtered": "blocked",
    "guardrail_intervened": "blocked",
    "malformed_model_output": "unusable",
    "malformed_tool_use": "unusable",
    "tool_use": "unusable",
}
SCORED_AS_ZERO: frozenset[AnswerOutcome] = frozenset({"empty", "blocked", "unusable"})


# What each outcome but a full answer is called beside a number.
NO_ANSWER: Mapping[AnswerOutcome, str] = {
    "empty": "empty",
    "cut": "cut at the length limit",
    "blocked": "blocked",
    "unusable": "unusable",
}


_BLANK = re.compile(f"[{BLANK}]")


def is_empty(text: str) -> bool:
    """Whether an answer holds nothing that can be read."""
    return not any(unicodedata.category(c)[0] in "LNPS" and not _BLANK.match(c) for c in text)


def whole(text: str) -> str:
    """The text with each half of a surrogate pair replaced: JSON may carry one, UTF-8 cannot."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


class Answer(Frozen):
    """What one contestant said to one item; `error` is a code, set only when no answer could be had.

    Its tokens are not `paid` if an earlier run got it, or if the contestant is billed by the hour.
    """

    id: str
    text: Annotated[str, AfterValidator(whole)] = ""
    stop_reason: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    latency_ms: int = 0
    error: str | None = None
    paid: bool = True

    @property
    def outcome(self) -> AnswerOutcome:
        """How the answer counts; a stop reason that the table does not know is missing rather than guessed at."""
        ended = "missing" if self.error else OUTCOMES.get(self.stop_reason or "", "missing")
        return "empty" if ended in {"answered", "cut"} and is_empty(self.text) else ended
