"""Puts transcripts that somebody chose while reading into an open campaign, for its raters to label.

They are labelled like any other and never enter a rate: who chooses what to look at chooses what is found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Count, Exists, Max, OuterRef, Q

from labeling.campaigns.campaign_forms import LARGEST_WAVE
from labeling.campaigns.draw import make_room
from labeling.models import Assignment, Campaign, CampaignItem, Expected
from labeling.panel.resolve import reopen
from labeling.queue.assign import add_slot
from transcripts.models import Transcript
from transcripts.models.transcripts import JUDGEABLE, TranscriptQuerySet


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
    # A gold item is no obstacle: who had it as that is never asked about the transcript again.
    known = CampaignItem.objects.exclude(source=CampaignItem.Source.GOLD)
    items = known.filter(campaign__in=campaigns, transcript__in=transcripts.judgeable().values("pk"))
    in_it = dict(items.order_by().values_list("campaign").annotate(n=Count("pk")))
    everything = sum(n for n, _ in numbers.values())
    found = []
    for campaign in campaigns:
        inside, with_answer = numbers.get(campaign.evaluation_id, (0, 0))
        already = in_it.get(campaign.pk, 0)
        found.append(Chosen(with_answer - already, already, everything - inside, inside - with_answer))
    return found


@transaction.atomic
def add_chosen(campaign: Campaign, transcripts: TranscriptQuerySet, source: str = CampaignItem.Source.BROWSE) -> Chosen:
    """Adds those that can be labelled in this campaign and are not in it; asked for twice it adds nothing more.
    `source` says why somebody chose them: found by browsing, or because somebody disputes how they were judged.

    They are served among what the newest wave drew, so that raters cannot tell them from it.
    """
    campaign = Campaign.objects.select_for_update(of=("self",)).get(pk=campaign.pk)
    if campaign.state != Campaign.State.OPEN:
        raise CannotChoose(f"The campaign is {campaign.state}: only an open one takes transcripts.")
    (found,) = foreseen([campaign], transcripts)
    if found.added > LARGEST_WAVE:
        raise CannotChoose(f"{found.added:,} are too many: at most {LARGEST_WAVE:,} can be added at once.")
    wanted = transcripts.judgeable().filter(cell__evaluation=campaign.evaluation)
    known = CampaignItem.objects.filter(campaign=campaign, transcript=OuterRef("pk"))
    new = wanted.exclude(Exists(known.exclude(source=CampaignItem.Source.GOLD)))
    ids = list(new.order_by("u").values_list("pk", flat=True))
    wave = campaign.waves.aggregate(last=Max("number"))["last"] or 0
    items = [
        CampaignItem(
            campaign=campaign,
            transcript_id=pk,
            source=source,
            serve_order=wave + (rank + 0.5) / len(ids),
        )
        for rank, pk in enumerate(ids)
    ]
    CampaignItem.objects.bulk_create(items, batch_size=2000)
    make_room(campaign, CampaignItem.objects.filter(pk__in=[item.pk for item in items]))
    return found


@transaction.atomic
def ask_another(item: CampaignItem) -> None:
    """One rater more for an item that is disputed or flagged. It stays what it is: of the sample if it was drawn.

    Until that answer is in, nothing is agreed on it; what an adjudicator decided stands.
    """
    if item.source == CampaignItem.Source.GOLD:
        raise CannotChoose("Its answer is known: it is there to tell about the raters.")
    if item.campaign.state not in (Campaign.State.OPEN, Campaign.State.PAUSED):
        raise CannotChoose(f"The campaign is {item.campaign.state}: nobody would answer.")
    if item.assignments.filter(purpose=Assignment.Purpose.PANEL, voided_at=None, submitted_at=None).exists():
        raise CannotChoose("It waits for an answer already.")
    add_slot(item, Assignment())
    reopen([item.pk])


@transaction.atomic
def add_gold(
    campaign: Campaign,
    transcript: Transcript,
    purpose: str,
    answers: Mapping[str, Sequence[str]],
    why: str = "",
    by: User | None = None,
) -> Expected:
    """Make a transcript an item with known answers, or say anew what they are. Slots are made as raters get to it."""
    item, _ = CampaignItem.objects.get_or_create(
        campaign=campaign, transcript=transcript, source=CampaignItem.Source.GOLD, defaults={"serve_order": 0}
    )
    known = {key: list(keys) for key, keys in answers.items()}
    expected, _ = Expected.objects.update_or_create(
        item=item, defaults={"purpose": purpose, "answers": known, "why": why, "created_by": by}
    )
    return expected


def retire_gold(expected: Expected) -> None:
    """Give it to nobody any more. Whoever has it in hand may finish it; answers stay, and tell nothing."""
    expected.delete()
