"""`python -m tools.alive TITLE COMMAND...`: run a command without its output, and report regularly that it still runs.

This module needs only Python, because it runs before anything is installed. If the command fails, the end of its output
is shown.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence

EVERY_SECONDS = 10.0
LINES_TOLD = 12


def say(line: str) -> None:
    print(line, flush=True)


def run(
    title: str,
    command: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    tell: Callable[[str], None] = say,
    every_seconds: float = EVERY_SECONDS,
) -> int:
    """The command's exit code; the last lines of its output are shown if it is not 0."""
    tell(title)
    begun = time.monotonic()
    with (
        tempfile.TemporaryFile() as output,
        subprocess.Popen(  # noqa: S603  # a command of ours
            command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        ) as process,
    ):
        while True:
            try:
                code = process.wait(every_seconds)
                break
            except subprocess.TimeoutExpired:
                tell(f"  still running after {time.monotonic() - begun:.0f} s")
        output.seek(0)
        lines = output.read().decode(errors="replace").splitlines() if code else []
    for line in lines[-LINES_TOLD:]:
        tell(f"  {line}")
    return code


if __name__ == "__main__":
    try:
        sys.exit(run(sys.argv[1], sys.argv[2:]))
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as problem:
        sys.exit(f"{sys.argv[2]} cannot be run: {problem.strerror}.")
