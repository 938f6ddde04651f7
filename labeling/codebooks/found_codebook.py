"""A codebook made of the answers that a table of labels holds: its questions, and the categories that occur."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from django.utils import timezone
from django.utils.text import slugify

from labeling.models import Choice, Codebook, CodebookVersion, Outcome, OutcomeChoice, Question
from labeling.transfers.label_columns import LabelColumns
from labeling.transfers.label_rows import Told
from transcripts.ingest.mapping import fold

# Of one question. What has more different answers is a text or a number, and nothing to agree on.
MOST_CATEGORIES = 200
LONGEST_CATEGORY = 200


class NoCodebook(Exception):
    """A codebook cannot be made of these answers; the message says why."""


@dataclass
class Categories:
    """Which answers were given to which question, by how many, about transcripts and about actions."""

    whole: dict[str, Counter[str]] = field(default_factory=dict)
    actions: dict[str, Counter[str]] = field(default_factory=dict)
    several: set[str] = field(default_factory=set)

    def add(self, label: Told) -> None:
        self._add(self.whole, label.answers)
        self._add(self.whole, label.adjudicated)
        for answers in label.actions.values():
            self._add(self.actions, answers)

    def _add(self, found: dict[str, Counter[str]], answers: Mapping[str, list[str]]) -> None:
        for key, values in answers.items():
            counts = found.setdefault(key, Counter())
            if len(values) > 1:
                self.several.add(key)
            for value in values:
                # One more than the most is enough to refuse it.
                if value in counts or len(counts) <= MOST_CATEGORIES:
                    counts[value] += 1


def make(name: str, found: Categories, columns: LabelColumns) -> CodebookVersion:
    """A published codebook with what was found. Raises NoCodebook."""
    slug = _free(slugify(name)[:40] or "labels")
    codebook = Codebook.objects.create(slug=slug, name=name)
    guideline = "Made of the answers of labels that were brought in. What raters were told is not known here."
    version = CodebookVersion.objects.create(codebook=codebook, number=1, guideline=guideline)
    questions = [(key, counts, Question.Unit.TRANSCRIPT) for key, counts in sorted(found.whole.items())]
    questions += [(key, counts, Question.Unit.ACTION) for key, counts in sorted(found.actions.items())]
    if not questions:
        raise NoCodebook("no row holds an answer")
    choices: dict[str, dict[str, Choice]] = {}
    for ordinal, (key, counts, unit) in enumerate(questions, start=1):
        kind = Question.Kind.SEVERAL if key in found.several else Question.Kind.ONE
        question = Question.objects.create(
            version=version, ordinal=ordinal, key=key[:50], text=key, kind=kind, unit=unit, required=False
        )
        choices.setdefault(key, {}).update(_choices(question, counts, columns.missing))
    for ordinal, (key, (asked, positive)) in enumerate(columns.outcomes.items(), start=1):
        _outcome(version, ordinal, key, choices.get(asked), asked, positive)
    CodebookVersion.objects.filter(pk=version.pk).update(published_at=timezone.now())
    return version


def _choices(question: Question, counts: Counter[str], missing: frozenset[str]) -> dict[str, Choice]:
    if len(counts) > MOST_CATEGORIES or max(map(len, counts)) > LONGEST_CATEGORY:
        raise NoCodebook(
            f"{question.key} has more than {MOST_CATEGORIES} different answers or one longer than {LONGEST_CATEGORY} "
            "characters: it is no question with choices. Name a codebook that asks it."
        )
    made: dict[str, Choice] = {}
    keys: set[str] = set()
    for ordinal, value in enumerate(sorted(counts), start=1):
        if fold(value) in made:
            continue
        key = slugify(value)[:40] or f"answer-{ordinal}"
        key = f"{key}-{ordinal}" if key in keys else key
        keys.add(key)
        is_missing = fold(value) in missing
        made[fold(value)] = Choice(question=question, ordinal=ordinal, key=key, text=value, is_missing=is_missing)
    Choice.objects.bulk_create(made.values())
    return made


def _outcome(
    version: CodebookVersion,
    ordinal: int,
    key: str,
    choices: Mapping[str, Choice] | None,
    asked: str,
    positive: Iterable[str],
) -> None:
    if choices is None:
        raise NoCodebook(f"the outcome {key} names a question that no row answers: {asked}")
    if unknown := sorted(set(positive) - set(choices)):
        raise NoCodebook(f"the outcome {key} names an answer that nobody gave to {asked}: {', '.join(unknown)}")
    question = next(iter(choices.values())).question
    outcome = Outcome.objects.create(version=version, ordinal=ordinal, key=key[:50], name=key, question=question)
    OutcomeChoice.objects.bulk_create(OutcomeChoice(outcome=outcome, choice=choices[value]) for value in positive)


def _free(slug: str) -> str:
    taken = set(Codebook.objects.filter(slug__startswith=slug).values_list("slug", flat=True))
    return next(name for name in (slug, *(f"{slug}-{n}" for n in range(2, len(taken) + 3))) if name not in taken)
