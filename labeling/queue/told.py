"""What a campaign tells its raters beside the text: nothing, unless it says that something need not be hidden."""

from __future__ import annotations

from dataclasses import dataclass, replace

from labeling.models import Assignment, Campaign
from labeling.panel.votes import Votes, votes
from labeling.queue.blind import mask_of, words
from labeling.queue.masks import Mask
from transcripts.models import Transcript, Verdict
from transcripts.page.judgements import Judgement, judgement

Hidden = Campaign.Hidden


@dataclass(frozen=True)
class Told:
    """Each is empty where it is hidden. `others` comes after the rater's own answer only."""

    model: str
    condition: list[str]
    judgements: list[Judgement] | None
    others: Votes | None

    def __bool__(self) -> bool:
        return bool(self.model or self.condition or self.judgements is not None or self.others is not None)


def told(campaign: Campaign, slot: Assignment, transcript: Transcript) -> Told:
    open_ = set(Hidden.values) - set(campaign.hides)
    cell = transcript.cell
    verdicts = Verdict.objects.filter(transcript=transcript).select_related("version__classifier")
    answered = slot.submitted_at is not None
    mask = mask_of(campaign, cell.model)
    return Told(
        model=str(cell.model) if Hidden.MODEL in open_ else "",
        condition=[cell.condition.scenario, *cell.condition.factors] if Hidden.CONDITION in open_ else [],
        judgements=[_covered(judgement(row), mask) for row in verdicts] if Hidden.VERDICT in open_ else None,
        others=votes(campaign, [slot.item_id], without=slot.rater_id)[slot.item_id]
        if Hidden.OTHERS in open_ and answered
        else None,
    )


def _covered(shown: Judgement, mask: Mask) -> Judgement:
    return replace(shown, why=words("".join(piece.text for piece in shown.why), mask))
