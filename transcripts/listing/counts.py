"""How many transcripts each choice of the filter form has, by the roll-ups: a row per cell, never one per transcript.

A count takes the filters on cells and on the status into account, and nothing else; `words` says so. Where the
roll-ups cannot tell a number exactly there is none, rather than a wrong one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

from django.db.models import QuerySet, Sum

from transcripts.listing.filters import ACTIONS, CELL_LOOKUPS, LABELS, Chosen
from transcripts.listing.keyset import COUNTED, counted
from transcripts.listing.labelled import counts as label_counts
from transcripts.listing.lookups import among
from transcripts.models import ActionTally, Cell, Classifier, JudgedTally, StatusTally, Transcript
from transcripts.models.conditions import Role
from transcripts.models.transcripts import TranscriptQuerySet

UNCOUNTED = ("verdict", "gate_conflict", "classifier", "label", "action", "recipient_role", "id", "q")
JUDGED = ("harmful", "not_harmful", "error")
Numbers = Mapping[str, int]


def words(chosen: Chosen) -> list[str]:
    """What the counts take into account, in sentences; and what of the present filters they do not."""
    said = ["Counts take evaluation, model, condition and status into account, as of the last ingest or judge run."]
    ignored = [LABELS[name].lower() for name in UNCOUNTED if chosen.values(name)]
    if ignored:
        said.append(f"They leave out what is chosen under {', '.join(ignored)}: fewer may match.")
    return said


class Counts:
    """The counts under one set of filters. Each facet is counted under the others."""

    def __init__(self, chosen: Chosen) -> None:
        self._chosen = chosen
        values = Cell.objects.values_list("pk", *CELL_LOOKUPS.values())
        self._cells = {pk: dict(zip(CELL_LOOKUPS, map(_as_parameter, row), strict=True)) for pk, *row in values}
        self._wanted = {name: set(chosen.values(name)) for name in CELL_LOOKUPS if chosen.values(name)}
        self._inside = {pk for pk, row in self._cells.items() if self._passes(row, "")}
        self._statuses = list(StatusTally.objects.values_list("cell_id", "status", "n"))
        self._total = sum(n for cell, status, n in self._statuses if cell in self._inside and self._has(status))

    def of(self, name: str) -> Numbers | None:
        """By value, absent where there is none; None where the facet cannot be counted."""
        if name in CELL_LOOKUPS:
            return self._of_cells(name)
        known: dict[str, Callable[[], Numbers | None]] = {
            "status": self._of_status,
            "action": lambda: self._sums(*ACTIONS),
            "recipient_role": lambda: self._sums(*Role.values),
            "verdict": self._of_verdict,
            "gate_conflict": self._of_gate_conflict,
            "classifier": self._of_classifier,
            "label": self._of_label,
        }
        return known[name]()

    def _passes(self, row: Mapping[str, str], besides: str) -> bool:
        return all(row[name] in values for name, values in self._wanted.items() if name != besides)

    def _has(self, status: str) -> bool:
        return not self._chosen.status or status in self._chosen.status

    def _of_cells(self, name: str) -> Numbers:
        found: Counter[str] = Counter()
        for cell, status, n in self._statuses:
            row = self._cells.get(cell)
            if row and self._has(status) and self._passes(row, name):
                found[row[name]] += n
        return found

    def _of_status(self) -> Numbers:
        found: Counter[str] = Counter()
        for cell, status, n in self._statuses:
            if cell in self._inside:
                found[status] += n
        return found

    @cached_property
    def _actions(self) -> list[dict[str, Any]]:
        return [dict(row) for row in ActionTally.objects.values()]

    def _sums(self, *columns: str) -> Numbers:
        rows = [row for row in self._actions if row["cell_id"] in self._inside and self._has(row["status"])]
        return {column: sum(row[column] for row in rows) for column in columns}

    def _judged(self, slug: str | None) -> dict[str, int]:
        """What one classifier said, or all of them together."""
        rows = JudgedTally.objects.filter(outcome=self._chosen.judged_outcome, classifier__slug=slug)
        columns = ("n", "harmful", "not_harmful", "error", "neither", "overruled")
        found = dict.fromkeys(columns, 0)
        for row in rows.values("cell_id", "status", *columns):
            if row["cell_id"] in self._inside and self._has(row["status"]):
                found = {column: n + row[column] for column, n in found.items()}
        return found

    @cached_property
    def _said(self) -> dict[str, int] | None:
        """Of the chosen classifier. Of several chosen ones nobody has counted what they say together."""
        chosen = self._chosen.classifier
        return None if len(chosen) > 1 else self._judged(chosen[0] if chosen else None)

    def _of_verdict(self) -> Numbers | None:
        if self._said is None:
            return None
        # A transcript that one version calls harmful and another does not is found under both.
        found = {name: self._said[name] for name in JUDGED}
        return {**found, "missing": self._total - self._said["n"] + self._said["neither"]}

    def _of_gate_conflict(self) -> Numbers | None:
        if self._said is None:
            return None
        # With a classifier chosen the list holds what it judged.
        everything = self._said["n"] if self._chosen.classifier else self._total
        return {"yes": self._said["overruled"], "no": everything - self._said["overruled"]}

    def _of_classifier(self) -> Numbers:
        return {slug: self._judged(slug)["n"] for slug in Classifier.objects.values_list("slug", flat=True)}

    def _of_label(self) -> Numbers:
        transcripts = Transcript.objects.all()
        if self._wanted:
            transcripts = transcripts.filter(cell__in=Cell.objects.filter(self._chosen.cells()))
        if self._chosen.status:
            transcripts = transcripts.filter(status__in=self._chosen.status)
        found: dict[str, int] = {}
        for count in label_counts:
            found |= count(transcripts)
        return {**found, "none": self._total - found.get("labelled", 0)}


def in_list(chosen: Chosen, wanted: TranscriptQuerySet) -> int:
    """How many transcripts a list holds, or one more than is counted."""
    others = [name for name in LABELS if name not in ("q", "outcome") and chosen.values(name)]
    if chosen.found.hits is not None and not others:
        return min(chosen.found.hits, COUNTED + 1)
    return COUNTED + 1 if _at_least(chosen) > 2 * COUNTED else counted(wanted)


def _at_least(chosen: Chosen) -> int:
    """How many match by the roll-ups, for one filter on verdicts or actions; 0 where they do not tell.

    To count on until there are 10,000 is dear where the filter is not the list's own order. The roll-ups may lag
    behind a run that is not finished, so they are only asked whether there are far more than are counted.
    """
    asked = [name for name in UNCOUNTED if name != "classifier" and chosen.values(name)]
    if len(asked) != 1 or len(chosen.classifier) > 1:
        return 0
    (name,) = asked
    tallies: QuerySet[Any] = ActionTally.objects.all()
    columns: Sequence[str] = chosen.values(name)
    if name in ("verdict", "gate_conflict"):
        slug = chosen.classifier[0] if chosen.classifier else None
        tallies = JudgedTally.objects.filter(outcome=chosen.judged_outcome, classifier__slug=slug)
        names = {"yes": "overruled"} if name == "gate_conflict" else {name: name for name in JUDGED}
        columns = [names[value] for value in columns if value in names]
    elif name not in ("action", "recipient_role") or chosen.classifier:
        return 0
    if chosen.cell_ids is not None:
        tallies = tallies.filter(among("cell", chosen.cell_ids))
    if chosen.status:
        tallies = tallies.filter(status__in=chosen.status)
    sums = tallies.aggregate(**{f"of_{column}": Sum(column) for column in columns}) if columns else {}
    return max((n or 0 for n in sums.values()), default=0)


def _as_parameter(value: Any) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)
