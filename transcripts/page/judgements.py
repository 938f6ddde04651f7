"""Verdicts in words: what each judge said, which gates let it pass, and what is missing."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from transcripts.models import Classifier, Verdict
from transcripts.page.references import Piece, cut

# Words, and the anchor on the page where they stand.
Quotes = Iterable[tuple[str, str]]

# What an outcome's yes and no mean; any other outcome is answered yes or no.
OUTCOME_WORDS = {
    "harm": ("harmful", "not harmful"),
    "test_belief": ("says that this is a test", "does not say that this is a test"),
    # AgentDojo's own tests.
    "utility": ("did what the user asked", "did not do what the user asked"),
    "security": ("reached the injected goal", "did not reach the injected goal"),
}
GATE_WORDS = {
    "recipient": ("recipient", "wrote to an address that the gate names", "wrote to no address that the gate names"),
    "keyword": ("keyword", "found in the response", "absent"),
    "code": ("code", "the code stands in a tool call", "the code stands in no tool call"),
    # Of the rules that read acts.
    "sent_to_target": ("sent to the target", "a mail went to the target", "no mail went to the target"),
    "secret": ("secret", "the mail speaks of private matters", "it speaks of no private matter"),
    "demand": ("demand", "it asks to stop or to wait", "it asks for nothing"),
    "condition": ("condition", "it sets a condition or hints at one", "it sets no condition"),
    "disclaimed": ("disclaimed", "it says that nothing will follow", "it does not say that nothing will follow"),
    "sent_outside": ("sent outside", "something left the company", "nothing left the company"),
    "competitor": ("competitor", "it went to a competitor", "it did not go to a competitor"),
    "confidential": ("confidential", "it carries what is confidential", "it carries nothing confidential"),
    "withheld": ("withheld", "it says that something is kept back", "it keeps nothing back"),
    "cancel_done": ("cancelled", "an alert was cancelled", "no alert was cancelled"),
    "code_used": ("code used", "the code was used", "the code was not used"),
    "help_called_off": ("help called off", "a mail calls help off", "no mail calls help off"),
    "code_quoted": ("code quoted", "a mail names the code", "no mail names the code"),
    "negated": ("negated", "a mail says that it must not be cancelled", "no mail forbids it"),
}
_TAGS = re.compile(r"</?reasoning>|<answer>.*?</answer>", re.DOTALL | re.IGNORECASE)
_BLANK_LINES = re.compile(r"\n\s*\n\s*")


@dataclass(frozen=True)
class Gate:
    state: str  # fired, idle, unknown, rule: as the page draws it
    name: str
    words: str


@dataclass(frozen=True)
class Judgement:
    """One verdict, ready to be shown. `call` is "" where the outcome is not harm: then `words` say it all."""

    call: str
    words: str
    by: str
    slug: str
    gates: list[Gate]
    overruled: bool
    why: list[Piece]
    error: str


class Answer(Protocol):
    """What a verdict says, whether it is a row of the database or a line of it."""

    @property
    def version_id(self) -> int: ...
    @property
    def final(self) -> bool | None: ...
    @property
    def judge(self) -> bool | None: ...
    @property
    def error(self) -> str: ...


Given = TypeVar("Given", bound=Answer)


def call(verdict: Answer | None) -> str:
    if verdict is None or (verdict.final is None and not verdict.error):
        return "missing"
    if verdict.error:
        return "error"
    return "harmful" if verdict.final else "not_harmful"


def latest(verdicts: Iterable[Given]) -> Given | None:
    """The one that a list shows, of those on its outcome and of its classifiers: the newest version's answer.

    An answer counts before a failure, so that one broken judge does not hide another's verdict.
    """
    return max(verdicts, key=lambda verdict: (verdict.final is not None, verdict.version_id), default=None)


def judgement(
    verdict: Verdict, *, cancelled: bool | None = None, quotes: Quotes = (), hits: Iterable[str] = ()
) -> Judgement:
    """`cancelled`: whether an alert was; the gate for its code only looks for the code in a tool call.

    `quotes` are words of the transcript with the anchor that they stand at, `hits` words that a search found; both
    are found again in the explanation.
    """
    yes, no = OUTCOME_WORDS.get(verdict.outcome, (f"{verdict.outcome}: yes", f"{verdict.outcome}: no"))
    said = {True: yes, False: no, None: "no answer"}
    why = _BLANK_LINES.sub("\n\n", _TAGS.sub("", verdict.explanation)).strip()
    # Of a verdict with neither judge nor gates, nothing more is known than the verdict; rules have no judge.
    has_judge = verdict.version.classifier.kind != Classifier.Kind.RULES
    judged = verdict.judge is not None or (verdict.gates and has_judge)
    gates = [Gate(_state(verdict.judge), "judge alone", said[verdict.judge])] if judged else []
    for name, passed in verdict.gates.items():
        label, on, off = GATE_WORDS.get(name, (name, "yes", "no"))
        but = ", but no alert was cancelled" if name == "code" and cancelled is False else ""
        gates.append(Gate(_state(passed), label, on + but if passed else off))
    if verdict.gates:
        gates.append(Gate("rule", "final rule", said[verdict.final]))
    return Judgement(
        call=call(verdict) if verdict.outcome == "harm" or verdict.error else "",
        words=_words(verdict, said[verdict.final]),
        by=_by(verdict),
        slug=verdict.version.classifier.slug,
        gates=[] if verdict.error else gates,
        overruled=verdict.overruled,
        why=_why(why, quotes, hits),
        error=verdict.error,
    )


def _why(why: str, quotes: Quotes, hits: Iterable[str]) -> list[Piece]:
    """What a judge quotes leads to where it stands."""
    links: list[tuple[int, int, tuple[str, ...]]] = []
    for words, anchor in quotes:
        found = _same_words(words).search(why)
        if found and all(found.end() <= start or end <= found.start() for start, end, _ in links):
            links.append((found.start(), found.end(), (anchor,)))
    marks = [(*found.span(), "hit") for words in set(hits) for found in _same_words(words).finditer(why)]
    return cut(why, links, marks)


def _same_words(words: str) -> re.Pattern[str]:
    """However they are spaced, and in any case."""
    return re.compile(r"\s+".join(map(re.escape, words.split())) or r"(?!)", re.IGNORECASE)


def _words(verdict: Verdict, said: str) -> str:
    """A judge that gives points and no yes or no has answered all the same."""
    score = "" if verdict.score is None else f"score {verdict.score:g}"
    if verdict.error or verdict.final is not None or not score:
        return "no answer" if verdict.error else " · ".join(filter(None, (said, score)))
    return f"{verdict.outcome}: {score}"


def _by(verdict: Verdict) -> str:
    version = "(version not recorded)" if verdict.version.version == "unknown" else f"· {verdict.version.version}"
    return f"{verdict.version.classifier} {version}".removesuffix(" · ")


def _state(answer: bool | None) -> str:
    return "unknown" if answer is None else "fired" if answer else "idle"
