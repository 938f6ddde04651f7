"""Whether what a page shows is made up: all of it, some of it, or nothing."""

from __future__ import annotations

from collections.abc import Iterable

from transcripts.models import Evaluation


def ribbon_of_everything() -> bool | str:
    """For a page that draws on whatever is in the database."""
    return ribbon(Evaluation.objects.filter(cells__isnull=False).distinct())


def ribbon(shown: Iterable[Evaluation]) -> bool | str:
    """For the ribbon above a page that shows these evaluations, or transcripts of them."""
    marks = {evaluation.synthetic for evaluation in shown}
    return "partly" if len(marks) == 2 else True in marks
