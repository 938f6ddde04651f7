"""From the list of transcripts into a campaign: what was ticked, or all that match the list's filters."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from labeling.access import require_manager, visible_campaigns
from labeling.campaigns.choose import CannotChoose, add_chosen, foreseen
from labeling.models import Campaign, CampaignItem
from transcripts.access import readable_transcripts
from transcripts.listing.filters import FilterForm
from transcripts.listing.keyset import counted, in_words
from transcripts.models.transcripts import TranscriptQuerySet
from transcripts.synthetic import ribbon_of_everything

NO_EXPRESSIONS = (
    "A regular expression is looked for page by page, so what it finds cannot be taken as a whole: "
    "tick rows, or search for words."
)


class WhichForm(forms.Form):
    campaign = forms.ModelChoiceField(queryset=Campaign.objects.none())
    source = forms.ChoiceField(
        choices=[(CampaignItem.Source.BROWSE, "found"), (CampaignItem.Source.DISPUTE, "disputed"), ("gold", "known")],
        required=False,
    )

    def __init__(self, campaigns: QuerySet[Campaign], *args: object) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        which = self.fields["campaign"]
        assert isinstance(which, forms.ModelChoiceField)
        which.queryset = campaigns


@require_http_methods(["GET", "HEAD", "POST"])
def choose(request: HttpRequest) -> HttpResponse:
    """The query says which transcripts, in the list's own words, so that the page can be reloaded and gone back to."""
    manager = require_manager(request.user)
    wanted, problems = _wanted(request)
    if wanted is None:
        return render(request, "labeling/choose.html", {"problems": problems}, status=400)
    found = visible_campaigns(manager).filter(state=Campaign.State.OPEN)
    form = WhichForm(found, request.POST or None)
    if request.method == "POST" and form.is_valid():
        campaign, source = form.cleaned_data["campaign"], form.cleaned_data["source"]
        if source == CampaignItem.Source.GOLD:  # what is right about each of them is said one by one
            return redirect(f"{reverse('labeling:gold', args=[campaign.pk])}?{request.GET.urlencode()}")
        try:
            done = add_chosen(campaign, wanted, source or CampaignItem.Source.BROWSE)
        except CannotChoose as problem:
            messages.error(request, str(problem))
        else:
            messages.success(request, f"{campaign}: {done.words}.")
            return redirect("labeling:campaign", campaign.pk)
    open_ones = list(found)
    context = {
        "count": in_words(counted(wanted)),
        "campaigns": list(zip(open_ones, foreseen(open_ones, wanted), strict=True)),
        "query": request.GET.urlencode(),
        "synthetic": ribbon_of_everything(),
        "asked": request.method == "POST",
    }
    return render(request, "labeling/choose.html", context, status=422 if request.method == "POST" else 200)


def _wanted(request: HttpRequest) -> tuple[TranscriptQuerySet | None, list[str]]:
    query = QueryDict(request.GET.urlencode())
    form = FilterForm(query)
    chosen = form.chosen()
    if chosen is None:
        return None, form.problems()
    if chosen.search.regexes:
        return None, [NO_EXPRESSIONS]
    return chosen.transcripts(readable_transcripts(request.user)), []
