"""The cloud's processes: they start clearly, and none outlives the cloud or whoever started it."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from local.cloud import Cloud, CloudError
from local.gateway.seams import Seam, SeamError, require_all
from tests.local.conftest import Workbench
from tests.waiting import eventually

BUSY = "import os, time\ndef handler(event, context):\n    print(os.getpid(), flush=True)\n    time.sleep(600)"
STARTS_A_CLOUD = """
import sys, time
from pathlib import Path
from local.cloud import Cloud
cloud = Cloud.start(Path(sys.argv[1]), bedrock=False)
print(cloud.pid, flush=True)
time.sleep(600)
"""


def ended(*pids: int) -> bool:
    """Whether none of the processes runs any more."""
    return not any(_runs(pid) for pid in pids)


def _runs(pid: int) -> bool:
    listed = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)  # noqa: S603, S607  # a pid
    return bool(listed.stdout.strip()) and not listed.stdout.startswith("Z")


def children(pid: int) -> list[int]:
    """Every process below `pid`."""
    listed = subprocess.run(["ps", "-e", "-o", "pid=,ppid="], capture_output=True, text=True, check=True)  # noqa: S607
    parents = [tuple(map(int, line.split())) for line in listed.stdout.splitlines()]
    own = [child for child, parent in parents if parent == pid]
    return own + [below for child in own for below in children(child)]


def start_busy_function(cloud: Cloud) -> list[int]:
    """The pids of the gateway and all its children while a function is in the middle of its work."""
    function = Workbench(cloud).function(BUSY)
    cloud.client("lambda").invoke(FunctionName=function, InvocationType="Event")
    return eventually(lambda: (pids := [cloud.pid, *children(cloud.pid)])[2:] and pids)


def test_stop_leaves_no_process_and_no_temporary_file_even_with_busy_functions(tmp_path: Path) -> None:
    cloud = Cloud.start(tmp_path, bedrock=False)
    pids = start_busy_function(cloud)
    threading.Thread(target=invoke, args=(cloud,), daemon=True).start()
    eventually(lambda: len(children(cloud.pid)) == len(pids))

    cloud.stop()
    cloud.stop()

    assert eventually(lambda: ended(*pids))
    assert not (tmp_path / "tmp").exists()


def invoke(cloud: Cloud) -> None:
    """Wait for an answer, whatever it will be."""
    with contextlib.suppress(BotoCoreError, ClientError):
        Workbench(cloud).invoke(Workbench(cloud).function(BUSY))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_signal_to_the_gateway_leaves_no_process(tmp_path: Path, number: signal.Signals) -> None:
    with Cloud.start(tmp_path, bedrock=False) as cloud:
        pids = start_busy_function(cloud)

        os.kill(cloud.pid, number)

        assert eventually(lambda: ended(*pids))


def test_killing_the_parent_ends_the_cloud(tmp_path: Path) -> None:
    with subprocess.Popen(  # noqa: S603  # this interpreter and code of ours
        [sys.executable, "-c", STARTS_A_CLOUD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout
        gateway = int(parent.stdout.readline())
        pids = [gateway, *children(gateway)]
        assert len(pids) == 2

        parent.kill()

    assert eventually(lambda: ended(*pids))


def test_a_cloud_that_cannot_start_says_why(tmp_path: Path) -> None:
    with Cloud.start(tmp_path / "first", bedrock=False) as first:
        port = int(first.endpoint.rpartition(":")[2])

        with pytest.raises(CloudError, match=r"(?s)did not start.*in use"):
            Cloud.start(tmp_path / "second", port=port, bedrock=False)


def test_a_new_cloud_does_not_show_the_mails_of_an_earlier_one(tmp_path: Path) -> None:
    outbox = tmp_path / "outbox"
    outbox.mkdir()
    (outbox / "old.eml").write_text("To: anna@example.com\nSubject: old\n\nold\n")

    with Cloud.start(tmp_path, bedrock=False) as cloud:
        assert cloud.mails() == []


def test_every_seam_exists_in_the_installed_packages() -> None:
    require_all()


def test_a_missing_seam_is_one_sentence_with_package_and_version() -> None:
    with pytest.raises(SeamError, match=r"ministack [\d.]+ has no ministack.services.sns._no_such_name, which"):
        require_all((Seam("ministack.services.sns", "_no_such_name"),))
