"""Writes pages: several exhibits with text between them, changed until they are published."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from secrets import token_hex
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.http import QueryDict

from .filters import Report
from .models import Snapshot
from .parts import Part, parts_of
from .share import Frozen, freeze, held, keep_examples, make_snapshot

DRAFT_ONLY = "Only a draft can be changed."
MOST_PARTS = 40
Stored = dict[str, Any]


class Full(Exception):
    """A page has room for so many parts."""


def make_page(*, title: str, note: str, by: User | None) -> Snapshot:
    return Snapshot.objects.create(
        kind=Snapshot.Kind.PAGE,
        title=title,
        note=note,
        subject=f"page?{token_hex(8)}",
        content={"parts": []},
        basis={},
        created_by=by,
    )


def add_text(page: Snapshot, text: str = "") -> None:
    _change(page, lambda parts: parts.append(_stored(_next(parts), text=text)))


def add_exhibit(page: Snapshot, report: Report, slug: str) -> None:
    """Freeze what the report shows now, and put it at the foot of the page."""
    frozen = freeze(report, slug)
    with transaction.atomic():
        number = 0

        def add(parts: list[Stored]) -> None:
            nonlocal number
            number = _next(parts)
            parts.append(_of(number, frozen))

        changed = _change(page, add)
        keep_examples(changed, frozen.examples, number)


def set_words(page: Snapshot, *, title: str, note: str, texts: Mapping[int, str]) -> None:
    """The page's own words. What it shows of figures stays as it was frozen."""
    with held(page, Snapshot.State.DRAFT, DRAFT_ONLY) as draft:
        draft.title, draft.note = title, note
        for part in draft.content.get("parts", []):
            if not part["frozen"] and part["number"] in texts:
                part["text"] = texts[part["number"]]
        draft.save(update_fields=["title", "note", "content"])


def move(page: Snapshot, number: int, by: int) -> None:
    """So many places down, or up; at the end it stays."""

    def moved(parts: list[Stored]) -> None:
        for at, _ in _found(parts, number):
            parts.insert(max(0, at + by), parts.pop(at))

    _change(page, moved)


def remove(page: Snapshot, number: int) -> None:
    with transaction.atomic():

        def removed(parts: list[Stored]) -> None:
            for _, part in _found(parts, number):
                parts.remove(part)

        changed = _change(page, removed)
        changed.examples.filter(part=number).delete()


def again(snapshot: Snapshot, by: User) -> Snapshot:
    """A new draft about the same, in the same words, with today's figures."""
    parts = parts_of(snapshot)
    if snapshot.kind != Snapshot.Kind.PAGE:
        (part,) = parts
        made = make_snapshot(_report(part), part.frozen["slug"], title=snapshot.title, note=snapshot.note, by=by)
    else:
        made = make_page(title=snapshot.title, note=snapshot.note, by=by)
        for part in parts:
            if part.exhibit:
                add_exhibit(made, _report(part), part.exhibit.slug)
            else:
                add_text(made, part.text)
    Snapshot.objects.filter(pk=made.pk).update(subject=snapshot.subject)
    return made


def _report(part: Part) -> Report:
    return Report.from_query(QueryDict(part.query))


def _change(page: Snapshot, change: Callable[[list[Stored]], None]) -> Snapshot:
    with held(page, Snapshot.State.DRAFT, DRAFT_ONLY) as draft:
        parts: list[Stored] = draft.content["parts"]
        change(parts)
        if len(parts) > MOST_PARTS:
            raise Full(f"A page has at most {MOST_PARTS} parts.")
        draft.basis = _basis(parts)
        draft.save(update_fields=["content", "basis"])
    return draft


def _next(parts: list[Stored]) -> int:
    return max((part["number"] for part in parts), default=0) + 1


def _found(parts: list[Stored], number: int) -> list[tuple[int, Stored]]:
    """The part with its place; none, for one that is gone already."""
    return [(at, part) for at, part in enumerate(parts) if part["number"] == number]


def _stored(number: int, **told: Any) -> Stored:
    return {"number": number, "text": "", "frozen": {}, "basis": {}, "query": "", "subject": ""} | told


def _of(number: int, frozen: Frozen) -> Stored:
    exhibit = frozen.exhibit.freeze()
    return _stored(number, frozen=exhibit, basis=frozen.basis, query=frozen.query, subject=frozen.subject)


def _basis(parts: list[Stored]) -> dict[str, str]:
    """What a list of snapshots says of a page: each of its evaluations and classifiers once."""
    bases = [part["basis"] for part in parts if part["basis"]]
    return {
        name: ", ".join(dict.fromkeys(basis[name] for basis in bases if basis[name]))
        for name in ("evaluation", "classifier")
        if bases
    }
