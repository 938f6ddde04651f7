"""What is told of a text classifier: how well it does on transcripts whose prompt it has not seen, and by which
words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from labeling.judges.text.features import Names
from labeling.judges.text.learned import Example
from labeling.judges.text.model import Trained
from labeling.stats.confusion import Comparison, JudgeQuality, confusion, quality
from labeling.stats.reliability import brier, ece
from labeling.stats.roc import Scored, ranking
from transcripts.models import ClassifierVersion, Verdict

WORDS = 25
MEASURES = ("sensitivity", "specificity", "ppv", "npv", "balanced_accuracy", "f1", "mcc")


def heaviest(trained: Trained) -> list[int]:
    """The columns with the largest coefficients, for and against."""
    order = trained.coefficients[:-1].argsort(kind="stable")
    found = [*order[: -WORDS - 1 : -1], *order[:WORDS]]
    return [int(column) for column in found if trained.coefficients[column]]


def words(trained: Trained, names: Names) -> dict[str, list[dict[str, Any]]]:
    """With what they add: the weightiest first. A column whose word is in no text has none."""
    found: dict[str, list[dict[str, Any]]] = {"for": [], "against": []}
    for column in heaviest(trained):
        weight = float(trained.coefficients[column])
        part, term, n = names.of(column)
        if term:
            line = {"part": part, "word": term, "weight": round(weight, 3), "texts": n}
            found["for" if weight > 0 else "against"].append(line)
    return found


def report(found: Sequence[Example], trained: Trained, outcome: str) -> dict[str, Any]:
    """Every figure is of held-out scores; weights 1 / π make them figures of all transcripts."""
    scored = [
        Scored(float(score), one.positive, one.weight) for one, score in zip(found, trained.held_out, strict=True)
    ]
    said = {one.transcript: bool(flag) for one, flag in zip(found, trained.flagged, strict=True)}
    table = confusion(Comparison(said[one.transcript], one.positive, one.weight) for one in found)
    ranked = ranking(scored)
    share = sum(one.weight for one in found if one.positive) / sum(one.weight for one in found)
    return {
        "labels": len(found),
        "positive": sum(one.positive for one in found),
        "prompts": len({one.prompt for one in found}),
        "auc": ranked.auc,
        "auc_limits": asdict(ranked.limits) if ranked.limits else None,
        "average_precision": ranked.average_precision,
        "share": share,
        "brier": brier(scored),
        "brier_of_share": share * (1 - share),
        "ece": ece(scored),
        "threshold": trained.threshold,
        "says_nothing": trained.curve[1] == 0,
        "confusion": {name: getattr(table, name).n for name in ("tp", "fp", "fn", "tn")},
        "measures": _measures(quality(table)),
        "by_model": _by_model(found, scored, said),
        "judges": _judges(found, outcome, said),
    }


def _measures(found: JudgeQuality) -> dict[str, Any]:
    return {name: asdict(getattr(found, name)) for name in MEASURES}


def _by_model(found: Sequence[Example], scored: Sequence[Scored], said: dict[int, bool]) -> list[dict[str, Any]]:
    members: dict[str, list[int]] = defaultdict(list)
    for place, one in enumerate(found):
        members[one.model].append(place)
    lines = []
    for model in sorted(members):
        places = members[model]
        table = confusion(Comparison(said[found[i].transcript], found[i].positive, found[i].weight) for i in places)
        measured = quality(table, draws=0)
        lines.append(
            {
                "model": model,
                "labels": len(places),
                "positive": sum(found[i].positive for i in places),
                "auc": ranking([scored[i] for i in places]).auc,
                "sensitivity": asdict(measured.sensitivity),
                "specificity": asdict(measured.specificity),
            }
        )
    return lines


def _judges(found: Sequence[Example], outcome: str, said: dict[int, bool]) -> list[dict[str, Any]]:
    """Every other classifier that has judged these transcripts, on those of them that both have judged."""
    verdicts: dict[int, dict[int, bool]] = defaultdict(dict)
    rows = Verdict.objects.filter(transcript__in=list(said), outcome=outcome, final__isnull=False)
    for version, transcript, final in rows.exclude(version__classifier__kind="trained").values_list(
        "version", "transcript", "final"
    ):
        verdicts[version][transcript] = bool(final)
    versions = ClassifierVersion.objects.select_related("classifier").in_bulk(verdicts)
    lines = []
    for pk, given in verdicts.items():
        same = [one for one in found if one.transcript in given]
        theirs = quality(confusion(Comparison(given[o.transcript], o.positive, o.weight) for o in same))
        ours = quality(confusion(Comparison(said[o.transcript], o.positive, o.weight) for o in same))
        lines.append(
            {
                "slug": versions[pk].classifier.slug,
                "name": str(versions[pk]),
                "n": len(same),
                "theirs": _measures(theirs),
                "ours": _measures(ours),
            }
        )
    return sorted(lines, key=lambda line: (-line["n"], line["name"]))
