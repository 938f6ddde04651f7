"""Two classifier versions on the same transcripts: how often they differ, who is right more often, and on which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.db.models import Exists, F, OuterRef, QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from labeling.calibration.basis import Basis, sample_items
from labeling.calibration.details import p_words
from labeling.calibration.drift import judged_by_both, right_on_labelled, same_transcripts
from labeling.forms import SHOWN, VersionsForm
from labeling.stats.paired import Paired
from labeling.stats.words import count, percent
from transcripts.access import require_reader
from transcripts.listing.keyset import page
from transcripts.models import Classifier, ClassifierVersion, Evaluation, VerdictTally

if TYPE_CHECKING:
    from labeling.calibration.drift import Twice

A_PAGE = 50


@dataclass(frozen=True)
class Pair:
    """The page's own version, the other one, and what both speak of."""

    basis: Basis
    first: ClassifierVersion
    second: ClassifierVersion

    @property
    def query(self) -> str:
        return urlencode(
            {
                "evaluation": self.basis.evaluation.pk,
                "outcome": self.basis.outcome,
                "version": self.first.pk,
                "with": self.second.classifier.slug,
                "with_version": self.second.pk,
            }
        )

    @property
    def about(self) -> str:
        return urlencode({"evaluation": self.basis.evaluation.pk, "outcome": self.basis.outcome})


def others(basis: Basis) -> list[ClassifierVersion]:
    """Every other version of any classifier that has judged the evaluation on this outcome, the own ones first."""
    judged = VerdictTally.objects.filter(cell__evaluation=basis.evaluation, outcome=basis.outcome, final__isnull=False)
    versions = ClassifierVersion.objects.filter(pk__in=judged.values("version")).select_related("classifier")
    rest = [version for version in versions if version != basis.version]
    own = basis.version.classifier_id if basis.version else None
    return sorted(rest, key=lambda version: (version.classifier_id != own, version.classifier.slug, -version.pk))


@require_safe
def versions_compared(request: HttpRequest, slug: str) -> HttpResponse:
    require_reader(request.user)
    form = VersionsForm(request.GET)
    basis = _basis(form, slug)
    candidates = others(basis)
    second = _second(form, candidates)
    context: dict[str, object] = {
        "classifier": basis.version.classifier if basis.version else None,
        "basis": basis,
        "candidates": candidates,
        "synthetic": basis.evaluation.synthetic,
    }
    if basis.version and second:
        pair = Pair(basis, basis.version, second)
        show = form.cleaned_data["show"]
        same, right = same_transcripts(basis, pair.first, second), right_on_labelled(basis, pair.first, second)
        context |= {
            "pair": pair,
            "same": same,
            "right": right,
            "said": _said(pair, same),
            "judged": _judged(pair, right),
            "show": show,
            "shown": SHOWN,
            "page": page(_flips(pair, show), form.cleaned_data["cursor"], A_PAGE),
        }
    return render(request, "labeling/versions_compared.html", context)


def _basis(form: VersionsForm, slug: str) -> Basis:
    """As on the classifier's own page; with no evaluation named, the one that it judged most of."""
    if not form.is_valid():
        raise Http404
    asked = form.cleaned_data
    versions = ClassifierVersion.objects.filter(classifier__slug=slug)
    tallies = VerdictTally.objects.filter(version__classifier__slug=slug)
    if asked["evaluation"]:
        tallies = tallies.filter(cell__evaluation=asked["evaluation"])
    if asked["outcome"]:
        tallies = tallies.filter(outcome=asked["outcome"])
    if asked["version"]:
        versions = versions.filter(pk=asked["version"])
        tallies = tallies.filter(version=asked["version"])
    most = tallies.order_by("-n", "pk").values_list("cell__evaluation", "outcome", "version").first()
    if most is None or not Classifier.objects.filter(slug=slug).exists():
        raise Http404
    evaluation, outcome, version = most
    basis = Basis.of(Evaluation.objects.get(pk=evaluation), outcome, slug)
    found = versions.select_related("classifier").filter(pk=version).first()
    return Basis(basis.evaluation, outcome, found, basis.campaign)


def _second(form: VersionsForm, candidates: list[ClassifierVersion]) -> ClassifierVersion | None:
    """The version that was asked for, or the first of the classifier that was; by default the first of all."""
    slug, version = form.cleaned_data["with"], form.cleaned_data["with_version"]
    found = [
        one for one in candidates if (not version or one.pk == version) and (not slug or one.classifier.slug == slug)
    ]
    if not found and (slug or version):
        raise Http404
    return found[0] if found else None


def _flips(pair: Pair, show: str) -> QuerySet[Twice]:
    """Verdicts of the first that the second contradicts, each with what people say of the transcript, if they do."""
    drawn = sample_items(pair.basis).filter(transcript=OuterRef("transcript"))
    found = judged_by_both(pair.basis, pair.first, pair.second).exclude(other=F("final"))
    if show in ("on", "off"):
        found = found.filter(final=show == "off")
    if show == "labelled":
        found = found.filter(Exists(drawn.filter(resolved__isnull=False)))
    return found.annotate(people=Subquery(drawn.values("resolved")[:1])).select_related(
        "transcript__cell__model", "transcript__cell__condition"
    )


def _said(pair: Pair, same: Paired) -> str:
    if not same.n:
        return "No transcript has an answer of both."
    words = (
        f"Of {count(same.n, 'transcript')} that both have judged, {pair.first} flagged {percent(same.first or 0.0)} "
        f"and {pair.second} {percent(same.second or 0.0)}."
    )
    if not same.changed:
        return f"{words} They say the same of every one."
    limits = same.limits()
    between = f" [{100 * limits.low:+.1f}, {100 * limits.high:+.1f}]" if limits else ""
    words += f" That is a difference of {100 * (same.difference or 0.0):+.1f} points{between}".replace("-", "−")
    return f"{words}; they say different things of {same.changed:,} (exact McNemar {p_words(same.p_value)})."


def _judged(pair: Pair, right: Paired) -> str:
    if not right.n:
        return "People have agreed on none of these yet, so nobody knows which of the two is right."
    words = (
        f"Of {count(right.n, 'transcript')} that people have agreed on, the first is right on "
        f"{percent(right.first or 0.0)} and the second on {percent(right.second or 0.0)}"
    )
    if not right.changed:
        return f"{words}: they are right and wrong on the same ones."
    told = f"{right.second_only:,} where only the second is right, {right.first_only:,} where only the first is"
    sure = "is more than chance" if right.p_value <= 0.05 else "may be chance"
    return f"{words}: {told}. That difference {sure} (exact McNemar {p_words(right.p_value)})."
