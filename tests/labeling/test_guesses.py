"""Which model raters thought that they were reading."""

from __future__ import annotations

import re

import pytest

from labeling.panel.guesses import guesses
from labeling.queue.answer import Submission, submit
from labeling.queue.assign import take_next
from tests.labeling.makers import HARMLESS, campaign, client_of, person, study

pytestmark = pytest.mark.django_db


def test_guesses_are_counted_against_the_truth() -> None:
    study(unflagged=4)
    ada = person("ada", "rater")
    made = campaign(ada, size=4)
    for said in ("Heron", "heron", "a gull", ""):
        slot = take_next(made, ada)
        assert slot is not None
        submit(slot, Submission(HARMLESS, recognised=said))

    found = guesses(made, most=1)

    assert [(row.said, str(row.model), row.n) for row in found.rows] == [("heron", "brisk-heron-2", 2)]
    assert (found.kinds, found.total, found.labels) == (2, 3, 4)
    page = client_of(person("rita", "researcher")).get(f"/campaigns/{made.pk}/").content.decode()
    table = page[page.index('id="guesses"') :]
    assert re.findall(r'class="main">([^<]+)</th><td data-label="It was">([^<]+)<', table)[:2] == [
        ("heron", "brisk-heron-2"),
        ("a gull", "brisk-heron-2"),
    ]


def test_where_nobody_guessed_the_page_says_so() -> None:
    study(unflagged=1)
    made = campaign(size=1)

    page = client_of(person("rita", "researcher")).get(f"/campaigns/{made.pk}/").content.decode()

    assert "With none of 0 answers did a rater say that they recognised the model." in page
