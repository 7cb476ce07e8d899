"""A page loads nothing and runs nothing but its own style and script, which its policy names."""

import base64
import hashlib
import re

from finetune.domain.report.run import render
from tests.reporting import Page, report


def digest(page: str, element: str) -> str:
    [content] = re.findall(f"<{element}>(.*?)</{element}>", page, re.DOTALL)
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


def policy(page: str) -> str:
    return next(v for t, n, v in Page(page).attributes if t == "meta" and n == "content" and "default-src" in v)


def test_the_policy_allows_nothing_but_the_pages_own_style_and_script() -> None:
    page = render(report())
    assert policy(page) == (
        f"default-src 'none'; style-src {digest(page, 'style')}; script-src {digest(page, 'script')}; "
        "base-uri 'none'; form-action 'none'"
    )


def test_a_page_without_answers_allows_no_script_at_all() -> None:
    page = render(report(evaluation=None))
    assert "script-src 'none'" in policy(page)
    assert "<script" not in page


def test_the_page_refers_to_nothing_outside_itself() -> None:
    page = render(report())
    assert not re.search(r"fetch|XMLHttp|import|eval|innerHTML|location", page.split("<script>")[1])
    assert not re.search(r"(?:src|href|action|url|@import)\s*[=(\s]\s*[\"']?", page.split("</style>")[1])
    assert not re.search(r"url\(|@import|expression", page)
