"""How far a run is and what it cost, counted from its items."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any

from django.db.models import Count, Sum

from labeling.judges.versions import ModelJudge
from labeling.models import JudgeItem, JudgeRun
from transcripts.models import Classifier, ClassifierVersion

SUMS = ("calls", "lost", "unmetered", "tokens_in", "tokens_out", "guessed_in", "guessed_out")


@dataclass
class Progress:
    """Counts of transcripts, of calls and of tokens. What was guessed is on top of what the endpoint told."""

    planned: int = 0
    answered: int = 0
    failed: int = 0
    under_way: int = 0
    skipped: int = 0
    calls: int = 0
    lost: int = 0
    unmetered: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    guessed_in: int = 0
    guessed_out: int = 0
    errors: dict[str, int] = field(default_factory=dict)
    cost: str | None = None  # dollars, by the prices of the version
    guessed_cost: str | None = None

    @property
    def done(self) -> int:
        return self.answered + self.failed

    @property
    def left(self) -> int:
        """Not judged (yet): neither an answer nor an error."""
        return self.planned - self.done

    @property
    def tokens(self) -> int:
        return self.tokens_in + self.tokens_out

    @property
    def guessed_tokens(self) -> int:
        return self.guessed_in + self.guessed_out

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"left": self.left}


def progress(run: JudgeRun) -> Progress:
    """As the report has it where the run has ended, else counted now."""
    if run.report is not None:
        found = Progress(**{name: value for name, value in run.report.items() if name in Progress.__dataclass_fields__})
        found.errors = _most_first(found.errors)  # the database keeps no order
        return found
    return counted(run)


def counted(run: JudgeRun) -> Progress:
    found = Progress(skipped=run.skipped)
    groups = run.items.order_by().values("state", "kind").annotate(n=Count("pk"), **{name: Sum(name) for name in SUMS})
    for group in groups:
        sums: dict[str, Any] = dict(group)
        n, state = group["n"], group["state"]
        found.planned += n
        found.answered += n * (state == JudgeItem.State.ANSWERED)
        found.under_way += n * (state == JudgeItem.State.SENT)
        if state == JudgeItem.State.FAILED:
            found.failed += n
            found.errors[group["kind"]] = n
        for name in SUMS:
            setattr(found, name, getattr(found, name) + sums[name])
    found.errors = _most_first(found.errors)
    found.cost = cost(run.version, found.tokens_in, found.tokens_out)
    found.guessed_cost = cost(run.version, found.guessed_in, found.guessed_out)
    return found


def _most_first(errors: dict[str, int]) -> dict[str, int]:
    return dict(sorted(errors.items(), key=lambda pair: (-pair[1], pair[0])))


def cost(version: ClassifierVersion, tokens_in: int, tokens_out: int) -> str | None:
    """In dollars, to the millionth; None where nothing is paid or the prices are not known."""
    if version.classifier.kind != Classifier.Kind.MODEL:
        return None
    spent = ModelJudge.of(version).cost(tokens_in, tokens_out)
    return None if spent is None else str(spent.quantize(Decimal("0.000001")))
