"""What changed between two snapshots, and why: from what is frozen in both, without a look at live data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .exhibit import Exhibit
from .models import Snapshot
from .parts import Part, exhibits, parts_of
from .rows import Row, points

# A difference that rounding alone may make is none.
SAME = 1e-9


@dataclass(frozen=True)
class Cause:
    """One thing that figures rest on and that is another one now."""

    name: str
    words: str


@dataclass(frozen=True)
class Figure:
    """One row before and after; None where there was no such row, or is none any more."""

    names: tuple[str, ...]
    old: Row | None
    new: Row | None

    @property
    def difference(self) -> str:
        if self.old is None or self.new is None or self.old.value is None or self.new.value is None:
            return "–"
        return points(self.new.value - self.old.value, 1)

    @property
    def is_changed(self) -> bool:
        if self.old is None or self.new is None:
            return True
        told = ("words", "tier", "rank", "n_transcripts", "n_labels", "n_failed", "n_missing")
        return any(getattr(self.old, name) != getattr(self.new, name) for name in told) or not all(
            _same(getattr(self.old, name), getattr(self.new, name)) for name in ("value", "low", "high", "raw")
        )


@dataclass(frozen=True)
class Change:
    """One exhibit in both snapshots, or in one of them."""

    title: str
    columns: tuple[str, ...]
    causes: list[Cause]
    figures: list[Figure]
    same: int
    only: str = ""


def changes(old: Snapshot, new: Snapshot) -> list[Change]:
    """By exhibit. Those of one subject are compared, in their order; a page may show one twice."""
    before, after = exhibits(parts_of(old)), exhibits(parts_of(new))
    if len(before) == len(after) == 1:
        return [_compared(before[0], after[0])]
    left = list(before)
    found = []
    for part in after:
        twin = next((other for other in left if other.subject == part.subject), None)
        if twin:
            left.remove(twin)
        found.append(_compared(twin, part) if twin else _alone(part, "is in the newer one only"))
    return [*found, *(_alone(part, "is in the older one only") for part in left)]


def previous(snapshot: Snapshot) -> Snapshot | None:
    """The last one of the same subject that was published before it (of a draft: the last one at all)."""
    if not snapshot.subject:
        return None
    others = Snapshot.objects.filter(subject=snapshot.subject, published_at__isnull=False).exclude(pk=snapshot.pk)
    if snapshot.published_at:
        others = others.filter(published_at__lt=snapshot.published_at)
    return others.order_by("-published_at").first()


def _compared(old: Part, new: Part) -> Change:
    assert old.exhibit
    assert new.exhibit
    every = _figures(old.exhibit, new.exhibit)
    figures = [figure for figure in every if figure.is_changed]
    return Change(new.exhibit.title, new.exhibit.columns, causes(old, new), figures, len(every) - len(figures))


def _alone(part: Part, where: str) -> Change:
    assert part.exhibit
    return Change(part.exhibit.title, part.exhibit.columns, [], [], 0, where)


def _figures(old: Exhibit, new: Exhibit) -> list[Figure]:
    before = {row.names: row for row in old.every_row}
    after = {row.names: row for row in new.every_row}
    return [Figure(names, before.get(names), after.get(names)) for names in {**after, **before}]


def causes(old: Part, new: Part) -> list[Cause]:
    """Each on its own: new transcripts are not taken for new labels, nor these for new code."""
    was, now = old.basis, new.basis
    found = [
        *_named(was, now, "report", [("evaluation", "Another evaluation"), ("outcome", "Another outcome")]),
        *_filters(old, new),
        *_set(was, now, "transcripts", "transcript_set_sha256", "transcripts"),
        *_named(was, now, "classifier", [("classifier", "A new classifier version")]),
        *_verdicts(was, now),
        *_named(was, now, "campaign", [("campaign", "Another campaign")]),
        *_named(was, now, "codebook", [("codebook", "A new codebook")]),
        *_labels(was, now),
        *_calibration(was, now),
        *_named(was, now, "estimator", [("estimator", "Another estimator")]),
        *_named(was, now, "code", [("code", "New code"), ("seed", "Another seed")]),
    ]
    return found


def _named(was: Mapping[str, Any], now: Mapping[str, Any], cause: str, names: Sequence[tuple[str, str]]) -> list[Cause]:
    """Things with a name: which, and which now."""
    return [
        Cause(cause, f"{words}: {was.get(name) or 'none'} → {now.get(name) or 'none'}.")
        for name, words in names
        if was.get(name) != now.get(name)
    ]


def _filters(old: Part, new: Part) -> list[Cause]:
    if old.subject == new.subject or not old.subject or not new.subject:
        return []
    assert old.exhibit
    assert new.exhibit
    told = ["; ".join([part.title, *part.filters]) for part in (old.exhibit, new.exhibit)]
    return [Cause("report", f"Another report: {told[0]} → {told[1]}.")] if told[0] != told[1] else []


def _set(was: Mapping[str, Any], now: Mapping[str, Any], count: str, digest: str, noun: str) -> list[Cause]:
    """Things without a name: how many more or fewer, or that single ones are others."""
    if was.get(digest) == now.get(digest):
        return []
    before, after = was.get(count), now.get(count)
    if before is None or after is None:
        return [Cause(noun, f"Other {noun}.")]
    if before == after:
        return [Cause(noun, f"{noun.capitalize()}: {after:,} as before, but not the same ones, or changed.")]
    return [Cause(noun, f"{noun.capitalize()}: {before:,} → {after:,} ({after - before:+,}).".replace("-", "−"))]


def _verdicts(was: Mapping[str, Any], now: Mapping[str, Any]) -> list[Cause]:
    """Of the same classifier: the verdicts of another are all others, which is said of it."""
    if was.get("classifier_version_id") != now.get("classifier_version_id"):
        return []
    return _set(was, now, "verdicts", "verdict_counts_sha256", "verdicts")


def _labels(was: Mapping[str, Any], now: Mapping[str, Any]) -> list[Cause]:
    found = _set(was, now, "labels", "label_set_sha256", "labels")
    if found and was.get("agreed") is not None and now.get("agreed") is not None:
        drawn = f"Of {was['drawn']:,} → {now['drawn']:,} drawn transcripts"
        agreed = f"{was['agreed']:,} → {now['agreed']:,} have an agreed answer."
        return [Cause("labels", f"{found[0].words} {drawn}, {agreed}")]
    return found


def _calibration(was: Mapping[str, Any], now: Mapping[str, Any]) -> list[Cause]:
    if was.get("calibration_id") == now.get("calibration_id"):
        return []
    told = [basis.get("calibration") or ("none", "another")[bool(basis.get("calibration_id"))] for basis in (was, now)]
    return [Cause("calibration", f"A new calibration: {told[0]} → {told[1]}.")]


def _same(one: float | None, other: float | None) -> bool:
    return one == other if one is None or other is None else abs(one - other) < SAME
