"""What each function's import and first client cost beside boto3 with one client, in processor time.

`python -m benchmarks.imports` runs every one in processes of its own, in turn, and prints medians and ratios.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from statistics import median

FUNCTIONS = Path(__file__).parents[1] / "functions"
BARE = "boto3 with one client"
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
    took: dict[str, list[float]] = {name: [] for name in (BARE, *names)}
    for _ in range(runs):
        took[BARE].append(seconds("import boto3; boto3.client('s3')"))
        for name in names:
            took[name].append(seconds("import app; from finetune.aws import clients; clients.s3()", FUNCTIONS / name))
    base = median(took[BARE])
    print(f"{'function':<24}{'ms':>8}{'ratio':>8}")
    for name, values in sorted(took.items(), key=lambda entry: median(entry[1])):
        print(f"{name:<24}{1000 * median(values):>8.0f}{median(values) / base:>8.2f}")


if __name__ == "__main__":
    main()
