"""What may be said about a group's rate: the estimate of the best tier that its verdicts and labels allow.

One function for pages, exports, charts and snapshots, so that a number is the same wherever it stands.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from labeling.stats.intervals import UNKNOWN, Interval, wilson, z_value
from labeling.stats.noise import NoiseMap, to_latent, to_panel
from labeling.stats.rogan_gladen import judge_rates, rogan_gladen
from labeling.stats.strata import Group, PostStratified, StratumRate, post_stratify
from labeling.stats.tiers import Calibration, Target, Tier, modelled_obstacle, own_obstacle
from labeling.stats.words import count, percent, rate_with_limits


@dataclass(frozen=True, slots=True)
class Estimate:
    """A rate with everything that has to be shown beside it. A missing value means "no data", never 0."""

    tier: Tier
    value: float | None
    limits: Interval
    target: Target
    n_transcripts: int
    n_judged: int
    n_flagged: int
    n_labels: int
    n_positive: int
    n_effective: float
    n_missing: int
    # The rate if every missing answer and verdict were negative, and if every one were positive.
    bounds: Interval
    strata: tuple[StratumRate, ...]
    # What the group's own labels say of the rate, even where they are too few for tier A.
    own_limits: Interval
    level: float = 0.95
    reason: str = ""
    remarks: tuple[str, ...] = ()

    @property
    def low(self) -> float:
        return self.limits.low

    @property
    def high(self) -> float:
        return self.limits.high

    @property
    def standard_error(self) -> float:
        """Half the interval over z, which ranking takes for the error."""
        return self.limits.width / (2 * z_value(self.level))

    @property
    def rankable(self) -> bool:
        return self.tier is Tier.CORRECTED

    @property
    def bounds_matter(self) -> bool:
        """Whether what is missing could move the estimate by more than a quarter of its interval."""
        if self.value is None:
            return False
        return max(self.value - self.bounds.low, self.bounds.high - self.value) > self.limits.width / 4


@dataclass(frozen=True, slots=True)
class _Answer:
    tier: Tier
    value: float | None
    limits: Interval
    bounds: Interval
    target: Target
    remarks: tuple[str, ...] = ()


def estimate_group(
    group: Group,
    *,
    calibration: Calibration | None = None,
    noise: NoiseMap | None = None,
    target: Target = Target.PANEL,
    level: float = 0.95,
    positive_word: str = "harmful",
    not_borrowed: str = "",
) -> Estimate:
    """Choose the tier of a group, estimate its rate, and say why this tier.

    `noise` holds the panel's error rates; without them there is neither a latent target nor tier B. `not_borrowed`
    says why a calibration must not be used although it would do: the judge is known to err differently here.
    """
    own = post_stratify(group, level)
    obstacle = own_obstacle(group) if group.judged else ""
    why_not_modelled = not_borrowed or modelled_obstacle(calibration, noise, level) if obstacle else ""
    if not group.judged:
        answer = _from_people(group, own, noise, target, level)
    elif not obstacle and own.value is not None:
        answer = _on_target(Tier.CORRECTED, own.value, own.limits, own.bounds, noise, target, level)
    elif not why_not_modelled and calibration and noise:
        answer = _modelled(group, calibration, noise, target, level)
    else:
        answer = _raw(group, level)
    estimate = _composed(group, own, answer, level)
    remarks = (*answer.remarks, *_remarks(estimate, group, positive_word))
    reason = _reason(estimate, obstacle, why_not_modelled, calibration)
    return replace(estimate, reason=reason, remarks=remarks)


def sentence(estimate: Estimate, harm: str = "harm") -> str:
    """The estimate as one sentence for a reader who is no statistician."""
    if estimate.value is None:
        return "No data."
    rate = _rate_in_words(estimate.value, estimate.limits)
    if estimate.tier is Tier.HUMAN:
        labelled = count(estimate.n_labels, "labelled transcript")
        return f"People found {harm} in {estimate.n_positive:,} of {labelled}: {rate}."
    flagged = percent(estimate.n_flagged / estimate.n_judged, 0)
    judged = f"The judge flagged {flagged} of {estimate.n_judged:,}"
    if estimate.tier is not Tier.CORRECTED:
        return f"{judged}; {estimate.reason}: {rate}."
    parts = {part.name: part.labels for part in estimate.strata}
    yes, no = parts["flagged"], parts["unflagged"]
    confirmed = f"people confirmed {yes.n_positive:,} of {yes.n:,} flagged"
    return f"{judged}; {confirmed} and found {harm} in {no.n_positive:,} of {no.n:,} unflagged: {rate}."


def _rate_in_words(value: float, limits: Interval) -> str:
    """No rate is known to be zero, so none is shown as "0 %"."""
    return f"below {percent(limits.high)}" if value == 0 else rate_with_limits(value, limits)


def _from_people(group: Group, own: PostStratified, noise: NoiseMap | None, target: Target, level: float) -> _Answer:
    labels = group.unjudged.labels
    if labels.rate is None:
        return _Answer(Tier.NOTHING, None, UNKNOWN, UNKNOWN, target)
    limits = wilson(labels.rate, labels.n_effective, level)
    return _on_target(Tier.HUMAN, labels.rate, limits, own.bounds, noise, target, level)


def _on_target(
    tier: Tier,
    value: float,
    limits: Interval,
    bounds: Interval,
    noise: NoiseMap | None,
    target: Target,
    level: float,
) -> _Answer:
    """A panel's rate, or the true rate behind it where that is asked for and can be told."""
    if target is not Target.LATENT:
        return _Answer(tier, value, limits, bounds, Target.PANEL)
    mapped = to_latent(value, limits, noise, level) if noise else None
    if noise is None or mapped is None:
        known = "contradict these labels" if noise else "are not known"
        remark = f"the raters' error rates {known}: shown as the panel sees it"
        return _Answer(tier, value, limits, bounds, Target.PANEL, (remark,))
    low, high = (min(1.0, max(0.0, noise.latent(bound))) for bound in (bounds.low, bounds.high))
    beyond = f"{'below' if mapped.value == 0 else 'above'} what this panel can see: it found {percent(value)}"
    remarks = (beyond,) if mapped.beyond else ()
    return _Answer(tier, mapped.value, mapped.limits, Interval(low, high), Target.LATENT, remarks)


def _modelled(group: Group, calibration: Calibration, noise: NoiseMap, target: Target, level: float) -> _Answer:
    judge = judge_rates(calibration.group, noise)
    assert judge is not None, "modelled_obstacle would have said so"
    apparent, n, judged = _apparent(group)
    found = rogan_gladen(apparent, n, judge, level)
    value, limits = found.value, found.limits
    if target is not Target.LATENT:
        mapped = to_panel(value, limits, noise, level)
        value, limits = mapped.value, mapped.limits
    rates = f"sensitivity {judge.sensitivity:.2f}, specificity {judge.specificity:.2f} in {calibration.name}"
    remarks = (f"assumes that the judge errs alike across models: {rates}",)
    target = Target.LATENT if target is Target.LATENT else Target.PANEL
    return _Answer(Tier.MODELLED, value, limits, _with_unjudged(value, judged), target, remarks)


def _raw(group: Group, level: float) -> _Answer:
    apparent, n, judged = _apparent(group)
    limits = wilson(apparent, n, level)
    return _Answer(Tier.RAW, apparent, limits, _with_unjudged(apparent, judged), Target.JUDGE)


def _apparent(group: Group) -> tuple[float, float, float]:
    """The judge's rate among judged transcripts, their effective number, and their share of the group."""
    judged = group.flagged.mass + group.unflagged.mass
    squares = group.flagged.mass_squares + group.unflagged.mass_squares
    return group.flagged.mass / judged, judged**2 / squares, judged / (judged + group.unjudged.mass)


def _with_unjudged(rate: float, judged: float) -> Interval:
    return Interval(rate * judged, min(1.0, rate * judged + 1 - judged))


def _composed(group: Group, own: PostStratified, answer: _Answer, level: float) -> Estimate:
    labels = group.labels
    return Estimate(
        tier=answer.tier,
        value=answer.value,
        limits=answer.limits,
        target=answer.target,
        n_transcripts=group.size,
        n_judged=group.judged,
        n_flagged=group.flagged.size,
        n_labels=labels.n,
        n_positive=labels.n_positive,
        n_effective=labels.n_effective,
        n_missing=labels.n_missing,
        bounds=answer.bounds,
        strata=own.strata,
        own_limits=own.limits,
        level=level,
    )


def _reason(estimate: Estimate, obstacle: str, why_not_modelled: str, calibration: Calibration | None) -> str:
    """Why the rate has this tier."""
    match estimate.tier:
        case Tier.CORRECTED:
            return f"corrected with {count(estimate.n_labels, 'label')} of this group"
        case Tier.MODELLED:
            name = calibration.name if calibration else ""
            return f"modelled from {name}, since here {obstacle}"
        case Tier.RAW:
            return f"not calibrated: {obstacle}; {why_not_modelled}"
        case Tier.HUMAN:
            return f"no classifier has judged these; {count(estimate.n_labels, 'label')}"
        case _:
            return "no data"


def _remarks(estimate: Estimate, group: Group, positive_word: str) -> Iterator[str]:
    """What a reader has to know beside the number."""
    n = estimate.n_labels
    people = estimate.tier in (Tier.CORRECTED, Tier.HUMAN)
    if people and estimate.n_positive == 0:
        yield f"0 of {count(n, 'label')} {positive_word}: below {percent(estimate.high)}"
    if people and estimate.n_positive == n > 0:
        yield f"{n:,} of {count(n, 'label')} {positive_word}: above {percent(estimate.low)}"
    if n and n == group.size:
        these = f"{estimate.n_positive:,} of these {n:,}"
        yield f"all labelled: {these}; the interval is about what the model would do again"
    if estimate.n_missing:
        yield f"{count(estimate.n_missing, 'drawn transcript')} without an answer (unsure or unfinished)"
    if group.judged and group.unjudged.size:
        share = percent(group.unjudged.size / group.size)
        labelled = count(group.unjudged.labels.n, "label")
        yield f"{count(group.unjudged.size, 'transcript')} ({share}) without verdict, {labelled} among them"
    if estimate.bounds_matter:
        low, high = percent(estimate.bounds.low), percent(estimate.bounds.high)
        yield f"whatever the missing answers are: between {low} and {high}"
