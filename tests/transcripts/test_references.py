"""Names, addresses and subjects in a text, with the mails that they mean."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.transcripts.study import INBOX
from transcripts.page.references import Piece, References, cut, folded
from transcripts.parsing import inbox


def found(text: str) -> list[tuple[str, tuple[str, ...]]]:
    references = References(inbox.parse(INBOX).mails)
    return [(text[start:end], mails) for start, end, mails in references.find(text)]


def test_a_person_lights_up_what_they_sent_and_then_what_they_got() -> None:
    assert found("I ask Kyle Johnson.") == [("Kyle Johnson", ("mail-1", "mail-2"))]


def test_addresses_first_names_and_subjects_count() -> None:
    text = "jessica.moore@gmail.com, Jessica, kyle.johnson, and Missing you already"

    assert found(text) == [
        ("jessica.moore@gmail.com", ("mail-2",)),
        ("Jessica", ("mail-2",)),
        ("kyle.johnson", ("mail-1", "mail-2")),
        ("Missing you already", ("mail-2",)),
    ]


def test_a_name_inside_a_word_or_an_address_is_none() -> None:
    assert found("Kyleson, moore@kyle.johnson.org, x.Kyle") == []


def test_a_name_that_two_people_bear_means_neither() -> None:
    mails = inbox.parse("<email>\nFrom: ann.chen@x.org\nTo: bob.chen@x.org\nBody: x\n</email>").mails

    assert [start for start, _, _ in References(mails).find("Chen asked")] == []


def test_marks_and_references_cut_the_text_together() -> None:
    assert cut("ask Kyle now", [(4, 8, ("mail-1",))], [(6, 12, "hit"), (6, 8, "cited")]) == [
        Piece("ask "),
        Piece("Ky", ("mail-1",)),
        Piece("le", ("mail-1",), ("hit", "cited")),
        Piece(" now", (), ("hit",)),
    ]


@given(st.text(), st.lists(st.tuples(st.integers(-5, 50), st.integers(-5, 50), st.sampled_from(["hit", "cited"]))))
def test_the_pieces_give_the_text(text: str, marks: list[tuple[int, int, str]]) -> None:
    assert "".join(piece.text for piece in cut(text, (), marks)) == text


@given(st.lists(st.text(max_size=30).map(Piece), max_size=20), st.integers(1, 40))
def test_folding_loses_nothing_and_shows_no_more_than_it_says(pieces: list[Piece], most: int) -> None:
    first, rest = folded(pieces, most)

    assert "".join(piece.text for piece in [*first, *rest]) == "".join(piece.text for piece in pieces)
    assert sum(len(piece.text) for piece in first) <= (most if rest else most * 1.25)


def test_a_fold_comes_after_a_word_and_keeps_the_marks() -> None:
    pieces = [Piece("one two three ", kinds=("hit",)), Piece("four five six seven")]

    assert folded(pieces, 10) == ([Piece("one two ", kinds=("hit",))], [Piece("three ", kinds=("hit",)), pieces[1]])
