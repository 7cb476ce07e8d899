"""What each command is called with: a module of its name, whose class `Options` says it."""
