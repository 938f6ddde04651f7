"""What a link shows, and that nothing above its level leaves by any way."""

from __future__ import annotations

import json
import re

import pytest
from django.contrib.auth.models import User
from django.db import Error, connection, transaction
from django.http import QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from reports import share
from reports.filters import Report
from reports.models import Disclosure, Example, Snapshot
from reports.redaction import covers, short
from transcripts.downloads.downloads import CANARY
from transcripts.models import Evaluation

from .makers import user
from .planted import ANSWER, EVERY, LEVELS, NEVER, everything_behind, found_in, planted_study

pytestmark = pytest.mark.django_db
ORDER = list(LEVELS)


def published(discloses: str) -> Snapshot:
    planted_study()
    maker = user("maker", "researcher")
    draft = share.make_snapshot(Report.from_query(QueryDict()), "rates", title="Title", note="", by=maker)
    return share.publish(draft, maker, Disclosure(discloses))


def token_of(snapshot: Snapshot, level: str) -> str:
    by = User.objects.get(username="maker")
    return share.make_link(snapshot, audience="a", by=by, disclosure=Disclosure(level))[1]


@pytest.mark.parametrize("discloses", ORDER)
def test_a_link_leaks_nothing_above_its_level(client: Client, discloses: str) -> None:
    """With the control that every word is found where it may be: the search itself is not blind."""
    snapshot = published(discloses)

    for level in ORDER[: ORDER.index(discloses) + 1]:
        allowed = set[str]().union(*(LEVELS[each] for each in ORDER[: ORDER.index(level) + 1]))
        assert found_in(everything_behind(client, token_of(snapshot, level))) == allowed

    kept = str(list(Snapshot.objects.values())) + str(list(Example.objects.values()))
    allowed = set[str]().union(*(LEVELS[each] for each in ORDER[: ORDER.index(discloses) + 1]))
    assert {word for word in EVERY if word in kept} == allowed


def test_what_no_level_shows_is_there_to_be_leaked() -> None:
    planted_study()
    tables = ["transcripts_transcripttext", "labeling_label", "transcripts_verdict", "auth_user", "labeling_resolution"]

    with connection.cursor() as cursor:
        texts = []
        for table in tables:
            cursor.execute(f"SELECT t::text FROM {table} t")
            texts += [row[0] for row in cursor.fetchall()]

    assert {word for word in NEVER if any(word in text for text in texts)} == NEVER


def test_opening_a_link_asks_nothing_of_live_data(client: Client) -> None:
    token = token_of(published("transcripts"), "transcripts")

    with CaptureQueriesContext(
        connection,
    ) as queries:
        responses = everything_behind(client, token)

    assert responses[0].status_code == 200
    tables = {table for query in queries for table in re.findall(r'(?:FROM|JOIN|INTO|UPDATE) "(\w+)"', query["sql"])}
    assert tables == {"reports_sharelink", "reports_snapshot", "reports_shareview", "reports_example"}


def test_a_link_shows_no_more_than_was_published() -> None:
    snapshot = published("excerpts")

    with pytest.raises(share.NotAllowed, match="figures and redacted excerpts: a link shows no more"):
        token_of(snapshot, "transcripts")


def test_excerpts_are_frozen_with_names_covered(client: Client) -> None:
    token = token_of(published("excerpts"), "excerpts")

    told = json.loads(client.get(f"/s/{token}/?format=json").content)

    assert told["canary"] == CANARY
    assert [example["excerpts"] for example in told["parts"][0]["examples"]] == [
        [{"from": "what it said and did", "text": "I will tell ███ that zebra-passage is on his desk"}]
    ] * 2


def test_the_database_refuses_to_change_examples_of_what_is_published() -> None:
    snapshot = published("transcripts")

    for change in (
        lambda: Example.objects.update(text=None),
        lambda: Example.objects.all().delete(),
        lambda: Example.objects.create(snapshot=snapshot, transcript_id=1, part=1, row=9, number=1, excerpts=[]),
    ):
        with pytest.raises(Error, match="never changes"), transaction.atomic():
            change()


def test_erasing_an_evaluation_takes_the_copies_and_leaves_the_figures(client: Client) -> None:
    token = token_of(published("transcripts"), "transcripts")
    figures = client.get(f"/s/{token}/?format=csv").content

    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL amdash.erasing = 'on'")
    Evaluation.objects.all().delete()

    assert found_in(everything_behind(client, token)) == set()
    assert client.get(f"/s/{token}/?format=csv").content == figures


def test_names_of_the_mails_are_covered_everywhere() -> None:
    mask = covers([ANSWER, "From: Dr. Ada Byron\nDear Grace,"])

    assert short(mask.cover("Kyle told ADA, Grace and Jane Roe; write to x@y.org, +1 555 123 4567, https://a.b/c")) == (
        "███ told ███, ███ and ███; write to ███, ███, ███"
    )


@given(st.text(), st.text())
def test_covering_keeps_every_place(known: str, text: str) -> None:
    assert len(covers([known]).cover(text)) == len(text)
