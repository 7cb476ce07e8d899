"""The documentation says what the template, the state machine, the code and the catalog say."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

from finetune import errors
from finetune.advice import ADVICE
from finetune.settings import Settings
from finetune.settings_file import parse_settings
from finetune_cli.parser import command_of
from local.faults import check_faults
from tools import picture
from tools.project import ROOT, resources, states, substitution, template
from tools.raises import LEAVES
from tools.tables import (
    ARCHITECTURE,
    README,
    RULED_OUT_BY,
    SETTINGS,
    STATES,
    TABLES,
    THREATS,
    TROUBLESHOOTING,
    Table,
    folder_of,
    markdown,
    table_rows,
    usages,
    written_usages,
)

PAGES = [page for folder in ("", "docs/", "examples/**/", ".github/") for page in ROOT.glob(f"{folder}*.md")]
# Folders that commands write, on some machines and not on others.
WRITTEN = {"build", "dist", "out"}
# Addresses that a page may name: what it cites, and no machine or mirror of anybody's.
CITED = ("https://docs.aws.amazon.com/", "https://www.contributor-covenant.org/")
# Endings that no function raises: results that a Choice reads, and ends that only Clean Up Run sees.
RESULTS = {state["Error"] for _, state in states() if state["Type"] == "Fail" and "Error" in state} - LEAVES
SEEN_FROM_OUTSIDE = {
    "Aborted",
    "Unknown",
    "States.Timeout",
    "States.Runtime",
    "States.DataLimitExceeded",
    "ValidationError",
}


# Markdown


def prose(page: Path) -> str:
    """A page without its code blocks."""
    return re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def code(page: Path) -> str:
    """A page's code, in blocks and between backticks."""
    blocks = re.findall(r"^```[a-z]*\n(.*?)^```$", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    return "\n".join([*blocks, *re.findall(r"`([^`\n]+)`", prose(page))])


def headings(page: Path) -> list[str]:
    return [title.replace("`", "") for title in re.findall(r"^#+ (.+)$", prose(page), flags=re.MULTILINE)]


def anchor(heading: str) -> str:
    """The fragment that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def section(page: Path, title: str) -> str:
    """What stands below a heading, up to the next one of its level or above."""
    found = re.search(rf"^(#+) {re.escape(title)}$(.*)", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    assert found, f"docs/{page.name} has no heading {title}"
    level, body = found.groups()
    return str(re.split(rf"^#{{1,{len(level)}}} ", body, flags=re.MULTILINE)[0])


# What a reader copies, follows or looks up


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_or_heading_resolves(page: Path) -> None:
    targets = re.findall(r"\]\(([^)]+)\)|(?:src|srcset)=\"([^\"]+)\"", prose(page))
    broken = []
    for target in (link or image for link, image in targets):
        path, _, fragment = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if target.startswith("https://"):
            continue
        if not file.exists() or (fragment and fragment not in map(anchor, headings(file))):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_target_and_every_path_named_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert {target for line in re.findall(r"\bmake ([a-z -]+)", code(page)) for target in line.split()} <= targets
    folders = "|".join(path.name for path in ROOT.iterdir() if path.is_dir() and path.name not in WRITTEN)
    named = re.findall(rf"(?:^|[\s`])((?:{folders})/[\w./-]+)", code(page), flags=re.MULTILINE)
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_output_of_the_stack_that_a_command_takes_exists(page: Path) -> None:
    assert set(re.findall(r"<([A-Z]\w+)>", code(page))) <= set(template()["Outputs"])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_and_every_module_to_run_is_there(page: Path) -> None:
    commands = set(re.findall(r"\.venv/bin/([\w-]+)", code(page)))
    assert [name for name in sorted(commands) if not Path(sys.executable).with_name(name).exists()] == []
    modules = set(re.findall(r"python -m ([\w.]+)", code(page)))
    assert [name for name in sorted(modules) if find_spec(name) is None] == []


@cache
def usage(command: str) -> str:
    words = [sys.executable, "-m", "local", command, "--help"]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout  # noqa: S603 - our own


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_option_and_fault_of_the_local_tool_exists(page: Path) -> None:
    for command, rest in re.findall(r"python -m local (\w+)([^\n`]*)", code(page)):
        known = set(re.findall(r"--[a-z-]+", usage(command)))
        assert set(re.findall(r"--[a-z-]+", rest)) <= known
        check_faults(re.findall(r"--fault ([^\s`]+)", rest))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_names_a_machine_or_a_package_host(page: Path) -> None:
    named = re.findall(r"/(?:home|root|work|Users|tmp)/\S*|https?://[^\s)\"`>]+", page.read_text())
    assert [each for each in named if not each.startswith(CITED)] == []


# Tables


def test_the_picture_of_the_workflow_is_drawn_from_the_state_machine() -> None:
    assert picture.PICTURE.read_text() == picture.draw(), "run make tables"
    free, _, paid = picture.steps()
    assert {*picture.NOTES, *picture.WAYS_OUT} <= {*free, *paid, *picture.beside()}


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.columns[0])
def test_a_table_says_what_its_source_says(table: Table) -> None:
    expected = table.source()
    width = len(expected[0])
    assert markdown(row[:width] for row in table.written()) == markdown(expected), "run make tables"
    assert [row[0] for row in table.written() if "" in row] == [], "these rows have a cell that a person fills in"


@pytest.mark.parametrize(("error", "state"), RULED_OUT_BY.items())
def test_what_a_state_rules_out_is_an_error_that_it_can_fail_with(error: str, state: str) -> None:
    cells = {row[0]: row[-1] for row in STATES.source()}
    assert f"`{error}`" in cells[state]


def test_beside_the_table_stand_the_functions_that_no_state_invokes() -> None:
    invoked = {substitution(state).removesuffix("Arn") for _, state in states() if state["Type"] == "Task"}
    beside = {
        folder_of(name.removesuffix("Function"))
        for name in resources("AWS::Serverless::Function")
        if name not in invoked
    }
    rows = table_rows(README.read_text(), "Beside it", "Function", "Runs", "Does")
    assert {row[1].strip("`") for row in rows} == beside


# The command


def test_the_page_about_the_command_has_every_option() -> None:
    assert written_usages()[1] == usages(), "make tables mends it"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_line_with_the_command_can_be_read(page: Path) -> None:
    for name, rest in re.findall(
        r"(?:^|[\s/(])finetune ([a-z]+)((?: +(?!#)[^\s`|)&#]+)*)", code(page), flags=re.MULTILINE
    ):
        known = {flag for parameter in command_of(name).params for flag in parameter.opts}
        assert set(re.findall(r"--[a-z-]+", rest)) <= known, name


# Errors


def test_the_tree_of_errors_is_drawn_as_the_classes_are_defined() -> None:
    drawn = re.findall(r"^[│ ]+[├└]── (\w+)  ", errors.__doc__ or "", flags=re.MULTILINE)
    tree = ast.parse((ROOT / "layers/finetune/finetune/errors.py").read_text())
    assert drawn == [node.name for node in tree.body if isinstance(node, ast.ClassDef)][1:]


def error_headings() -> list[str]:
    found = re.findall(r"^### (.+)$", section(TROUBLESHOOTING, "By the error's name"), flags=re.MULTILINE)
    return [name for title in found for name in title.replace("`", "").split(", ")]


def test_every_error_has_a_heading_and_no_heading_is_made_up() -> None:
    retried = {
        error
        for _, state in states()
        for rule in state.get("Retry", [])
        for error in rule["ErrorEquals"]
        if "." in error
    }
    ours = {state["Parameters"]["Error"] for _, state in states() if "Error" in state.get("Parameters", {})}
    assert sorted(error_headings()) == sorted(LEAVES | RESULTS | SEEN_FROM_OUTSIDE | retried)
    assert set(ADVICE) | ours <= set(error_headings())
    assert set(ADVICE) >= LEAVES | RESULTS


@pytest.mark.parametrize("name", sorted(ADVICE))
def test_a_mail_and_the_troubleshooting_page_give_the_same_advice(name: str) -> None:
    assert f"**What to do.** {ADVICE[name]}" in section(TROUBLESHOOTING, name)


def test_every_error_says_what_it_means_what_to_do_and_what_was_billed() -> None:
    page = section(TROUBLESHOOTING, "By the error's name")
    for text in re.split(r"^### ", page, flags=re.MULTILINE)[1:]:
        parts = re.findall(r"^\*\*([^*]+)\.\*\*", text, flags=re.MULTILINE)
        assert parts == ["What it means", "What to do", "Billed"], text.splitlines()[0]


# Settings


def test_the_example_on_the_page_is_valid_and_names_every_top_level_key() -> None:
    (example,) = re.findall(r"^```yaml\n(.*?)^```$", SETTINGS.read_text(), flags=re.MULTILINE | re.DOTALL)
    assert parse_settings(example.encode(), source="docs/settings.md")
    assert set(Settings.model_fields) == set(re.findall(r"^(\w+):", example, flags=re.MULTILINE))


# The architecture page


def test_every_file_that_a_run_writes_is_in_the_layout() -> None:
    written = set()
    for path in ROOT.glob("layers/finetune/finetune/aws/*.py"):
        written |= {name.split("{")[0] for name in re.findall(r"\.uri\(\s*f?\"([^\"]+)\"", path.read_text())}
    granted = re.findall(r"\$\{ArtifactBucket\.Arn\}/(?:runs/\*/)?([\w./-]+)", (ROOT / "template.yaml").read_text())
    written |= {name.removesuffix("/") for name in granted}
    layout = section(ARCHITECTURE, "What a run writes")
    assert len(written) > 12
    assert [name for name in sorted(written) if name not in layout] == []


@pytest.mark.parametrize("page", [ARCHITECTURE, THREATS], ids=lambda page: page.name)
def test_every_test_named_exists(page: Path) -> None:
    named = re.findall(r"`(tests/[\w/.]+)::(test_\w+)`", page.read_text())
    assert named
    assert [name for path, name in named if f"def {name}(" not in (ROOT / path).read_text()] == []
