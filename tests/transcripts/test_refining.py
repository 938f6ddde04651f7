"""A search that is narrowed or mended from the list's own page."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.transcripts.study import ingest, sample, user

pytestmark = pytest.mark.django_db


@pytest.fixture
def reader(client: Client) -> Client:
    client.force_login(user("viewer"))
    return client


def test_the_filters_hold_the_search_to_be_changed(reader: Client) -> None:
    ingest(sample())
    html = reader.get("/transcripts/?scenario=blackmail&q=wipe").content.decode()
    form = html.split('<form class="filters"')[1].split("</form>")[0]
    assert form.count('name="q"') == 1
    assert '<input id="within" type="search" name="q" value="wipe"' in form


def test_a_search_that_cannot_be_understood_can_be_mended(reader: Client) -> None:
    page = reader.get("/transcripts/", {"q": '/(/ "<b>'})
    assert page.status_code == 400
    assert '<input type="search" name="q" value="/(/ &quot;&lt;b&gt;"' in page.content.decode()
