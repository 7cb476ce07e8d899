"""One stem, five spellings: state, resource, folder, contract and substitution; docs and picture spell it so too."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

from finetune import contracts
from finetune.frozen import Contract
from tools.project import ROOT, resources, states, substitution

LAYER = ROOT / "layers/finetune/finetune"
# These functions are invoked by EventBridge, the scheduler, CloudFormation and people, not by a state.
BESIDE_THE_MACHINE = {"CleanUpRun", "Decide", "EndStack", "StartRun", "SweepEndpoints"}
STEMS = sorted(name.removesuffix("Function") for name in resources("AWS::Serverless::Function"))
TASKS = {name: substitution(state) for name, state in states() if state["Type"] == "Task"}


PICTURE = ROOT / "docs/workflow.svg"


def folder_of(stem: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", stem).lower()


def spoken(stem: str) -> str:
    """A stem as a state spells it: `PlanRun` as `Plan Run`."""
    return folder_of(stem).replace("_", " ").title()


# What an execution shows, and the functions beside it.
SHOWN = {name for name, _ in states()} | {spoken(stem) for stem in BESIDE_THE_MACHINE}


def test_every_folder_is_a_function_and_every_function_a_folder() -> None:
    folders = {path.parent.name for path in (ROOT / "functions").glob("*/app.py")}
    assert folders == {folder_of(stem) for stem in STEMS}


@pytest.mark.parametrize("stem", STEMS)
def test_a_function_points_at_its_folder(stem: str) -> None:
    properties = resources("AWS::Serverless::Function")[f"{stem}Function"]["Properties"]
    assert properties["CodeUri"] == f"functions/{folder_of(stem)}"


@pytest.mark.parametrize("stem", STEMS)
def test_a_handler_reads_its_own_input_contract(stem: str) -> None:
    source = (ROOT / "functions" / folder_of(stem) / "app.py").read_text()
    assert f"{stem}Input.model_validate(event)" in source
    assert issubclass(getattr(contracts, f"{stem}Input"), Contract)
    assert issubclass(getattr(contracts, f"{stem}Output"), Contract)


def test_every_function_of_the_machine_is_substituted_once_and_used() -> None:
    given = resources("AWS::Serverless::StateMachine")["FineTuningStateMachine"]["Properties"][
        "DefinitionSubstitutions"
    ]
    expected = {f"{stem}FunctionArn" for stem in STEMS if stem not in BESIDE_THE_MACHINE}
    assert set(given) == expected == set(TASKS.values())
    for name, value in given.items():
        assert value == {"Ref": f"{name.removesuffix('Arn')}.Version"}


@pytest.mark.parametrize(("state", "used"), TASKS.items())
def test_a_state_begins_with_the_words_of_its_function(state: str, used: str) -> None:
    # One function judges with and without an evaluation.
    assert state.startswith((spoken(used.removesuffix("FunctionArn")), "Judge Training Alone"))


@pytest.mark.parametrize("stem", STEMS)
def test_a_function_is_described_by_the_sentence_above_its_handler(stem: str) -> None:
    source = (ROOT / "functions" / folder_of(stem) / "app.py").read_text()
    name, _, sentence = (ast.get_docstring(ast.parse(source)) or "").partition(": ")
    assert name.startswith(spoken(stem))
    assert name in SHOWN | {"Notify"}
    described = resources("AWS::Serverless::Function")[f"{stem}Function"]["Properties"]["Description"]
    assert described == sentence[0].upper() + sentence[1:]


def test_the_picture_names_states() -> None:
    texts = re.findall(r'<text class="name"[^>]*>(.*?)</text>', PICTURE.read_text())
    named = {re.sub(r"<[^>]+>", "", text) for text in texts}
    assert named - SHOWN == {"Dataset dropped", "Notify"}
    assert len(named) > 10


# What has a state's words in it and is none: AWS's console, and a way to speak of several states.
NO_STATES = {"Service Quotas", "Without Mail", "Then Notify"}


@pytest.mark.parametrize(
    "page",
    [
        PICTURE,
        *(ROOT / "docs" / f"{name}.md" for name in ("architecture", "settings", "troubleshooting")),
        *(ROOT / name for name in ("README.md", "local/watch.py", "local/words.py")),
    ],
    ids=lambda page: page.name,
)
def test_a_name_half_of_whose_words_are_those_of_states_is_a_states(page: Path) -> None:
    words = {word.strip("?") for name in SHOWN for word in name.split()}
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    named = {" ".join(each.split()) for each in re.findall(r"\b(?!In\b)[A-Z][a-z]+(?:\s+[A-Z][a-z]+)+\b\??", text)}
    looking_so = {name for name in named if 2 * len(words & set(name.strip("?").split())) >= len(name.split())}
    assert {name for name in looking_so if not {name, f"{name}?"} & SHOWN} <= NO_STATES


@pytest.mark.parametrize("path", sorted(ROOT.glob("tests/local/fixtures/histories/*.json")), ids=lambda path: path.stem)
def test_a_recorded_execution_went_through_states_that_there_are(path: Path) -> None:
    entered = [event.get("stateEnteredEventDetails", {}).get("name") for event in json.loads(path.read_text())]
    assert {name for name in entered if name} <= SHOWN


@pytest.mark.parametrize("stem", STEMS)
def test_a_handler_is_one_paragraph(stem: str) -> None:
    tree = ast.parse((ROOT / "functions" / folder_of(stem) / "app.py").read_text())
    handler = next(node for node in tree.body if isinstance(node, ast.FunctionDef))
    assert handler.end_lineno is not None
    assert handler.end_lineno - handler.lineno + 1 <= 25
    assert sum(isinstance(node, ast.If | ast.For | ast.While | ast.Try) for node in ast.walk(handler)) <= 1
    assert len(tree.body) <= 12


def test_nothing_imports_a_function_and_functions_import_only_the_layer() -> None:
    for path in ROOT.glob("functions/*/app.py"):
        imported = {
            (node.module or "").split(".")[0] if isinstance(node, ast.ImportFrom) else node.names[0].name.split(".")[0]
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Import | ast.ImportFrom)
        }
        assert imported <= {"typing", "aws_lambda_powertools", "finetune"}
    for path in [*ROOT.glob("layers/finetune/finetune/**/*.py"), *ROOT.glob("local/**/*.py")]:
        assert not re.search(r"^\s*(from|import) functions\b", path.read_text(), re.MULTILINE), path


def home_of_tests(module: Path) -> Path:
    """Where the tests of a module of the layer stand: adapters are tested against AWS in memory, all others alone."""
    room, test = module.parent.relative_to(LAYER), f"test_{module.name}"
    return ROOT / "tests" / ("integration" if room == Path("aws") else Path("unit") / room) / test


def test_every_module_of_the_layer_has_a_test_of_its_name() -> None:
    modules = [path for path in LAYER.rglob("*.py") if path.name != "__init__.py"]
    assert len(modules) > 80
    assert [module.relative_to(LAYER).as_posix() for module in modules if not home_of_tests(module).is_file()] == []


def test_every_module_of_the_command_has_a_test_of_its_name_and_no_test_is_of_none() -> None:
    code, tests = ROOT / "finetune_cli", ROOT / "tests/unit/finetune_cli"
    modules = {path.relative_to(code) for path in code.rglob("*.py") if path.name != "__init__.py"}
    tested = {path.relative_to(tests) for path in tests.rglob("test_*.py")}
    assert {path.with_name(path.name.removeprefix("test_")) for path in tested} == modules
