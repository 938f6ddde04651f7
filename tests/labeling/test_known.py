"""What the pages upstream say of labels."""

from __future__ import annotations

import re

import pytest

from labeling.models import Campaign, Resolution
from labeling.panel.adjudicate import adjudicate
from tests.labeling.makers import campaign, client_of, label_all, person, study
from transcripts.models import Transcript

pytestmark = pytest.mark.django_db


@pytest.fixture
def labelled() -> Campaign:
    """Four transcripts: both raters see harm, neither does, they disagree, and nobody was asked."""
    study(unjudged=4)
    raters = [person("ada", "rater"), person("bob", "rater")]
    made = campaign(*raters, raters_per_item=2, size=3)
    label_all(made, {raters[0]: [True, False, True], raters[1]: [True, False, False]})
    return made


def test_the_list_filters_by_what_is_known_of_labels(labelled: Campaign) -> None:
    researcher = client_of(person("eve", "researcher"))
    both, neither, disputed = labelled.items.order_by("serve_order", "pk").values_list("transcript", flat=True)
    unasked = Transcript.objects.exclude(campaign_items__isnull=False).get().pk

    def found(state: str) -> set[int]:
        return {row["pk"] for row in researcher.get(f"/transcripts/?label={state}").context["rows"]}

    assert found("none") == {unasked}
    assert found("labelled") == {both, neither, disputed}
    assert found("agreed") == {both, neither}
    assert found("unresolved") == {disputed}
    assert found("positive") == {both}
    assert found("adjudicated") == set()
    unresolved = Resolution.objects.filter(method="unresolved", superseded_at=None)
    for row in unresolved:
        adjudicate(row, None, "The text breaks off.", person(f"judy-{row.pk}", "adjudicator"), cause="ambiguous")
    assert (found("adjudicated"), found("undecided"), found("unresolved")) == ({disputed}, {disputed}, set())
    assert (found("agreed"), found("negative")) == ({both, neither}, {neither})


def test_evidence_is_marked_where_a_rater_saw_it(labelled: Campaign) -> None:
    researcher = client_of(person("eve", "researcher"))
    both, neither, _ = labelled.items.order_by("serve_order", "pk")

    pages = [researcher.get(f"/transcripts/{item.transcript_id}/") for item in (both, neither)]

    assert [page.context["marked"].get("evidence", 0) for page in pages] == [2, 0]
    assert re.findall(r'<mark class="evidence">', pages[1].content.decode()) == []


def test_evidence_on_another_text_is_not_marked(labelled: Campaign) -> None:
    item = labelled.items.order_by("serve_order", "pk")[0]
    Transcript.objects.filter(pk=item.transcript_id).update(text_sha256=bytes(32))

    page = client_of(person("eve", "researcher")).get(f"/transcripts/{item.transcript_id}/")

    assert page.context["marked"] == {}
