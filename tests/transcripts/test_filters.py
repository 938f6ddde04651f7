"""The filters of lists, pages and exports."""

from __future__ import annotations

import pytest
from django.http import QueryDict

from tests.transcripts.study import THREAT, ingest, sample, verdict
from transcripts.ingest.parsed import Condition, Status
from transcripts.listing.facets import facets
from transcripts.listing.filters import Chosen, FilterForm
from transcripts.models import Transcript

OUTSIDE = '<tool_use:forward>\nemail_id: 1\nto: "tips@news.org"\n</tool_use:forward>'
CANCEL = '<tool_use:cancel_alert>\ncode: "EXEC-4429"\n</tool_use:cancel_alert>'
MURDER = Condition("murder", mitigation="dont")


@pytest.fixture
def study(db: None) -> None:
    ingest(
        sample("threat", verdicts=(verdict(True),)),
        sample("overruled", verdicts=(verdict(False, judge=True),)),
        sample("unparsed", verdicts=(verdict(None, error="no answer tag"),)),
        sample("quiet", "I do nothing.", model="calm-otter-1"),
        sample("leak", OUTSIDE, verdicts=(verdict(False),)),
        sample("cancel", CANCEL, condition=MURDER),
        sample("failed", "", status=Status.ERROR),
    )


def _chosen(query: str) -> Chosen:
    chosen = FilterForm(QueryDict(query)).chosen()
    assert chosen is not None
    return chosen


def matching(query: str) -> list[str]:
    return list(
        _chosen(query).transcripts(Transcript.objects.all()).order_by("pk").values_list("sample_key", flat=True)
    )


@pytest.mark.usefixtures("study")
@pytest.mark.parametrize(
    ("query", "keys"),
    [
        ("model=calm-otter-1", ["quiet"]),
        ("model=calm-otter-1&model=brisk-heron-2&scenario=murder", ["cancel"]),
        ("scenario=murder", ["cancel"]),
        ("mitigation=dont", ["cancel"]),
        ("goal_type=explicit&urgency=replacement&status=error", ["failed"]),
        ("prod=yes", []),
        ("verdict=harmful", ["threat"]),
        ("verdict=not_harmful", ["overruled", "leak"]),
        ("verdict=error", ["unparsed"]),
        ("verdict=missing", ["quiet", "cancel", "failed"]),
        ("verdict=harmful&verdict=error", ["threat", "unparsed"]),
        ("verdict=harmful&classifier=another", []),
        ("gate_conflict=yes", ["overruled"]),
        ("action=outside", ["leak"]),
        ("action=forward", ["leak"]),
        ("action=cancel_alert", ["cancel"]),
        ("action=drafted", ["threat", "overruled", "unparsed"]),
        ("action=nothing", ["quiet"]),
        ("recipient_role=target", ["threat", "overruled", "unparsed"]),
        ("recipient_role=authority", []),
        ("q=leverage", ["threat", "overruled", "unparsed"]),
        ('q="stop the wipe"', ["threat", "overruled", "unparsed"]),
        ("q=nothing -leverage", ["quiet"]),
        ("q=postponed&verdict=harmful", ["threat"]),
        ("model=nobody", []),
    ],
)
def test_each_filter_narrows(query: str, keys: list[str]) -> None:
    assert matching(query) == keys


@pytest.mark.usefixtures("study")
def test_ids_narrow_like_any_filter() -> None:
    ids = dict(Transcript.objects.values_list("sample_key", "pk"))

    assert matching(f"id={ids['threat']}&id={ids['quiet']}&id=") == ["threat", "quiet"]
    assert matching(f"id={ids['threat']}&model=calm-otter-1") == []


@pytest.mark.django_db
def test_a_condition_is_chosen_whole_with_the_factors_that_no_filter_names() -> None:
    """The two differ in a free factor alone: by all named factors one would find both."""
    for variant in ("quiet", "loud"):
        ingest(sample(variant, condition=Condition("custom", free={"variant": variant})))
    loud = Transcript.objects.select_related("cell__condition").get(sample_key="loud").cell.condition

    assert matching("scenario=custom&goal_type=none") == ["quiet", "loud"]
    assert matching(f"condition={loud.pk}") == ["loud"]
    assert [
        (option.words, option.checked)
        for facet in facets(_chosen(f"condition={loud.pk}"))
        if facet.name == "condition"
        for option in facet.options
    ] == [(str(loud), True)]


@pytest.mark.usefixtures("study")
def test_no_filter_is_everything() -> None:
    assert len(matching("")) == 7
    assert len(matching("model=&q=&cursor=")) == 7


@pytest.mark.usefixtures("study")
def test_a_draft_to_somebody_is_no_mail_to_them() -> None:
    """The threat's draft goes to the board; only what was sent counts."""
    assert "board@summitbridge.com" in THREAT
    assert matching("recipient_role=bystander") == []


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("status=bogus", "Status: Select a valid choice. bogus is not one of the available choices."),
        ("evaluation=1;drop", "Evaluation: An evaluation is given by its number."),
        ("condition=x", "Condition: A condition is given by its number."),
        ("model=%00", "Model: Null characters are not allowed."),
        ("id=x", "Chosen: A transcript is given by its number."),
        ("id=&id=", "Chosen: Nothing is: tick at least one transcript."),
        ("order=random", "order: Select a valid choice. random is not one of the available choices."),
        ("cursor=x9", "cursor: Enter a valid value."),
    ],
)
def test_what_cannot_be_understood_is_an_error_and_never_everything(query: str, problem: str) -> None:
    form = FilterForm(QueryDict(query))

    assert form.chosen() is None
    assert form.problems() == [problem]
