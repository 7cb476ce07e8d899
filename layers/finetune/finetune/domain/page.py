"""The frame of every page: one self-contained HTML document that loads nothing, runs nothing and says so by policy."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from string import Template

from finetune.domain.markup import join


def page(*, title: object, project: object, byline: object, sections: tuple[object, ...]) -> str:
    """The document around its sections; whatever is not markup is escaped."""
    style = _part("report.css")
    return Template(_part("report.html")).substitute(
        title=join(title),
        style=style,
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        project=join(project),
        byline=join(byline),
        sections=join(*sections),
    )


@cache
def _part(name: str) -> str:
    """The frame, or the style that goes into it to the letter, since the policy names its hash."""
    return files(__package__).joinpath(name).read_text(encoding="utf-8")
