"""A project on disk: a dataset and its project files, and the Region that a run needs."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from finetune.domain.catalog import BaseModelRow, base_models
from finetune.domain.customization.projects import INCOMING
from finetune.errors import SettingsInvalid
from finetune.settings import Settings
from finetune.settings_file import parse_settings

PROJECT_FILES = ("settings.yaml", "evaluation.jsonl", "validation.jsonl")
DEFAULT_REGION = "us-east-1"


class RequestError(ValueError):
    """The requested run is not possible; the message is one sentence for the user."""


@dataclass(frozen=True)
class Project:
    """A dataset and its project's files by their name in the bucket; `found` are those that lay beside the dataset."""

    name: str
    dataset: Path
    files: Mapping[str, Path]
    found: tuple[str, ...]

    @property
    def dataset_key(self) -> str:
        """Where dropping the dataset starts a run."""
        return f"{INCOMING}{self.name}/{self.dataset.name}"

    def file_key(self, name: str) -> str:
        """Where the bucket keeps one of the project's files."""
        return f"projects/{self.name}/{name}"

    @property
    def base_model(self) -> BaseModelRow | None:
        """The catalog's row of the base model in the settings; None if the settings or the model cannot be used."""
        try:
            settings = self._settings()
        except SettingsInvalid:
            return None
        return base_models().get(settings.base_model)

    @property
    def region(self) -> str:
        """A region that has the base model."""
        regions = self.base_model.regions if self.base_model else ()
        return DEFAULT_REGION if DEFAULT_REGION in regions or not regions else regions[0]

    def _settings(self) -> Settings:
        path = self.files.get("settings.yaml")
        return parse_settings(path.read_bytes(), source=str(path)) if path else Settings()


def open_project(dataset: Path, *, name: str | None = None, given: Mapping[str, Path | None]) -> Project:
    """The project of a dataset: the files that were given, and the project files in the dataset's folder.

    `given` maps names of PROJECT_FILES to files. Raises RequestError if a file cannot be read.
    """
    _require_readable(dataset, "The dataset")
    for kind, path in given.items():
        if path is not None:
            _require_readable(path, f"--{Path(kind).stem}")
    beside = {kind: dataset.parent / kind for kind in PROJECT_FILES}
    found = {
        kind: path
        for kind, path in beside.items()
        if given.get(kind) is None and path.is_file() and not path.samefile(dataset)
    }
    chosen = found | {kind: path for kind, path in given.items() if path is not None}
    default = dataset.resolve().parent.name if found else dataset.stem
    return Project(name=_checked(default if name is None else name), dataset=dataset, files=chosen, found=tuple(found))


def _checked(name: str) -> str:
    if not name.strip() or "/" in name or not name.isprintable():
        raise RequestError(f"--project {name!r} is not valid: it must be the name of one folder, without a slash.")
    return name


def _require_readable(path: Path, what: str) -> None:
    """RequestError unless `path` is a file with something in it that can be read."""
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except IsADirectoryError:
        raise RequestError(f"{what} {path} is a folder; name a file.") from None
    except FileNotFoundError:
        raise RequestError(f"{what} {path} does not exist.") from None
    except (OSError, ValueError) as error:
        raise RequestError(f"{what} {path} cannot be read: {getattr(error, 'strerror', error)}.") from None
    if empty and what == "The dataset":
        raise RequestError(f"{what} {path} is empty; an empty object starts no run.")
