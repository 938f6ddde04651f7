"""Puts transcripts that somebody chose while reading into an open campaign, for its raters to label.

They are labelled like any other and never enter a rate: who chooses what to look at chooses what is found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Count, Max, Q

from transcripts.models.transcripts import JUDGEABLE, TranscriptQuerySet

from .forms import LARGEST_WAVE
from .models import Assignment, Campaign, CampaignItem


class CannotChoose(Exception):
    """Why nothing was added, in words for the person who asked for it."""


@dataclass(frozen=True)
class Chosen:
    """What became of the chosen transcripts, in numbers that add up to all of them."""

    added: int
    already: int  # in the campaign before, drawn or chosen
    elsewhere: int  # of another evaluation than the campaign's
    unanswered: int  # failed and empty calls, in which there is nothing to label

    @property
    def words(self) -> str:
        said = [f"{self.added:,} added"]
        said += [f"{self.already:,} in it already"] if self.already else []
        said += [f"{self.elsewhere:,} left out, of another evaluation"] if self.elsewhere else []
        said += [f"{self.unanswered:,} left out, without an answer to label"] if self.unanswered else []
        return "; ".join(said)


def foreseen(campaigns: Sequence[Campaign], transcripts: TranscriptQuerySet) -> list[Chosen]:
    """What `add_chosen` would do with each of the campaigns: two queries, however many they are."""
    answered = Count("pk", filter=Q(status__in=JUDGEABLE))
    by_evaluation = transcripts.order_by().values_list("cell__evaluation").annotate(all=Count("pk"), answered=answered)
    numbers = {evaluation: (n, with_answer) for evaluation, n, with_answer in by_evaluation}
    items = CampaignItem.objects.filter(campaign__in=campaigns, transcript__in=transcripts.judgeable().values("pk"))
    in_it = dict(items.order_by().values_list("campaign").annotate(n=Count("pk")))
    everything = sum(n for n, _ in numbers.values())
    found = []
    for campaign in campaigns:
        inside, with_answer = numbers.get(campaign.evaluation_id, (0, 0))
        already = in_it.get(campaign.pk, 0)
        found.append(Chosen(with_answer - already, already, everything - inside, inside - with_answer))
    return found


@transaction.atomic
def add_chosen(campaign: Campaign, transcripts: TranscriptQuerySet) -> Chosen:
    """Adds those that can be labelled in this campaign and are not in it; asked for twice it adds nothing more.

    They are served among what the newest wave drew, so that raters cannot tell them from it.
    """
    campaign = Campaign.objects.select_for_update(of=("self",)).get(pk=campaign.pk)
    if campaign.state != Campaign.State.OPEN:
        raise CannotChoose(f"The campaign is {campaign.state}: only an open one takes transcripts.")
    (found,) = foreseen([campaign], transcripts)
    if found.added > LARGEST_WAVE:
        raise CannotChoose(f"{found.added:,} are too many: at most {LARGEST_WAVE:,} can be added at once.")
    wanted = transcripts.judgeable().filter(cell__evaluation=campaign.evaluation)
    ids = list(wanted.exclude(campaign_items__campaign=campaign).order_by("u").values_list("pk", flat=True))
    wave = campaign.waves.aggregate(last=Max("number"))["last"] or 0
    items = [
        CampaignItem(
            campaign=campaign,
            transcript_id=pk,
            source=CampaignItem.Source.BROWSE,
            serve_order=wave + (rank + 0.5) / len(ids),
        )
        for rank, pk in enumerate(ids)
    ]
    CampaignItem.objects.bulk_create(items, batch_size=2000)
    slots = range(1, campaign.raters_per_item + 1)
    Assignment.objects.bulk_create((Assignment(item=item, slot=slot) for item in items for slot in slots), 2000)
    return found
