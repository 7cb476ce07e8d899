"""The `finetune` command; `commands` has what each command is called with, the module of its name here what it does."""

# Each command with its line in `finetune --help`, for which no module of it is imported.
COMMANDS: dict[str, str] = {
    "check": "say whether a base model takes a dataset, and what to mend",
    "completion": "print the script that lets a shell complete commands and options",
    "prepare": "make a better dataset out of one: cleaned, balanced, limited, with variants of prompts",
    "review": "read people's ratings of a run's answers back into the verdict",
    "rollback": "put a project's previous model back into service",
    "sample": "write an example dataset to start from",
    "status": "list what is in service, since when, from which data and at what price",
}
