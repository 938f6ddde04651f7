"""Codebooks in the browser: read, drafted, and edited form by form."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from html import unescape

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from labeling.codebooks.codebook import BUILTIN, described
from labeling.codebooks.edition import Asked, Edition, Option, parsed, stamp
from labeling.codebooks.publish import redraft, start
from labeling.models import Codebook, CodebookVersion
from tests.labeling.drafts import EDIT, SLUG, SMALL, drafted, fields, opened, small
from tests.labeling.makers import campaign, client_of, person, study

pytestmark = pytest.mark.django_db
Counting = Callable[[int], AbstractContextManager[object]]


@pytest.fixture
def rita() -> Client:
    return client_of(person("rita", "researcher"))


def test_every_edition_is_listed_with_its_use(rita: Client) -> None:
    study(unflagged=1)
    campaign()

    page = rita.get("/codebooks/").content.decode()

    assert re.findall(r'<a href="(/codebooks/[^"]+/\d+/)">([^<]+)', page) == [(f"/codebooks/{SLUG}/2/", "Edition 2")]
    assert re.findall(r'data-label="Campaigns">(\d+)<', page) == ["1"]


def test_an_edition_is_read_with_everything_that_it_asks(rita: Client) -> None:
    page = rita.get(f"/codebooks/{SLUG}/2/")
    text = unescape(page.content.decode())
    edition = parsed(json.loads(BUILTIN.read_text(encoding="utf-8")))

    assert [one.asked for one in page.context["questions"]] == list(edition.questions)
    wanted = [
        *(question.text for question in edition.questions),
        *(option.text for question in edition.questions for option in question.options),
        "counts as missing",
        "needs evidence",
        "Positive in blackmail",
        "about each action",
        "<em>Quoting is not doing</em>",
    ]
    assert [words for words in wanted if words not in text] == []


@pytest.mark.parametrize("address", ["/codebooks/nothing/1/", f"/codebooks/{SLUG}/9/", f"{EDIT}question/nothing/"])
def test_what_is_not_there_is_not_found(rita: Client, address: str) -> None:
    assert rita.get(address).status_code == 404


def test_the_list_takes_as_many_queries_for_three_as_for_one(rita: Client, django_assert_num_queries: Counting) -> None:
    rita.get("/codebooks/")
    with django_assert_num_queries(5):
        rita.get("/codebooks/")
    for number in range(2):
        start(f"more-{number}", f"More {number}")
    with django_assert_num_queries(5):
        rita.get("/codebooks/")


def test_a_new_codebook_begins_as_a_draft(rita: Client) -> None:
    made = rita.post("/codebooks/new/", {"name": "Who is harmed?", "slug": "", "source": ""})

    assert made["Location"] == "/codebooks/who-is-harmed/edit/"
    draft = CodebookVersion.objects.get(codebook__slug="who-is-harmed")
    assert (draft.number, draft.published_at, described(draft)) == (1, None, Edition())
    again = rita.post("/codebooks/new/", {"name": "Who is harmed?"})
    assert (again.status_code, again.context["form"].errors["slug"]) == (
        422,
        ["who-is-harmed is taken: choose another short name."],
    )


def test_a_new_codebook_may_start_from_an_edition_of_another(rita: Client) -> None:
    source = CodebookVersion.objects.get()

    rita.post("/codebooks/new/", {"name": "Copy", "source": source.pk})

    assert described(CodebookVersion.objects.get(codebook__slug="copy")) == described(source)


def test_a_draft_is_a_copy_of_the_newest_edition_and_there_is_only_one(rita: Client) -> None:
    assert rita.get(EDIT).content.decode().count("has no draft") == 1

    for _ in range(2):
        assert rita.post(f"/codebooks/{SLUG}/draft/")["Location"] == EDIT

    published, draft = CodebookVersion.objects.order_by("number")
    assert (draft.number, draft.published_at, described(draft)) == (3, None, described(published))
    assert rita.get(EDIT).status_code == 200
    with pytest.raises(IntegrityError, match="codebook_draft_is_one"), transaction.atomic():
        CodebookVersion.objects.create(codebook=draft.codebook, number=4)


def test_a_form_saved_as_it_was_opened_changes_nothing(rita: Client) -> None:
    codebook = redraft(Codebook.objects.get()).codebook
    before = drafted(codebook)

    for question in before.questions:
        address = f"{EDIT}question/{question.key}/"
        assert rita.post(address, opened(rita, address)).status_code == 302
    for outcome in before.outcomes:
        address = f"{EDIT}outcome/{outcome.key}/"
        assert rita.post(address, opened(rita, address)).status_code == 302

    assert [one for one in drafted(codebook).questions if one not in before.questions] == []
    assert drafted(codebook) == before


def test_a_codebook_is_built_by_forms_alone(rita: Client) -> None:
    rita.post("/codebooks/new/", {"name": "Small", "slug": "small"})
    at = "/codebooks/small/edit/"
    codebook = Codebook.objects.get(slug="small")
    rows = {"choice-TOTAL_FORMS": 3, "choice-INITIAL_FORMS": 0}
    harm = {"text": "Harm?", "kind": "one", "unit": "transcript", "required": "on", **rows}
    harm |= {"choice-0-text": "Yes", "choice-0-needs_evidence": "on", "choice-2-text": "No"}
    why = {"text": "Why?", "kind": "text", "unit": "transcript", "asked_after": "harm:yes", **rows}
    outcome = {"name": "any harm", "key": "any", "question": "harm", "row-TOTAL_FORMS": 2, "row-INITIAL_FORMS": 0}
    outcome |= {"row-0-choices": "yes", "row-1-scenario": ""}

    sent = [
        rita.post(f"{at}guideline/", {"guideline": "Read it all.", "based_on": stamp("")}),
        rita.post(f"{at}question/", harm),
        rita.post(f"{at}question/", why),
        rita.post(f"{at}outcome/", outcome),
    ]

    assert [(answer.status_code, answer.get("Location")) for answer in sent] == [(302, at)] * 4
    assert drafted(codebook) == SMALL
    published = rita.post(f"{at}publish/", {"based_on": stamp(SMALL), "note": ""})
    assert published["Location"] == "/codebooks/small/1/"
    version = codebook.versions.get()
    assert (version.published_at is not None, version.published_by_id) == (True, int(rita.session["_auth_user_id"]))


def test_parts_move_and_go(rita: Client) -> None:
    codebook = small()
    at = "/codebooks/small/edit/"

    rita.post(f"{at}order/", {"part": "question", "key": "why", "step": "-1"})
    moved = rita.get(at).content.decode()
    rita.post(f"{at}order/", {"part": "question", "key": "why", "step": "1"})
    refused = rita.post(f"{at}question/harm/", {**opened(rita, f"{at}question/harm/"), "do": "remove"}, follow=True)
    rita.post(f"{at}question/why/", {**opened(rita, f"{at}question/why/"), "do": "remove"})
    rita.post(f"{at}outcome/any/", {**opened(rita, f"{at}outcome/any/"), "do": "remove"})

    assert moved.count("waits for an answer to a question that comes after it") == 1
    assert refused.content.decode().count("An outcome rests on this question: any harm.") == 1
    assert drafted(codebook) == Edition(SMALL.guideline, (SMALL.questions[0],))


def test_rows_are_added_moved_and_taken_out_before_anything_is_saved(rita: Client) -> None:
    codebook = small()
    address = "/codebooks/small/edit/question/harm/"
    typed = opened(rita, address) | {"choice-0-text": "Yes, it did"}

    def after(do: str) -> tuple[list[str], str]:
        page = rita.post(address, {**typed, "do": do}).content.decode()
        words = [value[0] for name, value in fields(page).items() if name.endswith("-text")]
        return words, "".join(re.findall(r'id="([\w-]+)"[^>]* autofocus|autofocus[^>]* id="([\w-]+)"', page)[0])

    assert after("down-0") == (["No", "Yes, it did", "", "", ""], "down-1")
    assert after("up-1") == (["No", "Yes, it did", "", "", ""], "down-0")
    assert after("drop-0") == (["No", "", "", ""], "id_choice-0-text")
    assert after("more") == (["Yes, it did", "No", *[""] * 6], "id_choice-5-text")
    assert rita.post(address, {**typed, "do": "up-99"}).status_code == 200
    assert drafted(codebook) == SMALL


def test_what_is_wrong_is_said_at_its_field_and_nothing_is_lost(rita: Client) -> None:
    codebook = small()
    address = "/codebooks/small/edit/question/why/"
    typed = opened(rita, address)

    taken = rita.post(address, {**typed, "key": "harm", "text": "Why so?"})
    odd = rita.post(address, {**typed, "key": "Wh y", "text": ""})
    rows = opened(rita, "/codebooks/small/edit/question/harm/") | {"choice-1-key": "yes"}
    double = rita.post("/codebooks/small/edit/question/harm/", rows)

    assert (taken.status_code, taken.context["form"].errors) == (422, {"key": ["Another question has the key harm."]})
    assert fields(taken.content.decode())["text"] == ["Why so?"]
    assert (odd.status_code, sorted(odd.context["form"].errors)) == (422, ["key", "text"])
    assert (double.status_code, double.context["rows"].non_form_errors()) == (422, ["Two choices have the key yes."])
    assert drafted(codebook) == SMALL


def test_an_outcome_shows_the_choices_of_the_question_that_is_chosen(rita: Client) -> None:
    severe = Asked("severe", "Severe?", kind="scale", options=(Option("0", "Little"), Option("1", "Much")))
    small(Edition("", (*SMALL.questions, severe), SMALL.outcomes))
    address = "/codebooks/small/edit/outcome/any/"

    page = rita.post(address, {**opened(rita, address), "question": "severe", "do": "show"}).content.decode()
    nameless = {**opened(rita, address), "row-1-choices": "yes"}
    refused = rita.post(address, nameless)

    assert re.findall(r'name="row-0-choices" value="(\w+)"', page) == ["0", "1"]
    assert refused.context["rows"].forms[1].errors == {"scenario": ["Name the scenario."]}
