"""What a dataset may be called, and how large it may be, in bytes and in units."""

from __future__ import annotations

SUFFIXES = (".jsonl", ".ndjson", ".json", ".csv", ".tsv")
# The same in a sentence.
ANY_SUFFIX = f"{', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}"
# What a run can stage on the disk of Prepare Dataset (template.yaml). Both functions that read it do so in less than a
# third of their fifteen minutes (benchmarks/README.md).
MAX_DATASET_BYTES = 10 * 1024**3
# The surveys of so many, and of as many in a validation set, fit the disk of Validate Dataset and the memory of Prepare
# Dataset; what is behind them is not read.
MAX_UNITS = 5_000_000
_SAMPLE = "Drop a sample of it, which `finetune prepare --limit` can make."


def too_large(size: int) -> str | None:
    """Why a run would not make a file of so many bytes, and what to do; None when it would.

    >>> too_large(12_500_000_000)
    'has 12.5 GB; a run takes at most 10.7 GB. Drop a sample of it, which `finetune prepare --limit` can make.'
    """
    if size <= MAX_DATASET_BYTES:
        return None
    return f"has {size / 1e9:.1f} GB; a run takes at most {MAX_DATASET_BYTES / 1e9:.1f} GB. {_SAMPLE}"


def too_many(units: int) -> str | None:
    """Why a run would not make a file of so many lines, rows or elements, and what to do; None when it would.

    >>> too_many(5_000_000)
    >>> too_many(5_000_001)[:40]
    'has more than 5,000,000 lines; a run tak'
    """
    return f"has more than {MAX_UNITS:,} lines; a run takes no more. {_SAMPLE}" if units > MAX_UNITS else None
