"""The questions of `finetune doctor`, in their order, and how an answer that AWS refuses is told."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from finetune.aws import account_checks, key_checks, rights, stack_checks
from finetune.aws.examined import Examined, Found, NotAsked
from finetune.errors import FineTuneError

_ACTION = re.compile(r"is not authorized to perform: ([\w-]+:\w+)")


class Question(NamedTuple):
    """One line of the answer: its heading, its name, and the function that asks."""

    group: str
    name: str
    ask: Callable[[Examined], Found]


class Line(NamedTuple):
    """A question with what it found."""

    group: str
    name: str
    found: Found


QUESTIONS = (
    Question("Account", "identity", account_checks.identity),
    Question("Account", "concurrency", account_checks.concurrency),
    Question("Account", "jobs", account_checks.jobs),
    Question("Account", "custom models", account_checks.custom_models),
    Question("Base model", "settings", account_checks.settings),
    Question("Base model", "takes jobs", account_checks.takes_jobs),
    Question("Base model", "prices", account_checks.prices),
    Question("Base model", "base model", account_checks.base_model_answers),
    Question("Base model", "judge", account_checks.judge_answers),
    Question("Base model", "deployments", account_checks.deployments),
    Question("Base model", "model units", account_checks.model_units),
    Question("Stack", "stack", stack_checks.deployed),
    Question("Stack", "mails", stack_checks.subscription),
    Question("Stack", "bucket", stack_checks.bucket),
    Question("Stack", "drop", stack_checks.drop),
    Question("Stack", "end of a run", stack_checks.end),
    Question("Stack", "dead letters", stack_checks.dead_letters),
    Question("Stack", "sweeper", stack_checks.sweeper),
    Question("Runs", "ends", stack_checks.runs),
    Question("Runs", "bills", stack_checks.bills),
    Question("Permissions", "key", key_checks.key),
    # Last, because IAM answers some hundred questions no faster than a few a second.
    Question("Permissions", "roles", rights.rights),
)


def answer(question: Question, by: Examined) -> Line:
    """Ask one question; what is refused or fails is not asked."""
    try:
        found = question.ask(by)
    except NotAsked as why:
        found = Found("not asked", str(why))
    except FineTuneError as error:
        found = _unanswered(str(error))
    return Line(question.group, question.name, found)


def _unanswered(message: str) -> Found:
    if action := _ACTION.search(message):
        return Found("not asked", f"you may not {action[1]}", f"Let an administrator give you {action[1]}.")
    return Found("not asked", message.rstrip("."), "Ask again; docs/command.md lists the rights that it needs.")
