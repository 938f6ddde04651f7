"""Which transcripts are labelled, by a recorded probability design, and who has which in hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from transcripts.listing.filters import CELL_LOOKUPS
from transcripts.models import ClassifierVersion, Evaluation, LanguageModel, Transcript

from .codebooks import CodebookVersion

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from .participation import Participation


def hide_everything() -> list[str]:
    return list(Campaign.Hidden.values)


class Campaign(models.Model):
    """A labeling effort: which transcripts, drawn how, and with how many raters each."""

    class Design(models.TextChoices):
        SIMPLE = "simple", "simple random sample"
        STRATIFIED = "stratified", "stratified by model × scenario × verdict"
        PRIORITY = "priority", "priority sampling with a floor"

    class State(models.TextChoices):
        DRAFT = "draft"
        OPEN = "open"
        PAUSED = "paused"
        CLOSED = "closed"

    class Hidden(models.TextChoices):
        OTHERS = "others", "what other raters said"
        VERDICT = "verdict", "verdict and explanation"
        MODEL = "model", "model"
        CONDITION = "condition", "condition"

    name = models.TextField(unique=True)
    evaluation = models.ForeignKey(Evaluation, on_delete=models.CASCADE, related_name="campaigns")
    codebook_version = models.ForeignKey(CodebookVersion, on_delete=models.PROTECT, related_name="campaigns")
    # Which transcripts of the evaluation it speaks of: filters by the names of the transcript list. Only one that
    # speaks of whole cells enters rates, since those are put together from cells.
    filters: models.JSONField[dict[str, list[str]]] = models.JSONField(default=dict, blank=True)
    design = models.TextField(choices=Design.choices, default=Design.STRATIFIED)
    # The judge run whose verdicts make the strata; empty for a design that needs none.
    classifier_version = models.ForeignKey(
        ClassifierVersion, null=True, blank=True, on_delete=models.PROTECT, related_name="campaigns"
    )
    outcome = models.TextField(default="harm", help_text="Of the verdicts that make the strata.")
    raters_per_item = models.PositiveSmallIntegerField(default=3)
    third_on_disagreement = models.BooleanField(
        default=False, help_text="One rater more where the others disagree about an outcome."
    )
    triple_share = models.FloatField(
        default=0.2,
        help_text="Of the items, the random share that always gets three raters: they tell the panel's error.",
    )
    hides = ArrayField(models.TextField(choices=Hidden.choices), default=hide_everything, blank=True)
    masks_names = models.BooleanField(
        default=True, help_text="Names by which a model gives itself away are covered in the text."
    )
    gold_every = models.PositiveSmallIntegerField(
        default=0, help_text="Every n-th item of a rater is one whose answer is known; 0: none."
    )
    repeat_every = models.PositiveSmallIntegerField(
        default=0, help_text="Every n-th item is one that the rater has answered before; 0: none."
    )
    qualification_pass = models.FloatField(
        null=True, blank=True, help_text="Share of right answers in the qualification round that lets a rater in."
    )
    attention_limit = models.PositiveSmallIntegerField(
        default=2, help_text="Failed attention checks that end a rater's part; 0: none does."
    )
    blurs = models.BooleanField(
        default=True, help_text="A text with a content note stays covered until it is asked for."
    )
    break_after_minutes = models.PositiveSmallIntegerField(default=45, help_text="When to remind of a break; 0: never.")
    contact = models.TextField(blank=True, default="", help_text="Whom raters turn to, in words.")
    lease_minutes = models.PositiveSmallIntegerField(default=30)
    state = models.TextField(choices=State.choices, default=State.DRAFT)
    # The newest transcript at the first draw. Those that came later were never in the urn: no wave draws them, and
    # no rate that rests on this campaign's labels counts them.
    frame_last_id = models.BigIntegerField(null=True, blank=True, editable=False)
    # Of the transcripts of the first draw, each with its stratum: where it is another one by now, a further wave
    # would have unknown probabilities.
    frame_digest = models.TextField(blank=True, default="", editable=False)
    participants: models.ManyToManyField[User, Participation] = models.ManyToManyField(
        settings.AUTH_USER_MODEL, through="Participation", blank=True, related_name="campaigns"
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                name="campaign_design_is_known", condition=Q(design__in=["simple", "stratified", "priority"])
            ),
            models.CheckConstraint(
                name="campaign_state_is_known", condition=Q(state__in=["draft", "open", "paused", "closed"])
            ),
            models.CheckConstraint(
                name="campaign_strata_have_a_judge",
                condition=~Q(design="stratified") | Q(classifier_version__isnull=False),
            ),
            models.CheckConstraint(name="campaign_has_raters", condition=Q(raters_per_item__gte=1)),
            models.CheckConstraint(
                name="campaign_third_comes_after_two", condition=Q(third_on_disagreement=False) | Q(raters_per_item=2)
            ),
            models.CheckConstraint(
                name="campaign_shares_are_shares",
                condition=Q(triple_share__gte=0, triple_share__lte=1)
                & (Q(qualification_pass=None) | Q(qualification_pass__gt=0, qualification_pass__lte=1)),
            ),
            models.CheckConstraint(
                name="campaign_hides_what_it_can",
                condition=Q(hides__contained_by=["others", "verdict", "model", "condition"]),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def speaks_of_cells(self) -> bool:
        """Whether its population is made of whole cells. Rates are put together from cells, so only then do its
        labels enter them; in any other population the inclusion probabilities are known all the same."""
        return not any(values and name not in CELL_LOOKUPS for name, values in self.filters.items())


class Wave(models.Model):
    """One draw, fixed before it is labelled. The moment of stopping never depends on the answers."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="waves")

    class Allocation(models.TextChoices):
        NEYMAN = "neyman", "more where answers vary more, as planned"
        LEARNED = "learned", "more where answers varied more in the waves before"
        PROPORTIONAL = "proportional", "in proportion to size"
        EQUAL = "equal", "as many from each"
        PLANNED = "planned", "as a plan for a wished half-width asks for"

    number = models.PositiveSmallIntegerField()
    allocation = models.TextField(choices=Allocation.choices, default=Allocation.NEYMAN)
    size = models.PositiveIntegerField(help_text="Transcripts asked for.")
    # For priority sampling: the (n+1)-th smallest u/p, from which every inclusion probability follows.
    threshold = models.FloatField(null=True, blank=True)
    drawn_at = models.DateTimeField()
    drawn_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["campaign", "number"], name="wave_is_one"),
            models.CheckConstraint(
                name="wave_allocation_is_known",
                condition=Q(allocation__in=["neyman", "learned", "proportional", "equal", "planned"]),
            ),
        ]

    def __str__(self) -> str:
        return f"wave {self.number} of {self.campaign}"


class Stratum(models.Model):
    """A part of the population as it stood at a draw: its size, and how many of it are drawn so far.

    `verdict` is flagged, unflagged or missing: a transcript that the judge did not judge is a stratum of its own.
    """

    wave = models.ForeignKey(Wave, on_delete=models.CASCADE, related_name="strata")
    model = models.ForeignKey(LanguageModel, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    scenario = models.TextField(blank=True, default="")
    verdict = models.TextField(blank=True, default="")
    population = models.PositiveIntegerField()
    drawn = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["wave", "model", "scenario", "verdict"], nulls_distinct=False, name="stratum_is_one"
            ),
            models.CheckConstraint(name="stratum_is_not_overdrawn", condition=Q(drawn__lte=F("population"))),
            models.CheckConstraint(
                name="stratum_verdict_is_known",
                condition=Q(verdict__in=["", "flagged", "unflagged", "missing"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model or 'every model'} × {self.scenario or 'every scenario'} × {self.verdict or 'any verdict'}"


class CampaignItem(models.Model):
    """A transcript that a campaign asks about, why, and with what probability it was drawn.

    Only `sample` enters rates: a transcript found by browsing tells nothing about how many there are.
    """

    class Source(models.TextChoices):
        SAMPLE = "sample"
        GOLD = "gold"
        BROWSE = "browse"
        DISPUTE = "dispute"

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="items")
    transcript = models.ForeignKey(Transcript, on_delete=models.CASCADE, related_name="campaign_items")
    source = models.TextField(choices=Source.choices, default=Source.SAMPLE)
    wave = models.ForeignKey(Wave, null=True, blank=True, on_delete=models.CASCADE, related_name="items")
    stratum = models.ForeignKey(Stratum, null=True, blank=True, on_delete=models.CASCADE, related_name="items")
    # Size measure of priority sampling, as fixed at the draw.
    p = models.FloatField(null=True, blank=True)
    # Inclusion probability. A later wave raises it for a whole stratum, together.
    pi = models.FloatField(null=True, blank=True)
    serve_order = models.FloatField(help_text="Items are served from the lowest.")
    # Of the random share that always gets three raters, whatever the first two say.
    triple = models.BooleanField(default=False)

    class Meta:
        constraints = [
            # A gold item may be drawn as well: left out of the draw it would bend every inclusion probability.
            models.UniqueConstraint(
                fields=["campaign", "transcript"], condition=~Q(source="gold"), name="item_is_one_per_transcript"
            ),
            models.UniqueConstraint(
                fields=["campaign", "transcript"], condition=Q(source="gold"), name="item_gold_is_one_per_transcript"
            ),
            models.CheckConstraint(
                name="item_source_is_known", condition=Q(source__in=["sample", "gold", "browse", "dispute"])
            ),
            models.CheckConstraint(
                name="item_sample_has_its_probability",
                condition=(Q(source="sample", pi__gt=0, pi__lte=1, wave__isnull=False))
                | (~Q(source="sample") & Q(pi__isnull=True)),
            ),
        ]
        indexes = [models.Index(fields=["campaign", "serve_order"], name="item_serve_order")]

    def __str__(self) -> str:
        return f"item {self.pk} of {self.campaign}"


class Expected(models.Model):
    """What a gold item's answer is known to be, and what it is there for. Raters never see which items are gold."""

    class Purpose(models.TextChoices):
        GOLD = "gold", "tells how well raters answer"
        ATTENTION = "attention", "tells whether a rater reads at all"
        QUALIFICATION = "qualification", "comes first, with feedback, and lets raters in"

    item = models.OneToOneField(CampaignItem, on_delete=models.CASCADE, related_name="expected")
    purpose = models.TextField(choices=Purpose.choices, default=Purpose.GOLD)
    # Choice keys by question key; a question that is not named here has no known answer.
    answers: models.JSONField[dict[str, list[str]]] = models.JSONField()
    why = models.TextField(blank=True, default="", help_text="Shown after a qualification item was answered.")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="expected_purpose_is_known", condition=Q(purpose__in=["gold", "attention", "qualification"])
            ),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} item {self.item_id}"
