"""Commands for people; each is a module of its name here, whose `add(commands)` adds its parser and sets `run`."""

COMMANDS: tuple[str, ...] = ("check", "prepare", "review", "rollback", "sample", "status")
