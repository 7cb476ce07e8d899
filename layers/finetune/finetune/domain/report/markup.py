"""HTML by construction: every string is escaped unless this module made it."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

from finetune.foreign import visible

Attribute = str | int | float | bool | None


class Markup(str):
    """Text that is HTML already; only `tag` and `join` make it."""

    __slots__ = ()


def escape(text: object) -> Markup:
    """Any value as text in HTML; markup stays what it is."""
    return text if isinstance(text, Markup) else Markup(html.escape(visible(str(text))))


def join(*parts: object) -> Markup:
    """Parts one after the other, each escaped."""
    return Markup("".join(map(escape, parts)))


def tag(name: str, /, *children: object, **attributes: Attribute) -> Markup:
    """One element; `class_` stands for class, `_` for a hyphen, and an attribute of None or False is left out."""
    written = "".join(
        f" {key.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{escape(value)}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    return Markup(f"<{name}{written}>{join(*children)}</{name}>")


def shortened(text: str, limit: int) -> Markup:
    """At most `limit` characters of a text and a note that says how many more there are."""
    if len(text) <= limit:
        return escape(text)
    return join(text[:limit], "\u2026 ", tag("span", f"[{len(text) - limit:,} more characters]", class_="note"))


def signed(points: float, digits: int = 1) -> str:
    """A difference with its sign, a true minus, and none for zero."""
    return f"{points:+.{digits}f}".replace("-", "\u2212") if round(points, digits) else "0"


def one_line(text: str, limit: int) -> str:
    """A text with its white space folded, cut to `limit` characters."""
    line = " ".join(text[: 4 * limit].split())
    return line if len(line) <= limit else line[: limit - 1] + "\u2026"


def facts(entries: Mapping[str, int | str], *, class_: str | None = "facts") -> Markup:
    """Names with their values, in order; whole numbers get their thousands separated."""
    written = (
        tag("div", tag("dt", name), tag("dd", f"{value:,}" if isinstance(value, int) else value))
        for name, value in entries.items()
    )
    return tag("dl", *written, class_=class_)


def section(title: str, *content: object, lead: object = "") -> Markup:
    """A part of the page under its heading, opened by a sentence."""
    return tag("section", tag("h2", title), tag("p", lead, class_="lead") if lead else "", *content)


def table(head: tuple[object, ...], rows: Sequence[tuple[object, ...]], *, class_: str | None = None) -> Markup:
    """A table whose first column names its rows; it scrolls by itself on a narrow screen."""
    heading = tag("tr", *(tag("th", cell, scope="col") for cell in head))
    body = (tag("tr", tag("th", row[0], scope="row"), *(tag("td", cell) for cell in row[1:])) for row in rows)
    return tag("div", tag("table", tag("thead", heading), tag("tbody", *body), class_=class_), class_="scroll")
