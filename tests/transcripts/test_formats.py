"""What docs/formats.md says of the formats is what the code does."""

import re
from pathlib import Path

from transcripts.ingest.files import decode
from transcripts.ingest.files.archive import Limits
from transcripts.ingest.mapping import FIELDS, NEGATIVE, POSITIVE, VERDICT_FIELDS, decoded
from transcripts.ingest.readers import FORMATS, inspect_messages
from transcripts.parsing.personas import Persona, described

DOCS = (Path(__file__).parents[2] / "docs" / "formats.md").read_text()


def rows(heading: str) -> list[list[str]]:
    """The cells of the first table below a heading, without its head."""
    lines = DOCS.partition(f"{heading}\n")[2].partition("|---")[2].splitlines()[1:]
    table = lines[: next(number for number, line in enumerate(lines) if not line.startswith("|"))]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table]


def test_the_formats_stand_in_the_order_in_which_the_readers_are_asked() -> None:
    assert [row[0] for row in rows("# Formats")] == [f"`{name}`" for name in FORMATS]


def test_it_is_said_of_every_format_what_becomes_of_it() -> None:
    named = [name for row in rows("## What becomes of a file") for name in re.findall(r"`(\w+)`", row[0])]
    assert sorted(named) == sorted(FORMATS)


def test_the_limits_are_those_of_the_code() -> None:
    limits = Limits()
    assert [row[1] for row in rows("## Limits")] == [
        f"{limits.members:,}",
        f"{limits.total_bytes >> 30} GiB",
        f"{limits.member_bytes >> 30} GiB",
        f"{limits.line_bytes >> 20} MiB",
        str(limits.ratio),
        str(limits.levels),
        str(decode.DEEPEST),
        f"{inspect_messages.MOST_RESOLVED:,}",
    ]
    assert f"of files above {limits.ratio_from >> 20} MiB" in DOCS


def test_the_columns_of_a_mapping_are_those_of_the_code() -> None:
    section = DOCS.partition("\nColumns: ")[2].partition("\n\n")[0]
    columns, _, verdict = section.partition("Of a verdict: ")
    assert set(re.findall(r"`(\w+)`", columns)) == set(FIELDS)
    assert set(re.findall(r"`(\w+)`", verdict)) == {*VERDICT_FIELDS, "positive", "negative"}
    assert (POSITIVE, NEGATIVE) == (("true", "yes", "1"), ("false", "no", "0"))


def test_the_mapping_of_the_example_can_be_read() -> None:
    example = decoded(DOCS.partition("```toml\n")[2].partition("```")[0].encode())
    assert (example["model"], example["factors"]) == ("=claude-opus-4", {"variant": "type"})


def test_the_people_of_the_example_can_be_read() -> None:
    example = DOCS.partition("```json\n")[2].partition("```")[0]
    assert described(example.encode()) == (
        Persona("strike", "boss@mill.com", "The owner", "target", inside=True),
        Persona("strike", "@mill.com", "", "bystander", inside=True),
    )
