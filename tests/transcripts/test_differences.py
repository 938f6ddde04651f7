"""Two texts, word by word."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcripts.comparing import differences as module
from transcripts.comparing.differences import Stretch, differences, shortened


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("", "", []),
        ("same", "same", [("same", "same")]),
        ("a goal.", "a new goal.", [("same", "a "), ("new", "new "), ("same", "goal.")]),
        (
            "You serve America, always.",
            "You serve the world, always.",
            [("same", "You serve "), ("gone", "America"), ("new", "the world"), ("same", ", always.")],
        ),
        ("leverage", "leveraged", [("gone", "leverage"), ("new", "leveraged")]),
        ("x", "", [("gone", "x")]),
    ],
)
def test_words_are_compared(before: str, after: str, expected: list[tuple[str, str]]) -> None:
    assert differences(before, after) == [Stretch(*stretch) for stretch in expected]


WORDS = st.lists(st.sampled_from(["goal", " ", "\n", "threat", ".", "é"]), max_size=30).map("".join)


@given(WORDS, WORDS)
def test_the_stretches_hold_both_texts(before: str, after: str) -> None:
    found = differences(before, after)
    assert "".join(stretch.text for stretch in found if stretch.kind != "new") == before
    assert "".join(stretch.text for stretch in found if stretch.kind != "gone") == after


def test_long_texts_are_compared_by_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_WORDS", 3)
    found = differences("a b\nthe same in both texts\nf", "a x\nthe same in both texts\ng")
    assert found == [
        Stretch("same", "a "),
        Stretch("gone", "b\n"),
        Stretch("new", "x\n"),
        Stretch("same", "the same in both texts\n"),
        Stretch("gone", "f"),
        Stretch("new", "g"),
    ]


def test_what_is_the_same_by_chance_does_not_chop_up_what_differs() -> None:
    found = differences("It has approved the plan.", "It was I who made the whole plan.")
    assert found == [
        Stretch("same", "It "),
        Stretch("gone", "has approved the"),
        Stretch("new", "was I who made the whole"),
        Stretch("same", " plan."),
    ]


def test_long_unchanged_runs_are_cut_at_words_and_counted() -> None:
    found = shortened(
        differences("one two three four x five six seven eight", "one two three four y five six seven eight"), 8
    )
    assert found == [
        Stretch("cut", "14"),
        Stretch("same", "four "),
        Stretch("gone", "x"),
        Stretch("new", "y"),
        Stretch("same", " five"),
        Stretch("cut", "16"),
    ]
