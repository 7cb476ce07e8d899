"""Templates of prompts and marks of old exports: how a prompt begins and ends, and what stands behind an answer."""

from __future__ import annotations

import re

# What people write in front of a question and in front of the place of its answer.
_ASKED = "q|question|user|human|customer|input|instruction|prompt|query|task|frage|pregunta|entrada|eingabe"
_ANSWERED = "a|answer|assistant|bot|ai|response|reply|output|completion|agent|antwort|respuesta|salida|ausgabe"
_LEAD = re.compile(
    rf"\s*(#{{1,6}} ?(?:{_ASKED})\b:?|\[/?[a-z]{{1,12}}\]|<\|?/?[a-z_]{{1,20}}\|?>|\**(?:{_ASKED})\**:)", re.IGNORECASE
)
# Other words before a colon or a line break; they are one template with others that say the same.
_INSTRUCTION = re.compile(r"[^:\n]{3,80}[:\n]")
_CONTENT = re.compile(r"[^\W\d_]{4,}")
_POLITE = "plea kind foll belo here give this that thes with your from what writ prov make"
_COURTESY = frozenset(_POLITE.split())

_SEPARATOR = re.compile(r"(?:#{2,10}|[-=]{1,10}>|={3,10}|-{3,10}|\|{2,10}|~{3,10}|(?<![\w>])>{2,10}|→)\Z")
_PLACE = re.compile(rf"(?:^|[\s\W])(?:{_ANSWERED}):\Z", re.IGNORECASE)
_TAIL = 40

_WORDS = "end|stop|eos|eot|done|fin|endoftext"
_MARKER = re.compile(
    rf"(?:<<[^<>\s]{{1,20}}>>|</?(?:{_WORDS}|s)>|<\|[^<>|\s]{{1,24}}\|>|\[/?(?:{_WORDS}|inst)\]|#{{2,10}}"
    r"|[=@~|%]{3,10}|-{3,10}|[-=]{1,10}>)\Z",
    re.IGNORECASE,
)
_BARE = re.compile(r"\s(?:END|STOP|EOS|EOT|DONE|FIN)\Z")
# What a mark ends with, and without which nothing is looked for.
_SEPARATES, _SIGNS = frozenset("#>=-|~→"), frozenset(">]#=@~|%-")
_MARKS = _SIGNS | frozenset("DPSTEN")
# Programs end with the word too.
_PROGRAM = re.compile(r"\b(?:BEGIN|CASE|DO|END IF|begin|def)\b")


def lead(prompt: str) -> str:
    """The label, heading or tag that a prompt begins with; empty where it begins with its own words.

    >>> lead("Question: why?"), lead("### Instruction:\\nSay why."), lead("Why: nobody knows.")
    ('question:', '### instruction:', '')
    """
    found = _LEAD.match(prompt[:_TAIL])
    return found[1].lower() if found else ""


def instruction(prompt: str) -> str:
    """The words before the first colon or line break of a prompt, with it."""
    found = _INSTRUCTION.match(prompt[:100])
    return found[0] if found else ""


def same_task(one: str, other: str) -> bool:
    """Whether two instructions ask for the same in different words: all that one of them says, the other says too.

    >>> same_task("Summarise this text:", "Please summarize the text below:")
    True
    >>> same_task("Translate to German:", "Translate to French:")
    False
    """
    ours, theirs = _says(one), _says(other)
    return bool(ours and theirs) and (ours <= theirs or theirs <= ours)


def _says(text: str) -> set[str]:
    return {word[:4] for word in _CONTENT.findall(text.casefold())} - _COURTESY


def separator(prompt: str) -> str:
    """What parts a prompt from its answer in exports of old tools.

    >>> separator("Why? ->"), separator("Why?\\n\\n###\\n\\n"), separator("Why?")
    ('->', '###', '')
    """
    end = prompt[-_TAIL:].rstrip()
    found = _SEPARATOR.search(end) if end and end[-1] in _SEPARATES else None
    return found[0] if found else ""


def ending(prompt: str) -> str:
    """The separator or label that a prompt ends with; empty where it ends with its own words.

    >>> ending("Why?\\nAnswer:"), ending("Why? ->"), ending("Why?")
    ('answer:', '->', '')
    """
    if mark := separator(prompt):
        return mark
    end = prompt[-_TAIL:].rstrip("* \n\t")
    found = _PLACE.search(end) if end.endswith(":") else None
    return found[0].strip(" \n\t*").lower() if found else ""


def marker(answer: str) -> str:
    """The mark that an answer ends with, so that a program knows where to stop.

    >>> marker("It is late.<<STOP>>"), marker("It is late. END"), marker("It is late.")
    ('<<STOP>>', 'END', '')
    """
    end = answer[-_TAIL:].rstrip()
    if not end or end[-1] not in _MARKS:
        return ""
    found = _MARKER.search(end) if end[-1] in _SIGNS else _BARE.search(end)
    if not found or (found.re is _BARE and _PROGRAM.search(answer[:2_000])):
        return ""
    return found[0].strip()
