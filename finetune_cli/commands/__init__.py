"""The arguments and options of each command: class `Options` in the module with the command's name."""
