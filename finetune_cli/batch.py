"""`finetune batch`: many prompts to one model, paced, bounded in price, and gone on with after an interruption."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any, TextIO

import click

from finetune.domain.evaluation.items import EvaluationItem
from finetune.domain.evaluation.pacing import slowest_per_second
from finetune_cli import askable, prompts, stack
from finetune_cli.answer import Answer, UsageFailure
from finetune_cli.ask import facts
from finetune_cli.askable import PATIENCE_SECONDS, Askable
from finetune_cli.commands.batch import Options
from finetune_cli.console import Console, agreed
from finetune_cli.files import name_of, require_suffix

type Answers = dict[tuple[int, str], dict[str, Any]]


def run(options: Options, console: Console) -> Answer:
    """Yes when every prompt has an answer."""
    require_suffix(options.out)
    items = prompts.read(options.file, options.system)
    before = prompts.answered(options.out)
    by = stack.removing(options.stack)
    [model] = askable.find(by, options.model)
    model = model.bounded(options.max_tokens)
    marks = {item.id: prompts.mark(item, model.contestant.model, model.parameters.model_dump()) for item in items}
    kept = {key: each for item in items if (each := before.get(key := (item.line, marks[item.id]))) and _good(each)}
    if sum(map(_good, before.values())) > len(kept):
        raise UsageFailure(
            f"{name_of(options.out)} has answers to other prompts, of another model or with other parameters; they "
            "were paid for, so name another file with --out."
        )
    left = [item for item in items if (item.line, marks[item.id]) not in kept]
    if left and not _may(options, model, left, len(kept), console):
        console.warn("finetune: nothing was asked.")
        return Answer(False, {"file": str(options.out), "answered": len(kept), "left": len(left), "usd": 0.0})
    if left:
        # Without a line that an interruption has cut, at which the next would begin.
        with _writable(options.out):
            prompts.write(options.out, kept.values())
    new = _asked(model, left, marks, options.out, console)
    everything = {**kept, **new}
    with _writable(options.out):
        prompts.write(options.out, [each for _, each in sorted(everything.items())])
    return _told(options, items, everything, new, console)


def _good(each: dict[str, Any]) -> bool:
    return not each.get("error")


def _may(options: Options, model: Askable, left: list[EvaluationItem], kept: int, console: Console) -> bool:
    """Whether so many answers may be paid for."""
    bound = askable.bound((model, item) for item in left)
    again = f" {kept} are answered already." if kept else ""
    most = f"at most {askable.price(bound)}" if model.contestant.paid_by_token else "nothing beside its hours"
    console.warn(f"{len(left)} prompts to the {model.name} {model.row.id} cost {most}.{again}")
    if options.most_usd is not None and (bound is None or bound > options.most_usd):
        raise UsageFailure(
            f"That may be more than the ${options.most_usd:g} of --most-usd; nothing was asked. Ask fewer prompts, or "
            "cut answers with --max-tokens."
        )
    return options.yes or agreed(console, "Ask them? Type yes: ")


def _asked(model: Askable, left: list[EvaluationItem], marks: dict[str, str], out: Path, console: Console) -> Answers:
    """The answers that came, each written down at once."""
    found: Answers = {}
    lines = {item.id: item.line for item in left}
    # No model is slower than this for long, whatever it throttles.
    patience = PATIENCE_SECONDS + len(left) / slowest_per_second(model.row.requests_per_minute, 1)
    with _writable(out), out.open("a", encoding="utf-8") as file, _bar(len(left), console) as bar:
        for answer in model.answers(left, patience=patience):
            line = lines[answer.id]
            told = {"line": line, "asked": marks[answer.id], **facts(model, answer, model.usd(answer))}
            found[line, marks[answer.id]] = told
            _append(file, told)
            bar(1)
    return found


def _append(file: TextIO, told: dict[str, Any]) -> None:
    file.write(json.dumps(told) + "\n")
    file.flush()


@contextmanager
def _writable(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UsageFailure(f"{name_of(out)} cannot be written: {(error.strerror or str(error)).lower()}.") from None


@contextmanager
def _bar(length: int, console: Console) -> Iterator[Any]:
    """A progress bar for people."""
    if console.silent or not sys.stderr.isatty() or not length:
        yield lambda _: None
        return
    with click.progressbar(length=length, label="asking", file=sys.stderr, show_pos=True) as bar:
        yield bar.update


def _told(options: Options, items: list[EvaluationItem], everything: Answers, new: Answers, console: Console) -> Answer:
    good = [each for each in everything.values() if _good(each)]
    failed = sorted({str(each["error"]) for each in everything.values() if not _good(each)})
    usd, left = _sum(each["usd"] for each in new.values()), len(items) - len(good)
    latency = median([each["latency_ms"] for each in good]) if good else None
    seconds = "" if latency is None else f", {latency / 1000:.1f} s each"
    console.write(f"{len(good)} of {len(items)} prompts are answered in {name_of(options.out)}{seconds}.")
    console.write(f"{len(new)} were asked now, for {askable.price(usd)}.")
    if left:
        why = f" ({', '.join(failed)})" if failed else ""
        console.warn(f"finetune: {left} have no answer{why}; run the command again to ask them again.")
    told = {"file": str(options.out), "answered": len(good), "left": left, "asked": len(new), "usd": usd}
    return Answer(not left, {**told, "median_latency_ms": latency, "errors": failed})


def _sum(prices: Iterable[float | None]) -> float | None:
    known = list(prices)
    return None if None in known else sum(each or 0.0 for each in known)
