"""Copies all files of a run out of the cloud before the cloud stops."""

import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from finetune.domain.evaluation.verdict import Evaluation
from finetune_cli.history import dump
from local.bedrock.ledger import Ledger
from local.cloud import Mail
from local.project import RequestError
from local.session import Session
from local.watch import View

RESULT = "result.json"
OURS = ("run", "mails", "logs", "history.json", "ledger.json", RESULT)
CLEAN_UP_BOUND = timedelta(minutes=20)  # of service time; the last to clean up is the sweeper, every 15 minutes
POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Collected:
    """What is in the folder; None for what the run did not produce."""

    folder: Path
    run_id: str | None
    mails: list[Mail]
    ledger: Ledger
    evaluation: Evaluation | None
    report: Path | None


def prepare(folder: Path) -> None:
    """Make the folder empty; RequestError when it holds anything but an earlier result of ours."""
    try:
        present = {path.name for path in folder.iterdir()} if folder.exists() else set()
        if present and (RESULT not in present or present - set(OURS)):
            raise RequestError(f"--out {folder} holds other files; name a new or an empty folder.")
        for name in present:
            path = folder / name
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RequestError(f"--out {folder} cannot be written: {error.strerror}.") from None


@contextmanager
def kept_in(folder: Path) -> Iterator[None]:
    """Prepare the folder for a run, and remove it if the run leaves it empty."""
    prepare(folder)
    try:
        yield
    except BaseException:
        with suppress(OSError):  # it is not empty
            folder.rmdir()
        raise


def collect(session: Session, view: View, folder: Path) -> Collected:
    """Wait until the cleaning up is over, with a bound; then copy."""
    if view.status != "SUCCEEDED":
        wait_for_clean_up(session)
    ledger = session.bedrock.ledger()
    (folder / "ledger.json").write_text(ledger.model_dump_json(indent=2) + "\n", encoding="utf-8")
    (folder / "history.json").write_text(dump(view.events) + "\n", encoding="utf-8")
    shutil.copytree(session.cloud.state / "logs", folder / "logs")
    run_id = _copy_run(session, folder / "run")
    evaluation = folder / "run" / "evaluation.json"
    return Collected(
        folder=folder,
        run_id=run_id,
        mails=_copy_mails(session.cloud.mails(), folder / "mails"),
        ledger=ledger,
        evaluation=Evaluation.model_validate_json(evaluation.read_bytes()) if evaluation.is_file() else None,
        report=report_in(folder / "run"),
    )


def report_in(folder: Path) -> Path | None:
    """The page about a run: its report, or the report on the dataset if there is no other."""
    pages = (folder / name for name in ("report.html", "validation.html"))
    return next((page for page in pages if page.is_file()), None)


def wait_for_clean_up(session: Session) -> None:
    """Wait until Clean Up Run is done, a mail is sent and no endpoint is open, or for a bounded service time."""
    end = session.bedrock.timeline().now + CLEAN_UP_BOUND
    while session.bedrock.timeline().now < end:
        done = any("CleanUpRun" in function for function in session.cloud.logs())
        if done and session.cloud.mails() and not session.bedrock.ledger().open:
            return
        time.sleep(POLL_SECONDS)


def _copy_run(session: Session, folder: Path) -> str | None:
    """Copy the one run's files; its id."""
    s3, bucket = session.cloud.client("s3"), session.outputs["ArtifactBucketName"]
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="runs/")
    keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
    run_id = None
    for key in keys:
        _, _, run_id, *path = key.split("/")
        target = folder.joinpath(*path)
        target.parent.mkdir(parents=True, exist_ok=True)
        s3.download_file(bucket, key, str(target))
    return run_id


def _copy_mails(mails: Sequence[Mail], folder: Path) -> list[Mail]:
    folder.mkdir()
    return [replace(mail, path=Path(shutil.copy(mail.path, folder))) for mail in mails]
