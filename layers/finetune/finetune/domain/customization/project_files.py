"""A project's own files by name: which one a file is meant to be, and where that one belongs."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from finetune.domain.records.limits import SUFFIXES
from finetune.foreign import LINE_CHARACTERS, foreign

# What people call each file, without its suffix.
_STEMS = {
    "settings.yaml": {"setting", "settings"},
    "evaluation.jsonl": {"eval", "evals", "evaluation", "evaluations", "evaluation_set", "eval_set"},
    "validation.jsonl": {"val", "valid", "validation", "validations", "validation_set", "val_set"},
}
_SUFFIXES = {"settings.yaml": {".yaml", ".yml"}}
_OF_DATASETS = frozenset(SUFFIXES)
# So many are named, with their commands if all of it fits a line of a mail and some words before it: a command that is
# cut in the middle of a quoted name is another command.
_MOST_NAMED, _FITS = 2, LINE_CHARACTERS - 200
_WHAT = {
    "settings.yaml": "a project's settings",
    "evaluation.jsonl": "an evaluation set, which is never trained on",
    "validation.jsonl": "a validation set, which is never trained on",
}


class Misplaced(NamedTuple):
    """A file that no run reads, and the key of the project file that it is meant to be."""

    key: str
    belongs: str

    def sentence(self) -> str:
        """What the file is taken for, and where it belongs."""
        what = _WHAT[self.belongs.rpartition("/")[2]]
        told = f"{foreign(self.key)!r} looks like {what}; it belongs to {foreign(self.belongs)!r}"
        return f"{told}, but whoever may drop datasets can have written it: read it first" if self.dropped else told

    @property
    def dropped(self) -> bool:
        """Whether it lies where suppliers of data write, who may not decide what a project file decides."""
        return not self.key.startswith("projects/")

    def command(self, bucket: str) -> str:
        """What moves it there."""
        source, target = (shlex.quote(f"s3://{bucket}/{key}") for key in (self.key, self.belongs))
        return f"aws s3 mv {source} {target}"


def meant(name: str) -> str | None:
    """The project file that a file's name means; None where it means none.

    >>> meant("Evaluations.json"), meant("settings.yml"), meant("data.jsonl")
    ('evaluation.jsonl', 'settings.yaml', None)
    """
    path = PurePosixPath(name.lower().replace("-", "_").replace(" ", "_"))
    for file, stems in _STEMS.items():
        if path.stem in stems and path.suffix in _SUFFIXES.get(file, _OF_DATASETS):
            return file
    return None


def misplaced(project: str, keys: Iterable[str]) -> list[Misplaced]:
    """The files among some keys of a project that are meant to be read and are not, where or as they lie."""
    own = f"projects/{project}/"
    found = ((key, meant(key.rpartition("/")[2])) for key in keys)
    return [Misplaced(key, own + file) for key, file in found if file and key != own + file]


def told(found: Sequence[Misplaced], bucket: str) -> str:
    """The first of the files in one sentence, with the commands that move those that only owners can have written."""
    first, more = found[:_MOST_NAMED], len(found) - _MOST_NAMED
    named = "; ".join((*(each.sentence() for each in first), *((f"and {more:,} more",) if more > 0 else ())))
    moves = "; ".join(each.command(bucket) for each in first if not each.dropped)
    complete = f"{named}. To move: {moves}."
    return complete if moves and len(complete) <= _FITS else f"{named}."
