"""Previous and next: the transcripts beside one in the very list that the reader came from."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from tests.transcripts.study import ingest, sample, user, verdict
from transcripts.search import scan

pytestmark = pytest.mark.django_db


@pytest.fixture
def reader(client: Client) -> Client:
    client.force_login(user("viewer"))
    return client


@pytest.fixture
def study() -> dict[str, int]:
    """Two models in turn; every other transcript is judged harmful."""
    models = {"a": "brisk-heron-2", "b": "calm-otter-1"}
    samples = [
        sample(f"{letter}{n}", f"EXEC-{n} has leverage", model=model, verdicts=(verdict(n % 2 == 1),))
        for n in (1, 2, 3)
        for letter, model in models.items()
    ]
    return {one.sample_key: one.pk for one in ingest(*samples)}


def beside(reader: Client, pk: int, query: dict[str, str]) -> list[str | None]:
    """The addresses that the keys ← and → lead to."""
    html = reader.get(f"/transcripts/{pk}/", query).content.decode()
    found = dict(re.findall(r'<a rel="(prev|next)" href="([^"]+)"', html))
    return [found.get(rel) for rel in ("prev", "next")]


def listed(reader: Client, query: dict[str, str]) -> list[int]:
    return [row["pk"] for row in reader.get("/transcripts/", query).context["rows"]]


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"order": "oldest"},
        {"order": "cell"},
        {"verdict": "harmful"},
        {"verdict": "harmful", "model": "calm-otter-1", "order": "cell"},
        {"model": "calm-otter-1"},
        {"q": "leverage"},
        {"q": "leverage", "order": "oldest"},
        {"q": "leverage /EXEC-[13]/"},
    ],
)
def test_the_arrows_walk_the_list_to_its_end_and_back(
    reader: Client, study: dict[str, int], query: dict[str, str]
) -> None:
    wanted = listed(reader, query)
    assert len(wanted) > 1

    def walk(pk: int, way: int) -> list[int]:
        walked = [pk]
        while address := beside(reader, walked[-1], query)[way]:
            page = reader.get(address.replace("&amp;", "&"), follow=True)
            if page.templates[0].name == "transcripts/step.html":
                break
            walked.append(page.context["transcript"].pk)
        return walked

    assert walk(wanted[0], 1) == wanted
    assert walk(wanted[-1], 0) == wanted[::-1]


def test_a_transcript_outside_the_list_has_the_neighbours_of_its_place(reader: Client, study: dict[str, int]) -> None:
    a3, a1 = study["a3"], study["a1"]

    before, after = beside(reader, study["a2"], {"verdict": "harmful", "model": "brisk-heron-2"})

    assert (before, after) == tuple(f"/transcripts/{pk}/?model=brisk-heron-2&amp;verdict=harmful" for pk in (a3, a1))


def test_the_arrows_do_not_carry_the_page(reader: Client, study: dict[str, int]) -> None:
    assert beside(reader, study["a2"], {"cursor": "a9", "order": "oldest"}) == [
        f"/transcripts/{study['b1']}/?order=oldest",
        f"/transcripts/{study['b2']}/?order=oldest",
    ]


def test_a_look_that_takes_too_long_goes_on_from_where_it_stopped(
    reader: Client, study: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan, "FIRST_BATCH", 1)
    monkeypatch.setattr(scan, "BATCH", 1)
    monkeypatch.setattr(scan, "time", _Clock())
    at = f"/transcripts/{study['b2']}/next/"

    first = reader.get(at, {"q": "/EXEC-1/"})
    second = reader.get(f"{at}?{first.context['on']}")

    assert (first.context["result"].looked_at, first.context["on"]) == (1, f"q=%2FEXEC-1%2F&cursor=a{study['a2']}")
    assert second["Location"] == f"/transcripts/{study['b1']}/?q=%2FEXEC-1%2F"


class _Clock:
    """Time for one look."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        self.now += scan.SECONDS / 2.5
        return self.now


def test_the_end_is_told(reader: Client, study: dict[str, int]) -> None:
    page = reader.get(f"/transcripts/{study['a1']}/next/", {"q": "/EXEC-2/"})

    assert (page.status_code, page.context["on"], page.context["result"].looked_at) == (200, "", 0)


@pytest.mark.parametrize("query", ["q=/a(/", "status=bogus"])
def test_what_cannot_be_understood_is_told_by_the_list(reader: Client, study: dict[str, int], query: str) -> None:
    page = reader.get(f"/transcripts/{study['a1']}/next/?{query}", follow=True)

    assert page.status_code == 400
    assert page.redirect_chain[0][0].startswith("/transcripts/?")


@pytest.mark.parametrize("way", ["previous", "next"])
def test_only_readers_step(client: Client, way: str) -> None:
    (stored,) = ingest(sample())
    client.force_login(user("rater"))

    assert client.get(f"/transcripts/{stored.pk}/{way}/").status_code == 404
