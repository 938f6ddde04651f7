"""Whether a classifier says the same as it did: its versions, and its own earlier answers, on the same transcripts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict, cast

from django.db.models import Count, F, OuterRef, QuerySet, Subquery

from labeling.calibration.basis import Basis, sample_items
from labeling.stats.multiple import benjamini_hochberg
from labeling.stats.paired import Paired, paired
from transcripts.models import ClassifierVersion, Verdict
from transcripts.models.transcripts import JUDGEABLE

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    class Answered(TypedDict):
        other: bool | None

    Twice = WithAnnotations[Verdict, Answered]


@dataclass(frozen=True)
class Drift:
    """What was said before (by another version, or by this one) and what is said now, of the same transcripts; and
    before whom people stand: how often either is right, of those that people have agreed on."""

    earlier: str
    verdicts: Paired
    right: Paired
    adjusted: float = 1.0

    def figures(self) -> dict[str, Any]:
        limits = self.verdicts.limits()
        return {
            "earlier": self.earlier,
            "verdicts": _counts(self.verdicts),
            "right": _counts(self.right),
            "difference": self.verdicts.difference,
            "limits": {"low": limits.low, "high": limits.high} if limits else None,
            "p": self.verdicts.p_value,
            "adjusted": self.adjusted,
        }


def _counts(of: Paired) -> dict[str, int]:
    return {"both": of.both, "first_only": of.first_only, "second_only": of.second_only, "neither": of.neither}


def judged(basis: Basis, version: ClassifierVersion | None) -> QuerySet[Verdict]:
    """The verdicts that count of one version on the basis's outcome and evaluation."""
    return Verdict.objects.filter(
        version=version,
        outcome=basis.outcome,
        transcript__cell__evaluation=basis.evaluation,
        transcript__status__in=JUDGEABLE,
    )


def judged_by_both(basis: Basis, first: ClassifierVersion, second: ClassifierVersion) -> QuerySet[Twice]:
    """Verdicts of the first, each beside what the second says (`other`), where both have answered."""
    other = "transcript__verdicts__"
    found = (
        judged(basis, first)
        .filter(
            **{
                "final__isnull": False,
                f"{other}version": second,
                f"{other}outcome": basis.outcome,
                f"{other}superseded_at": None,
                f"{other}final__isnull": False,
            }
        )
        .annotate(other=F(f"{other}final"))
    )
    return cast("QuerySet[Twice]", found)


def same_transcripts(basis: Basis, first: ClassifierVersion, second: ClassifierVersion) -> Paired:
    rows = judged_by_both(basis, first, second).order_by().values_list("final", "other").annotate(n=Count("pk"))
    return _of_counts({(before, after): n for before, after, n in rows})


def right_on_labelled(basis: Basis, first: ClassifierVersion, second: ClassifierVersion) -> Paired:
    """On the drawn transcripts that people have agreed on: how often the one is right and the other is not."""
    finals = [
        Subquery(
            Verdict.objects.filter(transcript=OuterRef("transcript"), version=version, outcome=basis.outcome).values(
                "final"
            )[:1]
        )
        for version in (first, second)
    ]
    rows = sample_items(basis).annotate(before=finals[0], after=finals[1])
    return paired(
        (before == truth, after == truth)
        for truth, before, after in rows.values_list("resolved", "before", "after")
        if None not in (truth, before, after)
    )


def own_earlier_answers(basis: Basis) -> Paired:
    """What this version said of the same transcripts the last time it said something else, and says now."""
    last = (
        Verdict.history.filter(
            transcript=OuterRef("transcript"),
            version=basis.version,
            outcome=basis.outcome,
            superseded_at__isnull=False,
            final__isnull=False,
        )
        .order_by("-pk")
        .values("final")[:1]
    )
    changed = judged(basis, basis.version).filter(final__isnull=False).annotate(before=Subquery(last))
    again = Verdict.history.filter(version=basis.version, outcome=basis.outcome, superseded_at__isnull=False)
    rows = changed.filter(transcript__in=again.values("transcript"), before__isnull=False)
    counted = rows.order_by().values_list("before", "final").annotate(n=Count("pk"))
    return _of_counts({(before, after): n for before, after, n in counted})


def other_versions(basis: Basis) -> list[ClassifierVersion]:
    """Of the same classifier, with verdicts on this evaluation, the newest recorded first."""
    assert basis.version is not None, "the caller has looked for it"
    versions = ClassifierVersion.objects.filter(classifier=basis.version.classifier_id).exclude(pk=basis.version.pk)
    return [v for v in versions.select_related("classifier").order_by("-pk") if judged(basis, v).exists()]


def drifts(basis: Basis) -> list[Drift]:
    """Against every other version, and against the version's own earlier answers where it was asked again."""
    assert basis.version is not None, "the caller has looked for it"
    found = [
        Drift(str(other), same, right_on_labelled(basis, other, basis.version))
        for other in other_versions(basis)
        if (same := same_transcripts(basis, other, basis.version)).n
    ]
    if (again := own_earlier_answers(basis)).n:
        found.append(Drift("its own earlier answers", again, Paired(0, 0, 0, 0)))
    values = benjamini_hochberg([one.verdicts.p_value for one in found])
    return [Drift(one.earlier, one.verdicts, one.right, p) for one, p in zip(found, values, strict=True)]


def _of_counts(counts: dict[tuple[bool, bool], int]) -> Paired:
    return Paired(*(counts.get(key, 0) for key in ((True, True), (True, False), (False, True), (False, False))))
