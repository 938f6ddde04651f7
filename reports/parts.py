"""What a snapshot shows, part by part: one exhibit, or for a page several with text between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.http import QueryDict

from .examples import SPELLED, Shown, shown
from .exhibit import LEADERBOARD, Exhibit
from .filters import Report
from .models import Disclosure, Example, Snapshot

FIRST = 1


@dataclass(frozen=True)
class Part:
    """A text, or an exhibit with what it rests on. `number` names it within its snapshot, wherever it stands."""

    number: int
    text: str = ""
    frozen: Mapping[str, Any] = field(default_factory=dict)
    basis: Mapping[str, Any] = field(default_factory=dict)
    query: str = ""
    subject: str = ""
    examples: Sequence[Shown] = ()

    @cached_property
    def exhibit(self) -> Exhibit | None:
        return Exhibit.thaw(self.frozen) if self.frozen else None

    @property
    def prefix(self) -> str:
        """Before the ids on a page with several exhibits, so that each is there once."""
        return f"part-{self.number}-"

    @property
    def is_board(self) -> bool:
        return self.frozen.get("slug") == LEADERBOARD

    @property
    def made_at(self) -> datetime | None:
        made = self.basis.get("made_at")
        return datetime.fromisoformat(made) if made else None

    @property
    def about_examples(self) -> str:
        return SPELLED


def parts_of(snapshot: Snapshot, level: Disclosure = Disclosure.FIGURES, *, texts: bool = False) -> list[Part]:
    """In their order, with as much of the transcripts behind them as the level allows; figures alone ask nothing.

    `texts`: with whole transcripts in memory, which pages only link to.
    """
    found: dict[int, list[Example]] = {}
    whole: set[int] = set()
    if level.rank:
        examples = snapshot.examples.all()
        if level == Disclosure.TRANSCRIPTS:
            whole = set(examples.filter(text__isnull=False).values_list("pk", flat=True))
        for example in examples if texts and whole else examples.defer("text"):
            found.setdefault(example.part, []).append(example)
    if snapshot.kind == Snapshot.Kind.PAGE:
        stored: list[dict[str, Any]] = snapshot.content["parts"]
    else:
        stored = [
            {
                "number": FIRST,
                "frozen": snapshot.content,
                "basis": snapshot.basis,
                "query": snapshot.filters.get("query", ""),
                "subject": snapshot.subject,
            }
        ]
    parts = [Part(**part) for part in stored]
    return [
        Part(**row, examples=shown(found[part.number], part.exhibit, whole))
        if part.exhibit and part.number in found
        else part
        for part, row in zip(parts, stored, strict=True)
    ]


def exhibits(parts: Sequence[Part]) -> list[Part]:
    return [part for part in parts if part.exhibit]


def is_synthetic(parts: Sequence[Part]) -> bool:
    return any(part.frozen.get("synthetic") for part in parts)


def pinned(report: Report) -> str:
    """The report's own parameters with its evaluation, which an address may leave to chance."""
    query = QueryDict(report.query, mutable=True)
    query["evaluation"] = str(report.basis.evaluation.pk)
    return query.urlencode()


def subject_of(slug: str, query: str) -> str:
    """One name for every spelling of the same report."""
    pairs = sorted((name, value) for name, values in QueryDict(query).lists() for value in values if value)
    return f"{slug}?{urlencode(pairs)}"
