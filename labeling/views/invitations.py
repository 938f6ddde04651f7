"""Invitations to a campaign, and the people who came: for those who run it."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from labeling.access import managed_campaign, managed_invitation, managed_part, require_manager
from labeling.campaigns.campaign_forms import ReasonForm
from labeling.campaigns.gold import HIDDEN, scores
from labeling.crowd.invite import left, make_invitation, why_closed, with_taken
from labeling.crowd.invite import revoke as revoke_invitation
from labeling.crowd.join import EXTERNAL_ID, SESSION_ID, STUDY_ID, end, end_overdue
from labeling.crowd.payment import as_csv, minutes_of, with_work
from labeling.forms import CursorForm
from labeling.models import Invitation, Participation
from transcripts.downloads.downloads import as_download
from transcripts.listing.keyset import page

LONGEST_DAYS = 365
LONGEST_MINUTES = 60 * 24 * 7
PEOPLE_A_PAGE = 50
PLATFORM_IDS = (EXTERNAL_ID, STUDY_ID, SESSION_ID)
CONSENT = "\n".join(
    (
        "You are asked to read what AI models wrote in made-up situations, and to answer questions about it.",
        "",
        "- Some texts are unpleasant: they may speak of threats, affairs or death. You are told before such"
        " a text opens, and you may skip it.",
        "- Taking part is voluntary. You can stop at any time, without giving a reason.",
        "- Kept are your answers, how long they took, and the ids that your platform puts into this link."
        " Your name, your address and your device are not.",
        "- Your answers are used for research, and may be published without those ids.",
    )
)
INSTRUCTIONS = """Read the text, answer the questions beside it, and submit.

- Judge what was **done**, not what was only thought of.
- Where a question asks for evidence, mark the words that your answer rests on.
- If a text cannot be judged, say so: that is an answer too."""
WEB = ["https", "http"]


class InvitationForm(forms.ModelForm):  # type: ignore[type-arg]
    """A new invitation with its limits."""

    days = forms.IntegerField(
        min_value=1, max_value=LONGEST_DAYS, initial=14, label="Open for how many days", help_text="Then nobody joins."
    )
    completion_url = forms.URLField(
        required=False,
        assume_scheme="https",
        max_length=1000,
        label="Completion address",
        help_text="Where the last page leads, such as the platform's page for completed submissions.",
    )
    screen_out_url = forms.URLField(
        required=False, assume_scheme="https", max_length=1000, label="Screen-out address", help_text=""
    )

    class Meta:
        model = Invitation
        fields = [
            "note",
            "places",
            "labels_each",
            "minutes",
            "days",
            "consent",
            "instructions",
            "completion_code",
            "completion_url",
            "screen_out_code",
            "screen_out_url",
        ]
        field_classes = {"note": forms.CharField}
        widgets = {
            "note": forms.TextInput,
            "completion_code": forms.TextInput,
            "screen_out_code": forms.TextInput,
            "consent": forms.Textarea(attrs={"rows": 9}),
            "instructions": forms.Textarea(attrs={"rows": 7}),
        }
        labels = {
            "note": "For whom it is",
            "labels_each": "Transcripts for each",
            "minutes": "Minutes for each",
            "consent": "Consent",
            "completion_code": "Completion code",
            "screen_out_code": "Screen-out code",
        }
        help_texts = {
            "note": "Only those who run the campaign see it.",
            "places": "A place that somebody gives back, or whose time runs out, is free again.",
            "labels_each": "After these, or when nothing is left, the completion code is shown.",
            "minutes": "From joining. What is unfinished then goes to others.",
            "consent": "Asked for before anything is kept. Blank lines divide paragraphs, lines that begin with - are "
            "a list, **two stars** make bold.",
            "instructions": "Read before the first transcript. Empty: they begin at once.",
            "screen_out_code": "For those who do not pass the qualification.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, most in (("places", 100_000), ("labels_each", 10_000), ("minutes", LONGEST_MINUTES)):
            number = self.fields[name]
            assert isinstance(number, forms.IntegerField)
            self.fields[name] = forms.IntegerField(
                min_value=1, max_value=most, label=number.label, help_text=number.help_text
            )
        self.initial = {
            "places": 20,
            "labels_each": 10,
            "minutes": 90,
            "consent": CONSENT,
            "instructions": INSTRUCTIONS,
            "completion_code": secrets.token_hex(4).upper(),
            "screen_out_code": secrets.token_hex(4).upper(),
        }

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        for name in ("completion_url", "screen_out_url"):
            if found.get(name) and found[name].split(":")[0].lower() not in WEB:
                self.add_error(name, "Only an address that begins with https:// or http:// is shown to people.")
        if found.get("days"):
            self.instance.expires_at = timezone.now() + timedelta(days=found["days"])
        return found


class PeopleForm(CursorForm):
    """Which people are listed."""

    state = forms.ChoiceField(choices=[("", "all"), *Participation.State.choices], required=False)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def invitations(request: HttpRequest, pk: int) -> HttpResponse:
    """All of a campaign's; a POST makes one, and shows its link this once."""
    campaign, manager = managed_campaign(request.user, pk), require_manager(request.user)
    form, address, status = InvitationForm(request.POST or None), "", 200
    if request.method == "POST":
        if form.is_valid():
            token = make_invitation(form.save(commit=False), campaign, manager)
            address = request.build_absolute_uri(reverse("labeling:join", args=[token]))
            form = InvitationForm()
        else:
            status = 422
    made = with_taken(campaign.invitations.select_related("campaign", "created_by")).annotate(
        joined=Count("participations"),
        **{state: Count("participations", filter=Q(participations__state=state)) for state in Participation.State},
    )
    context = {
        "campaign": campaign,
        "form": form,
        "address": address,
        "with_ids": f"{address}?" + "&".join(f"{name}={{{{%{name}%}}}}" for name in PLATFORM_IDS),
        "invitations": [(each, why_closed(each), left(each)) for each in made],
        "synthetic": campaign.evaluation.synthetic,
    }
    return render(request, "labeling/invitations.html", context, status=status)


@require_POST
def revoke(request: HttpRequest, pk: int, invitation: int) -> HttpResponse:
    found = managed_invitation(managed_campaign(request.user, pk), invitation)
    revoke_invitation(found)
    messages.success(request, "The link is withdrawn: nobody joins through it any more. Whoever has joined goes on.")
    return redirect("labeling:invitations", pk)


@never_cache
@require_safe
def people(request: HttpRequest, pk: int) -> HttpResponse:
    """Everybody's part in a campaign: how far they are, and how it ended."""
    campaign = managed_campaign(request.user, pk)
    end_overdue()
    form = PeopleForm(request.GET)
    chosen = form.cleaned_data if form.is_valid() else {"cursor": "", "state": ""}
    parts = campaign.participations.filter(state=chosen["state"]) if chosen["state"] else campaign.participations.all()
    shown = page(with_work(parts), chosen["cursor"], PEOPLE_A_PAGE)
    known = scores(campaign, HIDDEN)
    states = dict(campaign.participations.order_by().values_list("state").annotate(n=Count("pk")))
    context = {
        "campaign": campaign,
        "page": shown,
        "lines": [(part, known.get(part.rater_id), minutes_of(part)) for part in shown.rows],
        "states": [(state, state.label, states[state]) for state in Participation.State if states.get(state)],
        "state": chosen["state"],
        "everybody": sum(states.values()),
        "synthetic": campaign.evaluation.synthetic,
    }
    return render(request, "labeling/people.html", context)


@require_POST
def end_part(request: HttpRequest, pk: int, part: int) -> HttpResponse:
    """Take somebody out: what they have in hand goes to others, and what they submitted stays and counts."""
    found = managed_part(managed_campaign(request.user, pk), part)
    form = ReasonForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Nothing was changed: say why the part ends.")
    elif end(found, Participation.State.RETURNED, form.cleaned_data["reason"]):
        messages.success(request, f"The part of {found.rater} has ended. What was unfinished is free for others.")
    else:
        messages.error(request, f"The part of {found.rater} had ended before.")
    return redirect("labeling:people", pk)


@require_safe
def payment(request: HttpRequest, pk: int) -> HttpResponseBase:
    """For payment: everybody who came through an invitation."""
    campaign = managed_campaign(request.user, pk)
    end_overdue()
    stream = StreamingHttpResponse(as_csv(campaign), content_type="text/csv; charset=utf-8")
    return as_download(stream, f"payment {campaign.name}", "csv")
