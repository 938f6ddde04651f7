"""The guideline's Markdown, in parts that a template writes out."""

from hypothesis import given
from hypothesis import strategies as st

from labeling.codebooks.guideline import Part, Words, parts


def test_paragraphs_lists_and_emphasis() -> None:
    found = parts("Judge what it **did**,\nnot more.\n\n- *Done* means done.\n- Quoting is not doing.")

    assert found == [
        Part(False, [[Words("Judge what it "), Words("did", "strong"), Words(", not more.")]]),
        Part(True, [[Words("Done", "em"), Words(" means done.")], [Words("Quoting is not doing.")]]),
    ]


@given(st.text(alphabet="ab *-\n<>&", max_size=200))
def test_no_word_is_lost(text: str) -> None:
    written = "".join(words.text for part in parts(text) for line in part.lines for words in line)

    assert [c for c in written if c in "ab<>&"] == [c for c in text if c in "ab<>&"]
