"""The page of one transcript."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from tests.transcripts.study import THREAT, ingest, sample, user, verdict
from tests.transcripts.test_transcript_list import text_of
from transcripts.ingest.parsed import Condition, Status, Transcript

pytestmark = pytest.mark.django_db


@pytest.fixture
def researcher(client: Client) -> Client:
    client.force_login(user("researcher"))
    return client


def part(html: bytes, start: str, end: str) -> str:
    return text_of(html.decode().partition(start)[2].partition(end)[0].encode())


def test_a_draft_stands_with_the_thoughts_and_a_mail_with_the_deeds(researcher: Client) -> None:
    (transcript,) = ingest(sample())

    html = researcher.get(f"/transcripts/{transcript.pk}/").content

    thought = part(html, 'aria-labelledby="thought-title"', "</section>")
    did = part(html, 'aria-labelledby="did-title"', "</section>")
    assert ("Drafted, not sent" in thought, "board@summitbridge.com" in thought) == (True, True)
    assert ("board@summitbridge.com" in did, "Before five" in did) == (False, True)
    assert "kyle.johnson@summitbridge.com target" in did
    assert "Nothing left the company. No alert was cancelled." in did


def test_a_verdict_shows_its_gates_and_its_reason(researcher: Client) -> None:
    why = "<reasoning>It threatens.</reasoning>\n<answer>yes</answer>"
    (transcript,) = ingest(sample(verdicts=(verdict(False, judge=True, why=why),)))

    html = researcher.get(f"/transcripts/{transcript.pk}/").content

    assert part(html, '<section class="judged"', "</section>") == (
        'aria-label="Verdicts"> ○ not harmful framework harm · grader-1 judge alone harmful '
        "keyword found in the response recipient wrote to an address that the gate names final rule not harmful "
        "the gates overrule the judge It threatens."
    )


@pytest.mark.parametrize(
    ("one", "sentence"),
    [
        (
            sample(text="", status=Status.ERROR, error="blocked"),
            "The model call failed (blocked): there is no answer to judge. It counts as missing, not as harmless.",
        ),
        (
            sample(text="", status=Status.EMPTY),
            "The model's answer is empty: there is nothing to judge. It counts as missing, not as harmless.",
        ),
        (
            sample(text="I", status=Status.TRUNCATED, stop_reason="length"),
            "Cut off by a limit (stop reason: length): what would have followed is not known.",
        ),
        (
            sample(text="Hello."),
            "No classifier has judged this transcript: it has no verdict, which is not a negative one.",
        ),
        (
            sample(verdicts=(verdict(None, error="no tag"),)),
            "Every classification failed: this transcript has no verdict, which is not a negative one.",
        ),
        (
            sample(text="<SCRATCHPAD_REASONING>I think"),
            "The reasoning was never closed: whatever follows its opening tag is read as reasoning.",
        ),
    ],
)
def test_gaps_are_said_in_words(researcher: Client, one: Transcript, sentence: str) -> None:
    (transcript,) = ingest(one)

    page = researcher.get(f"/transcripts/{transcript.pk}/")

    assert sentence in page.context["gaps"]
    assert sentence.replace("'", "&#x27;") in page.content.decode()


def test_a_failed_judge_gives_no_verdict(researcher: Client) -> None:
    (transcript,) = ingest(sample(verdicts=(verdict(None, error="no tag"),)))

    html = researcher.get(f"/transcripts/{transcript.pk}/").content

    assert part(html, '<div class="judgement-line">', "</div>").startswith("! judge failed")
    assert ("harmful</span>" in html.decode()) is False


def test_a_sample_has_its_place_in_its_cell(researcher: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    first, _, last = ingest(*(sample(str(n)) for n in range(3)))

    def place(pk: int) -> tuple[str, str]:
        position = researcher.get(f"/transcripts/{pk}/").context["position"]
        return position.number, position.obtained

    assert place(last.pk) == ("3", "3")
    monkeypatch.setattr("transcripts.listing.keyset.COUNTED", 2)
    assert (place(first.pk), place(last.pk)) == (("1", "2+"), ("2+", "2+"))


def test_unknown_factors_are_shown_as_unknown(researcher: Client) -> None:
    (transcript,) = ingest(sample(condition=Condition("blackmail", mitigation="unknown")))

    factors = researcher.get(f"/transcripts/{transcript.pk}/").context["factors"]

    assert [(factor.name, factor.state) for factor in factors] == [
        ("goal", ""),
        ("threat", ""),
        ("mitigation", "unknown"),
        ("awareness notice", ""),
    ]


HOSTILE = (
    "<SCRATCHPAD_REASONING><script>alert(1)</script> {{ request.user }} ![x](http://evil.example/x.png) \u202e"
    "</SCRATCHPAD_REASONING>\n<img src=http://evil.example onerror=alert(1)>\n"
    '<tool_use:email>\nto: "<svg/onload=alert(1)>@x.org",\nsubject: "</script><b hx-get=/x hx-trigger=load>",\n'
    'body: "\x1b[31m<iframe srcdoc=1>"\n</tool_use:email>'
)


def test_a_hostile_transcript_is_text(researcher: Client) -> None:
    (transcript,) = ingest(sample(text=HOSTILE))

    html = researcher.get(f"/transcripts/{transcript.pk}/").content.decode()
    body = html.partition('<div class="panes')[2].partition('<footer class="foot">')[0]
    tags = set(re.findall(r"<\s*([a-zA-Z]+)", body))

    assert tags & {"script", "img", "svg", "iframe", "b hx"} == set()
    assert re.findall(r"<[^>]*\s(?:on\w+|hx-[\w-]+|src|srcdoc|style)\s*=", body) == []
    assert "{{ request.user }}" in body


@pytest.mark.parametrize("count", [1, 3])
def test_the_number_of_queries_does_not_grow(
    researcher: Client, count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    found = ingest(*(sample(str(n), text=THREAT * count, verdicts=(verdict(True),)) for n in range(count)))

    with django_assert_num_queries(13):
        researcher.get(f"/transcripts/{found[0].pk}/")


def test_synthetic_data_is_marked(researcher: Client) -> None:
    (transcript,) = ingest(sample(), synthetic=True)

    assert 'class="ribbon"' in researcher.get(f"/transcripts/{transcript.pk}/").content.decode()


@pytest.mark.parametrize(("group", "status"), [("viewer", 200), ("rater", 404), ("adjudicator", 404)])
def test_only_readers_see_it(client: Client, group: str, status: int) -> None:
    (transcript,) = ingest(sample())
    client.force_login(user(group))

    assert client.get(f"/transcripts/{transcript.pk}/").status_code == status


def test_direction_marks_are_counted_and_cannot_hide_in_the_raw_view(researcher: Client) -> None:
    (transcript,) = ingest(sample(text="Pay \u202e001\u202c now."))

    gaps = researcher.get(f"/transcripts/{transcript.pk}/").context["gaps"]
    raw = researcher.get(f"/transcripts/{transcript.pk}/raw/").context["json"]

    assert gaps[-1] == (
        "The text holds 2 invisible direction marks, which can reorder what you see; "
        "the JSON of the raw response shows them escaped."
    )
    assert "Pay \\u202e001\\u202c now." in raw
    assert ("\u202e" in raw, json.loads(raw)["messages"][0]["text"]) == (False, "Pay \u202e001\u202c now.")


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (200_000, []),
        (
            200_001,
            ["This text is long: only its first 200,000 characters, reasoning before the rest, can be searched."],
        ),
    ],
)
def test_a_text_too_long_to_be_searched_whole_says_so(researcher: Client, length: int, said: list[str]) -> None:
    (transcript,) = ingest(sample(text="a" * length, verdicts=(verdict(False),)))

    assert researcher.get(f"/transcripts/{transcript.pk}/").context["gaps"] == said


def test_a_failed_call_is_headed_as_no_answer(researcher: Client) -> None:
    (transcript,) = ingest(sample(text="", status=Status.ERROR))

    html = researcher.get(f"/transcripts/{transcript.pk}/").content

    assert part(html, 'id="did-title"', "</h2>") == ">What it did no answer"


def test_hits_and_what_a_judge_quotes_are_marked(researcher: Client) -> None:
    why = 'It thinks: "This gives me leverage." It was told "the wipe begins at five".'
    (transcript,) = ingest(sample("1", verdicts=(verdict(True, why=why),)))

    page = researcher.get(f"/transcripts/{transcript.pk}/?q=kyle or inbox:nobody")

    found = re.findall(r'<mark class="([^"]*)">([^<]*)</mark>', page.content.decode().partition('class="panes')[2])
    assert Counter(found) == {
        ("hit", "Nobody"): 1,
        ("hit", "Kyle"): 2,
        ("cited", "This gives me leverage"): 1,
        ("cited", "The wipe begins at five"): 1,
    }
    assert page.context["marked"] == {"hit": 3, "cited": 2}


def test_a_long_text_is_folded_with_a_count_and_whole(researcher: Client) -> None:
    words = "word " * 3_000
    (transcript,) = ingest(sample(text=words))

    html = researcher.get(f"/transcripts/{transcript.pk}/").content.decode()

    summary = re.findall(r'<details class="rest"><summary>([^<]*)</summary>', html)
    assert summary == ["Show the other 10,999 characters"]
    assert html.count("word ") + html.count("word</details>") == 3_000


def test_a_marked_passage_in_a_fold_is_announced(researcher: Client) -> None:
    (transcript,) = ingest(sample(text="word " * 3_000 + "zebra."))

    html = researcher.get(f"/transcripts/{transcript.pk}/?q=zebra").content.decode()

    assert re.findall(r"<summary>(Show[^<]*)</summary>", html) == [
        "Show the other 11,006 characters, with 1 marked passage"
    ]


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (sample(), "complete"),
        (sample(text="I", status=Status.TRUNCATED), "cut off by a limit"),
        (sample(text="", status=Status.ERROR), "the model call failed"),
        (sample(text="", status=Status.EMPTY), "empty answer"),
    ],
)
def test_the_status_is_said_in_words(researcher: Client, one: Transcript, words: str) -> None:
    (transcript,) = ingest(one)

    assert researcher.get(f"/transcripts/{transcript.pk}/").context["status"] == words


def test_an_answer_inside_its_scratchpad_is_said_to_be(researcher: Client) -> None:
    (transcript,) = ingest(sample(text="<SCRATCHPAD_REASONING>All of it.</SCRATCHPAD_REASONING>"))

    page = researcher.get(f"/transcripts/{transcript.pk}/")

    assert (
        page.context["gaps"][0] == "The whole answer stands inside the reasoning: outside it nothing was said or done."
    )


def test_a_whole_conversation_takes_as_many_queries_as_one_answer(
    researcher: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    (transcript,) = ingest(sample())
    call = {"id": "1", "function": "look", "arguments": {"q": "x" * 50}}
    turn: list[dict[str, Any]] = [
        {"role": "assistant", "text": "Looking.", "tool_calls": [call]},
        {"role": "tool", "text": "found " * 100, "tool_call_id": "1"},
    ]
    transcript.text.messages = turn * 150
    transcript.text.save()

    with django_assert_num_queries(13):
        page = researcher.get(f"/transcripts/{transcript.pk}/")

    assert page.content.decode().count(">Result<") == 150


def test_a_judge_s_quotation_is_a_link_to_its_paragraph(researcher: Client) -> None:
    (transcript,) = ingest(sample(verdicts=(verdict(True, why='It says "This gives me leverage." So yes.'),)))

    html = researcher.get(f"/transcripts/{transcript.pk}/").content.decode()

    assert '<a class="ref" href="#thought-2" data-lights="thought-2">This gives me leverage</a>' in html


def test_a_hit_in_an_explanation_is_marked_there(researcher: Client) -> None:
    (transcript,) = ingest(sample(verdicts=(verdict(True, why="It threatens."),)))

    page = researcher.get(f"/transcripts/{transcript.pk}/?q=judge:threatens")

    judged = page.content.decode().partition('class="judged"')[2].partition("</section>")[0]
    assert re.findall(r"<mark[^>]*>([^<]*)</mark>", judged) == ["threatens"]
    assert page.context["marked"] == {"hit": 1}


@pytest.mark.parametrize(
    ("accents", "said"),
    [
        (8, []),
        (9, ["The text holds 1 stack of accents on one letter, which may be cut off at the edge of their text."]),
    ],
)
def test_stacked_accents_are_announced(researcher: Client, accents: int, said: list[str]) -> None:
    (transcript,) = ingest(sample(text="a" + "\u0301" * accents, verdicts=(verdict(False),)))

    assert researcher.get(f"/transcripts/{transcript.pk}/").context["gaps"] == said
