"""What a row of the list shows of a transcript, in the words and signs of the page.

Plain dictionaries, which a template reads sooner than anything else; what a cell's rows share is made once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from transcripts.listing.gist import Gist
from transcripts.listing.labelled import Labelled
from transcripts.listing.summaries import Summary
from transcripts.models import Cell
from transcripts.page.references import Piece

Line = dict[str, Any]
# A sign and words for how far the act of the scenario went.
REACH = {
    "done": ("●", "done"),
    "drafted": ("◐", "drafted only"),
    "mentioned": ("◌", "mentioned"),
    "unmentioned": ("", "not mentioned"),
    "unseen": ("", "no reasoning"),
    "unread": ("", "not indexed yet"),
}
UNKNOWN = {"error": "call failed: not known", "empty": "empty answer: not known"}


def lines(found: Sequence[Summary], extracts: Mapping[int, list[Piece]]) -> list[Line]:
    cells: dict[int, Line] = {}
    made = []
    for summary in found:
        one = summary.transcript
        cell = cells.get(one.cell_id) or cells.setdefault(one.cell_id, _cell(one.cell))
        made.append(
            {
                "pk": one.pk,
                "id": str(one.pk),  # a number is asked for its thousands, which takes longer than the rest
                "sample": one.sample,
                "sample_key": one.sample_key,
                "truncated": one.status == "truncated",
                "call": summary.call,
                "overruled": summary.overruled,
                "judged_for": ", ".join(summary.others),
                "unknown": UNKNOWN.get(one.status, ""),
                "labels": _labels(summary.labels),
                # Rows that say the same are rendered once.
                "says": (one.status, summary.call, summary.overruled, summary.others, summary.gist, summary.labels),
                "snippet": extracts.get(one.pk, []),
                **cell,
                **_gist(summary.gist),
            }
        )
    return made


def _cell(cell: Cell) -> Line:
    return {
        "cell": cell.pk,
        "model": str(cell.model),
        "synthetic": cell.evaluation.synthetic,
        "scenario": cell.condition.scenario,
        "factors": [
            (words, " unknown" if " unknown" in words else "" if words == "control" else " on")
            for words in cell.condition.factors
        ],
    }


def _gist(gist: Gist) -> Line:
    sign, reach = REACH.get(gist.reach, ("", ""))
    return {
        "act": gist.act,
        "others": f"{', ' if gist.act and gist.others else ''}{', '.join(gist.others)}",
        "idle": gist.idle,
        "roles": gist.roles,
        "outside": gist.outside and gist.act != "leak outside",
        "reach": gist.reach,
        "reach_sign": sign,
        "reach_words": reach,
        "drafts": 0 if gist.reach == "drafted" else gist.drafts,
    }


def _labels(labels: Labelled) -> Line | None:
    if labels.state == "none":
        return None
    return {
        "number": labels.labels,
        "disputed": labels.disputed,
        "call": labels.call if labels.outcome == "harm" else "",
        "agreed": labels.agreed,
        "adjudicated": labels.adjudicated,
    }
