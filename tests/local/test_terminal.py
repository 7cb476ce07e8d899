"""What a run looks like: plain lines through a pipe, a table that fits on a terminal."""

import io
import re

import pytest

from local.terminal import Terminal
from local.watch import Activity, View
from local.words import Section, duration
from tests.local.histories import recorded, view
from tests.waiting import eventually

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


class Screen(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0.0 s"),
        (0.44, "0.4 s"),
        (60, "1 min"),
        (3599.7, "1 h"),
        (4350, "1 h 12 min"),
        (90061, "1 d 1 h"),
        (86459, "1 d"),
    ],
)
def test_durations_are_told_in_their_two_largest_units(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def plain(*views: View) -> list[str]:
    stream = io.StringIO()
    Terminal(stream).follow(views)
    return stream.getvalue().splitlines()


def test_a_pipe_gets_every_state_once_and_no_escape_sequence() -> None:
    steps = range(2, len(recorded("promoted")), 7)
    lines = plain(*(view("promoted", events) for events in steps), view("promoted"))
    names = [line[2:32].strip() for line in lines if not line.startswith("...")]
    assert names == [row.name for row in view("promoted").rows]
    assert not ESCAPE.search("\n".join(lines))


def test_a_pipe_is_told_when_a_map_begins_and_what_the_service_does() -> None:
    events = recorded("promoted")
    inside = next(index for index, event in enumerate(events) if event["type"] == "MapStateStarted") + 4
    training = view("promoted", inside, Activity("job", "training"))
    lines = plain(training, training, view("promoted"))
    assert lines.count("... Train Candidates") == 1
    assert lines.count("... job: training") == 1
    assert lines.index("... job: training") < next(index for index, line in enumerate(lines) if "Select Model" in line)


def test_waits_and_maps_show_service_time_only_where_time_is_scaled() -> None:
    trained = next(line for line in plain(view("promoted")) if line.startswith("✓ Train Candidates"))
    assert re.search(r"\d+ s +\d+ (h|min)", trained)
    unscaled = next(line for line in plain(view("promoted", scale=1.0)) if line.startswith("✓ Train"))
    assert re.fullmatch(r"✓ Train Candidates +\d+ (h|min)( \d+ (min|s))? *", unscaled)


def test_a_failure_is_marked_with_its_error() -> None:
    assert plain(view("rejected"))[-1].split() == ["✗", "Dataset", "Rejected", "DatasetRejected"]


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_nothing_on_a_terminal_is_wider_than_it(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("LINES", "24")
    screen = Screen()
    busy = view("promoted", 80, Activity("evaluation", "40 of 80 answers", 40, 80))
    Terminal(screen).follow([busy, view("promoted")])
    shown = ESCAPE.sub("", screen.getvalue()).replace("\r", "\n").splitlines()
    assert shown
    assert max(map(len, shown)) <= width


def test_a_narrow_terminal_keeps_every_word_of_what_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    screen = Screen()
    Terminal(screen).follow([view("promoted")])
    shown = ESCAPE.sub("", screen.getvalue())
    assert "to evaluate" in " ".join(line[42:].strip() for line in shown.splitlines())
    assert "\N{HORIZONTAL ELLIPSIS}" not in shown.splitlines()[-1]


def test_a_low_terminal_shows_the_latest_states_and_counts_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "10")
    running = view("promoted", len(recorded("promoted")) - 1)
    screen = Screen()
    Terminal(screen).follow([running])
    first_picture = ESCAPE.sub("", screen.getvalue()).partition("of service time")[0]
    assert f"{len(running.rows) - 6} states before" in first_picture
    assert "Plan Run" not in first_picture


def test_no_color_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    screen = Screen()
    Terminal(screen).follow([view("rejected")])
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", screen.getvalue())


def test_what_is_to_be_copied_is_never_broken_or_indented(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    screen = Screen()
    command = "aws s3 cp " + "a/long/path/" * 10
    Terminal(screen).summarise([Section("Copy", (command,), verbatim=True)])
    assert command in screen.getvalue().splitlines()


def test_a_pipe_is_told_that_a_long_step_goes_on() -> None:
    stream = io.StringIO()
    with Terminal(stream, reminder_seconds=0.01).step("Build the template"):
        eventually(lambda: stream.getvalue().count("\n") > 1)
    reminder, *_, last = stream.getvalue().splitlines()
    assert re.fullmatch(r"\.\.\. Build the template, \d+\.\d s so far", reminder)
    assert last.startswith("✓ Build the template")


def test_a_step_that_fails_is_shown_as_failed() -> None:
    stream = io.StringIO()
    with pytest.raises(RuntimeError), Terminal(stream).step("Build the template"):
        raise RuntimeError
    assert stream.getvalue().startswith("✗ Build the template")


def test_a_stream_that_cannot_write_a_sign_gets_a_question_mark() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii", write_through=True)
    with Terminal(stream).step("Build the template"):
        pass
    assert raw.getvalue().startswith(b"? Build the template")
