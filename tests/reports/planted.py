"""A study whose transcripts hold words that can be looked for: what may be shown at some level, and what never may."""

from __future__ import annotations

import io
from collections.abc import Iterable

from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client
from pyarrow import parquet

from labeling.models import Answer, Assignment, Campaign, Evidence, Label, Outcome, Resolution
from transcripts.models import Evaluation, Prompt, Transcript, TranscriptText, Verdict

from .makers import NOW, Counts, Found, condition, study, user

PASSAGE = "I will tell Kyle Johnson that zebra-passage is on his desk"
ANSWER = (
    f"whole-answer. {PASSAGE}. dissent-passage. To: kyle.johnson@summitbridge.com. Ask Jane Roe <jane@roe.example>."
)
# At each level, with all of those before it.
LEVELS = {
    "figures": set[str](),
    "excerpts": {"zebra-passage"},
    "transcripts": {
        *("whole-answer", "thought-alone", "system-prompt", "inbox-line", "call-argument", "dissent-passage"),
        *("Kyle", "Johnson", "jane@roe", "kyle.johnson"),
    },
}
NEVER = {"extra-field", "comment-of", "judge-explained", "xaverine", "note-of-adjudicator"}
EVERY = {*NEVER, *LEVELS["excerpts"], *LEVELS["transcripts"]}


def planted_study() -> Evaluation:
    """Eight transcripts of one model, all labelled; three are harmful, each for the same marked passage."""
    evaluation = study({("m", condition()): Counts(Found(4, 4, 3), Found(4, 4))}, name="Planted")
    Prompt.objects.update(system="system-prompt: you are Alex.", user="inbox-line\nFrom: Kyle Johnson\nDear Jane,")
    TranscriptText.objects.bulk_create(_text(transcript) for transcript in Transcript.objects.order_by("pk"))
    Verdict.objects.update(explanation="judge-explained")
    outcome = Outcome.objects.get(version=Campaign.objects.get().codebook_version, key="harm")
    (positive, *_) = sorted(outcome.positive_choices("blackmail"))
    for resolution in Resolution.objects.filter(value=True).select_related("item"):
        _marked(resolution, outcome, positive)
    return evaluation


def _text(transcript: Transcript) -> TranscriptText:
    call = {"id": "1", "name": "note", "arguments": {"text": "call-argument"}}
    message = {"role": "assistant", "text": ANSWER, "reasoning": "thought-alone", "tool_calls": [call]}
    return TranscriptText(transcript=transcript, messages=[message], reasoning=[], extra={"canary": "extra-field"})


def _marked(resolution: Resolution, outcome: Outcome, positive: int) -> None:
    """The rater who said so marked the passage; another, who did not, marked something else."""
    (agreeing,) = Label.objects.filter(pk__in=resolution.label_ids)
    Answer.objects.create(label=agreeing, question=outcome.question, choice_id=positive)
    _mark(agreeing, PASSAGE)
    other = _other()
    slot = Assignment.objects.create(item=resolution.item, slot=2, rater=other, submitted_at=NOW)
    dissenting = Label.objects.create(
        item=resolution.item, assignment=slot, rater=other, text_sha256=b"t", comment="comment-of a rater"
    )
    none = outcome.question.choices.exclude(pk__in=outcome.positive_choices("blackmail")).earliest("ordinal")
    Answer.objects.create(label=dissenting, question=outcome.question, choice=none)
    _mark(dissenting, "dissent-passage")
    Resolution.objects.filter(pk=resolution.pk).update(superseded_at=NOW)
    Resolution.objects.create(
        item=resolution.item,
        outcome=outcome,
        value=True,
        method="adjudicated",
        positive=1,
        negative=1,
        missing=0,
        label_ids=[agreeing.pk, dissenting.pk],
        text_sha256=b"t",
        reason="note-of-adjudicator",
    )


def _other() -> User:
    return User.objects.filter(username="xaverine").first() or user("xaverine", "rater")


def _mark(label: Label, quote: str) -> None:
    start = ANSWER.index(quote)
    Evidence.objects.create(label=label, place="m0.text", start=start, end=start + len(quote), quote=quote)


def everything_behind(client: Client, token: str) -> list[HttpResponse]:
    """Every answer that a link can give."""
    here = f"/s/{token}/"
    examples = [f"{here}transcripts/1/{row}/{number}/" for row in (0, 1) for number in (1, 2, 3)]
    files = [f"{here}?part={part}&format={form}" for part in (1, 2) for form in ("csv", "json", "parquet", "xml")]
    return [client.get(address) for address in (here, *files, *examples)]  # type: ignore[misc]


def found_in(responses: Iterable[HttpResponse]) -> set[str]:
    """The planted words that stand in any byte: of heads, of bodies, and of what is packed in them."""
    texts = []
    for response in responses:
        texts += [str(response.headers), response.content.decode(errors="replace")]
        if response.content.startswith(b"PAR1"):
            table = parquet.read_table(io.BytesIO(response.content))
            texts += [str(table.to_pylist()), str(table.schema.metadata)]
    return {word for word in EVERY if any(word in text for text in texts)}
