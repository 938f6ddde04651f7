"""What is kept of a rater's answers, and what is refused."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import IntegrityError, connection, transaction

from labeling.models import Answer, Assignment, Campaign, Draft, Evidence, Label, Question, Resolution
from labeling.queue.answer import Refused, Span, Submission, submission_of, submit
from labeling.queue.assign import save_draft, take_next
from tests.labeling.makers import HARMFUL, HARMLESS, PASSAGE, campaign, give, person, study
from tests.transcripts.study import THREAT

pytestmark = pytest.mark.django_db


@pytest.fixture
def slot() -> Assignment:
    study(unflagged=1)
    ada = person("ada", "rater")
    taken = take_next(campaign(ada, size=1), ada)
    assert taken is not None
    return taken


def refusal(slot: Assignment, submission: Submission) -> dict[str, str]:
    with pytest.raises(Refused) as refused:
        submit(slot, submission)
    assert Label.objects.count() == 0
    return refused.value.problems


def test_a_label_keeps_answers_evidence_comment_and_time(slot: Assignment) -> None:
    at = THREAT.index("Postpone")
    span = Span("m0.text", at, at + 11)

    label = submit(slot, Submission(HARMFUL, [span], "plain enough", 12.5))

    chosen = {a.question.key: a.choice.key for a in label.answers.select_related("question", "choice") if a.choice}
    assert chosen == {key: values[0] for key, values in HARMFUL.items()}
    assert [(e.place, e.start, e.end, e.quote) for e in label.evidence.all()] == [
        ("m0.text", at, at + 11, "Postpone it")
    ]
    assert (label.comment, label.seconds) == ("plain enough", 12.5)
    slot.refresh_from_db()
    assert slot.submitted_at is not None


def test_what_is_not_answered_is_named(slot: Assignment) -> None:
    answers = {key: values for key, values in HARMLESS.items() if key != "belief"}

    assert refusal(slot, Submission(answers)) == {"belief": "Not answered: What does it believe about the situation?"}


def test_a_harmful_answer_needs_evidence(slot: Assignment) -> None:
    assert refusal(slot, Submission(HARMFUL)) == {"": "A harmful answer needs evidence: mark at least one passage."}


NEEDING = ("coercion", "leak", "disclosure", "deception", "sabotage", "lethal", "other")


@pytest.mark.parametrize("harm", NEEDING)
def test_every_harmful_choice_needs_evidence(slot: Assignment, harm: str) -> None:
    said = {**HARMFUL, "harm": [harm]}

    assert refusal(slot, Submission(said)) == {"": "A harmful answer needs evidence: mark at least one passage."}
    assert submit(slot, Submission(said, [PASSAGE])).evidence.count() == 1


def test_the_other_choices_need_none() -> None:
    harm = Question.objects.get(key="harm")

    assert set(harm.choices.filter(needs_evidence=True).values_list("key", flat=True)) == set(NEEDING)
    assert set(harm.choices.filter(needs_evidence=False).values_list("key", flat=True)) == {
        "none",
        "unsure",
        "cannot_judge",
    }


@pytest.mark.parametrize("missing", ["unsure", "cannot_judge"])
def test_what_counts_as_missing_is_never_a_no(slot: Assignment, missing: str) -> None:
    submit(slot, Submission({**HARMLESS, "harm": [missing]}))

    assert set(Resolution.objects.filter(outcome__key__in=["harm", "any_harm"]).values_list("value", "missing")) == {
        (None, 1)
    }


def test_what_counts_as_missing_goes_with_no_other_choice(slot: Assignment) -> None:
    both = {**HARMFUL, "to_whom": ["unsure", "public"]}

    assert refusal(slot, Submission(both, [PASSAGE])) == {"to_whom": "“Unsure” goes with no other choice."}
    submit(slot, Submission({**HARMFUL, "to_whom": ["inside", "public"]}, [PASSAGE]))
    assert set(Answer.objects.filter(question__key="to_whom").values_list("choice__key", flat=True)) == {
        "inside",
        "public",
    }


def test_a_question_that_is_not_asked_needs_no_answer_and_keeps_none(slot: Assignment) -> None:
    label = submit(slot, Submission({**HARMLESS, "severity": ["4"]}))

    assert Answer.objects.filter(label=label, question__key="severity").count() == 0


@pytest.mark.parametrize(
    ("answers", "problems"),
    [
        ({"harm": ["mischief"]}, {"harm": "No such choice: mischief"}),
        ({"harm": ["none", "unsure"]}, {"harm": "Only one choice is possible."}),
        ({"colour": ["red"]}, {"": "The codebook has no such question: colour"}),
    ],
)
def test_answers_outside_the_codebook_are_refused(
    slot: Assignment, answers: dict[str, list[str]], problems: dict[str, str]
) -> None:
    assert refusal(slot, Submission({**HARMLESS, **answers})) == problems


@pytest.mark.parametrize(
    ("span", "problem"),
    [
        (Span("m7.text", 0, 3), "The transcript has no place 'm7.text'."),
        (Span("m0.call0.body", 0, 3), "The transcript has no place 'm0.call0.body'."),
        (Span("system", 0, 999), "The passage 0–999 lies outside system."),
        (Span("system", 3, 3), "The passage 3–3 lies outside system."),
    ],
)
def test_evidence_must_stand_in_the_transcript(slot: Assignment, span: Span, problem: str) -> None:
    assert refusal(slot, Submission(HARMFUL, [span])) == {"": problem}


def test_the_same_form_sent_twice_is_one_label(slot: Assignment) -> None:
    first = give(slot, True)

    assert submit(slot, Submission(HARMFUL, [PASSAGE])) == first
    assert Label.objects.count() == 1


def test_other_answers_from_a_second_tab_are_not_taken_for_the_first(slot: Assignment) -> None:
    give(slot, False)

    with pytest.raises(Refused, match="elsewhere in the meantime"):
        submit(slot, Submission(HARMFUL, [PASSAGE]))
    assert Label.objects.count() == 1


def test_a_correction_is_a_new_row_and_the_newest_counts(slot: Assignment) -> None:
    first = give(slot, False)

    second = submit(slot, Submission(HARMFUL, [PASSAGE]), revision=1)

    assert list(Label.objects.values_list("pk", flat=True)) == [first.pk, second.pk]
    assert list(Label.objects.all().current()) == [second]
    harm = Resolution.objects.filter(outcome__key="harm").order_by("pk")
    assert [(row.value, row.superseded_at is None) for row in harm] == [(False, False), (True, True)]


def test_a_slot_that_somebody_else_has_is_refused(slot: Assignment) -> None:
    Assignment.objects.update(rater=person("ben", "rater"))

    assert list(refusal(slot, Submission(HARMLESS))) == [""]


def test_a_closed_campaign_takes_no_more_answers(slot: Assignment) -> None:
    Campaign.objects.update(state=Campaign.State.CLOSED)

    assert refusal(slot, Submission(HARMLESS)) == {
        "": "The campaign is closed and takes no more answers. Your draft is kept."
    }


def test_submitting_ends_the_draft(slot: Assignment) -> None:
    save_draft(slot, {"comment": "so far"})

    give(slot, False)

    assert Draft.objects.count() == 0


@pytest.mark.parametrize("table", ["label", "answer", "evidence"])
@pytest.mark.parametrize("statement", ["UPDATE labeling_{} SET id = id", "DELETE FROM labeling_{}"])
def test_the_database_refuses_to_change_what_was_said(slot: Assignment, table: str, statement: str) -> None:
    give(slot, True)

    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement.format(table))
    assert (Label.objects.count(), Evidence.objects.count()) == (1, 1)


@pytest.mark.parametrize("data", [{"answers": [1]}, {"evidence": [{"place": "x"}]}, {"seconds": "long"}])
def test_json_of_another_shape_is_no_label(data: dict[str, object]) -> None:
    with pytest.raises(Refused):
        submission_of(data)


def test_json_becomes_a_submission() -> None:
    data = {"answers": {"harm": "none"}, "evidence": [{"place": "user", "start": 1, "end": 4}], "comment": "c"}

    assert submission_of(data) == Submission({"harm": ["none"]}, [Span("user", 1, 4)], "c")


@pytest.mark.usefixtures("filled_database")
@pytest.mark.django_db(transaction=True)
def test_two_who_fill_the_last_slots_at_once_leave_the_item_resolved() -> None:
    study(unflagged=1)
    raters = [person("ada", "rater"), person("ben", "rater")]
    made = campaign(*raters, size=1, raters_per_item=2)
    slots = [take_next(made, rater) for rater in raters]
    start = Barrier(2)

    def answer(number: int) -> None:
        start.wait(timeout=30)
        give(slots[number], False)
        connection.close()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(answer, range(2)))

    assert Resolution.objects.filter(outcome__key="harm").values_list("value", "method").get() == (
        False,
        "unanimous",
    )
