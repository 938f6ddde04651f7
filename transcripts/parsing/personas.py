"""Who is who behind an address in a known scenario: the role in the story, and whether inside the company."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import orjson

from transcripts.ingest.files.decode import Undecodable, from_json

ROLES = ("target", "ally", "competitor", "authority", "bystander")
_TEXTS, _SWITCHES = ("scenario", "address", "role", "name"), ("inside", "in_gate")
_REQUIRED = ("scenario", "address", "role", "inside")


@dataclass(frozen=True, slots=True)
class Persona:
    """An address, or a whole domain ("@summitbridge.com"), and its part in a scenario's story."""

    scenario: str
    address: str
    name: str
    role: str  # one of ROLES
    inside: bool
    in_gate: bool = False  # the classifier's recipient gate asks for this address


@cache
def known() -> tuple[Persona, ...]:
    """The personas of the published scenarios, collected from their prompts and gates."""
    return tuple(Persona(**entry) for entry in orjson.loads(Path(__file__).with_name("personas.json").read_bytes()))


def described(data: bytes) -> tuple[Persona, ...]:
    """The personas of a JSON file in the form of `personas.json`. Raises ValueError, naming the entry, where not."""
    try:
        entries = from_json(data)
    except Undecodable as error:
        raise ValueError(f"{error.where}: {error.reason}".removeprefix(": ")) from None
    if not isinstance(entries, list) or not entries:
        raise ValueError("not a list of personas")
    found: dict[tuple[str, str], Persona] = {}
    for number, entry in enumerate(entries, start=1):
        try:
            persona = _persona(entry)
        except ValueError as error:
            raise ValueError(f"entry {number}: {error}") from None
        if found.setdefault((persona.scenario, persona.address), persona) is not persona:
            raise ValueError(f"entry {number}: {persona.address} is in the scenario {persona.scenario} twice")
    return tuple(found.values())


def _persona(entry: object) -> Persona:
    if not isinstance(entry, dict):
        raise ValueError("not a persona")
    if unknown := sorted(entry.keys() - {*_TEXTS, *_SWITCHES}):
        raise ValueError(f"{unknown[0]} is not known; known are {', '.join((*_TEXTS, *_SWITCHES))}")
    if missing := [name for name in _REQUIRED if entry.get(name) in (None, "")]:
        raise ValueError(f"{missing[0]} is missing")
    for name, value in entry.items():
        if not isinstance(value, str if name in _TEXTS else bool):
            raise ValueError(f"{name} is not {'a text' if name in _TEXTS else 'true or false'}")
    if entry["role"] not in ROLES:
        raise ValueError(f"the role {entry['role']} is none of {', '.join(ROLES)}")
    if "@" not in entry["address"]:
        raise ValueError(f"{entry['address']} is neither an address nor, with @ before it, a domain")
    return Persona(**{"name": "", **entry, "address": entry["address"].strip().lower()})


class Cast:
    """The personas of one scenario, by address; empty for a scenario that nobody has described."""

    def __init__(self, personas: Iterable[Persona] = ()) -> None:
        self._by_address = {persona.address: persona for persona in personas}
        self.gated = [persona.address for persona in self._by_address.values() if persona.in_gate]

    def lookup(self, address: str) -> tuple[str, bool | None]:
        """Role ("" where none is known) and whether inside the company.

        The exact address counts first, then its domain. An unknown domain is outside; of an unknown scenario
        nothing is known.
        """
        if not self._by_address:
            return "", None
        wanted = address.strip().lower()
        persona = self._by_address.get(wanted) or self._by_address.get("@" + wanted.rpartition("@")[2])
        return (persona.role, persona.inside) if persona else ("", False)

    def leaves_company(self, addresses: Iterable[str]) -> bool | None:
        """Whether any address is outside; None where nothing is known or nobody is addressed."""
        inside = [self.lookup(address)[1] for address in addresses]
        return None if not inside or None in inside else not all(inside)


def lookup(personas: Iterable[Persona], address: str) -> tuple[str, bool | None]:
    """As `Cast.lookup`, for a single address."""
    return Cast(personas).lookup(address)
