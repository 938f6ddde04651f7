"""Classifiers, and how often each is wrong: compared with what people agreed on."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from django.contrib import messages
from django.db.models import F, OuterRef, Prefetch, Q, QuerySet, Subquery, Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_POST, require_safe

from labeling.access import may_manage, require_manager
from labeling.calibration import details, pictures
from labeling.calibration.basis import Basis
from labeling.calibration.calibrate import NothingToCompare, calibrate
from labeling.calibration.estimates import Estimates
from labeling.calibration.findings import findings
from labeling.forms import CELLS, BasisForm, CellForm
from labeling.models import Calibration, CampaignItem, Resolution
from labeling.stats.estimate import Estimate, sentence
from labeling.views.comparing import others
from transcripts.access import require_reader
from transcripts.listing.filters import CELL_LOOKUPS
from transcripts.listing.keyset import page
from transcripts.models import Classifier, ClassifierVersion, Evaluation, Verdict, VerdictTally
from transcripts.models.transcripts import JUDGEABLE
from transcripts.synthetic import ribbon_of_everything

ITEMS_A_PAGE = 50
WORDS = {"harm": "harmful", "any_harm": "harmful"}


@dataclass
class VersionLine:
    """What one classifier version has said on one outcome, as the roll-up counts it."""

    version: ClassifierVersion
    outcome: str
    flagged: int = 0
    unflagged: int = 0
    failed: int = 0
    missing: int = 0
    calibrations: list[Calibration] = field(default_factory=list)

    @property
    def judged(self) -> int:
        return self.flagged + self.unflagged

    @property
    def share(self) -> float | None:
        return self.flagged / self.judged if self.judged else None


@require_safe
def classifiers(request: HttpRequest) -> HttpResponse:
    require_reader(request.user)
    versions = ClassifierVersion.objects.select_related("classifier").order_by("classifier__slug", "-pk")
    lines = _lines(versions)
    newest = (
        Calibration.objects.filter(scope={})
        .select_related("campaign__evaluation", "outcome")
        .order_by("classifier_version_id", "verdict_outcome", "campaign__evaluation_id", "-pk")
        .distinct("classifier_version_id", "verdict_outcome", "campaign__evaluation_id")
    )
    by_key = {(line.version.pk, line.outcome): line for line in lines}
    for calibration in newest:
        line = by_key.get((calibration.classifier_version_id, calibration.verdict_outcome))
        if line:
            line.calibrations.append(calibration)
    context = {"lines": lines, "may_manage": may_manage(request.user), "synthetic": ribbon_of_everything()}
    return render(request, "labeling/classifiers.html", context)


def _lines(versions: QuerySet[ClassifierVersion]) -> list[VersionLine]:
    """One line per version and outcome; a version without any verdict has one as well."""
    tallies: dict[int, dict[str, VersionLine]] = {}
    by_pk = {version.pk: version for version in versions}
    tallied = VerdictTally.objects.filter(version__in=by_pk).order_by("outcome")
    rows = tallied.values_list("version", "outcome", "final", "failed")
    for version, outcome, final, failed, n in rows.annotate(sum=Sum("n")):
        line = tallies.setdefault(version, {}).setdefault(outcome, VersionLine(by_pk[version], outcome))
        name = "failed" if failed else {True: "flagged", False: "unflagged", None: "missing"}[final]
        setattr(line, name, getattr(line, name) + n)
    return [
        line for version in by_pk.values() for line in tallies.get(version.pk, {"": VersionLine(version, "")}).values()
    ]


@dataclass(frozen=True)
class Subject:
    """What a classifier's page is about: this classifier, on one evaluation, for one outcome."""

    classifier: Classifier
    evaluations: list[Evaluation]
    outcomes: list[str]
    basis: Basis | None
    calibration: Calibration | None
    # The version that was asked for, where one was: by default that with the most verdicts.
    version: int | None = None

    @property
    def word(self) -> str:
        return WORDS.get(self.basis.outcome if self.basis else "", "positive")

    @property
    def query(self) -> str:
        """The evaluation and the outcome, for links to pages about the same."""
        if self.basis is None:
            return ""
        asked = {"evaluation": str(self.basis.evaluation.pk), "outcome": self.basis.outcome}
        return urlencode(asked | ({"version": str(self.version)} if self.version else {}))


def _subject(request: HttpRequest, slug: str, form: BasisForm) -> Subject:
    """By default the evaluation that it judged most of, and the outcome that it judges."""
    classifier = Classifier.objects.filter(slug=slug).first()
    if classifier is None or not form.is_valid():
        raise Http404
    tallies = VerdictTally.objects.filter(version__classifier=classifier)
    judged = tallies.values_list("cell__evaluation", "outcome").annotate(sum=Sum("n")).order_by("-sum")
    rows = list(judged.values_list("cell__evaluation", "outcome"))
    evaluations = Evaluation.objects.in_bulk([pk for pk, _ in rows])
    ordered = [evaluations[pk] for pk in dict.fromkeys(pk for pk, _ in rows)]
    evaluation = form.cleaned_data["evaluation"] or next(iter(ordered), None)
    outcomes = list(dict.fromkeys(outcome for pk, outcome in rows if evaluation and pk == evaluation.pk))
    outcome = form.cleaned_data["outcome"] or next(iter(outcomes), "harm")
    basis = Basis.of(evaluation, outcome, slug) if evaluation else None
    version = form.cleaned_data["version"]
    if version and basis:
        chosen = classifier.versions.select_related("classifier").filter(pk=version).first()
        if chosen is None:
            raise Http404
        basis = replace(basis, version=chosen)
    calibration = basis.calibration if basis else None
    if form.cleaned_data["calibration"] and basis:
        calibration = _calibrations(classifier, basis).filter(pk=form.cleaned_data["calibration"]).first()
        if calibration is None:
            raise Http404
    return Subject(classifier, ordered, outcomes, basis, calibration, version)


def _calibrations(classifier: Classifier, basis: Basis) -> QuerySet[Calibration]:
    """Of this classifier here, those of single models, scenarios and conditions as well."""
    found = Calibration.objects.filter(
        classifier_version__classifier=classifier,
        campaign__evaluation=basis.evaluation,
        verdict_outcome=basis.outcome,
    )
    return found.select_related("classifier_version__classifier", "campaign", "outcome", "created_by")


@require_safe
def classifier(request: HttpRequest, slug: str) -> HttpResponse:
    require_reader(request.user)
    subject = _subject(request, slug, BasisForm(request.GET))
    basis, calibration = subject.basis, subject.calibration
    if calibration and calibration.scope:
        raise Http404  # one of a single group is a line of the page of the whole
    overall = _overall(basis) if basis else None
    context = {
        "subject": subject,
        "classifier": subject.classifier,
        "basis": basis,
        "calibration": calibration,
        "sentence": sentence(overall, "harm") if overall else "",
        "estimate": overall,
        "conflicts": _conflicts(basis) if basis else 0,
        "lines": _lines(subject.classifier.versions.select_related("classifier").order_by("-pk")),
        "history": list(_calibrations(subject.classifier, basis).filter(scope={})) if basis else [],
        "others": others(basis) if basis else [],
        "new_labels": _since(calibration) if calibration else 0,
        "may_calibrate": may_manage(request.user),
        "is_runnable": subject.classifier.kind in (Classifier.Kind.MODEL, Classifier.Kind.RULES),
        "synthetic": basis is not None and basis.evaluation.synthetic,
    }
    if calibration and basis:
        context |= _details(subject, calibration)
    return render(request, "labeling/classifier.html", context)


def _details(subject: Subject, calibration: Calibration) -> dict[str, object]:
    """What a calibration says, for its page."""
    narrower = Calibration.objects.filter(
        campaign=calibration.campaign_id,
        classifier_version=calibration.classifier_version_id,
        outcome=calibration.outcome_id,
        figures__part_of=calibration.pk,
    )
    return {
        "findings": findings(calibration, subject.word),
        "areas": pictures.areas(calibration.figures["confusion"]["cells"]),
        "groups": details.groups(calibration, narrower.order_by("pk")),
        "score": details.score(calibration),
        "ceiling": details.ceiling(calibration),
        "drift": details.drift(calibration),
    }


def _overall(basis: Basis) -> Estimate | None:
    whole = Estimates(basis).overall()
    return whole.estimate if whole else None


def _conflicts(basis: Basis) -> int:
    """How many verdicts of this version the gates turned around."""
    tallies = VerdictTally.objects.filter(
        version=basis.version, outcome=basis.outcome, cell__evaluation=basis.evaluation
    )
    overruled = tallies.filter(final__isnull=False, judge__isnull=False).exclude(final=F("judge"))
    return overruled.aggregate(sum=Sum("n"))["sum"] or 0


def _since(calibration: Calibration) -> int:
    """Resolutions that came or changed since: what a new calibration would rest on besides."""
    current = Resolution.objects.filter(
        item__campaign=calibration.campaign, outcome=calibration.outcome, superseded_at__isnull=True
    )
    return current.filter(item__source=CampaignItem.Source.SAMPLE).exclude(pk__in=calibration.resolution_ids).count()


@require_safe
def compared(request: HttpRequest, slug: str) -> HttpResponse:
    """The transcripts behind one cell of a calibration's confusion table."""
    require_reader(request.user)
    form = CellForm(request.GET)
    subject = _subject(request, slug, form)
    if subject.calibration is None or subject.basis is None:
        raise Http404
    cell = form.cleaned_data["cell"]
    items = _in_cell(subject.calibration, cell)
    context = {
        "subject": subject,
        "classifier": subject.classifier,
        "basis": subject.basis,
        "calibration": subject.calibration,
        "cell": cell,
        "cell_words": CELLS[cell],
        "cells": CELLS,
        "count": items.count(),
        "page": page(items, form.cleaned_data["cursor"], ITEMS_A_PAGE),
        "synthetic": subject.basis.evaluation.synthetic,
    }
    return render(request, "labeling/compared.html", context)


def _in_cell(calibration: Calibration, cell: str) -> QuerySet[CampaignItem]:
    """What the calibration put there: by its own resolutions, and by the verdicts as they are."""
    resolutions = Resolution.objects.filter(pk__in=calibration.resolution_ids)
    scope = {
        f"transcript__cell__{CELL_LOOKUPS[name]}": value == "yes" if name == "prod" else value
        for name, value in calibration.scope.items()
    }
    final = Verdict.objects.filter(
        transcript=OuterRef("transcript"),
        version=calibration.classifier_version,
        outcome=calibration.verdict_outcome,
    )
    items = CampaignItem.objects.filter(
        campaign=calibration.campaign,
        source=CampaignItem.Source.SAMPLE,
        transcript__status__in=JUDGEABLE,
        wave__drawn_at__lte=calibration.created_at,
        **scope,
    ).annotate(
        final=Subquery(final.values("final")[:1]),
        resolved=Subquery(resolutions.filter(item=OuterRef("pk")).values("value")[:1]),
    )
    known = Q(final__isnull=False, resolved__isnull=False)
    meaning = {
        "tp": Q(final=True, resolved=True),
        "fp": Q(final=True, resolved=False),
        "fn": Q(final=False, resolved=True),
        "tn": Q(final=False, resolved=False),
        "without_verdict": Q(final__isnull=True),
        "without_resolution": Q(final__isnull=False) & ~known,
    }
    return (
        items.filter(meaning[cell])
        .select_related("transcript__cell__model", "transcript__cell__condition")
        .prefetch_related(Prefetch("resolutions", resolutions, to_attr="behind"))
    )


@require_POST
def recalibrate(request: HttpRequest, slug: str) -> HttpResponse:
    manager = require_manager(request.user)
    subject = _subject(request, slug, BasisForm(request.POST))
    if subject.basis is None:
        raise Http404
    try:
        made = calibrate(subject.basis, manager)
    except NothingToCompare as problem:
        messages.error(request, str(problem))
    else:
        messages.success(request, f"Calibrated: {len(made.resolution_ids)} resolutions stand behind it.")
    return redirect(f"{reverse('labeling:classifier', args=[slug])}?{subject.query}")
