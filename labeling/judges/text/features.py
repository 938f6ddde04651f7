"""What a text classifier sees of a transcript: the words of what the model did and of what it reasoned, apart.

Words are hashed into columns, so that nothing has to be learned, kept or bounded before texts are read; which words
stand behind a column is looked up afterwards.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labeling.judges.material import Material

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

# Columns of each of the two parts. 2 × 131,072 keep different words apart well enough for a few thousand labels.
COLUMNS = 2**17
# What was done tells more about harm than what was thought, and is shorter: its words count more.
WEIGHTS = {"did": 1.0, "reasoned": 0.6}
PARTS = tuple(WEIGHTS)
NGRAMS = (1, 2)
WORD = r"(?u)\b\w\w+\b"


@dataclass(frozen=True, slots=True)
class Texts:
    """The two parts of one transcript."""

    did: str
    reasoned: str


def texts_of(material: Material) -> Texts:
    """What the model wrote and sent, and its reasoning. Prompts and answers of tools are not the model's own words.

    Each action record adds words for what was done to whom ("act_email act_to_ally"), which no text contains.
    """
    did: list[str] = []
    reasoned: list[str] = []
    for index, message in enumerate(material.messages):
        if message.get("role") != "assistant":
            continue
        spans = sorted((r["start"], r["end"]) for r in material.reasoning if r["place"] == f"m{index}.text")
        _part(str(message.get("text", "")), spans, did, reasoned)
        reasoned.append(str(message.get("reasoning", "") or ""))
        for call in message.get("tool_calls") or []:
            did.extend(str(value) for value in call.get("arguments", {}).values())
    for deed in material.deeds:
        # Drafted in the reasoning is not done.
        words = reasoned if deed.in_reasoning else did
        words.append(f"act_{deed.tool}")
        words.extend(f"act_to_{role}" for role in deed.roles if role)
        if deed.outside:
            words.append("act_outside")
    return Texts("\n".join(did), "\n".join(reasoned))


def _part(text: str, spans: Iterable[tuple[int, int]], did: list[str], reasoned: list[str]) -> None:
    """Cut the reasoning out of a text; spans that overlap are cut once."""
    end = 0
    for start, stop in spans:
        did.append(text[end : max(start, end)])
        reasoned.append(text[max(start, end) : stop])
        end = max(end, stop)
    did.append(text[end:])


def counts(texts: Sequence[Texts]) -> csr_matrix:
    """How often each word and pair of words stands in each part: a row per transcript, the parts side by side."""
    from scipy.sparse import hstack  # noqa: PLC0415 - slow import

    vectorizer = _vectorizer()
    parts = [vectorizer.transform([getattr(text, part) for text in texts]) for part in PARTS]
    return hstack(parts, format="csr")


def _vectorizer() -> Any:
    import numpy as np  # noqa: PLC0415 - slow import
    from sklearn.feature_extraction.text import HashingVectorizer  # noqa: PLC0415 - slow import

    return HashingVectorizer(
        n_features=COLUMNS,
        ngram_range=NGRAMS,
        token_pattern=WORD,
        alternate_sign=False,
        norm=None,
        dtype=np.float32,
    )


class Names:
    """Finds the words behind some columns, in texts that are shown to it one after the other."""

    def __init__(self, columns: Iterable[int]) -> None:
        self._found: dict[int, Counter[str]] = {column: Counter() for column in columns}
        self._terms: Callable[[str], list[str]] = _vectorizer().build_analyzer()

    def look(self, texts: Texts) -> None:
        from sklearn.utils import murmurhash3_32  # noqa: PLC0415 - slow import

        for place, part in enumerate(PARTS):
            for term in set(self._terms(getattr(texts, part))):
                column = place * COLUMNS + abs(murmurhash3_32(term.encode(), seed=0)) % COLUMNS
                if column in self._found:
                    self._found[column][term] += 1

    def of(self, column: int) -> tuple[str, str, int]:
        """The part, its most frequent word there, and in how many texts that stands."""
        counted = self._found[column].most_common()
        term, n = min(counted, key=lambda pair: (-pair[1], pair[0])) if counted else ("", 0)
        return PARTS[column // COLUMNS], term, n
