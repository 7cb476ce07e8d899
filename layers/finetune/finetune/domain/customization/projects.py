"""Projects by name: which one a dropped key belongs to, and the slug under which AWS knows it."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Collection
from pathlib import PurePosixPath
from typing import Any

from finetune.domain.customization import jobs
from finetune.domain.customization.project_files import meant, misplaced
from finetune.domain.records.limits import ANY_SUFFIX, SUFFIXES
from finetune.errors import FilesMisplaced, UnsupportedDataset
from finetune.foreign import BLANK, foreign

INCOMING = "incoming/"
# What release 0.2.0 took for a dataset.
_SUFFIXES_BEFORE = (".jsonl", ".json", ".csv")
MOST_NAME_CHARACTERS = 200

# The letters of a slug before a hash, and without one; with either, a job's name fits Bedrock's 63 characters.
_BEFORE_HASH, _ALONE = 16, 26
_HASH, _HASH_BEFORE = 16, 6
# What a slug with a hash ends in, now or in release 0.2.0.
_HASHED = re.compile(rf"-(?:[0-9a-f]{{{_HASH_BEFORE}}}|[0-9a-f]{{{_HASH}}})\Z")
# Controls, line ends and format characters; the joiners among the last are part of how some languages are written.
_UNSEEN, _JOINERS = {"Cc", "Cf", "Cs", "Zl", "Zp"}, "\u200c\u200d"
# Letters and marks that show nothing, and spaces that look like the common one; the wide one of East Asia does not.
_TAKEN_FOR_OTHERS = re.compile(rf"[{BLANK}\xa0\u1680\u2000-\u200a\u202f\u205f]")


def project_of(key: str) -> str:
    """The project a dropped key belongs to: its folder under incoming/, or else its stem.

    UnsupportedDataset when the key is not a dataset below incoming/, or could be read as that of another project;
    FilesMisplaced when it is one of the project's own files.
    """
    *_, file = segments = key.removeprefix(INCOMING).split("/")
    if key.startswith(INCOMING) and len(segments) > 1 and meant(file):
        [found] = misplaced(segments[0], [key])
        raise FilesMisplaced(f"{found.sentence()}.")
    if not key.startswith(INCOMING) or PurePosixPath(file).suffix.lower() not in SUFFIXES:
        raise UnsupportedDataset(
            f"{foreign(key)!r} is not a dataset: drop a {ANY_SUFFIX} file as {INCOMING}<project>/<name>.jsonl."
        )
    name = _folder_or_stem(segments)
    if wrong := _ambiguous([*segments, name]):
        raise UnsupportedDataset(f"{foreign(key)!r} {wrong}; drop the file as {INCOMING}<project>/<name>.jsonl.")
    if len(name) > MOST_NAME_CHARACTERS:
        raise UnsupportedDataset(
            f"The name of the project has {len(name)} characters and may have {MOST_NAME_CHARACTERS}; drop the file in "
            f"a folder with a shorter name, as {INCOMING}<project>/<name>.jsonl."
        )
    return name


def project_in(key: str) -> str | None:
    """The same; None when the key is not one that this release takes."""
    try:
        return project_of(key)
    except (FilesMisplaced, UnsupportedDataset):
        return None


def project_before(key: str) -> str | None:
    """The project of a key by the rule of release 0.2.0, which took more keys; None when it was no dataset then."""
    path = PurePosixPath(key.removeprefix(INCOMING))
    if not key.startswith(INCOMING) or path.suffix.lower() not in _SUFFIXES_BEFORE:
        return None
    return path.parts[0] if len(path.parts) > 1 else path.stem


def _folder_or_stem(segments: list[str]) -> str:
    return segments[0] if len(segments) > 1 else PurePosixPath(segments[0]).stem


def _ambiguous(segments: list[str]) -> str:
    """What makes the parts of a key, the project's name last, read as those of another one; else nothing."""
    if {"", ".", ".."}.intersection(segments):
        return "has a part between slashes that is empty or only dots"
    if unseen := next(filter(_is_unseen, "".join(segments)), ""):
        return f"has the character U+{ord(unseen):04X}, which is not seen or changes how a line reads"
    return "begins or ends the name of its project with a space" if segments[-1] != segments[-1].strip() else ""


def _is_unseen(character: str) -> bool:
    if _TAKEN_FOR_OTHERS.match(character):
        return True
    return unicodedata.category(character) in _UNSEEN and character not in _JOINERS


def evaluated_project_of(key: str) -> str:
    """The project whose evaluation set a key is; UnsupportedDataset when it is none."""
    match key.split("/"):
        case ["projects", project, "evaluation.jsonl"] if project_in(f"{INCOMING}{project}/a.jsonl") == project:
            return project
    raise UnsupportedDataset(
        f"{foreign(key)!r} is not an evaluation set; that of a project is {evaluation_set('<project>')}."
    )


def evaluation_set(project: str) -> str:
    """The key of a project's own evaluation set."""
    return f"projects/{project}/evaluation.jsonl"


def named_by(key: str) -> str:
    """What an object is called after, also one that is no dataset: its folder under incoming/ or its stem."""
    return _folder_or_stem(key.removeprefix(INCOMING).split("/"))


def execution_name(*, key: str, evaluate: str | None = None, **identity: Any) -> str:
    """The name of the execution that a dropped object starts: project and run id, as its endpoint's.

    What is no dataset has one too. Small letters, digits and hyphens, of which Step Functions takes 80.
    """
    named = named_by(key.removeprefix("projects/") if evaluate else key) or "unnamed"
    return jobs.resource_name(project_slug(named), jobs.run_id(key=key, evaluate=evaluate, **identity))


def project_slug(project: str) -> str:
    """The project in letters that S3 URIs, names and parameters allow; never the same for two projects.

    A name that looks as if it had a hash gets one, so that it is not the slug of another name.
    """
    if _letters(project, _ALONE) == project and not _HASHED.search(project):
        return project
    return _hashed(project, _BEFORE_HASH, _HASH)


def slug_before(project: str) -> str:
    """The slug that release 0.2.0 gave a project; two names could have the same one."""
    return project if _letters(project, _ALONE) == project else _hashed(project, _ALONE, _HASH_BEFORE)


def slugs_meant(text: str) -> frozenset[str]:
    """The slugs that a person may mean by a name, or by a slug, which is what mails and lists show.

    Not among them is the one that release 0.2.0 gave a name, for it may be another project's.
    """
    return frozenset((text, project_slug(text)))


def two_meant(text: str, known: Collection[str]) -> bool:
    """Whether a text is the slug of one known project and the name of another."""
    return text in known and not (slugs_meant(text) - {text}).isdisjoint(known)


def _letters(project: str, most: int) -> str:
    return re.sub(r"[^a-z0-9]+", "-", project.lower()).strip("-")[:most].strip("-")


def _hashed(project: str, letters: int, digits: int) -> str:
    digest = hashlib.sha256(project.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{_letters(project, letters) or 'project'}-{digest[:digits]}"
