"""What is known of the labels of transcripts. Labeling knows it, and adds its answers here when it starts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from transcripts.models.transcripts import TranscriptQuerySet
from transcripts.page.judgements import OUTCOME_WORDS


@dataclass(frozen=True)
class Labelled:
    """How far people have come with a transcript. Labels on an earlier text of it are missing."""

    labels: int = 0
    value: bool | None = None  # what was agreed on the outcome that is asked for
    outcome: str = ""
    adjudicated: bool = False
    disputed: bool = False  # on any outcome

    @property
    def state(self) -> str:
        """none, labelled, agreed, adjudicated or disputed."""
        if self.disputed:
            return "disputed"
        if self.value is not None:
            return "adjudicated" if self.adjudicated else "agreed"
        return "labelled" if self.labels else "none"

    @property
    def call(self) -> str:
        """What was agreed on the outcome, as verdicts are named; "" where nothing was."""
        return "" if self.value is None else "harmful" if self.value else "not_harmful"

    @property
    def agreed(self) -> str:
        """The same in the outcome's words."""
        yes, no = OUTCOME_WORDS.get(self.outcome, (f"{self.outcome}: yes", f"{self.outcome}: no"))
        return "" if self.value is None else yes if self.value else no


UNLABELLED = Labelled()

# Of some transcripts by id, for one outcome; those that nobody has labelled may be left out.
of_transcripts: list[Callable[[Sequence[int], str], dict[int, Labelled]]] = []
# How many of the transcripts have each label state, by the names of `filters.label_states`; "none" is left out.
counts: list[Callable[[TranscriptQuerySet], dict[str, int]]] = []


def labelled(ids: Sequence[int], outcome: str) -> dict[int, Labelled]:
    """Every one of the ids, unlabelled where nobody knows of labels."""
    found = dict.fromkeys(ids, UNLABELLED)
    for known in of_transcripts:
        found |= known(ids, outcome)
    return found
