"""Text classifiers of our own: asking for one, watching it, and what came of it."""

from __future__ import annotations

from functools import partial
from typing import Any

from django import forms
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_safe
from django_htmx.middleware import HtmxDetails

from labeling.access import may_manage, require_manager
from labeling.judges.text.model import CannotTrain
from labeling.judges.text.train import ask
from labeling.models import Campaign, Outcome, Resolution, Training
from labeling.tasks import run_training
from transcripts.access import require_reader
from transcripts.synthetic import ribbon_of_everything

LISTED = 50


class HtmxRequest(HttpRequest):
    htmx: HtmxDetails


class CampaignField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """Campaigns with the evaluation that they are about."""

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj} ({obj.evaluation})"


class TrainingForm(forms.Form):
    """Whose labels, and what they say: one outcome of the campaign's codebook."""

    campaign = CampaignField(
        queryset=Campaign.objects.none(),
        empty_label=None,
        help_text="Its sample teaches; every transcript of its evaluation is judged.",
    )
    outcome = forms.ChoiceField(help_text="An outcome of the campaign's codebook.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        agreed = Resolution.objects.filter(item__campaign=OuterRef("pk"), item__source="sample", value__isnull=False)
        blind = Campaign.objects.filter(Exists(agreed), hides__contains=[Campaign.Hidden.VERDICT])
        campaign, outcome = self.fields["campaign"], self.fields["outcome"]
        assert isinstance(campaign, forms.ModelChoiceField)
        assert isinstance(outcome, forms.ChoiceField)
        campaign.queryset = blind.select_related("evaluation")
        outcomes = Outcome.objects.filter(version__campaigns__in=blind).order_by("ordinal", "key")
        names = dict.fromkeys(outcomes.values_list("key", "name"))
        outcome.choices = list({key: f"{name} ({key})" for key, name in names}.items())

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        campaign, outcome = found.get("campaign"), found.get("outcome")
        known = campaign and Outcome.objects.filter(version=campaign.codebook_version, key=outcome).exists()
        if campaign and outcome and not known:
            self.add_error("outcome", f"The codebook of {campaign} has no such outcome.")
        return found


@require_http_methods(["GET", "HEAD", "POST"])
def train(request: HttpRequest) -> HttpResponse:
    """What was trained so far; a POST asks for another one."""
    manager = require_manager(request.user)
    form = TrainingForm(request.POST or None, initial={name: request.GET.get(name) for name in ("campaign", "outcome")})
    if request.method == "POST" and form.is_valid():
        try:
            with transaction.atomic():
                row = ask(form.cleaned_data["campaign"], form.cleaned_data["outcome"], manager)
                transaction.on_commit(partial(run_training.delay, training_id=row.pk))
        except CannotTrain as problem:
            form.add_error(None, str(problem))
        else:
            return redirect("labeling:training", row.pk)
    rows = Training.objects.select_related("campaign__evaluation", "version", "created_by").defer("report")
    context = {
        "form": form,
        "page": Paginator(rows.defer("resolution_ids"), LISTED).get_page(request.GET.get("page")),
        "synthetic": ribbon_of_everything(),
    }
    return render(request, "labeling/train.html", context, status=422 if form.errors else 200)


@require_safe
def training(request: HtmxRequest, pk: int) -> HttpResponse:
    """One training until it is done, and what came of it."""
    require_reader(request.user)
    rows = Training.objects.select_related("campaign__evaluation", "version__classifier", "created_by")
    row = get_object_or_404(rows, pk=pk)
    done = row.state == Training.State.DONE
    context = {
        "training": row,
        "campaign": row.campaign,
        "polls": row.is_open,
        "report": row.report if done else None,
        "words": [(name, row.report[name]) for name in ("for", "against")] if done and row.report else [],
        "may_manage": may_manage(request.user),
        "synthetic": row.campaign.evaluation.synthetic,
        "subject": urlencode({"evaluation": str(row.campaign.evaluation_id), "outcome": row.outcome}),
        "doubtful": urlencode(
            {
                "evaluation": str(row.campaign.evaluation_id),
                "design": Campaign.Design.PRIORITY.value,
                "classifier_version": str(row.version_id or ""),
            }
        ),
    }
    return render(request, "labeling/training.html#progress" if request.htmx else "labeling/training.html", context)
