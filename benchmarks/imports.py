"""What each function's import and first client cost beside boto3 with one client, in processor time.

`python -m benchmarks.imports` runs every one in processes of its own, in turn, and prints the least time of each, which
other work on the machine disturbs least, and its ratio. Logger and pydantic alone are what no function can be below.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

FUNCTIONS = Path(__file__).parents[1] / "functions"
CLIENT = "import boto3; boto3.client('s3')"
BARE, FLOOR = "boto3 with one client", "and Logger and pydantic"
LIBRARIES = (
    "from aws_lambda_powertools import Logger; from pydantic import create_model; create_model('Model', field=int)"
)
MEASURED = """
import sys, time
sys.path.insert(0, {folder!r})
before = time.process_time()
{imported}
print(time.process_time() - before)
"""
# Lambda hands a function's folder to the interpreter; the region is set as there.
ENVIRONMENT = {"AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}


def seconds(imported: str, folder: Path = FUNCTIONS) -> float:
    """Processor seconds of one process for what it imports."""
    command = [sys.executable, "-c", MEASURED.format(folder=str(folder), imported=imported)]
    run = subprocess.run(command, capture_output=True, text=True, check=True, env=ENVIRONMENT)  # noqa: S603 - our own
    return float(run.stdout)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    runs = parser.parse_args().runs
    names = sorted(path.parent.name for path in FUNCTIONS.glob("*/app.py"))
    measured = {BARE: (CLIENT, FUNCTIONS), FLOOR: (f"{CLIENT}; {LIBRARIES}", FUNCTIONS)}
    measured |= {
        name: ("import app; from finetune.aws import clients; clients.s3()", FUNCTIONS / name) for name in names
    }
    took: dict[str, list[float]] = {name: [] for name in measured}
    for _ in range(runs):
        for name, (imported, folder) in measured.items():
            took[name].append(seconds(imported, folder))
    print(f"{'function':<24}{'ms':>8}{'ratio':>8}")
    for name, values in sorted(took.items(), key=lambda entry: min(entry[1])):
        print(f"{name:<24}{1000 * min(values):>8.0f}{min(values) / min(took[BARE]):>8.2f}")


if __name__ == "__main__":
    main()
