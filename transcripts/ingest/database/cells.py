"""Finds and makes the cells that transcripts and plans belong to: model × condition, many at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from transcripts.ingest import parsed
from transcripts.ingest.database.identity import factors
from transcripts.models import Cell, Condition, Evaluation, LanguageModel, Plan

# A model's id, and a condition with its hash.
Wanted = tuple[str, bytes]


class Cells:
    """The cells of one evaluation by model and condition, remembered."""

    def __init__(self, evaluation: Evaluation) -> None:
        self.evaluation = evaluation
        self._models: dict[str, int] = {}
        self._conditions: dict[bytes, int] = {}
        self._cells: dict[Wanted, int] = {}

    def __getitem__(self, key: Wanted) -> int:
        return self._cells[key]

    def need(self, wanted: Mapping[Wanted, parsed.Condition]) -> None:
        """Make sure that these are known; what is new is written."""
        new = {key: condition for key, condition in wanted.items() if key not in self._cells}
        if not new:
            return
        for (model, identity), condition in new.items():
            self._model(model)
            self._condition(identity, condition)
        rows = [
            Cell(
                evaluation=self.evaluation,
                model_id=self._models[model],
                condition_id=self._conditions[identity],
                recorded_condition=condition.recorded_id,
            )
            for (model, identity), condition in new.items()
        ]
        Cell.objects.bulk_create(rows, ignore_conflicts=True)
        found = Cell.objects.filter(
            evaluation=self.evaluation,
            model__in={row.model_id for row in rows},
            condition__in={row.condition_id for row in rows},
        )
        pks = {(model, condition): pk for pk, model, condition in found.values_list("pk", "model_id", "condition_id")}
        for model, identity in new:
            self._cells[model, identity] = pks[self._models[model], self._conditions[identity]]

    def plan(self, plans: Iterable[tuple[Wanted, parsed.Planned]]) -> None:
        """Write the plans of known cells; the last one of a run counts."""
        rows = {
            (self._cells[key], planned.key): Plan(cell_id=self._cells[key], key=planned.key, samples=planned.samples)
            for key, planned in plans
        }
        Plan.objects.bulk_create(
            rows.values(), update_conflicts=True, unique_fields=["cell", "key"], update_fields=["samples"]
        )

    def _model(self, recorded_id: str) -> None:
        if recorded_id not in self._models:
            provider = recorded_id.partition("/")[0] if "/" in recorded_id else ""
            row, _ = LanguageModel.objects.get_or_create(recorded_id=recorded_id, defaults={"provider": provider})
            self._models[recorded_id] = row.pk

    def _condition(self, identity: bytes, condition: parsed.Condition) -> None:
        if identity not in self._conditions:
            row, _ = Condition.objects.get_or_create(identity=identity, defaults=factors(condition))
            self._conditions[identity] = row.pk
