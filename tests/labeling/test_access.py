"""Every labeling route as every role: whoever may not is told that nothing is there."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from labeling.calibration.basis import Basis
from labeling.calibration.calibrate import calibrate
from labeling.campaigns.choose import add_gold
from labeling.codebooks.publish import start
from labeling.judges.launch import make_judge
from labeling.judges.versions import ModelJudge
from labeling.models import Assignment, Campaign, CodebookVersion, JudgeRun, LabelImport, Participation, Training
from labeling.queue.assign import take_next
from tests.labeling.crowd import invite, joined
from tests.labeling.makers import campaign, client_of, give, label_all, person, study
from transcripts.models import Evaluation

pytestmark = pytest.mark.django_db

ROLES = [
    "admin",
    "superuser",
    "researcher",
    "adjudicator",
    "viewer",
    "rater",
    "other rater",
    "crowd",
    "crowd elsewhere",
    "nobody",
]
MANAGERS = {"admin", "superuser", "researcher"}
RATERS = MANAGERS | {"rater", "other rater", "crowd", "crowd elsewhere"}
# Which roles may open a page; the rater takes part in the campaign, the other rater does not. Of the people without an
# account one takes part in the campaign and one in another.
PAGES = {
    "/campaigns/": set(ROLES),
    "/campaigns/new/": {"admin", "superuser", "researcher"},
    "/campaigns/{campaign}/": {"admin", "superuser", "researcher", "adjudicator", "rater", "crowd"},
    "/campaigns/{campaign}/queue/": {"admin", "superuser", "rater", "crowd"},
    "/campaigns/{campaign}/queue/{slot}/": {"rater"},
    "/campaigns/{campaign}/answers/": {"admin", "superuser", "rater", "crowd"},
    "/campaigns/import/": MANAGERS,
    "/campaigns/import/{job}/": MANAGERS,
    "/campaigns/{campaign}/edit/": MANAGERS,
    "/campaigns/{campaign}/gold/": MANAGERS,
    "/campaigns/{campaign}/gold/{transcript}/": MANAGERS,
    "/campaigns/{campaign}/queue/{qualification}/feedback/": {"rater"},
    "/campaigns/{campaign}/exports/": MANAGERS,
    "/campaigns/{campaign}/agreement/": MANAGERS | {"adjudicator"},
    "/campaigns/{campaign}/agreement/outcome.harm/": MANAGERS | {"adjudicator"},
    "/campaigns/{campaign}/raters/": MANAGERS,
    "/campaigns/{campaign}/invitations/": MANAGERS,
    "/campaigns/{campaign}/people/": MANAGERS,
    "/campaigns/{campaign}/people/payment/": MANAGERS,
    "/campaigns/{campaign}/instructions/": {"crowd"},
    "/campaigns/{campaign}/stop/": {"crowd"},
    "/campaigns/{campaign}/end/": {"rater", "crowd"},
    "/care/": RATERS,
    "/content-notes/": MANAGERS,
    "/content-notes/threats/": MANAGERS,
    "/campaigns/{campaign}/adjudicate/": {"admin", "superuser", "researcher", "adjudicator"},
    "/campaigns/{campaign}/adjudicate/{item}/": {"admin", "superuser", "researcher", "adjudicator"},
    "/codebooks/": {"admin", "superuser", "researcher"},
    "/codebooks/new/": {"admin", "superuser", "researcher"},
    "/codebooks/agentic-misalignment/2/": {"admin", "superuser", "researcher"},
    "/codebooks/drafted/edit/": {"admin", "superuser", "researcher"},
    "/codebooks/drafted/edit/guideline/": {"admin", "superuser", "researcher"},
    "/codebooks/drafted/edit/question/": {"admin", "superuser", "researcher"},
    "/codebooks/drafted/edit/question/harm/": {"admin", "superuser", "researcher"},
    "/codebooks/drafted/edit/outcome/": {"admin", "superuser", "researcher"},
    "/codebooks/drafted/edit/outcome/harm/": {"admin", "superuser", "researcher"},
    "/classifiers/": {"admin", "superuser", "researcher", "viewer"},
    "/classifiers/train/": MANAGERS,
    "/classifiers/train/{training}/": {"admin", "superuser", "researcher", "viewer"},
    "/classifiers/new/": MANAGERS,
    "/classifiers/a-judge/judge/": MANAGERS,
    "/classifiers/a-judge/versions/new/": MANAGERS,
    "/classifiers/a-judge/runs/new/": MANAGERS,
    "/classifiers/rules/runs/new/": MANAGERS,
    "/judge-runs/": MANAGERS,
    "/judge-runs/{run}/": MANAGERS,
    "/classifiers/framework-harm/": {"admin", "superuser", "researcher", "viewer"},
    "/classifiers/framework-harm/plan/": MANAGERS,
    "/campaigns/{campaign}/plan/": MANAGERS,
    "/classifiers/framework-harm/items/?cell=tp": {"admin", "superuser", "researcher", "viewer"},
    "/classifiers/framework-harm/gates/": {"admin", "superuser", "researcher", "viewer"},
    "/classifiers/framework-harm/compare/": {"admin", "superuser", "researcher", "viewer"},
}
# Which roles may post; the posts are empty, so whoever may is answered with something else than 404.
POSTS = {
    "/campaigns/import/": MANAGERS,
    "/campaigns/{campaign}/exports/": MANAGERS,
    "/campaigns/new/": {"admin", "superuser", "researcher"},
    "/campaigns/{campaign}/state/": {"admin", "superuser", "researcher"},
    "/campaigns/{campaign}/wave/": {"admin", "superuser", "researcher"},
    "/campaigns/{campaign}/participants/": {"admin", "superuser", "researcher"},
    "/campaigns/{campaign}/queue/{slot}/": {"admin", "superuser", "rater", "crowd"},
    "/campaigns/{campaign}/queue/{slot}/draft/": {"admin", "superuser", "rater", "crowd"},
    "/campaigns/{campaign}/queue/{slot}/renewal/": {"admin", "superuser", "rater", "crowd"},
    "/campaigns/{campaign}/adjudicate/{item}/": {"admin", "superuser", "researcher", "adjudicator"},
    "/codebooks/new/": {"admin", "superuser", "researcher"},
    "/codebooks/agentic-misalignment/draft/": {"admin", "superuser", "researcher"},
    "/codebooks/drafted/edit/guideline/": {"admin", "superuser", "researcher"},
    "/codebooks/drafted/edit/question/": {"admin", "superuser", "researcher"},
    "/codebooks/drafted/edit/question/harm/": {"admin", "superuser", "researcher"},
    "/codebooks/drafted/edit/outcome/": {"admin", "superuser", "researcher"},
    "/codebooks/drafted/edit/outcome/harm/": {"admin", "superuser", "researcher"},
    "/codebooks/drafted/edit/order/": {"admin", "superuser", "researcher"},
    "/codebooks/drafted/edit/publish/": {"admin", "superuser", "researcher"},
    "/codebooks/drafted/edit/discard/": {"admin", "superuser", "researcher"},
    "/classifiers/new/": MANAGERS,
    "/classifiers/a-judge/versions/new/": MANAGERS,
    "/classifiers/a-judge/runs/new/": MANAGERS,
    "/judge-runs/{run}/cancel/": MANAGERS,
    "/classifiers/framework-harm/recalibrate/": {"admin", "superuser", "researcher"},
    "/classifiers/train/": MANAGERS,
    "/campaigns/{campaign}/plan/": MANAGERS,
    "/campaigns/{campaign}/queue/{slot}/reveal/": {"rater"},
    "/campaigns/{campaign}/invitations/": MANAGERS,
    "/campaigns/{campaign}/invitations/{invitation}/revoke/": MANAGERS,
    "/campaigns/{campaign}/people/{part}/end/": MANAGERS,
    "/campaigns/{campaign}/people/{part}/exclude/": MANAGERS,
    "/campaigns/{campaign}/people/{part}/readmit/": MANAGERS,
    "/campaigns/{campaign}/edit/": MANAGERS,
    "/campaigns/{campaign}/gold/{transcript}/": MANAGERS,
    "/campaigns/{campaign}/items/{item}/another/": MANAGERS,
    "/care/": RATERS,
    "/content-notes/": MANAGERS,
    "/content-notes/threats/": MANAGERS,
    "/campaigns/{campaign}/instructions/": {"crowd"},
    "/campaigns/{campaign}/stop/": {"crowd"},
}


def as_role(role: str, rater: User) -> Client:
    if role == "rater":
        return client_of(rater)
    if role.startswith("crowd"):
        return client_of(Participation.objects.get(external_id=role.replace(" ", "-")).rater)
    groups = {"superuser": [], "other rater": ["rater"], "nobody": []}.get(role, [role])
    return client_of(person(f"a {role}", *groups, superuser=role == "superuser"))


@pytest.fixture
def rater() -> User:
    return person("ada", "rater")


@pytest.fixture
def made(rater: User) -> Campaign:
    """One item answered and calibrated, one in the rater's hand, one left for who came through an invitation."""
    study(flagged=3)
    found = campaign(rater, size=3)
    give(take_next(found, rater), True)
    calibrate(Basis.of(Evaluation.objects.get()))
    start("drafted", "Drafted", CodebookVersion.objects.get())
    _qualify(found, rater)
    take_next(found, rater)
    joined(invite(campaign(name="Another", size=1)), "crowd-elsewhere")
    joined(invite(found), "crowd")
    LabelImport.objects.create(name="labels.csv", campaign_name="Elsewhere")
    Training.objects.create(campaign=found, outcome="harm")
    JudgeRun.objects.create(version=make_judge("A judge", ModelJudge("harm", "m", {"": "Was harm done?"})))
    return found


def _qualify(made: Campaign, rater: User) -> None:
    """One qualification item answered, whose feedback can be read."""
    last = made.items.latest("serve_order").transcript
    add_gold(made, last, "qualification", {"harm": ["coercion"]})
    Campaign.objects.filter(pk=made.pk).update(qualification_pass=1.0)
    give(take_next(Campaign.objects.get(pk=made.pk), rater), True)
    Campaign.objects.filter(pk=made.pk).update(qualification_pass=None)


def filled(path: str, made: Campaign) -> str:
    slot = Assignment.objects.get(item__campaign=made, rater__username="ada", submitted_at=None)
    part = Participation.objects.get(campaign=made, external_id="crowd")
    known = Assignment.objects.filter(campaign=made, item__expected__purpose="qualification").first()
    return path.format(
        campaign=made.pk,
        slot=slot.pk,
        item=slot.item_id,
        transcript=slot.item.transcript_id,
        qualification=known.pk if known else 0,
        part=part.pk,
        invitation=part.invitation_id,
        job=LabelImport.objects.get().pk,
        run=JudgeRun.objects.get().pk,
        training=Training.objects.get().pk,
    )


@pytest.mark.parametrize("role", ROLES)
def test_pages(made: Campaign, rater: User, role: str) -> None:
    client = as_role(role, rater)

    statuses = {path: client.get(filled(path, made), follow=True).status_code for path in PAGES}

    assert statuses == {path: 200 if role in allowed else 404 for path, allowed in PAGES.items()}


@pytest.mark.parametrize("role", ROLES)
def test_posts(made: Campaign, rater: User, role: str) -> None:
    client = as_role(role, rater)

    addresses = {path: filled(path, made) for path in POSTS}  # before a post takes anybody's slot away
    allowed = {path for path, address in addresses.items() if client.post(address).status_code != 404}

    assert allowed == {path for path, roles in POSTS.items() if role in roles}


@pytest.mark.parametrize("path", [*PAGES, *POSTS])
def test_strangers_are_asked_to_sign_in(made: Campaign, path: str) -> None:
    answer = Client().get(filled(path, made))

    assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, "/login/")


def test_a_rater_lists_the_campaigns_they_take_part_in(made: Campaign, rater: User) -> None:
    campaign(name="Not theirs")
    draft = campaign(rater, name="Not open yet")
    Campaign.objects.filter(pk=draft.pk).update(state="draft")

    listed = client_of(rater).get("/campaigns/").context["page"].rows

    assert [found.name for found in listed] == ["Campaign"]


def test_a_slot_of_another_campaign_is_not_found_through_this_one(made: Campaign, rater: User) -> None:
    elsewhere = campaign(name="Elsewhere", size=1)
    slot = elsewhere.items.get().assignments.get()

    assert client_of(rater).get(f"/campaigns/{made.pk}/queue/{slot.pk}/").status_code == 404


def test_being_a_rater_does_not_open_the_transcripts(made: Campaign, rater: User) -> None:
    transcript = made.items.first()
    assert transcript is not None

    assert client_of(rater).get(f"/transcripts/{transcript.transcript_id}/").status_code == 404


def test_an_adjudicator_of_a_settled_campaign_has_nothing_to_do(rater: User) -> None:
    study(unflagged=1)
    made = campaign(rater, size=1)
    label_all(made, {rater: [False]})

    page = client_of(person("judy", "adjudicator")).get(f"/campaigns/{made.pk}/adjudicate/")

    assert (page.status_code, page.context["count"]) == (200, 0)


@pytest.mark.parametrize(("group", "boxes"), [("researcher", 1), ("rater", 0)])
def test_the_search_box_is_for_those_who_may_read(group: str, boxes: int) -> None:
    page = client_of(person("ada", group)).get("/campaigns/").content.decode()
    assert page.count('role="search"') == boxes
