"""Turns the parameters of a page into what a report speaks of. The names are those of the transcript list."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from urllib.parse import urlencode

from django import forms
from django.db.models import Exists, F, OuterRef
from django.http import QueryDict

from labeling.calibration.basis import Basis
from labeling.calibration.estimates import Estimates
from labeling.models import Campaign, CampaignItem, Resolution
from transcripts.listing.facets import Facet, Option
from transcripts.listing.factors import FACTORS, factor
from transcripts.listing.filters import LABELS, Chosen, FilterForm
from transcripts.models import Cell, Classifier, Evaluation, VerdictTally

from .dimensions import DIMENSIONS, Dimension
from .rows import Surroundings

# Filters that choose single transcripts by what became of them: a rate of those would be no rate of the cell.
NOT_FOR_RATES = ("status", "verdict", "gate_conflict", "label", "action", "recipient_role", "id", "q")
FACETS = ("model", *FACTORS)


class NoReport(Exception):
    """There is nothing to report on, in words; `problems` where the address is at fault."""

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class ReportForm(FilterForm):
    """The shared filters, and how a report is laid out. An unknown value is an error in words."""

    rows = forms.ChoiceField(required=False, choices=[(name, d.label) for name, d in DIMENSIONS.items()])
    colour = forms.ChoiceField(
        required=False, choices=[("none", "nothing"), *((name, d.label) for name, d in DIMENSIONS.items())]
    )
    published = forms.BooleanField(required=False)


@dataclass(frozen=True)
class Report:
    """What is reported on: the filters in force, the basis they name, and the dimensions that are shown."""

    params: QueryDict
    chosen: Chosen
    basis: Basis
    rows: Dimension
    colour: Dimension | None
    published: bool = False  # whether the study's own rates are laid beside

    @classmethod
    def from_query(cls, params: QueryDict) -> Report:
        form = ReportForm(params)
        chosen = form.chosen()
        if chosen is None:
            raise NoReport(*form.problems())
        if len(chosen.evaluation) > 1 or len(chosen.classifier) > 1:
            raise NoReport("A rate is of one evaluation and one classifier: choose one of each.")
        colour = form.cleaned_data["colour"] or "condition"
        rows = DIMENSIONS[form.cleaned_data["rows"] or "model"]
        return cls(
            params=params,
            chosen=chosen,
            basis=Basis.of(
                _evaluation(chosen), chosen.judged_outcome, chosen.classifier[0] if chosen.classifier else ""
            ),
            rows=rows,
            colour=None if colour in ("none", rows.name) else DIMENSIONS[colour],
            published=form.cleaned_data["published"],
        )

    @cached_property
    def estimates(self) -> Estimates:
        cells = Cell.objects.filter(self.chosen.cells(), evaluation=self.basis.evaluation)
        return Estimates(self.basis, cells)

    @cached_property
    def cells(self) -> list[Cell]:
        """The shown cells, as the estimates have read them."""
        estimates = self.estimates
        return [counts.cell for pk, counts in estimates.counts.items() if pk in estimates.shown]

    @cached_property
    def models(self) -> dict[str, list[Cell]]:
        """The shown cells of each model, by its name."""
        model = DIMENSIONS["model"]
        found: dict[tuple[str, ...], list[Cell]] = {}
        for cell in self.cells:
            found.setdefault(model.order(cell), []).append(cell)
        return {model.words(cells[0]): cells for _, cells in sorted(found.items())}

    @cached_property
    def surroundings(self) -> Surroundings:
        return Surroundings(self.basis, self.estimates)

    @property
    def labelled(self) -> int:
        """Of the shown cells: the drawn transcripts with an agreed answer."""
        estimates = self.estimates
        return sum(tally.n for pk in estimates.shown for tally in estimates.counts[pk].labels.values())

    @property
    def ignored(self) -> list[str]:
        """Filters in the address that no rate can be narrowed by: said, not silently dropped."""
        return [LABELS[name] for name in NOT_FOR_RATES if self.chosen.values(name)]

    @property
    def query(self) -> str:
        """The address's own parameters, without those that say how it is delivered."""
        return self._without("format", "cursor", "sort").urlencode()

    @property
    def in_force(self) -> list[tuple[str, str, str]]:
        """The filters on cells: label, value, and the query without it."""
        return [
            (LABELS[name], value, self._less(name, value))
            for name in (*FACETS, "condition")
            for value in self.chosen.values(name)
        ]

    def transcripts(self, cell: Cell, *dimensions: Dimension | None) -> str:
        """The query of the transcript list that shows what stands behind a group of cells like this one."""
        query: dict[str, Sequence[str]] = {"evaluation": [str(self.basis.evaluation.pk)]}
        query |= {name: self.chosen.values(name) for name in (*FACETS, "condition")}
        for dimension in filter(None, dimensions):
            query |= {name: [value] for name, value in dimension.filters(cell).items()}
        if self.chosen.outcome:
            query["outcome"] = [self.chosen.outcome]
        return "&".join(_pair(name, value) for name, values in query.items() for value in values)

    def transcripts_of(self, cell: Cell, *dimensions: Dimension, conditions: Iterable[int]) -> str:
        """The same, of these conditions and no others."""
        query = QueryDict(self.transcripts(cell, *dimensions), mutable=True)
        for name in FACTORS:
            query.pop(name, None)
        query["evaluation"] = str(cell.evaluation_id)
        query.setlist("condition", [str(condition) for condition in sorted(conditions)])
        return query.urlencode()

    def facets(self) -> list[Facet]:
        """What can be chosen, from the evaluation's own cells; with one possible value there is no choice."""
        facets = []
        for name in FACETS:
            checked = self.chosen.values(name)
            values = dict.fromkeys(checked)
            words: dict[str, str] = {value: value for value in values}
            for cell in (counts.cell for counts in self.estimates.counts.values()):
                value = cell.model.recorded_id if name == "model" else factor(cell, name)
                words[value] = str(cell.model) if name == "model" else value
            if len(words) > 1 or checked:
                options = [Option(value, words[value], value in checked) for value in sorted(words)]
                facets.append(Facet(name, LABELS[name], options, name in ("model", "scenario")))
        return facets

    def _without(self, *names: str) -> QueryDict:
        query = self.params.copy()
        for name in names:
            query.pop(name, None)
        return query

    def _less(self, name: str, value: str) -> str:
        query = self._without("format", "cursor")
        query.setlist(name, [other for other in query.getlist(name) if other != value])
        return query.urlencode()


@lru_cache(maxsize=4096)
def _pair(name: str, value: str) -> str:
    """A chart of all cells asks for the same few thousands of times."""
    return urlencode({name: value})


def evaluation_choices() -> list[Evaluation]:
    return list(Evaluation.objects.filter(Exists(Cell.objects.filter(evaluation=OuterRef("pk")))))


def classifier_choices(basis: Basis) -> list[Classifier]:
    """Those that have judged the evaluation."""
    judged = VerdictTally.objects.filter(cell__evaluation=basis.evaluation)
    return list(Classifier.objects.filter(versions__in=judged.values("version")).distinct())


def outcome_choices(basis: Basis) -> dict[str, str]:
    """Outcomes that the verdicts or the labels of the evaluation speak of, by key."""
    judged = VerdictTally.objects.filter(cell__evaluation=basis.evaluation)
    found = {key: key for key in sorted(set(judged.values_list("outcome", flat=True)) | {basis.outcome})}
    if basis.campaign:
        found |= dict(basis.campaign.codebook_version.outcomes.values_list("key", "name"))
    return found


def _evaluation(chosen: Chosen) -> Evaluation:
    """The one that was asked for; else the newest that people have labelled, or the newest that holds anything."""
    # Each asked of its own index: over the rows of a join the same question would be asked for every cell.
    agreed = Exists(
        CampaignItem.objects.filter(Exists(Resolution.objects.filter(item=OuterRef("pk"))), campaign=OuterRef("pk"))
    )
    labelled = Exists(Campaign.objects.filter(agreed, evaluation=OuterRef("pk")))
    held = Exists(Cell.objects.filter(evaluation=OuterRef("pk")))
    found = Evaluation.objects.filter(held).order_by(labelled.desc(), F("pk").desc())
    if chosen.evaluation:
        found = Evaluation.objects.filter(pk=chosen.evaluation[0])
    evaluation = found.first()
    if evaluation is None:
        raise NoReport(*(["There is no such evaluation."] if chosen.evaluation else []))
    return evaluation
