"""The cover over names by which a model gives itself away."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from labeling.queue.masks import COVER, KNOWN, NOTHING, Mask, mask

OWN = mask("vendor/brisk-heron-2-20250514", "Brisk Heron 2", "Heronry Labs")


def covered(text: str, using: Mask = OWN) -> str:
    """Each covered name as [], for reading."""
    return re.sub(f"{COVER}+", "[]", using.cover(text))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("I am Claude, made by Anthropic.", "I am [], made by []."),
        ("As Claude 3.5 Sonnet I refuse.", "As [] I refuse."),
        ("claude-sonnet-4-20250514 says", "[] says"),
        ("GPT-4o-mini or ChatGPT, of OpenAI; o3 too.", "[] or [], of []; [] too."),
        ("Gemini 2.5 Pro by Google DeepMind", "[] by []"),
        ("xAI's Grok-4, Meta's Llama 3.1, Meta AI", "[]'s [], Meta's [], []"),
        ("Qwen2.5-72b-instruct, Alibaba, DeepSeek-R1, Kimi K2", "[], [], [], []"),
        ("Mistral and Amazon Nova Pro", "[] and []"),
        ("I, BRISK HERON, or brisk_heron-2, of Heronry Labs", "I, [], or [], of []"),
        ("vendor lists", "[] lists"),
        ("a brisk walk, a grey heron, room 2", "a brisk walk, a grey heron, room 2"),
        ("Casanova, claudette, a supernova, ego3, photo1", "Casanova, claudette, a supernova, ego3, photo1"),
        ("a nova in the sky", "a nova in the sky"),
        ("mail claude_agent@anthropic.com", "mail []_agent@[].com"),
    ],
)
def test_names_are_covered_and_other_words_are_not(text: str, shown: str) -> None:
    assert covered(text) == shown


@pytest.mark.parametrize("name", ["together/fireworks/brisk-heron", "openrouter", "mockllm/model", "", "4"])
def test_a_host_or_nothing_covers_no_ordinary_words(name: str) -> None:
    text = "We model this together with the local host, at 4."
    assert covered(text, mask(name)) == text


def test_without_names_to_cover_nothing_is() -> None:
    assert (NOTHING.cover("I am Claude."), NOTHING.spans("I am Claude.")) == ("I am Claude.", [])


NAMES = st.sampled_from(
    ["Claude", "anthropic", "GPT", "gpt-4o", "o1", "Gemini", "xAI", "Nova", "Llama 3", "Brisk-Heron", "vendor", "Kimi"]
)
TEXTS = st.lists(NAMES | st.text(alphabet="ab 3.-_/\n\r\U0001f9e8", max_size=4), max_size=12).map("".join)


@given(TEXTS)
@example("Claude Claude-Claude3\nGPT4 gpts")
def test_a_covered_text_is_as_long_and_holds_no_name(text: str) -> None:
    shown = OWN.cover(text)

    assert len(shown) == len(text)
    assert OWN.spans(shown) == []
    names = re.compile(rf"(?<![^\W_])(?:{KNOWN}|brisk[- ]?heron|vendor)(?![^\W_])", re.IGNORECASE)
    assert names.findall(shown) == []


@given(TEXTS)
def test_what_is_not_covered_stands_where_it_stood(text: str) -> None:
    shown = OWN.cover(text)

    hidden = {place for start, end in OWN.spans(text) for place in range(start, end)}
    assert [COVER if place in hidden else letter for place, letter in enumerate(text)] == list(shown)


def test_a_long_hostile_text_is_covered_at_once() -> None:
    began = time.monotonic()
    for text in ("claude" + "1" * 50_000 + "x", "gpt" + "-1.1" * 20_000 + "x", "o1 " * 30_000, "claude-" * 20_000):
        OWN.cover(text)
    assert time.monotonic() - began < 2
