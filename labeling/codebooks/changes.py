"""What is different between two editions of a codebook, for whoever must tell whether their labels still compare."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from labeling.codebooks.edition import Asked, Counted, Edition, Option

KINDS = {
    "one": "one choice",
    "several": "several choices",
    "scale": "ordered scale",
    "number": "number",
    "text": "text",
}


@dataclass(frozen=True)
class Detail:
    """One thing about a part, before and after ("" where it was not there)."""

    what: str
    before: str
    after: str


@dataclass(frozen=True)
class Change:
    """`how` is added, removed, moved or changed."""

    part: str
    name: str
    how: str
    details: tuple[Detail, ...] = ()


def changes(before: Edition, after: Edition) -> list[Change]:
    found = []
    if before.guideline != after.guideline:
        found.append(Change("Guideline", "", "changed", (Detail("", before.guideline, after.guideline),)))
    found += _compared("Question", _named(before.questions), _named(after.questions), before, after)
    found += _compared("Outcome", _named(before.outcomes), _named(after.outcomes), before, after)
    return found


def _named(parts: Sequence[Asked] | Sequence[Counted]) -> dict[str, Asked | Counted]:
    return {part.key: part for part in parts}


def _title(part: Asked | Counted) -> str:
    return part.text if isinstance(part, Asked) else part.name


def _compared(
    word: str,
    old: Mapping[str, Asked | Counted],
    new: Mapping[str, Asked | Counted],
    before: Edition,
    after: Edition,
) -> Iterator[Change]:
    kept = [key for key in old if key in new]
    out_of_order = _moved(kept, [key for key in new if key in old])
    for key, part in new.items():
        if key not in old:
            yield Change(word, _title(part), "added")
            continue
        facts, now = _facts(old[key], before), _facts(part, after)
        names = dict.fromkeys([*facts, *now])
        details = tuple(
            Detail(name, facts.get(name, ""), now.get(name, ""))
            for name in names
            if facts.get(name, "") != now.get(name, "")
        )
        if details:
            yield Change(word, _title(part), "changed", details)
        elif key in out_of_order:
            yield Change(word, _title(part), "moved")
    for key, part in old.items():
        if key not in new:
            yield Change(word, _title(part), "removed")


def _moved(old: list[str], new: list[str]) -> set[str]:
    """The fewest that one must move to make the new order: all outside the longest run that kept its order."""
    place = {key: number for number, key in enumerate(old)}
    best: list[list[str]] = [[]]
    for key in new:
        runs = [run for run in best if not run or place[run[-1]] < place[key]]
        best.append([*sorted(runs, key=len)[-1], key])
    return set(new) - set(sorted(best, key=len)[-1])


def _facts(part: Asked | Counted, edition: Edition) -> dict[str, str]:
    return _of_question(part, edition) if isinstance(part, Asked) else _of_outcome(part, edition)


def _of_question(question: Asked, edition: Edition) -> dict[str, str]:
    facts = {
        "wording": question.text,
        "guideline": question.help,
        "kind": KINDS.get(question.kind, question.kind),
        "about": "each action" if question.unit == "action" else "the transcript",
        "answer": "required" if question.required else "optional",
        "asked after": "; ".join(_choice(edition, key, choice) for key, choice in question.asked_after),
        "order of choices": ", ".join(option.key for option in question.options),
    }
    return facts | {f"choice {option.key}": _option(option) for option in question.options}


def _option(option: Option) -> str:
    marks = ["counts as missing"] * option.is_missing + ["needs evidence"] * option.needs_evidence
    return " · ".join(filter(None, [option.text, option.help, *marks]))


def _of_outcome(outcome: Counted, edition: Edition) -> dict[str, str]:
    question = edition.question(outcome.question)
    facts = {
        "name": outcome.name,
        "description": outcome.description,
        "question": question.text if question else outcome.question,
    }
    for scenario, keys in outcome.by_scenario.items():
        name = f"positive in {scenario or 'every scenario'}"
        facts[name] = "; ".join(_choice(edition, outcome.question, key, short=True) for key in keys)
    return facts


def _choice(edition: Edition, question: str, key: str, *, short: bool = False) -> str:
    asked = edition.question(question)
    option = asked.option(key) if asked else None
    text = option.text if option else key
    return text if short or asked is None else f"{asked.text} {text}"
