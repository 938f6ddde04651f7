"""From labels to agreed answers."""

from __future__ import annotations

import pytest

from labeling.campaigns.draw import draw_wave
from labeling.models import Assignment, CampaignItem, Expected, Label, Resolution
from labeling.panel.adjudicate import AlreadySettled, adjudicate
from labeling.panel.resolve import majority, resolve_item
from labeling.queue.answer import Submission, submit
from labeling.queue.assign import take_next
from tests.labeling.makers import HARMFUL, HARMLESS, PASSAGE, campaign, give, person, study

METHOD = Resolution.Method


@pytest.mark.parametrize(
    ("answers", "agreed"),
    [
        ([True, True, True], (True, METHOD.UNANIMOUS)),
        ([False], (False, METHOD.UNANIMOUS)),
        ([True, False, True], (True, METHOD.MAJORITY)),
        ([False, False, None], (False, METHOD.MAJORITY)),
        ([True, False], (None, METHOD.UNRESOLVED)),
        ([True, None, False], (None, METHOD.UNRESOLVED)),
        ([None, None, None], (None, METHOD.UNRESOLVED)),
        ([True, None, None], (None, METHOD.UNRESOLVED)),
        ([], (None, METHOD.UNRESOLVED)),
    ],
)
def test_a_majority_of_all_raters_decides_and_unsure_is_never_a_no(
    answers: list[bool | None], agreed: tuple[bool | None, str]
) -> None:
    assert majority(answers) == agreed


def item_with(*answers: bool | None) -> CampaignItem:
    study(unflagged=1)
    raters = [person(f"rater-{number}", "rater") for number in range(len(answers))]
    made = campaign(*raters, size=1, raters_per_item=len(answers))
    for rater, answer in zip(raters, answers, strict=True):
        give(take_next(made, rater), answer)
    return made.items.get()


def current(item: CampaignItem, outcome: str = "harm") -> Resolution:
    return Resolution.objects.get(item=item, outcome__key=outcome, superseded_at=None)


@pytest.mark.django_db
def test_an_item_is_resolved_when_all_of_its_slots_are_submitted() -> None:
    study(unflagged=1)
    ada, ben = person("ada", "rater"), person("ben", "rater")
    made = campaign(ada, ben, size=1, raters_per_item=2)
    give(take_next(made, ada), True)
    assert Resolution.objects.count() == 0

    give(take_next(made, ben), True)

    found = {row.outcome.key: row.value for row in Resolution.objects.select_related("outcome")}
    assert found == {"harm": True, "any_harm": True, "test_belief": False}


@pytest.mark.django_db
def test_an_outcome_is_applied_to_each_answer_before_they_are_resolved() -> None:
    """Two see harm of different kinds: each of these is a minority, any harm is not."""
    study(unflagged=1)
    raters = [person(name, "rater") for name in ("ada", "ben", "cleo")]
    made = campaign(*raters, size=1, raters_per_item=3)
    give(take_next(made, raters[0]), True)
    slot = take_next(made, raters[1])
    assert slot is not None
    submit(slot, Submission({**HARMFUL, "harm": ["deception"]}, [PASSAGE]))
    give(take_next(made, raters[2]), False)

    item = made.items.get()
    assert (current(item).value, current(item).method) == (False, "majority")
    assert (current(item, "any_harm").value, current(item, "any_harm").method) == (True, "majority")


@pytest.mark.django_db
def test_unsure_raters_are_counted_and_leave_it_unresolved() -> None:
    item = item_with(True, None, False)

    row = current(item)
    assert (row.value, row.method, row.positive, row.negative, row.missing) == (None, "unresolved", 1, 1, 1)


@pytest.mark.django_db
def test_resolving_again_changes_nothing() -> None:
    item = item_with(True, True)

    assert resolve_item(item) == []
    assert Resolution.objects.count() == 3


@pytest.mark.django_db
def test_an_adjudicator_settles_it_and_labels_stay() -> None:
    item = item_with(True, False)
    judy = person("judy", "adjudicator")
    unresolved = current(item)

    settled = adjudicate(unresolved, True, "The last mail is a threat.", judy)

    assert current(item) == settled
    assert (settled.value, settled.method, settled.resolved_by) == (True, "adjudicated", judy)
    assert settled.label_ids == unresolved.label_ids
    assert resolve_item(item) == []
    with pytest.raises(AlreadySettled):
        adjudicate(unresolved, False, "No.", judy)


@pytest.mark.django_db
def test_what_was_adjudicated_stands_when_a_label_is_corrected() -> None:
    item = item_with(True, False)
    adjudicate(current(item), True, "A threat.", person("judy", "adjudicator"))
    slot = item.assignments.get(labels=Label.objects.latest("pk"))

    submit(slot, Submission({**HARMLESS, "harm": ["unsure"]}), revision=1)

    assert (current(item).value, current(item).method) == (True, "adjudicated")


# ---- A third rater on disagreement


def two_and_a_third(*answers: bool | None, triple: bool = False) -> CampaignItem:
    """An item of a campaign that asks a third on disagreement, answered so by one rater after the other."""
    study(unflagged=1)
    raters = [person(f"rater-{number}", "rater") for number in range(3)]
    made = campaign(*raters, raters_per_item=2)
    made.third_on_disagreement, made.triple_share = True, float(triple)
    made.save()
    draw_wave(made, 1)
    for rater, answer in zip(raters, answers, strict=False):
        give(take_next(made, rater), answer)
    return made.items.get()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("answers", "value", "method"),
    [
        ((True, True), True, METHOD.UNANIMOUS),
        ((True, False, True), True, METHOD.TIE_BREAK),
        ((True, False, False), False, METHOD.TIE_BREAK),
        ((None, False, False), False, METHOD.TIE_BREAK),
        ((True, False, None), None, METHOD.UNRESOLVED),
        ((None, None), None, METHOD.UNRESOLVED),
    ],
)
def test_a_third_rater_breaks_the_tie(answers: tuple[bool | None, ...], value: bool | None, method: str) -> None:
    item = two_and_a_third(*answers)

    assert (current(item).value, current(item).method) == (value, method)
    assert item.assignments.count() == len(answers)


@pytest.mark.django_db
def test_nothing_is_agreed_until_the_third_has_answered() -> None:
    item = two_and_a_third(True, False)

    assert (Resolution.objects.count(), item.assignments.filter(submitted_at=None).count()) == (0, 1)


@pytest.mark.django_db
def test_what_always_gets_three_is_a_majority_and_no_tie_break() -> None:
    item = two_and_a_third(True, False, True, triple=True)

    assert (item.triple, current(item).method) == (True, METHOD.MAJORITY)


@pytest.mark.django_db
def test_repeated_and_voided_labels_count_for_nothing() -> None:
    item = item_with(True, True, False)
    away, first, second = item.assignments.order_by("slot")
    Assignment.objects.filter(pk=away.pk).update(voided_at=away.submitted_at)
    repeat = Assignment.objects.create(item=item, slot=9, rater=first.rater, purpose="repeat")
    give(repeat, False)

    resolve_item(item)

    found = current(item)
    assert (found.positive, found.negative, found.method) == (1, 1, METHOD.UNRESOLVED)
    assert found.label_ids == sorted(Label.objects.filter(assignment__in=[first, second]).values_list("pk", flat=True))


@pytest.mark.django_db
def test_a_gold_item_is_resolved_by_nobody() -> None:
    transcript = study(unflagged=1)[0]
    item = CampaignItem.objects.create(campaign=campaign(), transcript=transcript, source="gold", serve_order=0)
    Expected.objects.create(item=item, answers={"harm": ["none"]})

    give(Assignment.objects.create(item=item, slot=1, rater=person("ada", "rater")), True)

    assert (Label.objects.count(), resolve_item(item), Resolution.objects.count()) == (1, [], 0)
