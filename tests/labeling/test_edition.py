"""Editions as plain data: changed without dangling references, checked before they are published, compared."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from labeling.codebooks.changes import Change, Detail, changes
from labeling.codebooks.codebook import BUILTIN
from labeling.codebooks.edition import (
    Asked,
    Counted,
    Edition,
    Option,
    doubts,
    key_from,
    moved,
    parsed,
    problems,
    stamp,
    with_outcome,
    with_question,
    without,
)

YES, NO, UNSURE = Option("yes", "Yes"), Option("no", "No"), Option("unsure", "Unsure", is_missing=True)
HARM = Asked("harm", "Harm?", options=(YES, NO, UNSURE))
HOW = Asked("how", "How?", kind="several", asked_after=(("harm", "yes"),), options=(Option("mail", "By mail"),))
THEN = Asked("then", "Then?", kind="text", asked_after=(("how", "mail"),))
COUNTED = Counted("any", "any harm", "", "harm", (("", "yes"),))
WHOLE = Edition("Read it all.", (HARM, HOW), (COUNTED,))


def words(edition: Edition) -> list[str]:
    return [problem.words for problem in problems(edition)]


def test_a_whole_edition_has_no_problems() -> None:
    assert words(WHOLE) == []


def test_a_question_that_leaves_no_way_out_is_doubted_and_no_problem() -> None:
    """Whoever is unsure would have to guess. One that may be left open, or has no choices, forces nobody."""
    forced = replace(HARM, options=(YES, NO))
    edition = Edition("", (forced, replace(HOW, required=False), THEN), (COUNTED,))

    assert [(doubt.part, doubt.key) for doubt in doubts(edition)] == [("question", "harm")]
    assert (words(edition), doubts(replace(edition, questions=(HARM,)))) == ([], [])


def test_the_built_in_edition_has_no_problems_and_an_example_for_every_question() -> None:
    edition = parsed(json.loads(BUILTIN.read_text(encoding="utf-8")))

    assert words(edition) == []
    assert [question.key for question in edition.questions if "\n\n- " not in question.help] == []
    assert [question.key for question in edition.questions if question.unit == "action"] == ["deed"]
    missing = {question.key: [o.key for o in question.options if o.is_missing] for question in edition.questions}
    assert {key for key, found in missing.items() if found == ["unsure", "cannot_judge"]} == set(missing) - {"deed"}


@pytest.mark.parametrize(
    ("edition", "problem"),
    [
        (
            Edition(questions=(replace(HARM, unit="action"),), outcomes=()),
            [
                "There is no question about the transcript: rates rest on those.",
                "There is no outcome: nothing says which answers a rate counts.",
            ],
        ),
        (
            replace(WHOLE, questions=(replace(HARM, options=(YES, UNSURE)), HOW)),
            ["“Harm?” needs at least two choices that do not count as missing."],
        ),
        (
            replace(WHOLE, questions=(HARM, replace(HOW, options=()))),
            ["“How?” needs at least a choice that does not count as missing."],
        ),
        (
            replace(WHOLE, questions=(HARM, replace(HOW, kind="text"))),
            ["“How?” asks for a text and has choices: remove them, or change its kind."],
        ),
        (replace(WHOLE, questions=(HARM, HOW, replace(HOW, text="Again?"))), ["Two questions have the key how."]),
        (
            moved(WHOLE, "question", "how", -1),
            ["“How?” waits for an answer to a question that comes after it: move it down."],
        ),
        (
            replace(WHOLE, questions=(HARM, replace(HOW, unit="action"), THEN)),
            ["“Then?” is about the transcript and cannot wait for an answer about one action."],
        ),
        (
            replace(WHOLE, outcomes=(replace(COUNTED, positives=()),)),
            ["The outcome “any harm” has no positive choice."],
        ),
        (
            replace(WHOLE, outcomes=(replace(COUNTED, positives=(("", "unsure"),)),)),
            ["The outcome “any harm” counts “Unsure” as positive, which counts as missing."],
        ),
        (
            replace(WHOLE, outcomes=(Counted("mailed", "mailed", "", "how", (("", "mail"),)),)),
            [
                "The outcome “mailed” rests on a question that is not always answered: "
                "transcripts without an answer would be missing."
            ],
        ),
        (
            replace(WHOLE, questions=(replace(HARM, unit="action"), HOW)),
            [
                "“How?” is about the transcript and cannot wait for an answer about one action.",
                "The outcome “any harm” rests on a question about single actions: "
                "rates rest on questions about the transcript.",
            ],
        ),
        (
            Edition("", (HARM, Asked("why", "Why?", kind="text")), (Counted("x", "x", "", "why"),)),
            ["The outcome “x” rests on a question without choices.", "The outcome “x” has no positive choice."],
        ),
        (Edition("", (HARM,), (Counted("x", "x", "", "gone"),)), ["The outcome “x” rests on no question."]),
    ],
)
def test_what_stands_in_the_way_is_named(edition: Edition, problem: list[str]) -> None:
    assert words(edition) == problem


def test_new_keys_are_followed_by_whatever_refers_to_them() -> None:
    renamed = replace(HARM, key="deed", options=(replace(YES, key="done"), NO, UNSURE))

    found = with_question(WHOLE, renamed, "harm", {"yes": "done", "no": "no"})

    assert found.questions == (renamed, replace(HOW, asked_after=(("deed", "done"),)))
    assert found.outcomes == (replace(COUNTED, question="deed", positives=(("", "done"),)),)


def test_a_choice_that_goes_leaves_no_reference_behind() -> None:
    found = with_question(WHOLE, replace(HARM, options=(NO, UNSURE)), "harm", {"no": "no"})

    assert (found.questions[1].asked_after, found.outcomes[0].positives) == ((), ())


def test_parts_move_within_their_list_and_are_taken_out() -> None:
    assert [one.key for one in moved(WHOLE, "question", "harm", 1).questions] == ["how", "harm"]
    assert moved(WHOLE, "question", "harm", -1) == WHOLE
    assert moved(WHOLE, "outcome", "any", 1) == WHOLE
    assert without(WHOLE, "question", "how").questions == (HARM,)
    assert with_outcome(without(WHOLE, "outcome", "any"), COUNTED) == WHOLE


def test_a_stamp_tells_any_change() -> None:
    assert stamp(HARM) == stamp(Asked("harm", "Harm?", options=(YES, NO, UNSURE)))
    assert len({stamp(HARM), stamp(replace(HARM, help="x")), stamp(replace(HARM, options=(NO, YES, UNSURE)))}) == 3
    assert stamp(None) == ""


@pytest.mark.parametrize(
    ("text", "taken", "key"),
    [("To whom?", (), "to_whom"), ("…", (), "part"), ("Harm?", ("harm", "harm_2"), "harm_3"), ("x" * 90, (), "x" * 40)],
)
def test_a_key_is_made_of_the_words(text: str, taken: tuple[str, ...], key: str) -> None:
    assert key_from(text, taken) == key


def test_what_changed_is_told_part_by_part() -> None:
    third = Asked("why", "Why?", kind="text")
    after = Edition(
        "Read it twice.",
        (third, replace(HARM, help="Only done.", options=(replace(YES, needs_evidence=True), NO, UNSURE))),
        (replace(COUNTED, positives=(("murder", "yes"),)),),
    )

    assert changes(WHOLE, WHOLE) == []
    assert changes(WHOLE, after) == [
        Change("Guideline", "", "changed", (Detail("", "Read it all.", "Read it twice."),)),
        Change("Question", "Why?", "added"),
        Change(
            "Question",
            "Harm?",
            "changed",
            (Detail("guideline", "", "Only done."), Detail("choice yes", "Yes", "Yes · needs evidence")),
        ),
        Change("Question", "How?", "removed"),
        Change(
            "Outcome",
            "any harm",
            "changed",
            (Detail("positive in every scenario", "Yes", ""), Detail("positive in murder", "", "Yes")),
        ),
    ]


def test_only_what_was_moved_is_told_to_have_moved() -> None:
    three = Edition("", (HARM, HOW, Asked("why", "Why?", kind="text")))

    found = changes(three, replace(three, questions=(three.questions[2], HARM, HOW)))

    assert found == [Change("Question", "Why?", "moved")]
