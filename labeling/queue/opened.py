"""What a request of a rater is about, in one query: the campaign, their part in it, and the slot with its item."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Generic, TypeVar

from django.contrib.auth.models import User
from django.db.models import Model

from labeling.models import Assignment, Campaign, CampaignItem, Invitation, Participation
from labeling.queue.prepared import prepared_cursor
from transcripts.models import Evaluation

Row = TypeVar("Row", bound=Model)


class Columns(Generic[Row]):
    """Some of a model's columns in a query by hand, and the model that is made of them. What is left out is fetched
    where somebody asks for it, as are fields that need converting."""

    def __init__(self, model: type[Row], alias: str, names: str = "") -> None:
        fields = [field for field in model._meta.concrete_fields if not hasattr(field, "from_db_value")]
        wanted = names.split() or [field.attname for field in fields]
        self._model = model
        self._names = [field.attname for field in fields if field.attname in wanted]
        self.sql = ", ".join(f'{alias}."{field.column}"' for field in fields if field.attname in wanted)

    def made(self, values: Iterator[Any]) -> Row | None:
        """Takes its share of the values; None where an outer join found no row."""
        own = list(islice(values, len(self._names)))
        return None if not own or own[0] is None else self._model.from_db("default", self._names, own)


CAMPAIGN = Columns(
    Campaign,
    "c",
    "id name state evaluation_id codebook_version_id raters_per_item third_on_disagreement hides masks_names "
    "gold_every repeat_every qualification_pass attention_limit blurs break_after_minutes contact lease_minutes",
)
EVALUATION = Columns(Evaluation, "e", "id name synthetic")
PART = Columns(Participation, "p")
INVITATION = Columns(Invitation, "v", "id campaign_id labels_each minutes")
SLOT = Columns(Assignment, "a")
ITEM = Columns(CampaignItem, "i")
# What `slot_of` reads, with the slot under the name "a".
SLOT_COLUMNS = f"{SLOT.sql}, {ITEM.sql}"
SLOT_JOINS = "JOIN labeling_campaignitem i ON i.id = a.item_id"
OPENED = f"""
SELECT {CAMPAIGN.sql}, {PART.sql}, {INVITATION.sql}, {{more}}
FROM labeling_campaign c {{joins}}
LEFT JOIN labeling_participation p ON p.campaign_id = c.id AND p.rater_id = %(rater)s
LEFT JOIN labeling_invitation v ON v.id = p.invitation_id
WHERE c.id = %(campaign)s AND c.state <> 'draft'
"""
BY_CAMPAIGN = OPENED.format(more=EVALUATION.sql, joins="JOIN transcripts_evaluation e ON e.id = c.evaluation_id")
BY_SLOT = OPENED.format(
    more=SLOT_COLUMNS,
    joins=f"LEFT JOIN (labeling_assignment a {SLOT_JOINS}) ON a.id = %(slot)s AND i.campaign_id = c.id",
)


@dataclass(frozen=True)
class Opened:
    """A campaign that has begun, as it stands for somebody; `slot` where one was asked for and it has it."""

    campaign: Campaign
    part: Participation | None
    slot: Assignment | None


def opened(campaign: int, rater: User, slot: int | None = None) -> Opened | None:
    with prepared_cursor() as cursor:
        cursor.execute(
            BY_CAMPAIGN if slot is None else BY_SLOT, {"campaign": campaign, "rater": rater.pk, "slot": slot}
        )
        values = iter(cursor.fetchone() or ())
    found, part, invitation = CAMPAIGN.made(values), PART.made(values), INVITATION.made(values)
    if found is None:
        return None
    if part is not None:
        part.campaign, part.invitation, part.rater = found, invitation, rater
    if slot is not None:
        return Opened(found, part, slot_of(values, found, rater))
    if evaluation := EVALUATION.made(values):
        found.evaluation = evaluation
    return Opened(found, part, None)


def slot_of(values: Iterator[Any] | Sequence[Any], campaign: Campaign, rater: User) -> Assignment | None:
    """A slot from its columns, with its item; the rater where it is theirs."""
    values = iter(values)
    slot, item = SLOT.made(values), ITEM.made(values)
    if slot is None or item is None:
        return None
    slot.item, item.campaign = item, campaign
    if slot.rater_id == rater.pk:
        slot.rater = rater
    return slot
