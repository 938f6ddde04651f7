"""The built-in codebook, from a data file, and published codebooks as they are asked and resolved."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.apps import apps
from django.utils import timezone

from labeling.codebooks.edition import Asked, Counted, Edition, Option, parsed, tidied
from labeling.models import CodebookVersion, Outcome, Question

BUILTIN = Path(__file__).with_name("codebook.json")


@lru_cache(maxsize=16)
def questions_of(version_id: int) -> tuple[Question, ...]:
    """The questions of a published version with their choices: read once, since it never changes."""
    return tuple(Question.objects.filter(version=version_id).prefetch_related("choices", "asked_after"))


@lru_cache(maxsize=16)
def outcomes_of(version_id: int) -> tuple[Outcome, ...]:
    """The outcomes of a published version with their positive choices."""
    return tuple(Outcome.objects.filter(version=version_id).prefetch_related("positives"))


@lru_cache(maxsize=16)
def guideline_of(version_id: int) -> str:
    """The guideline of a published version."""
    return CodebookVersion.objects.values_list("guideline", flat=True).get(pk=version_id)


def described(version: CodebookVersion) -> Edition:
    """A version as plain data, in four queries."""
    questions = version.questions.prefetch_related("choices", "asked_after__question")
    outcomes = version.outcomes.select_related("question").prefetch_related("positives__choice")
    return tidied(
        Edition(
            version.guideline,
            tuple(
                Asked(
                    question.key,
                    question.text,
                    question.help,
                    question.kind,
                    question.unit,
                    question.required,
                    tuple((choice.question.key, choice.key) for choice in question.asked_after.all()),
                    tuple(
                        Option(choice.key, choice.text, choice.help, choice.is_missing, choice.needs_evidence)
                        for choice in question.choices.all()
                    ),
                )
                for question in questions
            ),
            tuple(
                Counted(
                    outcome.key,
                    outcome.name,
                    outcome.description,
                    outcome.question.key,
                    tuple((row.scenario, row.choice.key) for row in outcome.positives.all()),
                )
                for outcome in outcomes
            ),
        )
    )


def install_builtin(get_model: Callable[[str, str], Any]) -> None:
    """Make the built-in codebook's version of the data file, where it is not there yet, and publish it.

    `get_model` is that of the app registry, so that a migration can pass its historical one.
    """
    text = json.loads(BUILTIN.read_text(encoding="utf-8"))
    codebook, _ = get_model("labeling", "Codebook").objects.get_or_create(
        slug=text["slug"], defaults={"name": text["name"]}
    )
    version, is_new = get_model("labeling", "CodebookVersion").objects.get_or_create(
        codebook=codebook, number=text["number"], defaults={"changes": text["changes"]}
    )
    if not is_new:
        return
    write(version, parsed(text), get_model)
    version.published_at = timezone.now()
    version.save(update_fields=["published_at"])


def write(version: Any, edition: Edition, get_model: Callable[[str, str], Any] = apps.get_model) -> None:
    """Put the edition in the place of whatever the version, a draft, held."""
    version.guideline = edition.guideline
    version.save(update_fields=["guideline"])
    version.outcomes.all().delete()
    version.questions.all().delete()
    questions: dict[str, Any] = {}
    choices: dict[tuple[str, str], Any] = {}
    for ordinal, asked in enumerate(edition.questions, start=1):
        question = _add_question(get_model, version, ordinal, asked)
        questions[asked.key] = question
        choices |= {(asked.key, choice.key): choice for choice in question.choices.all()}
    for asked in edition.questions:
        if asked.asked_after:
            questions[asked.key].asked_after.add(*(choices[pair] for pair in asked.asked_after))
    for ordinal, counted in enumerate(edition.outcomes, start=1):
        outcome = get_model("labeling", "Outcome").objects.create(
            version=version,
            ordinal=ordinal,
            key=counted.key,
            name=counted.name,
            description=counted.description,
            question=questions[counted.question],
        )
        positive = get_model("labeling", "OutcomeChoice")
        positive.objects.bulk_create(
            positive(outcome=outcome, choice=choices[counted.question, key], scenario=scenario)
            for scenario, key in counted.positives
        )


def _add_question(get_model: Callable[[str, str], Any], version: Any, ordinal: int, asked: Asked) -> Any:
    question = get_model("labeling", "Question").objects.create(
        version=version,
        ordinal=ordinal,
        key=asked.key,
        text=asked.text,
        help=asked.help,
        kind=asked.kind,
        unit=asked.unit,
        required=asked.required,
    )
    choice = get_model("labeling", "Choice")
    choice.objects.bulk_create(
        choice(question=question, ordinal=place, **asdict(option))
        for place, option in enumerate(asked.options, start=1)
    )
    return question
