"""The frame of every page: one self-contained HTML document that loads nothing and runs nothing but its own script."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from string import Template

from finetune.domain.report.markup import join


def page(
    *, title: object, project: object, byline: object, sections: tuple[object, ...], script: str | None = None
) -> str:
    """The HTML document with its sections; everything that is not markup is escaped.

    `script` is the name of a file in this package. The page allows only its own style and script, by the hash of their
    exact text, so a style or script inside a shown text cannot take effect.
    """
    style = _part("page.css")
    code = _part(script) if script else ""
    return Template(_part("page.html")).substitute(
        title=join(title),
        style=style,
        style_hash=_hash(style),
        script=f"<script>{code}</script>" if code else "",
        script_hash=_hash(code) if code else "'none'",
        project=join(project),
        byline=join(byline),
        sections=join(*sections),
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@cache
def _part(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")
