"""The questions of a codebook as a form: what is asked, what is filled in, and what a rater sent."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict

from labeling.codebooks.guideline import Part, parts
from labeling.models import Choice, Draft, Label, Question
from labeling.queue.answer import Chosen, Refused, key_of
from labeling.queue.blind import Act
from transcripts.page.references import Piece

PREFIX = "q-"
LONGEST_COMMENT = 10_000
LONGEST_GUESS = 200
LONGEST_STAMP = 60
LONGEST_SITTING = 24 * 60 * 60
# What is typed so far, as drafts keep it: {answers: {question key: [choice key …]}, evidence, comment, recognised,
# seconds, stamp}.
# The stamp says which page saved it, and as its how-manieth: "page.count".
Content = dict[str, Any]


@dataclass(frozen=True)
class ShownChoice:
    choice: Choice
    digit: str
    chosen: bool


@dataclass(frozen=True)
class ShownQuestion:
    """A question with what is filled in. `after` are the choices that it waits for (empty: always asked).

    One about each action is shown for each: `act` is which, and `first` says that it is the first of them.
    """

    question: Question
    act: Act | None
    first: bool
    choices: list[ShownChoice]
    value: str
    after: list[Choice]
    asked: bool
    problem: str

    @property
    def key(self) -> str:
        return key_of(self.question, self.act.ordinal if self.act else None)

    @property
    def name(self) -> str:
        return PREFIX + self.key

    @property
    def after_ids(self) -> str:
        return " ".join(str(choice.pk) for choice in self.after)

    @property
    def help(self) -> list[Part]:
        """The first paragraph of its guideline, which is always in sight."""
        return parts(self.question.help)[:1]

    @property
    def examples(self) -> list[Part]:
        return parts(self.question.help)[1:]

    @property
    def about(self) -> list[Piece]:
        """The action in words: “Mail 1 to …”."""
        if self.act is None:
            return []
        found = [*self.act.verb, Piece(f" {self.act.number}")]
        for place, recipient in enumerate(self.act.recipients):
            found += [Piece(", " if place else " to "), *recipient.address]
        return found if self.act.done else [*found, Piece(" (drafted, not done)")]


def shown_questions(
    questions: Sequence[Question], content: Mapping[str, Any], problems: Mapping[str, str], acts: Sequence[Act] = ()
) -> list[ShownQuestion]:
    """The form's questions in order; those about each action once for each of `acts`."""
    answers: Mapping[str, list[str]] = content.get("answers", {})
    chosen = Chosen()
    shown = []
    for question in questions:
        about: Sequence[Act | None] = acts if question.unit == Question.Unit.ACTION else [None]
        for place, act in enumerate(about):
            action = act.ordinal if act else None
            given = answers.get(key_of(question, action), [])
            is_asked = chosen.leads_to(question, action)
            if is_asked:
                chosen.add(action, (choice.pk for choice in question.choices.all() if choice.key in given))
            shown.append(
                ShownQuestion(
                    question=question,
                    act=act,
                    first=place == 0,
                    choices=_choices(question, given),
                    value=given[0] if given else "",
                    after=sorted(question.asked_after.all(), key=lambda choice: choice.ordinal),
                    asked=is_asked,
                    problem=problems.get(key_of(question, action), ""),
                )
            )
    return shown


def _choices(question: Question, given: Collection[str]) -> list[ShownChoice]:
    return [
        ShownChoice(choice, str(place % 10) if place <= 10 else "", choice.key in given)
        for place, choice in enumerate(question.choices.all(), start=1)
    ]


def sent(post: QueryDict) -> Content:
    """What a form sent, with an evidence span added (`mark`) or taken away (`unmark`) by its buttons."""
    if any("\0" in word for name in post for word in (name, *post.getlist(name))):
        raise Refused({"": "A NUL character cannot be kept; nothing was saved."})
    spans = [*post.getlist("evidence"), *post.getlist("mark")]
    gone = set(post.getlist("unmark"))
    comment = post.get("comment", "").replace("\r\n", "\n")
    if len(comment) > LONGEST_COMMENT:
        raise Refused({"": f"The comment is longer than {LONGEST_COMMENT:,} characters."})
    guess = post.get("recognised", "").strip()
    if len(guess) > LONGEST_GUESS:
        raise Refused({"": f"The name that you recognise is longer than {LONGEST_GUESS} characters."})
    return {
        "answers": {name.removeprefix(PREFIX): post.getlist(name) for name in post if name.startswith(PREFIX)},
        "evidence": [_span(value) for value in dict.fromkeys(spans) if value not in gone],
        "comment": comment,
        "recognised": guess,
        "seconds": _seconds(post.get("seconds", "")),
        "stamp": post.get("stamp", "")[:LONGEST_STAMP],
    }


def _span(value: str) -> dict[str, Any]:
    try:
        place, start, end = value.rsplit(":", 2)
        return {"place": place, "start": int(start), "end": int(end)}
    except ValueError:
        raise Refused({"": f"Not a passage: {value[:100]}"}) from None


def _seconds(value: str) -> float | None:
    try:
        seconds = float(value)
    except ValueError:
        return None
    return seconds if 0 <= seconds <= LONGEST_SITTING else None


def new_stamp() -> str:
    """For a page that is shown now, and has not saved yet."""
    return f"{secrets.token_hex(8)}.0"


def stamp_of(draft: Draft | None) -> str:
    return str(draft.content.get("stamp", "")) if draft is not None else ""


def saves(stamp: str) -> tuple[str, int]:
    """The page of a stamp, and how often it had saved."""
    page, _, count = stamp.partition(".")
    return page, int(count) if count.isascii() and count.isdigit() else 0


def remembered(draft: Draft | None, label: Label | None) -> Content:
    """What to show in the form: the draft, or the label that is being corrected, or nothing."""
    if draft is not None:
        return dict(draft.content)
    if label is None:
        return {}
    answers: dict[str, list[str]] = {}
    for answer in label.answers.select_related("question", "choice"):
        plain = answer.text if answer.number is None else f"{answer.number:g}"
        answers.setdefault(key_of(answer.question, answer.action_ordinal), []).append(
            answer.choice.key if answer.choice else plain
        )
    spans = label.evidence.values("place", "start", "end")
    return {"answers": answers, "evidence": list(spans), "comment": label.comment, "recognised": label.recognised}
