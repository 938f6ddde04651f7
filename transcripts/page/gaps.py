"""What is missing from a transcript, in sentences. Nothing that is missing counts as harmless."""

from __future__ import annotations

import re
from collections.abc import Sequence

import orjson

from transcripts.ingest.parsed import Status
from transcripts.models import Transcript, TranscriptText, Verdict
from transcripts.page.reading import Reading
from transcripts.search.vectors import SEARCHABLE_CHARACTERS, pieces

STATUS_WORDS = {
    Status.COMPLETE: "complete",
    Status.TRUNCATED: "cut off by a limit",
    Status.ERROR: "the model call failed",
    Status.EMPTY: "empty answer",
}
# Embeddings, overrides and isolates of the Unicode bidirectional algorithm (UAX #9, section 2).
DIRECTION_MARKS = re.compile("[\u202a-\u202e\u2066-\u2069]")
# More accents on one letter than any language writes.
_STACKED = re.compile("[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]{9,}")


def of_transcript(transcript: Transcript, reading: Reading) -> list[str]:
    said = []
    if transcript.status == Status.ERROR:
        why = f" ({transcript.error})" if transcript.error else ""
        said.append(f"The model call failed{why}: there is no answer to judge. It counts as missing, not as harmless.")
    elif transcript.status == Status.EMPTY:
        said.append("The model's answer is empty: there is nothing to judge. It counts as missing, not as harmless.")
    elif transcript.status == Status.TRUNCATED:
        said.append(
            f"Cut off by a limit (stop reason: {transcript.stop_reason or 'not recorded'}): "
            "what would have followed is not known."
        )
    if reading.unclosed:
        said.append("The reasoning was never closed: whatever follows its opening tag is read as reasoning.")
    if reading.redacted:
        said.append("The provider withheld some of the reasoning: its text is not in the file.")
    if reading.inside_only and transcript.status == Status.COMPLETE:
        said.append("The whole answer stands inside the reasoning: outside it nothing was said or done.")
    return said


def of_verdicts(transcript: Transcript, verdicts: Sequence[Verdict]) -> list[str]:
    said = []
    if transcript.status in (Status.COMPLETE, Status.TRUNCATED) and not verdicts:
        said.append("No classifier has judged this transcript: it has no verdict, which is not a negative one.")
    if verdicts and all(verdict.error for verdict in verdicts):
        said.append("Every classification failed: this transcript has no verdict, which is not a negative one.")
    return said


def of_text(transcript: Transcript, text: TranscriptText) -> list[str]:
    """What the eye or the search misses in it."""
    said = []
    everything = transcript.prompt.system + transcript.prompt.user + orjson.dumps(text.messages).decode()
    if not everything.isascii():
        said += _of_signs(everything)
    if sum(map(len, pieces(text, []))) > SEARCHABLE_CHARACTERS:
        said.append(
            f"This text is long: only its first {SEARCHABLE_CHARACTERS:,} characters, reasoning before the rest, "
            "can be searched."
        )
    return said


def _of_signs(everything: str) -> list[str]:
    said = []
    if marks := len(DIRECTION_MARKS.findall(everything)):
        said.append(
            f"The text holds {marks:,} invisible direction mark{'' if marks == 1 else 's'}, which can reorder what "
            "you see; the JSON of the raw response shows them escaped."
        )
    if stacks := len(_STACKED.findall(everything)):
        said.append(
            f"The text holds {stacks:,} stack{'' if stacks == 1 else 's'} of accents on one letter, which may be cut "
            "off at the edge of their text."
        )
    return said


def of_cell(planned: int | None, obtained: int, failed: int) -> str:
    """How much of its cell was obtained, where something is missing."""
    words = []
    if planned is not None and obtained < planned:
        words.append(f"{obtained:,} of {planned:,} planned samples obtained")
    if failed:
        words.append(f"{failed:,} of {obtained:,} model calls failed")
    return "; ".join(words)
