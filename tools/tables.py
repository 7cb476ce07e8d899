"""Files and tables that are generated from a source; tests compare them, and `make tables` writes them again.

These are the tables of the documentation that have a source in the code, the picture of the workflow, and the catalog
in the form that the package reads.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import click
import orjson
import yaml
from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from finetune.domain.catalog import BaseModelRow, Hyperparameter, base_models
from finetune.domain.evaluation.gates import MetricName
from finetune.domain.evaluation.metrics import METRICS
from finetune.domain.findings import CODES
from finetune.domain.tokens import ERRORS, Script
from finetune.settings import Settings
from finetune_cli import COMMANDS
from finetune_cli.answer import EXIT_CODES
from finetune_cli.parser import PROGRAM, command_of
from tools import picture
from tools.project import ROOT, definition, resources, statements, states, substitution, template
from tools.raises import EVERY_CALL, raised_by

README, SETTINGS, TROUBLESHOOTING, ARCHITECTURE, COMMAND, THREATS = (
    ROOT / name
    for name in (
        "README.md",
        "docs/settings.md",
        "docs/troubleshooting.md",
        "docs/architecture.md",
        "docs/command.md",
        "docs/threats.md",
    )
)
# Errors that no later state can meet, by the state that rules them out: it reads what is pinned, or the catalog.
RULED_OUT_BY = {
    "BaseModelUnknown": "Plan Run",
    "SettingsInvalid": "Plan Run",
    "UnsupportedDataset": "Validate Dataset",
    "EvaluationSetInvalid": "Validate Dataset",
}
NOTHING = "\N{EN DASH}"
Rows = list[list[str]]


@dataclass(frozen=True)
class Table:
    """A table on a page; `source` gives its rows up to the first column that a person writes."""

    page: Path
    columns: tuple[str, ...]
    source: Callable[[], Rows]

    def written(self) -> Rows:
        """The rows as they stand on the page."""
        return table_rows(self.page.read_text(), *self.columns)

    def update(self) -> None:
        """Write the rows anew; what a person wrote stays with its row's first cell."""
        before = {row[0]: row for row in self.written()}
        rows = [row + before.get(row[0], [""] * len(self.columns))[len(row) :] for row in self.source()]
        head, old = self._lines()
        text = self.page.read_text()
        self.page.write_text(text.replace("\n".join([*head, *old]), "\n".join([*head, markdown(rows)]), 1))

    def _lines(self) -> tuple[list[str], list[str]]:
        lines = self.page.read_text().splitlines()
        start = next(index for index, line in enumerate(lines) if cells(line) == list(self.columns))
        end = next((i for i in range(start, len(lines)) if not lines[i].startswith("|")), len(lines))
        return lines[start : start + 2], lines[start + 2 : end]


def table_rows(text: str, *columns: str) -> Rows:
    """The rows of the one table with these columns."""
    lines = text.splitlines()
    start = next(index for index, line in enumerate(lines) if cells(line) == list(columns))
    end = next((i for i in range(start, len(lines)) if not lines[i].startswith("|")), len(lines))
    return [cells(line) for line in lines[start + 2 : end]]


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split(" | ")]


def markdown(rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def code(names: Iterable[str]) -> str:
    """Names between backticks, or a dash for none."""
    return ", ".join(f"`{name}`" for name in names) or NOTHING


def folder_of(stem: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", stem).lower()


def task_states() -> Rows:
    rows, ruled_out = [], set[str]()
    for name, state in states():
        if state["Type"] == "Task":
            resource = substitution(state).removesuffix("Arn")
            folder = folder_of(resource.removesuffix("Function"))
            errors = raised_by(folder, resource) - ruled_out
            rows.append([name, code([folder]), added_by(state), errors_cell(errors)])
            ruled_out |= {error for error, by in RULED_OUT_BY.items() if by == name}
    return rows


def errors_cell(errors: frozenset[str]) -> str:
    own = [f"`{name}`" for name in sorted(errors - EVERY_CALL)]
    return ", ".join(["AWS errors", *own] if errors >= EVERY_CALL else own) or NOTHING


def added_by(state: dict[str, Any]) -> str:
    path = state.get("ResultPath", "$")
    return {None: NOTHING, "$": "an element of `$.shards`"}.get(path, f"`{path}`")


def ends() -> Rows:
    """Every way a run can end; an end is there a second time for when its mail could not be sent."""
    top = definition()["States"]
    without_mail = {state["Next"]: rule["Next"] for state in top.values() if "Next" in state for rule in _mails(state)}
    return [
        [name, *end_cells(state["Type"], top[without_mail.get(name, name)].get("Error")), state["Comment"]]
        for name, state in top.items()
        if state["Type"] in {"Succeed", "Fail"} and name not in set(without_mail.values()) - set(without_mail)
    ]


def _mails(state: dict[str, Any]) -> list[dict[str, Any]]:
    """Where a state goes on whose mail could not be sent."""
    return [rule for rule in state.get("Catch", []) if rule["ResultPath"] == "$.undelivered"]


def end_cells(kind: str, error: str | None) -> list[str]:
    if kind == "Succeed":
        return ["SUCCEEDED", NOTHING]
    return ["FAILED", code([error]) if error else "what a state failed with"]


def alarms() -> Rows:
    return [[name] for name in resources("AWS::CloudWatch::Alarm")]


def parameters() -> Rows:
    return [
        [code([name]), default_cell(parameter.get("Default")), " ".join(parameter["Description"].split())]
        for name, parameter in template()["Parameters"].items()
    ]


def warnings() -> Rows:
    return [[code([name]), remedy] for name, (severity, remedy) in CODES.items() if severity == "warning"]


def default_cell(default: object) -> str:
    default = list(default) if isinstance(default, tuple) else default
    default = str(default).lower() if isinstance(default, bool) else default
    return NOTHING if default is None else "empty" if default == "" else f"`{default}`"


def permissions() -> Rows:
    rows = []
    for name, function in sorted(resources("AWS::Serverless::Function").items()):
        found: dict[str, set[str]] = {}
        for action in [action for statement in statements(function) for action in statement["Action"]]:
            service, operation = action.split(":")
            found.setdefault(service, set()).add(operation)
        actions = "; ".join(f"{service}: {', '.join(sorted(found[service]))}" for service in sorted(found))
        rows.append([code([folder_of(name.removesuffix("Function"))]), actions])
    return rows


# What only looks; a query of a model costs and is no look.
_LOOKS = ("Get", "List", "Describe")


def changes() -> Rows:
    """What each role may change, start or ask, and of S3 where; the role of jobs is the last."""
    functions = sorted(resources("AWS::Serverless::Function").items())
    rows = [[code([folder_of(name.removesuffix("Function"))]), _changed(statements(each))] for name, each in functions]
    job = resources("AWS::IAM::Role")["CustomizationRole"]["Properties"]["Policies"][0]["PolicyDocument"]
    return [*rows, ["Bedrock, for a customization job", _changed(job["Statement"])]]


def _changed(statements_of_role: Iterable[dict[str, Any]]) -> str:
    found: dict[str, set[str]] = {}
    for statement in statements_of_role:
        places = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
        for action in statement["Action"]:
            service, operation = action.split(":")
            if not operation.startswith(_LOOKS):
                found.setdefault(action, set()).update(map(_key_of, places) if service == "s3" else ())
    parts = [f"{action}{f' on {code(sorted(found[action]))}' if found[action] else ''}" for action in sorted(found)]
    return "; ".join(parts) or NOTHING


def _key_of(place: dict[str, str]) -> str:
    """The keys of S3 that a resource names."""
    return place.get("Fn::Sub", "").partition("/")[2]


def settings_keys() -> Rows:
    return [
        [code([key]), type_of(field.annotation), default_cell(default), bounds_of(field)]
        for key, field in fields(Settings)
        for default in [field.get_default(call_default_factory=True)]
    ]


def fields(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Every key of settings.yaml with its field, nested ones by their dotted name."""
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from fields(field.annotation, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", field


def type_of(annotation: Any) -> str:
    names = {int: "whole number", float: "number", str: "text", bool: "true or false"}
    arguments = [each for each in get_args(annotation) if each is not type(None)]
    if annotation is MetricName:
        return "a metric"
    if get_origin(annotation) is Literal:
        return " or ".join(arguments)
    if get_origin(annotation) in {dict, tuple, list}:
        return "mapping" if get_origin(annotation) is dict else "list"
    return " or ".join(map(type_of, arguments)) if arguments else names[annotation]


def bounds_of(field: FieldInfo) -> str:
    signs = ((Ge, "≥", "ge"), (Gt, ">", "gt"), (Le, "≤", "le"), (Lt, "<", "lt"))
    found = [
        f"{sign} {getattr(each, key):.15g}"
        for kind, sign, key in signs
        for each in field.metadata
        if isinstance(each, kind)
    ]
    return ", ".join(found) or NOTHING


def metric_titles() -> Rows:
    return [[code([name]), metric.title, metric.measures] for name, metric in METRICS.items()]


def models() -> Rows:
    return [model_row(row) for row in base_models().values()]


def model_row(row: BaseModelRow) -> list[str]:
    rules = row.methods.values()
    counted = {None: "", "to_both": " with validation", "to_maximum": ", the latter with validation"}
    records = [
        f"{each.records.minimum:,} to {each.records.maximum:,}{counted[each.validation_counts]}" for each in rules
    ]
    state = row.lifecycle.status if row.api == "bedrock" else "another API"
    return [
        code([row.id]),
        row.name,
        ", ".join(row.regions),
        code(row.methods),
        code(each.record_format for each in rules),
        ", ".join(records) or NOTHING,
        code(row.deployments),
        f"{state} since {row.lifecycle.since}" if row.lifecycle.since else state,
    ]


def media() -> Rows:
    alike: dict[tuple[str, ...], list[str]] = {}
    for row in base_models().values():
        for name, rules in row.media.items():
            rule = (f"{name}s", ", ".join(rules.formats), str(rules.most), f"{rules.megabytes} MB")
            alike.setdefault(rule, []).append(row.name)
    return [[", ".join(names), *rule] for rule, names in alike.items()]


def token_errors() -> Rows:
    def cell(kind: Script, provider: str) -> str:
        error = ERRORS[provider][kind]
        return f"{error.low:+.0%} to {error.high:+.0%}"

    return [[kind, *(cell(kind, provider) for provider in ERRORS)] for kind in ERRORS["meta"]]


def hyperparameters() -> Rows:
    def one(name: str, rule: Hyperparameter) -> str:
        words = "".join(f" or {word}" for word in rule.words)
        return f"`{name}` {rule.minimum:g} to {rule.maximum:g}{words} ({rule.default})"

    alike: dict[str, list[str]] = {}
    for row in base_models().values():
        alike.setdefault("; ".join(one(*each) for each in row.hyperparameters.items()), []).append(row.name)
    return [[", ".join(names), ranges] for ranges, names in alike.items() if ranges]


def prices() -> Rows:
    def cell(price: float | None) -> str:
        return "unknown" if price is None else f"{price:.6f}".rstrip("0").rstrip(".")

    return [
        [
            row.name,
            *(cell(price) for name, price in asdict(row.prices).items() if name != "as_of"),
            row.prices.as_of,
        ]
        for row in base_models().values()
        if row.lifecycle.status == "active" and row.api == "bedrock"
    ]


def exit_codes() -> Rows:
    return [[code([str(number)]), meaning] for number, meaning in EXIT_CODES.items()]


def commands() -> Rows:
    return [[code([f"{PROGRAM} {name}"]), summary] for name, summary in COMMANDS.items()]


def usages() -> str:
    """Each command's own help under a heading, as the end of the page about the command."""
    return "\n\n".join(f"### {PROGRAM} {name}\n\n```\n{usage_of(name)}\n```" for name in COMMANDS) + "\n"


def usage_of(name: str) -> str:
    return click.Context(command_of(name), info_name=f"{PROGRAM} {name}", terminal_width=100).get_help()


def written_usages() -> tuple[str, str]:
    """The page about the command up to its list of usages, and the list."""
    before, heading, after = COMMAND.read_text().partition("## Every option\n\n")
    return before + heading, after


STATES = Table(README, ("State", "Function", "Adds", "Can fail with"), task_states)
TABLES = (
    STATES,
    Table(README, ("Parameter", "Default", "What it is"), parameters),
    Table(ARCHITECTURE, ("End", "Status", "Error", "What that means"), ends),
    Table(ARCHITECTURE, ("Function", "May"), permissions),
    Table(THREATS, ("Role", "May change", "Taken over, it could"), changes),
    Table(TROUBLESHOOTING, ("Alarm", "What it means", "What to do"), alarms),
    Table(COMMAND, ("Command", "What it does"), commands),
    Table(COMMAND, ("Exit code", "What it means"), exit_codes),
    Table(SETTINGS, ("Key", "Type", "Default", "Bounds", "Meaning"), settings_keys),
    Table(SETTINGS, ("Metric", "Title", "What it measures"), metric_titles),
    Table(
        SETTINGS,
        ("Id", "Name", "Regions", "Methods", "Record format", "Training records", "Deployments", "State"),
        models,
    ),
    Table(SETTINGS, ("Models", "Media", "Formats", "Most in a record", "Most for a file"), media),
    Table(SETTINGS, ("Text in", "Against Llama 3's tokenizer", "Against Claude 2's"), token_errors),
    Table(SETTINGS, ("Warning", "What to do"), warnings),
    Table(SETTINGS, ("Base model", "Hyperparameters, range (default)"), hyperparameters),
    Table(SETTINGS, ("Base model", "Training", "Storage", "Prompt", "Answer", "Provisioned", "As of"), prices),
)

CATALOG = ROOT / "layers/finetune/finetune/domain/catalog.yaml"


def catalog() -> bytes:
    """The catalog that people edit as the package reads it."""
    return orjson.dumps(yaml.safe_load(CATALOG.read_bytes()), option=orjson.OPT_INDENT_2) + b"\n"


if __name__ == "__main__":
    CATALOG.with_suffix(".json").write_bytes(catalog())
    for table in TABLES:
        table.update()
    picture.PICTURE.write_text(picture.draw())
    COMMAND.write_text(written_usages()[0] + usages())
