"""`finetune ask`: one question or a conversation with a model, beside its base model if that is asked for."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import Any

from finetune.domain.evaluation.answers import Answer as Said
from finetune.domain.evaluation.items import EvaluationItem, Turn
from finetune_cli import askable, stack
from finetune_cli.answer import Answer, UsageFailure
from finetune_cli.askable import Askable
from finetune_cli.commands.ask import Options
from finetune_cli.console import Console, agreed, complain

# So much may be spent without a question; what is above it, or unknown, is asked first.
UNASKED_USD = 0.10


@dataclass
class Conversation:
    """What was said to one model and by it."""

    model: Askable
    system: str | None
    turns: list[Turn] = field(default_factory=list)

    def item(self, prompt: str) -> EvaluationItem:
        """The next question behind all that was said before."""
        return EvaluationItem(
            id="question", line=1, system=self.system, messages=(*self.turns, Turn(role="user", text=prompt))
        )

    def ask(self, prompt: str) -> Said:
        """The model's answer, which belongs to the conversation from now on; an error does not."""
        item = self.item(prompt)
        answer = next(self.model.answers([item]), Said(id=item.id, error="NoResponse"))
        if not answer.error and answer.text:
            self.turns = [*item.messages, Turn(role="assistant", text=answer.text)]
        return answer


def run(options: Options, console: Console) -> Answer:
    """Yes when every model has answered every question."""
    by = stack.removing(options.stack)
    found = [each.bounded(options.max_tokens) for each in askable.find(by, options.model, compare=options.compare)]
    talks, told = [Conversation(each, options.system) for each in found], list[dict[str, Any]]()
    spent = billed = 0.0
    for prompt in [options.prompt] if options.prompt else _prompts(console):
        bound = askable.bound((talk.model, talk.item(prompt)) for talk in talks)
        if not (options.yes or _may(console, bound, billed)):
            console.warn("finetune: nothing was asked.")
            return Answer(False, {"answers": told, "usd": spent})
        answers = [_answered(talk, prompt, console, alone=len(talks) == 1) for talk in talks]
        told += answers
        usd = sum(each["usd"] or 0.0 for each in answers)
        spent += usd
        # What has failed may have been billed all the same.
        billed += bound or 0.0 if any(each["error"] for each in answers) else usd
    if not told:
        raise UsageFailure("Nothing was asked: give a question behind the name, or on standard input.")
    return Answer(not any(each["error"] for each in told), {"answers": told, "usd": spent})


def _prompts(console: Console) -> Any:
    """What a person types line by line until an empty one, or all of standard input as one question."""
    if not sys.stdin.isatty():
        text = sys.stdin.read().strip()
        return [text] if text else []
    console.warn("Each question is billed. An empty line ends the conversation.")
    return iter(_typed, "")


def _typed() -> str:
    complain("> ", end="")
    return sys.stdin.readline().strip()


def _may(console: Console, bound: float | None, billed: float) -> bool:
    """Whether a question may be asked: it is billed, which is said, and a person agrees to what is not little."""
    console.warn(f"Asking is billed: at most {askable.price(bound)} for this question.")
    if bound is not None and billed + bound <= UNASKED_USD:
        return True
    return agreed(console, "Ask it? Type yes: ")


def _answered(talk: Conversation, prompt: str, console: Console, *, alone: bool) -> dict[str, Any]:
    answer = talk.ask(prompt)
    usd = talk.model.usd(answer)
    if not alone:
        console.write("", f"{talk.model.name} ({talk.model.row.id})")
    if answer.error:
        console.warn(f"finetune: the {talk.model.name} did not answer: {answer.error}.")
    else:
        console.write(*askable.lines(answer.text))
        billed = askable.price(usd) if talk.model.contestant.paid_by_token else "billed by the hour"
        ended = "" if answer.outcome == "answered" else f", {answer.outcome}"
        console.warn(
            f"{answer.input_tokens} tokens in, {answer.output_tokens} out, {answer.latency_ms / 1000:.1f} s, "
            f"{billed}{ended}"
        )
    return facts(talk.model, answer, usd)


def facts(model: Askable, answer: Said, usd: float | None) -> dict[str, Any]:
    """An answer for a program."""
    return {
        "who": model.name,
        "model": model.contestant.model,
        "answer": answer.text,
        "stop_reason": answer.stop_reason,
        "latency_ms": answer.latency_ms,
        "input_tokens": answer.input_tokens,
        "output_tokens": answer.output_tokens,
        "usd": usd,
        "error": answer.error,
    }
