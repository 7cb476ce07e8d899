"""The `finetune` command: `commands` has the options of each command, and the module with its name here runs it."""

# Each command with its line in `finetune --help`, for which no module of it is imported.
COMMANDS: dict[str, str] = {
    "access": "print the IAM policy of a supplier, owner, reader or approver of a project",
    "approvals": "list the runs that wait for somebody's answer, with what it would cost",
    "approve": "let a run that asks go on",
    "check": "check whether a base model takes a dataset, and list what to mend",
    "completion": "print the script that lets a shell complete commands and options",
    "costs": "list everything of the stack that is billed now, with owner, age, price and day of deletion",
    "delete": "delete a project, a run's resources or a custom model, after showing the plan",
    "doctor": "ask AWS whether runs can work: account, quotas, models, stack, mails, roles and key",
    "evaluate": "evaluate a custom model that was trained elsewhere, and promote it if it is better",
    "keep": "keep a custom model that would be deleted, or let it go again",
    "prepare": "make a better dataset from another: cleaned, balanced, limited, with variants of prompts",
    "reject": "end a run that asks, with a reason",
    "resume": "go on with what a failed run has trained",
    "review": "decide a run's verdict again with people's ratings of the answers",
    "rollback": "put a project's previous model back into service",
    "runs": "list the newest runs with verdict, gain, cost and age, and what waits for whom",
    "sample": "write an example dataset to start from",
    "show": "show a run: verdict, reason, states, cost, files and links",
    "status": "list the models in service with their date, dataset and price",
    "stop": "stop a run that is going on",
}
