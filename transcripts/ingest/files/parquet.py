"""Turns a Parquet file on standard input into JSON Lines on standard output: a program, run in a process of its own.

The file is decoded by a large C++ library, and a crafted one can claim any size or break the library. This process
has bounds of memory and of time that end it alone, and whoever started it tells what became of it. What is wrong
is the last line on standard error.
"""

from __future__ import annotations

import base64
import math
import os
import resource
import signal
import sys
from collections.abc import Iterator
from typing import Any

# Bytes that the process may map, the library's own some 400 MB included; macOS does not keep to it.
MEMORY = 2 << 30
# Seconds for which one step of the library may take.
SECONDS = 120
# Bytes that are handed over at once; whoever reads them waits for as many.
BUFFER = 1 << 18
# Rows that are decoded at once: few, because each may be long.
ROWS = 64


def main() -> int:
    """Writes every row. The result is the exit code: 0 where all could be read."""
    _bound_memory()
    os.environ["ARROW_DEFAULT_MEMORY_POOL"] = "system"  # the others map far more than they use
    try:
        with open(1, "wb", buffering=BUFFER, closefd=False) as out:
            out.writelines(_lines())
    except MemoryError:
        return _fail(f"what it unpacks to does not fit into {MEMORY >> 30} GB of memory")
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # nobody listens any more, and exit would flush
    except Exception as error:
        return _fail(f"damaged: {' '.join(str(error).split())[:300]}")
    return 0


def _lines() -> Iterator[bytes]:
    # Slow to import, and nothing that Arrow needs before it is bounded.
    import orjson  # noqa: PLC0415
    import pyarrow  # noqa: PLC0415
    import pyarrow.parquet  # noqa: PLC0415

    pyarrow.set_cpu_count(1)
    pyarrow.set_io_thread_count(1)
    signal.alarm(SECONDS)
    file = pyarrow.parquet.ParquetFile(sys.stdin.buffer, buffer_size=1 << 20, pre_buffer=False)
    names = unique(file.schema_arrow.names)
    batches = file.iter_batches(batch_size=ROWS, use_threads=False)
    while True:
        signal.alarm(SECONDS)
        batch = next(batches, None)
        if batch is None:
            break
        columns = [column.to_pylist() for column in batch.columns]
        signal.alarm(0)  # whoever reads the rows may take the time it needs
        for cells in zip(*columns, strict=True):
            row = {name: plain(cell) for name, cell in zip(names, cells, strict=True)}
            yield orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)


def plain(value: Any) -> Any:
    """A value as JSON can hold it; a number that is none is missing."""
    if isinstance(value, str | bool | None):
        return value
    if isinstance(value, int):
        return value if -(1 << 63) <= value < 1 << 64 else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return base64.b64encode(value).decode()
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def unique(names: list[str]) -> list[str]:
    """Names of columns, where each has one: those without are numbered, those that come again are counted."""
    counts: dict[str, int] = {}
    found: list[str] = []
    for number, given in enumerate(names, 1):
        first = name = given.strip() or f"column {number}"
        while name in counts:
            counts[first] += 1
            name = f"{first} ({counts[first]})"
        counts[name] = 1
        found.append(name)
    return found


def _bound_memory() -> None:
    try:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (ValueError, OSError):
        pass  # the system has a lower limit, or none that it keeps to


def _fail(reason: str) -> int:
    print(reason, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
