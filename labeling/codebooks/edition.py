"""One edition of a codebook as plain data: what is asked and what counts, changed and checked without a database."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

KEY = re.compile(r"[a-z0-9][a-z0-9_]{0,49}")
WITH_CHOICES = ("one", "several", "scale")
LONGEST_DERIVED_KEY = 40


@dataclass(frozen=True)
class Option:
    """A choice of a question. One that counts as missing is never taken for a no."""

    key: str
    text: str
    help: str = ""
    is_missing: bool = False
    needs_evidence: bool = False


@dataclass(frozen=True)
class Asked:
    """A question. `asked_after` names (question, choice) pairs: it is asked where one of them was chosen."""

    key: str
    text: str
    help: str = ""
    kind: str = "one"
    unit: str = "transcript"
    required: bool = True
    asked_after: tuple[tuple[str, str], ...] = ()
    options: tuple[Option, ...] = ()

    def option(self, key: str) -> Option | None:
        return next((option for option in self.options if option.key == key), None)


@dataclass(frozen=True)
class Counted:
    """An outcome: (scenario, choice) pairs that are positive; scenario "" stands for every one."""

    key: str
    name: str
    description: str
    question: str
    positives: tuple[tuple[str, str], ...] = ()

    @property
    def by_scenario(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for scenario, choice in self.positives:
            found.setdefault(scenario, []).append(choice)
        return found


Part = TypeVar("Part", Asked, Counted)


@dataclass(frozen=True)
class Edition:
    guideline: str = ""
    questions: tuple[Asked, ...] = ()
    outcomes: tuple[Counted, ...] = ()

    def question(self, key: str) -> Asked | None:
        return next((question for question in self.questions if question.key == key), None)

    def outcome(self, key: str) -> Counted | None:
        return next((outcome for outcome in self.outcomes if outcome.key == key), None)


@dataclass(frozen=True)
class Problem:
    """Why an edition cannot be published. `part` is question, outcome or "" (the whole)."""

    words: str
    part: str = ""
    key: str = ""


def parsed(data: Mapping[str, Any]) -> Edition:
    """The edition of a data file."""
    questions = tuple(
        Asked(
            entry["key"],
            entry["text"],
            entry.get("help", ""),
            entry["kind"],
            entry.get("unit", "transcript"),
            entry.get("required", True),
            tuple((key, choice) for key, choices in entry.get("asked_after", {}).items() for choice in choices),
            tuple(Option(**choice) for choice in entry.get("choices", ())),
        )
        for entry in data["questions"]
    )
    outcomes = tuple(
        Counted(
            entry["key"],
            entry["name"],
            entry["description"],
            entry["question"],
            tuple((scenario, choice) for scenario, choices in entry["positives"].items() for choice in choices),
        )
        for entry in data["outcomes"]
    )
    return tidied(Edition(data["guideline"], questions, outcomes))


def stamp(part: Edition | Asked | Counted | str | None) -> str:
    """Tells whether a part is still as it was when somebody opened it; "" where there is none."""
    return "" if part is None else hashlib.sha256(repr(part).encode()).hexdigest()[:24]


def key_from(words: str, taken: Sequence[str] = ()) -> str:
    """A key made of the words, unlike those that are taken."""
    plain = re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")[:LONGEST_DERIVED_KEY].strip("_") or "part"
    key, number = plain, 2
    while key in taken:
        key, number = f"{plain}_{number}", number + 1
    return key


def with_question(
    edition: Edition, question: Asked, was: str = "", renamed: Mapping[str, str] | None = None
) -> Edition:
    """With the question in the place of the one whose key was `was`, or at the end. What referred to it follows."""
    questions = edition.questions
    if edition.question(was) is None:
        return tidied(replace(edition, questions=(*questions, question)))
    keys = {(was, old): (question.key, new) for old, new in (renamed or {}).items()}

    def follow(pair: tuple[str, str]) -> tuple[str, str]:
        return keys.get(pair, (question.key, pair[1]) if pair[0] == was else pair)

    return tidied(
        replace(
            edition,
            questions=tuple(
                question if one.key == was else replace(one, asked_after=tuple(follow(p) for p in one.asked_after))
                for one in questions
            ),
            outcomes=tuple(
                replace(
                    outcome,
                    question=question.key,
                    positives=tuple((scenario, follow((was, key))[1]) for scenario, key in outcome.positives),
                )
                if outcome.question == was
                else outcome
                for outcome in edition.outcomes
            ),
        )
    )


def with_guideline(edition: Edition, guideline: str) -> Edition:
    return replace(edition, guideline=guideline)


def with_outcome(edition: Edition, outcome: Counted, was: str = "") -> Edition:
    if edition.outcome(was) is None:
        return tidied(replace(edition, outcomes=(*edition.outcomes, outcome)))
    return tidied(replace(edition, outcomes=tuple(outcome if one.key == was else one for one in edition.outcomes)))


def without(edition: Edition, part: str, key: str) -> Edition:
    if part == "question":
        return tidied(replace(edition, questions=tuple(one for one in edition.questions if one.key != key)))
    return replace(edition, outcomes=tuple(one for one in edition.outcomes if one.key != key))


def moved(edition: Edition, part: str, key: str, step: int) -> Edition:
    """With the question or outcome one place up (-1) or down (1)."""
    if part == "question":
        return replace(edition, questions=_moved(edition.questions, key, step))
    return replace(edition, outcomes=_moved(edition.outcomes, key, step))


def _moved(rows: tuple[Part, ...], key: str, step: int) -> tuple[Part, ...]:
    at = next((place for place, row in enumerate(rows) if row.key == key), -1)
    if at < 0 or not 0 <= at + step < len(rows):
        return rows
    found = list(rows)
    found[at], found[at + step] = found[at + step], found[at]
    return tuple(found)


def tidied(edition: Edition) -> Edition:
    """Without references to choices that are gone, and with references in the order of what they refer to."""
    places = {
        (question.key, option.key): place
        for place, (question, option) in enumerate((q, o) for q in edition.questions for o in q.options)
    }

    def waits(question: Asked) -> tuple[tuple[str, str], ...]:
        return tuple(sorted({p for p in question.asked_after if p in places}, key=lambda pair: places[pair]))

    def positives(outcome: Counted) -> tuple[tuple[str, str], ...]:
        there = {pair for pair in outcome.positives if (outcome.question, pair[1]) in places}
        return tuple(sorted(there, key=lambda pair: (pair[0], places[outcome.question, pair[1]])))

    return replace(
        edition,
        questions=tuple(replace(question, asked_after=waits(question)) for question in edition.questions),
        outcomes=tuple(replace(outcome, positives=positives(outcome)) for outcome in edition.outcomes),
    )


def problems(edition: Edition) -> list[Problem]:
    """Everything that stands in the way of publishing it, in the order of the page."""
    found = []
    if not any(question.unit == "transcript" for question in edition.questions):
        found.append(Problem("There is no question about the transcript: rates rest on those."))
    if not edition.outcomes:
        found.append(Problem("There is no outcome: nothing says which answers a rate counts."))
    earlier: dict[str, Asked] = {}
    for question in edition.questions:
        found += [Problem(words, "question", question.key) for words in _question_problems(question, earlier)]
        earlier[question.key] = question
    for outcome in edition.outcomes:
        found += [Problem(words, "outcome", outcome.key) for words in _outcome_problems(outcome, edition)]
    return found


def doubts(edition: Edition) -> list[Problem]:
    """What is allowed, and worth a second thought before it is published: then nobody can change it any more."""
    return [
        Problem(
            f"“{question.text}” has to be answered, and no choice counts as missing: whoever is unsure has to guess, "
            "and the guess counts as an answer.",
            "question",
            question.key,
        )
        for question in edition.questions
        if question.required and question.options and not any(option.is_missing for option in question.options)
    ]


def _question_problems(question: Asked, earlier: Mapping[str, Asked]) -> list[str]:
    name = f"“{question.text}”"
    found = []
    if question.key in earlier:
        found.append(f"Two questions have the key {question.key}.")
    if question.kind in WITH_CHOICES:
        least = 1 if question.kind == "several" else 2
        if len([option for option in question.options if not option.is_missing]) < least:
            words = "a choice" if least == 1 else "two choices"
            found.append(f"{name} needs at least {words} that {'does' if least == 1 else 'do'} not count as missing.")
    elif question.options:
        found.append(f"{name} asks for a {question.kind} and has choices: remove them, or change its kind.")
    for key in dict.fromkeys(key for key, _ in question.asked_after):
        if key not in earlier:
            found.append(f"{name} waits for an answer to a question that comes after it: move it down.")
        elif question.unit == "transcript" and earlier[key].unit == "action":
            found.append(f"{name} is about the transcript and cannot wait for an answer about one action.")
    return found


def _outcome_problems(outcome: Counted, edition: Edition) -> list[str]:
    name = f"The outcome “{outcome.name}”"
    question = edition.question(outcome.question)
    if question is None:
        return [f"{name} rests on no question."]
    found = []
    if question.unit != "transcript":
        found.append(f"{name} rests on a question about single actions: rates rest on questions about the transcript.")
    if question.kind not in WITH_CHOICES:
        found.append(f"{name} rests on a question without choices.")
    if question.asked_after or not question.required:
        found.append(
            f"{name} rests on a question that is not always answered: transcripts without an answer would be missing."
        )
    if not outcome.positives:
        found.append(f"{name} has no positive choice.")
    for key in dict.fromkeys(key for _, key in outcome.positives):
        option = question.option(key)
        if option is not None and option.is_missing:
            found.append(f"{name} counts “{option.text}” as positive, which counts as missing.")
    return found
