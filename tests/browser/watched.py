"""A page in a real browser, with everything written down that a report must not do."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Browser, BrowserContext, Dialog, Page

from tests.waiting import LAST_RESORT_SECONDS

Scheme = Literal["light", "dark"]
PHONE, DESK = (390, 844), (1280, 800)
_VIOLATIONS = """
    window.violations = [];
    document.addEventListener("securitypolicyviolation", (event) => window.violations.push(event.violatedDirective));
"""


@dataclass
class Watched:
    """An open page; `requests` are those beside the page's own, `said` is its console, `dialogs` what popped up."""

    page: Page
    requests: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)

    def ask(self, script: str, *arguments: Any) -> Any:
        return self.page.evaluate(script, *arguments)

    def open_everything(self) -> None:
        self.ask("document.querySelectorAll('details').forEach((one) => { one.open = true; })")

    def misdeeds(self) -> list[str]:
        """What the page did that it must not do: nothing."""
        return [*self.requests, *self.said, *self.dialogs, *self.ask("window.violations")]

    def _dismiss(self, dialog: Dialog) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def watch(self) -> None:
        """Begin to write down; the page itself is the first request."""
        own: list[str] = []
        self.page.on("request", lambda request: (self.requests if own else own).append(request.url))
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("dialog", self._dismiss)


@dataclass
class Opener:
    """Opens pages from files, as their readers do; pages of one kind share what a browser takes long to set up."""

    browser: Browser
    folder: Path
    contexts: dict[object, BrowserContext] = field(default_factory=dict)

    def __call__(
        self, html: str, size: tuple[int, int] = DESK, *, scheme: Scheme = "light", script: bool = True
    ) -> Watched:
        context = self._context(size, scheme, script)
        watched = Watched(context.new_page())
        watched.watch()
        file = self.folder / "page.html"
        file.write_text(html, encoding="utf-8", errors="replace")
        watched.page.goto(file.as_uri())
        return watched

    def _context(self, size: tuple[int, int], scheme: Scheme, script: bool) -> BrowserContext:
        kind = (size, scheme, script)
        if kind not in self.contexts:
            self.contexts[kind] = self.browser.new_context(
                viewport={"width": size[0], "height": size[1]},
                color_scheme=scheme,
                java_script_enabled=script,
                is_mobile=size == PHONE,
            )
            self.contexts[kind].add_init_script(_VIOLATIONS)
            self.contexts[kind].set_default_timeout(LAST_RESORT_SECONDS * 1000)
        return self.contexts[kind]

    def close_pages(self) -> None:
        for context in self.contexts.values():
            for page in context.pages:
                page.close()
