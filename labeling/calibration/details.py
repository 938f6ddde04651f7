"""What a calibration says beyond its confusion, in words: groups, scores, the human ceiling, drift."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from labeling.calibration import pictures
from labeling.calibration.findings import AGREEMENTS, Measure, measure
from labeling.models import Calibration
from labeling.stats.paired import Paired
from labeling.stats.words import count, percent

PLURALS = {"model": "models", "scenario": "scenarios", "condition": "conditions", "day": "days"}
RATES = {"sensitivity": "sensitivity", "specificity": "specificity"}
# What can be seen with few labels of a group is little: a test that finds nothing says so.
FEW = 30


@dataclass(frozen=True)
class GroupLine:
    """One group's sensitivity and specificity, drawn under the others' of its factor."""

    name: str
    n: int
    sensitivity: Measure
    specificity: Measure
    calibration: int | None = None


@dataclass(frozen=True)
class Groups:
    """The groups of one factor, and whether one correction for all of them would be wrong."""

    factor: str
    verdict: str
    alarming: bool
    tests: list[str]
    lines: list[GroupLine]
    too_few: int = 0

    @property
    def title(self) -> str:
        return {"model": "Each model", "scenario": "Each scenario", "condition": "Each condition", "day": "Each day"}[
            self.factor
        ]

    @property
    def plural(self) -> str:
        return PLURALS[self.factor]


def groups(calibration: Calibration, scoped: Iterable[Calibration]) -> list[Groups]:
    figures = calibration.figures
    lines: dict[str, list[GroupLine]] = {}
    for one in scoped:
        line = _line(one.figures["name"], one.figures, one.pk)
        lines.setdefault(one.figures["factor"], []).append(line)
    lines["day"] = [_line(day["name"], day, None) for day in figures.get("days", [])]
    return [
        Groups(
            factor,
            _verdict(factor, tests),
            any(_differs(test) for test in tests.values()),
            [_test(RATES[name], test) for name, test in tests.items()],
            lines.get(factor, []),
            max(test["groups"] for test in tests.values()) - len(lines.get(factor, [])),
        )
        for factor in PLURALS
        if (tests := figures.get("pooling", {}).get(factor))
    ]


def _line(name: str, figures: Mapping[str, Any], pk: int | None) -> GroupLine:
    quality, cells = figures["quality"], figures["confusion"]["cells"]
    return GroupLine(
        name,
        sum(cell["n"] for cell in cells.values()),
        measure("sensitivity", quality["sensitivity"], "Sensitivity", ""),
        measure("specificity", quality["specificity"], "Specificity", ""),
        pk,
    )


def _differs(test: Mapping[str, Any]) -> bool:
    return test["adjusted"] is not None and test["adjusted"] <= 0.05


def _verdict(factor: str, tests: Mapping[str, Mapping[str, Any]]) -> str:
    plural = PLURALS[factor]
    worst = [
        f"{RATES[name]} is {percent(test['lowest'][1], 0)} on {test['lowest'][0]} and "
        f"{percent(test['highest'][1], 0)} on {test['highest'][0]}"
        for name, test in tests.items()
        if _differs(test)
    ]
    if worst:
        return f"One correction for all {plural} would be wrong: {'; '.join(worst)}."
    if all(test["p_value"] is None for test in tests.values()):
        return f"Too few labels to tell whether the classifier errs alike on all {plural}."
    least = min(test["n"] / max(1, test["groups"]) for test in tests.values())
    words = f"Nothing here says that the classifier errs otherwise on some {plural} than on others."
    return f"{words} With so few labels for each, not much could be seen." if least < FEW else words


def _test(name: str, test: Mapping[str, Any]) -> str:
    if test["p_value"] is None:
        return f"{name}: not tested, {test['reason']}"
    over = f"{count(test['n'], 'transcript')} in {test['groups']} groups"
    return f"{name}: {p_words(test['p_value'])}, among all these tests {p_words(test['adjusted'])}, {over}"


def p_words(p_value: float) -> str:
    return "p < .001" if p_value < 0.001 else f"p = {p_value:.3f}".replace("0.", ".")


@dataclass(frozen=True)
class Score:
    """How well the classifier's score ranks, where to cut it, and whether it is a probability."""

    measures: list[Measure]
    roc: str
    precision_recall: str
    dots: list[pictures.Dot]
    cut: str
    bins: list[dict[str, Any]]
    calibrated: str
    reason: str = ""


def score(calibration: Calibration) -> Score | None:
    found = calibration.figures.get("score")
    if not found:
        return None
    ranking, threshold, reliable = found["ranking"], found["threshold"], found["reliability"]
    n = ranking["n_positive"] + ranking["n_negative"]
    measures = [
        measure(
            "auc",
            {"value": ranking["auc"], "limits": ranking["limits"], "n_items": n, "reason": ranking["reason"]},
            "Area under the ROC curve",
            "Of one transcript that is and one that is not: how often has the first the higher score? 50 % is chance.",
        ),
        measure(
            "average_precision",
            {"value": ranking["average_precision"], "limits": None, "n_items": n, "reason": ranking["reason"]},
            "Average precision",
            "How often what is flagged is right, on average over all cuts.",
        ),
    ]
    if threshold:
        cut = (
            f"Chosen on one half of the labels ({threshold['n_chosen_on']:,}) as {threshold['rule']}: flag from "
            f"{threshold['threshold']:.3g} on. On the other half ({threshold['n_reported_on']:,}) that gives:"
        )
        for key in RATES:
            measures.append(measure(key, threshold[key], f"{key.capitalize()} at the cut", ""))
    else:
        cut = "Too few labels of either kind for a cut that is chosen on one half and judged on the other."
    bins = reliable["bins"] if reliable else []
    return Score(
        measures,
        pictures.line(ranking["roc"]),
        pictures.line(ranking["precision_recall"]),
        pictures.dots(bins),
        cut,
        [
            {
                "between": f"{b['low']:.2f} to {b['high']:.2f}",
                "n": b["n"],
                "mean": percent(b["mean"], 0),
                "rate": percent(b["rate"], 0),
                "limits": f"{percent(b['limits']['low'], 0)} to {percent(b['limits']['high'], 0)}",
            }
            for b in bins
        ],
        _calibrated(reliable),
        ranking["reason"],
    )


def _calibrated(reliable: Mapping[str, Any] | None) -> str:
    if not reliable:
        return "These scores lie outside 0 to 1 and are no probabilities."
    words = (
        f"Brier score {reliable['brier']:.3f} (0 is perfect), expected calibration error {percent(reliable['ece'])} "
        "over ten bins of equal width; with few labels the latter looks worse than it is."
    )
    if again := reliable["recalibrated"]:
        words += (
            f" After a {again['method']}, each part judged by a fit to the others, they would be "
            f"{again['brier']:.3f} and {percent(again['ece'])}."
        )
    return words


@dataclass(frozen=True)
class CeilingRow:
    """One way of agreeing, for people among themselves, the classifier with people, and raters with themselves."""

    name: str
    question: str
    people: Measure
    judge: Measure
    repeat: Measure


@dataclass(frozen=True)
class CeilingView:
    n_items: int
    n_raters: int
    words: str
    rows: list[CeilingRow]
    in_place: list[dict[str, Any]] = field(default_factory=list)


def ceiling(calibration: Calibration) -> CeilingView | None:
    found = calibration.figures.get("ceiling")
    if not found:
        return None
    repeat = calibration.figures["repeat"]
    rows = [
        CeilingRow(
            name,
            question,
            *(measure(key, of[key], name, "") for of in (found["people"], found["judge"], repeat)),
        )
        for key, (name, question) in AGREEMENTS.items()
    ]
    return CeilingView(
        found["n_items"], found["n_raters"], _beside(found), rows, [_place(p) for p in found["in_place"]]
    )


def _place(found: Mapping[str, Any]) -> dict[str, Any]:
    def words(share: float, limits: Mapping[str, float]) -> str:
        return f"{percent(share, 0)} [{100 * limits['low']:.0f}, {100 * limits['high']:.0f}]"

    return {
        "rater": found["rater"] + 1,
        "n": found["n"],
        "own": words(found["share"], found["limits"]),
        "judge": words(found["judge_share"], found["judge_limits"]),
    }


def _beside(found: Mapping[str, Any]) -> str:
    people, judge = found["people"]["percent"], found["judge"]["percent"]
    if people["value"] is None or judge["value"] is None:
        return "No transcript has a verdict and the answers of two raters, so there is no ceiling to compare with."
    apart = judge["value"] - people["value"]
    on = f"On the same {count(found['n_items'], 'transcript')}"
    two = f"two people agree on {percent(people['value'], 0)}, the classifier and one of them on"
    words = f"{on} {two} {percent(judge['value'], 0)}"
    if judge["limits"] and people["limits"] and judge["limits"]["high"] < people["limits"]["low"]:
        return f"{words}: it is further from people than they are from each other."
    if apart >= 0:
        return f"{words}: as far as percentages tell, it is one more rater."
    return f"{words}; the intervals overlap."


@dataclass(frozen=True)
class DriftLine:
    """What another version, or this one earlier, said of the same transcripts."""

    earlier: str
    words: str
    alarming: bool


def drift(calibration: Calibration) -> list[DriftLine]:
    return [_drift(one) for one in calibration.figures.get("drift", [])]


def _drift(found: Mapping[str, Any]) -> DriftLine:
    same, right = Paired(**found["verdicts"]), Paired(**found["right"])
    alarming = found["adjusted"] <= 0.05
    limits = found["limits"]
    words = compared_words(same, limits)
    words += f"; {p_words(found['adjusted'])}" if same.changed else ""
    if right.n:
        words += (
            f". Of {count(right.n, 'transcript')} that people have agreed on it was right on "
            f"{percent(right.first or 0.0, 0)} then and is on {percent(right.second or 0.0, 0)} now "
            f"({p_words(right.p_value)})"
        )
    return DriftLine(found["earlier"], f"{words}.", alarming)


def compared_words(same: Paired, limits: Mapping[str, float] | None) -> str:
    """ "of 1,800 transcripts that both judged 12 % were flagged and 14 % are, +2 points [1, 3]; 40 changed"."""
    if not same.n:
        return "no transcript was judged both times"
    words = (
        f"of {count(same.n, 'transcript')} judged both times {percent(same.first or 0.0)} were flagged then and "
        f"{percent(same.second or 0.0)} now"
    )
    if limits:
        difference = 100 * (same.difference or 0.0)
        words += (
            f", a difference of {difference:+.1f} points [{100 * limits['low']:+.1f}, {100 * limits['high']:+.1f}]"
        ).replace("-", "−")
    return f"{words}; {same.changed:,} {'answer' if same.changed == 1 else 'answers'} changed"
