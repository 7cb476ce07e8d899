"""The base model and method with which a dataset is checked, from the command line or a settings file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from finetune.domain.catalog import BaseModelRow, base_model, require_active
from finetune.domain.staging.shares import Shares
from finetune.domain.validation.rules import DatasetRules, rules_for
from finetune.errors import BaseModelRetired, SettingsInvalid
from finetune_cli.files import name_of, readable
from finetune_cli.options import BASE_MODEL, METHOD, DatasetOptions

if TYPE_CHECKING:
    from finetune.settings import Settings

# What settings that say nothing of it mean, as with the base model and the method.
HOLD_OUT = Shares(validation=0.1, evaluation=0.1, least_evaluation=20)


def settings_of(options: DatasetOptions) -> Settings:
    """The settings of the named file, or those of a project without one."""
    if options.settings is None:
        from finetune.settings import Settings  # noqa: PLC0415 - takes longer than checking a small file

        return Settings()
    from finetune.settings_file import parse_settings  # noqa: PLC0415 - as with the settings

    return parse_settings(readable(options.settings).read_bytes(), source=name_of(options.settings))


def row_and_rules(options: DatasetOptions) -> tuple[BaseModelRow, DatasetRules]:
    """The chosen base model and what it asks of a dataset; a FineTuneError says what cannot be chosen."""
    if options.settings is None:
        row = base_model(options.base_model or BASE_MODEL)
        return row, rules_for(row, options.method or METHOD, columns=options.columns)
    settings = settings_of(options)
    row = base_model(options.base_model or settings.base_model)
    if row.id == settings.base_model:
        _check_hyperparameters(row, settings, name_of(options.settings))
    method, asked = options.method or settings.method, settings.dataset
    columns = asked.columns.named | options.columns
    return row, rules_for(row, method, maximum_records=asked.maximum_records, errors=asked.errors, columns=columns)


def taken_no_more(row: BaseModelRow) -> str:
    """Why a run with a base model would be refused, by the catalog; nothing while it takes jobs."""
    try:
        require_active(row, accepted=row.lifecycle.status == "active", region="")
    except BaseModelRetired as error:
        return str(error)
    return ""


def hold_out(options: DatasetOptions) -> Shares:
    """The shares of the records that a run holds out, and how many items a verdict needs."""
    if options.settings is None:
        return HOLD_OUT
    settings = settings_of(options)
    return Shares(settings.split.validation, settings.split.evaluation, settings.gates.minimum_items)


def _check_hyperparameters(row: BaseModelRow, settings: Settings, source: str) -> None:
    from finetune.domain.customization.jobs import resolve_hyperparameters  # noqa: PLC0415 - as with the settings

    try:
        resolve_hyperparameters(row, settings.hyperparameters)
    except SettingsInvalid as error:
        raise SettingsInvalid(f"{source}: {error}") from None
