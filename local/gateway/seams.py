"""The private names of ministack and moto that the gateway replaces, in one table.

Both packages are pinned to an exact version. If a name is missing, the gateway says so when it starts.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

ASL = "moto.stepfunctions.parser.asl"
SERVICES = "ministack.services"


class SeamError(RuntimeError):
    """A name that the gateway replaces or calls does not exist in the installed package."""


@dataclass(frozen=True)
class Seam:
    """A module's attribute; `name` may be dotted (`Class.method`)."""

    module: str
    name: str

    def owner(self) -> Any:
        """The object that holds the attribute: the module, or the class in it."""
        target: Any = importlib.import_module(self.module)
        for part in self.name.split(".")[:-1]:
            target = getattr(target, part)
        return target

    def get(self) -> Any:
        """The attribute's present value."""
        return getattr(self.owner(), self.name.rpartition(".")[2])

    def set(self, value: Any) -> None:
        """Put `value` in the attribute's place."""
        setattr(self.owner(), self.name.rpartition(".")[2], value)

    def wrap(self, wrapper: Callable[[Any], Any]) -> None:
        """Replace the attribute by `wrapper(original)`."""
        self.set(wrapper(self.get()))


RUN_EXECUTION = Seam(f"{SERVICES}.stepfunctions", "_run_execution")
START_EXECUTION = Seam(f"{SERVICES}.stepfunctions", "_start_execution")
STOP_EXECUTION = Seam(f"{SERVICES}.stepfunctions", "_stop_execution")
DESCRIBE_EXECUTION = Seam(f"{SERVICES}.stepfunctions", "_describe_execution")
EXECUTION_HISTORY = Seam(f"{SERVICES}.stepfunctions", "_get_execution_history")
CREATE_STATE_MACHINE = Seam(f"{SERVICES}.stepfunctions", "_create_state_machine")
UPDATE_STATE_MACHINE = Seam(f"{SERVICES}.stepfunctions", "_update_state_machine")
SEND_TASK_SUCCESS = Seam(f"{SERVICES}.stepfunctions", "_send_task_success")
SEND_TASK_FAILURE = Seam(f"{SERVICES}.stepfunctions", "_send_task_failure")
SEND_TASK_HEARTBEAT = Seam(f"{SERVICES}.stepfunctions", "_send_task_heartbeat")
STEP_FUNCTIONS_REQUEST = Seam(f"{SERVICES}.stepfunctions", "handle_request")
STEP_FUNCTIONS_NOW = Seam(f"{SERVICES}.stepfunctions", "now_iso")
TEMPLATE_DEFINITION = Seam(f"{SERVICES}.cloudformation.provisioners", "_sfn_definition")
TEMPLATE_DEFINITION_ERROR = Seam(f"{SERVICES}.cloudformation.provisioners", "_sfn_handler_error")
EXECUTE_FUNCTION = Seam(f"{SERVICES}.lambda_svc", "_execute_function_warm")
LAYER_ARCHIVE = Seam(f"{SERVICES}.lambda_svc", "_resolve_layer_zip")
CONDITION_KEY = Seam("ministack.core.iam_evaluator", "_resolve_condition_key")
REQUEST_ORIGIN = Seam("ministack.app", "pin_request_origin")
SNS_PUBLISH = Seam(f"{SERVICES}.sns", "publish_internal")
SNS_FANOUT = Seam(f"{SERVICES}.sns", "_fanout")
S3_EVENT = Seam(f"{SERVICES}.s3", "_fire_s3_event")
PUT_BUCKET_ENCRYPTION = Seam(f"{SERVICES}.s3", "_put_bucket_encryption")
BUCKET_ENCRYPTION = Seam(f"{SERVICES}.s3", "_bucket_default_sse_headers")
RESOURCE_HANDLERS = Seam(f"{SERVICES}.cloudformation.provisioners", "_RESOURCE_HANDLERS")
TOPICS = Seam(f"{SERVICES}.sns", "_topics")
QUEUE_BY_ARN = Seam(f"{SERVICES}.sqs", "_queue_by_arn")
ENFORCE = Seam("ministack.core.iam_evaluator", "enforce")
DISPATCH_EVENT = Seam(f"{SERVICES}.eventbridge", "_dispatch_event")
RULE_NOW = Seam(f"{SERVICES}.eventbridge", "_now_ts")
RULE_TICK = Seam(f"{SERVICES}.eventbridge", "_SCHEDULER_TICK_INTERVAL")
SCHEDULER_TIME = Seam(f"{SERVICES}.scheduler", "time")
FIRST_ASYNC_RETRY = Seam(f"{SERVICES}.lambda_svc", "_LAMBDA_ASYNC_RETRY_BASE_SECONDS")
LONGEST_ASYNC_RETRY = Seam(f"{SERVICES}.lambda_svc", "_LAMBDA_ASYNC_RETRY_MAX_SECONDS")
IAM_HANDLERS = Seam(f"{SERVICES}.iam", "_IAM_HANDLERS")
METRIC_STATISTICS = Seam(f"{SERVICES}.cloudwatch", "_get_metric_statistics")

BOTO_CLIENT = Seam(f"{ASL}.utils.boto_client", "boto_client_for")
WAIT_INTERVAL = Seam(f"{ASL}.component.state.wait.wait_function.wait_function", "WaitFunction._wait_interval")
WAIT_TIMESTAMP = Seam(f"{ASL}.component.state.wait.wait_function.timestamp", "Timestamp._get_wait_seconds")
RETRY_TIME = Seam(f"{ASL}.component.common.retry.retrier_decl", "time")
ERROR_EQUALS = Seam(f"{ASL}.component.common.error_name.error_equals_decl", "ErrorEqualsDecl._eval_body")
COMPARE_VARIABLE = Seam(f"{ASL}.component.state.choice.comparison.comparison_variable", "ComparisonVariable._eval_body")
CHOICE_STATE = Seam(f"{ASL}.component.state.choice.state_choice", "StateChoice._eval_state")
STATE_DATA = Seam(f"{ASL}.component.state.state", "StateData")
EVENT_TIMESTAMP = Seam(f"{ASL}.eval.event.event_manager", "EventManager._get_current_timestamp")
LAMBDA_TASK_ERROR = Seam(
    f"{ASL}.component.state.exec.state_task.service.state_task_service_lambda", "StateTaskServiceLambda._from_error"
)
LAMBDA_ARN_TASK_ERROR = Seam(f"{ASL}.component.state.exec.state_task.state_task_lambda", "StateTaskLambda._from_error")
ITERATION_ERROR = Seam(f"{ASL}.component.state.exec.state_map.iteration.iteration_worker", "CustomErrorName")
BRANCH_ERROR = Seam(f"{ASL}.component.state.exec.state_parallel.branches_decl", "CustomErrorName")
TASK_EVENTS = Seam(f"{ASL}.component.state.exec.execute_state", "threading")
HEARTBEAT_EVENT = Seam(f"{ASL}.eval.callback.callback", "Event")
TASK_PROPERTIES = Seam(f"{ASL}.component.state.exec.state_task.state_task", "StateTask.from_state_props")
PROGRAM_EVAL = Seam(f"{ASL}.component.program.program", "Program.eval")
EVALUATION_ENVIRONMENT = Seam(
    "moto.stepfunctions.parser.backend.execution_worker", "ExecutionWorker._get_evaluation_environment"
)

ALL = tuple(value for value in list(globals().values()) if isinstance(value, Seam))


def require_all(seams: tuple[Seam, ...] = ALL) -> None:
    """Raise SeamError naming the first seam that the installed packages do not have."""
    for seam in seams:
        try:
            seam.get()
        except (ImportError, AttributeError) as error:
            package = seam.module.partition(".")[0]
            raise SeamError(
                f"{package} {version(package)} has no {seam.module}.{seam.name}, which the local cloud replaces; "
                f"install the version of {package} pinned in requirements/dev.txt."
            ) from error
