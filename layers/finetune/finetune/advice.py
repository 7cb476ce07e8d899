"""What a person does about each named end of a run."""

from collections.abc import Mapping

# The error's name as states and docs/troubleshooting.md spell it, and what a person does about it.
ADVICE: Mapping[str, str] = {
    "UnsupportedDataset": (
        "Drop a .jsonl, .ndjson, .json, .csv or .tsv file of at most 10.7 GB under incoming/<project>/."
    ),
    "FilesMisplaced": "Move the named files to where they belong, or delete them, and drop the dataset again.",
    "SettingsInvalid": "Correct the named key in the project's settings.yaml and drop the dataset again.",
    "BaseModelUnknown": "Correct base_model or method, or deploy in the named Region, and drop the dataset again.",
    "BaseModelRetired": "Set base_model in the project's settings.yaml to an active id and drop the dataset again.",
    "DatasetMissing": "Drop the dataset again and leave it and its media in place until the run has ended.",
    "DatasetRejected": "Mend the problems that problems.jsonl lists by line, and drop the dataset again.",
    "DatasetUnusable": "Add records that differ from each other and the evaluation set, and drop the dataset again.",
    "NothingToResume": "Drop the dataset again; it is trained then.",
    "ModelUnusable": "Correct what the sentence names, and call `finetune evaluate` again.",
    "ChampionChanged": "Resume the run; its model is then compared with the model that is in service now.",
    "TooManyRunsToday": "Drop the dataset again on the next UTC day, or have the stack deployed with a higher "
    "MostRunsPerDay.",
    "EvaluationSetInvalid": "Mend the named lines of the project's evaluation.jsonl and drop the dataset again.",
    "ValidationSetInvalid": "Mend the named lines of the project's validation.jsonl and drop the dataset again.",
    "BudgetExceeded": "Raise budget.limit_usd in the project's settings.yaml, or train on fewer records or epochs.",
    "BudgetReached": "Raise budget.limit_usd, and budget.project_usd_per_month where it is set, or make the evaluation "
    "set smaller, and drop the dataset again.",
    "NoVerdictPossible": "Write a larger evaluation.jsonl, add different records or set evaluation: optional, and drop "
    "the dataset again.",
    "ApprovalExpired": "Drop the dataset again, and answer within three days of the mail that asks.",
    "ApprovalRejected": "Nothing; to run it all the same, drop the dataset again and approve it.",
    "CustomizationJobFailed": "Read Bedrock's message above, mend what it names and drop the dataset again.",
    "EndpointFailed": "Drop the dataset again later; if the endpoint fails again, ask AWS Support about it.",
    "ModelNotAskable": "Open access to the named model or name another in settings.yaml, and drop the dataset again.",
    "ServiceRefused": "Read AWS's message above; it names the request that was refused.",
    "AccessRefused": "Give the named role the named permission, or deploy the stack again, and drop the dataset again.",
    "ServiceBusy": "Start the run again later; AWS was still busy at the last retry.",
    "QuotaExceeded": "Ask for a higher quota in Service Quotas, or end what uses it up, and drop the dataset again.",
    "TooManyRunsAtOnce": "Drop the dataset again when fewer runs go on, or have the stack deployed with a higher "
    "MostRunsAtOnce.",
    "EndpointBusy": "Nothing; the sweeper removes what is left of the endpoint within minutes.",
    "TrainingBusy": "Drop the dataset again once the job of the named run has ended.",
    "EvaluationUnfinished": "Make the evaluation set smaller, or ask for a higher request quota.",
    "FileUnreadable": "Deploy the release that wrote the named file, or a later one.",
    "MailUnconfirmed": "Read the mail in the named file, in case it did not arrive.",
    "ParameterMissing": "Put the named parameter back, or delete the endpoint if it is not used any more.",
    "Aborted": "Nothing if the run was stopped on purpose; otherwise drop the dataset again.",
    "States.Timeout": "Start the run again; if it times out again, find the slow step in the execution's history.",
}
