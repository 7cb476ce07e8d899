"""What a command says when it could not run at all."""


class UsageFailure(Exception):
    """One sentence for the person at the keyboard; exit code 2."""
