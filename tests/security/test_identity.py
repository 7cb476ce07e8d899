"""A project cannot take over, read as, or stand in the way of another one by its name."""

from __future__ import annotations

import json
import random
import re
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import pytest

from finetune.aws import clients, ownership, publication, resuming, runs, serving
from finetune.aws.publication import Published
from finetune.aws.tags import NAME_TAG, tags_of
from finetune.domain.customization.projects import project_of, project_slug, slug_before, slugs_meant, two_meant
from finetune.errors import NothingToResume, UnsupportedDataset
from finetune.run import DatasetDropped, ObjectVersion, Run
from tests.command import finetune
from tests.integration.fakes import MemorySsm
from tests.stacks import NOVA, Stack, deployed
from tests.template import STACK

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

VICTIM = "Shop Assistant"
TAKEN = slug_before(VICTIM)
# 24 bits of a hash are found in seconds: this name has the victim's slug of release 0.2.0 too.
COLLIDING = "Shop Assistant,,.!,.,!.?,.!!"
SEEDS = (
    "Shop Assistant",
    "shop-assistant",
    "Support",
    "例え",
    "Größe & Co",
    "a.b.c",
    "naïve",
    "project",
    "İstanbul",
    "x",
)
HOMOGLYPHS = {"a": "\u0430", "e": "\u0435", "o": "\u043e", "p": "\u0440", "s": "\u0455", "i": "\u0456", "-": "\u2010"}
NAMES = 100_000


def generated() -> list[str]:
    """Names that are made to be taken for each other: letters, forms, cases, dots, hashes, and slugs as names."""
    chance = random.Random(11)  # noqa: S311 - the same names in every process
    changes = (
        lambda name: "".join(HOMOGLYPHS.get(c, c) if chance.random() < 0.3 else c for c in name),
        lambda name: unicodedata.normalize(chance.choice(("NFC", "NFD", "NFKC", "NFKD")), name),
        lambda name: "".join(chance.choice((c.lower(), c.upper())) for c in name),
        lambda name: name + chance.choice((".", " ", "-", "_", "..", ",", "!", "\u200d", "é", "é")),
        lambda name: chance.choice((".", " ", "-", "_")) + name,
        lambda name: name.replace(chance.choice(name), chance.choice("-_. x1"), 1),
        lambda name: f"{name}-{chance.getrandbits(24):06x}",
        lambda name: f"{name}-{chance.getrandbits(64):016x}",
        project_slug,
        slug_before,
    )
    names, order = set(SEEDS), list(SEEDS)
    while len(names) < NAMES:
        name = chance.choice(changes)(chance.choice(order))[:60]
        if name not in names and name:
            names.add(name)
            order.append(name)
    return order


def test_of_a_hundred_thousand_names_no_two_share_a_slug_and_none_has_the_slug_of_another_as_its_own() -> None:
    names = generated()
    slugs = {name: project_slug(name) for name in names}
    assert len(set(slugs.values())) == len(names) == NAMES
    hashed = [slug for name, slug in slugs.items() if slug != name]
    assert all(re.fullmatch(r"[a-z0-9-]{1,16}-[0-9a-f]{16}", slug) for slug in hashed)
    assert [slug for slug in hashed[:: len(hashed) // 1000] if project_slug(slug) == slug] == []
    # What release 0.2.0 made of a name is the slug of no name now.
    before = {slug_before(name) for name in names if slug_before(name) != name}
    assert before.isdisjoint(slugs.values())
    assert max(map(len, slugs.values())) <= 33


@pytest.mark.parametrize("name", [TAKEN, project_slug(VICTIM), COLLIDING, "shop-assistant-000000"])
def test_a_name_that_looks_like_the_slug_of_another_is_hashed_itself(name: str) -> None:
    assert project_slug(name) not in {name, TAKEN, project_slug(VICTIM)}
    assert len(project_slug(name).rpartition("-")[2]) == 16


REFUSED = [
    "incoming/./victim/x.jsonl",
    "incoming//victim/x.jsonl",
    "incoming/../victim/x.jsonl",
    "incoming/shop//x.jsonl",
    "incoming/shop/./x.jsonl",
    "incoming/shop/../victim/x.jsonl",
    "incoming/..jsonl",
    "incoming/...jsonl",
    *(f"incoming/sh{unseen}op/x.jsonl" for unseen in "\0\t\n\r\x1b\x7f\x85\x9b\xad\u061c\u200b\u200e\u200f"),
    *(f"incoming/shop/x{unseen}.jsonl" for unseen in "\u2028\u2029\u202a\u202e\u2066\u2069\ufeff\U000e0041\n"),
    *(
        f"incoming/sh{unseen}op/x.jsonl"
        for unseen in "\u034f\u115f\u1160\u3164\uffa0\u2800\ufe00\ufe0f\u180b\U000e0100"
    ),
    *(f"incoming/shop{space}assistant/x.jsonl" for space in "\xa0\u2002\u2009\u202f\u205f"),
    *(
        f"incoming/{name}"
        for name in ("shop /x.jsonl", " shop/x.jsonl", "\u3000shop/x.jsonl", "shop .jsonl", " .jsonl")
    ),
    f"incoming/{'n' * 201}/x.jsonl",
    f"incoming/{'n' * 900}.jsonl",
]


@pytest.mark.parametrize("key", REFUSED, ids=ascii)
def test_a_key_that_could_be_read_as_another_is_refused(key: str) -> None:
    with pytest.raises(UnsupportedDataset, match=r"drop the file (as|in)") as refused:
        project_of(key)
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    "name",
    [
        "\u0646\u0627\u0645\u0647\u200c\u0647\u0627",
        "👩\u200d🔬",
        "a b",
        "\u4f8b\u3000\u3048",
        "..a",
        "a.b",
        "%2e%2e",
        "n" * 200,
        "C:\\x",
        "'; --",
    ],
)
def test_every_other_name_is_one(name: str) -> None:
    assert project_of(f"incoming/{name}/x.jsonl") == name


# The upgrade from release 0.2.0


def dropped(project: str, *, version: str = "v1", day: int = 21) -> Run:
    """A run of a project as it is named before anybody looks whose the slug is."""
    request = DatasetDropped(
        bucket="datasets",
        key=f"incoming/{project}/data.jsonl",
        version_id=version,
        event_time=datetime(2026, 11, day, 12, tzinfo=UTC),
    )
    return runs.identify(request, artifact_bucket="artifacts", execution_arn=f"arn:{project}")


def published(*projects: str, **more: Any) -> Published:
    """What release 0.2.0 published: it names no project, only the dataset, and the one before it."""
    files = [ObjectVersion(bucket="datasets", key=f"incoming/{name}/data.jsonl", version_id="v") for name in projects]
    values: dict[str, Any] = {
        "endpoint_arn": "arn:endpoint",
        "endpoint_name": "endpoint",
        "kind": "on_demand",
        "base_model": "base",
        "model_arn": "arn:model",
        "run_id": "run",
        **dict(zip(("dataset", "previous_dataset"), files, strict=False)),
    }
    return Published(**values, **more)


def ssm_with(slug: str, value: Published | None) -> Any:
    memory = MemorySsm()
    if value:
        publication.write(cast("Any", memory), STACK, slug, value)
    return memory


def ran_before(s3: S3Client, project: str, *, day: int) -> None:
    """A run that release 0.2.0 claimed; it did not write the project down either."""
    run = runs.under(dropped(project, day=day), slug_before(project))
    claim = {"run_id": run.run_id, "execution_arn": "arn:before", "dataset": run.dataset.payload()}
    key = run.uri("run.json").removeprefix("s3://artifacts/")
    s3.put_object(Bucket="artifacts", Key=key, Body=json.dumps(claim).encode())


def settled(s3: S3Client, project: str, ssm: Any) -> str:
    return ownership.settled(s3, ssm, STACK, dropped(project)).slug


@pytest.mark.parametrize("attacker", [TAKEN, COLLIDING])
def test_whoever_has_another_s_slug_of_the_last_release_gets_a_slug_of_its_own(s3: S3Client, attacker: str) -> None:
    ssm = ssm_with(TAKEN, published(VICTIM))
    assert slug_before(attacker) == TAKEN
    assert settled(s3, VICTIM, ssm) == TAKEN
    assert settled(s3, attacker, ssm) == project_slug(attacker) != TAKEN


# Keys of one project that release 0.2.0 took and this one refuses.
OLD_KEYS = [
    "Shop Assistant//a.jsonl",
    "Shop Assistant/./a.jsonl",
    "./Shop Assistant/a.csv",
    "Shop Assistant/a\xad.jsonl",
]


@pytest.mark.parametrize("key", OLD_KEYS, ids=ascii)
def test_what_release_0_2_0_left_under_a_key_that_is_refused_now_says_whose_it_is(s3: S3Client, key: str) -> None:
    dataset = ObjectVersion(bucket="datasets", key=f"incoming/{key}", version_id="v")
    value = published().model_copy(update={"dataset": dataset})
    assert value.projects == {VICTIM}
    assert settled(s3, VICTIM, ssm_with(TAKEN, value)) == TAKEN
    claim = json.dumps({"execution_arn": "arn:before", "dataset": dataset.payload()}).encode()
    s3.put_object(Bucket="artifacts", Key=f"runs/{TAKEN}/20261119-120000-00000000/run.json", Body=claim)
    assert settled(s3, VICTIM, ssm_with(TAKEN, None)) == TAKEN
    assert settled(s3, COLLIDING, ssm_with(TAKEN, value)) == project_slug(COLLIDING)


@pytest.mark.parametrize("attacker", [TAKEN, COLLIDING])
def test_before_its_first_promotion_a_slug_belongs_to_whoever_ran_first(s3: S3Client, attacker: str) -> None:
    ran_before(s3, VICTIM, day=19)
    ran_before(s3, attacker, day=20)
    assert settled(s3, VICTIM, ssm_with(TAKEN, None)) == TAKEN
    assert settled(s3, attacker, ssm_with(TAKEN, None)) == project_slug(attacker)


def test_a_claim_that_cannot_be_read_says_nothing_and_the_next_oldest_does(s3: S3Client) -> None:
    s3.put_object(Bucket="artifacts", Key=f"runs/{TAKEN}/20261101-000000-00000000/run.json", Body=b"{")
    s3.put_object(Bucket="artifacts", Key=f"runs/{TAKEN}/20261102-000000-00000000/plan.json", Body=b"{}")
    assert settled(s3, VICTIM, ssm_with(TAKEN, None)) == project_slug(VICTIM)
    ran_before(s3, VICTIM, day=19)
    assert settled(s3, VICTIM, ssm_with(TAKEN, None)) == TAKEN


def test_an_endpoint_that_was_taken_over_before_the_upgrade_is_nobodys_until_a_person_says_whose(s3: S3Client) -> None:
    taken_over = published(TAKEN, VICTIM)
    for project in (VICTIM, TAKEN):
        with pytest.raises(UnsupportedDataset, match=r"2 projects had the short name .* add \"project\""):
            settled(s3, project, ssm_with(TAKEN, taken_over))
    decided = ssm_with(TAKEN, published(TAKEN, VICTIM, project=VICTIM))
    assert (settled(s3, VICTIM, decided), settled(s3, TAKEN, decided)) == (TAKEN, project_slug(TAKEN))


def test_a_project_of_which_nothing_is_left_gets_a_new_slug_and_so_does_everybody_else(s3: S3Client) -> None:
    for project in (VICTIM, TAKEN, COLLIDING):
        assert settled(s3, project, ssm_with(TAKEN, None)) == project_slug(project)


def test_a_project_whose_name_only_looks_hashed_keeps_its_slug_and_its_endpoint(s3: S3Client) -> None:
    name = "shop-202401"
    assert settled(s3, name, ssm_with(name, published(name))) == name
    assert settled(s3, name, ssm_with(name, None)) != name


def test_a_foreign_owner_of_a_slug_is_refused_and_not_named(s3: S3Client) -> None:
    ssm = ssm_with("shop", published(project="Secret Project"))
    with pytest.raises(UnsupportedDataset, match="belongs to another project") as refused:
        settled(s3, "shop", ssm)
    assert "Secret" not in str(refused.value)


def test_the_full_name_stands_in_the_claim_and_in_the_tags(s3: S3Client) -> None:
    run = dropped("Größe & Co")
    assert runs.claim(s3, run)
    claim = json.loads(s3.get_object(Bucket="artifacts", Key=f"runs/{run.slug}/{run.run_id}/run.json")["Body"].read())
    assert claim["project"] == "Größe & Co"
    tags = {each["key"]: each["value"] for each in tags_of(run, STACK)}
    assert tags[NAME_TAG] == "Gr=C3=B6=C3=9Fe =26 Co"
    names = {tags_of(dropped(name), STACK)[3]["value"] for name in (VICTIM, TAKEN, "Shop=20Assistant")}
    assert len(names) == 3


def test_the_clean_up_finds_a_run_under_the_slug_with_which_it_was_claimed(s3: S3Client) -> None:
    kept = runs.under(dropped(VICTIM), TAKEN)
    assert runs.claim(s3, kept)
    assert runs.as_claimed(s3, dropped(VICTIM)) == kept
    new = dropped(VICTIM, version="v2")
    assert runs.claim(s3, new)
    assert runs.as_claimed(s3, new) == new


def test_a_run_of_another_project_is_not_resumed_although_it_lies_in_the_same_folder(s3: S3Client) -> None:
    theirs, mine = runs.under(dropped(VICTIM), TAKEN), runs.under(dropped(COLLIDING), TAKEN)
    key = theirs.uri("plan.json").removeprefix("s3://artifacts/")
    s3.put_object(Bucket="artifacts", Key=key, Body=json.dumps(theirs.payload()).encode())
    with pytest.raises(NothingToResume):
        runs.of_project(s3, mine, theirs.run_id)
    assert runs.of_project(s3, theirs, theirs.run_id) == theirs


@pytest.fixture
def deployed_before() -> Iterator[Stack]:
    """A stack in which the victim has an endpoint, which release 0.2.0 published."""
    with deployed() as stack:
        model, before = stack.model(TAKEN, 2), stack.model(TAKEN, 1)
        stack.publish(
            TAKEN,
            2,
            model,
            stack.endpoint(TAKEN, 2, model),
            dataset=published(VICTIM).dataset,
            previous_model_arn=before,
            previous_base_model=NOVA,
            previous_run_id=stack.run(1),
        )
        yield stack


@pytest.mark.parametrize("attacker", [COLLIDING, "shop.-!-- -+!assistant"])
@pytest.mark.parametrize("command", ["status", "costs", "rollback", "delete"])
def test_a_command_about_a_project_reaches_nothing_of_another_that_had_its_slug(
    deployed_before: Stack, capsys: pytest.CaptureFixture[str], command: str, attacker: str
) -> None:
    assert slug_before(attacker) == TAKEN
    agreed = ["--yes"] if command == "delete" else []
    there = (deployed_before.models(), deployed_before.open(), publication.read(clients.ssm(), STACK, TAKEN))
    assert finetune(command, attacker, *agreed) == 1
    assert TAKEN not in capsys.readouterr().out
    assert (deployed_before.models(), deployed_before.open(), publication.read(clients.ssm(), STACK, TAKEN)) == there
    if command != "rollback":
        for said in (TAKEN, VICTIM)[command == "delete" :]:
            assert finetune(command, said, *agreed) == 0
    assert deployed_before.published(TAKEN) == (command != "delete")
    assert bool(deployed_before.models()) == (command != "delete")


@pytest.mark.usefixtures("deployed_before")
def test_a_rollback_reaches_what_the_project_kept_by_name_and_by_slug(monkeypatch: pytest.MonkeyPatch) -> None:
    reached: list[str] = []

    def roll_back(*given: Any, **_: object) -> None:
        reached.append(given[4])
        raise serving.NothingToRollBack("It is only asked for.")

    monkeypatch.setattr(serving, "roll_back", roll_back)
    assert [finetune("rollback", said) for said in (VICTIM, TAKEN, COLLIDING)] == [1, 1, 1]
    assert reached == [TAKEN, TAKEN, project_slug(COLLIDING)]


@pytest.mark.usefixtures("deployed_before")
def test_where_two_projects_had_a_slug_a_command_asks_for_the_slug(capsys: pytest.CaptureFixture[str]) -> None:
    publication.write(clients.ssm(), STACK, TAKEN, published(COLLIDING, VICTIM))
    for said in (VICTIM, COLLIDING):
        assert finetune("costs", said) == 2
        assert f"2 projects had the short name {TAKEN}" in capsys.readouterr().err
    assert finetune("costs", TAKEN) == 0


def test_a_run_is_found_under_the_name_of_its_project_only(s3: S3Client) -> None:
    run = runs.under(dropped(VICTIM), TAKEN)
    key = run.uri("plan.json").removeprefix("s3://artifacts/")
    s3.put_object(Bucket="artifacts", Key=key, Body=json.dumps(run.payload()).encode())
    for said in (VICTIM, TAKEN):
        assert resuming.find(s3, "artifacts", run.run_id, said) == run
    with pytest.raises(NothingToResume, match="has no run"):
        resuming.find(s3, "artifacts", run.run_id, COLLIDING)


def test_a_person_may_say_a_name_or_a_slug_and_is_asked_where_that_is_two_projects() -> None:
    assert slugs_meant(VICTIM) == {VICTIM, project_slug(VICTIM)}
    assert TAKEN in slugs_meant(TAKEN)
    assert slugs_meant("shop") == {"shop"}
    assert not two_meant(TAKEN, [TAKEN])
    assert not two_meant(VICTIM, [TAKEN, project_slug(TAKEN)])
    assert two_meant(TAKEN, [TAKEN, project_slug(TAKEN)])
