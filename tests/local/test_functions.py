"""The Lambda executor: what a function sees, and how its errors are reported."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from local.cloud import Cloud
from tests.local.conftest import FUNCTION_SECONDS, Workbench


@dataclass(frozen=True)
class Fault:
    """A function that fails, and the error that Lambda reports."""

    name: str
    code: str
    error_type: str
    message: str
    handler: str = "app.handler"
    timeout: int = FUNCTION_SECONDS


FAULTS = [
    Fault("an_exception", "def handler(event, context): raise LookupError('no row')", "LookupError", "no row"),
    Fault(
        "a_class_of_its_own",
        "class RetiredError(Exception): pass\ndef handler(event, context): raise RetiredError('gone')",
        "RetiredError",
        "gone",
    ),
    Fault(
        "a_timeout",
        "import threading\ndef handler(event, context): threading.Event().wait()",
        "Sandbox.Timedout",
        "Task timed out after 1.00 seconds",
        timeout=1,
    ),
    Fault(
        "an_exit",
        "import os\ndef handler(event, context): os._exit(3)",
        "Runtime.ExitError",
        "Runtime exited with error: exit status 3",
    ),
    Fault(
        "a_sys_exit",
        "import sys\ndef handler(event, context): sys.exit(4)",
        "Runtime.ExitError",
        "Runtime exited with error: exit status 4",
    ),
    Fault(
        "a_kill",
        "import os, signal\ndef handler(event, context): os.kill(os.getpid(), signal.SIGKILL)",
        "Runtime.ExitError",
        "signal: 9",
    ),
    Fault("a_missing_module", "import no_such_module", "Runtime.ImportModuleError", "No module named 'no_such_module'"),
    Fault("a_syntax_error", "def handler(:", "Runtime.UserCodeSyntaxError", "Syntax error in module 'app'"),
    Fault("a_missing_handler", "", "Runtime.HandlerNotFound", "Handler 'handler' missing on module 'app'"),
    Fault("a_failing_import", "raise OSError('at import')", "OSError", "at import"),
    Fault(
        "an_answer_that_is_not_json",
        "def handler(event, context): return {1, 2}",
        "Runtime.MarshalError",
        "Object of type set is not JSON serializable",
    ),
    Fault(
        "an_answer_over_6_mb",
        "def handler(event, context): return 'x' * 6_300_000",
        "Function.ResponseSizeTooLarge",
        "exceeded maximum allowed payload size",
    ),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_an_error_is_reported_as_lambda_reports_it(workbench: Workbench, fault: Fault) -> None:
    function = workbench.function(fault.code, handler=fault.handler, Timeout=fault.timeout)

    kind, payload = workbench.invoke(function)

    assert kind == "Unhandled"
    assert payload["errorType"] == fault.error_type
    assert fault.message in payload["errorMessage"]


def test_an_error_carries_the_frames_of_the_function(workbench: Workbench) -> None:
    function = workbench.function("def deep(): raise ValueError('x')\ndef handler(event, context): deep()")

    _, payload = workbench.invoke(function)

    assert [line for frame in payload["stackTrace"] for line in frame.splitlines() if " in " in line][-1].endswith(
        "in deep"
    )


def test_a_function_that_failed_answers_the_next_invocation(workbench: Workbench) -> None:
    function = workbench.function("import os\ndef handler(event, context):\n    return event or os._exit(1)")

    assert workbench.invoke(function, None)[0] == "Unhandled"
    assert workbench.invoke(function, "again") == (None, "again")


COUNTS = """
import os
calls = 0
def handler(event, context):
    global calls
    calls += 1
    return [os.getpid(), calls]
"""


def test_an_environment_stays_warm(workbench: Workbench) -> None:
    function = workbench.function(COUNTS)

    (_, (first, _)), (_, (second, calls)) = workbench.invoke(function), workbench.invoke(function)

    assert (second, calls) == (first, 2)


MEETS = """
import os, pathlib, time
def handler(event, context):
    (pathlib.Path(event) / str(os.getpid())).touch()
    while len(os.listdir(event)) < 3:
        time.sleep(0.01)
    return os.getpid()
"""


def test_concurrent_invocations_get_environments_of_their_own(workbench: Workbench, tmp_path: Path) -> None:
    function = workbench.function(MEETS)

    with ThreadPoolExecutor(3) as threads:
        answers = list(threads.map(lambda _: workbench.invoke(function, str(tmp_path))[1], range(3)))

    assert len(set(answers)) == 3


def test_a_changed_function_starts_anew(cloud: Cloud, workbench: Workbench) -> None:
    function = workbench.function("import os\ndef handler(event, context): return os.environ.get('COLOR')")
    assert workbench.invoke(function) == (None, None)

    cloud.client("lambda").update_function_configuration(
        FunctionName=function, Environment={"Variables": {"COLOR": "blue"}}
    )

    assert workbench.invoke(function) == (None, "blue")


VERSIONED = """
import os
def handler(event, context):
    return [os.environ["COLOR"], os.environ["AWS_LAMBDA_FUNCTION_VERSION"], context.function_version]
"""


def test_a_version_keeps_its_code_and_environment_whatever_is_deployed_later(
    cloud: Cloud, workbench: Workbench
) -> None:
    function = workbench.function(VERSIONED, Environment={"Variables": {"COLOR": "red"}})
    first = cloud.client("lambda").publish_version(FunctionName=function)["FunctionArn"]
    cloud.client("lambda").update_function_configuration(
        FunctionName=function, Environment={"Variables": {"COLOR": "blue"}}
    )

    answers = [workbench.invoke(arn) for arn in (first, function, first)]

    old, new = (None, ["red", "1", "1"]), (None, ["blue", "$LATEST", "$LATEST"])
    assert answers == [old, new, old]


CONTEXT = """
def handler(event, context):
    return [context.function_name, context.invoked_function_arn, len(context.aws_request_id),
            context.memory_limit_in_mb, 0 < context.get_remaining_time_in_millis() <= 900_000]
"""


def test_the_context_tells_who_and_how_long(workbench: Workbench) -> None:
    function = workbench.function(CONTEXT, MemorySize=256)

    _, answer = workbench.invoke(function)

    assert answer == [function.rpartition(":")[2], function, 36, "256", True]


def test_the_environment_holds_lambdas_variables_and_nothing_of_this_process(
    cloud: Cloud, workbench: Workbench
) -> None:
    function = workbench.function("import os\ndef handler(event, context): return dict(os.environ)")

    _, variables = workbench.invoke(function)

    assert variables["AWS_ENDPOINT_URL"] == cloud.endpoint
    assert variables["AWS_REGION"] == cloud.region
    assert variables["AWS_ACCESS_KEY_ID"].startswith("ASIA")
    ours = variables.keys() & os.environ.keys() - {"PATH", "LANG", "TZ", "HOME", "AWS_REGION", "AWS_DEFAULT_REGION"}
    assert ours == set()
    assert not Path(variables["HOME"]).exists()
    assert not [name for name in variables if name.startswith(("MINISTACK", "GATEWAY", "PYTEST"))]


def test_what_a_function_prints_is_in_its_log_file_and_in_cloudwatch(cloud: Cloud, workbench: Workbench) -> None:
    function = workbench.function("def handler(event, context):\n    print('one line')\n    raise ValueError('why')")
    name = function.rpartition(":")[2]

    workbench.invoke(function)

    assert "one line\n[ERROR] ValueError: why" in cloud.logs()[name]
    group = f"/aws/lambda/{name}"
    streams = cloud.client("logs").describe_log_streams(logGroupName=group)["logStreams"]
    events = cloud.client("logs").get_log_events(logGroupName=group, logStreamName=streams[0]["logStreamName"])[
        "events"
    ]
    assert "one line" in [event["message"] for event in events]


def test_a_cold_start_finds_the_large_packages_loaded(workbench: Workbench) -> None:
    function = workbench.function("import sys\nloaded = list(sys.modules)\ndef handler(event, context): return loaded")

    _, loaded = workbench.invoke(function)

    assert {"boto3", "pydantic", "aws_lambda_powertools"} <= set(loaded)
