"""The gateway of the local cloud: one process that replaces AWS, except for Bedrock."""

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

# moto's interpreter takes one enumeration from moto.batch, which loads the whole catalogue of EC2 for it: a second of
# every start, for an integration that no state machine here uses.
_batch: Any = ModuleType("moto.batch.utils")
_batch.JobStatus = SimpleNamespace(SUCCEEDED="SUCCEEDED", FAILED="FAILED")
sys.modules.setdefault("moto.batch.utils", _batch)
sys.modules.setdefault("moto.batch", ModuleType("moto.batch"))
