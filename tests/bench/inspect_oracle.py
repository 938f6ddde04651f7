"""python -m tests.bench.inspect_oracle PYTHON FOLDER: do Inspect logs read here as inspect_ai itself reads them?

PYTHON is an interpreter that has inspect_ai, FOLDER is looked through for logs. Prints a JSON line for every log:
how many texts of its samples were compared (messages, reasoning, tool calls, scores), how many hold characters or
numbers that a database cannot hold, which are replaced, and each text that differs.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from transcripts.ingest import readers
from transcripts.ingest.files.decode import from_json
from transcripts.ingest.parsed import Transcript

# Run by the other interpreter: a JSON line a sample. Parts of a message that are no text are null.
THEIRS = """
import json, sys
from inspect_ai.log import read_eval_log

def call(name, arguments):
    return [name, json.loads(arguments) if isinstance(arguments, str) and arguments else arguments or {}]

def message(said):
    parts = said.content_list
    texts = [part.text if part.type == "text" else None for part in parts
             if part.type != "reasoning" and (part.type != "tool_use" or part.result)]
    if not "".join(text or " -"[text is None] for text in texts).strip() and getattr(said, "error", None):
        texts = [said.error.message]
    thoughts = [part.summary or "" if part.redacted else part.reasoning or part.summary or ""
                for part in parts if part.type == "reasoning"]
    calls = [call(part.name, part.arguments) for part in parts if part.type == "tool_use"]
    calls += [call(one.function, one.arguments) for one in getattr(said, "tool_calls", None) or []]
    return {"role": said.role, "texts": texts, "reasoning": [t for t in thoughts if t], "calls": calls}

for sample in read_eval_log(sys.argv[1], resolve_attachments=True).samples or []:
    given = [{"role": "user", "texts": [sample.input], "reasoning": [], "calls": []}]
    if not isinstance(sample.input, str):
        given = [message(said) for said in sample.input]
    said = [message(one) for one in sample.messages] or given
    if all(one["role"] != "assistant" for one in said) and sample.output.choices:
        said.append(message(sample.output.message))
    scores = {name: [score.value, score.explanation or ""] for name, score in (sample.scores or {}).items()}
    print(json.dumps({"id": str(sample.id), "epoch": sample.epoch, "messages": said, "scores": scores}))
"""


def named(sample: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """What inspect_ai read, by the names that texts have here; a text that holds other parts as a pattern."""
    messages, at = sample["messages"], 0
    for role in ("system", "user"):
        start = at
        while at < len(messages) and messages[at]["role"] == role:
            at += 1
        yield role, _whole(part for message in messages[start:at] for part in message["texts"])
    for number, message in enumerate(messages[at:]):
        yield f"m{number}.role", message["role"]
        yield f"m{number}.text", _whole(message["texts"])
        yield f"m{number}.reasoning", "\n\n".join(message["reasoning"])
        for index, call in enumerate(message["calls"]):
            yield f"m{number}.call{index}", _plain(call)
    for name, score in sample["scores"].items():
        yield f"score {name}", _plain(score)


def read_here(transcript: Transcript) -> Iterator[tuple[str, Any]]:
    """The same of what the reader here yields."""
    yield from (("system", transcript.system), ("user", transcript.user))
    for number, message in enumerate(transcript.messages):
        yield f"m{number}.role", message.role
        yield f"m{number}.text", message.text
        yield f"m{number}.reasoning", message.reasoning
        for index, call in enumerate(message.tool_calls):
            yield f"m{number}.call{index}", _plain([call.function, call.arguments])
    for verdict in transcript.verdicts:
        if "value" in verdict.raw:
            said = verdict.explanation
            yield f"score {verdict.classifier.removeprefix('inspect-')}", _plain([verdict.raw["value"], said])


def differences(theirs: dict[str, Any], ours: dict[str, Any]) -> Iterator[dict[str, str]]:
    for name in sorted(theirs.keys() | ours.keys()):
        wanted, found = theirs.get(name), ours.get(name)
        same = bool(wanted.fullmatch(str(found))) if isinstance(wanted, re.Pattern) else wanted == found
        if not same:
            yield {"text": name, "inspect_ai": repr(wanted)[:200], "here": repr(found)[:200]}


def compare(python: str, path: Path) -> dict[str, Any]:
    run = subprocess.run([python, "-c", THEIRS, str(path)], capture_output=True, check=False)
    lines = run.stdout.splitlines()
    # Decoded as ours are: what a database cannot hold is replaced in both, and counted.
    theirs = {f"{one['id']}/{one['epoch']}": dict(named(one)) for one in map(from_json, lines)}
    as_written = {f"{one['id']}/{one['epoch']}": dict(named(one)) for one in map(json.loads, lines)}
    read = [record for record in readers.read(path, format="inspect") if isinstance(record, Transcript)]
    ours = {record.sample_key.partition("/")[2]: dict(read_here(record)) for record in read}
    different = [
        {"sample": key, **one}
        for key in sorted(theirs.keys() | ours.keys())
        for one in differences(theirs.get(key, {}), ours.get(key, {}))
    ]
    return {
        "log": path.name,
        "samples": len(theirs),
        "texts": sum(map(len, theirs.values())),
        "replaced": sum(
            theirs[key][name] != text for key, sample in as_written.items() for name, text in sample.items()
        ),
        "refused": run.stderr.decode().strip().splitlines()[-1:] if run.returncode else [],
        "different": different,
    }


def _whole(parts: Any) -> str | re.Pattern[str]:
    pieces = list(parts)
    if None not in pieces:
        return "\n\n".join(pieces)
    return re.compile("\n\n".join(r"\[.*\]" if piece is None else re.escape(piece) for piece in pieces), re.DOTALL)


def _plain(value: Any) -> Any:
    """As it is after a JSON file."""
    return json.loads(json.dumps(value), parse_constant=str)


def main(arguments: Sequence[str]) -> None:
    python, folder = arguments
    for path in sorted(Path(folder).rglob("*")):
        if path.suffix in (".eval", ".json"):
            print(json.dumps(compare(python, path)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
