"""Labels go out and come in: exports of a campaign with their progress, and labels that were made elsewhere."""

from __future__ import annotations

from functools import partial
from pathlib import PurePath
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.models import User
from django.core.files.uploadedfile import UploadedFile
from django.core.paginator import Paginator
from django.db import transaction
from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe
from django_htmx.middleware import HtmxDetails

from labeling import access
from labeling.models import Campaign, CodebookVersion, LabelExport, LabelImport
from labeling.tasks import run_export, run_import
from labeling.transfers import label_columns
from labeling.transfers.deliver import KEPT
from labeling.transfers.export import TYPES, count, formats
from transcripts.downloads.downloads import as_download
from transcripts.ingest.mapping import BadMapping
from transcripts.models import Evaluation

# Exports, and imports, on one page.
LISTED = 50
# Lines of a report that its page lists at first; the rest is a link away.
LINES = 100


class HtmxRequest(HttpRequest):
    htmx: HtmxDetails


class ExportForm(forms.Form):
    format = forms.ChoiceField(
        choices=lambda: [(name, LabelExport.Format(name).label) for name in formats()],
        initial="jsonl",
        widget=forms.RadioSelect,
    )


class ImportForm(forms.Form):
    file = forms.FileField(
        label="Table",
        help_text="JSON Lines, CSV or Parquet, told by its content: a row per label as an export writes it, or any "
        "table together with a mapping.",
    )
    campaign = forms.CharField(
        max_length=200,
        label="Campaign",
        help_text="A new name makes a closed campaign. The name of an earlier import adds what is new to it.",
    )
    evaluation = forms.ModelChoiceField(
        Evaluation.objects.all(),
        required=False,
        empty_label="as the table says",
        to_field_name="name",
        help_text="Whose transcripts these labels are about. They must be here before their labels.",
    )
    codebook = forms.ModelChoiceField(
        CodebookVersion.objects.exclude(published_at=None).select_related("codebook"),
        required=False,
        empty_label="the table's, or one made of its answers",
    )
    mapping = forms.FileField(
        required=False, help_text="A TOML or JSON file that says which column is what. Not needed for our own exports."
    )

    def clean_file(self) -> UploadedFile[bytes]:
        file: UploadedFile[bytes] = self.cleaned_data["file"]
        if (file.size or 0) > settings.UPLOAD_LIMIT_BYTES:
            limit = settings.UPLOAD_LIMIT_BYTES // 1024**2
            raise forms.ValidationError(f"{file.name} is larger than {limit:,} MB; use the command instead.")
        return file

    def clean_mapping(self) -> Any:
        """The mapping as a plain dictionary, which was found to be one."""
        file = self.cleaned_data["mapping"]
        if file is None:
            return None
        try:
            data = file.read(label_columns.LARGEST + 1)
            label_columns.decoded(data)
            return label_columns.plain(data)
        except BadMapping as problem:
            raise forms.ValidationError(str(problem)) from None


@require_http_methods(["GET", "HEAD", "POST"])
def exports(request: HtmxRequest, pk: int) -> HttpResponse:
    """What was exported of a campaign, and how far the latest has come. A POST asks for another one."""
    campaign = access.managed_campaign(request.user, pk)
    form = ExportForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        _ask(campaign, access.require_manager(request.user), form.cleaned_data["format"])
        return redirect("labeling:exports", pk)
    rows = LabelExport.objects.filter(campaign=campaign).select_related("created_by")
    page = Paginator(rows, LISTED).get_page(request.GET.get("page"))
    context = {
        "campaign": campaign,
        "form": form,
        "page": page,
        "polls": any(row.is_open for row in page),
        "labels": count([campaign]),
        "days": KEPT.days,
        "now": timezone.now(),
        "synthetic": campaign.evaluation.synthetic,
    }
    template = "labeling/exports.html#list" if request.htmx else "labeling/exports.html"
    return render(request, template, context, status=422 if form.errors else 200)


@require_safe
def export(request: HttpRequest, pk: int, export: int) -> HttpResponseBase:
    """The file itself, for its maker and for those who run campaigns."""
    found = access.delivered_export(request.user, pk, export)
    response = FileResponse(found.file.open("rb"), content_type=TYPES[found.format])
    return as_download(response, f"labels {found.campaign.name} {found.created_at:%Y-%m-%d}", found.format)


@require_http_methods(["GET", "HEAD", "POST"])
def bring_in(request: HttpRequest) -> HttpResponse:
    manager = access.require_manager(request.user)
    form = ImportForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        return redirect("labeling:label_import", _kept(form.cleaned_data, manager).pk)
    rows = LabelImport.objects.select_related("campaign", "created_by").defer("report", "choices")
    context = {
        "form": form,
        "page": Paginator(rows, LISTED).get_page(request.GET.get("page")),
        "limit": settings.UPLOAD_LIMIT_BYTES,
    }
    return render(request, "labeling/import.html", context, status=422 if form.errors else 200)


@require_safe
def label_import(request: HtmxRequest, pk: int) -> HttpResponse:
    """One import until its report is there, and the report."""
    job = access.label_import(request.user, pk)
    errors = (job.report or {}).get("errors", [])
    whole = "all" in request.GET
    context = {
        "job": job,
        "polls": job.is_open,
        "report": job.report,
        "errors": errors if whole else errors[:LINES],
        "cut": 0 if whole else max(0, len(errors) - LINES),
    }
    return render(
        request, "labeling/import_report.html#progress" if request.htmx else "labeling/import_report.html", context
    )


def _ask(campaign: Campaign, by: User, form: str) -> None:
    with transaction.atomic():
        row = LabelExport.objects.create(campaign=campaign, format=form, created_by=by, total=count([campaign]))
        transaction.on_commit(partial(run_export.delay, export_id=row.pk))


def _kept(chosen: dict[str, Any], by: User) -> LabelImport:
    """The job of an uploaded file."""
    file, edition, evaluation = chosen["file"], chosen["codebook"], chosen["evaluation"]
    with transaction.atomic():
        row = LabelImport.objects.create(
            name=PurePath(file.name or "labels").name,
            file=file,
            campaign_name=chosen["campaign"].strip(),
            choices={
                "mapping": chosen["mapping"],
                "evaluation": evaluation.name if evaluation else "",
                "codebook": f"{edition.codebook.slug}:{edition.number}" if edition else "",
            },
            created_by=by,
        )
        transaction.on_commit(partial(run_import.delay, import_id=row.pk))
    return row
