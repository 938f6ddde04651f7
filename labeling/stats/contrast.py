"""Why the agreement coefficients of one question differ, in words for somebody who is no statistician."""

from labeling.stats.agreement import Coefficient
from labeling.stats.words import count, percent

# Coefficients closer than this say the same.
CLOSE = 0.1
# With one answer at this share of all ratings, raters who guess agree most of the time.
MOST = 0.8


def why_they_differ(
    agreed: Coefficient,
    alpha: Coefficient,
    gwet: Coefficient,
    most: tuple[str, float] | None,
    n_raters: int,
    *,
    ordered: bool = False,
) -> str:
    """`most` is the most frequent answer with its share, `n_raters` how many answered at all."""
    if agreed.value is None or most is None:
        return _nothing(n_raters)
    name, share = most
    if alpha.value is None:
        return (
            f"Everybody says “{name}” everywhere: they agree, but nothing shows that they could tell anything else. "
            "Kappa and alpha are undefined without variation, which is neither 0 nor 1."
        )
    if gwet.value is None:
        return "The question declares one answer only, so AC1 is not defined."
    apart = gwet.value - alpha.value
    if ordered:
        return (
            f"Two raters say exactly the same of {percent(agreed.value, 0)}. Ordinal alpha ({signed(alpha.value)}) and "
            f"AC2 ({signed(gwet.value)}) let near answers agree in part, as percent agreement and Fleiss' kappa do "
            "not; alpha expects more agreement by chance the more unevenly the scale is used."
        )
    if apart > CLOSE and share >= MOST:
        return (
            f"Almost everything is “{name}” ({percent(share, 0)}), so raters who guess at that rate would agree most "
            f"of the time. Kappa and alpha take all of that off ({signed(alpha.value)}): they say how well the rare "
            f"answers are told apart. AC1 takes off only what guessing at doubtful transcripts would give "
            f"({signed(gwet.value)})."
        )
    if apart > CLOSE:
        return (
            f"The answers are unevenly used (“{name}” {percent(share, 0)}): kappa and alpha expect more agreement by "
            f"chance ({signed(alpha.value)} beyond it) than AC1 does ({signed(gwet.value)})."
        )
    if apart < -CLOSE:
        return (
            f"Alpha ({signed(alpha.value)}) is higher than AC1 ({signed(gwet.value)}): the answers are used about "
            "evenly, and AC1 expects more agreement by chance there."
        )
    return (
        f"Alpha ({signed(alpha.value)}) and AC1 ({signed(gwet.value)}) say the same: no answer is so frequent that "
        "chance makes a difference."
    )


def signed(value: float) -> str:
    """A coefficient from −1 to 1: "−0.02"."""
    return f"{value:.2f}".replace("-0.00", "0.00").replace("-", "−")


def _nothing(n_raters: int) -> str:
    if n_raters < 2:
        return "One rater: no agreement can be told." if n_raters else "Nobody has answered this yet."
    return f"{count(n_raters, 'rater')}, but no transcript has the answers of two: no agreement can be told."
