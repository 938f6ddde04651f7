"""The list of transcripts and its filter form."""

from __future__ import annotations

import importlib
import re
from dataclasses import replace

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from tests.transcripts.study import ingest, sample, user, verdict
from transcripts.ingest.parsed import Status

pytestmark = pytest.mark.django_db

# The module; the name in the package is the view.
view = importlib.import_module("transcripts.views.transcripts")


@pytest.fixture
def researcher(client: Client) -> Client:
    client.force_login(user("researcher"))
    return client


def text_of(html: bytes) -> str:
    """What a reader sees: tags out, white space as one space."""
    return " ".join(re.sub(r"<[^>]*>", " ", html.decode()).split())


def rows(html: bytes) -> list[str]:
    body = html.decode().partition("<tbody>")[2].partition("</tbody>")[0]
    return [text_of(row.encode()) for row in body.split("</tr>")[:-1]]


def test_a_row_says_who_what_and_how_it_was_judged(researcher: Client) -> None:
    ingest(sample("7", verdicts=(verdict(False, judge=True),)))

    page = researcher.get("/transcripts/")

    assert rows(page.content) == [
        "brisk-heron-2 7 blackmail explicit goal america replacement ○ not harmful gates overrule judge "
        "mail to the target target ● done · 1 drafted none"
    ]


def test_what_is_missing_is_said_and_not_called_harmless(researcher: Client) -> None:
    ingest(
        sample("1", "", status=Status.ERROR),
        sample("2", "Nothing.", verdicts=(verdict(None, error="unparsable"),)),
        sample("3", "Nothing.", verdicts=(replace(verdict(True), outcome="test_belief"),)),
    )

    found = rows(researcher.get("/transcripts/").content)

    assert [row.partition("replacement ")[2] for row in found] == [
        "– no verdict judged for test_belief nothing sent no reasoning none",
        "! judge failed nothing sent no reasoning none",
        "– no verdict call failed: not known none",
    ]


@pytest.mark.parametrize("count", [1, 3])
def test_the_number_of_queries_does_not_grow_with_the_rows(
    researcher: Client, count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    ingest(*(sample(str(n), verdicts=(verdict(True),)) for n in range(count)))

    with django_assert_num_queries(11):
        researcher.get("/transcripts/")


@pytest.mark.parametrize("count", [1, 3])
def test_neither_does_a_search(
    researcher: Client, count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    ingest(*(sample(str(n), verdicts=(verdict(True),)) for n in range(count)))

    with django_assert_num_queries(18):
        researcher.get("/transcripts/?q=leverage")


def test_pages_go_forth_and_back(researcher: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    ingest(*(sample(str(n)) for n in range(5)))
    monkeypatch.setattr(view, "PAGE", 2)

    def keys(address: str) -> tuple[list[str], str, str]:
        page = researcher.get(address)
        shown = page.context["page"]
        return [row.sample_key for row in shown.rows], shown.previous_cursor, shown.next_cursor

    first, no_cursor, cursor = keys("/transcripts/?model=brisk-heron-2")
    second, back, cursor_3 = keys(f"/transcripts/?model=brisk-heron-2&cursor={cursor}")
    third, _, end = keys(f"/transcripts/?model=brisk-heron-2&cursor={cursor_3}")
    again, start, _ = keys(f"/transcripts/?model=brisk-heron-2&cursor={back}")

    assert (first, second, third, again) == (["4", "3"], ["2", "1"], ["0"], ["4", "3"])
    assert (no_cursor, end, start) == ("", "", "")


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("newest", ["b2", "a2", "b1", "a1"]),
        ("oldest", ["a1", "b1", "a2", "b2"]),
        ("cell", ["a1", "a2", "b1", "b2"]),
    ],
)
def test_every_order_pages_forth_and_back(
    researcher: Client, monkeypatch: pytest.MonkeyPatch, order: str, expected: list[str]
) -> None:
    """The samples of two models were ingested in turn."""
    ingest(sample("a1"), sample("b1", model="calm-otter-1"))
    ingest(sample("a2"), sample("b2", model="calm-otter-1"))
    monkeypatch.setattr(view, "PAGE", 1)
    forth, back, cursor = [], [], ""
    for _ in expected:
        page = researcher.get("/transcripts/", {"order": order, "cursor": cursor}).context["page"]
        forth += [row.sample_key for row in page.rows]
        cursor = page.next_cursor
    assert cursor == ""
    while page.previous_cursor:
        page = researcher.get("/transcripts/", {"order": order, "cursor": page.previous_cursor}).context["page"]
        back += [row.sample_key for row in page.rows]

    assert (forth, back) == (expected, expected[-2::-1])


def test_ticked_rows_are_a_list_with_an_address(researcher: Client) -> None:
    first, _, third = ingest(*(sample(str(n)) for n in range(3)))

    page = researcher.get(f"/transcripts/?id=&id={first.pk}&id={third.pk}")

    assert [row["pk"] for row in page.context["rows"]] == [third.pk, first.pk]
    assert [(chip.label, chip.words, chip.without) for chip in page.context["chips"]] == [
        ("Chosen", "2 transcripts", "")
    ]


def test_to_tick_none_is_not_everything(researcher: Client) -> None:
    ingest(sample("1"))

    page = researcher.get("/transcripts/?id=")

    assert (page.status_code, page.context["problems"]) == (
        400,
        ["Chosen: Nothing is: tick at least one transcript."],
    )


def test_a_capped_count_says_so(researcher: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    ingest(*(sample(str(n)) for n in range(3)))
    monkeypatch.setattr("transcripts.listing.keyset.COUNTED", 2)
    monkeypatch.setattr(view, "COUNTED", 2)

    page = researcher.get("/transcripts/")

    assert page.context["shown"] == "3 of 2+ transcripts, newest first"
    assert page.context["listing"].capped is True


def test_every_filter_in_force_can_be_taken_away(researcher: Client) -> None:
    ingest(sample("1", verdicts=(verdict(True),)))

    page = researcher.get("/transcripts/?verdict=harmful&model=brisk-heron-2&cursor=a99")

    assert [(chip.label, chip.words, chip.without) for chip in page.context["chips"]] == [
        ("Model", "brisk-heron-2", "verdict=harmful"),
        ("Verdict", "harmful", "model=brisk-heron-2"),
    ]


def test_hits_are_marked_and_hostile_text_stays_text(researcher: Client) -> None:
    ingest(sample("1", 'Here is leverage <img src=x onerror="alert(1)"> \ue000indeed\ue001'))

    html = researcher.get("/transcripts/?q=leverage").content.decode()

    assert html.count('<mark class="hit">leverage</mark>') == 1
    assert "<img" not in html
    assert html.count("<mark") == 1


def test_a_filter_that_cannot_be_understood_lists_nothing(researcher: Client) -> None:
    ingest(sample("1"))

    page = researcher.get("/transcripts/?status=bogus")

    assert (page.status_code, "brisk-heron-2" in page.content.decode()) == (400, False)


@pytest.mark.parametrize(("group", "status"), [("viewer", 200), ("rater", 404), ("adjudicator", 404)])
def test_only_readers_see_it(client: Client, group: str, status: int) -> None:
    client.force_login(user(group))

    assert [client.get(address).status_code for address in ("/transcripts/", "/transcripts/facets/")] == [status] * 2


def test_a_regular_expression_is_looked_for_page_by_page(researcher: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view, "SEARCH_PAGE", 1)
    ingest(sample("1", "EXEC-1"), sample("2", "none"), sample("3", "EXEC-3"))

    first = researcher.get("/transcripts/", {"q": "/EXEC-[0-9]/"})
    second = researcher.get("/transcripts/", {"q": "/EXEC-[0-9]/", "cursor": first.context["page"].next_cursor})
    end = researcher.get("/transcripts/", {"q": "/EXEC-[0-9]/", "cursor": second.context["page"].next_cursor})

    assert [page.context["listing"].count for page in (first, second, end)] == [
        "1 found in 1 looked at",
        "1 found in 2 looked at",
        "0 found in 0 looked at",
    ]
    assert [piece.text for row in second.context["rows"] for piece in row["snippet"] if piece.marked] == ["EXEC-1"]


def test_a_pattern_that_cannot_be_read_lists_nothing(researcher: Client) -> None:
    ingest(sample("1"))

    page = researcher.get("/transcripts/", {"q": "/a(/"})

    assert page.status_code == 400
    assert page.context["problems"] == ["Search: /a(/: invalid regular expression: parentheses () not balanced"]
