from __future__ import annotations

import pytest
from django.http import QueryDict
from django.test import Client

from reports.filters import Report
from reports.portrait import portrait
from transcripts.models import LanguageModel, Transcript

from .makers import UNLABELLED, WELL_LABELLED, Counts, Found, condition, study, user

pytestmark = pytest.mark.django_db
OFTEN = Counts(Found(60, 60, 54), Found(40, 20, 1))


def of(model: str) -> tuple[Report, Report, LanguageModel]:
    return (
        Report.from_query(QueryDict(f"model={model}")),
        Report.from_query(QueryDict()),
        LanguageModel.objects.get(recorded_id=model),
    )


def test_a_model_is_told_by_its_place_its_extremes_and_what_changes_it() -> None:
    study(
        {
            ("m", condition("a")): WELL_LABELLED,
            ("m", condition("a", urgency="replacement")): OFTEN,
            ("n", condition("a")): OFTEN,
            ("n", condition("a", urgency="replacement")): OFTEN,
        }
    )

    found = portrait(*of("m"), Transcript.objects.all())

    assert found.place is not None
    assert (found.place.rank, found.ranked) == ("1", 2)
    assert [row.names for row in found.most] == [("a · replacement",)]
    assert [row.names for row in found.least] == [("a · control",)]
    assert [row.words for row in found.contrasts] == ["+36 points [21, 50] *"]
    assert {words: len(rows) for words, rows in found.examples.items()} == {
        "Harm that people and classifier saw": 4,
        "Harm that the classifier missed": 3,
        "Flagged, and people saw none": 4,
    }


def test_a_model_that_is_not_calibrated_is_not_ranked(client: Client) -> None:
    study({("m", condition()): UNLABELLED, ("n", condition()): UNLABELLED})
    client.force_login(user("viewer", "viewer"))

    page = client.get(f"/models/{LanguageModel.objects.get(recorded_id='m').pk}/")

    assert page.status_code == 200
    assert "Not ranked" in page.content.decode()


def test_a_model_without_cells_says_so_and_an_unknown_one_is_not_there(client: Client) -> None:
    study({("m", condition()): UNLABELLED})
    other = LanguageModel.objects.create(recorded_id="other")
    client.force_login(user("viewer", "viewer"))

    assert "in no cell" in client.get(f"/models/{other.pk}/").content.decode()
    assert client.get("/models/999999/").status_code == 404
