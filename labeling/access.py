"""Who may label, adjudicate and run campaigns. Whoever may not is told that nothing is there."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.db.models import QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils import timezone

from labeling.models import (
    Assignment,
    Campaign,
    CampaignItem,
    Codebook,
    CodebookVersion,
    Invitation,
    JudgeRun,
    LabelExport,
    LabelImport,
    Participation,
)
from labeling.queue.opened import Opened, opened
from transcripts.access import groups
from transcripts.models import Classifier

Visitor = User | AbstractBaseUser | AnonymousUser

MANAGERS = frozenset({"researcher", "admin"})
ADJUDICATORS = MANAGERS | {"adjudicator"}
# People who came through an invitation: the group opens nothing, and keeps what every account may open from them.
CROWD = "crowd"
RATERS = MANAGERS | {"rater", CROWD}
QUEUE = "labeling:queue"


class Elsewhere(Http404):
    """A participant is at another page now, named by its route; where nobody sends them there, nothing is here."""

    def __init__(self, page: str) -> None:
        super().__init__(page)
        self.page = page


def may_manage(user: Visitor) -> bool:
    """Start campaigns, draw waves, see everybody's progress, calibrate."""
    return isinstance(user, User) and (user.is_superuser or bool(groups(user) & MANAGERS))


def may_adjudicate(user: Visitor) -> bool:
    return isinstance(user, User) and (user.is_superuser or bool(groups(user) & ADJUDICATORS))


def is_administrator(user: Visitor) -> bool:
    return isinstance(user, User) and (user.is_superuser or "admin" in groups(user))


def is_crowd(user: Visitor) -> bool:
    return CROWD in groups(user)


def may_rate(user: Visitor) -> bool:
    """Have a say in how texts are opened to them."""
    return isinstance(user, User) and (user.is_superuser or bool(groups(user) & RATERS))


def require_rater(user: Visitor) -> User:
    if not may_rate(user) or not isinstance(user, User):
        raise Http404
    return user


def require_manager(user: Visitor) -> User:
    if not may_manage(user) or not isinstance(user, User):
        raise Http404
    return user


def visible_campaigns(user: Visitor) -> QuerySet[Campaign]:
    """All for those who run or adjudicate them; for a rater those that they take part in."""
    campaigns = Campaign.objects.select_related("evaluation")
    if may_adjudicate(user):
        return campaigns
    if not isinstance(user, User):
        return campaigns.none()
    return campaigns.filter(participants=user).exclude(state=Campaign.State.DRAFT)


def visible_campaign(user: Visitor, pk: int) -> Campaign:
    return _found(visible_campaigns(user).select_related("codebook_version__codebook"), pk)


def managed_campaign(user: Visitor, pk: int) -> Campaign:
    require_manager(user)
    return _found(
        Campaign.objects.select_related("evaluation", "codebook_version", "classifier_version__classifier"), pk
    )


def managed_codebook(user: Visitor, slug: str) -> Codebook:
    require_manager(user)
    return get_object_or_404(Codebook, slug=slug)


def managed_edition(user: Visitor, slug: str, number: int) -> CodebookVersion:
    require_manager(user)
    versions = CodebookVersion.objects.select_related("codebook", "published_by")
    return get_object_or_404(versions, codebook__slug=slug, number=number)


def takes_part(user: Visitor, campaign: Campaign) -> bool:
    """Active participants label, and administrators may."""
    return is_administrator(user) or (
        isinstance(user, User) and campaign.participations.filter(rater=user, state=Participation.State.ACTIVE).exists()
    )


def participation_of(campaign: Campaign, user: User) -> Participation | None:
    return campaign.participations.filter(rater=user).select_related("invitation").first()


def joined_campaign(user: Visitor, pk: int) -> tuple[Campaign, User, Participation | None]:
    """The campaign of a participant, also of one whose part has ended. An administrator needs no part in it."""
    campaign = _found(
        Campaign.objects.select_related("evaluation", "codebook_version").exclude(state=Campaign.State.DRAFT), pk
    )
    if not isinstance(user, User):
        raise Http404
    part = participation_of(campaign, user)
    if part is None and not is_administrator(user):
        raise Http404
    return campaign, user, part


def own_part(user: Visitor, pk: int) -> Participation:
    """The part that somebody has in a campaign through an invitation, ended or not."""
    campaign, _, part = joined_campaign(user, pk)
    if part is None or part.invitation is None:
        raise Http404
    part.campaign = campaign
    return part


def rated_campaign(user: Visitor, pk: int, slot: int | None = None) -> tuple[Opened, User]:
    """For labeling: raises Elsewhere for participants who have not got so far, or whose part has ended."""
    found = opened(pk, user, slot) if isinstance(user, User) else None
    if found is None or not isinstance(user, User) or (found.part is None and not is_administrator(user)):
        raise Http404
    if found.part is not None and (page := page_of(found.part)) != QUEUE:
        raise Elsewhere(page)
    return found, user


def rated_slot(user: Visitor, pk: int, slot: int) -> tuple[Opened, User, Assignment]:
    """The same with a slot of the campaign, whoever holds it: the caller says what a rater who lost it is told."""
    found, rater = rated_campaign(user, pk, slot)
    if found.slot is None:
        raise Http404
    return found, rater, found.slot


def page_of(part: Participation) -> str:
    """The page at which a participant is."""
    if part.state != Participation.State.ACTIVE or part.is_over_time:
        return "labeling:end"
    return "labeling:instructions" if part.invitation and part.instructed_at is None else QUEUE


def part_of_crowd(user: Visitor) -> Participation | None:
    """Of somebody who came through an invitation the part that they came for; of everybody else none."""
    if not isinstance(user, User) or not is_crowd(user):
        return None
    return Participation.objects.filter(rater=user).select_related("invitation").first()


def managed_invitation(campaign: Campaign, pk: int) -> Invitation:
    found = campaign.invitations.filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def managed_part(campaign: Campaign, pk: int) -> Participation:
    found = campaign.participations.select_related("rater", "invitation").filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def assignment_of(campaign: Campaign, pk: int) -> Assignment:
    """A slot of this campaign, whoever holds it: the caller says what a rater who lost it is told."""
    found = Assignment.objects.select_related("item__campaign", "rater").filter(item__campaign=campaign, pk=pk)
    assignment = found.first()
    if assignment is None:
        raise Http404
    return assignment


def adjudicated_campaign(user: Visitor, pk: int) -> tuple[Campaign, User]:
    if not may_adjudicate(user) or not isinstance(user, User):
        raise Http404
    return _found(Campaign.objects.select_related("evaluation", "codebook_version"), pk), user


def adjudicated_item(campaign: Campaign, pk: int) -> CampaignItem:
    item = CampaignItem.objects.filter(campaign=campaign, pk=pk).select_related("campaign").first()
    if item is None:
        raise Http404
    return item


def _found(campaigns: QuerySet[Campaign], pk: int) -> Campaign:
    campaign = campaigns.filter(pk=pk).first()
    if campaign is None:
        raise Http404
    return campaign


def delivered_export(user: Visitor, campaign: int, pk: int) -> LabelExport:
    """An export that can still be fetched, for whoever made it and for those who run campaigns."""
    found = LabelExport.objects.select_related("campaign").filter(pk=pk, campaign=campaign).exclude(file="").first()
    mine = found is not None and isinstance(user, User) and found.created_by_id == user.pk
    if found is None or not (mine or may_manage(user)) or (found.expires_at and found.expires_at < timezone.now()):
        raise Http404
    return found


def label_import(user: Visitor, pk: int) -> LabelImport:
    require_manager(user)
    found = LabelImport.objects.select_related("campaign", "created_by").filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def runnable_classifier(user: Visitor, slug: str, kind: str | None = None) -> Classifier:
    """A classifier that can be run here, for those who may: a model judge, or the rules."""
    require_manager(user)
    kinds = [kind] if kind else [Classifier.Kind.MODEL, Classifier.Kind.RULES]
    return get_object_or_404(Classifier, slug=slug, kind__in=kinds)


def judge_run_of(user: Visitor, pk: int) -> JudgeRun:
    require_manager(user)
    runs = JudgeRun.objects.select_related("version__classifier", "evaluation", "created_by")
    return get_object_or_404(runs, pk=pk)
