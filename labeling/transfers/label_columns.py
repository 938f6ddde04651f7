"""Which column of a table of labels is what: a small JSON or TOML file, or the same as a plain dictionary.

    evaluation = "=DICES"           # "=": the same for every row
    sample = "id"                   # else a column; "annotations.safety" looks into a nested value
    missing = ["Unsure"]            # answers that count as missing, never as a no

    [[labels]]                      # one for each rater whose answers a row holds
    rater = "annotator"
    [labels.answers]
    safety = "answer"               # question = column

    [adjudicated]                   # what was decided in the end, where the table holds it
    safety = "final_answer"         # question = column

    [outcomes.unsafe]               # what rates count, if anything
    question = "safety"
    positive = ["No"]

Whatever is not known here is refused, so that a misspelt field is not taken for one that is missing.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from transcripts.ingest.files.decode import Undecodable, from_json
from transcripts.ingest.mapping import NOTHING, BadMapping, Given, fields_of, fold, table

# Each field of a row, and what it is.
FIELDS = {
    "transcript": "the transcript's id here, or",
    "evaluation": "the evaluation, and in it",
    "sample": "the sample's key, or the part of it behind its last /",
    "model": "the model, where samples of several models have the same key",
    "time": "when it was said",
    "seconds": "how long it took",
    "comment": "the rater's note",
    "recognised": "which model the rater takes it for",
    "evidence": "a list of {place, start, end, quote, question}",
    "actions": "answers about single actions, by the action's number",
    "probability": "the probability with which the transcript was drawn from the whole evaluation",
    "source": "sample, gold, browse or dispute",
    "purpose": "panel, or repeat for what a rater answered a second time",
    "voided": "whether the label does not count",
    "text": "the SHA-256 of the text that was read, in hexadecimal digits",
    "codebook": "the codebook's slug, where it is one that is known here",
    "codebook_version": "its edition",
}
OTHERS = ("rows", "missing", "hidden", "labels", "adjudicated", "outcomes")
# What raters may not have seen; by the names that a campaign has for it.
HIDDEN = ("others", "verdict", "model", "condition")
LARGEST = 1 << 20  # bytes of a mapping file
_MOST = 1_000  # sections, questions, values


@dataclass(frozen=True, slots=True)
class Said:
    """Where one rater's answers stand in a row. `each`: the answer is a list with one entry per rater."""

    rater: Given
    answers: Mapping[str, Given]
    each: bool = False


@dataclass(frozen=True, slots=True)
class LabelColumns:
    """A mapping that was found to be one. `own`: the table is one that an export of labels wrote."""

    fields: Mapping[str, Given]
    labels: tuple[Said, ...]
    rows: str = ""
    missing: frozenset[str] = frozenset()
    hidden: tuple[str, ...] = ()
    adjudicated: Mapping[str, Given] = field(default_factory=dict)
    outcomes: Mapping[str, tuple[str, frozenset[str]]] = field(default_factory=dict)
    own: bool = False

    def given(self, name: str) -> Given:
        return self.fields.get(name, NOTHING)


# As `labeling.export` names its columns. The probability is left out: whoever takes labels over into rates says so.
OWN = LabelColumns(
    fields={
        name: Given(column=column)
        for name, column in {
            "transcript": "transcript",
            "evaluation": "evaluation",
            "sample": "sample_key",
            "model": "model",
            "time": "created_at",
            "seconds": "seconds",
            "comment": "comment",
            "recognised": "recognised",
            "evidence": "evidence",
            "actions": "action_answers",
            "source": "source",
            "purpose": "purpose",
            "voided": "voided",
            "text": "text_sha256",
            "codebook": "codebook",
            "codebook_version": "codebook_version",
        }.items()
    },
    labels=(Said(Given(column="rater"), {}),),
    own=True,
)


def decoded(data: bytes) -> LabelColumns:
    """The mapping in a JSON or TOML text. Raises BadMapping."""
    if len(data) > LARGEST:
        raise BadMapping(f"A mapping is a small file; this one is larger than {LARGEST:,} bytes.")
    return parse(plain(data))


def plain(data: bytes) -> Any:
    """What the text holds, before it is known to be a mapping. Raises BadMapping."""
    try:
        if data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
            return from_json(data)
        return tomllib.loads(data.removeprefix(b"\xef\xbb\xbf").decode())
    except Undecodable as error:
        raise BadMapping(f"{error.where}: {error.reason}.".removeprefix(": ")) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadMapping(f"Neither JSON nor TOML: {error}.") from None


def parse(raw: object) -> LabelColumns:
    """What a plain dictionary says. Raises BadMapping."""
    said = fields_of(raw, "A mapping of labels", (*FIELDS, *OTHERS))
    fields = {name: _given(said[name], name) for name in FIELDS if name in said}
    if "transcript" not in fields and "sample" not in fields:
        raise BadMapping("It must say which column names the transcript: transcript, or evaluation and sample.")
    sections = said.get("labels", [])
    if not isinstance(sections, list) or not 0 < len(sections) <= _MOST:
        raise BadMapping("It must have a section [[labels]] that says where raters and their answers stand.")
    rows = said.get("rows", "")
    if not isinstance(rows, str):
        raise BadMapping("rows must be the name of the field that holds the list of rows.")
    outcomes = table(said.get("outcomes", {}), "outcomes", _MOST)
    adjudicated = table(said.get("adjudicated", {}), "adjudicated", _MOST)
    return LabelColumns(
        fields,
        tuple(_said(section, f"labels[{number}]") for number, section in enumerate(sections)),
        rows,
        _values(said.get("missing", []), "missing"),
        _hidden(said.get("hidden", [])),
        {str(key): _given(value, f"adjudicated.{key}") for key, value in adjudicated.items()},
        {str(key): _outcome(value, f"outcomes.{key}") for key, value in outcomes.items()},
    )


def _hidden(raw: object) -> tuple[str, ...]:
    if not isinstance(raw, list) or not all(value in HIDDEN for value in raw):
        raise BadMapping(f"hidden must be a list of what raters did not see: {', '.join(HIDDEN)}.")
    return tuple(name for name in HIDDEN if name in raw)


def _said(raw: object, where: str) -> Said:
    said = fields_of(raw, where, ("rater", "answers", "each"))
    answers = table(said.get("answers", {}), f"{where}.answers", _MOST)
    if not answers:
        raise BadMapping(f"{where} must say in answers which column holds the answer to which question.")
    each = said.get("each", False)
    if not isinstance(each, bool):
        raise BadMapping(f"{where}.each must be true or false.")
    if each == ("rater" in said):
        raise BadMapping(f"{where} must name its rater, or say each = true where a list has an answer of each rater.")
    rater = NOTHING if each else _given(said["rater"], f"{where}.rater")
    return Said(rater, {str(key): _given(value, f"{where}.answers.{key}") for key, value in answers.items()}, each)


def _outcome(raw: object, where: str) -> tuple[str, frozenset[str]]:
    said = fields_of(raw, where, ("question", "positive"))
    positive = _values(said.get("positive"), f"{where}.positive")
    if not positive or not isinstance(said.get("question"), str):
        raise BadMapping(f"{where} must name a question, and the answers to it that are positive.")
    return said["question"], positive


def _values(raw: object, where: str) -> frozenset[str]:
    if not isinstance(raw, list) or len(raw) > _MOST or not all(isinstance(value, str | int | float) for value in raw):
        raise BadMapping(f"{where} must be a list of at most {_MOST:,} answers.")
    return frozenset(fold(str(value)) for value in raw)


def _given(raw: object, where: str) -> Given:
    if not isinstance(raw, str) or not raw.strip("= "):
        raise BadMapping(f'{where} must be the name of a column, or "=" and a constant.')
    return Given(value=raw[1:]) if raw.startswith("=") else Given(column=raw)
