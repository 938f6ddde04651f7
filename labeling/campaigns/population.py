"""Which transcripts a campaign speaks of, and the strata that a draw makes of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict, cast

from django.contrib.postgres.aggregates import StringAgg
from django.db.models import Case, CharField, Count, OuterRef, QuerySet, Subquery, TextField, Value, When
from django.db.models.functions import MD5, Cast, Concat
from django.http import QueryDict

from labeling.models import Campaign, CampaignItem
from transcripts.listing.filters import LABELS, Chosen, FilterForm
from transcripts.models import Transcript, Verdict

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    class Verdicts(TypedDict):
        verdict: str

    Stratified = WithAnnotations[Transcript, Verdicts]


class CannotDraw(Exception):
    """A draw that the design does not allow, in words for the person who asked for it."""


@dataclass(frozen=True)
class Part:
    """A stratum before it is written: what defines it, how many it holds, and how many are drawn already."""

    model: int | None
    scenario: str
    verdict: str
    population: int
    drawn: int

    @property
    def key(self) -> tuple[int | None, str, str]:
        return self.model, self.scenario, self.verdict


def filters_of(query: QueryDict) -> dict[str, list[str]]:
    """What a query narrows the transcripts by, in the list's own words, as campaigns keep it. Raises CannotDraw."""
    chosen = chosen_by(query)
    found = {name: chosen.values(name) for name in LABELS if name != "evaluation" and chosen.values(name)}
    if not {"verdict", "classifier", "gate_conflict"} & set(found):
        found.pop("outcome", None)  # alone it says which verdicts are shown, not which transcripts
    return found


def chosen_by(query: QueryDict) -> Chosen:
    """The filters of a query; in words where they cannot be understood, or cannot be drawn from."""
    form = FilterForm(query)
    chosen = form.chosen()
    if chosen is None:
        raise CannotDraw("; ".join(form.problems()))
    if chosen.search.regexes:
        raise CannotDraw(
            "A regular expression is looked for page by page, so nobody knows how many transcripts it finds: "
            "search for words."
        )
    return chosen


def population(campaign: Campaign) -> QuerySet[Stratified]:
    """The transcripts that the campaign speaks of, each with the `verdict` that makes its stratum.

    Failed calls are not among them; a transcript that the judge did not judge is.
    """
    query = QueryDict(mutable=True)
    for name, values in campaign.filters.items():
        query.setlist(name, values)
    chosen = chosen_by(query)
    inside = chosen.transcripts(Transcript.objects.judgeable()).filter(cell__evaluation=campaign.evaluation)
    if campaign.frame_last_id is not None:
        inside = inside.filter(pk__lte=campaign.frame_last_id)
    answer = Verdict.objects.filter(
        transcript=OuterRef("pk"), version=campaign.classifier_version, outcome=campaign.outcome
    )
    final = inside.annotate(final=Subquery(answer.values("final")[:1]))
    stratified = final.annotate(
        verdict=Case(
            When(final=True, then=Value("flagged")),
            When(final=False, then=Value("unflagged")),
            default=Value("missing"),
            output_field=CharField(),
        )
    )
    return cast("QuerySet[Stratified]", stratified)


def digest(campaign: Campaign) -> str:
    """Of every transcript of the population with its verdict stratum: another one means another population."""
    line = Concat(Cast("pk", TextField()), Value(" "), "verdict", output_field=TextField())
    rows = population(campaign).order_by()
    found = rows.aggregate(digest=MD5(StringAgg(line, delimiter=Value("\n"), order_by="pk", default=Value(""))))
    return str(found["digest"])


def parts_of(campaign: Campaign) -> list[Part]:
    """The strata as they stand now; a simple sample has one, and so has priority sampling."""
    inside = population(campaign)
    drawn = CampaignItem.objects.filter(campaign=campaign.pk, source=CampaignItem.Source.SAMPLE)
    if campaign.design != Campaign.Design.STRATIFIED:
        return [Part(None, "", "", inside.count(), drawn.count())]
    keys = ("cell__model_id", "cell__condition__scenario", "verdict")
    sizes = inside.order_by(*keys).values_list(*keys).annotate(n=Count("pk"))
    strata = ("stratum__model_id", "stratum__scenario", "stratum__verdict")
    done = {tuple(key): n for *key, n in drawn.values_list(*strata).annotate(n=Count("pk"))}
    return [
        Part(model, scenario, verdict, n, done.get((model, scenario, verdict), 0))
        for model, scenario, verdict, n in sizes
    ]
