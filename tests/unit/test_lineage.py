"""What a report names as its origin: versions, hashes and the code, each of which stands for one content."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import finetune
from finetune.aws.verdict import judge_evaluation
from finetune.contracts import Candidate, JudgeEvaluationInput, ObjectVersion, Run
from finetune.version import code_name, code_version
from tests.evaluating import Bucket, items, judgement, run, shard

HASH = "0a1b2c3d4e5f6071"


def lineage(planned: Run) -> dict[str, str]:
    """The entries in the report of a run that was not evaluated."""
    bucket = Bucket()
    request: JudgeEvaluationInput = judgement(shard(items(3), bucket, planned), shards=())
    staged = request.prepared.model_copy(update={"training_uri": planned.uri(f"staged/training-{HASH}.jsonl")})
    judge_evaluation(bucket.client, request.model_copy(update={"prepared": staged, "endpoint": None}))
    [page] = [body.decode() for key, body in bucket.objects.items() if key.endswith("report.html")]
    return dict(re.findall(r"<dt>([^<]+)</dt><dd>([^<]+)</dd>", page.split("<h2>Lineage</h2>")[1]))


def test_the_lineage_names_versions_hashes_hyperparameters_and_code() -> None:
    planned = run().model_copy(
        update={
            "candidates": (Candidate(index=1, name="one", hyperparameters={"epochCount": "2", "batchSize": "1"}),),
            "evaluation_set": ObjectVersion(bucket="data", key="projects/shop/evaluation.jsonl", version_id="9"),
        }
    )
    named = lineage(planned)
    assert named["Dataset"] == "s3://data/incoming/shop/a.jsonl (version 1)"
    assert named["Evaluation set"] == "s3://data/projects/shop/evaluation.jsonl (version 9)"
    assert named["Training data"].endswith(f"training-{HASH}.jsonl (sha256 {HASH}\u2026)")
    assert named["Hyperparameters"] == "epochCount 2, batchSize 1"
    assert named["Code"] == f"{code_name()}\u2026"
    assert "Validation set" not in named


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """The package as the layer holds it: compiled, and somewhere else."""
    copy = tmp_path / "opt" / "finetune"
    shutil.copytree(Path(finetune.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "__pycache__").mkdir()
    (copy / "__pycache__" / "errors.cpython-313.pyc").write_bytes(b"compiled")
    return copy


def test_the_code_has_one_version_wherever_it_is_installed(package: Path) -> None:
    assert code_version(package) == code_version()


def test_any_change_of_the_code_is_another_version(package: Path) -> None:
    page = package / "domain" / "report" / "page.css"
    page.write_text(page.read_text() + "\n")
    changed = code_version(package)
    assert changed != code_version()
    page.rename(page.with_name("other.css"))
    assert code_version.__wrapped__(package) not in {changed, code_version()}


def test_a_layer_knows_its_code_and_no_release(package: Path) -> None:
    code = "import sys; sys.path.append(sys.argv[1]); from finetune.version import code_name; print(code_name())"
    command = [sys.executable, "-ISc", code, str(package.parent)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - this interpreter
    assert done.stdout == f"finetune, sha256 {code_version()}\n"
