"""An evaluation as a matrix of cells, conditions down and models across: planned, obtained, failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from transcripts.models import Cell, Condition, Evaluation, LanguageModel


@dataclass(frozen=True)
class Square:
    """One cell of the matrix. `planned` is None where no source says."""

    cell: Cell
    planned: int | None
    obtained: int
    failed: int

    @property
    def missing(self) -> int:
        """Samples that were planned and are not there."""
        return max(0, (self.planned or 0) - self.obtained)


@dataclass(frozen=True)
class Total:
    """All conditions of one model."""

    obtained: int
    failed: int


@dataclass
class Line:
    condition: Condition
    squares: list[Square | None] = field(default_factory=list)  # None: nothing was planned or obtained


@dataclass(frozen=True)
class Matrix:
    models: list[LanguageModel]
    lines: list[Line]
    squares: list[Square]

    @classmethod
    def of(cls, evaluation: Evaluation) -> Matrix:
        cells = (
            Cell.objects.filter(evaluation=evaluation)
            .with_counts()
            .select_related("model", "condition")
            .order_by("condition__scenario", "condition_id", "model__recorded_id")
        )
        squares = [Square(cell, cell.planned, cell.obtained, cell.failed) for cell in cells]
        models = sorted({square.cell.model for square in squares}, key=str)
        return cls(models, _lines(squares, models), squares)

    @property
    def missing(self) -> int:
        return sum(square.missing for square in self.squares)

    @property
    def obtained(self) -> int:
        return sum(square.obtained for square in self.squares)

    @property
    def failed(self) -> int:
        return sum(square.failed for square in self.squares)

    @property
    def totals(self) -> list[Total]:
        columns = [[square for square in self.squares if square.cell.model == model] for model in self.models]
        return [Total(sum(one.obtained for one in column), sum(one.failed for one in column)) for column in columns]


def _lines(squares: Sequence[Square], models: Sequence[LanguageModel]) -> list[Line]:
    at = {(square.cell.condition_id, square.cell.model_id): square for square in squares}
    conditions = {square.cell.condition_id: square.cell.condition for square in squares}
    return [Line(condition, [at.get((pk, model.pk)) for model in models]) for pk, condition in conditions.items()]
