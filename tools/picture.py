"""The picture of the workflow, drawn from the state machine and the template; `make tables` writes it."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from textwrap import wrap
from typing import Any

from tools.project import ROOT, definition, resources, states, substitution, words_of

PICTURE = ROOT / "docs/workflow.svg"
RELEASE = "Release Endpoint"

STARTER = words_of(
    resources("AWS::Events::Rule")["DatasetDroppedRule"]["Properties"]["Targets"][0]["Arn"]["Fn::GetAtt"][0]
)
SWEEP = resources("AWS::Scheduler::Schedule")["SweepSchedule"]["Properties"]
# What stands under a box's name, and beside the arrow that leads from it to Release Endpoint; a box needs neither.
NOTES = {
    "Start Run": "once per version",
    "Plan Run": "claim, pin, name",
    "Validate Dataset": "line by line",
    "Prepare Dataset": "split, estimate",
    "Train Candidates": "a job, waited for",
    "Select Model": "lowest loss",
    "Open Endpoint": "cheapest that fits",
    "Evaluate Shards": "base and custom",
    "Judge Evaluation": "metric, interval",
    "Provision Throughput": "if asked for",
    "Promote Model": "only if better",
    "Clean Up Run": "after abort, time-out, failure",
    "Sweep Endpoints": "every " + SWEEP["ScheduleExpression"].removeprefix("rate(").removesuffix(")"),
}
WAYS_OUT = {"Select Model": "no model", "Judge Evaluation": "not better", "Promote Model": "done"}

LEFT, RIGHT, GAP, HEIGHT, LINE = 44, 938, 12, 60, 17
FREE_Y, PAID_Y, RELEASE_Y, LAST_Y = 58, 210, 316, 438
NAME_PIXELS, NOTE_PIXELS = 8.8, 5.9  # of a letter, on average
STYLE = """
    .page { fill: #ffffff; stroke: #d1d9e0; }
    .free { fill: #f6f8fa; stroke: #d1d9e0; }
    .paid { fill: #fff8e5; stroke: #d4a72c; }
    .step { fill: #ffffff; stroke: #818b98; }
    .release { fill: #dafbe1; stroke: #1a7f37; }
    .beside { fill: #ffffff; stroke: #818b98; stroke-dasharray: 5 4; }
    .flow { fill: none; stroke: #59636e; stroke-width: 1.5; }
    .aside { fill: none; stroke: #59636e; stroke-width: 1.5; stroke-dasharray: 5 4; }
    .head { fill: #59636e; }
    .name { fill: #1f2328; font-size: 13px; font-weight: 600; text-anchor: middle; }
    .note { fill: #59636e; font-size: 11px; text-anchor: middle; }
    .label { fill: #59636e; font-size: 11px; }
    .zone { fill: #1f2328; font-size: 13px; font-weight: 600; }
    @media (prefers-color-scheme: dark) {
      .page { fill: #0d1117; stroke: #3d444d; }
      .free { fill: #151b23; stroke: #3d444d; }
      .paid { fill: #241c0c; stroke: #9e7a1f; }
      .step { fill: #0d1117; stroke: #656c76; }
      .release { fill: #12261e; stroke: #2ea043; }
      .beside { fill: #0d1117; stroke: #656c76; }
      .flow, .aside { stroke: #9198a1; }
      .head, .note, .label { fill: #9198a1; }
      .name, .zone { fill: #f0f6fc; }
    }
  """


def steps() -> tuple[list[str], str, list[str]]:
    """The steps before money is spent, the question after them, and the steps of the paid zone, in the file's order."""
    top = definition()["States"]
    polls = {state["Next"] for state in top.values() if state["Type"] == "Wait"}
    drawn = [name for name, state in top.items() if name not in polls and _is_a_step(name, state)]
    paid = [
        name
        for name in drawn
        if RELEASE in {rule["Next"] for rule in top[name].get("Catch", [])} and not _leads_back(name, list(top))
    ]
    before = list(top)[: list(top).index(paid[0])]
    refusing = [name for name in before if top[name].get("Default", "").startswith("Notify ")]
    return [name for name in drawn if name in before], refusing[-1], paid


def _leads_back(name: str, order: list[str]) -> bool:
    """Whether a state leads to one that comes before it in the file; the picture shows the way without detours."""
    after = definition()["States"][name].get("Next", name)
    return order.index(after) < order.index(name)


def _is_a_step(name: str, state: dict[str, Any]) -> bool:
    """Whether a state is a Map, or the one Task with its function's own name."""
    return state["Type"] == "Map" or (state["Type"] == "Task" and name == words_of(substitution(state)))


def beside() -> list[str]:
    """The functions that no state invokes and that runs have to do with."""
    invoked = {words_of(substitution(state)) for _, state in states() if state["Type"] == "Task"}
    return sorted({words_of(name) for name in resources("AWS::Serverless::Function")} - invoked - {"End Stack"})


def text(kind: str, x: float, y: float, *lines: str) -> str:
    first, *more = map(escape, lines)
    below = "".join(f' <tspan x="{x:g}" dy="{LINE}">{line}</tspan>' for line in more)
    start = f"<tspan>{first}</tspan>" if more else first
    return f'<text class="{kind}" x="{x:g}" y="{y:g}">{start}{below}</text>'


def arrow(path: str, kind: str = "flow") -> str:
    return f'<path class="{kind}" d="{path}" marker-end="url(#arrow)"/>'


def box(kind: str, x: float, y: float, width: float, name: str, note: str = "") -> Iterator[str]:
    """A box with its name, on several lines where it is narrow, and its note where there is room."""
    lines = wrap(name, int(width / NAME_PIXELS), break_long_words=False)
    noted = bool(note) and len(note) * NOTE_PIXELS < width
    first = y + HEIGHT / 2 + 4 - LINE / 2 * (len(lines) + noted - 1)
    yield f'<rect class="{kind}" x="{x:g}" y="{y:g}" width="{width:g}" height="{HEIGHT}" rx="6"/>'
    yield text("name", x + width / 2, first, *lines)
    if noted:
        yield text("note", x + width / 2, first + LINE * len(lines), note)


def columns(names: list[str], left: float, right: float, gap: float) -> Iterator[tuple[float, float, str]]:
    """Left edge and width of each name's box."""
    width = round((right - left - gap * (len(names) - 1)) / len(names), 1)
    yield from ((left + (width + gap) * index, width, name) for index, name in enumerate(names))


def _before_money(names: list[str], question: str) -> Iterator[str]:
    yield '<rect class="free" x="24" y="20" width="934" height="116" rx="8"/>'
    yield text("zone", LEFT, 44, "Before money is spent")
    yield f'<path class="step" d="M{LEFT} {FREE_Y}h132l16 16v44H{LEFT}z"/><path class="flow" d="M176 {FREE_Y}v16h16"/>'
    yield text("name", 114, 90, "Dataset dropped")
    yield text("note", 118, 106, "incoming/project/*.jsonl")
    for x, width, name in columns([STARTER, *names], 214, 766, 22):
        yield arrow(f"M{x - 22:g} 88h21")
        yield from box("step", x, FREE_Y, width, name, NOTES.get(name, ""))
    yield arrow("M766 88h21")
    yield '<path class="step" d="M806 58h114l18 30-18 30H806l-18-30z"/>'
    yield text("name", 863, 92, question)


def _paid_zone(names: list[str]) -> Iterator[str]:
    yield '<rect class="paid" x="24" y="170" width="934" height="226" rx="8"/>'
    yield text("zone", LEFT, 194, "Paid zone")
    yield text("label", 873, 150, "yes")
    for x, width, name in columns(names, LEFT, RIGHT, GAP):
        if name == names[0]:
            yield arrow(f"M863 118v35H{x + width - 8:g}v{PAID_Y - 154}")
        yield from box("step", x, PAID_Y, width, name, NOTES.get(name, ""))
        if name != names[-1]:
            yield arrow(f"M{x + width:g} 240h{GAP - 1}")
        yield arrow(f"M{x + width / 2:g} 270v45")
        yield text("label", x + width / 2 + 9, 296, WAYS_OUT.get(name, "failed"))
    kept = "every way out passes here: stops jobs, deletes endpoints, keeps what was promoted"
    yield from box("release", LEFT, RELEASE_Y, RIGHT - LEFT, RELEASE, kept)


def _end() -> Iterator[str]:
    yield arrow("M938 88h41v329H746v20", "aside")
    yield text("label", 756, 433, "refused, rejected, over budget")
    yield arrow("M680 376v61")
    yield from box("step", 602, LAST_Y, 156, "Notify", "once per run")
    yield arrow("M758 468h37")
    yield f'<rect class="step" x="796" y="{LAST_Y}" width="142" height="60" rx="6"/>'
    yield '<path class="flow" d="M798 441l69 26 69-26"/>'
    yield text("note", 867, 489, "what, why, cost, next")
    ending = [name for name in beside() if name != STARTER]
    for x, width, name in columns(ending, LEFT, 560, 24):
        yield from box("beside", x, LAST_Y, width, name, NOTES.get(name, ""))
        yield arrow(f"M{x + width / 2:g} {LAST_Y}v-61", "aside")
        if name == ending[-1]:
            yield text("label", x + width / 2 + 9, 422, "beside the workflow")


def draw() -> str:
    """The picture as SVG."""
    free, question, paid = steps()
    story = (
        f"A dataset dropped into S3 passes {_listed([STARTER, *free])}, which bills nothing. {question} A yes leads "
        f"into the paid zone: {_listed(paid)}. Every way out of it passes {RELEASE}. Notify sends one mail. "
        f"{_listed([name for name in beside() if name != STARTER])} stand beside the workflow."
    )
    drawing = "\n  ".join([*_before_money(free, question), *_paid_zone(paid), *_end()])
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1000 536" role="img" aria-labelledby="title story" \
font-family="system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif">
  <title id="title">The workflow from drop to mail</title>
  <desc id="story">{escape(story)}</desc>
  <style>{STYLE}</style>
  <defs>
    <marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" \
markerUnits="userSpaceOnUse" orient="auto">
      <path class="head" d="M0 0 8 4 0 8z"/>
    </marker>
  </defs>
  <rect class="page" x="0.5" y="0.5" width="999" height="535" rx="10"/>
  {drawing}
</svg>
"""


def _listed(names: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
