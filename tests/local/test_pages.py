"""Pages of runs at an address of this machine, and nothing else of the bucket."""

import http.client
import io
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.pages import path_of, served

RUN = "shop/20261121-103100-0badcafe"
OBJECTS = {
    f"runs/{RUN}/report.html": b"<h1>Report</h1>",
    f"runs/{RUN}/plan.json": b"{}",
    "runs/shop/20261122-103100-0badcafe/validation.html": b"dataset",
}


class Bucket:
    """S3 with these objects."""

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803 - S3's own names
        assert Bucket == "artifacts"
        if Key not in OBJECTS:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": ""}}, "GetObject")
        return {"Body": io.BytesIO(OBJECTS[Key])}

    def get_paginator(self, _: str) -> "Bucket":
        return self

    def paginate(self, **_: object) -> list[dict[str, Any]]:
        return [{"Contents": [{"Key": key}]} for key in OBJECTS]


@pytest.fixture
def address() -> Iterator[str]:
    with served(Bucket(), "artifacts") as found:
        yield found.removeprefix("http://")


def get(address: str, path: str, **headers: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection(address)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_a_report_is_shown_at_the_path_of_its_run(address: str) -> None:
    assert get(address, f"/{RUN}/report.html") == (200, "<h1>Report</h1>")


@pytest.mark.parametrize("path", [f"/{RUN}/plan.json", f"/{RUN}/validation.html", "/../secret", "/x"])
def test_everything_else_is_not_there(address: str, path: str) -> None:
    assert get(address, path)[0] == 404


def test_the_first_page_lists_the_pages_of_all_runs_the_newest_first(address: str) -> None:
    status, text = get(address, "/")
    assert status == 200
    assert text.index("20261122-103100-0badcafe/validation.html") < text.index(f"{RUN}/report.html")
    assert "plan.json" not in text


def test_another_name_for_this_machine_reads_nothing(address: str) -> None:
    assert get(address, f"/{RUN}/report.html", Host="attacker.example:80")[0] == 403


@pytest.mark.parametrize(
    ("key", "path"),
    [
        (f"runs/{RUN}/report.html", f"/{RUN}/report.html"),
        (f"runs/{RUN}/plan.json", None),
        (f"outbox/{RUN}/report.html", None),
    ],
)
def test_a_key_has_a_path_if_it_is_a_page_of_a_run(key: str, path: str | None) -> None:
    assert path_of(key) == path
