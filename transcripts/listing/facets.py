"""What can be chosen in the filter form."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace

from django.db import connection

from transcripts.ingest.parsed import Status
from transcripts.listing.counts import Counts, Numbers
from transcripts.listing.filters import ACTIONS, LABELS, VERDICTS, YES_NO, Chosen, label_states
from transcripts.models import Condition
from transcripts.models.conditions import Role

ORDER = [
    *("model", "scenario", "verdict", "gate_conflict", "action", "recipient_role"),
    *("goal_type", "goal_value", "urgency", "mitigation", "awareness", "prod", "condition"),
    *("status", "label", "classifier", "evaluation"),
]
OPEN = {"model", "scenario", "verdict", "action"}


@dataclass(frozen=True)
class Option:
    value: str
    words: str
    checked: bool
    count: int | None = None  # None: not known, or not exactly


@dataclass(frozen=True)
class Facet:
    name: str
    label: str
    options: list[Option]
    is_open: bool

    @property
    def chosen(self) -> int:
        return sum(option.checked for option in self.options)


def facets(chosen: Chosen) -> list[Facet]:
    """The filter form's choices; a facet with nothing to choose from is left out."""
    choices = _choices() | {"condition": _conditions(chosen)}
    found = []
    for name in ORDER:
        checked = chosen.values(name)
        known = choices.get(name, {})
        # A value that is in force is shown even where nothing has it any more.
        for value in checked:
            known.setdefault(value, value)
        options = [Option(value, words, value in checked) for value, words in known.items()]
        if len(options) > 1 or checked:
            found.append(Facet(name, LABELS[name], options, name in OPEN or bool(checked)))
    return found


def counted(chosen: Chosen) -> list[Facet]:
    """The same with counts, each facet counted under the others."""
    counts = Counts(chosen)
    return [_with_counts(facet, counts.of(facet.name)) for facet in facets(chosen)]


def _with_counts(facet: Facet, numbers: Numbers | None) -> Facet:
    if numbers is None:
        return facet
    return replace(facet, options=[replace(option, count=numbers.get(option.value, 0)) for option in facet.options])


def _conditions(chosen: Chosen) -> dict[str, str]:
    """Only those in force: there may be thousands, and the links to cells choose them."""
    if not chosen.condition:
        return {}
    return {str(found.pk): str(found) for found in Condition.objects.filter(pk__in=chosen.condition)}


# Each is few rows, and one look at the database: facet, value, words.
CHOICES = """
SELECT DISTINCT of.facet, of.value, of.value FROM transcripts_condition, LATERAL (VALUES
    ('scenario', scenario), ('goal_type', goal_type), ('goal_value', goal_value), ('urgency', urgency),
    ('mitigation', mitigation), ('awareness', awareness), (CASE WHEN prod THEN 'prod' END, '')) of (facet, value)
WHERE of.facet IS NOT NULL
UNION ALL
SELECT 'model', recorded_id, coalesce(nullif(display_name, ''), recorded_id) FROM transcripts_languagemodel
UNION ALL
SELECT 'classifier', slug, name FROM transcripts_classifier
UNION ALL
SELECT 'evaluation', id::text, name FROM transcripts_evaluation
WHERE EXISTS (SELECT FROM transcripts_cell WHERE evaluation_id = transcripts_evaluation.id)
"""


def _choices() -> dict[str, dict[str, str]]:
    found: defaultdict[str, dict[str, str]] = defaultdict(dict)
    with connection.cursor() as cursor:
        cursor.execute(CHOICES)
        for facet, value, words in sorted(cursor.fetchall()):
            found[facet][value] = words
    newest = sorted(found["evaluation"].items(), key=lambda one: -int(one[0]))
    return {
        **found,
        "evaluation": dict(newest),
        "prod": dict(YES_NO) if "prod" in found else {},
        "status": {status.value: status.value for status in Status},
        "verdict": dict(VERDICTS),
        "gate_conflict": dict(YES_NO),
        "action": dict(ACTIONS),
        "recipient_role": {role: role for role in Role.values},
        "label": {name: words for name, (words, _) in label_states.items()},
    }
