"""`python -m local`: the pipeline on this machine, without an AWS account."""

import signal
import sys
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
INTERRUPTED = 130


def main() -> int:
    """The exit code of a command; 130 when a signal ended it."""
    for number in SIGNALS:
        signal.signal(number, _interrupt)
    try:
        from local.commands import execute  # noqa: PLC0415 - takes a second, and Ctrl-C is not a traceback in it

        return execute()
    except KeyboardInterrupt:
        print("Interrupted; nothing is left running.", file=sys.stderr)
        return INTERRUPTED


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """Interrupt once: what follows is cleaning up, and is not interrupted."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
