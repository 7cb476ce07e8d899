"""Every error the pipeline names, drawn as a tree.

FineTuneError
├── a person has to change what they sent
│   ├── UnsupportedDataset      the dropped object is not a dataset at all
│   ├── FilesMisplaced          a project's file lies where no run reads it
│   ├── SettingsInvalid         settings.yaml does not say what it must
│   ├── BaseModelUnknown        not a model that Bedrock customizes
│   ├── BaseModelRetired        a model that takes no new jobs
│   ├── DatasetMissing          the pinned version is gone
│   ├── DatasetUnusable         too little is left once duplicates and leaks are removed
│   ├── NothingToResume         the named run has no trained model to go on with
│   ├── ModelUnusable           a custom model from elsewhere that cannot be evaluated here
│   ├── ChampionChanged         another model went into service while the run was going
│   ├── TooManyRunsToday        the stack allows no more runs on this day
│   ├── EvaluationSetInvalid    evaluation.jsonl cannot be used
│   └── ValidationSetInvalid    validation.jsonl cannot be used
├── a person decided
│   └── ApprovalRejected        somebody answered no, and gave a reason
├── AWS decided
│   ├── CustomizationJobFailed  the job ended without a model
│   ├── EndpointFailed          the endpoint ended without serving
│   ├── BudgetReached           what is paid for is used up before the evaluation is done
│   ├── ModelNotAskable         the base model or the judge answers no question
│   ├── ServiceRefused          a request was refused for good
│   └── AccessRefused           a role lacks a permission
├── waiting or trying again helps
│   ├── ServiceBusy             throttled or failing on its side
│   ├── QuotaExceeded           a quota is used up; minutes to hours
│   ├── TooManyRunsAtOnce       the stack allows no more runs at once; minutes to hours
│   ├── EndpointBusy            the endpoint is changing state
│   ├── TrainingBusy            an ended run may still be training the same content
│   └── EvaluationUnfinished    a shard ran out of its time; its answers are kept
└── only the sweeper's alarm tells of it
    ├── FileUnreadable          what another release wrote down cannot be understood
    ├── MailUnconfirmed         a mail may not have arrived
    └── ParameterMissing        an endpoint in service has lost its parameter

Step Functions sees the class name and matches it exactly, so states name leaves. Each leaf is a heading in
docs/troubleshooting.md.
"""

from finetune.foreign import line


class FineTuneError(Exception):
    """Base of all; its message is one sentence for a person, on one line that can be shown anywhere."""

    def __init__(self, message: str = "") -> None:
        super().__init__(line(message))


class UnsupportedDataset(FineTuneError):
    """The dropped object is not a dataset; the person who dropped it acts, retrying does not help."""


class FilesMisplaced(FineTuneError):
    """A file of the project lies where no run reads it, or under a name that none reads; its owner moves it."""


class SettingsInvalid(FineTuneError):
    """A settings file says something impossible; its owner acts, retrying does not help."""


class BaseModelUnknown(FineTuneError):
    """The base model is not in the catalog; the settings' owner acts."""


class BaseModelRetired(FineTuneError):
    """The base model takes no new jobs; the settings' owner picks its successor."""


class DatasetMissing(FineTuneError):
    """The pinned object version no longer exists; drop the dataset again."""


class DatasetUnusable(FineTuneError):
    """Too little of the dataset is left once duplicates and leaks are removed; its owner adds records."""


class NothingToResume(FineTuneError):
    """The run that was to be gone on with has no trained model; drop the dataset again to train one."""


class ModelUnusable(FineTuneError):
    """A custom model from elsewhere cannot be evaluated for the project; the message says what to change."""


class ChampionChanged(FineTuneError):
    """The endpoint in service got another model again and again while the run was going; resume it to compare anew."""


class TooManyRunsToday(FineTuneError):
    """The stack allows no more runs on this day; drop the dataset again tomorrow, or raise MostRunsPerDay."""


class EvaluationSetInvalid(FineTuneError):
    """The project's evaluation set cannot be used; its owner mends the named lines."""


class ValidationSetInvalid(FineTuneError):
    """The project's validation set cannot be used; its owner mends the named lines."""


class ApprovalRejected(FineTuneError):
    """Somebody answered no to what a run asked; the message says who and why."""


class CustomizationJobFailed(FineTuneError):
    """The job ended without a model; the message carries Bedrock's own words."""


class EndpointFailed(FineTuneError):
    """The endpoint ended without serving; run again later or elsewhere."""


class BudgetReached(FineTuneError):
    """The evaluation has cost, or taken, what the budget covers; the settings' owner acts."""


class ModelNotAskable(FineTuneError):
    """A model that a run has to ask refuses every question; whoever owns the account or the settings acts."""


class ServiceRefused(FineTuneError):
    """AWS refused a request for good; the message carries its words."""


class AccessRefused(FineTuneError):
    """A role lacks a permission; whoever owns the stack acts."""


class ServiceBusy(FineTuneError):
    """AWS throttles or fails on its side; retried by the state machine in seconds."""


class QuotaExceeded(FineTuneError):
    """A quota is used up; retried by the state machine in minutes."""


class TooManyRunsAtOnce(FineTuneError):
    """The stack allows no more runs at once; retried by the state machine in minutes."""


class EndpointBusy(FineTuneError):
    """An endpoint is between two states; retried by the state machine."""


class TrainingBusy(FineTuneError):
    """A run that was ended may still be training the same content; retried by the state machine."""


class EvaluationUnfinished(FineTuneError):
    """A shard ran out of its time with its answers kept; retried by the state machine."""


class FileUnreadable(FineTuneError):
    """What was written down is of another form; the sweeper raises it until the stack's owner acts."""


class MailUnconfirmed(FineTuneError):
    """Whoever sent a mail died while sending it; the sweeper raises it once, for the alarm."""


class ParameterMissing(FineTuneError):
    """A published endpoint has lost its parameter; the sweeper raises it until somebody puts it back or deletes it."""
