"""Which of several models answers a user, for applications: the same one every time, without a table and without AWS.

>>> weights = {"champion": 90, "candidate": 10}
>>> assign("user-17", weights, experiment="checkout")
'champion'
>>> from collections import Counter
>>> shares = Counter(assign(f"user-{n}", weights, experiment="checkout") for n in range(10_000))
>>> 0.09 < shares["candidate"] / 10_000 < 0.11
True
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from statistics import NormalDist, fmean

HIGHEST_RATING = 5
# A rating from here on counts as liked.
LIKED = 4


def assign(user_id: str, weights: Mapping[str, float], *, experiment: str = "") -> str:
    """The arm that answers a user; weights are shares of any unit, and 0 switches an arm off.

    The result depends only on the arguments: it is the same in every process, on every machine and in every version.
    When weights change, a user moves only to an arm whose relative weight grew. Raising one weight only adds users to
    that arm; lowering it only removes users from it. With another `experiment` the same users are assigned anew. The
    method is weighted rendezvous hashing (Schindelhauer and Schomaker 2005).

    >>> assign("user-4", {"base": 0, "champion": 1})
    'champion'
    >>> assign("user-4", {"base": 0})
    Traceback (most recent call last):
    ValueError: weights must hold at least one arm above 0
    """
    for arm, weight in weights.items():
        if not (math.isfinite(weight) and weight >= 0):
            raise ValueError(f"the weight of {arm!r} is {weight}; it must be 0 or more")
    open_arms = {arm: weight for arm, weight in weights.items() if weight > 0}
    if not open_arms:
        raise ValueError("weights must hold at least one arm above 0")
    # The arm's name breaks a tie, so that the order of the mapping never matters.
    return min(open_arms, key=lambda arm: (-math.log(_uniform(experiment, arm, user_id)) / open_arms[arm], arm))


def pseudonym(user_id: str, *, experiment: str = "") -> str:
    """A stand-in for a user id in logs: the same user is the same word within an experiment and another across two.

    >>> pseudonym("user-17", experiment="checkout")
    'f5778f960bcbef37'
    """
    return _digest(experiment, "", user_id).hex()[:16]


def _uniform(*parts: str) -> float:
    """A number strictly between 0 and 1 that the parts decide."""
    return (int.from_bytes(_digest(*parts)[:8]) + 0.5) / 2**64


def _digest(*parts: str) -> bytes:
    # JSON keeps the parts apart: ("a", "bc") and ("ab", "c") are two things.
    return hashlib.sha256(json.dumps(parts).encode()).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Interaction:
    """One answer that a user got, without a word of what was asked or answered; `rating` is 1 to 5, or None."""

    at: datetime
    experiment: str
    arm: str
    user: str
    model_arn: str
    latency_ms: int
    input_tokens: int = 0
    output_tokens: int = 0
    stop_reason: str = "end_turn"
    rating: int | None = None

    def __post_init__(self) -> None:
        if self.at.tzinfo is None:
            raise ValueError("at must name its time zone")
        if self.rating is not None and not 1 <= self.rating <= HIGHEST_RATING:
            raise ValueError(f"rating is {self.rating}; it must be from 1 to {HIGHEST_RATING}")

    def to_json(self) -> str:
        """One line of a log.

        >>> from datetime import UTC
        >>> seen = Interaction(at=datetime(2026, 11, 21, tzinfo=UTC), experiment="checkout", arm="candidate",
        ...                    user=pseudonym("user-17"), model_arn="arn:aws:bedrock:...", latency_ms=640, rating=5)
        >>> Interaction.from_json(seen.to_json()) == seen
        True
        """
        return json.dumps({**asdict(self), "at": self.at.isoformat()})

    @classmethod
    def from_json(cls, line: str) -> Interaction:
        """The interaction of a line; ValueError when it is none."""
        try:
            known = json.loads(line)
            return cls(**{**known, "at": datetime.fromisoformat(known["at"])})
        except (TypeError, KeyError) as error:
            raise ValueError(f"not the line of an interaction: {error}") from error


@dataclass(frozen=True, slots=True)
class Feedback:
    """What the users of one arm said.

    `liked` is the share of ratings of 4 and 5, `low` and `high` are its confidence interval; all are None without
    ratings. The interval counts users, not ratings, because several ratings of one user are often the same.
    """

    interactions: int
    users: int
    rated: int
    mean_rating: float | None
    liked: float | None
    low: float | None
    high: float | None


def summarise(interactions: Iterable[Interaction], *, confidence: float = 0.95) -> dict[str, Feedback]:
    """The feedback by arm, in the order of their names."""
    by_arm: dict[str, list[Interaction]] = defaultdict(list)
    for each in interactions:
        by_arm[each.arm].append(each)
    return {arm: _feedback(by_arm[arm], confidence) for arm in sorted(by_arm)}


def _feedback(seen: list[Interaction], confidence: float) -> Feedback:
    ratings = [each.rating for each in seen if each.rating is not None]
    users = len({each.user for each in seen})
    if not ratings:
        return Feedback(len(seen), users, 0, None, None, None, None)
    liked = fmean(rating >= LIKED for rating in ratings)
    raters = len({each.user for each in seen if each.rating is not None})
    low, high = wilson(liked * raters, raters, confidence=confidence)
    return Feedback(len(seen), users, len(ratings), fmean(ratings), liked, low, high)


def wilson(successes: float, trials: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """The score interval of a share (Wilson 1927), which holds for few trials and for shares near 0 and 1.

    >>> [round(bound, 4) for bound in wilson(8, 10)]
    [0.4902, 0.9433]
    """
    z = NormalDist().inv_cdf(1 - (1 - confidence) / 2)
    share, weight = successes / trials, z * z / trials
    middle = share + weight / 2
    reach = z * math.sqrt((share * (1 - share) + weight / 4) / trials)
    return max(0.0, (middle - reach) / (1 + weight)), min(1.0, (middle + reach) / (1 + weight))
