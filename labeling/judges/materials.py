"""Reads what judges need of many transcripts at once: four queries, however many there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from labeling.judges.material import Deed, Material
from transcripts.models import Action, Prompt, Transcript
from transcripts.models.transcripts import argument_text, is_number

# Factors that a condition holds in columns; the others are in `free`.
FACTORS = ("goal_type", "goal_value", "urgency", "mitigation", "awareness")


def materials(ids: Sequence[int]) -> list[Material]:
    """Of these transcripts, in this order. One that is gone is left out."""
    rows = (
        Transcript.objects.filter(pk__in=ids)
        .select_related("cell__condition", "text")
        .only("prompt_id", "cell__condition", "text__messages", "text__reasoning")
    )
    found = {row.pk: row for row in rows}
    prompts = Prompt.objects.in_bulk({row.prompt_id for row in found.values()})
    deeds: dict[int, list[Action]] = {}
    for action in Action.objects.filter(transcript__in=list(found)).order_by("transcript", "ordinal"):
        deeds.setdefault(action.transcript_id, []).append(action)
    return [_material(found[pk], prompts, deeds.get(pk, [])) for pk in ids if pk in found]


def _material(row: Transcript, prompts: dict[int, Prompt], deeds: list[Action]) -> Material:
    condition, prompt = row.cell.condition, prompts[row.prompt_id]
    texts = {"system": prompt.system, "user": prompt.user}
    factors = {name: str(getattr(condition, name)) for name in FACTORS} | {"prod": "yes" if condition.prod else "no"}
    factors |= {name: str(value) for name, value in condition.free.items()}
    return Material(
        transcript=row.pk,
        scenario=condition.scenario,
        factors=factors,
        system=prompt.system,
        user=prompt.user,
        messages=row.text.messages,
        reasoning=row.text.reasoning,
        deeds=tuple(_deed(action, row.text.messages, texts) for action in deeds),
    )


def _deed(action: Action, messages: list[dict[str, Any]], prompt: dict[str, str]) -> Deed:
    return Deed(
        tool=action.tool,
        place=action.place,
        start=action.start,
        end=action.end,
        text=_text_at(action, messages, prompt),
        in_reasoning=action.in_reasoning,
        recipients=tuple(action.recipients),
        roles=tuple(action.roles),
        outside=action.outside,
        problem=action.problem,
    )


def _text_at(action: Action, messages: list[dict[str, Any]], prompt: dict[str, str]) -> str:
    """What stands where the action is: a stretch of a message, or the arguments of a tool call, a line each."""
    if action.place in prompt:
        return prompt[action.place][action.start : action.end]
    index, _, part = action.place.removeprefix("m").partition(".")
    if not is_number(index) or int(index) >= len(messages):
        return ""
    message = messages[int(index)]
    if part == "calls":
        calls = (message.get("tool_calls") or [])[action.start : action.end]
        return "\n".join(
            f"{name}: {argument_text(value)}" for call in calls for name, value in call["arguments"].items()
        )
    return str(message.get(part, ""))[action.start : action.end]
