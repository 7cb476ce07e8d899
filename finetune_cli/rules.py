"""What a dataset is held against: a base model and a method, named on the command line or in a settings file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from finetune.domain.catalog import BaseModelRow, Method, base_model
from finetune.domain.staging.shares import Shares
from finetune.domain.validation.rules import DatasetRules, rules_for
from finetune.errors import SettingsInvalid
from finetune_cli.files import name_of, readable

if TYPE_CHECKING:
    from finetune.settings import Settings

# What settings that name none mean; reading them takes longer than checking a small file.
BASE_MODEL = "amazon.nova-micro-v1:0:128k"
METHOD: Method = "FINE_TUNING"
MOST = 1_000_000_000
HOLD_OUT = Shares(validation=0.1, evaluation=0.1, least_evaluation=20)


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options that name the base model."""
    parser.add_argument("--base-model", metavar="ID", help=f"base model (default: the settings', or {BASE_MODEL})")
    parser.add_argument(
        "--method",
        type=lambda text: text.upper().replace("-", "_"),
        choices=get_args(Method),
        help=f"customization method (default: the settings', or {METHOD})",
    )
    parser.add_argument("--settings", type=Path, metavar="FILE", help="the project's settings.yaml")


def positive(text: str) -> int:
    """A count that was given as an option."""
    number = int(text) if text.isdecimal() and len(text) <= len(str(MOST)) else 0
    if not 1 <= number <= MOST:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 to {MOST:,}")
    return number


def settings_of(options: argparse.Namespace) -> Settings:
    """The settings of the named file, or those of a project without one."""
    from finetune.settings import Settings  # noqa: PLC0415 - takes longer than checking a small file
    from finetune.settings_file import parse_settings  # noqa: PLC0415 - takes longer than checking a small file

    path = options.settings
    return parse_settings(readable(path).read_bytes(), source=name_of(path)) if path else Settings()


def row_and_rules(options: argparse.Namespace) -> tuple[BaseModelRow, DatasetRules]:
    """The chosen base model and what it asks of a dataset; a FineTuneError says what cannot be chosen."""
    settings = settings_of(options) if options.settings else None
    row = base_model(options.base_model or (settings.base_model if settings else BASE_MODEL))
    method = options.method or (settings.method if settings else METHOD)
    if settings and row.id == settings.base_model:
        _check_hyperparameters(row, settings, name_of(options.settings))
    if settings is None:
        return row, rules_for(row, method)
    return row, rules_for(row, method, maximum_records=settings.dataset.maximum_records, errors=settings.dataset.errors)


def hold_out(options: argparse.Namespace) -> Shares:
    """The shares of the records that a run holds out, and how many items a verdict takes."""
    settings = settings_of(options) if options.settings else None
    return (
        Shares(settings.split.validation, settings.split.evaluation, settings.gates.minimum_items)
        if settings
        else HOLD_OUT
    )


def _check_hyperparameters(row: BaseModelRow, settings: Settings, source: str) -> None:
    from finetune.domain.customization.jobs import resolve_hyperparameters  # noqa: PLC0415 - as with the settings

    try:
        resolve_hyperparameters(row, settings.hyperparameters)
    except SettingsInvalid as error:
        raise SettingsInvalid(f"{source}: {error}") from None
