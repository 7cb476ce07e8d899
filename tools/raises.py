"""Which of our errors a function can raise, read from its source, its policy and the service's own model."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from functools import cache
from typing import Any

import botocore.session
from botocore import xform_name

from finetune import errors
from finetune.aws import translation
from tools.project import ROOT, resources, statements

LAYER = ROOT / "layers/finetune"
# Names in these two are data: the tree of errors, and the table that turns foreign errors into them.
OPAQUE = {errors.__name__, translation.__name__}
LEAVES = frozenset(
    name
    for name, each in inspect.getmembers(errors, inspect.isclass)
    if issubclass(each, errors.FineTuneError) and not each.__subclasses__()
)
# What any call to AWS can end in, whatever its operation declares.
EVERY_CALL = frozenset({"ServiceBusy", "AccessRefused", "ServiceRefused"})
SERVICES = {"s3": "s3", "sns": "sns", "ssm": "ssm", "states": "stepfunctions", "bedrock": "bedrock"}


@cache
def raised_by(folder: str, resource: str) -> frozenset[str]:
    """The names that a function's handler can raise; more than it ever will where an earlier state has checked."""
    reached = frozenset(_reached(folder))
    raised = {name for _, name in reached if name in LEAVES}
    called = {name for _, name in reached}
    operations = [each for each in _allowed(resource) if xform_name(each.name) in called]
    declared = {translation._ERRORS.get(error.name) for each in operations for error in each.error_shapes}
    ours = {error.__name__ for error in declared if error} - {"ServiceRefused"}
    return frozenset(raised | ours | (EVERY_CALL if operations else set()))


def _allowed(resource: str) -> Iterator[Any]:
    """The operations that a function's policies allow; not Converse, whose errors are kept as answers."""
    session = botocore.session.get_session()
    function = resources("AWS::Serverless::Function")[resource]
    for action in [action for statement in statements(function) for action in statement["Action"]]:
        service, name = action.split(":")
        model = session.get_service_model(SERVICES[service]) if service in SERVICES else None
        if model and name in model.operation_names:
            yield model.operation_model(name)


def _reached(folder: str) -> set[tuple[str, str]]:
    """Every name that the handler's code mentions, directly or through the package's functions, with its module."""
    seen: set[tuple[str, str]] = set()
    source = (ROOT / "functions" / folder / "app.py").read_text()
    tree = ast.parse(source)
    handler = next(node for node in tree.body if isinstance(node, ast.FunctionDef))
    pending = list(_mentioned(handler, _imports(tree), "app"))
    while pending:
        module, name = pending.pop()
        if (module, name) in seen:
            continue
        seen.add((module, name))
        if node := _definitions(module).get(name):
            pending.extend(_mentioned(node, _module_imports(module), module))
    return seen


def _mentioned(node: ast.AST, imports: dict[str, tuple[str, str]], module: str) -> Iterator[tuple[str, str]]:
    for each in _expressions(node):
        if isinstance(each, ast.Name):
            yield imports.get(each.id, (module, each.id))
        elif isinstance(each, ast.Attribute):
            package, name = imports.get(each.value.id, ("", "")) if isinstance(each.value, ast.Name) else ("", "")
            yield (f"{package}.{name}" if package else "", each.attr)


def _expressions(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes that run: no annotations and no names of exceptions that are caught."""
    yield node
    skipped = {"annotation", "returns"} | ({"type"} if isinstance(node, ast.ExceptHandler) else set())
    for field, value in ast.iter_fields(node):
        if field not in skipped:
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from _expressions(child)


def _imports(tree: ast.Module) -> dict[str, tuple[str, str]]:
    return {
        alias.asname or alias.name: (node.module, alias.name)
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }


@cache
def _tree(module: str) -> ast.Module:
    """The source of one of the package's modules; nothing for anything else."""
    path = LAYER / f"{module.replace('.', '/')}.py"
    return ast.parse(path.read_text() if path.is_file() and module not in OPAQUE else "")


@cache
def _module_imports(module: str) -> dict[str, tuple[str, str]]:
    return _imports(_tree(module))


@cache
def _definitions(module: str) -> dict[str, ast.AST]:
    """A module's functions, classes and constants by name."""
    found: dict[str, ast.AST] = {}
    for node in _tree(module).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found[node.name] = node
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found.update({each.id: node for each in targets if isinstance(each, ast.Name)})
    return found
