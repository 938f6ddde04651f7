"""How a snapshot is cited, and the fingerprint by which anybody can tell that it is the one that was meant."""

from __future__ import annotations

import hashlib
import json

from .models import Snapshot
from .parts import exhibits, parts_of

PREFIX = 16


def fingerprint(snapshot: Snapshot) -> str:
    """SHA-256 of its title, words, figures and what these rest on, as JSON with sorted keys and without blanks."""
    told = {name: getattr(snapshot, name) for name in ("title", "note", "kind", "content", "basis")}
    text = json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def evaluations(snapshot: Snapshot) -> list[str]:
    parts = exhibits(parts_of(snapshot))
    return list(dict.fromkeys(str(part.basis.get("evaluation", "")) for part in parts))


def citation(snapshot: Snapshot, address: str = "") -> str:
    """Of a published snapshot, in one line; with the address where the reader has one."""
    assert snapshot.published_at is not None
    said = [
        f"{snapshot.published_by}: {snapshot.title}",
        f"amdash snapshot {snapshot.pk}, {snapshot.published_at:%-d %B %Y}",
        f"Evaluation: {', '.join(evaluations(snapshot))}",
        f"SHA-256 {(snapshot.fingerprint or fingerprint(snapshot))[:PREFIX]}",
    ]
    if snapshot.retracted_at:
        said.append(f"Retracted {snapshot.retracted_at:%-d %B %Y}")
    return ". ".join(said) + "." + (f" {address}" if address else "")
