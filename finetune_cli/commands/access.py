"""What `finetune access` is called with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import click

from finetune_cli.options import StackOptions, argument, option

PARTS = ("supplier", "owner", "reader", "approver")


@dataclass(frozen=True, kw_only=True)
class Options(StackOptions):
    """Print the IAM policy of a person or program that has a part in a project, and nothing else.

    A supplier may drop datasets into incoming/PROJECT/. An owner may also write the project's settings, sets and media
    and read its reports. A reader may read its reports and its published endpoint and follow its runs. An approver may
    answer what runs ask; IAM cannot bound that to one project.
    """

    EXAMPLE: ClassVar = "finetune access shop-assistant --as supplier"
    YES: ClassVar = "the policy is printed"

    project: str = argument(metavar="PROJECT", help="the project, as in incoming/<project>/")
    part: str = option(
        click.Choice(PARTS), "--as", required=True, metavar="PART", help="supplier, owner, reader or approver"
    )
