"""What a version of a model judge is: the model, the prompt, the limits and prices. A change is another version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from decimal import Decimal
from typing import Any

from labeling.judges.endpoint import Endpoint, base_url
from labeling.judges.material import Material
from labeling.judges.prompt import FRAME, Prompt, prompt
from transcripts.models import ClassifierVersion

MILLION = Decimal(1_000_000)
# Tokens are rarely shorter than this many characters; a guess that is too high keeps a budget.
CHARACTERS_A_TOKEN = 3


@dataclass(frozen=True)
class ModelJudge:
    """The settings of a version, as they are kept. Prices are dollars for a million tokens; "" is not known."""

    outcome: str
    model: str
    criteria: dict[str, str]
    temperature: float = 0.0
    max_tokens: int = 800
    max_characters: int = 400_000
    json_mode: bool = False
    price_in: str = ""
    price_out: str = ""
    frame: str = FRAME

    @classmethod
    def of(cls, version: ClassifierVersion) -> ModelJudge:
        known = {part.name for part in fields(cls)}
        found = cls(**{name: value for name, value in version.settings.items() if name in known})
        # The database keeps no order: the general question comes last.
        ordered = dict(sorted(found.criteria.items(), key=lambda pair: (not pair[0], pair[0])))
        return replace(found, criteria=ordered)

    def as_settings(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def has_prices(self) -> bool:
        return bool(self.price_in and self.price_out)

    def cost(self, tokens_in: float, tokens_out: float) -> Decimal | None:
        """In dollars; None without prices."""
        if not self.has_prices:
            return None
        spent = Decimal(tokens_in) * Decimal(self.price_in) + Decimal(tokens_out) * Decimal(self.price_out)
        return spent / MILLION

    def prompt(self, material: Material) -> Prompt:
        return prompt(material, self.frame, self.criteria)

    def guess(self, characters: int) -> tuple[int, int]:
        """Tokens in and out that a call with so many characters costs at most, as far as can be known before."""
        return characters // CHARACTERS_A_TOKEN + 1, self.max_tokens

    def endpoint(self, key: str, timeout: float) -> Endpoint:
        """Raises NotConfigured."""
        return Endpoint(
            url=f"{base_url()}/chat/completions",
            key=key,
            model=self.model,
            temperature=self.temperature,
            max_tokens=self.max_tokens,
            json_mode=self.json_mode,
            timeout=timeout,
        )


def outcome_of(version: ClassifierVersion) -> str:
    """The outcome that a model judge answers; "" where its rules say that themselves."""
    settings: Mapping[str, Any] = version.settings
    return str(settings.get("outcome", ""))
