"""What `python -m local` makes of its arguments, before anything is started."""

import signal
from pathlib import Path

import pytest

from local import __main__ as main
from local.commands import execute
from local.project import Project, RequestError, open_project
from local.run import default_folder


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    path = tmp_path / "shop" / "data.jsonl"
    path.parent.mkdir()
    path.write_text('{"prompt": "a", "completion": "b"}\n')
    return path


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one sentence on standard error of a call that ends with 2."""
    try:
        status = execute(list(arguments))
    except SystemExit as ended:
        status = int(ended.code or 0)
    captured = capsys.readouterr()
    assert status == 2
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    return captured.err


def opened(dataset: Path, **given: Path) -> Project:
    return open_project(dataset, given={name.replace("_", "."): path for name, path in given.items()})


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["run"], "DATASET"),
        (["frobnicate"], "invalid choice: 'frobnicate'"),
        (["run", "nowhere.jsonl"], "The dataset nowhere.jsonl does not exist."),
        (["run", "{folder}"], "is a folder; name a file."),
        (["run", "{dataset}", "--settings", "nowhere.yaml"], "--settings nowhere.yaml does not exist."),
        (["run", "{dataset}", "--evaluation", "{folder}"], "--evaluation {folder} is a folder; name a file."),
        (["run", "{dataset}", "--project", "a/b"], "must be the name of one folder, without a slash"),
        (["run", "{dataset}", "--project", ""], "must be the name of one folder, without a slash"),
        (["run", "{dataset}", "--fault", "fial-job"], "--fault fial-job does not exist; did you mean fail-job"),
        (["run", "{dataset}", "--fault", "zzz"], "--help lists the names."),
        (["run", "{dataset}", "--fault", "fail-job:0"], "is not of the form name, name:count"),
        (["run", "{dataset}", "--time-scale", "0"], "'0' is not a number greater than 0"),
        (["run", "{dataset}", "--time-scale", "inf"], "'inf' is not a number greater than 0"),
        (["run", "{dataset}", "--time-scale", "fast"], "'fast' is not a number greater than 0"),
        (["run", "{dataset}", "--out", "{dataset}"], "cannot be written"),
        (["run", "{dataset}", "--out", "{folder}"], "holds other files; name a new or an empty folder."),
        (["up", "--region", "moon-1"], "invalid choice: 'moon-1'"),
    ],
)
def test_a_mistake_is_answered_with_one_sentence(
    arguments: list[str], sentence: str, dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = {"dataset": str(dataset), "folder": str(dataset.parent)}
    assert sentence.format(**places) in told(capsys, *(argument.format(**places) for argument in arguments))


def test_an_empty_dataset_is_refused_because_it_would_start_no_run(
    dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset.write_bytes(b"")
    assert "is empty; an empty object starts no run." in told(capsys, "run", str(dataset))


def test_without_a_command_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute([]) == 2
    assert "run one dataset from drop to verdict" in capsys.readouterr().err


def test_the_help_of_run_names_every_fault(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        execute(["run", "--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in ("fail-job", "endpoint-never-ready", "throttle-<operation>"))


def test_what_lies_beside_a_dataset_is_its_projects(dataset: Path) -> None:
    settings = dataset.with_name("settings.yaml")
    settings.write_text("method: FINE_TUNING\n")
    project = opened(dataset)
    assert (project.name, project.found, project.files) == ("shop", ("settings.yaml",), {"settings.yaml": settings})


def test_what_is_given_comes_before_what_lies_beside(dataset: Path, tmp_path: Path) -> None:
    dataset.with_name("settings.yaml").write_text("method: FINE_TUNING\n")
    given = tmp_path / "mine.yaml"
    given.write_text("{}\n")
    project = opened(dataset, settings_yaml=given)
    assert (project.found, project.files) == ((), {"settings.yaml": given})


def test_a_dataset_alone_is_a_project_of_its_stem(dataset: Path) -> None:
    project = opened(dataset)
    assert (project.name, project.dataset_key) == ("data", "incoming/data/data.jsonl")


def test_an_evaluation_set_dropped_as_a_dataset_is_not_its_own_evaluation_set(dataset: Path) -> None:
    evaluation = dataset.rename(dataset.with_name("evaluation.jsonl"))
    assert opened(evaluation).files == {}


@pytest.mark.parametrize(
    ("settings", "region"),
    [
        ("", "us-east-1"),
        ("base_model: amazon.nova-lite-v1:0:300k\n", "us-east-1"),
        ("base_model: meta.llama3-1-8b-instruct-v1:0:128k\n", "us-west-2"),
        ("base_model: nobody.knows-this\n", "us-east-1"),
        ("base_model: [not, valid\n", "us-east-1"),
    ],
)
def test_the_region_is_one_that_has_the_base_model(settings: str, region: str, dataset: Path) -> None:
    dataset.with_name("settings.yaml").write_text(settings)
    assert opened(dataset).region == region


def test_the_default_folder_is_named_after_the_project_in_plain_letters(dataset: Path) -> None:
    project = open_project(dataset, name="Größe & Co", given={})
    assert default_folder(project).as_posix().startswith("out/gr-e-co-")


def test_a_file_name_that_no_system_takes_is_not_a_traceback(dataset: Path) -> None:
    with pytest.raises(RequestError, match="cannot be read"):
        open_project(Path(f"{dataset}\0"), given={})


@pytest.mark.parametrize("number", main.SIGNALS)
def test_an_interrupted_command_says_that_nothing_is_left(
    number: signal.Signals, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt() -> int:
        signal.raise_signal(number)
        return 0

    monkeypatch.setattr("local.commands.execute", interrupt)
    handlers = {number: signal.getsignal(number) for number in main.SIGNALS}
    try:
        assert main.main() == 130
    finally:
        for each, handler in handlers.items():
            signal.signal(each, handler)
    assert capsys.readouterr().err == "Interrupted; nothing is left running.\n"
