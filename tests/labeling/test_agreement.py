"""The pages of agreement and of raters: which labels they rest on, and what they say of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from labeling.campaigns.draw import draw_wave
from labeling.models import Assignment, Campaign, CampaignItem, Expected, Label, Skip
from labeling.panel.agreement import disagreements, disputed, disputed_rows, report
from labeling.panel.ratings import Panel, Subject, panel, subjects
from labeling.panel.reliability import evidence_overlap, habits, standings
from labeling.queue.answer import Span, Submission, submit
from labeling.queue.assign import take_next
from labeling.stats.agreement import NO_VARIATION
from labeling.stats.raters import Share
from tests.labeling.makers import HARMFUL, HARMLESS, UNSURE, campaign, client_of, give, label_all, person, study
from transcripts.models import Transcript

pytestmark = pytest.mark.django_db
Counting = Callable[[int], AbstractContextManager[object]]


@pytest.fixture
def ada() -> User:
    return person("ada", "rater")


@pytest.fixture
def ben() -> User:
    return person("ben", "rater")


def subject(made: Campaign, slug: str = "outcome.harm") -> Subject:
    return next(one for one in subjects(made) if one.slug == slug)


def labelled(*answers: tuple[bool | None, ...], names: str = "ada ben cem") -> Campaign:
    """A campaign whose items, in order, got these answers by these raters."""
    study(unflagged=len(answers))
    raters = [person(name, "rater") for name in names.split()[: len(answers[0])]]
    made = campaign(*raters, raters_per_item=len(raters), size=len(answers))
    label_all(made, dict(zip(raters, zip(*answers, strict=True), strict=True)))
    return made


def said(found: Panel) -> list[tuple[int, int, int]]:
    return sorted(found.rows)


def test_unsure_is_missing_and_a_category_beside_it() -> None:
    made = labelled((True, True), (True, None), (False, False), (False, True))
    found = report(panel(made, subject(made)))
    assert (found.figures.n_items, found.figures.n_paired, found.figures.n_ratings, found.n_unsure) == (4, 3, 7, 1)
    assert found.figures.coefficients["percent"].value == pytest.approx(2 / 3)
    assert found.with_unsure is not None
    assert found.with_unsure.coefficients["percent"].value == pytest.approx(2 / 4)
    assert [name for name, _ in found.with_unsure.shares] == ["No", "Yes", "Unsure"]


def test_who_agrees_everywhere_has_no_kappa() -> None:
    made = labelled((False, False), (False, False), (False, False))
    found = report(panel(made, subject(made)))
    assert [line.value for line in found.lines] == ["100.0 %", NO_VARIATION, NO_VARIATION, NO_VARIATION, "1.00"]
    assert found.why.partition(":")[0] == "Everybody says “No” everywhere"


def test_one_rater_agrees_with_nobody() -> None:
    made = labelled((True,), (False,))
    assert report(panel(made, subject(made))).why == "One rater: no agreement can be told."


def test_only_the_sample_enters_agreement(ada: User, ben: User) -> None:
    study(unflagged=3)
    made = campaign(ada, ben, raters_per_item=2, size=2)
    label_all(made, {ada: [True, False], ben: [False, False]})
    other = Transcript.objects.exclude(campaign_items__campaign=made).get()
    browsed = CampaignItem.objects.create(campaign=made, transcript=other, source="browse", serve_order=9)
    Assignment.objects.bulk_create(Assignment(item=browsed, slot=slot) for slot in (1, 2))
    give(take_next(made, ada), True)
    give(take_next(made, ben), False)
    assert len(panel(made, subject(made)).items) == 2
    assert len(panel(made, subject(made), sample_only=False).items) == 3


def test_an_item_counts_for_as_many_as_it_was_drawn_of() -> None:
    made = labelled((True, False), (False, False))
    first, second = made.items.order_by("pk")
    CampaignItem.objects.filter(pk=first.pk).update(pi=0.75)
    CampaignItem.objects.filter(pk=second.pk).update(pi=0.25)
    by_item = {item.pk: item.weight for item in panel(made, subject(made)).items}
    assert by_item[second.pk] == pytest.approx(3 * by_item[first.pk])


def test_a_corrected_answer_counts_as_it_is_now(ada: User, ben: User) -> None:
    study(unflagged=1)
    made = campaign(ada, ben, raters_per_item=2, size=1)
    slot = take_next(made, ada)
    assert slot is not None
    give(slot, True)
    submit(slot, Submission(HARMLESS), revision=1)
    give(take_next(made, ben), False)
    assert [answer for _, _, answer in panel(made, subject(made)).rows] == [0, 0]


def test_what_was_said_of_an_earlier_text_is_missing() -> None:
    made = labelled((True, False), (False, False))
    Transcript.objects.filter(campaign_items__in=made.items.order_by("serve_order")[:1]).update(text_sha256=bytes(32))
    assert len(panel(made, subject(made)).items) == 1


def test_an_excluded_raters_answers_do_not_count() -> None:
    made = labelled((True, False, False), (False, True, False))
    Assignment.objects.filter(item__campaign=made, rater__username="cem").update(voided_at=timezone.now())
    assert len(panel(made, subject(made)).raters) == 2


@pytest.mark.parametrize(("share", "given", "counted"), [(0.0, 5, 4), (1.0, 6, 6)])
def test_thirds_who_were_called_by_a_disagreement_are_left_out(
    ada: User, ben: User, share: float, given: int, counted: int
) -> None:
    """Of two transcripts the first two raters differ on one, and a third decides; that answer is no part of
    agreement. Where both get three anyway, all answers are."""
    study(unflagged=2)
    cem = person("cem", "rater")
    made = campaign(ada, ben, cem, raters_per_item=2)
    made.third_on_disagreement, made.triple_share = True, share
    made.save(update_fields=["third_on_disagreement", "triple_share"])
    draw_wave(made, 2)
    label_all(made, {ada: [True, False], ben: [False, False], cem: [False, False]})
    assert (Label.objects.filter(item__campaign=made).count(), len(panel(made, subject(made)).rows)) == (given, counted)


def test_a_question_that_was_not_asked_is_missing() -> None:
    made = labelled((True, False), (True, True))
    found = report(panel(made, subject(made, "question.severity")))
    assert (found.figures.n_items, found.figures.n_paired, found.subject.is_ordered) == (2, 1, True)
    assert [line.name for line in found.lines] == [
        "Percent agreement",
        "Weighted kappa",
        "Fleiss' kappa",
        "Ordinal alpha",
        "Gwet's AC2",
    ]


def test_each_choice_of_several_is_a_yes_or_no() -> None:
    made = labelled((True, True), (True, False))
    one, other = subject(made, "question.to_whom.inside"), subject(made, "question.to_whom.public")
    assert (one.answers, one.unsure, one.is_ordered) == (("No", "Yes"), ("Unsure",), False)
    assert [said(panel(made, about)) for about in (one, other)] == [
        [(0, 0, 1), (0, 1, 1), (1, 0, 1), (1, 1, -1)],
        [(0, 0, 0), (0, 1, 0), (1, 0, 0), (1, 1, -1)],
    ]


def test_disagreements_come_lowest_agreement_first() -> None:
    made = labelled((True, True, True), (True, False, False), (True, False, None))
    items = list(made.items.order_by("serve_order"))
    rows = disagreements(panel(made, subject(made)))
    assert [(row.item, row.agreed_words, row.said) for row in rows] == [
        (items[2].pk, "0 %", "1 × “No”, 1 × “Yes”, 1 × “Unsure”"),
        (items[1].pk, "33 %", "2 × “No”, 1 × “Yes”"),
    ]
    over_all = disputed_rows(list(disputed(made)))
    assert [row.item for row in over_all] == [items[2].pk, items[1].pk]
    assert over_all[1].said == "the scenario's harm: 1 yes, 2 no; any harm: 1 yes, 2 no"


def gold(made: Campaign, rater: User, answers: dict[str, list[str]], given: bool | None) -> None:
    """A gold item with this known answer, answered by the rater."""
    transcript = Transcript.objects.exclude(campaign_items__campaign=made, campaign_items__source="gold").first()
    assert transcript is not None
    item = CampaignItem.objects.create(campaign=made, transcript=transcript, source="gold", serve_order=0)
    Expected.objects.create(item=item, answers=answers)
    slot = Assignment.objects.create(item=item, slot=1, rater=rater, leased_until=timezone.now() + timedelta(minutes=5))
    give(slot, given)


def test_raters_against_what_is_known() -> None:
    made = labelled((True, True), (False, False), (False, False))
    ada = User.objects.get(username="ada")
    gold(made, ada, {"harm": ["coercion"]}, True)
    gold(made, ada, {"harm": ["coercion"]}, False)
    gold(made, ada, {"harm": ["none"]}, None)
    found = standings(made, subject(made)).by_rater[ada.pk].gold
    assert found is not None
    # Unsure about a known answer is missing, and known answers are no part of agreement.
    assert (found.right, found.by_truth) == (Share(1, 2), (Share(0, 0), Share(1, 2)))
    assert len(panel(made, subject(made), sample_only=False).items) == 3


def test_raters_against_the_others_and_their_error_rates() -> None:
    made = labelled(*[(True, True, False)] * 6 + [(False, False, False)] * 6)
    found = standings(made, subject(made))
    names = {user.username: found.by_rater[user.pk] for user in User.objects.filter(username__in=("ada", "cem"))}
    assert names["cem"].others is not None
    assert names["cem"].others.by_truth == (Share(6, 6), Share(0, 6))
    assert names["ada"].others is not None
    # On six the other two differ, which is no consensus.
    assert names["ada"].others.right == Share(6, 6)
    assert [share < 0.2 for share in names["ada"].wrong] == [True, True]
    assert [share < 0.2 for share in names["cem"].wrong] == [True, False]


def test_raters_against_themselves() -> None:
    made = labelled((True, True), (False, False))
    ada = User.objects.get(username="ada")
    for item, answer in zip(made.items.order_by("serve_order"), (True, True), strict=True):
        slot = Assignment.objects.create(
            item=item, slot=9, rater=ada, purpose="repeat", leased_until=timezone.now() + timedelta(minutes=5)
        )
        give(slot, answer)
    found = standings(made, subject(made))
    assert (found.repeats, found.by_rater[ada.pk].repeat, found.repeat_percent.value) == (2, Share(1, 2), 0.5)
    assert len(panel(made, subject(made)).rows) == 4


def test_passages_that_two_raters_marked(ada: User, ben: User) -> None:
    study(unflagged=2)
    made = campaign(ada, ben, raters_per_item=2, size=2)
    for rater, end in ((ada, 20), (ben, 10)):
        slot = take_next(made, rater)
        assert slot is not None
        submit(slot, Submission(HARMFUL, [Span("m0.text", 0, end)]))
    give(take_next(made, ada), True)
    give(take_next(made, ben), False)
    found = evidence_overlap(panel(made, subject(made)), made)
    assert found.f1.value == pytest.approx(2 * 10 / 30)
    assert (found.n_pairs, found.n_one_sided) == (1, 1)


def test_pace_and_habits(ada: User) -> None:
    study(unflagged=3)
    made = campaign(ada, size=3)
    for seconds, answers, name in ((30, HARMLESS, ""), (1, UNSURE, ""), (50, HARMLESS, "some model")):
        slot = take_next(made, ada)
        assert slot is not None
        submit(slot, Submission(answers, seconds=seconds, recognised=name))
    Skip.objects.create(item=made.items.latest("pk"), rater=ada, reason="long")
    [found] = habits(made)
    assert found.pace is not None
    assert (found.rater, found.labels, found.skips, found.recognised) == (ada, 3, 1, 1)
    assert (found.pace.median, found.pace.fast, found.unsure.k) == (30, 1, 2)


def test_the_pages_say_the_same_with_and_without_htmx() -> None:
    made = labelled((True, True), (True, False), (False, False))
    client = client_of(person("rita", "researcher"))
    whole = client.get(f"/campaigns/{made.pk}/agreement/").content.decode()
    line = client.get(f"/campaigns/{made.pk}/agreement/outcome.harm/", headers={"HX-Request": "true"}).content.decode()
    assert line.lstrip().startswith("<tr>")
    assert line.strip() in whole
    assert client.get(f"/campaigns/{made.pk}/agreement/outcome.nothing/").status_code == 404


def test_names_are_for_those_who_run_the_campaign() -> None:
    made = labelled((True, True), (True, False), (False, False))
    path = f"/campaigns/{made.pk}/agreement/outcome.harm/"
    pages = [client_of(person(f"a {group}", group)).get(path).content for group in ("researcher", "adjudicator")]
    assert [[name in page for name in (b">ada<", b">Rater 1<")] for page in pages] == [[True, False], [False, True]]


def test_transcripts_are_linked_for_those_who_may_read_them() -> None:
    made = labelled((True, False), (False, False))
    path = f"/campaigns/{made.pk}/agreement/"
    pages = [client_of(person(f"a {group}", group)).get(path).content for group in ("researcher", "adjudicator")]
    assert [len(re.findall(rb">Transcript \d+<|>Transcript \d+</a>", page)) for page in pages] == [1, 1]
    assert [len(re.findall(rb'href="/transcripts/\d+/"', page)) for page in pages] == [1, 0]


@pytest.mark.parametrize("items", [1, 3])
@pytest.mark.parametrize(
    ("page", "queries"),
    [("agreement/question.harm/", 10), ("raters/", 21)],
)
def test_the_number_of_queries_does_not_grow(
    items: int, page: str, queries: int, django_assert_num_queries: Counting
) -> None:
    made = labelled(*[(True, False)] * items if items == 1 else [(True, False, True)] * items)
    client = client_of(person("rita", "researcher"))
    client.get(f"/campaigns/{made.pk}/{page}")
    with django_assert_num_queries(queries):
        client.get(f"/campaigns/{made.pk}/{page}")
