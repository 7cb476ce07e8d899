"""The commands of `python -m local` and what they take."""

import argparse
import math
import sys
from pathlib import Path
from typing import NoReturn

from botocore.exceptions import BotoCoreError, ClientError

from finetune.domain.catalog import base_models
from local.bedrock.admin import AdminError
from local.cloud import CloudError
from local.deployment import DeploymentError
from local.faults import describe_faults
from local.project import DEFAULT_REGION, PROJECT_FILES, RequestError, open_project
from local.run import Request, run
from local.terminal import Terminal
from local.up import up
from local.watch import NotStartedError

TIME_SCALE = 300.0
UNUSABLE = 2
OWN_ERRORS = (
    RequestError,
    CloudError,
    DeploymentError,
    AdminError,
    NotStartedError,
    ClientError,
    BotoCoreError,
    OSError,
)


class _Parser(argparse.ArgumentParser):
    """Answers a mistake with one sentence."""

    def error(self, message: str) -> NoReturn:
        self.exit(UNUSABLE, f"{self.prog}: {message}; see --help.\n")


def execute(arguments: list[str] | None = None) -> int:
    """The exit code: 0 succeeded, 1 the run failed, 2 the tool could not run."""
    parser = _parsers()
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help(sys.stderr)
        return UNUSABLE
    try:
        return _run(options) if options.command == "run" else _up(options)
    except OWN_ERRORS as error:
        print(f"python -m local {options.command}: {error}", file=sys.stderr)
        return UNUSABLE


def _run(options: argparse.Namespace) -> int:
    given = {name: getattr(options, Path(name).stem) for name in PROJECT_FILES}
    request = Request(
        project=open_project(options.dataset, name=options.project, given=given),
        faults=tuple(options.fault),
        time_scale=options.time_scale,
        out=options.out,
        activate_retired=options.activate_retired,
    )
    outcome = run(request, Terminal(sys.stderr if options.json else sys.stdout))
    if options.json:
        print(outcome.model_dump_json(indent=2))
    return outcome.exit_code


def _up(options: argparse.Namespace) -> int:
    up(options.state, options.region, options.time_scale, Terminal(sys.stdout))
    return 0


def _parsers() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m local", description="The pipeline on this machine, without an AWS account.")
    commands = parser.add_subparsers(title="commands", dest="command", metavar="{run,up}")
    _add_run(
        commands.add_parser(
            "run",
            help="run one dataset from drop to verdict and show the run",
            description="Deploy the stack to a local cloud, drop a dataset and show the run.\n"
            "Exits with 0 when the run succeeded, 1 when it failed, 2 when it could not be started.",
            epilog=f"faults:\n{describe_faults()}\n\n"
            "NAME:COUNT causes the fault COUNT times, NAME:always every time, NAME@N from the N-th time on.\n"
            "operations are spelled create-job, get-job, converse, delete-deployment and so on.",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
    )
    _add_up(
        commands.add_parser(
            "up",
            help="keep the local cloud running, with the stack in it",
            description="Deploy the stack to a local cloud, show how to use it and keep it running until Ctrl-C.",
        )
    )
    return parser


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "dataset", type=Path, metavar="DATASET", help="the file to drop: .jsonl, .ndjson, .json, .csv or .tsv"
    )
    parser.add_argument(
        "--project", metavar="NAME", help="name of the project (default: from the dataset's folder or file name)"
    )
    for name in PROJECT_FILES:
        parser.add_argument(
            f"--{Path(name).stem}",
            type=Path,
            metavar="FILE",
            help=f"the project's {name} (default: the one in the dataset's folder, if any)",
        )
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="NAME[:COUNT]",
        help="cause a fault of Bedrock; may be given several times",
    )
    _add_time_scale(parser)
    parser.add_argument("--activate-retired", action="store_true", help="treat a retired base model as active")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="folder for the files of the run (default: out/<project>-<time>)"
    )
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object on standard output, and all else on standard error"
    )


def _add_up(parser: argparse.ArgumentParser) -> None:
    _add_time_scale(parser)
    regions = sorted({region for row in base_models().values() for region in row.regions})
    parser.add_argument("--region", choices=regions, default=DEFAULT_REGION, help="region (default: %(default)s)")
    parser.add_argument(
        "--state", type=Path, default=Path("build/local-cloud"), help="folder of mails and logs (default: %(default)s)"
    )


def _add_time_scale(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--time-scale",
        type=_scale,
        default=TIME_SCALE,
        metavar="X",
        help="seconds of service time in one real second (default: %(default)g)",
    )


def _scale(text: str) -> float:
    try:
        scale = float(text)
    except ValueError:
        scale = math.nan
    if not 0 < scale < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number greater than 0")
    return scale
