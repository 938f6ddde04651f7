"""Reads a table of rows, JSON Lines, CSV or Parquet, of which a mapping says which column is what.

A row is a transcript. Empty cells are missing. Columns that the mapping does not name are kept beside it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from transcripts.ingest.files.decode import Undecodable, from_json, moment
from transcripts.ingest.files.lines import Entry
from transcripts.ingest.files.tables import rows
from transcripts.ingest.files.tree import Tree
from transcripts.ingest.mapping import ANSWERS, NOTHING, Columns, Given, Judged, parse
from transcripts.ingest.parsed import Condition, Message, Problem, Record, Status, Transcript, Verdict
from transcripts.ingest.readers.chat import TRUNCATED, UNKNOWN, answered, deeds, divided, place_of, status, thoughts
from transcripts.ingest.readers.chat_content import Conversation
from transcripts.ingest.readers.chat_factors import LONGEST, condition_of
from transcripts.ingest.readers.mapped_row import Row

FORMAT = "mapped"

_FACTORS = ("scenario", "goal_type", "goal_value", "urgency", "prod", "mitigation", "awareness")
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_SECONDS, _MILLISECONDS = range(1, 1 << 32), range(10**11, 10**13)  # since 1970; of these years in both
_NUMBER = re.compile(r"[+-]?(\d{1,400}(\.\d{0,400})?|\.\d{1,400})([eE][+-]?\d{1,4})?", re.ASCII)
_SHOWN = 60  # characters of a value in a sentence


class Mapped:
    """The reader of one mapping. It is chosen, not recognised: a file that is no table is a Problem."""

    FORMAT = FORMAT

    def __init__(self, mapping: Mapping[str, Any]) -> None:
        self.columns = parse(mapping)

    def claims(self, tree: Tree, path: str, start: bytes) -> bool:
        """Everything but an archive of files; a spreadsheet is an archive too, and no table."""
        return not start.startswith(_ZIP) or b"[Content_Types].xml" in start[:200]

    def read(self, tree: Tree, path: str) -> Iterator[Record]:
        """Every row of one file, then what is odd about several."""
        file = File(tree.name(path), place_of(path), self.columns)
        answers = {self.columns.fields[name].column for name in ANSWERS if name in self.columns.fields}
        for entry in rows(tree, path, FORMAT, wanted=answers):
            yield from [entry] if isinstance(entry, Problem) else file.records(entry)
        yield from file.warnings()


@dataclass
class File:
    """The rows of one file, read one by one."""

    name: str
    place: str
    columns: Columns
    unseen: set[str] = field(init=False)  # columns that no row has had
    odd: dict[str, list[Any]] = field(default_factory=dict)  # what is odd: the first place, and in how many rows
    samples: set[int] = field(default_factory=set)  # hashes: a file may hold millions
    count: int = 0

    def __post_init__(self) -> None:
        self.unseen = self.columns.named()

    def records(self, entry: Entry) -> Iterator[Record]:
        """A row's transcript, or why it has none."""
        self.count += 1
        if not isinstance(entry.value, dict):
            yield Problem(self.name, entry.where, "not a row: no JSON object")
            return
        row = Row(entry.value)
        self.unseen = {column for column in self.unseen if not row.has(column)}
        try:
            yield self._transcript(row, entry)
        except ValueError as error:
            yield Problem(self.name, entry.where, str(error))

    def warnings(self) -> Iterator[Problem]:
        """What is odd about several rows: each once, with the first place."""
        for reason, (where, count) in self.odd.items():
            more = f" ({count:,} rows)" if count > 1 else ""
            yield Problem(self.name, where, f"{reason}{more}", lost=False)
        for column in sorted(self.unseen if self.count else ()):
            reason = f"no row has the column {column[:LONGEST]!r}, which the mapping names"
            yield Problem(self.name, "", reason, lost=False)

    def _given(self, name: str) -> Given:
        return self.columns.fields.get(name, NOTHING)

    def _note(self, reason: str, entry: Entry) -> None:
        self.odd.setdefault(reason, [entry.where, 0])[1] += 1

    def _transcript(self, row: Row, entry: Entry) -> Transcript:
        error, stop = row.text(self._given("error")), row.text(self._given("stop_reason"))
        said = self._messages(row, entry, failed=bool(error))
        system, user, messages = divided(said)
        thought = tuple(thoughts(messages))
        model = row.text(self._given("model"))
        if not model:
            self._note("names no model: taken as unknown", entry)
        condition = self._condition(row, entry)
        return Transcript(
            source=entry.source,
            model=model or UNKNOWN,
            condition=condition,
            sample_key=self._key(row, entry, f"{model} {condition}"),
            status=self._status(row, entry, messages, cut_off=stop in TRUNCATED, failed=bool(error)),
            system=system,
            user=user,
            messages=messages,
            reasoning=thought,
            actions=tuple(deeds(messages, thought)),
            verdicts=tuple(filter(None, (self._verdict(judged, row, entry) for judged in self.columns.verdicts))),
            error=error,
            stop_reason=stop,
            recorded_at=self._moment(row, self._given("recorded_at"), entry),
            extra=row.extra(),
        )

    def _messages(self, row: Row, entry: Entry, *, failed: bool) -> list[Message]:
        """What was said, in order. Raises ValueError where the row has no place for an answer."""
        given = [self._given(name) for name in ANSWERS]
        if not failed and not any(row.has(one.column) for one in given if one.column):
            missing = " and no ".join(one.column for one in given if one.column)
            raise ValueError(f"holds no answer: no column {missing}")
        said = [Message(role, text) for role in ("system", "user") if (text := row.text(self._given(role)))]
        said += self._conversation(row, entry)
        answer, thought = row.text(self._given("response")), row.text(self._given("reasoning"))
        # A conversation may end with the answer that has a column of its own as well.
        if said and said[-1].role == "assistant" and answer == said[-1].text:
            answer = ""
        if answer or thought:
            said.append(Message("assistant", answer, reasoning=thought))
        return said

    def _conversation(self, row: Row, entry: Entry) -> list[Message]:
        given = self._given("messages")
        listed = row.raw(given)
        if listed is None:
            return []
        if isinstance(listed, str):
            try:
                listed = from_json(listed.encode("utf-8", "surrogatepass"))
            except Undecodable as error:
                raise ValueError(f"{given.column} is {error.reason}, and no list of messages") from None
        talk = Conversation()
        messages = list(talk.messages(listed, given.column))
        if not messages:
            raise ValueError(f"{given.column} is no list of messages with role and content")
        if not talk.odd and not talk.ignored:
            row.used.add(given.column)  # else it is kept as it stands
        for _, reason in talk.odd:
            self._note(f"in {given.column}: {reason}", entry)
        return messages

    def _condition(self, row: Row, entry: Entry) -> Condition:
        said: dict[str, Any] = {}
        for name in _FACTORS:
            value = self._factor(row, self._given(name), entry)
            said.update({name: value} if value else {})
        free = {name: self._factor(row, given, entry) or UNKNOWN for name, given in self.columns.factors.items()}
        recorded = self._factor(row, self._given("condition"), entry)
        return condition_of({**said, "factors": free, **({"condition_id": recorded} if recorded else {})})[0]

    def _factor(self, row: Row, given: Given, entry: Entry) -> str:
        value = row.text(given).strip()
        if len(value) <= LONGEST:
            return value
        row.used.discard(given.column)
        reason = f"longer than {LONGEST} characters, and not taken for a factor"
        self._note(f"{given.column or 'a constant'} is {reason}", entry)
        return ""

    def _key(self, row: Row, entry: Entry, cell: str) -> str:
        """The sample's id, or its place in the file; numbers tell samples apart in one file only."""
        given = self._given("sample")
        key = row.text(given).strip()
        if len(key) > LONGEST:
            row.used.discard(given.column)
            key = ""
        key = f"{self.place}/{key}" if key.isdecimal() else key
        known = len(self.samples)
        if key:
            self.samples.add(hash(f"{cell} {key}"))
        if key and len(self.samples) == known:
            self._note("repeats the id of a sample before it: known by its place in the file", entry)
            row.used.discard(given.column)
            key = ""
        return key or f"{self.place}#{entry.number}"

    def _status(self, row: Row, entry: Entry, messages: tuple[Message, ...], *, cut_off: bool, failed: bool) -> Status:
        derived = status(messages, cut_off=cut_off, failed=failed and not answered(messages))
        given = self._given("status")
        said = row.text(given).strip().lower()
        if not said:
            return derived
        if said not in set(Status):
            row.used.discard(given.column)
            self._note(f"{given.column or 'the status'} is none of {', '.join(Status)}: worked out instead", entry)
            return derived
        # Without an answer there is nothing to judge, whatever the file calls it.
        return derived if derived in (Status.EMPTY, Status.ERROR) and said != Status.ERROR else Status(said)

    def _moment(self, row: Row, given: Given, entry: Entry) -> datetime | None:
        said = row.text(given).strip()
        if not said:
            return None
        number = int(said) if said.isdecimal() and len(said) < 14 else 0
        if number in _SECONDS:
            return datetime.fromtimestamp(number, UTC)
        if number in _MILLISECONDS:
            return datetime.fromtimestamp(number // 1000, UTC)
        found = moment(said)
        if found is None:
            row.used.discard(given.column)
            self._note(f"{given.column} is not a time that can be read", entry)
        return found

    def _verdict(self, judged: Judged, row: Row, entry: Entry) -> Verdict | None:
        """One classifier's answer; none where the row says nothing of it."""
        said = {name: row.text(given) for name, given in judged.fields.items()}
        stated = {name: said.get(name, "").strip() for name in ("final", "judge")}
        explanation, error = said.get("explanation", ""), said.get("error", "")
        if not any((*stated.values(), said.get("score"), explanation, error)):
            return None
        answers = {name: judged.answer(value) if value else None for name, value in stated.items()}
        for name, value in stated.items():
            if value and answers[name] is None and not error:
                error = f"the answer {value[:_SHOWN]!r} is neither among the positive nor among the negative values"
        if not error and not any(stated.values()):
            error = "holds no answer"
        columns = [given.column for name, given in judged.fields.items() if given.column and name != "explanation"]
        return Verdict(
            classifier=said["classifier"].strip() or UNKNOWN,
            version=said.get("version", "").strip() or UNKNOWN,
            outcome=said.get("outcome", "").strip() or "harm",
            final=None if error else answers["final"],
            judge=None if error else answers["judge"],
            explanation=explanation,
            error=error,
            score=self._score(judged, row, entry),
            recorded_at=self._moment(row, judged.fields.get("recorded_at", NOTHING), entry),
            raw={column: row.raw(Given(column)) for column in columns},
        )

    def _score(self, judged: Judged, row: Row, entry: Entry) -> float | None:
        given = judged.fields.get("score", NOTHING)
        said = row.text(given).strip()
        number = float(said) if _NUMBER.fullmatch(said) else math.nan
        if math.isfinite(number):
            return number
        if said:
            row.used.discard(given.column)
            self._note(f"{given.column or 'the score'} is not a number that can be read", entry)
        return None
