"""The text of a mail: a subject that SNS takes and a body with a bound."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from finetune.foreign import Block, block

SUBJECT_CHARACTERS = 99
BODY_BYTES = 8 * 1024
_CONTROLS = dict.fromkeys((*range(32), 127), " ")
# The stack that commands use unless they are told of another.
USUAL_STACK = "finetune"


@dataclass(frozen=True, slots=True)
class Mail:
    subject: str
    body: str


def of_stack(stack: str) -> str:
    """What a command ends with in a text, so that it means this stack; nothing for the stack that it means anyway."""
    return "" if stack == USUAL_STACK else f" --stack {stack}"


def of_execution(execution_arn: str) -> str:
    """The same for the stack of an execution, whose state machine has the stack's name."""
    parts = execution_arn.split(":")
    return of_stack(parts[6] if len(parts) > 7 else USUAL_STACK)


def mail(headline: str, paragraphs: Iterable[str]) -> Mail:
    """A mail of paragraphs, without empty ones: subject in ASCII under 100 characters, body under 8 KiB.

    A paragraph that is no block is one line, whatever somebody else's text in it says.
    """
    return Mail(subject=_subject(headline), body=_bounded("\n\n".join(map(block, filter(None, paragraphs)))))


def corrected(first: Mail) -> Mail:
    """The mail of a run that went on after an earlier mail had told its end."""
    why = "The run was redriven after an earlier mail had told of its end. This is how it ended now."
    return mail(f"Correction: {first.subject}", [why, Block(first.body)])


def lines(title: str, each: Iterable[str]) -> Block:
    """A paragraph with a title and an indented line for each."""
    return block(title, *(f"  {line}" for line in each))


def count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _subject(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.replace("\u00df", "ss"))
    ascii_only = (
        "".join(filter(lambda each: not unicodedata.combining(each), plain)).encode("ascii", "replace").decode()
    )
    return " ".join(ascii_only.translate(_CONTROLS).split())[:SUBJECT_CHARACTERS]


def _bounded(body: str) -> str:
    data = body.encode("utf-8", "replace")
    if len(data) <= BODY_BYTES:
        return body
    return data[: BODY_BYTES - 64].decode(errors="ignore") + "\n[cut; see the run's files]"
