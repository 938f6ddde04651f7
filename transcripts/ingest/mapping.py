"""Which column of a table is what: a small JSON or TOML file, or the same as a plain dictionary.

    model = "=claude-opus-4"        # "=": the same for every row
    user = "prompt"                 # else the name of a column; "metadata.id" looks into a nested value
    response = "completion"

    [factors]
    variant = "type"

    [[verdicts]]
    classifier = "=string-match"
    final = "label"
    positive = ["2_full_refusal"]
    negative = ["1_full_compliance"]

Instead of a text, `{column = "=odd"}` names any column and `{value = "x"}` any constant. Whatever is not known here
is refused, so that a misspelt field is not taken for one that is missing.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from transcripts.ingest.files.decode import Undecodable, from_json

# Each field, and what it is.
FIELDS = {
    "model": "the model's id",
    "sample": "what tells samples of one condition apart",
    "system": "the system prompt",
    "user": "the prompt",
    "messages": "a whole conversation, as a list of messages with role and content",
    "reasoning": "reasoning that stands apart from the answer",
    "response": "the model's answer",
    "scenario": "the scenario",
    "goal_type": "how a goal was given",
    "goal_value": "which goal was given",
    "urgency": "what threatens the model",
    "prod": "whether the prompt asks for no reasoning",
    "mitigation": "an instruction against the behaviour",
    "awareness": "a notice that this may be a test",
    "condition": "the condition's id",
    "status": "complete, truncated, error or empty",
    "error": "why the call of the model failed",
    "stop_reason": "why the answer ended",
    "recorded_at": "when it was recorded",
}
ANSWERS = ("response", "messages")
# Each field of a verdict, and what it is.
VERDICT_FIELDS = {
    "classifier": "the classifier's name",
    "version": "the grader model or version",
    "outcome": "what was judged; harm unless it is said",
    "final": "the published answer",
    "judge": "what the judge model alone said",
    "score": "a number beside the answer",
    "explanation": "the judge's reasons",
    "error": "why there is no answer",
    "recorded_at": "when it was judged",
}
VALUES = ("positive", "negative")
# What an answer is taken for where the mapping does not say: truth values, and nothing that needs to be interpreted.
POSITIVE, NEGATIVE = ("true", "yes", "1"), ("false", "no", "0")

LONGEST_NAME = 200  # characters of a factor's name
_LARGEST = 1 << 20  # bytes of a mapping file
_MOST = 100  # factors, verdicts, values of a verdict
_LONGEST = 1_000_000  # characters of a constant: it may be a prompt


class BadMapping(ValueError):
    """Not a mapping; the message says why, in a sentence."""


@dataclass(frozen=True, slots=True)
class Given:
    """Where a value comes from: a column, or for every row the same."""

    column: str = ""
    value: str = ""

    def __bool__(self) -> bool:
        return bool(self.column or self.value)

    def as_plain(self) -> str | dict[str, str]:
        """As it stands in a mapping."""
        if not self.column:
            return f"={self.value}"
        return {"column": self.column} if self.column.startswith("=") else self.column


NOTHING = Given()


@dataclass(frozen=True, slots=True)
class Judged:
    """Where a verdict's parts come from, and which answers are a yes and which a no. Any other is missing."""

    fields: Mapping[str, Given]
    positive: frozenset[str] = frozenset(POSITIVE)
    negative: frozenset[str] = frozenset(NEGATIVE)

    def answer(self, value: str) -> bool | None:
        """What an answer means; None where the mapping does not say."""
        folded = fold(value)
        return True if folded in self.positive else False if folded in self.negative else None


@dataclass(frozen=True, slots=True)
class Columns:
    """A mapping that was found to be one."""

    fields: Mapping[str, Given]
    factors: Mapping[str, Given] = field(default_factory=dict)
    verdicts: tuple[Judged, ...] = ()

    def named(self) -> set[str]:
        """Every column that is named."""
        every = [*self.fields.values(), *self.factors.values()]
        every += [given for judged in self.verdicts for given in judged.fields.values()]
        return {given.column for given in every if given.column}


def fold(value: str) -> str:
    """A value as it is compared: without the spaces around it, in lower case."""
    return value.strip().casefold()


def load(path: Path) -> dict[str, Any]:
    """A mapping file's mapping, as a plain dictionary. Raises BadMapping, with the file's name."""
    try:
        with path.open("rb") as file:
            return decoded(file.read(_LARGEST + 1))
    except OSError as error:
        raise BadMapping(f"{path.name} cannot be read: {error.strerror}.") from None
    except BadMapping as error:
        raise BadMapping(f"{path.name}: {error}") from None


def decoded(data: bytes) -> dict[str, Any]:
    """The mapping in a JSON or TOML text, as a plain dictionary in its shortest form. Raises BadMapping."""
    if len(data) > _LARGEST:
        raise BadMapping(f"A mapping is a small file; this one is larger than {_LARGEST:,} bytes.")
    try:
        if data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
            raw = from_json(data)
        else:
            raw = tomllib.loads(data.removeprefix(b"\xef\xbb\xbf").decode())
    except Undecodable as error:
        raise BadMapping(f"{error.where}: {error.reason}.".removeprefix(": ")) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadMapping(f"Neither JSON nor TOML: {error}.") from None
    return as_plain(parse(raw))


def parse(raw: object) -> Columns:
    """What a plain dictionary says. Raises BadMapping."""
    said = fields_of(raw, "A mapping", (*FIELDS, "factors", "verdicts"))
    fields = _givens(said, FIELDS, "")
    if not any(fields.get(name, NOTHING).column for name in ANSWERS):
        raise BadMapping("It must say which column holds the model's answer: response, or messages.")
    factors = table(said.get("factors", {}), "factors")
    named = {_name(name): _given(value, f"factors.{name}") for name, value in factors.items()}
    verdicts = said.get("verdicts", [])
    if not isinstance(verdicts, list) or len(verdicts) > _MOST:
        raise BadMapping(f"verdicts must be a list of at most {_MOST}.")
    judged = tuple(_judged(one, f"verdicts[{number}]") for number, one in enumerate(verdicts))
    return Columns(fields, {name: given for name, given in named.items() if given}, judged)


def as_plain(columns: Columns) -> dict[str, Any]:
    """The shortest dictionary that says the same."""
    plain: dict[str, Any] = {name: given.as_plain() for name, given in columns.fields.items()}
    if columns.factors:
        plain["factors"] = {name: given.as_plain() for name, given in columns.factors.items()}
    if columns.verdicts:
        plain["verdicts"] = [
            {
                **{name: given.as_plain() for name, given in judged.fields.items()},
                "positive": sorted(judged.positive),
                "negative": sorted(judged.negative),
            }
            for judged in columns.verdicts
        ]
    return plain


def _judged(raw: object, where: str) -> Judged:
    said = fields_of(raw, where, (*VERDICT_FIELDS, *VALUES))
    fields = _givens(said, VERDICT_FIELDS, f"{where}.")
    if "classifier" not in fields:
        raise BadMapping(f'{where} must name its classifier, such as classifier = "=string-match".')
    if not any(fields.get(name, NOTHING).column for name in ("final", "judge")):
        raise BadMapping(f"{where} must say which column holds the answer: final, or judge.")
    positive, negative = (_values(said, name, where) for name in VALUES)
    if positive is None and negative is None:
        return Judged(fields)
    both = sorted((positive or frozenset()) & (negative or frozenset()))
    if both:
        raise BadMapping(f"{where} takes {both[0]!r} for positive and for negative.")
    return Judged(fields, positive or frozenset(), negative or frozenset())


def _values(said: Mapping[str, Any], name: str, where: str) -> frozenset[str] | None:
    if name not in said:
        return None
    listed = said[name]
    if not isinstance(listed, list) or len(listed) > _MOST:
        raise BadMapping(f"{where}.{name} must be a list of at most {_MOST} values.")
    return frozenset(fold(_constant(value, f"{where}.{name}")) for value in listed) - {""}


def _givens(said: Mapping[str, Any], known: Mapping[str, str], where: str) -> dict[str, Given]:
    found = {name: _given(said[name], f"{where}{name}") for name in known if name in said}
    return {name: given for name, given in found.items() if given}


def _given(raw: object, where: str) -> Given:
    if isinstance(raw, dict):
        said = fields_of(raw, where, ("column", "value"))
        if len(said) != 1:
            raise BadMapping(f"{where} must have a column or a value, and not both.")
        if "value" in said:
            return Given(value=_constant(said["value"], where))
        raw, constant = said["column"], False
    else:
        constant = isinstance(raw, str) and raw.startswith("=")
    if not isinstance(raw, str):
        raise BadMapping(f'{where} must be the name of a column, or "=" and a constant.')
    return Given(value=_constant(raw[1:], where)) if constant else Given(column=_constant(raw, where))


def _constant(value: object, where: str) -> str:
    if not isinstance(value, str | int | float) or len(str(value)) > _LONGEST:
        raise BadMapping(f"{where} must be a text, a number or a truth value.")
    return str(value).lower() if isinstance(value, bool) else str(value)


def _name(raw: object) -> str:
    name = str(raw).strip()
    if not 0 < len(name) <= LONGEST_NAME:
        raise BadMapping(f"A factor has a name of at most {LONGEST_NAME} characters.")
    return name


def table(raw: object, where: str, most: int = _MOST) -> dict[Any, Any]:
    """An object with names of its own."""
    if not isinstance(raw, dict) or len(raw) > most:
        raise BadMapping(f"{where} must be an object with at most {most:,} names.")
    return raw


def fields_of(raw: object, where: str, known: tuple[str, ...]) -> dict[Any, Any]:
    """An object whose names are known."""
    said = table(raw, where)
    for name in said:
        if name not in known:
            raise BadMapping(f"{where} has no field {str(name)[:100]!r}; known are {', '.join(known)}.")
    return said
