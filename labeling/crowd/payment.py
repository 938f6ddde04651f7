"""What a crowd platform needs to pay people: how their part ended, what they did, and the code that says so."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.db.models import Count, OuterRef, QuerySet, Subquery, Sum

from labeling.campaigns.gold import HIDDEN, Score, scores
from labeling.models import Assignment, Campaign, Expected, Exposure, Label, Participation
from transcripts.downloads.downloads import CANARY, plain

COLUMNS = [
    "external_id",
    "study_id",
    "session_id",
    "rater",
    "joined_at",
    "ended_at",
    "state",
    "reason",
    "labels",
    "minutes_active",
    "gold_right",
    "gold_of",
    "qualification",
    "completion_code",
]
PARTS_AT_ONCE = 500
State = Participation.State


@dataclass(frozen=True)
class WayOut:
    """The code to show to a participant at the end and where to send them; "" where there is none."""

    code: str = ""
    url: str = ""

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""


def way_out(part: Participation) -> WayOut:
    """Only for those who finished or were screened out; and no address but the invitation's own, on the web."""
    if part.invitation is None or part.state not in (State.FINISHED, State.SCREENED_OUT):
        return WayOut()
    invitation = part.invitation
    code, url = invitation.completion_code, invitation.completion_url
    if part.state == State.SCREENED_OUT:
        code, url = invitation.screen_out_code, invitation.screen_out_url
    return WayOut(code, url if url.startswith(("https://", "http://")) else "")


def with_work(parts: QuerySet[Participation]) -> QuerySet[Participation]:
    """Each with `labels` (those of the qualification left out), `seconds` at work, and texts with a content note that
    were `shown` to them."""
    done = Assignment.objects.filter(
        item__campaign=OuterRef("campaign"), rater=OuterRef("rater"), submitted_at__isnull=False
    )
    own = Label.objects.filter(item__campaign=OuterRef("campaign"), rater=OuterRef("rater"))
    shown = Exposure.objects.filter(item__campaign=OuterRef("campaign"), rater=OuterRef("rater"))
    counted = done.exclude(item__expected__purpose=Expected.Purpose.QUALIFICATION)
    return parts.select_related("rater", "invitation").annotate(
        labels=Subquery(counted.order_by().values("rater").annotate(n=Count("pk")).values("n")),
        seconds=Subquery(own.order_by().values("rater").annotate(n=Sum("seconds")).values("n")),
        shown=Subquery(shown.order_by().values("rater").annotate(n=Count("pk")).values("n")),
    )


def as_csv(campaign: Campaign) -> Iterator[str]:
    """Everybody who came through an invitation, a row each; safe to open in a spreadsheet."""
    yield _line(COLUMNS)
    parts = campaign.participations.filter(invitation__isnull=False).order_by("pk")
    known = scores(campaign, HIDDEN)
    for part in with_work(parts).iterator(PARTS_AT_ONCE):
        yield _line(_row(part, known.get(part.rater_id, Score())))
    yield _line([f"# {CANARY}"])


def minutes_of(part: Participation) -> str:
    """Time at work, of a row that was counted `with_work`."""
    return f"{(getattr(part, 'seconds', None) or 0) / 60:.1f}"


def _row(part: Participation, score: Score) -> list[str]:
    qualification = "passed" if part.qualified_at else "failed" if part.state == State.SCREENED_OUT else ""
    return [
        part.external_id,
        part.study_id,
        part.session_id,
        part.rater.username,
        part.joined_at.isoformat(timespec="seconds"),
        part.ended_at.isoformat(timespec="seconds") if part.ended_at else "",
        part.state,
        part.reason,
        str(getattr(part, "labels", None) or 0),
        minutes_of(part),
        str(score.right),
        str(score.of),
        qualification,
        way_out(part).code,
    ]


def _line(cells: Sequence[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow([plain(cell) for cell in cells])
    return out.getvalue()
