"""The template's promises: least privilege, nothing public, nothing that triggers itself, nothing without a bound."""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator
from samtranslator.yaml_helper import yaml_parse

from finetune import environment
from finetune.aws.mail import CLAIM_HOLDS
from finetune.aws.tags import STACK_TAG
from finetune.domain.catalog import base_models
from finetune.domain.records.limits import MAX_DATASET_BYTES
from tools.project import ROOT, resources, statements, template
from tools.release import version
from tools.tables import TROUBLESHOOTING
from tools.translate import transformed, translate

FUNCTIONS = resources("AWS::Serverless::Function")
# What Prepare Dataset does on the machine of the benchmarks; Validate Dataset and S3 are faster.
SLOWEST_BYTES_PER_SECOND = 40e6
RECORDED = ROOT / "tests/recorded_releases"
MANAGED_POLICIES_OF_A_ROLE = 10  # IAM's quota, unless an account has it raised
SESSION = botocore.session.get_session()


def allowed(stem: str) -> set[str]:
    return {action for statement in statements(FUNCTIONS[f"{stem}Function"]) for action in statement["Action"]}


def rendered(value: object) -> str:
    return json.dumps(value)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_may_do_single_named_actions_only(name: str) -> None:
    assert sum("Statement" in policy for policy in FUNCTIONS[name]["Properties"]["Policies"]) <= 1
    for statement in statements(FUNCTIONS[name]):
        assert statement["Effect"] == "Allow"
        assert not [action for action in statement["Action"] if "*" in action]
        if statement["Resource"] == "*":
            named = {action.split(":")[1] for action in statement["Action"]}
            assert {action[:4] for action in named} == {"List"} or named <= {*ANSWERS, *PUBLIC}


# Prices are everybody's and take no resource.
PUBLIC = {"GetProducts"}
# They take no resource, so whoever may send one may answer every state machine of the account.
ANSWERS = {"SendTaskSuccess", "SendTaskFailure"}


def test_decide_alone_may_answer_runs_and_read_tokens() -> None:
    answering = {name for name in FUNCTIONS if "states:SendTask" in rendered(list(statements(FUNCTIONS[name])))}
    assert answering == {"DecideFunction"}
    reading = {
        name: {
            action
            for statement in statements(function)
            if "/tokens/" in rendered(statement["Resource"])
            for action in statement["Action"]
        }
        for name, function in FUNCTIONS.items()
    }
    assert {name: actions for name, actions in reading.items() if actions} == {
        "DecideFunction": {"s3:GetObject", "s3:DeleteObject"},
        "RequestApprovalFunction": {"s3:PutObject"},
    }


def test_an_answer_is_sent_again_as_often_as_the_sweeper_looks() -> None:
    schedules = {name: each["Properties"] for name, each in resources("AWS::Scheduler::Schedule").items()}
    target = schedules["DecideSchedule"]["Target"]
    role = resources("AWS::IAM::Role")[target["RoleArn"]["Fn::GetAtt"][0]]["Properties"]
    invoke, _ = role["Policies"][0]["PolicyDocument"]["Statement"]
    assert target["Arn"] == invoke["Resource"] == {"Fn::GetAtt": ["DecideFunction", "Arn"]}
    assert target["Input"] == "{}"
    assert {each["ScheduleExpression"] for each in schedules.values()} == {"rate(15 minutes)"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_bedrock_action_is_an_operation_of_the_service(name: str) -> None:
    operations = {
        operation
        for service in ("bedrock", "bedrock-runtime")
        for operation in SESSION.get_service_model(service).operation_names
    }
    actions = {
        action.split(":")[1] for action in allowed(name.removesuffix("Function")) if action.startswith("bedrock:")
    }
    assert actions <= operations


def test_what_three_functions_may_do_stands_in_a_policy_that_they_share() -> None:
    def same(statements: list[dict[str, Any]]) -> list[str]:
        return [rendered({**each, "Sid": None}) for each in statements]

    documents = [each["Properties"]["PolicyDocument"] for each in resources("AWS::IAM::ManagedPolicy").values()]
    shared = same([each for document in documents for each in document["Statement"]])
    policies = [policy for function in FUNCTIONS.values() for policy in function["Properties"]["Policies"]]
    own = same([each for policy in policies for each in policy.get("Statement", [])])
    assert [each for each in own if each in shared or own.count(each) > 2] == []


def test_every_shared_policy_is_shared_and_no_role_has_more_policies_than_iam_takes() -> None:
    roles = [
        each["Properties"]
        for each in translate(ROOT / "template.yaml")["Resources"].values()
        if each["Type"] == "AWS::IAM::Role"
    ]
    attached = [policy for role in roles for policy in role.get("ManagedPolicyArns", [])]
    assert max(len(role.get("ManagedPolicyArns", [])) for role in roles) <= MANAGED_POLICIES_OF_A_ROLE
    for name in set(resources("AWS::IAM::ManagedPolicy")) - {"KeyPolicy", "AskListedJudgesPolicy"}:
        assert attached.count({"Ref": name}) > 1, name


def test_only_start_customization_may_pass_a_role_and_only_that_one_to_bedrock() -> None:
    passing = {name for name in FUNCTIONS if "iam:PassRole" in allowed(name.removesuffix("Function"))}
    assert passing == {"StartCustomizationFunction"}
    statement = next(
        each for each in statements(FUNCTIONS["StartCustomizationFunction"]) if "iam:PassRole" in each["Action"]
    )
    assert statement["Resource"] == {"Fn::GetAtt": ["CustomizationRole", "Arn"]}
    assert statement["Condition"] == {"StringEquals": {"iam:PassedToService": "bedrock.amazonaws.com"}}


def test_what_deletes_or_stops_is_bound_to_the_tag_of_the_stack() -> None:
    bound = set[str]()
    for name, function in FUNCTIONS.items():
        for statement in statements(function):
            destructive = {each for each in statement["Action"] if re.match(r"bedrock:(Delete|Stop|Update)", each)}
            if destructive:
                # Whether IAM sees the tags of both resources of an update is not known.
                unknown = all(":Update" in each for each in destructive)
                condition = statement["Condition"]["StringEqualsIfExists" if unknown else "StringEquals"]
                assert condition == {f"aws:ResourceTag/{STACK_TAG}": {"Ref": "AWS::StackName"}}, name
                bound |= destructive
    assert {re.findall(r":([A-Z][a-z]+)", action)[0] for action in bound} == {"Delete", "Stop", "Update"}


def test_what_tags_gives_the_tag_of_the_stack_and_no_condition_asks_for_another_tag() -> None:
    found = [statement for function in FUNCTIONS.values() for statement in statements(function)]
    tagging = [statement for statement in found if "bedrock:TagResource" in statement["Action"]]
    assert tagging
    for function in FUNCTIONS.values():
        own = list(statements(function))
        creating = any(re.match(r"bedrock:Create\w+", action) for each in own for action in each["Action"])
        # What is created has no tags yet; what exists must be the stack's own already.
        kinds = ("Request",) if creating else ("Request", "Resource")
        asked = {f"aws:{kind}Tag/{STACK_TAG}": {"Ref": "AWS::StackName"} for kind in kinds}
        for statement in own:
            if "bedrock:TagResource" in statement["Action"]:
                assert statement["Condition"]["StringEquals"] == asked
    assert set(re.findall(r"aws:(?:Request|Resource)Tag/([\w-]+)", rendered(found))) == {STACK_TAG}
    assert f"with the tag `{STACK_TAG}`" in TROUBLESHOOTING.read_text()


@pytest.mark.parametrize("function", ["RequestApprovalFunction", "DecideFunction"])
def test_who_asks_a_person_sees_and_changes_no_model_and_no_cost_of_a_run(function: str) -> None:
    own = list(statements(FUNCTIONS[function]))
    assert not {action for each in own for action in each["Action"]} & {
        "bedrock:TagResource",
        "bedrock:GetCustomModel",
        "bedrock:ListTagsForResource",
    }
    assert "spent.json" not in rendered(own)


STAGED_BESIDE_MEDIA = "${DatasetBucket.Arn}/runs/*/staged/*"


def objects_of(*policy: dict[str, Any], action: str) -> list[str]:
    """The objects that a policy allows an action on."""
    found = [statement["Resource"] for statement in policy if action in statement["Action"]]
    return [one["Fn::Sub"] for each in found for one in (each if isinstance(each, list) else [each])]


def test_of_the_dataset_bucket_a_run_can_write_nothing_but_staged_files_and_only_prepare_dataset_can() -> None:
    job_data = resources("AWS::IAM::Role")["CustomizationRole"]["Properties"]["Policies"][0]["PolicyDocument"]
    policies = {name: list(statements(each)) for name, each in FUNCTIONS.items()}
    policies["CustomizationRole"] = job_data["Statement"]
    written = {
        name: [each for each in objects_of(*policy, action="s3:PutObject") if "DatasetBucket" in each]
        for name, policy in policies.items()
    }
    assert {name: each for name, each in written.items() if each} == {"PrepareDatasetFunction": [STAGED_BESIDE_MEDIA]}
    for name in ("PrepareDatasetFunction", "CustomizationRole"):
        assert STAGED_BESIDE_MEDIA in objects_of(*policies[name], action="s3:GetObject")


def test_staged_files_are_kept_as_long_in_one_bucket_as_in_the_other() -> None:
    buckets = {name: each["Properties"] for name, each in resources("AWS::S3::Bucket").items()}
    of_dataset, of_artifacts = (
        next(rule for rule in buckets[name]["LifecycleConfiguration"]["Rules"] if rule["Id"] == "ForgetOldRuns")
        for name in ("DatasetBucket", "ArtifactBucket")
    )
    assert of_dataset["Prefix"] == "runs/"
    for name in ("Status", "ExpirationInDays", "NoncurrentVersionExpiration"):
        assert of_dataset[name] == of_artifacts[name]


def test_bedrock_may_assume_its_role_only_for_a_job_of_this_account() -> None:
    trust = resources("AWS::IAM::Role")["CustomizationRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"][0]
    assert trust["Principal"] == {"Service": "bedrock.amazonaws.com"}
    assert trust["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    assert "model-customization-job/*" in rendered(trust["Condition"]["ArnEquals"]["aws:SourceArn"])


@pytest.mark.parametrize("name", resources("AWS::S3::Bucket"))
def test_a_bucket_is_private_versioned_encrypted_and_outlives_its_stack(name: str) -> None:
    bucket = resources("AWS::S3::Bucket")[name]
    properties = bucket["Properties"]
    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
    # Nothing overwrites a log.
    versioned = None if name == "AccessLogBucket" else {"Status": "Enabled"}
    assert properties.get("VersioningConfiguration") == versioned
    assert properties["BucketEncryption"]
    assert bucket["DeletionPolicy"] == bucket["UpdateReplacePolicy"] == "Retain"
    policies = [each["Properties"] for each in resources("AWS::S3::BucketPolicy").values()]
    own = next(each for each in policies if each["Bucket"] == {"Ref": name})
    assert own["PolicyDocument"]["Statement"][0]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_the_largest_dataset_fits_on_the_disk_that_stages_it_and_is_read_in_half_the_time() -> None:
    prepare, validate = (FUNCTIONS[f"{stem}Function"]["Properties"] for stem in ("PrepareDataset", "ValidateDataset"))
    assert prepare["EphemeralStorage"]["Size"] * 1024**2 >= MAX_DATASET_BYTES > 10e9
    assert min(prepare["Timeout"], validate["Timeout"]) / 2 > MAX_DATASET_BYTES / SLOWEST_BYTES_PER_SECOND


def test_whoever_claims_a_mail_has_sent_it_or_has_ended_when_the_claim_is_over() -> None:
    sending = [each for each in FUNCTIONS.values() if "sns:Publish" in rendered(list(statements(each)))]
    assert CLAIM_HOLDS.total_seconds() > max(each["Properties"]["Timeout"] for each in sending)


def test_functions_and_layer_run_the_python_of_the_project() -> None:
    version = f"python{(ROOT / '.python-version').read_text().strip()}"
    assert template()["Globals"]["Function"]["Runtime"] == version
    assert template()["Resources"]["FineTuneLayer"]["Properties"]["CompatibleRuntimes"] == [version]


def test_only_the_dataset_bucket_sends_events() -> None:
    sending = [
        name for name, each in resources("AWS::S3::Bucket").items() if "NotificationConfiguration" in each["Properties"]
    ]
    assert sending == ["DatasetBucket"]


def test_every_rule_has_a_dead_letter_queue_and_the_sweeper_its_schedule() -> None:
    for rule in resources("AWS::Events::Rule").values():
        assert all(target["DeadLetterConfig"] for target in rule["Properties"]["Targets"])
    schedule = resources("AWS::Scheduler::Schedule")["SweepSchedule"]["Properties"]
    assert (schedule["ScheduleExpression"], schedule.get("State", "ENABLED")) == ("rate(15 minutes)", "ENABLED")


def test_what_an_event_or_the_schedule_invokes_it_may_invoke() -> None:
    permissions = [each["Properties"] for each in resources("AWS::Lambda::Permission").values()]
    given = {
        (each["FunctionName"]["Ref"], each["SourceArn"]["Fn::GetAtt"][0], each["Principal"]) for each in permissions
    }
    rules = {
        (target["Arn"]["Fn::GetAtt"][0], name, "events.amazonaws.com")
        for name, rule in resources("AWS::Events::Rule").items()
        for target in rule["Properties"]["Targets"]
    }
    assert (
        given
        == rules
        == {
            ("StartRunFunction", "DatasetDroppedRule", "events.amazonaws.com"),
            ("CleanUpRunFunction", "RunEndedRule", "events.amazonaws.com"),
        }
    )
    sweeper = {"Fn::GetAtt": ["SweepEndpointsFunction", "Arn"]}
    target = resources("AWS::Scheduler::Schedule")["SweepSchedule"]["Properties"]["Target"]
    role = resources("AWS::IAM::Role")[target["RoleArn"]["Fn::GetAtt"][0]]["Properties"]
    invoke, _ = role["Policies"][0]["PolicyDocument"]["Statement"]
    assert target["Arn"] == invoke["Resource"] == sweeper
    assert invoke["Action"] == ["lambda:InvokeFunction"]


def test_an_event_that_is_not_taken_is_delivered_again_for_a_day_and_then_kept_for_two_weeks() -> None:
    for rule in resources("AWS::Events::Rule").values():
        for target in rule["Properties"]["Targets"]:
            assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 24 * 3600, "MaximumRetryAttempts": 185}
    queue = resources("AWS::SQS::Queue")["DeadLetterQueue"]["Properties"]
    assert queue["MessageRetentionPeriod"] == 14 * 24 * 3600
    [policy] = resources("AWS::SQS::QueuePolicy").values()
    refuse, send = policy["Properties"]["PolicyDocument"]["Statement"]
    assert (refuse["Effect"], refuse["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    assert policy["Properties"]["Queues"] == [{"Ref": "DeadLetterQueue"}]
    assert (send["Principal"], send["Action"]) == ({"Service": "events.amazonaws.com"}, "sqs:SendMessage")
    # EventBridge documents no other condition here, and what it may not send is lost.
    rules = [{"Fn::GetAtt": [name, "Arn"]} for name in resources("AWS::Events::Rule")]
    assert send["Condition"] == {"ArnEquals": {"aws:SourceArn": rules}}


def test_an_alarm_is_a_mail_and_the_sweeper_s_silence_is_an_alarm() -> None:
    alarms = {name: each["Properties"] for name, each in resources("AWS::CloudWatch::Alarm").items()}
    assert [each["AlarmActions"] for each in alarms.values()] == [[{"Ref": "Topic"}]] * 3
    # Alarms cannot publish under the key that AWS manages for SNS.
    key = resources("AWS::SNS::Topic")["Topic"]["Properties"]["KmsMasterKeyId"]
    assert key == {"Fn::If": ["HasKmsKey", {"Ref": "KmsKeyArn"}, {"Ref": "AWS::NoValue"}]}
    raised = {
        name: (each["MetricName"], each["ComparisonOperator"], each["Threshold"], each["TreatMissingData"])
        for name, each in alarms.items()
    }
    assert raised == {
        "DeadLetterAlarm": ("ApproximateNumberOfMessagesVisible", "GreaterThanThreshold", 0, "notBreaching"),
        "SweeperAlarm": ("Invocations", "LessThanThreshold", 1, "breaching"),
        "SweeperErrorAlarm": ("Errors", "GreaterThanThreshold", 0, "notBreaching"),
    }


def test_a_function_reads_and_writes_the_parameters_of_its_own_stack_only() -> None:
    found = [
        each["Resource"]
        for function in FUNCTIONS.values()
        for each in statements(function)
        if any(action.startswith("ssm:") for action in each["Action"])
    ]
    assert {rendered(each).partition(":parameter/")[2] for each in found} == {'${AWS::StackName}/*/endpoint"}'}


# What holds data under the stack's key: a bucket, the topic, the queue, or a custom model.
UNDER_THE_KEY = re.compile(r"s3:(Get|Put)Object|sns:Publish|bedrock:(Create|Update|InvokeModel)")


def test_a_function_that_touches_what_the_stack_s_key_encrypts_may_use_the_key() -> None:
    use = {"Fn::If": ["HasKmsKey", {"Ref": "KeyPolicy"}, {"Ref": "AWS::NoValue"}]}
    touching = {
        name
        for name, function in FUNCTIONS.items()
        if any(UNDER_THE_KEY.match(action) for each in statements(function) for action in each["Action"])
    }
    assert touching == {name for name, each in FUNCTIONS.items() if use in each["Properties"]["Policies"]}
    key = resources("AWS::IAM::ManagedPolicy")["KeyPolicy"]["Properties"]["PolicyDocument"]["Statement"][0]
    assert key["Condition"]["StringEquals"]["kms:ViaService"] == [
        {"Fn::Sub": f"{service}.${{AWS::Region}}.amazonaws.com"} for service in ("s3", "sns", "sqs", "bedrock")
    ]
    job = FUNCTIONS["StartCustomizationFunction"]["Properties"]["Environment"]["Variables"]
    assert job["MODEL_KMS_KEY_ARN"] == {"Ref": "KmsKeyArn"}


def test_an_object_whose_run_cannot_be_started_leaves_a_dead_letter_also_under_the_stacks_key() -> None:
    targets = [each["Properties"]["Targets"][0]["Arn"] for each in resources("AWS::Events::Rule").values()]
    assert sorted(rendered(each) for each in targets) == [
        rendered({"Fn::GetAtt": [f"{stem}Function", "Arn"]}) for stem in ("CleanUpRun", "StartRun")
    ]
    queue = {"OnFailure": {"Type": "SQS", "Destination": {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]}}}
    start, clean_up = ({"MaximumRetryAttempts": 2, "DestinationConfig": queue}, {"MaximumRetryAttempts": 2})
    assert FUNCTIONS["StartRunFunction"]["Properties"]["EventInvokeConfig"] == start
    # The sweeper does what Clean Up Run did not, and has an alarm of its own.
    assert FUNCTIONS["CleanUpRunFunction"]["Properties"]["EventInvokeConfig"] == clean_up
    key = resources("AWS::IAM::ManagedPolicy")["KeyPolicy"]["Properties"]["PolicyDocument"]["Statement"][0]
    assert "sqs.${AWS::Region}.amazonaws.com" in rendered(key["Condition"])


def test_what_a_schedule_cannot_deliver_is_a_dead_letter_also_under_the_stacks_key() -> None:
    queue = {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]}
    for name, schedule in resources("AWS::Scheduler::Schedule").items():
        assert schedule["Properties"]["Target"]["DeadLetterConfig"] == {"Arn": queue}
        role = resources("AWS::IAM::Role")[f"{name}Role"]["Properties"]
        _, send = role["Policies"][0]["PolicyDocument"]["Statement"]
        assert (send["Action"], send["Resource"]) == (["sqs:SendMessage"], queue)
        assert role["ManagedPolicyArns"] == [{"Fn::If": ["HasKmsKey", {"Ref": "KeyPolicy"}, {"Ref": "AWS::NoValue"}]}]


def test_alarms_of_this_account_may_publish_and_nobody_may_in_plain() -> None:
    [policy] = resources("AWS::SNS::TopicPolicy").values()
    refuse, alarms = policy["Properties"]["PolicyDocument"]["Statement"]
    assert policy["Properties"]["Topics"] == [refuse["Resource"]] == [alarms["Resource"]] == [{"Ref": "Topic"}]
    assert (refuse["Effect"], refuse["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    assert alarms["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert alarms["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_accesses_to_datasets_and_artifacts_are_logged_where_neither_starts_a_run() -> None:
    logged = {
        name: each["Properties"].get("LoggingConfiguration", {}).get("DestinationBucketName")
        for name, each in resources("AWS::S3::Bucket").items()
    }
    logs = {"Ref": "AccessLogBucket"}
    assert logged == {"DatasetBucket": logs, "ArtifactBucket": logs, "AccessLogBucket": None}
    policy = resources("AWS::S3::BucketPolicy")["AccessLogBucketPolicy"]["Properties"]["PolicyDocument"]
    taken = policy["Statement"][1]["Condition"]["ArnEquals"]["aws:SourceArn"]
    assert taken == [{"Fn::GetAtt": [name, "Arn"]} for name in ("DatasetBucket", "ArtifactBucket")]


def test_only_start_run_and_the_sweeper_may_start_executions_and_only_of_this_state_machine() -> None:
    found = {
        name: statement["Resource"]
        for name, function in FUNCTIONS.items()
        for statement in statements(function)
        if "states:StartExecution" in statement["Action"]
    }
    machine = {"Ref": "FineTuningStateMachine"}
    assert found == {"StartRunFunction": machine, "SweepEndpointsFunction": machine}
    assert {action.partition(":")[0] for action in allowed("StartRun")} == {"s3", "states"}


def test_every_variable_that_a_function_reads_is_set_and_no_other() -> None:
    models = {
        name: set(model.model_fields) - {"STACK_NAME"}
        for name, model in vars(environment).items()
        if isinstance(model, type) and issubclass(model, environment.Environment)
    }
    for name, function in FUNCTIONS.items():
        source = (ROOT / function["Properties"]["CodeUri"] / "app.py").read_text()
        read = set().union(*(fields for model, fields in models.items() if re.search(rf"\b{model}\.read\(\)", source)))
        given = function["Properties"].get("Environment", {}).get("Variables", {})
        assert set(given) == read, name
    assert "STACK_NAME" in template()["Globals"]["Function"]["Environment"]["Variables"]


def test_a_stack_is_deployed_only_where_bedrock_customizes_and_without_being_asked() -> None:
    (rule,) = template()["Rules"].values()
    (assertion,) = rule["Assertions"]
    customizing = {region for row in base_models().values() for region in row.regions}
    assert assertion["Assert"] == {"Fn::Contains": [sorted(customizing), {"Ref": "AWS::Region"}]}
    assert translate(ROOT / "template.yaml")["Rules"] == template()["Rules"]
    samconfig = tomllib.loads((ROOT / "samconfig.toml").read_text())
    assert samconfig["default"]["deploy"]["parameters"]["confirm_changeset"] is False


def test_every_parameter_is_described_and_every_output_too() -> None:
    for section in ("Parameters", "Outputs"):
        assert [name for name, each in template()[section].items() if not each.get("Description")] == []
    assert [name for name, each in template()["Parameters"].items() if "Default" not in each] == ["NotificationEmail"]


def test_a_stack_says_the_release_that_it_is() -> None:
    assert template()["Outputs"]["Release"]["Value"] == version()


def test_the_state_machine_may_invoke_its_own_functions_only_and_those_of_earlier_executions() -> None:
    machine = resources("AWS::Serverless::StateMachine")["FineTuningStateMachine"]
    versions, unversioned, _ = statements(machine)
    used = [each["Ref"].removesuffix(".Version") for each in machine["Properties"]["DefinitionSubstitutions"].values()]
    assert versions["Action"] == unversioned["Action"] == ["lambda:InvokeFunction"]
    assert sorted(each["Fn::Sub"] for each in versions["Resource"]) == sorted(f"${{{name}.Arn}}:*" for name in used)
    # Executions of release 0.2.0 ask nobody and know no rematch.
    later = {"RequestApprovalFunction", "PlanRematchFunction"}
    assert sorted(each["Fn::GetAtt"][0] for each in unversioned["Resource"]) == sorted({*used} - later)


def versions(layer: str) -> dict[str, dict[str, Any]]:
    """The published versions of the translated template, by function, if the layer's content were this."""
    source = yaml_parse((ROOT / "template.yaml").read_text())
    source["Resources"]["FineTuneLayer"]["Properties"]["ContentUri"] = layer
    found = transformed(source)["Resources"]
    of_kind = {name: each for name, each in found.items() if each["Type"] == "AWS::Lambda::Version"}
    return {each["Properties"]["FunctionName"]["Ref"]: {"name": name, **each} for name, each in of_kind.items()}


def test_a_function_of_the_machine_has_a_version_that_outlives_its_deployment_and_what_events_invoke_has_none() -> None:
    published = versions("layer")
    assert {name for name in FUNCTIONS if name not in published} == {
        f"{stem}Function" for stem in ("CleanUpRun", "Decide", "EndStack", "StartRun", "SweepEndpoints")
    }
    assert {each["DeletionPolicy"] for each in published.values()} == {"Retain"}


def test_a_changed_layer_gives_every_version_a_new_name_and_the_same_layer_none() -> None:
    first, same, other = (versions(name) for name in ("layer", "layer", "other"))
    assert {each["name"] for each in first.values()} == {each["name"] for each in same.values()}
    assert {each["name"] for each in first.values()}.isdisjoint(each["name"] for each in other.values())


# What CloudFormation would make anew under another name: without what is in it, without who subscribes to it, and a
# function without the versions that running executions name.
HOLDS_DATA = {
    "AWS::S3::Bucket",
    "AWS::SNS::Topic",
    "AWS::SNS::Subscription",
    "AWS::SQS::Queue",
    "AWS::Logs::LogGroup",
    "AWS::Serverless::StateMachine",
    "AWS::Serverless::Function",
}
# A custom model is encrypted and a job goes on in the name of this role.
USED_BY_JOBS = {"AWS::IAM::Role": {"CustomizationRole"}}


@pytest.mark.parametrize("release", sorted(path.parent.name for path in RECORDED.glob("*/resources.json")))
def test_what_holds_data_has_the_name_that_it_had_in_every_release(release: str) -> None:
    then = json.loads((RECORDED / release / "resources.json").read_text())
    kept = {name: kind for name, kind in then.items() if kind in HOLDS_DATA or name in USED_BY_JOBS.get(kind, ())}
    assert set(kept.values()) == HOLDS_DATA | set(USED_BY_JOBS)
    now = {name: each["Type"] for name, each in template()["Resources"].items()}
    assert {name: now.get(name) for name in kept} == kept


def test_a_name_that_a_template_gives_follows_from_the_stack_and_has_not_changed() -> None:
    """Another name would be another resource, without the executions or the logs of the first."""
    given = {
        f"{name}.{key}": value
        for name, each in template()["Resources"].items()
        for key, value in each["Properties"].items()
        if each["Type"] in HOLDS_DATA and key in {"Name", "BucketName", "TopicName", "QueueName", "LogGroupName"}
    }
    assert given == {
        "FineTuningStateMachine.Name": {"Ref": "AWS::StackName"},
        "StateMachineLogGroup.LogGroupName": {"Fn::Sub": "/aws/vendedlogs/states/${AWS::StackName}"},
    }


def test_the_selectors_for_a_trail_are_those_that_cloudtrail_takes_and_name_outputs_of_the_stack() -> None:
    selectors = json.loads((ROOT / "docs" / "cloudtrail-selectors.json").read_text())
    shape = SESSION.get_service_model("cloudtrail").shape_for("PutEventSelectorsRequest")
    asked = {"TrailName": "trail", "AdvancedEventSelectors": selectors}
    assert not ParamValidator().validate(asked, shape).has_errors()
    fields = {field for each in selectors for field in each["FieldSelectors"][0]["Equals"]}
    assert fields == {"Management", "Data"}
    named = set(re.findall(r"[A-Z]+_[A-Z_]*[A-Z]", json.dumps(selectors)))
    assert named == {"ARTIFACT_BUCKET", "DATASET_BUCKET", "DECIDE_FUNCTION"}
    outputs = "".join(template()["Outputs"]).lower()
    assert all(name.replace("_", "").lower() in outputs for name in named)
