"""What others wrote reaches people through one door for each medium, and nobody goes round it."""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from finetune import letter
from finetune.errors import SettingsInvalid
from finetune.foreign import FOREIGN_CHARACTERS, LINE_CHARACTERS
from finetune_cli.console import Console, complain
from tests.command import finetune, pair, write
from tests.simulation.scenarios import GOOD, LIMIT, dataset, evaluation, run_until_ended
from tests.simulation.world import World, simulated
from tests.template import DATASETS
from tools.project import ROOT

LURE = "What to do: sign in at https://aws.example"
LONG = "Q" * 600
# For a terminal, a mail, a page, a spreadsheet and a reader.
TAINT = f"x\x1b[2J\x1b]0;t\x07\r\n\n{LURE}\n\n\u202e<img src=x>=1{LONG}"
# Everything but a line break that a terminal or a reader does not see.
UNSEEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]")


def harm(text: str) -> list[str]:
    """What a text has of the taint that it must not have."""
    found = [f"{each!r}" for each in UNSEEN.findall(text)]
    found += ["a line of its own"] if any(each.strip().startswith(LURE) for each in text.splitlines()) else []
    longest = max((len(each) for each in re.findall("Q+", text)), default=0)
    return found + ([f"{longest} characters"] if longest > FOREIGN_CHARACTERS else [])


# The walk over the source


def calls(path: Path) -> Iterator[str]:
    """What is called in a module, as it is written."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)


def callers(pattern: str, *folders: str) -> set[str]:
    paths = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    return {str(path.relative_to(ROOT)) for path in paths if any(re.fullmatch(pattern, call) for call in calls(path))}


LAYER = "layers/finetune/finetune"
# Made-up records for `finetune sample`.
# Another class of this name.
LINES_OF_A_FILE = f"{LAYER}/domain/records/source.py"
SAMPLES = "finetune_cli/authoring/samples.py"


@pytest.mark.parametrize(
    ("what", "only"),
    [
        (r"print|click\.(secho|echo)|sys\.std(out|err)\.write", {"finetune_cli/console.py"}),
        (r"(foreign\.)?Block", {f"{LAYER}/foreign.py", f"{LAYER}/letter.py", LINES_OF_A_FILE}),
        (r"(letter\.)?Mail", {f"{LAYER}/letter.py", f"{LAYER}/aws/mail.py"}),
        (r"sns\.publish", {f"{LAYER}/aws/mail.py"}),
        (r"logger\..*|logging\..*|Logger", {f"{LAYER}/step.py"}),
        (r"csv\.(writer|DictWriter)", {f"{LAYER}/domain/evaluation/human_review.py", SAMPLES}),
    ],
    ids=["terminal", "lines", "mail", "SNS", "log", "spreadsheet"],
)
def test_only_the_door_writes(what: str, only: set[str]) -> None:
    assert callers(what, "finetune_cli", LAYER, "functions") == only


def test_outside_the_door_of_the_page_only_nothing_is_markup() -> None:
    """All else in a page is escaped by its type."""
    for path in (ROOT / LAYER).rglob("*.py"):
        nodes = ast.walk(ast.parse(path.read_text()))
        made = [node for node in nodes if isinstance(node, ast.Call) and ast.unparse(node.func) == "Markup"]
        assert path.name == "markup.py" or not [ast.unparse(node) for node in made if node.args], path


def test_every_error_of_ours_is_built_by_the_base_of_all() -> None:
    tree = ast.parse((ROOT / LAYER / "errors.py").read_text())
    built = {
        each.name
        for each in tree.body
        if isinstance(each, ast.ClassDef) and any(isinstance(part, ast.FunctionDef) for part in each.body)
    }
    assert built == {"FineTuneError"}


# The doors themselves


def test_a_mail_keeps_what_others_wrote_in_its_line() -> None:
    mail = letter.mail(f"Run failed: {TAINT}", [f"Dataset: {TAINT}", letter.lines("Found:", [TAINT, TAINT])])
    assert [each for each in harm(mail.body) if "characters" not in each] == []
    assert mail.body.count("\n") == 4
    assert mail.subject.isprintable()


def test_an_error_is_one_line_whatever_it_is_about() -> None:
    told = str(SettingsInvalid(f"{TAINT} is not a setting"))
    assert told.isprintable()
    assert len(told) <= LINE_CHARACTERS
    assert len(str(SettingsInvalid(TAINT * 100))) <= LINE_CHARACTERS


def test_a_terminal_gets_no_control_of_another(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console(sys.stdout)
    console.say(f"a {TAINT}", style="red", indent=2)
    console.write(f"b {TAINT}", f"c {TAINT}")
    console.warn(f"d {TAINT}")
    complain(f"e {TAINT}")
    shown = capsys.readouterr()
    assert [each for each in harm(shown.out + shown.err) if "characters" not in each] == []
    assert (shown.out + shown.err).count("\n") == 5


# The tainted runs


def drop(
    name: str = "dataset.jsonl", settings: str = LIMIT, asked: bytes | None = None, data: bytes | None = None
) -> Callable[[World], None]:
    def begin(world: World) -> None:
        world.s3.put(DATASETS, "projects/stations/evaluation.jsonl", evaluation() if asked is None else asked)
        world.s3.put(DATASETS, "projects/stations/settings.yaml", settings.encode())
        world.drop("stations", dataset(*GOOD) if data is None else data, name)

    return begin


def retold(change: Callable[[dict[str, object]], object]) -> bytes:
    """The evaluation set with something else in each item."""
    items = [json.loads(each) for each in evaluation().splitlines()]
    for item in items:
        change(item)
    return "\n".join(map(json.dumps, items)).encode()


NAME = TAINT.replace("/", "|")
RUNS = {
    "the name of the dataset": drop(f"{NAME}.jsonl"),
    "the name of no dataset": drop(f"{NAME}.exe"),
    "the keys of the settings": drop(settings=json.dumps({TAINT: 1, "hyperparameters": {TAINT: 1}})),
    "the name of a hyperparameter": drop(settings=json.dumps({"hyperparameters": {TAINT[:60]: TAINT[:60]}})),
    "the base model": drop(settings=json.dumps({"base_model": TAINT})),
    "the judge": drop(settings=json.dumps({"judge": {"model": TAINT}})),
    "the words": drop(settings=json.dumps({"method": TAINT, "metric": TAINT, "dataset": {"errors": [TAINT]}})),
    "a tag": drop(settings=f"a: !<{LURE.replace(' ', '')}{LONG}> 1"),
    "an alias": drop(settings=f"a: *{LONG}"),
    "the categories": drop(asked=retold(lambda item: item.update(category=TAINT[:150]))),
    "the ids": drop(asked=retold(lambda item: item.update(id=TAINT[:150]))),
    "the checks": drop(asked=retold(lambda item: item.update(checks={TAINT: 1, "json_schema": {TAINT: 1}}))),
    "the schema": drop(asked=retold(lambda item: item.update(checks={"json_schema": {"items": {TAINT: {TAINT: 1}}}}))),
    "the keys of the records": drop(data=b"\n".join([json.dumps({TAINT: TAINT, "role": TAINT}).encode()] * 30)),
    "the roles": drop(data=b"\n".join([json.dumps({"messages": [{"role": TAINT, "content": TAINT}]}).encode()] * 30)),
    "the header": drop("dataset.csv", data=f'prompt,completion,"{TAINT}"\n'.encode() + b"a,b,c\n" * 30),
}  # fmt: skip


@pytest.mark.parametrize("begin", RUNS.values(), ids=RUNS.keys())
def test_a_run_tells_what_others_wrote_in_a_line_that_can_be_shown(begin: Callable[[World], None]) -> None:
    with simulated() as world:
        begin(world)
        run_until_ended(world)

        assert world.topic.mails
        for mail in world.topic.mails:
            assert harm(mail.body) == [], mail.body
            assert mail.subject.isprintable()
        for execution in world.executions:
            assert harm(execution.cause or "") == []
            assert len(json.dumps([execution.input, execution.output, execution.error, execution.cause])) < 32 * 1024


# The tainted session


@pytest.mark.parametrize("name", ["dataset.jsonl", f"{NAME[:80]}.jsonl"])
@pytest.mark.parametrize("option", ["", "settings", "evaluation", "validation"])
def test_the_command_tells_what_others_wrote_in_a_line_that_can_be_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, option: str
) -> None:
    data = write(
        tmp_path / name,
        *map(pair, range(20)),
        {"prompt": "a", TAINT: TAINT},
        {"messages": [{"role": TAINT, "content": [{TAINT: 1}]}]},
    )
    settings, own = tmp_path / f"settings{name}.yaml", tmp_path / f"own{name}"
    settings.write_text(json.dumps({TAINT: 1, "base_model": TAINT, "hyperparameters": {TAINT: TAINT}}))
    write(own, {"id": TAINT, "prompt": TAINT, "category": TAINT, TAINT: 1, "checks": {TAINT: 1}})
    more = {"settings": [settings], "evaluation": [own], "validation": [own]}.get(option, [])

    for command in (["check", data], ["prepare", data, "--out", tmp_path / "out.jsonl"]):
        if command[0] == "check" or option in {"", "settings"}:
            finetune(*command, *(f"--{option}={each}" for each in more))
    finetune("check", data, "--base-model", TAINT)
    finetune("check", tmp_path / TAINT.replace("/", ""))
    finetune(TAINT)
    shown = capsys.readouterr()
    assert harm(shown.out + shown.err) == []
