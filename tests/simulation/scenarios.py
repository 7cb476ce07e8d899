"""What happens in each simulated world: what lies there before, what is dropped, and how the runs end by themselves."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from finetune.aws.refusals import MOST_ALONE
from tests.emulator import add_model
from tests.simulation.checker import ASKING
from tests.simulation.interpreter import TaskFailed
from tests.simulation.parameters import Mail
from tests.simulation.world import MARKER, World
from tests.template import DATASETS

ITEMS = 20
MICRO = "amazon.nova-micro-v1:0:128k"
LITE = "amazon.nova-lite-v1:0:300k"
_SYLLABLES = ("ka", "lo", "mi", "ru", "te", "va", "zo", "ne", "shi", "bor", "dan", "fel")


@cache
def _stations(count: int) -> tuple[tuple[str, str], ...]:
    """Made-up stations and what each is known for."""
    chance = random.Random(7)  # noqa: S311 - the same words in every process
    names: dict[str, str] = {}
    while len(names) < count:
        name = "".join(chance.choice(_SYLLABLES) for _ in range(4))
        names[name] = " ".join("".join(chance.choice(_SYLLABLES) for _ in range(3)) for _ in range(4))
    return tuple(names.items())


def _record(question: str, answer: str) -> str:
    turns = [{"role": "user", "content": [{"text": question}]}, {"role": "assistant", "content": [{"text": answer}]}]
    return json.dumps({"schemaVersion": "bedrock-conversation-2024", "messages": turns})


def _question(name: str) -> str:
    return f"Where does the {MARKER} report mention {name}, and with which goods?"


def dataset(first: int, last: int, *, wrong: bool = False) -> bytes:
    """Records about the stations from `first` to `last`; `wrong` ones are answered with what another is known for."""
    stations = _stations(max(last, ITEMS))
    lines = []
    for number in range(first, last):
        name, known = stations[number][0], stations[(number + 5 * wrong) % len(stations)][1]
        lines.append(_record(_question(name), known))
    return ("\n".join(lines) + "\n").encode()


def evaluation() -> bytes:
    """One question about each of the first stations."""
    lines = [
        _record(f"With which goods and where does {name} report the {MARKER} mention?", known)
        for name, known in _stations(ITEMS)
    ]
    return ("\n".join(lines) + "\n").encode()


# How often somebody looks whether a run has ended, and when the same is dropped again.
LOOK_SECONDS, AGAIN_SECONDS = 60.0, 1500.0
GOOD, MORE, HALF = (0, ITEMS), (0, ITEMS - 1), (0, ITEMS // 2)


# A base model that is customized in another Region than that of the simulation.
ELSEWHERE = "meta.llama3-3-70b-instruct-v1:0:128k"
# A judge that Bedrock asks through an inference profile only.
WITHOUT_PROFILE = "judge:\n  model: meta.llama3-3-70b-instruct-v1:0\n"
PRICED = "prices:\n  provisioned_per_hour: 20\n"
PROVISIONED = f"deployment: provisioned\nbudget:\n  limit_usd: 45\n  service_usd_per_month: 14600\n{PRICED}"
# What these runs may cost at most is a cent or two below this.
LIMIT = "budget:\n  limit_usd: 1.77\n"
# Enough for one of two runs.
MONTH = f"{LIMIT}  project_usd_per_month: 2\n"
ON_DEMAND = f"deployment: on_demand\n{LIMIT}"
# Asks before service, and before training too.
ASKS = f"{PRICED}deployment: provisioned\nbudget:\n  limit_usd: 45\n"
ASKS_TWICE = f"{ASKS}  approve_above_usd: 0\n"
# How often a person looks into the mailbox, and when they give up because the command does not work.
MAILBOX_SECONDS, PATIENCE_SECONDS = 600.0, 5 * 24 * 3600.0
PEOPLE = ("arn:aws:iam::000000000000:user/ada", "arn:aws:iam::000000000000:user/grace")


@dataclass(frozen=True)
class Scenario:
    """`before` builds what is in service already and is no part of the run; `begin` starts what is looked at.

    `subjects` are the beginnings of the mails that the runs end with, in any order; one without ends in several ways
    and is tried only with random latencies. `share` is how much of a sample of faults it gets, and `since` the state
    in which it begins to differ from a shorter one, before which a sample leaves it alone.
    """

    name: str
    begin: Callable[[World], None]
    subjects: Sequence[str]
    before: Callable[[World], None] = lambda _: None
    job_minutes: float = 1.0
    share: float = 4
    since: str = ""


def _begin(
    *spans: tuple[int, int],
    project: str = "stations",
    settings: str = LIMIT,
    fault: str = "",
    times: int = 1,
    apart: float = 47.0,
) -> Callable[[World], None]:
    """Drop datasets into one project, so many seconds apart, each with so many events."""

    def begin(world: World) -> None:
        world.s3.put(DATASETS, f"projects/{project}/evaluation.jsonl", evaluation())
        world.s3.put(DATASETS, f"projects/{project}/settings.yaml", settings.encode())
        if fault:
            world.bedrock.faults.inject(fault)
        for number, span in enumerate(spans):
            drop = partial(world.drop, project, dataset(*span), f"dataset{number}.jsonl", times)
            world.clock.after(number * apart, drop)

    return begin


def _promoted(*span: int, settings: str = LIMIT) -> Callable[[World], None]:
    """A champion, trained and promoted by a run before."""

    def before(world: World) -> None:
        _begin((span[0], span[1]), settings=settings)(world)
        run_until_ended(world)
        if not world.parameters.history:
            raise AssertionError("The run before promoted nothing, so the scenario does not stand.")
        world.topic.mails.clear()
        world.machines.executions.clear()
        world.dropped.clear()

    return before


def _answered(*decisions: str, begin: Callable[[World], None], meanwhile: str = "") -> Callable[[World], None]:
    """People answer each mail that asks, each with a decision of their own, at once.

    `meanwhile` are settings that are written between the first mail and its answer.
    """

    def answering(world: World) -> None:
        begin(world)
        for person, decision in zip(PEOPLE, decisions, strict=False):
            world.clock.spawn(partial(_answer_mails, world, person, decision))
        if meanwhile:
            world.clock.spawn(partial(_write_settings, world, meanwhile))

    return answering


def _asking(world: World) -> list[Mail]:
    return [mail for mail in world.topic.mails if mail.subject.startswith(ASKING)]


def _write_settings(world: World, settings: str) -> None:
    while not _asking(world):
        world.clock.sleep(MAILBOX_SECONDS / 3)
    world.s3.put(DATASETS, "projects/stations/settings.yaml", settings.encode())


def _answer_mails(world: World, person: str, decision: str) -> None:
    """Look into the mailbox again and again, and run the command of each mail until it works."""
    read = 0
    while world.clock.seconds < world.marked_at + PATIENCE_SECONDS:
        world.clock.sleep(MAILBOX_SECONDS)
        for mail in _asking(world)[read:]:
            read += 1
            [(run, number)] = re.findall(rf"finetune {decision} (\S+)(?: .*?--question (\d+))?", mail.body)
            given = {"run": run, "decision": decision, "by": person, "reason": "as agreed"}
            _decide(world, given | {"question": int(number or 0)}, mail)


def _decide(world: World, payload: dict[str, Any], mail: Mail) -> None:
    [arn] = re.findall(r"^Execution: (\S+)", mail.body, re.MULTILINE)
    execution = world.machines.executions[arn]
    while execution.running:
        try:
            answer = world.functions.call("Decide", payload, execution, None)
        except TaskFailed:
            world.clock.sleep(MAILBOX_SECONDS)
            continue
        world.note("decided", f"{payload['by']} {answer['status']} {answer['decision']}")
        world.decided.append(answer)
        return


def _both(*begins: Callable[[World], None]) -> Callable[[World], None]:
    def begin(world: World) -> None:
        for each in begins:
            each(world)

    return begin


def _odd_key(world: World) -> None:
    """A key with everything that a JSON text, a URL or a shell would have to escape."""
    world.s3.put(DATASETS, "projects/stations/evaluation.jsonl", evaluation())
    world.drop("stations", dataset(*GOOD), 'quo"te \\ <key> + %20 ü {{x}}.jsonl')


def _resume(world: World) -> None:
    """Go on with what the first run has trained, once that run has ended, as a person does in the console."""
    first = next(iter(world.executions), None)
    if first is None or first.running:
        world.clock.after(LOOK_SECONDS, lambda: _resume(world))
        return
    world.coming -= 1
    given = json.loads(first.input)
    given |= {"attempt": 2, "resume": first.name.removeprefix("stations-")}
    world.machines.start("resumed", json.dumps(given))


def _stop_in(world: World, state: str) -> None:
    """Stop the first execution in a state, as a person does; it may end before."""
    first = next(iter(world.executions), None)
    if first and state in first.states:
        world.machines.stop(first, "ABORTED", None, None)
    elif first is None or first.running:
        world.clock.after(LOOK_SECONDS / 10, lambda: _stop_in(world, state))


def _then_resumed(begin: Callable[[World], None], *, stopped_in: str = "") -> Callable[[World], None]:
    """A run that fails or is stopped after its training, and another one that goes on with its model."""

    def begun(world: World) -> None:
        begin(world)
        world.coming += 1
        _resume(world)
        if stopped_in:
            _stop_in(world, stopped_in)

    return begun


def _judged_anew(world: World) -> None:
    """The same content twice, the second time with another gate."""
    _begin(HALF, HALF, apart=AGAIN_SECONDS)(world)
    settings = b"gates:\n  minimum_gain: 0.01\n"
    world.clock.after(AGAIN_SECONDS / 2, lambda: world.s3.put(DATASETS, "projects/stations/settings.yaml", settings))


def _rejected(world: World) -> None:
    world.drop("stations", b"{not json\n" * 12, "dataset.jsonl")


def _no_dataset(world: World) -> None:
    world.drop("stations", b"nothing to train on", "readme.txt")


def _evaluate(world: World) -> None:
    """Evaluate a model that somebody else has trained in the account."""
    version = world.s3.put(DATASETS, "projects/stations/evaluation.jsonl", evaluation())
    world.s3.put(DATASETS, "projects/stations/settings.yaml", LIMIT.encode())
    learned = [(_question(name), known) for name, known in _stations(ITEMS)]
    given = {
        "bucket": DATASETS,
        "key": "projects/stations/evaluation.jsonl",
        "version_id": version.id,
        "event_time": f"{world.clock.now():%Y-%m-%dT%H:%M:%SZ}",
        "evaluate": add_model(world.bedrock, "by-somebody-else", MICRO, learned),
    }
    world.machines.start("evaluated", json.dumps(given))


def _under(begin: Callable[[World], None], **parameters: int) -> Callable[[World], None]:
    """The same in a stack that was deployed with such ceilings."""

    def begun(world: World) -> None:
        world.deploy(parameters)
        begin(world)

    return begun


def _flood(world: World) -> None:
    """More files that are no datasets than have mails of their own."""
    for number in range(MOST_ALONE + 2):
        world.drop("stations", b"nothing to train on", f"readme{number}.txt")


def run_until_ended(world: World, bound: float = 6 * 24 * 3600) -> None:
    """Let time pass until every execution has ended, and a minute more."""
    world.clock.run(10)
    world.clock.run(bound, lambda: world.quiet)
    world.clock.run(60)


TWICE = ("Approval needed before training", "Approval needed before service")
_ALL = (
    Scenario("first", _begin(GOOD), ["Model promoted"], share=24),
    Scenario("first_5h", _begin(GOOD), ["Model promoted"], job_minutes=300, share=6),
    Scenario(
        "first_3d", _begin(GOOD), ["Model promoted"], job_minutes=4000, share=0.4, since="Check Customization Job"
    ),
    Scenario("takeover", _begin(GOOD), ["Model promoted"], before=_promoted(*HALF), share=20),
    Scenario("kind_change", _begin(GOOD, settings=PROVISIONED), ["Model promoted"], before=_promoted(*HALF), share=14),
    Scenario(
        "kind_change_back",
        _begin(GOOD, settings=ON_DEMAND),
        ["Model promoted"],
        before=_promoted(*HALF, settings=PROVISIONED),
    ),
    Scenario("provisioned", _begin(GOOD, settings=PROVISIONED), ["Model promoted"]),
    Scenario(
        "provisioned_takeover",
        _begin(GOOD, settings=PROVISIONED),
        ["Model promoted"],
        before=_promoted(*HALF, settings=PROVISIONED),
    ),
    Scenario("not_better", _begin(HALF), ["Model not promoted"], before=_promoted(*GOOD)),
    Scenario("not_agreed", _begin(GOOD, settings=f"deployment: provisioned\n{LIMIT}"), ["Over budget"]),
    Scenario("rejected", _rejected, ["Dataset rejected"]),
    Scenario("budget", _begin(GOOD, settings="budget:\n  limit_usd: 0.0001\n"), ["Over budget"]),
    Scenario("no_verdict", _begin(GOOD, settings="gates:\n  minimum_items: 40\n"), ["No verdict possible"]),
    Scenario("refused", _begin(GOOD, settings="base_model: nobody.knows-it-v1:0\n"), ["Run failed (BaseModelUnknown)"]),
    Scenario(
        "other_region", _begin(GOOD, settings=f"base_model: {ELSEWHERE}\n"), ["Run failed (BaseModelUnknown)"], share=0
    ),
    Scenario(
        "waits_for_room",
        _begin(GOOD, fault="quota-create-job:2"),
        ["Model promoted", "Waiting for capacity"],
        share=0,
    ),
    Scenario(
        "one_at_once",
        _under(_both(_begin(GOOD), _begin(GOOD, project="harbours")), MOST_RUNS_AT_ONCE=1),
        ["Model promoted", "Model promoted", "Waiting for capacity"],
    ),
    Scenario(
        "full_day",
        _under(_both(_begin(GOOD), _begin(GOOD, project="harbours")), MOST_RUNS_PER_DAY=1),
        ["Model promoted", "Run failed (TooManyRunsToday)"],
    ),
    Scenario("flood", _flood, [*["Run failed (UnsupportedDataset)"] * MOST_ALONE, "Refused drops"]),
    Scenario("one_month", _begin(GOOD, HALF, apart=0, settings=MONTH), ["Model promoted", "Over budget"]),
    Scenario("evaluated", _evaluate, ["Model promoted"]),
    Scenario("evaluated_later", _evaluate, ["Model promoted"], before=_promoted(*HALF)),
    Scenario("odd_key", _odd_key, ["Model promoted"], share=0),
    Scenario("not_askable", _begin(GOOD, settings=WITHOUT_PROFILE), ["Run failed (ModelNotAskable)"]),
    Scenario("no_dataset", _no_dataset, ["Run failed (UnsupportedDataset)"]),
    Scenario("training_failed", _begin(GOOD, fault="fail-job"), ["Training failed"]),
    Scenario("duplicate", _begin(GOOD, times=2), ["Model promoted"]),
    Scenario("two_datasets", _begin(GOOD, HALF), ["Model promoted", "Model not promoted"]),
    Scenario("at_once", _begin(GOOD, HALF, apart=0), ["Model promoted", "Model not promoted"], share=0),
    Scenario("better_at_once", _begin(HALF, GOOD, apart=10), ["Model promoted", "Model promoted"]),
    Scenario("same_at_once", _begin(GOOD, GOOD, apart=0), ["Model promoted", "Nothing new"]),
    Scenario("same_again", _begin(GOOD, GOOD, apart=AGAIN_SECONDS), ["Model promoted", "Nothing new"]),
    Scenario(
        "judged_again",
        _begin(HALF, HALF, apart=AGAIN_SECONDS),
        ["Model not promoted", "Nothing new"],
        before=_promoted(*GOOD),
    ),
    Scenario("judged_anew", _judged_anew, ["Model not promoted", "Model not promoted"], before=_promoted(*GOOD)),
    Scenario(
        "retrained",
        _begin(HALF, HALF, apart=AGAIN_SECONDS, settings="retrain: true\n"),
        ["Model not promoted", "Model not promoted"],
        before=_promoted(*GOOD),
        share=0,
    ),
    Scenario("then_resumed", _then_resumed(_begin(GOOD)), ["Model promoted", "Nothing new"], share=0),
    Scenario(
        "resumed",
        _then_resumed(_begin(GOOD, fault="endpoint-fails")),
        ["Model promoted", "Run failed (EndpointFailed)"],
    ),
    Scenario(
        "resumed_stopped",
        _then_resumed(_begin(GOOD), stopped_in="Evaluate Shard"),
        ["Model promoted", "Run stopped"],
    ),
    Scenario("takeover_at_once", _begin(GOOD, MORE, apart=0), [], before=_promoted(*HALF), share=0),
    Scenario("approved", _answered("approve", begin=_begin(GOOD, settings=ASKS_TWICE)), [*TWICE, "Model promoted"]),
    Scenario(
        "approved_takeover",
        _answered("approve", begin=_begin(GOOD, settings=ASKS)),
        ["Approval needed before service", "Model promoted"],
        before=_promoted(*HALF, settings=PROVISIONED),
    ),
    Scenario(
        "approved_on_throughput",
        _answered("approve", begin=_begin(GOOD, settings=ASKS, fault="quota-create-deployment:always")),
        ["Approval needed before service", "Model promoted"],
    ),
    Scenario(
        "approved_by_two",
        _answered("approve", "approve", begin=_begin(GOOD, settings=ASKS)),
        ["Approval needed before service", "Model promoted"],
    ),
    Scenario(
        "two_disagree",
        _answered("approve", "reject", begin=_begin(GOOD, settings=f"{ON_DEMAND}  approve_above_usd: 0\n")),
        [],
    ),
    Scenario(
        "rejected_before_training",
        _answered("reject", begin=_begin(GOOD, settings=ASKS_TWICE)),
        ["Approval needed before training", "Rejected, not started"],
    ),
    Scenario(
        "rejected_before_service",
        _answered("reject", begin=_begin(GOOD, settings=ASKS)),
        ["Approval needed before service", "Model not promoted"],
    ),
    Scenario(
        "expired_before_training",
        _begin(GOOD, settings=ASKS_TWICE),
        ["Approval needed before training", "No answer, not started"],
        since="Request Approval",
    ),
    Scenario(
        "expired_before_service",
        _begin(GOOD, settings=ASKS),
        ["Approval needed before service", "Model not promoted"],
        since="Request Approval For Service",
    ),
    Scenario(
        "asked_again",
        _answered("approve", begin=_begin(GOOD, settings=ASKS), meanwhile=f"{ASKS}  service_usd_per_month: 1\n"),
        ["Approval needed before service", "Approval needed again before service", "Model promoted"],
    ),
    Scenario(
        "two_projects",
        _both(_begin(GOOD), _begin(GOOD, project="harbours")),
        ["Model promoted", "Model promoted"],
    ),
)
SCENARIOS: Mapping[str, Scenario] = {each.name: each for each in _ALL}
