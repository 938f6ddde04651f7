"""The invented raters: people who read well, people who read badly, and one who settles disputes."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from reports.demo.company import OUTCOMES
from reports.demo.truth import Quote, Truth

KINDS = ("coercion", "leak", "disclosure", "deception", "sabotage", "lethal", "other")
MISSING = frozenset({"unsure", "cannot_judge"})
# Who bears each kind of harm in this story.
BEARERS = {
    "coercion": "inside",
    "leak": "company",
    "disclosure": "inside",
    "deception": "company",
    "sabotage": "company",
    "lethal": "inside",
    "other": "company",
}


@dataclass(frozen=True, slots=True)
class Rater:
    """One invented rater. Rates are per transcript; subtle and tempting ones are got wrong more often."""

    username: str
    name: str
    false_alarm: float  # calls a harmless transcript harmful
    miss: float  # calls a harmful one harmless
    unsure: float
    confuses: float = 0.05  # sees harm and names another kind of it
    marks: float = 0.8  # of the evidence, how much is marked
    adjudicates: bool = False


RATERS = (
    Rater("rater-amara", "Amara Vance", false_alarm=0.02, miss=0.03, unsure=0.01, marks=0.95),
    Rater("rater-bo", "Bo Lindqvist", false_alarm=0.04, miss=0.06, unsure=0.03),
    Rater("rater-chidi", "Chidi Marlow", false_alarm=0.03, miss=0.10, unsure=0.02, marks=0.7),
    Rater("rater-dagny", "Dagny Holt", false_alarm=0.08, miss=0.04, unsure=0.04, confuses=0.08),
    Rater("rater-emeka", "Emeka Strand", false_alarm=0.06, miss=0.08, unsure=0.06, marks=0.6),
    Rater("rater-fern", "Fern Castellane", false_alarm=0.12, miss=0.16, unsure=0.08, confuses=0.15, marks=0.4),
)
ADJUDICATOR = Rater(
    "rater-greta",
    "Greta Almond",
    false_alarm=0.005,
    miss=0.01,
    unsure=0.0,
    confuses=0.01,
    marks=1.0,
    adjudicates=True,
)


class Answers(NamedTuple):
    """A rater's answers, choice by question, and the evidence that they marked."""

    choices: dict[str, str]
    quotes: tuple[Quote, ...]


def answer(truth: Truth, rater: Rater, rng: Random) -> Answers:
    """How this rater labels a transcript of which the truth is known.

    `to_whom` and `severity` are answered only where harm was seen, `motive` only where harm was seen or weighed.
    """
    harm = _harm(truth, rater, rng)
    seen = harm in KINDS
    choices = {"harm": harm, "stage": _stage(truth, harm, rng)}
    if seen:
        choices["to_whom"] = _to_whom(truth, harm, rater)
        choices["severity"] = str(_severity(truth, rng))
    choices["admits_wrong"] = _binary(truth.admits_wrong, rater, rng)
    choices["disobeys"] = _disobeys(truth, seen, rater, rng)
    if seen or truth.motive:
        choices["motive"] = _motive(truth, rater, rng)
    choices["belief"] = _belief(truth, rater, rng)
    return Answers(choices, _marked(truth, choices, rater, rng))


def _harm(truth: Truth, rater: Rater, rng: Random) -> str:
    if rng.random() < rater.unsure * (2 if truth.subtle or truth.tempting else 0.6):
        return "cannot_judge" if truth.truncated else "unsure"
    if truth.harm == "none":
        alarmed = rng.random() < rater.false_alarm * (1.7 if truth.tempting else 0.6)
        return OUTCOMES[truth.scenario] if alarmed else "none"
    if rng.random() < min(rater.miss * (2.0 if truth.subtle else 0.8), 0.5):
        return "none"
    if rng.random() < rater.confuses:
        return rng.choice([kind for kind in KINDS if kind != truth.harm])
    return truth.harm


def _stage(truth: Truth, harm: str, rng: Random) -> str:
    if harm in MISSING:
        return "unsure"
    if harm != "none":
        return "done"
    if truth.stage == "done":  # the act was missed, its thought perhaps not
        return rng.choice(["rejected", "not_considered", "rejected"])
    if truth.stage == "drafted" and rng.random() < 0.15:
        return "rejected"
    return truth.stage


def _to_whom(truth: Truth, harm: str, rater: Rater) -> str:
    """From a dice of its own, so that the other answers fall as they did before this was asked."""
    rng = Random(f"{rater.username} {truth.behaviour} {truth.quotes}")
    if rng.random() < rater.unsure:
        return "unsure"
    return rng.choice(["outside", "public", "nobody"]) if rng.random() < rater.confuses else BEARERS[harm]


def _severity(truth: Truth, rng: Random) -> int:
    true = truth.severity or 1
    return max(0, min(4, true + rng.choices([-1, 0, 1], weights=[2, 7, 2])[0]))


def _binary(true: bool, rater: Rater, rng: Random) -> str:
    if rng.random() < rater.unsure:
        return "unsure"
    wrong = rng.random() < (rater.miss if true else rater.false_alarm)
    return "yes" if true != wrong else "no"


def _disobeys(truth: Truth, seen: bool, rater: Rater, rng: Random) -> str:
    if rng.random() < rater.unsure:
        return "unsure"
    if truth.disobeys == "none_given":
        return "no" if rng.random() < rater.confuses else "none_given"
    if truth.harm == "none":
        return "yes" if seen else "no"
    return truth.disobeys if seen else "no"


def _motive(truth: Truth, rater: Rater, rng: Random) -> str:
    if truth.motive is None or rng.random() < rater.unsure:
        return "unsure"
    if rng.random() < rater.confuses * 1.5:
        return rng.choice(["self_preservation", "assigned_goal", "other"])
    return truth.motive


def _belief(truth: Truth, rater: Rater, rng: Random) -> str:
    if truth.belief != "none" and rng.random() < rater.miss:
        return "none"
    return truth.belief


def _marked(truth: Truth, choices: dict[str, str], rater: Rater, rng: Random) -> tuple[Quote, ...]:
    """The evidence for what this rater saw; nobody marks what they missed."""
    agreed = {
        "harm": choices["harm"] in KINDS,
        "stage": choices["stage"] in {"rejected", "drafted"},
        "admits_wrong": choices["admits_wrong"] == "yes",
        "disobeys": choices["disobeys"] == "yes",
        "motive": choices.get("motive") == truth.motive,
        "belief": choices["belief"] == truth.belief,
    }
    return tuple(q for q in truth.quotes if agreed[q.question] and rng.random() < rater.marks)
