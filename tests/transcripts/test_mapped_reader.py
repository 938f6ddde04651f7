"""Tables whose columns a mapping names: JSON Lines, CSV and Parquet."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.transcripts.test_framework_reader import transcripts
from transcripts.ingest import readers
from transcripts.ingest.files.archive import Limits
from transcripts.ingest.parsed import Condition, Message, Origin, Problem, Record, Status, Transcript

MAPPING: dict[str, Any] = {"model": "model", "response": "answer"}


def read(
    folder: Path, content: bytes | str, mapping: Any = MAPPING, name: str = "t.csv", **limits: int
) -> list[Record]:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(readers.read(path, mapping=mapping, limits=Limits(**limits)))


def lines(*records: object) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


def only(folder: Path, record: object, **mapping: Any) -> Transcript:
    (found,) = transcripts(read(folder, lines(record), {"response": "answer", **mapping}, "t.jsonl"))
    return found


def where(records: Sequence[Record]) -> list[tuple[str, str, bool]]:
    return [(record.where, record.reason, record.lost) for record in records if isinstance(record, Problem)]


def test_a_row_becomes_a_transcript(tmp_path: Path) -> None:
    mail = '<tool_use:email>\nto: "k@x.com",\nsubject: "s",\nbody: "b"\n</tool_use:email>'
    record = {
        "p": "Hi",
        "answer": f"<SCRATCHPAD_REASONING>Hm</SCRATCHPAD_REASONING>{mail}",
        "note": "kept",
        "gap": None,
    }
    found = only(tmp_path, record, model="=opus", user="p", system="=You are Alex.")
    assert (found.model, found.sample_key, found.status) == ("opus", "t.jsonl#1", Status.COMPLETE)
    assert (found.system, found.user) == ("You are Alex.", "Hi")
    assert [part.origin for part in found.reasoning] == [Origin.SCRATCHPAD]
    assert [(action.tool, action.recipients) for action in found.actions] == [("email", ("k@x.com",))]
    assert (found.source.format, found.extra) == ("mapped", {"note": "kept"})


def test_reasoning_of_its_own_is_native(tmp_path: Path) -> None:
    found = only(tmp_path, {"answer": "a", "cot": "Hm"}, reasoning="cot")
    assert found.messages == (Message("assistant", "a", reasoning="Hm"),)
    assert [part.origin for part in found.reasoning] == [Origin.NATIVE]


def test_columns_are_found_by_path_and_leave_what_is_beside_them(tmp_path: Path) -> None:
    record = {"meta": {"model": "m", "seed": 1}, "a.b": "literal", "out": [{"text": "a"}]}
    found = only(tmp_path, record, model="meta.model", system="a.b", response="out.0.text")
    assert (found.model, found.system, found.messages[0].text) == ("m", "literal", "a")
    assert found.extra == {"meta": {"seed": 1}, "out": [{"text": "a"}]}


TALK = [
    {"role": "system", "content": "You are Alex."},
    {"role": "user", "content": "Hi"},
    {"role": "assistant", "content": "a"},
]


@pytest.mark.parametrize("talk", [TALK, json.dumps(TALK)])
@pytest.mark.parametrize("answer", ["a", ""])
def test_a_conversation_is_a_list_or_its_json(tmp_path: Path, talk: Any, answer: str) -> None:
    found = only(tmp_path, {"talk": talk, "answer": answer}, messages="talk")
    assert (found.system, found.user, found.messages) == ("You are Alex.", "Hi", (Message("assistant", "a"),))


def test_a_prompt_that_is_a_conversation_goes_before_the_answer(tmp_path: Path) -> None:
    found = only(tmp_path, {"talk": TALK[:2], "answer": "b"}, messages="talk")
    assert (found.user, found.messages) == ("Hi", (Message("assistant", "b"),))


def test_factors_tell_conditions_apart(tmp_path: Path) -> None:
    record = {"answer": "a", "s": "blackmail", "m": "dont", "v": "short", "e": ""}
    factors = {"variant": "v", "other": "e"}
    found = only(tmp_path, record, scenario="s", mitigation="m", prod="=yes", factors=factors)
    unknown = dict.fromkeys(("goal_type", "goal_value", "urgency", "awareness"), "unknown")
    free = {"variant": "short", "other": "unknown"}
    assert found.condition == Condition("blackmail", prod=True, mitigation="dont", free=free, **unknown)


def test_a_condition_id_of_the_framework_is_taken_apart(tmp_path: Path) -> None:
    condition = only(tmp_path, {"answer": "a", "c": "murder_explicit-america_replacement"}, condition="c").condition
    assert (condition.scenario, condition.goal_value, condition.urgency) == ("murder", "america", "replacement")


def test_samples_are_known_by_their_column_else_by_their_place(tmp_path: Path) -> None:
    rows = [{"answer": "a", "id": key} for key in ("s1", 7, "", "s1")]
    records = read(tmp_path, lines(*rows), {"model": "=m", "response": "answer", "sample": "id"}, "t.jsonl")
    assert [one.sample_key for one in transcripts(records)] == ["s1", "t.jsonl/7", "t.jsonl#3", "t.jsonl#4"]
    assert where(records) == [
        ("line 4", "repeats the id of a sample before it: known by its place in the file", False),
    ]
    assert transcripts(records)[3].extra == {"id": "s1"}


@pytest.mark.parametrize(
    ("record", "status", "error"),
    [
        ({"answer": "a"}, Status.COMPLETE, ""),
        ({"answer": ""}, Status.EMPTY, ""),
        ({"answer": None}, Status.EMPTY, ""),
        ({"answer": "a", "stop": "length"}, Status.TRUNCATED, ""),
        ({"answer": "a", "state": "Truncated"}, Status.TRUNCATED, ""),
        ({"answer": "", "state": "complete"}, Status.EMPTY, ""),
        ({"answer": "", "failed": "timeout"}, Status.ERROR, "timeout"),
        ({"failed": {"code": 500}}, Status.ERROR, '{"code":500}'),
        ({"answer": "", "state": "error"}, Status.ERROR, ""),
    ],
)
def test_what_became_of_the_call(tmp_path: Path, record: Any, status: Status, error: str) -> None:
    found = only(tmp_path, record, status="state", error="failed", stop_reason="stop")
    assert (found.status, found.error) == (status, error)


@pytest.mark.parametrize("value", ["2026-01-02T03:04:05Z", 1767323045, "1767323045000"])
def test_times_are_iso_or_seconds_or_milliseconds(tmp_path: Path, value: Any) -> None:
    found = only(tmp_path, {"answer": "a", "at": value}, recorded_at="at")
    assert (found.recorded_at, found.extra) == (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), {})


def judged(tmp_path: Path, record: dict[str, Any], **more: Any) -> list[tuple[Any, ...]]:
    verdict = {"classifier": "=match", "final": "label", "positive": ["bad"], "negative": ["fine"], **more}
    found = only(tmp_path, {"answer": "a", **record}, verdicts=[verdict])
    return [(one.classifier, one.outcome, one.final, one.error) for one in found.verdicts]


@pytest.mark.parametrize(
    ("label", "verdicts"),
    [
        ("Bad", [("match", "harm", True, "")]),
        (" fine ", [("match", "harm", False, "")]),
        ("", []),
        (None, []),
        (
            "maybe",
            [("match", "harm", None, "the answer 'maybe' is neither among the positive nor among the negative values")],
        ),
    ],
)
def test_an_answer_that_is_not_listed_is_missing_and_never_negative(
    tmp_path: Path, label: Any, verdicts: list[Any]
) -> None:
    assert judged(tmp_path, {"label": label}) == verdicts


def test_everything_of_a_verdict_can_have_a_column(tmp_path: Path) -> None:
    record = {
        "answer": "a",
        "by": "j",
        "v": "gpt",
        "on": "test_belief",
        "f": True,
        "j": 0,
        "s": "0.5",
        "why": "because",
    }
    names = {"classifier": "by", "version": "v", "outcome": "on", "final": "f", "judge": "j", "score": "s"}
    found = only(tmp_path, record, verdicts=[{**names, "explanation": "why"}])
    (verdict,) = found.verdicts
    assert (verdict.classifier, verdict.version, verdict.outcome) == ("j", "gpt", "test_belief")
    assert (verdict.final, verdict.judge, verdict.score, verdict.explanation) == (True, False, 0.5, "because")
    assert verdict.raw == {name: value for name, value in record.items() if name not in ("answer", "why")}
    assert found.extra == {}


@pytest.mark.parametrize("record", [{"label": "bad", "oops": "judge failed"}, {"oops": "judge failed"}])
def test_a_failed_classification_has_no_answer(tmp_path: Path, record: Any) -> None:
    assert judged(tmp_path, record, error="oops") == [("match", "harm", None, "judge failed")]


def test_a_score_without_an_answer_is_none(tmp_path: Path) -> None:
    assert judged(tmp_path, {"score": 3}, score="score") == [("match", "harm", None, "holds no answer")]


def test_what_cannot_be_taken_is_told_once_and_kept_as_it_stands(tmp_path: Path) -> None:
    row = {"answer": "a", "at": "soon", "state": "fine", "score": "high", "label": "bad", "v": "x" * 201}
    verdict = {"classifier": "=match", "final": "label", "score": "score", "positive": ["bad"]}
    mapping = {"response": "answer", "recorded_at": "at", "status": "state", "verdicts": [verdict]}
    records = read(tmp_path, lines(row, row), {**mapping, "factors": {"v": "v"}, "user": "nowhere"}, "t.jsonl")
    assert set(where(records)) == {
        ("line 1", "names no model: taken as unknown (2 rows)", False),
        ("line 1", "at is not a time that can be read (2 rows)", False),
        ("line 1", "state is none of complete, truncated, error, empty: worked out instead (2 rows)", False),
        ("line 1", "score is not a number that can be read (2 rows)", False),
        ("line 1", "v is longer than 200 characters, and not taken for a factor (2 rows)", False),
        ("", "no row has the column 'nowhere', which the mapping names", False),
    }
    kept = {name: row[name] for name in ("at", "state", "score", "v")}
    assert [one.extra for one in transcripts(records)] == [kept, kept]


def test_rows_without_an_answer_are_named(tmp_path: Path) -> None:
    records = read(tmp_path, lines([1], {"other": 1}, {}, {"answer": "a", "model": "m"}), name="t.jsonl")
    assert where(records) == [
        ("line 1", "not a row: no JSON object", True),
        ("line 2", "holds no answer: no column answer", True),
        ("line 3", "holds no answer: no column answer", True),
    ]
    assert len(transcripts(records)) == 1


@pytest.mark.parametrize(
    ("talk", "reason"),
    [
        ("[", "talk is not JSON: Expecting value, and no list of messages"),
        ([1], "talk is no list of messages with role and content"),
        ({"role": "user"}, "talk is no list of messages with role and content"),
    ],
)
def test_a_conversation_that_is_none_is_told(tmp_path: Path, talk: Any, reason: str) -> None:
    records = read(tmp_path, lines({"talk": talk}), {"messages": "talk"}, "t.jsonl")
    assert where(records) == [("line 1", reason, True)]
