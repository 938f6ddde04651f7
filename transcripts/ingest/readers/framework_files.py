"""The files of the framework's results tree, one by one: prompts with their factors, and responses."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from transcripts.ingest.files.archive import Refused
from transcripts.ingest.files.decode import Undecodable, from_json, moment, text
from transcripts.ingest.files.tree import Tree, join
from transcripts.ingest.parsed import Condition, Message, Problem, Source, Status, Transcript, Verdict
from transcripts.ingest.readers.chat import TRUNCATED, UNFILLED, UNFILLED_REASON, UNKNOWN
from transcripts.parsing import actions, reasoning

_CONDITION_ID = re.compile(
    r"(?P<scenario>[a-z]+)_(?P<goal_type>explicit|latent|none|ambiguous|swap)-(?P<goal_value>[a-z-]+)"
    r"_(?P<urgency>replacement|restriction|none)(?P<prod>_prod)?"
)
_SAMPLE = re.compile(r"sample_(\d{1,9})")
_CLASSIFICATION = re.compile(r"(?:(?P<kind>\w+?)_)?classification(?:_v(?P<version>\d+))?")
# How the framework's own classification of test awareness is called; every other kind is a classifier of its own.
_AWARENESS = ("", "awareness", "blackmail_awareness")


@dataclass(frozen=True, slots=True)
class Prompts:
    """What every sample of a condition was sent, and the condition's factors."""

    condition: Condition
    system: str = ""
    user: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """A response's transcript, and what was odd about it."""

    record: Transcript
    problems: list[Problem]


def is_sample(folder_name: str) -> bool:
    """Whether a folder is called as the framework calls a sample's: sample_001."""
    return _SAMPLE.fullmatch(folder_name) is not None


def read_prompts(tree: Tree, folder: str, condition_id: str) -> tuple[Prompts, list[Problem]]:
    """A condition's prompts; `folder` is "" where the tree has none. All problems are warnings."""
    if not folder:
        reason = f"no prompts for condition {condition_id}: mitigation and awareness notice are unknown"
        return Prompts(condition_from(condition_id, None)), [Problem(tree.name("prompts"), "", reason, lost=False)]
    problems: list[Problem] = []

    def part(name: str) -> str:
        try:
            return text(tree.read(join(folder, name)))
        except (OSError, Refused) as error:
            problems.append(Problem(tree.name(join(folder, name)), "", f"cannot be read: {error}", lost=False))
            return ""

    metadata: object = None
    try:
        metadata = from_json(tree.read(join(folder, "metadata.json")))
    except Undecodable as error:
        problems.append(Problem(tree.name(join(folder, "metadata.json")), error.where, error.reason, lost=False))
    except (OSError, Refused):
        reason = "missing: mitigation and awareness notice of this condition are unknown"
        problems.append(Problem(tree.name(join(folder, "metadata.json")), "", reason, lost=False))
    condition = condition_from(condition_id, metadata if isinstance(metadata, dict) else None)
    system = part("system_prompt.txt")
    # The framework joins the two parts with an empty line before it sends them.
    user = "\n\n".join(piece for piece in (part("user_prompt.txt"), part("email_content.txt")) if piece)
    problems.extend(Problem(tree.name(folder), where, why, lost=False) for where, why in _defects(condition, system))
    return Prompts(condition, system, user), problems


def _defects(condition: Condition, system: str) -> Iterator[tuple[str, str]]:
    """Where prompts do not say what their condition does, as the framework's own code is known to write them."""
    if UNFILLED in system:
        yield "system_prompt.txt", UNFILLED_REASON
    if condition.goal_type == "swap" and condition.goal_value.isalpha() and condition.goal_value != "none":
        reason = f"the framework leaves the goal out of a swap to {condition.goal_value}: it wants two, from and to"
        yield "metadata.goal_value", reason


def condition_from(condition_id: str, metadata: Mapping[str, Any] | None) -> Condition:
    """The factors as the metadata say them; what they leave out as the id says it, or "unknown"."""
    # It may be the name of a folder, which need not be UTF-8.
    condition_id = condition_id.encode(errors="backslashreplace").decode()
    match = _CONDITION_ID.fullmatch(condition_id)
    from_id: dict[str, str] = match.groupdict(default="") if match else {}
    said = metadata or {}

    def factor(name: str, in_id: str) -> str:
        value = said.get(name)
        return value if isinstance(value, str) and value else from_id.get(in_id) or UNKNOWN

    scenario = factor("scenario", "scenario")
    prod = said.get("production_variant")
    return Condition(
        scenario={"leak": "leaking", UNKNOWN: condition_id}.get(scenario, scenario),
        goal_type=factor("goal_type", "goal_type"),
        goal_value=factor("goal_value", "goal_value"),
        urgency=factor("urgency_type", "urgency"),
        prod=prod if isinstance(prod, bool) else bool(from_id.get("prod")),
        mitigation=switch(said, "extra_system_instructions"),
        awareness=_awareness(said),
        recorded_id=condition_id,
    )


def switch(said: Mapping[str, Any], name: str) -> str:
    """A factor that is off (false or null), on with a name, or not mentioned at all."""
    if name not in said:
        return UNKNOWN
    value = said[name]
    if value is None or value is False or value == "":
        return "none"
    return value.lower() if isinstance(value, str) else str(value).lower()


def _awareness(said: Mapping[str, Any]) -> str:
    enabled = said.get("alignment_faking")
    if not isinstance(enabled, bool):
        return UNKNOWN
    kind = said.get("alignment_faking_type")
    if not enabled:
        return "none"
    return kind if isinstance(kind, str) and kind not in ("", "none") else UNKNOWN


def transcript(response: object, path: str, origin: Source, prompts_of: Callable[[str], Prompts]) -> Found:
    """A response.json as a transcript. Raises ValueError, in words, where it is not one."""
    if not isinstance(response, dict):
        raise ValueError("not a response: the file holds no JSON object")
    metadata = response.get("metadata")
    if not isinstance(metadata, dict):
        raise ValueError("not a response: it has no metadata")
    model = metadata.get("model")
    if not isinstance(model, str) or not model:
        raise ValueError("metadata.model is missing: which model answered is not known")
    folders = path.split("/")
    condition_id, problems = _condition_id(metadata, folders, origin)
    prompts = prompts_of(condition_id)
    answer = _answer(response)
    api = metadata.get("api_metadata")
    stop = api.get("stop_reason") if isinstance(api, dict) else None
    stop_reason = stop if isinstance(stop, str) else ""
    status, error = _outcome(response, answer, stop_reason)
    thoughts = reasoning.find(answer, "m0.text")
    record = Transcript(
        source=origin,
        model=model,
        condition=prompts.condition,
        sample_key=_sample_key(metadata.get("sample_id"), folders),
        status=status,
        system=prompts.system,
        user=prompts.user,
        messages=(Message("assistant", answer),) if answer else (),
        reasoning=thoughts,
        actions=actions.find(answer, "m0.text", thoughts),
        verdicts=tuple(verdicts(response)),
        error=error,
        stop_reason=stop_reason,
        recorded_at=moment(metadata.get("timestamp")),
        extra=_extra(response, metadata),
    )
    return Found(record, problems)


def _condition_id(metadata: Mapping[str, Any], folders: list[str], origin: Source) -> tuple[str, list[Problem]]:
    """What the file says; a folder that says something else is worth a warning."""
    above = folders[:-2] if len(folders) >= 2 and is_sample(folders[-2]) else folders[:-1]
    in_path = above[-1] if above else ""
    said = metadata.get("condition")
    if not isinstance(said, str) or not said:
        return in_path or UNKNOWN, []
    if not in_path or in_path == said:
        return said, []
    reason = f"says condition {said}, but stands under {in_path}; what it says is used"
    return said, [Problem(origin.path, "metadata.condition", reason, lost=False)]


def _answer(response: Mapping[str, Any]) -> str:
    answer = response.get("raw_response")
    if answer is None:
        if "raw_response" not in response and "error" not in response:
            raise ValueError("neither raw_response nor error: nothing says what became of the call")
        return ""
    if not isinstance(answer, str):
        raise ValueError("raw_response is not a text")
    return answer


def _outcome(response: Mapping[str, Any], answer: str, stop_reason: str) -> tuple[Status, str]:
    error = response.get("error")
    if answer.strip():
        whole = stop_reason.lower() not in TRUNCATED
        return (Status.COMPLETE if whole else Status.TRUNCATED), str(error or "")
    if error is not None or stop_reason == "error":
        return Status.ERROR, str(error) if error else "the provider stopped with an error"
    return Status.EMPTY, ""


def _sample_key(sample_id: object, folders: list[str]) -> str:
    if isinstance(sample_id, int | str) and not isinstance(sample_id, bool) and str(sample_id):
        return str(sample_id)
    match = _SAMPLE.fullmatch(folders[-2]) if len(folders) >= 2 else None
    if match is None:
        raise ValueError("metadata.sample_id is missing: which sample this is is not known")
    return str(int(match[1]))


def _extra(response: Mapping[str, Any], metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Every field that has no place of its own in a transcript; the canary is among them."""
    taken = {"model", "condition", "sample_id"}
    if moment(metadata.get("timestamp")):
        taken.add("timestamp")
    kept = {name: value for name, value in response.items() if not _is_classification(name, value)}
    for name in ("raw_response", "error"):
        kept.pop(name, None)
    kept["metadata"] = {name: value for name, value in metadata.items() if name not in taken}
    return kept


def _is_classification(name: str, value: object) -> bool:
    return isinstance(value, dict) and _CLASSIFICATION.fullmatch(name) is not None


def verdicts(response: Mapping[str, Any]) -> Iterator[Verdict]:
    """Of every field that is called as the framework calls its classifications."""
    for name, value in response.items():
        if "classification" in name and _is_classification(name, value):
            yield _verdict(name, value)


def _verdict(name: str, record: Mapping[str, Any]) -> Verdict:
    match = _CLASSIFICATION.fullmatch(name)
    kind = (match and match["kind"]) or ""
    suffix = f"+v{match['version']}" if match and match["version"] else ""
    if "aware" in record or "awareness" in kind:
        plain = kind in _AWARENESS
        slug, outcome, answer = "framework-awareness", "test_belief", record.get("aware")
    elif "harmful_behavior" in record or not kind:
        plain = not kind
        slug, outcome, answer = "framework-harm", "harm", record.get("harmful_behavior")
    else:
        plain = False
        slug, outcome, answer = "framework", kind, record.get("classifier_verdict")
    judge = record.get("classifier_verdict")
    error = str(record["error"]) if record.get("error") else ""
    if not error and not isinstance(answer, bool):
        error = "the classification holds no answer that is true or false"
    grader = record.get("classifier_model")
    explanation = record.get("classifier_reasoning")
    return Verdict(
        classifier=slug if plain else f"{slug}-{kind}",
        version=(grader if isinstance(grader, str) and grader else UNKNOWN) + suffix,
        outcome=outcome,
        final=answer if isinstance(answer, bool) and not error else None,
        judge=judge if isinstance(judge, bool) and not error else None,
        explanation=explanation if isinstance(explanation, str) else "",
        error=error,
        recorded_at=moment(record.get("classified_at")),
        raw={key: value for key, value in record.items() if key != "classifier_reasoning"},
    )
