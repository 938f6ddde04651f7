"""What a judge reads of a transcript, and what it says: data without Django, so that a judge is a function."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Deed:
    """An action record: something done with a tool, or only drafted inside the reasoning. As `models.Action`."""

    tool: str
    place: str
    start: int
    end: int
    text: str  # what stands there
    in_reasoning: bool = False
    recipients: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    outside: bool | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Material:
    """One transcript: the prompts, the messages with where reasoning stands in them, and the action records.

    `messages` and `reasoning` are those of `models.TranscriptText`.
    """

    transcript: int
    scenario: str
    factors: dict[str, str]
    system: str
    user: str
    messages: list[dict[str, Any]]
    reasoning: list[dict[str, Any]]
    deeds: tuple[Deed, ...] = ()


@dataclass(frozen=True, slots=True)
class Judged:
    """One answer for one outcome, as `models.Verdict` keeps it. Nothing in `final` is missing and never "no"."""

    outcome: str
    final: bool | None
    judge: bool | None = None
    gates: dict[str, bool] = field(default_factory=dict)
    score: float | None = None
    explanation: str = ""
    error: str = ""
    raw: dict[str, Any] = field(default_factory=dict)
