"""What a check may find in a dataset: every code with its severity and its remedy, in one table."""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from sys import maxsize
from typing import Any, Literal, NamedTuple

Severity = Literal["error", "warning"]


class Code(NamedTuple):
    severity: Severity
    remedy: str


def _table(errors: Mapping[str, str], warnings: Mapping[str, str]) -> dict[str, Code]:
    return {
        **{code: Code("error", remedy) for code, remedy in errors.items()},
        **{code: Code("warning", remedy) for code, remedy in warnings.items()},
    }


CODES: Mapping[str, Code] = _table(
    errors={
        # the file
        "not-a-text-file": "Unpack or export the file and upload plain JSON Lines, a JSON array or CSV.",
        "utf-16": "Save the file as UTF-8.",
        "file-too-large": "Make the file smaller; base models take at most some ten thousand records.",
        "empty-dataset": "Upload a file with at least one record.",
        "csv-header": "Name the columns in the first row, each once: prompt,completion. Or say which is which, by "
        "dataset.columns in settings.yaml, or --prompt-column and --answer-column of the command.",
        "invalid-csv": "Put quotes around fields with a quote, a delimiter or a line break; write inner quotes twice.",
        # the bytes of a line
        "line-too-long": "Put each record on one line of its own, under 1 MiB; end every line with a newline.",
        "not-utf8": "Save the file as UTF-8; the named byte belongs to another encoding. In Excel, choose CSV UTF-8.",
        "invalid-json": "Write one complete JSON object per line, with double quotes and no trailing commas.",
        "not-a-number": "Replace NaN and Infinity with null, a number or a string; JSON does not have these values.",
        "number-out-of-range": "Write the number as a string, or leave it out.",
        "lone-surrogate": "Repair the broken emoji: \\ud800 to \\udfff are valid only in pairs, high before low.",
        "two-documents": "Put every JSON object on a line of its own.",
        "nested-too-deep": "Flatten the record; no format nests deeper than ten levels.",
        "duplicate-key": "Keep one of the two values; programs differ in which of them they read.",
        "not-an-object": "Write each record as a JSON object in braces.",
        # the shape of a record
        "unknown-format": 'Use {"prompt", "completion"}, or {"messages"} with roles and content.',
        "content-left-out": "Move the text into the prompt if it belongs there; beside a prompt and its answer, the "
        "name context does that. Remove the key if the answer does not need it.",
        "turn-not-learned": "Remove the turn, or the record; Bedrock learns every answer of a conversation.",
        "unsupported-format": "Use records that hold the answer to learn; `finetune prepare --best` takes the best.",
        "mixed-formats": "Write all records in one format; the report names the one that most records have.",
        "missing-key": "Add the missing key.",
        "wrong-type": "Give the key a value of the type named in the message.",
        "empty-text": "Fill in the text, or remove the record.",
        "no-turns": "Give the conversation at least one user turn and one assistant turn.",
        "too-many-turns": "Split the conversation; no base model is trained on this many turns in one record.",
        "unknown-role": "Use the roles user and assistant; a system prompt comes first.",
        "first-turn-not-user": "Begin every conversation with a user turn.",
        "roles-not-alternating": "Let user and assistant turns alternate; join neighbouring turns of one role.",
        "missing-assistant-turn": "End every conversation with the assistant's answer.",
        "misplaced-system": "Keep one system prompt per record, before the first user turn.",
        "tools-not-supported": "Remove tool definitions, tool calls and tool results; they cannot be trained here.",
        "unknown-content": "Keep only text, image and video blocks; each block must hold one kind.",
        # the rules of the base model
        "cannot-be-expressed": "Choose a base model whose format can hold this, or simplify the record.",
        "reserved-string": "Rephrase the text; a job fails if a text holds one of Bedrock's own markers.",
        "too-many-tokens": "Shorten or split the record.",
        "caption-length": "Shorten or extend the caption to a length that the message names.",
        "media-not-supported": "Remove the media, or choose a base model that is trained on it.",
        "media-in-answer": "Keep images and videos in user turns; a model answers with text only.",
        "media-reference": "Refer to media by an s3:// URI with letters, digits, underscore, hyphen, slash and dot.",
        "media-elsewhere": "Put the media under projects/<project>/media/ of the dataset bucket; jobs read only there.",
        "media-missing": "Upload the file before the dataset, under exactly the name in the record; case matters.",
        "media-too-large": "Make the file smaller: fewer pixels, stronger compression or a shorter video.",
        "media-inline": "Upload the media to the dataset's bucket and refer to it by its s3:// URI.",
        "media-format": "Convert the file to a format that the message names.",
        "too-much-media": "Remove images or videos until the record has no more than the message allows.",
        "mixed-media": "Use images or a video in a record, not both.",
        "reasoning-not-supported": "Remove reasoningContent, or choose a base model that is trained on it.",
        "section-not-in-all": "Give all records the section, or none of them.",
        "too-few-records": "Add records until the file has the minimum of the base model.",
        "too-many-records": "Remove records, or take a sample, until the file is within the maximum of the base model.",
        # evaluation sets
        "missing-expectation": "Give the item a reference answer, expected_keywords or checks.",
        "invalid-check": "Correct the named check, or leave it out.",
        "duplicate-id": "Give every item a different id, or no id.",
        "beyond-bounds": "Shorten the text, or leave out what is more than the message allows.",
    },
    warnings={
        "byte-order-mark": "Nothing to do; the mark is left out of the staged file.",
        "ignored-key": "Remove the key, or move its content into the texts; the staged file does not have the key.",
        "other-names": "Nothing to do if this is what the names mean; the staged file has prompt and answer.",
        "not-learned": "Nothing to do; weight 0 and train false say that it is not to be learned.",
        "schema-version-added": "Nothing to do; the staged file has the key.",
        "schema-version": 'Nothing to do; the staged file says "bedrock-conversation-2024".',
        "reserved-in-other-case": "Bedrock refuses this string as written and in capitals. In this spelling it may "
        "pass; rephrase it if the job fails.",
        "empty-system": "Nothing to do; the staged file has no system prompt there.",
        "empty-block": "Nothing to do; the empty text is left out of the staged file.",
        "system-in-prompt": "Nothing to do if you send the same text in front of every prompt when you use the model.",
        "validation-not-used": "Nothing to do; Bedrock splits off its own validation records.",
        "near-token-limit": "Shorten the record if the job fails on it; the token count is only an estimate.",
        "uneven-section": "Give all records the section, or none of them.",
        "duplicate-record": "Nothing to do; one of the records is kept.",
        "normalised-duplicate": "Nothing to do; one of the records is kept.",
        "near-duplicate": "Keep the better one; near-duplicates teach little and can leak into the evaluation.",
        "contradicting-answers": "Keep one answer for each prompt, or add to the prompt what makes the answers differ.",
        "answer-equals-prompt": "Write the answer that the model should give.",
        "identical-answers": "Check that the same answer is no mistake; a model learns to give only this one.",
        "literal-newline": "Write a line break as \\n, not as \\\\n, when you export the data.",
        "short-text": "Check that the text was not cut off.",
        "long-answer": "Check that this is a single answer; very long answers dominate the training.",
        "personal-data": "Remove or replace personal data; a model can repeat what it was trained on.",
        "secret": "Remove the secret from the dataset and revoke it.",
        "hidden-text": "Remove the tag characters, U+E0000 to U+E007F; a model reads what nobody sees.",
        "class-imbalance": "Add records with the rare labels, or remove some with the frequent one.",
        "few-examples": "Add records; tuning guides recommend at least 100 for labels and 200 for other answers.",
        "inconsistent-template": "Write every prompt with the same template, and use that template with the model.",
        "end-marker": "Leave the mark out, with `finetune prepare --without-markers`; models of today end by "
        "themselves, and users would see it.",
        "cut-answer": "Write the answer to its end; a model learns to stop in mid-sentence.",
        "program-literal": "Write the value as words or as JSON; an export has printed it as a program holds it.",
        "markup": "Remove what the export has left, if users are not to see it.",
        "encoded-data": "Remove the encoded data; a model cannot read it, and each character is paid for.",
        "label-spelling": "Write each label in one way; to a model each spelling is another label.",
        "label-in-prose": "Answer with the label alone, or always with a sentence.",
        "rare-label": "Add records with the label, or correct it; from one or two records a model does not learn it.",
        "language-mixture": "Nothing to do if the model is to answer in these languages; otherwise remove the others.",
        "lint-sampled": "Nothing to do; the search for near-duplicates uses limited memory.",
    },
)


def not_a_warning(codes: Iterable[str]) -> str | None:
    """What is wrong with the first of some codes that is no warning; None when all of them are.

    >>> not_a_warning(["secret", "near-duplicates"])
    "no check has the code 'near-duplicates'; the most similar code is 'near-duplicate'"
    >>> not_a_warning(["empty-text"])
    "'empty-text' is always an error; name warnings only"
    """
    for code in codes:
        if code not in CODES:
            from difflib import get_close_matches  # noqa: PLC0415 - takes longer than checking a small file

            [nearest] = get_close_matches(code, CODES, n=1, cutoff=0)
            return f"no check has the code {quoted(code)}; the most similar code is {nearest!r}"
        if CODES[code].severity == "error":
            return f"{code!r} is always an error; name warnings only"
    return None


class Flaw(NamedTuple):
    """One thing wrong with one record, before it has a line."""

    code: str
    message: str


class Place(NamedTuple):
    """Where a record stands: its 1-based line, and its number where it is an element of an array.

    >>> str(Place(4)), str(Place(1, element=7))
    ('line 4', 'element 7')
    """

    line: int
    element: int | None = None

    def __str__(self) -> str:
        return f"element {self.element}" if self.element else f"line {self.line}"


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem or warning; `line` is the 1-based physical line, None for the file as a whole.

    `element` is the number of the record if the record is an element of an array. A finding on the whole file may count
    for several `records`.

    >>> Finding(4, "empty-text", "prompt is empty").sentence
    'line 4: prompt is empty'
    >>> Finding(1, "empty-text", "prompt is empty", element=7).what
    'element 7: prompt is empty'
    """

    line: int | None
    code: str
    message: str
    element: int | None = None
    records: int = 1

    @property
    def what(self) -> str:
        """What is wrong, for a reader who has the line before them."""
        return f"element {self.element}: {self.message}" if self.element else self.message

    @property
    def sentence(self) -> str:
        """Where something is wrong, and what."""
        return f"line {self.line}: {self.what}" if self.line else self.message

    def as_dict(self) -> dict[str, Any]:
        """The finding as JSON can hold it; element and records only where they say something."""
        found: dict[str, Any] = {"line": self.line, "code": self.code, "message": self.message}
        if self.element:
            found["element"] = self.element
        if self.records > 1:
            found["records"] = self.records
        return found


OnFinding = Callable[[Finding, Severity], None]


class Ledger:
    """Counts every finding, keeps the first `entries_per_code` of each code, and hands each to `on_finding`.

    The name of a unit is the number of its line. A unit that is an element of an array is named by its own number
    instead, because one line may hold many elements.
    """

    def __init__(
        self, entries_per_code: int, errors: Collection[str] = (), on_finding: OnFinding | None = None
    ) -> None:
        self._kept: dict[str, list[Finding]] = {}
        self._cap = entries_per_code
        self._errors = frozenset(errors)
        self._on_finding = on_finding
        # How many units with one code are to be named, for a check that learns only at its end which ones have it.
        self.most_named = maxsize if on_finding else entries_per_code
        self._lines_of_elements = array("I")
        self.counts: Counter[str] = Counter()

    def enter(self, element: int | None, line: int) -> int:
        """The name of the next unit: its line, or the number of the element that it is."""
        if element is None:
            return line
        self._lines_of_elements.append(line)
        return element

    def line_of(self, name: int) -> int:
        """The physical line of a unit."""
        return self._lines_of_elements[name - 1] if self._lines_of_elements else name

    def place_of(self, name: int) -> str:
        """What a message about another unit calls this one."""
        return f"{'element' if self._lines_of_elements else 'line'} {name}"

    def add(self, name: int | None, code: str, message: str, *, records: int = 1) -> None:
        """Note a finding on a unit, or one on the file as a whole that counts for many records."""
        self.counts[code] += records
        if self.only_counts(code):
            return
        finding = self._finding(name, code, message, records)
        kept = self._kept.setdefault(code, [])
        if len(kept) < self._cap:
            kept.append(finding)
        if self._on_finding:
            self._on_finding(finding, "error" if self.is_error(code) else "warning")

    def _finding(self, name: int | None, code: str, message: str, records: int) -> Finding:
        if name is None:
            return Finding(None, code, message, records=records)
        return Finding(self.line_of(name), code, message, name if self._lines_of_elements else None)

    def only_counts(self, code: str) -> bool:
        """Whether further findings of a code are counted and nothing else."""
        return self._on_finding is None and len(self._kept.get(code, ())) >= self._cap

    def is_error(self, code: str) -> bool:
        return CODES[code].severity == "error" or code in self._errors

    def findings(self, *, errors: bool) -> tuple[Finding, ...]:
        """The kept findings of one severity, by line; those on the whole file come first."""
        kept = [f for code, found in self._kept.items() if self.is_error(code) is errors for f in found]
        return tuple(sorted(kept, key=lambda f: (f.line or 0, f.code)))

    def count(self, *, errors: bool) -> dict[str, int]:
        """The complete counts of one severity, by code."""
        return {code: n for code, n in sorted(self.counts.items()) if self.is_error(code) is errors}


_NAME = re.compile(r"[A-Za-z_][\w.:-]{0,39}", re.ASCII)


def quoted(name: object) -> str:
    """A key or role for a message: itself when it reads like a name, otherwise only its type and size.

    >>> quoted("prompt"), quoted("a whole sentence"), quoted(7)
    ("'prompt'", 'a string of 16 characters', 'a number')
    """
    if isinstance(name, str):
        return repr(name) if _NAME.fullmatch(name) else f"a string of {len(name)} characters"
    return json_type(name)


_KINDS: Mapping[type, str] = {
    dict: "an object",
    list: "an array",
    str: "a string",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    type(None): "null",
}


def json_type(value: object) -> str:
    """The JSON type of a value, for a message."""
    return _KINDS.get(type(value), "a value")
