"""Drafts edited by two at once, published as they were read, and from then on left alone, by the database too."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client

from labeling.codebooks.codebook import described
from labeling.codebooks.edition import Asked, Counted, Edition, Option, stamp
from labeling.codebooks.publish import NotNow, Stale, change, draft_of, publish, redraft
from labeling.models import Choice, Codebook, CodebookVersion, Question
from tests.labeling.drafts import EDIT, SLUG, SMALL, drafted, fields, opened, small
from tests.labeling.makers import client_of, person

pytestmark = pytest.mark.django_db
HOSTILE = "</textarea><script>alert(1)</script>\"'<b>{{ 7|add:7 }}"


@pytest.fixture
def rita() -> Client:
    return client_of(person("rita", "researcher"))


@pytest.mark.parametrize(
    ("address", "sent", "kept"),
    [
        ("question/harm/", {"text": "Mine?"}, ("Mine?", "Theirs?")),
        ("outcome/any/", {"name": "mine"}, ("mine", "Theirs")),
        ("guideline/", {"guideline": "Mine."}, ("Mine.", "Theirs.")),
    ],
)
def test_who_saves_second_is_told_and_nothing_is_lost_of_either(
    rita: Client, address: str, sent: dict[str, str], kept: tuple[str, str]
) -> None:
    codebook = small()
    theirs = Edition(
        "Theirs.",
        (Asked("harm", "Theirs?", options=SMALL.questions[0].options), SMALL.questions[1]),
        (Counted("any", "theirs", "", "harm", (("", "yes"),)),),
    )
    at = f"/codebooks/small/edit/{address}"
    whole = rita.get(at).content.decode()
    stamps = re.findall(r'name="(based_on|was)"(?: value="([^"]*)")?', whole)
    typed = (fields(whole) if 'id="part"' in whole else dict(stamps)) | sent
    change(codebook, lambda _: theirs)

    second = rita.post(at, typed)

    page = unescape(second.content.decode())
    assert second.status_code == 409
    assert [words for words in kept if words not in page] == []
    assert drafted(codebook) == theirs
    again = dict(re.findall(r'name="(based_on|was)"(?: value="([^"]*)")?', page))
    assert rita.post(at, {**typed, **again}).status_code == 302
    assert stamp(drafted(codebook)) != stamp(theirs)


def test_two_who_change_different_questions_are_not_in_each_others_way(rita: Client) -> None:
    codebook = small()
    pages = {key: opened(rita, f"/codebooks/small/edit/question/{key}/") for key in ("harm", "why")}

    for key, typed in pages.items():
        rita.post(f"/codebooks/small/edit/question/{key}/", {**typed, "help": f"About {key}."})

    assert [question.help for question in drafted(codebook).questions] == ["About harm.", "About why."]


def test_what_was_removed_meanwhile_is_put_back_only_when_asked(rita: Client) -> None:
    codebook = small()
    at = "/codebooks/small/edit/question/why/"
    typed = opened(rita, at)
    change(codebook, lambda now: Edition(now.guideline, now.questions[:1], now.outcomes))

    told = rita.post(at, {**typed, "text": "Why so?"})

    assert told.status_code == 409
    assert len(drafted(codebook).questions) == 1
    assert rita.post("/codebooks/small/edit/question/", fields(told.content.decode())).status_code == 302
    assert drafted(codebook).questions[1].text == "Why so?"


def test_what_is_published_is_what_was_read() -> None:
    codebook = small()
    rita = person("ruth", "researcher")
    seen = stamp(drafted(codebook))
    change(codebook, lambda now: Edition("Other words.", now.questions, now.outcomes))

    with pytest.raises(Stale, match="read it again"):
        publish(codebook, "", rita, based_on=seen)
    assert draft_of(codebook) is not None


@pytest.mark.parametrize(
    ("edition", "note", "reason"),
    [
        (None, "Why.", "Nothing differs from edition 2."),
        (Edition("New.", (), ()), "Why.", "There is no question about the transcript"),
        ("new guideline", "", "Say what changed, and why"),
    ],
)
def test_a_draft_that_is_not_ready_is_not_published(edition: Edition | str | None, note: str, reason: str) -> None:
    codebook = redraft(Codebook.objects.get()).codebook
    if isinstance(edition, Edition):
        change(codebook, lambda _: edition)
    elif edition:
        change(codebook, lambda now: Edition("New.", now.questions, now.outcomes))

    with pytest.raises(NotNow, match=reason):
        publish(codebook, note, person("ruth", "researcher"), based_on=stamp(drafted(codebook)))


def test_the_next_edition_says_what_changed(rita: Client) -> None:
    codebook = redraft(Codebook.objects.get()).codebook
    change(codebook, lambda now: Edition("Read twice.", now.questions[1:], now.outcomes[2:]))
    sent = {"based_on": stamp(drafted(codebook)), "note": "Shorter."}

    assert rita.post(f"{EDIT}publish/", sent)["Location"] == f"/codebooks/{SLUG}/3/"

    page = rita.get(f"/codebooks/{SLUG}/3/")
    changed = [(one.change.part, one.change.name, one.change.how) for one in page.context["changes"]]
    assert changed[0] == ("Guideline", "", "changed")
    assert ("Question", "What harmful act, if any, was done?", "removed") in changed
    assert page.content.decode().count("Shorter.") == 1


def test_a_draft_is_thrown_away_and_a_codebook_without_editions_with_it(rita: Client) -> None:
    small()
    redraft(Codebook.objects.get(slug=SLUG))

    for slug in ("small", SLUG):
        page = rita.get(f"/codebooks/{slug}/edit/").context
        rita.post(f"/codebooks/{slug}/edit/discard/", {"based_on": page["stamp"]})

    assert list(Codebook.objects.values_list("slug", flat=True)) == [SLUG]
    assert CodebookVersion.objects.get().number == 2


def test_a_draft_that_changed_is_not_thrown_away(rita: Client) -> None:
    codebook = small()

    rita.post("/codebooks/small/edit/discard/", {"based_on": "older"})

    assert drafted(codebook) == SMALL


def test_saving_into_a_draft_that_was_published_meanwhile_loses_nothing_typed(rita: Client) -> None:
    codebook = small()
    at = "/codebooks/small/edit/question/why/"
    typed = opened(rita, at)
    publish(codebook, "", person("ruth", "researcher"), based_on=stamp(drafted(codebook)))

    told = rita.post(at, {**typed, "text": "Why so?"})

    assert (told.status_code, fields(told.content.decode())["text"]) == (409, ["Why so?"])
    assert told.context["stale"].startswith("This codebook has no draft")
    assert described(codebook.versions.get()) == SMALL


def test_hostile_words_are_shown_as_words(rita: Client) -> None:
    codebook = small()
    hostile = Edition(
        HOSTILE,
        (Asked("harm", HOSTILE, HOSTILE, options=(Option("yes", HOSTILE, HOSTILE), Option("no", "No"))),),
        (Counted("any", HOSTILE, HOSTILE, "harm", ((HOSTILE, "yes"),)),),
    )
    change(codebook, lambda _: hostile)
    at = "/codebooks/small/edit/"
    addresses = [at, f"{at}guideline/", f"{at}question/harm/", f"{at}outcome/any/", "/codebooks/small/1/"]

    pages = {address: rita.get(address).content.decode() for address in addresses}

    assert [address for address, page in pages.items() if "<script>alert" in page or "<b>" + "{{" in page] == []
    assert [address for address, page in pages.items() if "&lt;script&gt;alert(1)" not in page] == []
    assert fields(pages[f"{at}question/harm/"])["text"] == [HOSTILE]
    nul = rita.post(f"{at}guideline/", {"guideline": "a\0b", "based_on": stamp(HOSTILE)})
    assert (nul.status_code, drafted(codebook)) == (422, hostile)


def harm(version: CodebookVersion) -> Question:
    return version.questions.get(key="harm")


CHANGES: dict[str, Callable[[CodebookVersion], object]] = {
    "question": lambda v: Question.objects.create(version=v, ordinal=99, key="late", text="Late?"),
    "choice": lambda v: Choice.objects.create(question=harm(v), ordinal=99, key="late", text="Late"),
    "outcome": lambda v: v.outcomes.create(ordinal=99, key="late", name="late", question=harm(v)),
    "positive": lambda v: v.outcomes.get(key="harm").positives.create(choice=harm(v).choices.get(key="none")),
    "wait": lambda v: v.questions.get(key="belief").asked_after.add(harm(v).choices.get(key="none")),
    "wait taken away": lambda v: v.questions.get(key="severity").asked_after.clear(),
    "question moved in": lambda v: Question.objects.filter(version=small().versions.get()).update(version=v),
    "guideline": lambda v: CodebookVersion.objects.filter(pk=v.pk).update(guideline="other"),
    "unpublished": lambda v: CodebookVersion.objects.filter(pk=v.pk).update(published_at=None),
    "deleted": lambda v: v.delete(),
}


@pytest.mark.parametrize("name", CHANGES)
def test_the_database_leaves_a_published_edition_as_it_is(name: str) -> None:
    version = CodebookVersion.objects.get()
    before = described(version)

    with pytest.raises(IntegrityError, match="published codebook stays as it is"), transaction.atomic():
        CHANGES[name](version)

    assert described(CodebookVersion.objects.get(pk=version.pk)) == before


def test_a_draft_may_change_in_every_table() -> None:
    codebook = small()

    change(codebook, lambda _: Edition())

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM labeling_question q JOIN labeling_codebookversion v ON v.id = q.version_id"
            " WHERE v.codebook_id = %s",
            [codebook.pk],
        )
        assert cursor.fetchone() == (0,)
