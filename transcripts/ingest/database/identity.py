"""By what transcripts, conditions and prompts are known: their hashes, and what names the database can hold."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import fields
from typing import Any

import orjson

from transcripts.ingest import parsed

# Names stand in indexes, whose entries PostgreSQL bounds to some 2,700 bytes.
_LONGEST_NAME = 500  # characters, of up to four bytes
_LONGEST_PATH = 2_000  # bytes
_FACTORS = tuple(part.name for part in fields(parsed.Condition) if part.name != "recorded_id")


class Unstorable(ValueError):
    """A record that the database cannot hold; the message says why."""


def check_identity(model: str, condition: parsed.Condition, key: str) -> None:
    """Raises Unstorable where a name by which something is known is longer than an index can hold."""
    check_name("model's id", model)
    check_name("sample's id", key)
    check_condition(condition)


def check_condition(condition: parsed.Condition) -> None:
    """Raises Unstorable where one of its names is too long."""
    factors = [condition.scenario, condition.goal_type, condition.goal_value, condition.urgency]
    factors += [condition.mitigation, condition.awareness, condition.recorded_id]
    for factor in [*factors, *condition.free, *condition.free.values()]:
        check_name("condition", factor)


def check_name(what: str, name: str) -> None:
    """Raises Unstorable where the name is too long."""
    if len(name) > _LONGEST_NAME:
        raise Unstorable(f"the {what} has {len(name):,} characters ({name[:40]}…); {_LONGEST_NAME} is the most")


def check_path(path: str) -> None:
    """Raises Unstorable where the path is too long."""
    if len(path.encode()) > _LONGEST_PATH:
        raise Unstorable(f"the file's path is longer than {_LONGEST_PATH:,} bytes")


def prompt_sha256(system: str, user: str) -> bytes:
    """Of both texts; the length of the first keeps (ab, c) and (a, bc) apart."""
    head = system.encode(errors="surrogatepass")
    return hashlib.sha256(b"%d\n%b%b" % (len(head), head, user.encode(errors="surrogatepass"))).digest()


def factors(condition: parsed.Condition) -> dict[str, Any]:
    """By name; without the id that the source gave the condition, which leaves factors out."""
    return {name: getattr(condition, name) for name in _FACTORS}


def condition_sha256(condition: parsed.Condition) -> bytes:
    """Of all factors."""
    return hashlib.sha256(orjson.dumps(factors(condition), option=orjson.OPT_SORT_KEYS)).digest()


def permanent_random_number(seed: str, transcript: parsed.Transcript) -> float:
    """A number in (0, 1) that belongs to the transcript's identity: HMAC-SHA256 under the evaluation's seed."""
    return random_number(seed, transcript.model, condition_sha256(transcript.condition), transcript.sample_key)


def random_number(seed: str, model: str, condition: bytes, sample_key: str) -> float:
    """The same, by the condition's hash."""
    digest = hmac.digest(seed.encode(), orjson.dumps([model, condition.hex(), sample_key]), "sha256")
    return (int.from_bytes(digest[:7], "big") % 2**52 + 0.5) / 2**52
