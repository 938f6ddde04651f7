"""Passwords, downloads, views and headers of share links."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client, override_settings
from django.utils import timezone
from pyarrow import parquet
from pytest_django import DjangoAssertNumQueries

from reports import share
from reports.citation import fingerprint
from reports.models import ShareLink, Snapshot
from transcripts.downloads.downloads import CANARY

from .test_share import UNKNOWN, published

pytestmark = pytest.mark.django_db
PASSWORD = "a long one"


@pytest.fixture(autouse=True)
def _quick_hashes() -> Iterator[None]:
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield


def locked() -> tuple[ShareLink, str]:
    snapshot = published()
    assert snapshot.created_by is not None
    return share.make_link(snapshot, audience="the board", by=snapshot.created_by, password=PASSWORD)


def test_a_password_opens_everything_behind_the_link_and_nothing_else_does(client: Client) -> None:
    link, token = locked()
    here = f"/s/{token}/"

    asked = [client.get(here), client.get(f"{here}?format=csv"), client.get(f"{here}transcripts/1/0/1/")]
    wrong = client.post(here, {"password": "another"})
    assert [response.status_code for response in (*asked, wrong)] == [200, 403, 403, 403]
    for response in (*asked, wrong):
        assert [
            word for word in ("Title", "A note.", "Study", "20 %", "board") if word in response.content.decode()
        ] == []
    assert link.views.count() == 0

    right = client.post(here, {"password": PASSWORD})
    assert (right.status_code, right["Location"]) == (303, here)
    assert [client.get(f"{here}{more}").status_code for more in ("", "?format=csv")] == [200, 200]
    assert list(link.views.order_by("pk").values_list("what", flat=True)) == ["page", "csv"]


def test_the_cookie_is_of_one_link_for_half_a_day_and_says_nothing(client: Client) -> None:
    _, token = locked()
    client.post(f"/s/{token}/", {"password": PASSWORD})
    cookie = client.cookies["opened"]
    _, other = share.make_link(
        Snapshot.objects.get(), audience="b", by=User.objects.get(username="maker"), password=PASSWORD
    )

    assert [cookie[name] for name in ("path", "httponly", "samesite", "max-age")] == [
        f"/s/{token}/",
        True,
        "Lax",
        43200,
    ]
    stranger = Client()
    stranger.cookies["opened"] = cookie.value
    assert stranger.get(f"/s/{token}/?format=csv").status_code == 200
    assert stranger.get(f"/s/{other}/?format=csv").status_code == 403
    stranger.cookies["opened"] = "forged"
    assert stranger.get(f"/s/{token}/?format=csv").status_code == 403


def test_after_five_wrong_passwords_the_right_one_waits_too(client: Client) -> None:
    link, token = locked()

    answers = [client.post(f"/s/{token}/", {"password": f"no {n}"}).status_code for n in range(5)]
    refused = client.post(f"/s/{token}/", {"password": PASSWORD})
    ShareLink.objects.update(attempts_since=timezone.now() - share.ATTEMPTS_WITHIN - timedelta(seconds=1))
    later = client.post(f"/s/{token}/", {"password": PASSWORD})

    assert (answers, refused.status_code, later.status_code) == ([403] * 5, 429, 303)
    link.refresh_from_db()
    assert (link.attempts, link.attempts_since) == (0, None)


def test_a_password_is_kept_as_a_hash() -> None:
    link, _ = locked()

    assert str(ShareLink.objects.values().get()).count(PASSWORD) == 0
    assert link.password.startswith("md5$")


def test_ended_and_guessed_links_with_a_password_are_one_page(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    link, token = locked()
    share.revoke(link)

    answers = []
    for address in (f"/s/{token}/", f"/s/{UNKNOWN}/"):
        for where in ("", "?format=json", "transcripts/1/0/1/"):
            for ask in (client.get, client.post):
                with django_assert_num_queries(1):
                    response = ask(f"{address}{where}", {"password": PASSWORD} if ask == client.post else {})
                answers.append((response.status_code, response.content, sorted(response.headers.items())))

    assert all(answer[:2] == answers[0][:2] for answer in answers)
    assert answers[0][0] == 404
    assert all(answer[2] == answers[0][2] for answer in answers)


def test_what_is_not_there_behind_an_open_link_is_that_page_too(client: Client) -> None:
    snapshot = published()
    assert snapshot.created_by is not None
    _, token = share.make_link(snapshot, audience="a", by=snapshot.created_by)
    nothing = client.get(f"/s/{UNKNOWN}/").content

    for more in ("?format=xml", "?part=2&format=csv", "?part=x&format=csv", "transcripts/1/0/1/"):
        response = client.get(f"/s/{token}/{more}")
        assert (response.status_code, response.content) == (404, nothing)


def test_every_answer_forbids_framing(client: Client) -> None:
    _, token = locked()
    client.post(f"/s/{token}/", {"password": PASSWORD})
    strangers = Client()

    for response in (
        client.get(f"/s/{token}/"),
        client.get(f"/s/{token}/?format=csv"),
        strangers.get(f"/s/{token}/"),
        strangers.get(f"/s/{UNKNOWN}/"),
    ):
        policy = [part.strip() for part in response["Content-Security-Policy"].split(";")]
        assert [part for part in policy if part.startswith("frame-ancestors")] == ["frame-ancestors 'none'"]
        assert response["X-Frame-Options"] == "DENY"


def test_each_download_holds_the_figures_and_the_canary(client: Client) -> None:
    snapshot = published()
    assert snapshot.created_by is not None
    _, token = share.make_link(snapshot, audience="a", by=snapshot.created_by)

    csv = client.get(f"/s/{token}/?format=csv").content.decode()
    told = json.loads(client.get(f"/s/{token}/?format=json").content)
    table = parquet.read_table(io.BytesIO(client.get(f"/s/{token}/?part=1&format=parquet").content))

    (row,) = told["parts"][0]["rows"]
    (same,) = table.to_pylist()
    names = ("rate", "low", "high", "transcripts", "labels", "tier")
    assert [row[name] for name in names] == [same[name] for name in names]
    assert (row["names"], same["Model"], row["rate"], row["labels"]) == (["m", "blackmail · control"], "m", 0.2, 60)
    assert csv.splitlines()[1].split(",")[3:5] == [f"{row['rate']:.6f}", f"{row['low']:.6f}"]
    assert (told["canary"], table.schema.metadata[b"canary"].decode(), csv.count(CANARY)) == (CANARY, CANARY, 1)
    assert told["parts"][0]["examples"] == []
    assert "query" not in row


def test_the_citation_names_what_was_published(client: Client) -> None:
    snapshot = published()
    assert snapshot.created_by is not None
    _, token = share.make_link(snapshot, audience="a", by=snapshot.created_by)
    snapshot.refresh_from_db()

    html = client.get(f"/s/{token}/").content.decode()

    assert snapshot.published_at is not None
    line = (
        f"maker: Title. amdash snapshot {snapshot.pk}, {snapshot.published_at:%-d %B %Y}. Evaluation: Study. "
        f"SHA-256 {snapshot.fingerprint[:16]}. http://testserver/s/{token}/"
    )
    assert html.count(f'<p class="cite">{line}</p>') == 1
    assert html.count(snapshot.fingerprint) == 1


def test_the_fingerprint_can_be_made_again_from_what_is_kept() -> None:
    snapshot = Snapshot.objects.get(pk=published().pk)
    changed = Snapshot.objects.get(pk=snapshot.pk)
    changed.content["rows"][0]["value"] = 0.21

    assert fingerprint(snapshot) == snapshot.fingerprint
    assert fingerprint(changed) != snapshot.fingerprint
