"""The form that says which column is what: from a mapping, from what was sent, or guessed from the columns' names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from transcripts.ingest import mapping as maps
from transcripts.ingest.mapping import Given
from transcripts.ingest.parsed import Status
from transcripts.ingest.preview import Sample

# Names that columns often have for a field, the likeliest first.
_USUAL = {
    "model": ("model", "model_id", "model_name", "llm"),
    "sample": ("sample_id", "custom_id", "uuid", "id", "sample"),
    "system": ("system", "system_prompt", "system_message"),
    "user": ("user", "user_prompt", "prompt", "question", "instruction", "query", "input"),
    "messages": ("messages", "conversation", "chat"),
    "reasoning": ("reasoning", "reasoning_content", "thinking", "cot", "chain_of_thought", "scratchpad", "thoughts"),
    "response": ("response", "completion", "answer", "raw_response", "model_response", "output", "generation", "text"),
    "scenario": ("scenario",),
    "goal_type": ("goal_type",),
    "goal_value": ("goal_value",),
    "urgency": ("urgency", "urgency_type"),
    "prod": ("prod", "production_variant"),
    "mitigation": ("mitigation", "extra_system_instructions"),
    "awareness": ("awareness",),
    "condition": ("condition_id", "condition"),
    "status": ("status",),
    "error": ("error",),
    "stop_reason": ("stop_reason", "finish_reason"),
    "recorded_at": ("recorded_at", "timestamp", "created_at", "created"),
}
_USUAL_VERDICT = {
    "final": ("harmful", "is_harmful", "harmful_behavior", "verdict", "label", "classification"),
    "judge": ("classifier_verdict",),
    "version": ("classifier_model", "judge_model", "grader", "grader_model"),
    "explanation": ("explanation", "classifier_reasoning", "judge_reasoning", "rationale"),
    "score": ("score",),
}
GROUPS = {
    "What was said": ("response", "reasoning", "user", "system", "messages"),
    "Whose it is": ("model", "scenario", "sample"),
    "Factors of the agentic-misalignment scenarios": (
        *("condition", "goal_type", "goal_value", "urgency"),
        *("mitigation", "awareness", "prod"),
    ),
    "What became of the call": ("stop_reason", "error", "status", "recorded_at"),
}
LONG = frozenset({"system", "user"})  # constants of several lines
# Of these the same for every row would say nothing.
_VARYING = frozenset({"response", "reasoning", "messages", "sample", "status", "error", "stop_reason", "recorded_at"})
_VARYING_PARTS = frozenset({"final", "judge", "score", "explanation", "error", "recorded_at"})
# Empty lines of the form for factors, beyond those in use.
_SPARE = 2
_ANSWERS = ("final", "judge")


@dataclass(frozen=True)
class Line:
    """One field of the form: its name there, what it is, and what is chosen."""

    name: str
    label: str
    help: str
    given: Given
    constant: bool = True  # it may be the same for every row
    long: bool = False


@dataclass(frozen=True)
class Group:
    """Fields that belong together; open where one of them is needed or chosen."""

    title: str
    lines: list[Line]
    open: bool


@dataclass(frozen=True)
class Value:
    """A value of an answer's column, and what it is taken for: positive, negative, or missing."""

    text: str
    meaning: str


@dataclass(frozen=True)
class VerdictLines:
    number: int
    lines: list[Line]
    of: str  # the columns whose values are listed
    values: list[Value]
    used: bool
    is_new: bool = False  # it was not in the form that was sent


def guess(sample: Sample) -> dict[str, Any]:
    """A mapping by the names of the columns. It may lack what a mapping needs."""
    found: dict[str, Any] = {}
    for name, usual in _USUAL.items():
        column = _usual(sample, usual)
        if column and _plausible(name, sample, column):
            found[name] = Given(column).as_plain()
    verdict = {name: column for name, usual in _USUAL_VERDICT.items() if (column := _usual(sample, usual))}
    if "final" in verdict:
        columns = [verdict[name] for name in _ANSWERS if name in verdict]
        found["verdicts"] = [
            {"classifier": f"={verdict['final']}", **verdict, **_lists(_usual_meanings(columns, sample))}
        ]
    return found


def sent(post: Mapping[str, str], sample: Sample) -> dict[str, Any]:
    """The mapping that a form says. It may lack what a mapping needs."""
    said: dict[str, Any] = {name: chosen for name in maps.FIELDS if (chosen := _chosen(post, name))}
    factors: dict[str, Any] = {}
    number = 0
    while f"factor.{number}.column" in post:
        if chosen := _chosen(post, f"factor.{number}"):
            name = post.get(f"factor.{number}.name", "").strip() or post[f"factor.{number}.column"] or "factor"
            factors[name] = chosen
        number += 1
    verdicts = [verdict for number in _numbers(post) if (verdict := _verdict(post, number, sample))]
    return {**said, **({"factors": factors} if factors else {}), **({"verdicts": verdicts} if verdicts else {})}


def groups(mapping: Mapping[str, Any]) -> list[Group]:
    """The fields of the form."""
    found = {title: [_line(name, mapping) for name in names] for title, names in GROUPS.items()}
    needed = list(GROUPS)[:2]
    return [Group(title, lines, title in needed or any(line.given for line in lines)) for title, lines in found.items()]


def factors(mapping: Mapping[str, Any]) -> list[tuple[str, Line]]:
    """Factors with names of their own, and room for more."""
    named = [*mapping.get("factors", {}).items(), *[("", "")] * _SPARE]
    return [
        (name, Line(f"factor.{number}", f"Factor {number + 1}", "", _given(value)))
        for number, (name, value) in enumerate(named)
    ]


def verdicts(mapping: Mapping[str, Any], sample: Sample) -> list[VerdictLines]:
    """The verdicts of the form, and room for one more."""
    return [_verdict_lines(one, number, sample) for number, one in enumerate([*mapping.get("verdicts", []), {}])]


def sent_verdicts(post: Mapping[str, str], sample: Sample) -> list[VerdictLines]:
    """The same, each in the place that it was sent from; room for one more where there is none left."""
    said = [_verdict(post, number, sample) for number in _numbers(post)]
    lines = [_verdict_lines(one, number, sample) for number, one in enumerate(said)]
    if not said or said[-1]:
        lines.append(replace(_verdict_lines({}, len(said), sample), is_new=True))
    return lines


def _line(name: str, mapping: Mapping[str, Any]) -> Line:
    return Line(
        name,
        name.replace("_", " ").capitalize(),
        maps.FIELDS[name],
        _given(mapping.get(name, "")),
        constant=name not in _VARYING,
        long=name in LONG,
    )


def _verdict_lines(verdict: Mapping[str, Any], number: int, sample: Sample) -> VerdictLines:
    given = {name: _given(verdict.get(name, "")) for name in maps.VERDICT_FIELDS}
    lines = [
        Line(
            f"verdict.{number}.{name}",
            name.replace("_", " ").capitalize(),
            help,
            given[name],
            constant=name not in _VARYING_PARTS,
        )
        for name, help in sorted(maps.VERDICT_FIELDS.items(), key=lambda item: item[0] not in _ANSWERS)
    ]
    columns = [given[name].column for name in _ANSWERS]
    said = {name: verdict.get(name, ()) for name in maps.VALUES}
    if verdict and said.keys().isdisjoint(verdict):
        said = {"positive": maps.POSITIVE, "negative": maps.NEGATIVE}
    meanings = {maps.fold(str(value)): name for name, values in said.items() for value in values}
    shown = dict.fromkeys([*_seen(columns, sample), *sorted(meanings)])
    values = [Value(text, meanings.get(text, "")) for text in shown]
    return VerdictLines(number, lines, "|".join(columns), values, bool(verdict))


def _seen(columns: Sequence[str], sample: Sample) -> list[str]:
    return [maps.fold(value) for column in columns if column for value in sample.values(column)]


def _usual_meanings(columns: Sequence[str], sample: Sample) -> dict[str, str]:
    """What truth values mean, where one of a pair is among the answers."""
    seen = set(_seen(columns, sample))
    found: dict[str, str] = {}
    for pair in zip(maps.POSITIVE, maps.NEGATIVE, strict=True):
        found.update(zip(pair, maps.VALUES, strict=True) if seen & set(pair) else ())
    return found


def _lists(meanings: Mapping[str, str]) -> dict[str, list[str]]:
    return {name: sorted(value for value, meaning in meanings.items() if meaning == name) for name in maps.VALUES}


def _verdict(post: Mapping[str, str], number: int, sample: Sample) -> dict[str, Any]:
    """One verdict of the form; empty where nothing is chosen in it."""
    start = f"verdict.{number}"
    said: dict[str, Any] = {
        name: chosen for name in maps.VERDICT_FIELDS if (chosen := _chosen(post, f"{start}.{name}"))
    }
    columns = [_given(said.get(name, "")).column for name in _ANSWERS]
    if not any(columns):
        return said
    said.setdefault("classifier", f"={next(filter(None, columns))}")
    # What was said of another column's values does not count, unless this one has them too.
    same = post.get(f"{start}.of", "").split("|") == columns
    means, seen = _usual_meanings(columns, sample), set(_seen(columns, sample))
    position = 0
    while (value := post.get(f"{start}.value.{position}")) is not None:
        if same or value in seen:
            means[value] = post.get(f"{start}.means.{position}", "")
        position += 1
    return {**said, **_lists(means)}


def _numbers(post: Mapping[str, str]) -> Iterator[int]:
    number = 0
    while f"verdict.{number}.final.column" in post:
        yield number
        number += 1


def _chosen(post: Mapping[str, str], name: str) -> Any:
    """A column or a constant, as a mapping has it; what says both is refused by the mapping."""
    column, value = post.get(f"{name}.column", ""), post.get(f"{name}.value", "").replace("\r\n", "\n")
    if column and value.strip():
        return {"column": column, "value": value}
    if value.strip():
        return Given(value=value).as_plain()
    return Given(column).as_plain() if column else None


def _given(raw: Any) -> Given:
    if isinstance(raw, dict):
        return Given(raw.get("column", ""), raw.get("value", ""))
    return Given(value=raw[1:]) if raw.startswith("=") else Given(raw)


def _usual(sample: Sample, usual: tuple[str, ...]) -> str:
    """The column with one of the names, or the nested one whose last name it is."""
    columns = sample.columns
    for name in usual:
        same = [column for column in columns if column.lower().replace(" ", "_").replace("-", "_") == name]
        nested = [column for column in columns if column.lower().rpartition(".")[2] == name]
        if same or nested:
            return (same or nested)[0]
    return ""


def _plausible(name: str, sample: Sample, column: str) -> bool:
    """Whether the values can be what the column's name promises."""
    values = sample.values(column)
    if name == "status":
        return bool(values) and {value.strip().lower() for value in values} <= set(Status)
    if name == "sample":
        rows = [entry.value.get(column) for entry in sample.entries if isinstance(entry.value, dict)]
        return len({str(value) for value in rows}) == len(rows)
    return True
