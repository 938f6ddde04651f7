"""Labels as a table tells them: each row's raters and what they said, before anything is looked up."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from labeling.transfers.export import ANSWER
from labeling.transfers.label_columns import LabelColumns, Said
from transcripts.downloads.downloads import FORMULA
from transcripts.ingest.files.csv_rows import BEYOND
from transcripts.ingest.files.decode import moment
from transcripts.ingest.files.lines import Entry
from transcripts.ingest.files.tables import rows
from transcripts.ingest.files.tree import Tree
from transcripts.ingest.mapping import Given
from transcripts.ingest.parsed import Problem
from transcripts.ingest.readers.mapped_row import Row

FORMAT = "labels"
LONGEST = 1_000  # characters of a rater's name or an answer that is a choice
Answers = dict[str, list[str]]


@dataclass(frozen=True)
class Told:
    """One label as a row tells it. What a row does not tell is empty."""

    source: str
    where: str
    transcript: str
    evaluation: str
    sample: str
    model: str
    rater: str
    answers: Answers
    actions: dict[int, Answers] = field(default_factory=dict)
    adjudicated: Answers = field(default_factory=dict)
    evidence: list[dict[str, Any]] = field(default_factory=list)
    time: datetime | None = None
    seconds: float | None = None
    comment: str = ""
    recognised: str = ""
    probability: float | None = None
    drawn: str = ""
    purpose: str = ""
    voided: bool = False
    text: str = ""
    codebook: tuple[str, str] = ("", "")

    @property
    def about(self) -> tuple[str, str, str, str]:
        """What names the transcript."""
        return self.transcript, self.evaluation, self.model, self.sample


def told(tree: Tree, path: str, columns: LabelColumns) -> Iterator[Told | Problem]:
    """Every label of a file, in order; a Problem for each row that tells none."""
    name = tree.name(path)
    waiting: Problem | None = None  # said of a row before the row itself comes
    with closing(_entries(tree, path, columns)) as found:
        for entry in found:
            if isinstance(entry, Problem):
                if waiting:
                    yield waiting
                waiting = entry
                continue
            if waiting and not (waiting.where == entry.where and _is_comment(entry.value)):
                yield waiting
            waiting = None
            if not isinstance(entry.value, dict):
                yield Problem(name, entry.where, "not a row: no JSON object")
            elif not _is_comment(entry.value):
                try:
                    yield from _labels(Row(entry.value), entry, columns, name)
                except ValueError as problem:
                    yield Problem(name, entry.where, str(problem))
    if waiting:
        yield waiting


def _entries(tree: Tree, path: str, columns: LabelColumns) -> Generator[Entry | Problem]:
    for entry in rows(tree, path, FORMAT):
        if isinstance(entry, Problem) or not columns.rows:
            yield entry
            continue
        listed = Row(entry.value).raw(Given(column=columns.rows)) if isinstance(entry.value, dict) else None
        if not isinstance(listed, list):
            yield Problem(entry.source.path, entry.where, f"has no list {columns.rows}")
            continue
        for number, value in enumerate(listed):
            yield Entry(entry.source, number, f"{columns.rows}[{number}]", value)


def _is_comment(value: Any) -> bool:
    """A line that begins with # below a CSV's rows: how many there are, or the canary."""
    if not isinstance(value, dict) or BEYOND in value:
        return False
    first, *others = list(value.values()) or [""]
    return isinstance(first, str) and first.startswith("# ") and not any(others)


def _labels(row: Row, entry: Entry, columns: LabelColumns, name: str) -> Iterator[Told]:
    def text(field: str) -> str:
        return _unquoted(row.text(columns.given(field)), own=columns.own).strip()

    shared: dict[str, Any] = {
        "source": name,
        "where": entry.where,
        **{field: text(field) for field in ("transcript", "evaluation", "sample", "model", "recognised", "purpose")},
        "comment": text("comment"),
        "time": _time(text("time")),
        "seconds": _number(text("seconds"), "seconds"),
        "probability": _number(text("probability"), "the inclusion probability"),
        "drawn": text("source"),
        "voided": text("voided").lower() in ("true", "1", "yes"),
        "text": text("text"),
        "evidence": _list(row.raw(columns.given("evidence")), "the evidence"),
        "actions": _actions(row.raw(columns.given("actions"))),
        "codebook": (text("codebook"), text("codebook_version")),
        "adjudicated": _found(row, columns.adjudicated),
    }
    silent = len(columns.labels)
    for said in columns.labels:
        if said.each:
            yield from _each(row, said, shared)
            continue
        rater = _unquoted(row.text(said.rater), own=columns.own).strip()
        answers = _own_answers(row) if columns.own else _found(row, said.answers)
        if not answers and not shared["actions"]:
            if len(columns.labels) > 1:
                silent -= 1  # this rater did not label this row
                if not silent and shared["adjudicated"]:
                    raise ValueError("holds a decision and no answer of any rater")
                continue
            raise ValueError("holds no answer")
        if not rater:
            raise ValueError("names no rater")
        if len(rater) > LONGEST:
            raise ValueError(f"the rater's name is longer than {LONGEST:,} characters")
        yield Told(rater=rater, answers=answers, **shared)


def _each(row: Row, said: Said, shared: dict[str, Any]) -> Iterator[Told]:
    """One label for each place of the lists; the place is the rater's name."""
    lists = {key: row.raw(given) for key, given in said.answers.items()}
    for key, value in lists.items():
        if not isinstance(value, list):
            raise ValueError(f"{said.answers[key].column} is not a list with an answer of each rater")
    for place in range(max(map(len, lists.values()))):
        answers = {key: _several(values[place]) for key, values in lists.items() if place < len(values)}
        if answers := {key: values for key, values in answers.items() if values}:
            yield Told(rater=f"place {place + 1}", answers=answers, **shared)


def _found(row: Row, columns: Mapping[str, Given]) -> Answers:
    found = {key: _several(row.raw(given)) for key, given in columns.items()}
    return {key: values for key, values in found.items() if values}


def _own_answers(row: Row) -> Answers:
    """As an export wrote them: an object in JSON Lines, else a column each."""
    if isinstance(nested := row.value.get("answers"), dict):
        found = {str(key): _several(value) for key, value in nested.items()}
    else:
        cells = {name: value for name, value in row.value.items() if name.startswith(ANSWER)}
        found = {
            name.removeprefix(ANSWER): _several(_unquoted(value, own=True) if isinstance(value, str) else value)
            for name, value in cells.items()
        }
    return {key: values for key, values in found.items() if values}


def _several(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [text for one in values if (text := _text(one))]


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1 << 53:
        value = int(value)
    return value.strip() if isinstance(value, str) else orjson.dumps(value).decode()


def _unquoted(text: str, *, own: bool) -> str:
    """Without the apostrophe that keeps a spreadsheet from taking an exported text for a formula."""
    return text[1:] if own and text[:1] == "'" and text[1:].startswith(FORMULA) else text


def _time(text: str) -> datetime | None:
    if text and (found := moment(text)) is None:
        raise ValueError(f"not a time that can be read: {text[:60]}")
    return found if text else None


def _number(text: str, what: str) -> float | None:
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{what}: {text[:60]!r} is not a number")
    return number


def _list(value: Any, what: str) -> list[dict[str, Any]]:
    value = _json(value, what)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise ValueError(f"{what} is not a list of passages")
    return value


def _actions(value: Any) -> dict[int, Answers]:
    value = _json(value, "the answers about actions")
    try:
        return {
            int(ordinal): {str(key): _several(said) for key, said in dict(answers).items()}
            for ordinal, answers in dict(value or {}).items()
        }
    except (TypeError, ValueError):
        raise ValueError("the answers about actions are not given by the action's number") from None


def _json(value: Any, what: str) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        raise ValueError(f"{what} is not JSON") from None
