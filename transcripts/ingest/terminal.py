"""How far a run has come, for whoever started the command: one line that is rewritten, or now and then a line."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable

from django.core.management.base import OutputWrapper

from transcripts.ingest.run import Progress

# Seconds between two tellings, on a terminal and in a log. A run shorter than that leaves a log as it is.
TERMINAL_SECONDS = 0.2
LOG_SECONDS = 10.0


class ProgressLine:
    def __init__(self, out: OutputWrapper, clock: Callable[[], float] = time.monotonic) -> None:
        self.out, self.clock = out, clock
        self.terminal = out.isatty()
        self.told = clock() if not self.terminal else float("-inf")
        self.stage = ""
        self.began = clock()  # the stage

    def tell(self, progress: Progress) -> None:
        now = self.clock()
        if progress.stage != self.stage:
            self.stage, self.began = progress.stage, now if self.stage else self.began
        if now - self.told < (TERMINAL_SECONDS if self.terminal else LOG_SECONDS):
            return
        self.told = now
        line = words(progress, now - self.began)
        if self.terminal:
            self.out.write(f"\r{line[: shutil.get_terminal_size().columns - 1]}\x1b[K", style_func=str, ending="")
        else:
            self.out.write(line, style_func=str)

    def clear(self) -> None:
        """Make room for other lines."""
        if self.terminal:
            self.out.write("\r\x1b[K", style_func=str, ending="")


def words(progress: Progress, seconds: float) -> str:
    """The stage, what is done of what, and for a stage of so many seconds how fast that is and what is left."""
    done = f"{progress.files:,} of {progress.files_total:,}" if progress.files_total else f"{progress.files:,}"
    told = [f"{done} files", f"{progress.transcripts:,} transcripts"]
    if seconds >= 1 and progress.transcripts:
        told.append(f"{progress.transcripts / seconds:,.0f} per second")
    if seconds >= 1 and progress.stage == "reading" and progress.files and progress.files_total:
        told.append(f"about {clock(seconds * (progress.files_total - progress.files) / progress.files)} left")
    return f"{progress.stage}: {' · '.join(told)}"


def clock(seconds: float) -> str:
    """59 s, 1:01 min, 1:01 h."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes}:{rest:02} min" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02} h"
