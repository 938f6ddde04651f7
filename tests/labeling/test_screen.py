"""Who is taken out and taken back, who is asked as a third or one more, and what that does to what was agreed."""

from __future__ import annotations

from collections import Counter

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from labeling.calibration.basis import Basis, sample_items
from labeling.campaigns.choose import CannotChoose, add_chosen, add_gold, ask_another, retire_gold
from labeling.campaigns.draw import draw_wave
from labeling.campaigns.screen import exclude, readmit
from labeling.models import Assignment, CampaignItem, Label, Resolution
from labeling.queue.answer import Submission, submit
from labeling.queue.assign import take_next
from labeling.queue.pace import progress
from tests.labeling.makers import HARMLESS, UNSURE, answer_all, campaign, give, part_of, person, run_as, study, undrawn
from transcripts.models import Transcript

pytestmark = pytest.mark.django_db
NO, YES = {"harm": ["none"]}, {"harm": ["coercion"]}


@pytest.fixture
def ada() -> User:
    return person("ada", "rater")


@pytest.fixture
def ben() -> User:
    return person("ben", "rater")


def test_who_fails_too_many_attention_checks_is_out_and_others_answer_in_their_place(ada: User, ben: User) -> None:
    study(unflagged=8)
    made = run_as(campaign(ada, ben, size=4), gold_every=2, attention_limit=2)
    for transcript in undrawn(made, 3):
        add_gold(made, transcript, "attention", YES)

    given = answer_all(made, ada)

    drawn = [slot.item for slot in given if slot.item.source == "sample"]
    part = part_of(made, ada)
    assert (part.state, part.reason) == ("excluded", "2 attention checks failed")
    assert Counter(slot.item.source for slot in given)["gold"] == 2
    assert take_next(made, ada) is None
    assert Label.objects.filter(rater=ada).count() == len(given)
    assert Label.objects.filter(item__in=drawn).current().count() == 0
    assert Resolution.objects.filter(item__in=drawn, superseded_at=None).count() == 0
    run_as(made, gold_every=0)
    assert len(answer_all(made, ben)) == 4
    assert Resolution.objects.filter(item__in=drawn, superseded_at=None, outcome__key="harm").count() == len(drawn)


def test_who_is_excluded_has_nothing_in_hand_and_may_be_taken_back(ada: User, ben: User) -> None:
    study(unflagged=4)
    made = campaign(ada, ben, size=3)
    give(take_next(made, ada), False)
    held = take_next(made, ada)
    assert held is not None

    exclude(part_of(made, ada), "copies others")

    held.refresh_from_db()
    assert (held.rater, made.items.filter(assignments__rater=None).distinct().count()) == (None, 3)
    readmit(part_of(made, ada))
    current = Resolution.objects.filter(superseded_at=None, outcome__key="harm")
    assert (current.count(), Assignment.objects.count(), part_of(made, ada).state) == (1, 3, "active")
    assert take_next(made, ada) == held


def test_what_an_adjudicator_decided_stands_when_a_rater_is_excluded(ada: User) -> None:
    study(unflagged=1)
    made = campaign(ada, size=1)
    give(take_next(made, ada), None)
    Resolution.objects.filter(outcome__key="harm").update(superseded_at=timezone.now())
    item = made.items.get()
    before = Resolution.objects.filter(outcome__key="harm").get()
    Resolution.objects.create(
        item=item,
        outcome=before.outcome,
        value=True,
        method="adjudicated",
        positive=0,
        negative=0,
        missing=1,
        label_ids=before.label_ids,
        text_sha256=before.text_sha256,
    )

    exclude(part_of(made, ada), "copies others")

    assert [row.method for row in Resolution.objects.filter(superseded_at=None)] == ["adjudicated"]


@pytest.mark.parametrize(
    ("answers", "slots", "method", "value"),
    [
        ([False, False], 2, "unanimous", False),
        ([True, False, True], 3, "tie_break", True),
        ([True, None, True], 3, "tie_break", True),
        ([None, None], 2, "unresolved", None),
        ([True, False, None], 3, "unresolved", None),
    ],
)
def test_a_third_is_asked_where_two_do_not_agree(
    ada: User, ben: User, answers: list[bool | None], slots: int, method: str, value: bool | None
) -> None:
    study(unflagged=1)
    cyd = person("cyd", "rater")
    made = campaign(ada, ben, cyd, raters_per_item=2)
    run_as(made, third_on_disagreement=True, triple_share=0)
    draw_wave(made, 1)
    for rater, answer in zip((ada, ben, cyd), answers, strict=False):
        before = Resolution.objects.count()
        give(take_next(made, rater), answer)
    agreed = Resolution.objects.get(outcome__key="harm", superseded_at=None)

    assert before == 0
    assert (agreed.method, agreed.value, Assignment.objects.count()) == (method, value, slots)
    assert take_next(made, cyd) is None


def test_a_correction_that_ends_an_agreement_calls_the_third(ada: User, ben: User) -> None:
    study(unflagged=1)
    made = campaign(ada, ben, raters_per_item=2)
    run_as(made, third_on_disagreement=True, triple_share=0)
    draw_wave(made, 1)
    slot = take_next(made, ada)
    give(slot, False)
    give(take_next(made, ben), False)
    assert slot is not None

    submit(slot, Submission(UNSURE), revision=1)

    assert Resolution.objects.filter(superseded_at=None).count() == 0
    assert Assignment.objects.filter(submitted_at=None).count() == 1


def test_a_disputed_item_goes_to_one_rater_more_and_stays_in_the_sample(ada: User, ben: User) -> None:
    study(unflagged=2)
    made = campaign(ada, ben, size=1)
    give(take_next(made, ada), None)
    item = made.items.get()

    ask_another(item)

    assert Resolution.objects.filter(superseded_at=None).count() == 0
    with pytest.raises(CannotChoose, match="waits for an answer"):
        ask_another(item)
    give(take_next(made, ben), None)
    assert Resolution.objects.filter(superseded_at=None, missing=2).count() > 0
    assert made.items.get().source == CampaignItem.Source.SAMPLE


@pytest.mark.parametrize("source", ["browse", "dispute"])
def test_what_was_put_in_by_hand_is_resolved_and_enters_no_rate(ada: User, source: str) -> None:
    study(unflagged=3)
    made = campaign(ada, size=1)
    add_chosen(made, Transcript.objects.filter(pk=undrawn(made)[0].pk), source)

    answer_all(made, ada)

    assert Resolution.objects.filter(item__source=source).exists()
    assert [item.source for item in sample_items(Basis.of(made.evaluation))] == ["sample"]


def test_what_is_retired_is_given_to_nobody(ada: User) -> None:
    study(unflagged=2)
    made = run_as(campaign(ada, size=1), gold_every=1)
    expected = add_gold(made, undrawn(made)[0], "gold", NO)

    retire_gold(expected)

    assert [slot.item.source for slot in answer_all(made, ada)] == ["sample"]


def test_progress_is_a_raters_own_and_tells_known_answers_from_nothing(ada: User) -> None:
    study(unflagged=40)
    made = run_as(campaign(ada, size=30), gold_every=2)
    for transcript in undrawn(made, 5):
        add_gold(made, transcript, "gold", NO)
    paces = []
    for seconds in (60, 120, 90, 90):
        slot = take_next(made, ada)
        assert slot is not None
        submit(slot, Submission(HARMLESS, seconds=seconds))
        paces.append(progress(made, ada).pace)

    found = progress(made, ada)

    assert paces == [None, None, 40.0, 40.0]  # of one or two nothing can be told
    assert (found.by_rater, found.left, found.left_words, found.most) == (4, 28, "about 20", 24)
