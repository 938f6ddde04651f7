"""Names by which a model gives itself away, and the cover that hides them from raters.

A covered text is as long as the text itself, so that a place in the one is the same place in the other: evidence
speaks of the true text. Makers and families are known beforehand; the model's own names come with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

COVER = "█"

# As regular expressions, in any case but where they say otherwise.
KNOWN = (
    r"claude|anthropic|chat[- ]?gpt|gpt|open[- ]?ai|o[134]|codex|"
    r"gemini|gemma|palm[- ]?2|google(?:[- ]?deepmind)?|deep[- ]?mind|grok|x\.?ai|"
    r"(?:code|meta)?[- ]?llama|meta[- ]?ai|qwen|qwq|tongyi|alibaba|deep[- ]?seek|"
    r"mi[ns]tral|mixtral|magistral|codestral|devstral|kimi|moonshot|(?-i:Amazon Nova|Nova|NOVA)|"
    r"cohere|command[- ]r\+?|chatglm|glm|zhipu|z\.ai|minimax|hunyuan|tencent|ernie|baidu|doubao|bytedance|"
    r"phi[- ]?\d|copilot|nemotron|nvidia|jamba|ai21|olmo|internlm|granite[- ]?\d"
)
# What follows a family's name and tells its size or edition: "Claude 3.5 Sonnet", "gpt-4o-mini-2024-07-18".
_EDITION = (
    r"(?:[vrkm]?\d+(?:\.\d+)*[a-z]{0,2}|a\d+b|sonnet|opus|haiku|instant|pro|flash|lite|ultra|nano|mini|micro|turbo|"
    r"large|medium|small|premier|max|plus|instruct|chat|preview|latest|coder|thinking|reasoner|maverick|scout|oss|ai|"
    r"exp|beta|distill)(?![^\W_])"
)
_SEPARATORS = r"[-_ .:@]"
_TAIL = rf"s?(?![^\W\d_])(?:{_SEPARATORS}?{_EDITION})?(?:[-_ /:@]{_EDITION})*"
# Parts of a recorded id that name a host or nothing, and are words of the language.
_NOBODY = re.compile(
    "accounts|api|azure|bedrock|custom|fireworks|groq|hf|host|hosted|huggingface|inference|local|mock|mockllm|models?|"
    "none|ollama|openrouter|other|provider|proxy|replicate|test|together|unknown|vertex|vllm",
    re.IGNORECASE,
)
_SHORTEST = 3


@dataclass(frozen=True)
class Mask:
    """Covers every name that its pattern finds; without a pattern it covers nothing."""

    pattern: re.Pattern[str] | None = None

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where names stand, in order and without overlap."""
        return [match.span() for match in self.pattern.finditer(text)] if self.pattern else []

    def cover(self, text: str) -> str:
        """The text, as long as it was, with every name covered."""
        return self.pattern.sub(lambda match: COVER * len(match[0]), text) if self.pattern else text


NOTHING = Mask()


@cache
def mask(*own: str) -> Mask:
    """For the model with these names: its recorded id, what it is called, who made it. Empty ones are passed over."""
    names = sorted(dict.fromkeys(_own(own)), key=len, reverse=True)
    either = "|".join([*map(_loosely, names), KNOWN])
    return Mask(re.compile(rf"(?<![^\W_])(?:{either}){_TAIL}(?![^\W_])", re.IGNORECASE))


def _own(given: Iterable[str]) -> Iterator[str]:
    """Each name, the parts of its path, and both without the edition at their end."""
    for name in given:
        for part in (name, *name.split("/")):
            words = [word for word in re.split(_SEPARATORS, part.strip()) if word]
            yield from _sayable(words)
            while len(words) > 1 and re.fullmatch(_EDITION, words[-1], re.IGNORECASE):
                words.pop()
                yield from _sayable(words)


def _sayable(words: list[str]) -> Iterator[str]:
    name = " ".join(words)
    if len(name) >= _SHORTEST and not _NOBODY.fullmatch(name) and not name.isdigit():
        yield name


def _loosely(name: str) -> str:
    """However its words are joined: "brisk-heron" is "Brisk Heron" too."""
    return rf"{_SEPARATORS}?".join(re.escape(word) for word in name.split(" "))
