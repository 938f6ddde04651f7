"""One sample: what the model was shown, what it thought, what it did."""

from __future__ import annotations

from typing import Any

import orjson
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import F, Prefetch, Q

from transcripts.ingest.parsed import Origin, Status

from .conditions import C
from .evaluations import Cell, Source


class Prompt(models.Model):
    """What the model was shown before it answered. Shared by every transcript that got the same texts."""

    sha256 = models.BinaryField(max_length=32, unique=True)
    system = models.TextField(blank=True)
    user = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"prompt {self.pk}"


class TranscriptQuerySet(models.QuerySet["Transcript"]):
    def judgeable(self) -> TranscriptQuerySet:
        """Those with an answer: the population that rates speak of. Failed and empty calls are counted beside it."""
        return self.filter(status__in=JUDGEABLE)

    def with_cells(self) -> TranscriptQuerySet:
        """With what is known of their cells, in one more query: many rows are of one cell, which is made once."""
        cells = Cell.objects.select_related("evaluation", "model", "condition")
        return self.prefetch_related(Prefetch("cell", cells))

    def for_reading(self) -> TranscriptQuerySet:
        """With everything that one transcript's page needs of other tables. (To plan one join of them all takes
        PostgreSQL longer than both queries.)"""
        return self.with_cells().select_related("prompt", "source", "text")


# The model answered, in whole or in part.
JUDGEABLE = (Status.COMPLETE, Status.TRUNCATED)


class Transcript(models.Model):
    """One sample of one cell. A narrow row: its texts lie beside it."""

    cell = models.ForeignKey(Cell, on_delete=models.CASCADE, related_name="transcripts")
    sample_key = models.TextField(db_collation=C)
    status = models.TextField(choices=[(status.value, status.value) for status in Status])
    origin = models.TextField(
        choices=[(origin.value, origin.value) for origin in Origin],
        help_text="Where its reasoning was found.",
    )
    # The permanent random number in (0, 1), a keyed hash of the identity: campaigns draw in its order, so that a
    # drawn set is a probability sample and stays one when it grows (Ohlsson 1998).
    u = models.FloatField()
    prompt = models.ForeignKey(Prompt, on_delete=models.PROTECT, related_name="transcripts")
    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="transcripts")
    stop_reason = models.TextField(blank=True, default="")
    error = models.TextField(blank=True, default="", help_text="Why the model call failed.")
    recorded_at = models.DateTimeField(null=True, blank=True)
    # SHA-256 of prompt and messages: what a rater read. A label given on another text counts as missing.
    text_sha256 = models.BinaryField(max_length=32)
    # SHA-256 of everything that was parsed, by which a repeated ingest knows that nothing changed.
    content_sha256 = models.BinaryField(max_length=32)

    objects = TranscriptQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["cell", "sample_key"], name="transcript_is_one"),
            models.CheckConstraint(name="transcript_u_is_inside_0_1", condition=Q(u__gt=0, u__lt=1)),
            models.CheckConstraint(
                name="transcript_status_is_known", condition=Q(status__in=[status.value for status in Status])
            ),
        ]
        indexes = [
            models.Index(fields=["cell", "id"], name="transcript_cell_id"),
            models.Index(fields=["status", "id"], name="transcript_status_id"),
        ]

    def __str__(self) -> str:
        return f"transcript {self.pk}"

    @property
    def sample(self) -> str:
        """The sample's own name, without the run that the key begins with."""
        return self.sample_key.rpartition("/")[2]


class TranscriptText(models.Model):
    """The large part of a transcript: its messages, where its reasoning stands in them, and every other field.

    `messages` is a list of {role, text, reasoning, redacted, tool_calls, tool_call_id}; `reasoning` a list of
    {place, start, end, origin, closed}. Places and offsets as in `ingest.parsed`.
    """

    transcript = models.OneToOneField(Transcript, on_delete=models.CASCADE, primary_key=True, related_name="text")
    messages: models.JSONField[list[dict[str, Any]]] = models.JSONField()
    reasoning: models.JSONField[list[dict[str, Any]]] = models.JSONField()
    extra: models.JSONField[dict[str, Any]] = models.JSONField(
        help_text="Every other field of the file, canary included."
    )

    def __str__(self) -> str:
        return f"text of transcript {self.pk}"

    def at(self, place: str) -> str:
        """The text that a place names; KeyError where there is no such place. (system and user are the prompt's.)"""
        if place in ("system", "user"):
            return str(getattr(self.transcript.prompt, place))
        index, _, part = place.removeprefix("m").partition(".")
        if not is_number(index) or int(index) >= len(self.messages):
            raise KeyError(place)
        message = self.messages[int(index)]
        if part in ("text", "reasoning"):
            return str(message.get(part, ""))
        call, _, name = part.removeprefix("call").partition(".")
        calls = message.get("tool_calls") or []
        if not is_number(call) or int(call) >= len(calls) or name not in calls[int(call)]["arguments"]:
            raise KeyError(place)
        return argument_text(calls[int(call)]["arguments"][name])


def is_number(text: str) -> bool:
    """Plain digits, and few: int() refuses thousands of them."""
    return text.isascii() and text.isdecimal() and len(text) < 10


def argument_text(value: Any) -> str:
    """A tool call's argument as the text that is shown, and that places `m<i>.call<j>.<name>` count in."""
    if isinstance(value, str):
        return value
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS).decode()


class TranscriptSearch(models.Model):
    """What full-text search looks through, apart from the text so that readers never wait for it to be made.

    Weights tell where a word stands: A reasoning, B what was sent or done, C the rest of the answer and of the
    messages. What judges wrote about it is apart: an index knows no weights, and would have to look each hit up.
    """

    transcript = models.OneToOneField(Transcript, on_delete=models.CASCADE, primary_key=True, related_name="search")
    vector = SearchVectorField()
    judged = SearchVectorField(null=True)

    class Meta:
        indexes = [
            GinIndex(fields=["vector"], name="transcript_search_vector"),
            GinIndex(fields=["judged"], name="transcript_search_judged"),
        ]

    def __str__(self) -> str:
        return f"search vector of transcript {self.pk}"


class PromptSearch(models.Model):
    """The same for prompts, which many transcripts share. Weights: A the system prompt, B the rest, with the inbox."""

    prompt = models.OneToOneField(Prompt, on_delete=models.CASCADE, primary_key=True, related_name="search")
    vector = SearchVectorField()

    class Meta:
        indexes = [GinIndex(fields=["vector"], name="prompt_search_vector")]

    def __str__(self) -> str:
        return f"search vector of prompt {self.pk}"


class Action(models.Model):
    """Something done with a tool, or only drafted inside the reasoning.

    Its text stays in the message: `place`, `start` and `end` say where. The roles are those of the personas at
    ingest, in the order of the recipients ("" where an address is nobody known).
    """

    transcript = models.ForeignKey(Transcript, on_delete=models.CASCADE, related_name="actions")
    ordinal = models.PositiveIntegerField()
    tool = models.TextField(db_collation=C)
    place = models.TextField()
    start = models.PositiveIntegerField()
    end = models.PositiveIntegerField()
    in_reasoning = models.BooleanField(help_text="Stands inside the reasoning: drafted, not done.")
    recipients = ArrayField(models.TextField(), default=list)
    roles = ArrayField(models.TextField(), default=list)
    outside = models.BooleanField(null=True, help_text="Went to an address outside the company; empty where unknown.")
    problem = models.TextField(blank=True, default="", help_text="What could not be parsed.")

    class Meta:
        ordering = ["ordinal"]
        constraints = [
            models.UniqueConstraint(fields=["transcript", "ordinal"], name="action_is_one_per_ordinal"),
            models.CheckConstraint(name="action_span_is_ordered", condition=Q(start__lte=F("end"))),
        ]
        indexes = [
            models.Index(fields=["tool", "in_reasoning", "transcript"], name="action_tool"),
            GinIndex(fields=["roles"], name="action_roles"),
        ]

    def __str__(self) -> str:
        return f"{self.tool} {self.ordinal} of transcript {self.transcript_id}"
