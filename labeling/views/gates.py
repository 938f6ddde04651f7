"""What the gates of a classifier do to its judge: in numbers, against people, and the list of what they turned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.http import require_safe

from labeling.calibration.basis import Basis
from labeling.calibration.gates import FINAL, JUDGE, GateLine, Gates, Share, flips, gates
from labeling.forms import BasisForm, CursorForm
from labeling.stats.words import count, decimals_for, percent
from transcripts.access import require_reader
from transcripts.listing.filters import chosen_by
from transcripts.listing.keyset import Order, page
from transcripts.listing.lines import Line, lines
from transcripts.listing.lookups import among
from transcripts.listing.summaries import narrow, summaries
from transcripts.models import ClassifierVersion, Evaluation, Transcript, Verdict, VerdictTally
from transcripts.page.judgements import GATE_WORDS

A_PAGE = 50
# As the index of overruled verdicts is ordered.
BY_TRANSCRIPT = Order("by transcript", group="transcript_id")


class GatesForm(BasisForm, CursorForm):
    """Which evaluation, outcome and version; and which of the flips are listed."""

    scenario = forms.CharField(required=False, max_length=200)
    gate = forms.CharField(required=False, max_length=200)


@require_safe
def classifier_gates(request: HttpRequest, slug: str) -> HttpResponse:
    require_reader(request.user)
    form = GatesForm(request.GET)
    basis = _basis(form, slug)
    assert basis.version is not None, "somebody has judged with it"
    scenario, gate = form.cleaned_data["scenario"], form.cleaned_data["gate"]
    found = gates(basis)
    cursor = form.cleaned_data["cursor"]
    # Nothing is looked for where the roll-up knows that there is nothing.
    known = any(one.turned for one in found.overruled if scenario in ("", one.scenario))
    rows = flips(basis, scenario, gate, cursor).defer("explanation", "raw") if known else Verdict.objects.none()
    listed = page(rows, cursor, A_PAGE, BY_TRANSCRIPT)
    about = {"evaluation": str(basis.evaluation.pk), "outcome": basis.outcome, "version": str(basis.version.pk)}
    narrowed = about | {name: value for name, value in (("scenario", scenario), ("gate", gate)) if value}
    context = {
        "classifier": basis.version.classifier,
        "versions": _versions(basis),
        "basis": basis,
        "found": found,
        "has_judge": any(one.n for one in found.overruled),
        "sentence": _sentence(found),
        "rows": [_row(line, urlencode(about)) for line in found.lines],
        "about": urlencode(about),
        "narrowed": urlencode(narrowed),
        "in_list": urlencode(
            {"evaluation": basis.evaluation.pk, "classifier": slug, "outcome": basis.outcome, "gate_conflict": "yes"}
        ),
        "scenario": scenario,
        "gate": gate,
        "page": listed,
        "flips": _flips(listed.rows, slug, basis.outcome),
        "synthetic": basis.evaluation.synthetic,
    }
    return render(request, "labeling/gates.html", context)


def _basis(form: GatesForm, slug: str) -> Basis:
    """The version that was asked for; else the one that has judged most of the evaluation, or of any."""
    if not form.is_valid():
        raise Http404
    asked = form.cleaned_data
    tallies = VerdictTally.objects.filter(version__classifier__slug=slug)
    for name, column in (("evaluation", "cell__evaluation"), ("outcome", "outcome"), ("version", "version")):
        if asked[name]:
            tallies = tallies.filter(**{column: asked[name]})
    most = tallies.order_by("-n", "pk").values_list("cell__evaluation", "outcome", "version").first()
    if most is None:
        raise Http404
    evaluation, outcome, version = most
    basis = Basis.of(Evaluation.objects.get(pk=evaluation), outcome, slug)
    found = ClassifierVersion.objects.select_related("classifier").get(pk=version)
    return Basis(basis.evaluation, outcome, found, basis.campaign)


def _versions(basis: Basis) -> QuerySet[ClassifierVersion]:
    """Those of the classifier that have judged the same."""
    judged = VerdictTally.objects.filter(cell__evaluation=basis.evaluation, outcome=basis.outcome)
    assert basis.version is not None, "the caller has looked for it"
    return basis.version.classifier.versions.filter(pk__in=judged.values("version")).order_by("-pk")


def _sentence(found: Gates) -> str:
    n = sum(one.n for one in found.overruled)
    if not found.lines:
        return "The verdicts of this version hold no gates."
    if not n:
        return "This version has no judge model beside its gates: they alone make the answer, and overrule nobody."
    to_no, to_yes = sum(one.to_no for one in found.overruled), sum(one.to_yes for one in found.overruled)
    said = f"Of {count(n, 'verdict')} with a judge's answer the gates turn {found.turned:,} around"
    return f"{said}: {to_no:,} from yes to no, {to_yes:,} from no to yes."


def _row(line: GateLine, about: str) -> dict[str, Any]:
    """A gate in words and numbers; the judge and the final rule stand beside the gates for comparison."""
    is_gate = line.gate not in (JUDGE, FINAL)
    words = GATE_WORDS.get(line.gate)
    return {
        "line": line,
        "is_gate": is_gate,
        "name": words[0] if words else line.gate.replace("_", " "),
        "means": words[1] if words else "",
        "passed": percent(line.passed / line.n) if line.n else "",
        "right": _share(line.overruling) if is_gate else None,
        "sensitivity": _share(line.sensitivity),
        "specificity": _share(line.specificity),
        "query": f"{about}&{urlencode({'scenario': line.scenario, 'gate': line.gate})}" if is_gate else "",
    }


def _share(share: Share) -> dict[str, str] | None:
    if share.value is None or share.limits is None:
        return None
    decimals = decimals_for(share.limits)
    return {
        "counts": f"{share.hits:,} of {share.n:,}",
        "value": percent(share.value, decimals),
        "between": f"between {percent(share.limits.low, decimals)} and {percent(share.limits.high, decimals)}",
    }


def _flips(verdicts: Sequence[Verdict], slug: str, outcome: str) -> list[dict[str, Any]]:
    """Each verdict with what its transcript did, and what people say of it."""
    ids = [verdict.transcript_id for verdict in verdicts]
    chosen = chosen_by(QueryDict(urlencode({"classifier": slug, "outcome": outcome})))
    assert chosen is not None, "the address is our own"
    transcripts = narrow(Transcript.objects.filter(among("pk", ids)))
    by_pk: dict[str, Line] = {str(line["pk"]): line for line in lines(summaries(list(transcripts), chosen), {})}
    return [
        {
            "verdict": verdict,
            "line": by_pk[str(verdict.transcript_id)],
            "gates": [
                (GATE_WORDS[name][0] if name in GATE_WORDS else name.replace("_", " "), passed)
                for name, passed in sorted(verdict.gates.items())
            ],
        }
        for verdict in verdicts
    ]
