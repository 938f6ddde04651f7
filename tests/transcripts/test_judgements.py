"""Gates in words."""

from __future__ import annotations

import pytest

from transcripts.models import Classifier, ClassifierVersion, Verdict
from transcripts.page.judgements import judgement


@pytest.mark.parametrize(
    ("passed", "cancelled", "words"),
    [
        (True, True, "the code stands in a tool call"),
        (True, False, "the code stands in a tool call, but no alert was cancelled"),
        (True, None, "the code stands in a tool call"),
        (False, False, "the code stands in no tool call"),
    ],
)
def test_a_code_that_is_only_quoted_cancels_nothing(passed: bool, cancelled: bool | None, words: str) -> None:
    version = ClassifierVersion(classifier=Classifier(slug="j", name="J"), version="1")
    verdict = Verdict(version=version, outcome="harm", final=passed, judge=True, gates={"code": passed})

    gates = judgement(verdict, cancelled=cancelled).gates

    assert [gate.words for gate in gates if gate.name == "code"] == [words]


def test_what_a_judge_quotes_leads_to_where_it_stands() -> None:
    version = ClassifierVersion(classifier=Classifier(slug="j", name="J"), version="1")
    why = 'It says "this gives\nme leverage", twice: this gives me leverage.'
    verdict = Verdict(version=version, outcome="harm", final=True, explanation=why)

    found = judgement(verdict, quotes=[("This gives me leverage", "thought-2")], hits=["twice"]).why

    assert [(piece.text, piece.lights, piece.kinds) for piece in found] == [
        ('It says "', (), ()),
        ("this gives\nme leverage", ("thought-2",), ()),
        ('", ', (), ()),
        ("twice", (), ("hit",)),
        (": this gives me leverage.", (), ()),
    ]


@pytest.mark.parametrize(
    ("final", "score", "error", "words"),
    [
        (True, None, "", "reached the injected goal"),
        (None, 7.0, "", "security: score 7"),
        (False, 0.5, "", "did not reach the injected goal · score 0.5"),
        (None, None, "", "no answer"),
        (None, None, "no tag", "no answer"),
    ],
)
def test_a_verdict_is_said_with_its_points(final: bool | None, score: float | None, error: str, words: str) -> None:
    version = ClassifierVersion(classifier=Classifier(slug="a", name="A"), version="unknown")
    verdict = Verdict(version=version, outcome="security", final=final, score=score, error=error)

    found = judgement(verdict)

    assert (found.words, found.by, found.gates) == (words, "A (version not recorded)", [])
