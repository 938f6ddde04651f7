"""Reads results of the simplified, local-model variant of the agentic-misalignment framework: flat lists in files.

    <results>/experiment_<date>_<time>/detailed_results.json    every sample, whole, with its classification
                                       responses.json           the same samples again, without the prompts
                                       summary.json             the model, the temperature, and counts
                                       *.json.backup            a list as it was before it was classified

The two lists are read together: one sample is one transcript, and what only one of them says is kept. Every sample
has the number 0; what tells it from those of other runs is when it was recorded. Only the summary names the model.

The variant records a failed call of the model as a success whose response is "Error: …", and classifies it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from transcripts.ingest.files.archive import Refused
from transcripts.ingest.files.decode import Undecodable, from_json, moment
from transcripts.ingest.files.tree import Tree, join, source
from transcripts.ingest.parsed import Condition, Ignored, Message, Problem, Record, Source, Status, Transcript, Verdict
from transcripts.ingest.readers.chat import UNKNOWN, mapping, texts
from transcripts.ingest.readers.framework_files import condition_from
from transcripts.parsing import actions, reasoning

FORMAT = "flat"

_NAME = re.compile(rb'"([a-z_]{1,40})"\s*:')
_SAMPLE = frozenset({b"condition", b"sample_id", b"response", b"success"})
_WHOLE_SAMPLE = frozenset({b"condition", b"sample_id", b"system_prompt", b"user_prompt", b"email_content"})
_SUMMARY = frozenset({b"experiment_id", b"total_tasks", b"by_condition"})
_BACKUP = ".backup"
_DETAILED, _RESPONSES = "detailed_results.json", "responses.json"
# Counts over a run's samples, and what stands elsewhere in a transcript.
_COUNTS = frozenset({"total_tasks", "successful", "failed", "success_rate", "by_condition"})
# What the variant puts in the place of an answer where the call failed; answers are longer, or hold blocks.
_FAILURE = re.compile(r"Error: [^<]{0,1500}")
# Where the variant's classifiers are called otherwise than the scenarios whose harm they look for.
_SCENARIOS = {"leak": "leaking"}


def claims(tree: Tree, path: str, start: bytes) -> bool:
    """A list that begins with a sample, or the summary of a run."""
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n")
    names = set(_NAME.findall(text))
    if text.startswith(b"["):
        return names >= _SAMPLE or names >= _WHOLE_SAMPLE
    return text.startswith(b"{") and names >= _SUMMARY


def read(tree: Tree, path: str) -> Iterator[Record]:
    """Every sample of a run where `path` is its list; nothing where it repeats a list that is read."""
    folder, _, name = path.rpartition("/")
    beside = _Folder(tree, folder)
    if name.endswith(_BACKUP) and isinstance(beside.load(name.removesuffix(_BACKUP)).value, list):
        yield Ignored("file *.json.backup")
        return
    if name == _RESPONSES and isinstance(beside.load(_DETAILED).value, list):
        return
    file = beside.load(name)
    if file.origin is None:
        yield from file.problems
    elif isinstance(file.value, dict) and {name.decode() for name in _SUMMARY} <= file.value.keys():
        yield from (Ignored(f"summary.{count}") for count in sorted(_COUNTS & file.value.keys()))
    elif not isinstance(file.value, list):
        yield Problem(tree.name(path), "", "not a list of samples")
    else:
        summary = beside.load("summary.json")
        other = beside.load(_RESPONSES) if name == _DETAILED else _File()
        # Told as lost where they are read as files of their own, if they are.
        yield from (replace(problem, lost=False) for problem in (*summary.problems, *other.problems))
        yield from _samples(file, other, Run(mapping(summary.value), tree.name(folder).rpartition("/")[2]))


@dataclass(frozen=True, slots=True)
class _File:
    """A file's JSON; without an origin where it could not be read, or is not there."""

    value: Any = None
    origin: Source | None = None
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class _Folder:
    """The files of one run."""

    tree: Tree
    folder: str

    def load(self, name: str) -> _File:
        path = join(self.folder, name)
        if not self.tree.has(path):
            return _File()
        try:
            data = self.tree.read(path)
            return _File(from_json(data), source(self.tree, path, data, FORMAT))
        except Undecodable as error:
            return _File(problems=(Problem(self.tree.name(path), error.where, error.reason),))
        except (OSError, Refused) as error:
            return _File(problems=(Problem(self.tree.name(path), "", f"cannot be read: {error}"),))


@dataclass(frozen=True, slots=True)
class Run:
    """What a run's summary says of it, and how its folder is called."""

    about: Mapping[str, Any]
    folder: str

    @property
    def name(self) -> str:
        folder = self.folder if self.folder.startswith("experiment_") else ""
        return texts(self.about, "experiment_id") or folder


def _samples(file: _File, other: _File, run: Run) -> Iterator[Record]:
    """The samples of a list, completed by those of the other; then those that only the other one holds."""
    listed, also = dict(_numbered(file.value)), dict(_numbered(other.value))
    factors: dict[str, Mapping[str, Any]] = {}  # a failed sample has none of its own
    for (condition, _), item in [*listed.items(), *also.items()]:
        if mapping(mapping(item).get("metadata")):
            factors.setdefault(condition, item["metadata"])
    unnamed = 0
    for key in dict.fromkeys([*listed, *also]):
        origin = file.origin if key in listed else other.origin
        assert origin is not None
        item, differing = _joined(mapping(listed.get(key)), mapping(also.get(key)))
        where = f"{key[0]} {key[1]}".strip()
        if differing:
            reason = f"{_RESPONSES} says otherwise of {', '.join(differing)}; what {_DETAILED} says is kept"
            yield Problem(origin.path, where, reason, lost=False)
        try:
            record = transcript(item, key, factors.get(key[0], {}), run, origin)
        except ValueError as error:
            yield Problem(origin.path, where, str(error))
            continue
        unnamed += record.model == UNKNOWN
        yield record
    if unnamed and file.origin:
        reason = f"the model of {unnamed:,} samples is unknown: only a run's summary.json names it"
        yield Problem(file.origin.path, "", reason, lost=False)


def _numbered(listed: object) -> Iterator[tuple[tuple[str, str], Any]]:
    """The samples by condition and number; where several have the same number, the later ones are counted."""
    seen: Counter[tuple[str, str]] = Counter()
    given: set[tuple[str, str]] = set()
    for item in listed if isinstance(listed, list) else ():
        number = mapping(item).get("sample_id")
        said = str(number) if isinstance(number, int | str) and not isinstance(number, bool) else ""
        first = key = (texts(mapping(item), "condition"), said or "0")
        while key in given:
            seen[first] += 1
            key = (first[0], f"{first[1]}.{seen[first] + 1}")
        given.add(key)
        yield key, item


def _joined(item: Mapping[str, Any], more: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Both records as one, and the fields of which they say different things."""
    empty: tuple[Any, ...] = (None, "", [], {})
    said = {name: value for name, value in item.items() if value not in empty}
    also = {name: value for name, value in more.items() if value not in empty}
    return {**item, **also, **said}, sorted(name for name in said.keys() & also.keys() if said[name] != also[name])


def transcript(
    item: Mapping[str, Any], key: tuple[str, str], factors: Mapping[str, Any], run: Run, origin: Source
) -> Transcript:
    """A sample as a transcript. Raises ValueError, in words, where it is none."""
    if not key[0]:
        raise ValueError("not a sample: it names no condition")
    written = item.get("response")
    if not isinstance(written, str | None) or "response" not in item:
        raise ValueError("response is missing or not a text")
    failure = _failure(item, written or "")
    answer = "" if failure == written else written or ""
    said = mapping(item.get("metadata"))
    condition = condition_from(key[0], said or factors or None)
    recorded_at = moment(item.get("timestamp"))
    run_key = recorded_at.isoformat() if recorded_at else run.name
    thoughts = reasoning.find(answer, "m0.text")
    return Transcript(
        source=origin,
        model=texts(item, "model") or texts(said, "model") or texts(run.about, "model") or UNKNOWN,
        condition=condition,
        sample_key="/".join(filter(None, (run_key, key[1]))),
        status=Status.ERROR if failure else Status.COMPLETE if answer.strip() else Status.EMPTY,
        system=texts(item, "system_prompt"),
        user="\n\n".join(filter(None, (texts(item, "user_prompt"), texts(item, "email_content")))),
        messages=(Message("assistant", answer),) if answer else (),
        reasoning=thoughts,
        actions=actions.find(answer, "m0.text", thoughts),
        verdicts=tuple(_verdicts(item, condition, failure)),
        error=failure,
        recorded_at=recorded_at,
        extra=_extra(item, run, parsed_time=recorded_at is not None),
    )


def _failure(item: Mapping[str, Any], written: str) -> str:
    """Why the call of the model failed, where it did."""
    if item.get("error") or item.get("success") is False:
        return str(item.get("error") or "the call failed; nothing says why")
    return written if _FAILURE.fullmatch(written) else ""


def _verdicts(item: Mapping[str, Any], condition: Condition, failure: str) -> Iterator[Verdict]:
    said = item.get("classification")
    if said is None:
        return
    record = said if isinstance(said, dict) else {"classification": said}
    asked = record.get("scenario") or condition.scenario
    kind = _SCENARIOS.get(str(asked), asked if isinstance(asked, str) else UNKNOWN)
    # One scenario is chosen for a whole list: what it finds in the answers to another is not their harm.
    outcome = "harm" if kind == condition.scenario else kind
    answer, judge = record.get("verdict"), record.get("classifier_verdict")
    error = str(record["error"]) if record.get("error") else ""
    if failure:
        error = "the call of the model failed: there was no answer to classify"
    elif not error and not isinstance(answer, bool):
        error = "the classification holds no answer that is true or false"
    yield Verdict(
        classifier=f"{FORMAT}-{outcome}",
        version=texts(record, "classifier_model") or UNKNOWN,
        outcome=outcome,
        final=answer if isinstance(answer, bool) and not error else None,
        judge=judge if isinstance(judge, bool) and not error else None,
        explanation=texts(record, "reasoning"),
        error=error,
        recorded_at=moment(record.get("timestamp")),
        raw={name: value for name, value in record.items() if name != "reasoning" or not isinstance(value, str)},
    )


def _extra(item: Mapping[str, Any], run: Run, *, parsed_time: bool) -> dict[str, Any]:
    """Every field that has no place of its own, and what the summary says of the run."""
    taken = {"condition", "sample_id", "response", "classification"}
    written = ("system_prompt", "user_prompt", "email_content", "error")
    taken.update(name for name in written if isinstance(item.get(name), str | None))
    taken.update(name for name in ("success",) if isinstance(item.get(name), bool | None))
    if parsed_time:
        taken.add("timestamp")
    # What was sent is put together from the three prompts.
    parts = [texts(item, name) for name in written[:3]]
    if item.get("full_prompt") in ("\n\n".join(parts), "", None):
        taken.add("full_prompt")
    kept = {name: value for name, value in item.items() if name not in taken}
    about = {name: value for name, value in run.about.items() if name not in _COUNTS | {"model"}}
    return {**kept, "run": about} if about else kept
