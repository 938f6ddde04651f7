from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import Error, connection, transaction
from django.http import QueryDict
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from reports import share
from reports.filters import Report
from reports.models import ShareLink, ShareView, Snapshot
from transcripts.models import Evaluation, Transcript

from .makers import WELL_LABELLED, condition, study, user

pytestmark = pytest.mark.django_db

UNKNOWN = "A" * 43


def draft(slug: str = "rates", by: User | None = None, model: str = "m") -> Snapshot:
    if not Evaluation.objects.exists():
        study({(model, condition()): WELL_LABELLED}, synthetic=True)
    by = by or User.objects.filter(username="maker").first() or user("maker", "researcher")
    return share.make_snapshot(Report.from_query(QueryDict()), slug, title="Title", note="A note.", by=by)


def published(slug: str = "rates", model: str = "m") -> Snapshot:
    snapshot = draft(slug, model=model)
    assert snapshot.created_by is not None
    return share.publish(snapshot, snapshot.created_by)


def linked(slug: str = "rates", model: str = "m") -> tuple[ShareLink, str]:
    snapshot = published(slug, model)
    assert snapshot.created_by is not None
    return share.make_link(snapshot, audience="the board", by=snapshot.created_by)


def test_from_the_chart_to_the_shared_page_by_hand(client: Client) -> None:
    evaluation = study({("m", condition()): WELL_LABELLED})
    client.force_login(user("maker", "researcher"))

    made = client.post(
        "/snapshots/new/", {"slug": "rates", "query": f"evaluation={evaluation.pk}", "title": "Spring", "note": "n"}
    )
    client.post(f"{made['Location']}publish/")
    page = client.post(f"{made['Location']}links/", {"audience": "the board", "days": "30", "disclosure": "figures"})
    (address,) = re.findall(r'class="secret" href="http://testserver([^"]*)"', page.content.decode())
    client.logout()
    shared = client.get(address)

    assert re.findall(r"<h1>(.*?)</h1>", shared.content.decode()) == ["Spring"]
    assert page["Cache-Control"] == "no-store"


def test_a_token_is_shown_once_and_kept_as_a_hash() -> None:
    link, token = linked()

    stored = str(ShareLink.objects.values().get()) + str(Snapshot.objects.values().get())

    assert (len(token), token in stored, link.token_prefix) == (43, False, token[:6])


def test_a_link_opens_without_an_account_and_is_counted(client: Client) -> None:
    link, token = linked()

    response = client.get(f"/s/{token}/")

    assert (response.status_code, link.views.count()) == (200, 1)
    assert dict(client.cookies) == {}


def test_the_shared_page_is_sealed(client: Client) -> None:
    _, token = linked()

    for address in (f"/s/{token}/", f"/s/{token}/?format=csv", f"/s/{UNKNOWN}/"):
        response = client.get(address)
        assert [response[name] for name in ("X-Robots-Tag", "Cache-Control", "Referrer-Policy", "X-Frame-Options")] == [
            "noindex, nofollow, noarchive",
            "no-store",
            "no-referrer",
            "DENY",
        ]


@pytest.mark.parametrize("slug", ["rates", "heatmap", "leaderboard"])
def test_the_shared_page_reads_nothing_but_the_snapshot(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries, slug: str
) -> None:
    _, token = linked(slug)

    # The link with its snapshot; the note that it was opened.
    with django_assert_num_queries(2):
        client.get(f"/s/{token}/")


def test_the_shared_page_leads_nowhere_inside(client: Client) -> None:
    for slug in ("rates", "leaderboard"):
        _, token = linked(slug)
        html = client.get(f"/s/{token}/").content.decode()
        assert re.findall(r'<a [^>]*href="([^"]*)"', html) == [
            "#main",
            "?format=json",
            "?part=1&amp;format=csv",
            "?part=1&amp;format=parquet",
        ]
        assert html.count("/transcripts/") == 0


def test_the_shared_page_has_its_table_without_script_and_is_marked_as_synthetic(client: Client) -> None:
    _, token = linked()

    html = client.get(f"/s/{token}/").content.decode()

    assert html.count('<span class="rate-text">20 % [12, 31]</span>') == 1
    assert html.count("Synthetic demonstration data.") == 1


def expire(link: ShareLink) -> None:
    ShareLink.objects.filter(pk=link.pk).update(expires_at=timezone.now() - timedelta(seconds=1))


@pytest.mark.parametrize("end", [expire, share.revoke])
def test_ended_links_and_wrong_ones_are_the_same_page(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries, end: Any
) -> None:
    link, token = linked()
    end(link)

    pages = []
    for address in (f"/s/{token}/", f"/s/{UNKNOWN}/", "/s/x/"):
        with django_assert_num_queries(1):
            response = client.get(address)
        pages.append((response.status_code, response.content))

    assert pages[0] == pages[1] == pages[2]
    assert pages[0][0] == 404
    assert ShareView.objects.count() == 0


def test_a_draft_is_not_opened_even_if_a_link_exists(client: Client) -> None:
    snapshot = draft()
    ShareLink.objects.create(
        snapshot=snapshot,
        token_sha256=share._hash("token"),
        token_prefix="token",
        audience="a",
        expires_at=timezone.now() + timedelta(days=1),
    )

    assert client.get("/s/token/").status_code == 404


def test_a_draft_has_no_links() -> None:
    with pytest.raises(share.NotAllowed, match="Only a published snapshot can be shared."):
        share.make_link(draft(), audience="a", by=User.objects.get(username="maker"))


def test_links_expire_after_a_month_unless_said_otherwise() -> None:
    link, _ = linked()

    assert (link.expires_at - link.created_at).days in (29, 30)


@pytest.mark.parametrize("disclosure", ["excerpts", "transcripts", "everything"])
def test_levels_above_the_one_that_was_published_are_refused(client: Client, disclosure: str) -> None:
    snapshot = published()
    client.force_login(User.objects.get(username="maker"))

    response = client.post(
        f"/snapshots/{snapshot.pk}/links/", {"audience": "a", "days": "30", "disclosure": disclosure}
    )

    assert (response.status_code, ShareLink.objects.count()) == (400, 0)


def test_what_is_published_stays_when_its_evaluation_is_deleted(client: Client) -> None:
    _, token = linked()
    before = client.get(f"/s/{token}/").content

    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL amdash.erasing = 'on'")
    Evaluation.objects.all().delete()

    assert client.get(f"/s/{token}/").content == before


@pytest.mark.parametrize("field", ["title", "content", "basis", "state", "published_by", "note"])
def test_the_database_refuses_to_change_what_is_published(field: str) -> None:
    snapshot = published()
    changed: Any = {"content": {}, "basis": {}, "state": "draft"}.get(field, "changed")

    with pytest.raises(Error, match="never changes"), transaction.atomic():
        Snapshot.objects.filter(pk=snapshot.pk).update(**{field: changed})
    with pytest.raises(Error, match="never changes"), transaction.atomic():
        snapshot.delete()


def test_a_published_snapshot_outlives_the_account_of_its_maker() -> None:
    snapshot = published()

    User.objects.get(username="maker").delete()

    snapshot.refresh_from_db()
    assert (snapshot.created_by, snapshot.published_by) == (None, "maker")


def test_a_retraction_is_read_first_and_the_link_still_opens(client: Client) -> None:
    link, token = linked()

    share.retract(link.snapshot, "The <judge> was broken.")
    html = client.get(f"/s/{token}/").content.decode()
    csv = client.get(f"/s/{token}/?format=csv").content.decode()

    assert html.count("Do not use these figures. The &lt;judge&gt; was broken.") == 1
    assert csv.count("# RETRACTED: The <judge> was broken.") == 1


def test_what_was_retracted_is_not_published_again() -> None:
    snapshot = share.retract(published(), "reason")

    with pytest.raises(share.NotAllowed):
        share.publish(snapshot, User.objects.get(username="maker"))
    with pytest.raises(share.NotAllowed):
        share.retract(snapshot, "again")
    with pytest.raises(share.NotAllowed):
        share.discard(snapshot)


def test_a_retraction_needs_a_reason(client: Client) -> None:
    snapshot = published()
    client.force_login(User.objects.get(username="maker"))

    response = client.post(f"/snapshots/{snapshot.pk}/retract/", {"reason": " "})

    snapshot.refresh_from_db()
    assert (response.status_code, snapshot.state) == (400, "published")


def test_the_basis_tells_new_transcripts_from_new_labels() -> None:
    hashes = ("transcript_set_sha256", "label_set_sha256", "verdict_counts_sha256")
    first = draft().basis
    again = draft().basis

    Transcript.objects.order_by("pk").filter(pk=Transcript.objects.earliest("pk").pk).update(content_sha256=b"new")
    changed = draft().basis

    assert [first[name] == again[name] for name in hashes] == [True, True, True]
    assert [first[name] == changed[name] for name in hashes] == [False, True, True]
    assert (first["transcripts"], first["drawn"], first["classifier"]) == (100, 60, "judge 1")


def test_a_hostile_name_stays_text_in_a_snapshot(client: Client) -> None:
    _, token = linked("leaderboard", model="=<script>alert(1)</script>")

    html = client.get(f"/s/{token}/").content.decode()
    csv = client.get(f"/s/{token}/?format=csv").content.decode()

    assert html.count("<script>alert") == 0
    assert csv.splitlines()[1].startswith("'=<script>alert(1)</script>,1,0.200000")


def test_the_list_of_snapshots_takes_the_same_queries_for_one_and_three(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    draft()
    client.force_login(User.objects.get(username="maker"))

    for more in (0, 2):
        for _ in range(more):
            draft()
        with django_assert_num_queries(5):
            client.get("/snapshots/")


def test_a_snapshot_whose_links_were_opened_says_how_often(client: Client) -> None:
    link, token = linked()
    client.get(f"/s/{token}/")
    client.get(f"/s/{token}/")
    client.force_login(User.objects.get(username="maker"))

    html = client.get(f"/snapshots/{link.snapshot_id}/").content.decode()

    assert html.count("opened 2 times") == 1


def test_the_same_form_sent_twice_makes_one_link(client: Client) -> None:
    snapshot = published()
    client.force_login(user("publisher", "researcher"))
    form = {"audience": "the board", "days": "30", "disclosure": "figures", "once": "a-form"}

    answers = [client.post(f"/snapshots/{snapshot.pk}/links/", form).status_code for _ in range(2)]

    assert answers == [200, 302]
    assert ShareLink.objects.count() == 1
