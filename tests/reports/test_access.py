from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from reports.models import Snapshot

from .makers import UNLABELLED, condition, study, user
from .test_share import draft

pytestmark = pytest.mark.django_db

PAGES = ["/charts/", "/charts/rates/", "/charts/heatmap/", "/leaderboard/", "/snapshots/", "/snapshots/add/"]


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize(
    ("group", "status"),
    [("viewer", 200), ("researcher", 200), ("adjudicator", 404), ("admin", 200), ("rater", 404), ("", 404)],
)
def test_raters_and_people_without_a_group_see_no_report(client: Client, path: str, group: str, status: int) -> None:
    study({("m", condition()): UNLABELLED})
    client.force_login(user("somebody", *filter(None, [group])))

    assert client.get(path).status_code == status


@pytest.mark.parametrize("path", PAGES)
def test_strangers_are_sent_to_sign_in(client: Client, path: str) -> None:
    assert client.get(path)["Location"] == f"/login/?next={path}"


@pytest.mark.parametrize(
    ("group", "state"), [("viewer", "draft"), ("adjudicator", "draft"), ("rater", "draft"), ("admin", "published")]
)
def test_only_researchers_and_administrators_publish(client: Client, group: str, state: str) -> None:
    snapshot = draft()
    client.force_login(user("somebody", group))

    client.post(f"/snapshots/{snapshot.pk}/publish/")

    snapshot.refresh_from_db()
    assert snapshot.state == state


@pytest.mark.parametrize("path", ["/subscriptions/", "/subscriptions/new/", "/subscriptions/1/"])
@pytest.mark.parametrize(
    ("group", "found"), [("viewer", False), ("researcher", True), ("adjudicator", False), ("rater", False)]
)
def test_only_publishers_have_reports_made_for_others(client: Client, path: str, group: str, found: bool) -> None:
    study({("m", condition()): UNLABELLED})
    client.force_login(user("somebody", group))

    assert client.get(path).status_code == (200 if found and path != "/subscriptions/1/" else 404)
    assert client.post("/subscriptions/1/delete/").status_code == 404


@pytest.mark.parametrize("group", ["adjudicator", "rater"])
def test_the_blind_find_no_snapshot_by_any_way(client: Client, group: str) -> None:
    one = f"/snapshots/{draft().pk}/"
    client.force_login(user("somebody", group))

    got = [client.get(path).status_code for path in (one, f"{one}changes/1/", f"{one}transcripts/1/0/1/")]
    posted = [client.post(path).status_code for path in (f"{one}words/", f"{one}again/", "/snapshots/add/")]
    assert (got, posted) == ([404] * 3, [404] * 3)


@pytest.mark.parametrize("action", ["publish", "retract", "links", "links/1/revoke"])
@pytest.mark.parametrize("group", ["viewer", "adjudicator", "rater"])
def test_who_may_not_publish_finds_nothing_there(client: Client, action: str, group: str) -> None:
    snapshot = draft()
    client.force_login(user("somebody", group))

    assert client.post(f"/snapshots/{snapshot.pk}/{action}/", {"reason": "r"}).status_code == 404


def test_a_draft_is_thrown_away_by_its_maker_and_by_nobody_like_him(client: Client) -> None:
    snapshot = draft(by=user("maker", "viewer"))
    client.force_login(user("other", "viewer"))
    refused = client.post(f"/snapshots/{snapshot.pk}/discard/")

    client.force_login(User.objects.get(username="maker"))
    client.post(f"/snapshots/{snapshot.pk}/discard/")

    assert (refused.status_code, Snapshot.objects.count()) == (404, 0)


def test_a_rater_cannot_make_a_snapshot(client: Client) -> None:
    study({("m", condition()): UNLABELLED})
    client.force_login(user("somebody", "rater"))

    response = client.post("/snapshots/new/", {"slug": "rates", "title": "t"})

    assert (response.status_code, Snapshot.objects.count()) == (404, 0)


def test_a_researcher_who_rates_keeps_a_researchers_sight(client: Client) -> None:
    client.force_login(user("both", "rater", "researcher"))

    assert client.get("/snapshots/").status_code == 200
