"""The blind queue in the browser: what it shows, what it hides, and that nothing typed is lost."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.utils import timezone

from labeling.models import Assignment, Campaign, Draft, Label, Skip
from labeling.queue.assign import take_next
from tests.labeling.makers import HARMFUL, HARMLESS, campaign, client_of, form, give, person, study
from tests.transcripts.study import THREAT, ingest, sample

pytestmark = pytest.mark.django_db
JSON = {"Accept": "application/json"}


@pytest.fixture
def ada() -> User:
    return person("ada", "rater")


@pytest.fixture
def made(ada: User) -> Campaign:
    study(unflagged=2)
    return campaign(ada, person("ben", "rater"), size=2)


def text(response: HttpResponse | object) -> str:
    assert isinstance(response, HttpResponse)
    return response.content.decode()


def in_hand(user: User) -> Assignment:
    return Assignment.objects.get(rater=user, submitted_at=None)


def at(made: Campaign, slot: Assignment, route: str = "") -> str:
    return f"/campaigns/{made.pk}/queue/{slot.pk}/{route}"


def test_the_queue_leases_a_transcript_and_shows_it(made: Campaign, ada: User) -> None:
    page = client_of(ada).get(f"/campaigns/{made.pk}/queue/")

    slot = in_hand(ada)
    assert page.status_code == 200
    assert "no-store" in page["Cache-Control"].split(", ")
    assert [
        w for w in ("This gives me leverage.", "Postpone it", "The wipe begins at five.") if w not in text(page)
    ] == []
    assert re.findall(r'<form class="answers"[^>]* action="([^"]+)"', text(page)) == [at(made, slot)]
    assert slot.leased_until is not None
    assert slot.leased_until > timezone.now()


def test_opening_it_again_resumes_the_same(made: Campaign, ada: User) -> None:
    client = client_of(ada)
    client.get(f"/campaigns/{made.pk}/queue/")
    first = in_hand(ada)

    client.get(f"/campaigns/{made.pk}/queue/")

    assert in_hand(ada) == first


def test_submitting_keeps_a_label_and_goes_on(made: Campaign, ada: User) -> None:
    client = client_of(ada)
    client.get(f"/campaigns/{made.pk}/queue/")
    slot = in_hand(ada)
    start = THREAT.index("Postpone")

    answered = client.post(
        at(made, slot), form(HARMFUL, evidence=f"m0.text:{start}:{start + 8}", comment="clear", seconds="40")
    )

    label = Label.objects.get()
    assert (answered.status_code, answered["Location"]) == (302, f"/campaigns/{made.pk}/queue/?after={slot.pk}")
    assert (label.rater, label.comment, label.seconds) == (ada, "clear", 40)
    assert [span.quote for span in label.evidence.all()] == ["Postpone"]
    following = text(client.get(answered["Location"]))
    assert re.findall(r'Submitted\. <a href="([^"]+)"', following) == [at(made, slot)]
    assert in_hand(ada) != slot


def test_a_script_is_told_where_to_go_on(made: Campaign, ada: User) -> None:
    client = client_of(ada)
    client.get(f"/campaigns/{made.pk}/queue/")
    slot = in_hand(ada)

    answered = client.post(at(made, slot), form(HARMLESS), headers=JSON)

    assert answered.json() == {"next": f"/campaigns/{made.pk}/queue/?after={slot.pk}"}


def test_problems_stand_at_their_questions_and_nothing_typed_is_lost(made: Campaign, ada: User) -> None:
    client = client_of(ada)
    client.get(f"/campaigns/{made.pk}/queue/")
    slot = in_hand(ada)
    answers = {key: values for key, values in HARMFUL.items() if key != "motive"}

    refused = client.post(at(made, slot), form(answers, comment="typed & kept"))

    page = text(refused)
    assert (refused.status_code, Label.objects.count()) == (422, 0)
    assert re.findall(r'<p class="error" id="problem-(\w+)">([^<]+)', page) == [
        ("motive", "Not answered: Which motive does it state?")
    ]
    assert re.findall(r'value="(\w+)" data-choice="\d+" checked', page) == [v[0] for v in answers.values()]
    assert re.findall(r"<textarea id=\"comment\"[^>]*>([^<]*)", page) == ["typed &amp; kept"]
    assert Draft.objects.get().content["comment"] == "typed & kept"


def test_a_draft_is_saved_and_restored(made: Campaign, ada: User) -> None:
    client = client_of(ada)
    client.get(f"/campaigns/{made.pk}/queue/")
    slot = in_hand(ada)

    saved = client.post(
        at(made, slot, "draft/"),
        form({"harm": ["leak"]}, comment="half", evidence="system:0:7", seconds="12"),
        headers=JSON,
    )

    assert list(saved.json()) == ["saved"]
    page = text(client.get(f"/campaigns/{made.pk}/queue/"))
    assert re.findall(r'value="(\w+)" data-choice="\d+" checked', page) == ["leak"]
    assert re.findall(r'name="evidence" value="([^"]+)"', page) == ["system:0:7"]
    assert re.findall(r'name="seconds" value="([^"]*)"', page) == ["12.0"]
    assert re.findall(r"<q><a [^>]*>([^<]+)", page) == ["You are"]


def test_without_script_a_passage_is_marked_and_unmarked_by_buttons(made: Campaign, ada: User) -> None:
    client = client_of(ada)
    page = text(client.get(f"/campaigns/{made.pk}/queue/"))
    slot = in_hand(ada)
    whole = re.findall(r'name="mark" value="(m0\.text:[^"]+)"', page)[0]

    marked = client.post(at(made, slot, "draft/"), form({}, mark=whole))

    assert (marked.status_code, marked["Location"]) == (302, at(made, slot) + "#evidence")
    assert re.findall(r'name="evidence" value="([^"]+)"', text(client.get(at(made, slot)))) == [whole]
    client.post(at(made, slot, "draft/"), form({}, evidence=whole, unmark=whole))
    assert Draft.objects.get().content["evidence"] == []


def stamps(page: str) -> dict[str, str]:
    """The hidden fields by which drafts are told apart."""
    return dict(re.findall(r'name="(based_on|stamp)" value="([^"]*)"', page))


def test_an_older_page_does_not_overwrite_a_newer_draft(made: Campaign, ada: User) -> None:
    client = client_of(ada)
    older, newer = (stamps(text(client.get(f"/campaigns/{made.pk}/queue/"))) for _ in range(2))
    address = at(made, in_hand(ada), "draft/")
    page = newer["stamp"].removesuffix(".0")

    codes = [
        client.post(address, form({}, comment=words, **stamp), headers=JSON).status_code
        for words, stamp in (
            ("one", newer | {"stamp": f"{page}.1"}),
            ("three", newer | {"stamp": f"{page}.3"}),
            ("overtaken", newer | {"stamp": f"{page}.2"}),
            ("older", older),
        )
    ]

    assert codes == [200, 200, 200, 409]
    assert client.post(address, form({}, comment="older", **older)).status_code == 409
    assert client.post(at(made, in_hand(ada)), form({}, comment="older", **older)).status_code == 422
    assert Draft.objects.get().content["comment"] == "three"
    reloaded = stamps(text(client.get(f"/campaigns/{made.pk}/queue/")))
    assert client.post(address, form({}, comment="four", **reloaded), headers=JSON).status_code == 200
    assert Draft.objects.get().content["comment"] == "four"


def test_a_refused_page_goes_on_saving(made: Campaign, ada: User) -> None:
    client = client_of(ada)
    opened = stamps(text(client.get(f"/campaigns/{made.pk}/queue/")))
    slot = in_hand(ada)
    client.post(at(made, slot, "draft/"), form({}, comment="one", **opened), headers=JSON)

    for route in ("", "skip/"):
        refused = client.post(at(made, slot, route), form({}, comment="two", **opened))
        opened = stamps(text(refused))
        saved = client.post(at(made, slot, "draft/"), form({}, comment=route, **opened), headers=JSON)
        assert (refused.status_code, saved.status_code) == (422, 200)

    assert Draft.objects.get().content["comment"] == "skip/"


def test_a_draft_sent_before_the_answer_makes_none_after_it(made: Campaign, ada: User) -> None:
    client = client_of(ada)
    opened = stamps(text(client.get(f"/campaigns/{made.pk}/queue/")))
    slot = in_hand(ada)
    client.post(at(made, slot), form(HARMLESS, **opened))

    late = client.post(at(made, slot, "draft/"), form({}, **opened), headers=JSON)

    assert (late.status_code, Draft.objects.count()) == (409, 0)
    assert re.findall(r"data-saved>([^<]*)<", text(client.get(at(made, slot)))) == [""]


def test_a_damaged_revision_is_refused(made: Campaign, ada: User) -> None:
    client = client_of(ada)
    client.get(f"/campaigns/{made.pk}/queue/")
    damaged = form(HARMLESS) | {"revision": "x"}

    codes = [client.post(at(made, in_hand(ada), route), damaged).status_code for route in ("", "draft/")]

    assert codes == [422, 409]


def test_skipping_needs_a_reason_and_keeps_what_was_typed(made: Campaign, ada: User) -> None:
    client = client_of(ada)
    client.get(f"/campaigns/{made.pk}/queue/")
    slot = in_hand(ada)

    assert client.post(at(made, slot, "skip/"), form({"harm": ["leak"]})).status_code == 422
    skipped = client.post(
        at(made, slot, "skip/"), form({"harm": ["leak"]}, reason="broken", words="cut off", flagged="yes")
    )

    assert skipped["Location"] == f"/campaigns/{made.pk}/queue/"
    assert Skip.objects.values_list("reason", "flagged").get() == (
        "Something is wrong with how it is shown: cut off",
        True,
    )
    assert Draft.objects.get().content["answers"] == {"harm": ["leak"]}
    client.get(f"/campaigns/{made.pk}/queue/")
    assert in_hand(ada).item != slot.item


def test_the_lease_goes_on_by_the_pages_sign_of_life(made: Campaign, ada: User) -> None:
    client = client_of(ada)
    client.get(f"/campaigns/{made.pk}/queue/")
    slot = in_hand(ada)
    Assignment.objects.filter(pk=slot.pk).update(leased_until=timezone.now())

    assert client.post(at(made, slot, "renewal/")).json() == {}
    assert (in_hand(ada).leased_until or timezone.now()) > timezone.now() + timedelta(minutes=29)


def test_who_lost_the_slot_is_told_and_the_words_are_kept(made: Campaign, ada: User) -> None:
    client = client_of(ada)
    client.get(f"/campaigns/{made.pk}/queue/")
    slot = in_hand(ada)
    Assignment.objects.filter(pk=slot.pk).update(rater=User.objects.get(username="ben"))

    refused = client.post(at(made, slot), form(HARMLESS, comment="too late"))

    assert (refused.status_code, Label.objects.count()) == (409, 0)
    assert client.post(at(made, slot, "draft/"), form({}, comment="late"), headers=JSON).status_code == 409
    assert client.post(at(made, slot, "renewal/")).status_code == 409
    assert Draft.objects.get(rater=ada).content["comment"] == "late"
    assert client.get(at(made, slot)).status_code == 404


def test_an_earlier_answer_is_listed_and_corrected_as_a_new_label(made: Campaign, ada: User) -> None:
    client = client_of(ada)
    give(take_next(made, ada), True)
    slot = Assignment.objects.get(submitted_at__isnull=False)

    listed = text(client.get(f"/campaigns/{made.pk}/answers/"))
    assert re.findall(r'href="([^"]+)">Read again', listed) == [at(made, slot)]
    again = text(client.get(at(made, slot)))
    assert re.findall(r'value="(\w+)" data-choice="\d+" checked', again) == [v[0] for v in HARMFUL.values()]
    assert re.findall(r'name="(?:revision|evidence)" value="([^"]+)"', again) == ["1", "m0.text:0:20"]

    client.post(at(made, slot), form(HARMLESS) | {"revision": "1"})

    assert Label.objects.count() == 2
    newest = Label.objects.all().current().get()
    assert newest.answers.get(question__key="harm").choice.key == "none"  # type: ignore[union-attr]


def test_the_same_form_sent_twice_is_one_label(made: Campaign, ada: User) -> None:
    client = client_of(ada)
    client.get(f"/campaigns/{made.pk}/queue/")
    slot = in_hand(ada)

    answers = [client.post(at(made, slot), form(HARMLESS)) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [302, 302]
    assert Label.objects.count() == 1


def test_an_older_form_is_refused_after_a_newer_answer_and_kept(made: Campaign, ada: User) -> None:
    client = client_of(ada)
    client.get(f"/campaigns/{made.pk}/queue/")
    slot = in_hand(ada)
    client.post(at(made, slot), form(HARMLESS, comment="newer"))

    refused = client.post(at(made, slot), form(HARMFUL, evidence="m0.text:0:5", comment="older", stamp="b.3"))

    assert refused.status_code == 422
    assert "You answered this one elsewhere in the meantime. Your draft is kept" in text(refused)
    assert [label.comment for label in Label.objects.all()] == ["newer"]
    assert Draft.objects.get().content["comment"] == "older"


def test_what_is_in_hand_may_be_finished_while_the_campaign_is_paused(made: Campaign, ada: User) -> None:
    client = client_of(ada)
    client.get(f"/campaigns/{made.pk}/queue/")
    slot = in_hand(ada)
    Campaign.objects.update(state="paused")

    held = text(client.get(f"/campaigns/{made.pk}/queue/"))
    assert re.findall(r'<form class="answers"[^>]* action="([^"]+)"', held) == [at(made, slot)]
    assert "The campaign is paused: finish this one if you like" in held
    client.post(at(made, slot), form(HARMLESS))

    assert Label.objects.count() == 1
    assert "<h2>The campaign is paused</h2>" in text(client.get(f"/campaigns/{made.pk}/queue/"))


def test_a_rater_can_say_which_model_they_recognise(made: Campaign, ada: User) -> None:
    client = client_of(ada)
    client.get(f"/campaigns/{made.pk}/queue/")
    slot = in_hand(ada)
    client.post(at(made, slot, "draft/"), form({}, recognised=" a heron "))
    assert re.findall(r'name="recognised"[^>]* value="([^"]*)"', text(client.get(at(made, slot)))) == ["a heron"]

    client.post(at(made, slot), form(HARMLESS, recognised="a heron"))

    assert Label.objects.get().recognised == "a heron"
    listed = text(client.get(f"/campaigns/{made.pk}/answers/"))
    assert re.findall(r"You recognised the model:</span> ([^<]+)", listed) == ["a heron"]
    assert client.post(at(made, slot), form(HARMLESS, recognised="x" * 201)).status_code == 422


@pytest.mark.parametrize(
    ("state", "words"),
    [("paused", "The campaign is paused"), ("closed", "The campaign is closed")],
)
def test_a_campaign_at_rest_says_so(made: Campaign, ada: User, state: str, words: str) -> None:
    Campaign.objects.update(state=state)

    assert re.findall(r"<h2>([^<]+)", text(client_of(ada).get(f"/campaigns/{made.pk}/queue/")))[0] == words


def test_when_nothing_is_left_the_page_says_why(made: Campaign, ada: User) -> None:
    while slot := take_next(made, ada):
        give(slot, False)

    page = text(client_of(ada).get(f"/campaigns/{made.pk}/queue/"))
    assert re.findall(r"<h2>([^<]+)", page)[0] == "Nothing is left for you"


def test_a_question_that_waits_for_another_is_marked_so(made: Campaign, ada: User) -> None:
    client = client_of(ada)
    client.get(f"/campaigns/{made.pk}/queue/")
    before = text(client.get(at(made, in_hand(ada))))
    client.post(at(made, in_hand(ada), "draft/"), form({"harm": ["leak"]}))

    after = text(client.get(at(made, in_hand(ada))))

    shown = r'class="question([^"]*)" id="question-severity"'
    assert re.findall(shown, before) == [""]
    assert re.findall(shown, after) == [" asked"]


def test_hostile_text_is_shown_as_text(ada: User) -> None:
    ingest(sample(text="<script>alert(1)</script>\n\n{{ 7|add:7 }} <b onclick=x>"))
    made = campaign(ada, size=1)

    page = text(client_of(ada).get(f"/campaigns/{made.pk}/queue/"))

    assert page.count("<script>alert(1)</script>") == 0
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 1
    assert page.count("{{ 7|add:7 }} &lt;b onclick=x&gt;") == 1
