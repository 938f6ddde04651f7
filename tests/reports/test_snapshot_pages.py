"""Pages of several exhibits: written while they are drafts, frozen when they are published."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.db import Error, transaction
from django.http import QueryDict
from django.test import Client

from reports import compose, share
from reports.filters import Report
from reports.models import Snapshot

from .makers import WELL_LABELLED, condition, study, user

pytestmark = pytest.mark.django_db


def page() -> Snapshot:
    """A text, a leaderboard, a chart, in this order."""
    study({("m", condition()): WELL_LABELLED})
    made = compose.make_page(title="Spring", note="A note.", by=user("maker", "researcher"))
    compose.add_text(made, "First words.\n\nSecond <b>paragraph</b>.")
    for slug in ("leaderboard", "rates"):
        compose.add_exhibit(made, Report.from_query(QueryDict()), slug)
    made.refresh_from_db()
    return made


def maker() -> User:
    return User.objects.get(username="maker")


def kinds(snapshot: Snapshot) -> list[str]:
    snapshot.refresh_from_db()
    return [part["frozen"].get("slug") or part["text"].split()[0] for part in snapshot.content["parts"]]


def test_a_page_is_written_by_hand_from_charts_to_the_shared_link(client: Client) -> None:
    study({("m", condition()): WELL_LABELLED})
    client.force_login(user("maker", "researcher"))
    asked = client.get("/snapshots/add/?slug=rates&query=")
    made = client.post("/snapshots/add/", {"slug": "rates", "query": "", "page": "", "title": "Spring"})["Location"]
    pk = Snapshot.objects.get().pk
    client.post("/snapshots/add/", {"slug": "leaderboard", "query": "", "page": pk})
    client.post(f"{made}words/", {"title": "Spring", "note": "", "then": "text"})
    client.post(f"{made}words/", {"title": "Summer", "note": "n", "text-3": "Hello <i>there</i>.", "then": "up-3"})
    client.post(f"{made}words/", {"title": "Summer", "note": "n", "text-3": "Hello <i>there</i>.", "then": "down-1"})
    client.post(f"{made}publish/", {"discloses": "figures"})
    shown = client.post(f"{made}links/", {"audience": "a", "days": 1, "disclosure": "figures"}).content.decode()
    (address,) = re.findall(r'class="secret" href="http://testserver([^"]*)"', shown)

    assert asked.status_code == 200
    html = Client().get(address).content.decode()
    heads = re.findall(r"<h1>(.*?)</h1>|<h2>(.*?) <small>|<p>(Hello.*?)</p>", html)
    assert ["".join(head) for head in heads] == [
        "Summer",
        "Hello &lt;i&gt;there&lt;/i&gt;.",
        "Rates by model and condition",
        "Leaderboard",
    ]
    ids = re.findall(r' id="([^"]+)"', html)
    assert len(ids) == len(set(ids))


def test_parts_are_moved_and_removed() -> None:
    made = page()
    assert kinds(made) == ["First", "leaderboard", "rates"]

    compose.move(made, 3, -1)
    assert kinds(made) == ["First", "rates", "leaderboard"]
    compose.move(made, 1, -1)
    assert kinds(made) == ["First", "rates", "leaderboard"]
    compose.remove(made, 3)
    compose.remove(made, 3)
    compose.move(made, 99, 1)
    assert kinds(made) == ["First", "leaderboard"]
    compose.add_text(made, "Last words.")
    assert (kinds(made), made.basis["evaluation"]) == (["First", "leaderboard", "Last"], "Study")
    assert [part["number"] for part in made.content["parts"]] == [1, 2, 3]


def test_a_published_page_is_frozen_by_the_product_and_by_the_database() -> None:
    made = page()
    share.publish(made, maker())

    refused: list[Callable[[], object]] = [
        lambda: compose.add_text(made, "more"),
        lambda: compose.set_words(made, title="other", note="", texts={}),
        lambda: compose.move(made, 1, 1),
        lambda: compose.remove(made, 1),
        lambda: compose.add_exhibit(made, Report.from_query(QueryDict()), "rates"),
    ]
    for change in refused:
        with pytest.raises(share.NotAllowed, match="Only a draft can be changed."):
            change()
    with pytest.raises(Error, match="never changes"), transaction.atomic():
        Snapshot.objects.update(content={"parts": []})


def test_a_page_has_room_for_so_many_parts() -> None:
    made = compose.make_page(title="Long", note="", by=None)
    for _ in range(compose.MOST_PARTS):
        compose.add_text(made, "words")

    with pytest.raises(compose.Full, match="at most 40 parts"):
        compose.add_text(made, "too many")


def test_a_draft_is_written_by_its_maker_and_by_who_may_publish(client: Client) -> None:
    made = page()
    Snapshot.objects.update(created_by=user("owner", "viewer"))
    form = {"title": "Changed", "note": "", "text-1": "x"}

    answers = []
    for name, group in (("other", "viewer"), ("somebody", "rater"), ("publisher", "researcher")):
        client.force_login(user(name, group))
        answers.append(client.post(f"/snapshots/{made.pk}/words/", form).status_code)
        # Nor is another's page offered to put something into.
        add = client.post("/snapshots/add/", {"slug": "rates", "query": "", "page": made.pk})
        answers.append(add.status_code)

    assert answers == [404, 400, 404, 404, 302, 302]


def test_the_words_of_a_chart_are_changed_and_its_figures_are_not(client: Client) -> None:
    study({("m", condition()): WELL_LABELLED})
    author = user("maker", "researcher")
    made = share.make_snapshot(Report.from_query(QueryDict()), "rates", title="Old", note="", by=author)
    client.force_login(author)

    client.post(f"/snapshots/{made.pk}/words/", {"title": "New", "note": "Why", "then": "remove-1"})

    after = Snapshot.objects.get()
    assert (after.title, after.note, after.content) == ("New", "Why", made.content)


def test_the_same_again_follows_it(client: Client) -> None:
    made = page()
    share.publish(made, maker())
    client.force_login(maker())

    answer = client.post(f"/snapshots/{made.pk}/again/")

    twin = Snapshot.objects.latest("pk")
    made.refresh_from_db()
    assert (answer["Location"], twin.state, twin.subject) == (f"/snapshots/{twin.pk}/", "draft", made.subject)
    assert kinds(twin) == kinds(made) == ["First", "leaderboard", "rates"]
    html = client.get(f"/snapshots/{twin.pk}/changes/{made.pk}/").content.decode()
    assert html.count("They rest on the same transcripts, verdicts, labels, calibration and code.") == 2
