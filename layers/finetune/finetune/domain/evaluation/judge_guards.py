"""What follows from a judge's ratings: they can object to a promotion and cannot cause one."""

from __future__ import annotations

from finetune.domain.evaluation.comparison import Guard, guard
from finetune.domain.evaluation.gates import Gates
from finetune.domain.evaluation.llm_judge import TEXT_CHARACTERS, JudgeReport


def judge_guards(judged: JudgeReport | None, gates: Gates) -> tuple[Guard, ...]:
    """The judge's ratings as figures that must not fall: they can object to a promotion, never cause one.

    Accuracy is looked at first and by itself; of the other criteria the one that fell surest counts.
    """
    if not judged or not judged.ratings:
        return ()
    rest = [name for name in judged.by_criterion if name != "accuracy"]
    looked_at = [
        ("judge", "The judge's rating", judged.ratings, 1),
        *((f"judge_{name}", f"The judge's rating of {name}", ratings, 1 if name == "accuracy" else len(rest))
          for name, ratings in judged.by_criterion.items()),
    ]  # fmt: skip
    return tuple(
        _trusted(
            guard(
                list(ratings.values()),
                name=name,
                title=title,
                tolerance=gates.judge_rating,
                confidence=gates.guard_confidence,
                tests=tests,
            ),
            judged,
        )
        for name, title, ratings, tests in looked_at
    )


def _trusted(found: Guard, judged: JudgeReport) -> Guard:
    """A guard that says "held" only if the judge does not follow the order in which it saw the answers."""
    if found.state != "held" or judged.is_trusted:
        return found
    why = (
        f"{found.title}: cannot be told, {found.before:.1%} before, {found.after:.1%} now, because the judge "
        f"contradicts itself in {judged.contradicted:.0%} of the items when the order of the answers is changed."
    )
    return found.model_copy(update={"state": "too_few", "reason": why})


def judge_doubts(judged: JudgeReport | None) -> list[str]:
    """Why the judge's ratings are no evidence, one sentence each."""
    if not judged or not judged.asked or judged.judged / judged.asked >= judged.coverage:
        return []
    refusal = f" It may not be asked: {judged.refusal.rstrip('.')}." if judged.refusal else ""
    return [
        f"The judge rated only {judged.judged} of {judged.asked} items, {judged.coverage:.0%} are needed; "
        f"run the evaluation again or remove the judge from settings.yaml.{refusal}"
    ]


def judge_notes(judged: JudgeReport | None) -> list[str]:
    """What a reader should know of the judge's ratings."""
    told = []
    if judged and judged.ratings and not judged.is_trusted:
        told.append(
            f"The judge contradicts itself in {judged.contradicted:.0%} of the items when the order of the answers is "
            "changed, so its ratings cannot show that nothing fell; choose another judge."
        )
    if judged and judged.cut:
        told.append(
            f"In {judged.cut} of {judged.asked} items the judge saw only the beginning of a text, its first "
            f"{TEXT_CHARACTERS:,} characters."
        )
    return told
