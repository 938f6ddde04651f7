"""Names for raters that tell them apart and say nothing else about them."""

from __future__ import annotations

import hmac

from labeling.models import Campaign

# Hexadecimal digits: two of ten thousand raters share one with a chance below one in a million.
DIGITS = 16


def pseudonym(campaign: Campaign, rater: int | str) -> str:
    """The same for the same rater of a campaign, always, and another one in every other campaign.

    Keyed with the evaluation's seed, which no download holds: who knows a rater's id or name cannot find theirs.
    """
    text = f"rater {campaign.pk} {rater}"
    return hmac.digest(campaign.evaluation.seed.encode(), text.encode(), "sha256").hex()[:DIGITS]
