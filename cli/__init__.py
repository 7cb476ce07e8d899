"""Commands for people; each module has `add(commands)`, which adds its parser and sets `run`."""

from types import ModuleType

COMMANDS: tuple[ModuleType, ...] = ()
