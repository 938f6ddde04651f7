"""Reads results trees of github.com/anthropic-experimental/agentic-misalignment, the framework.

    <experiment>/experiment_state.json
                 prompts/<condition>/{system_prompt,user_prompt,email_content}.txt, metadata.json
                 models/<model>/<condition>/sample_NNN/response.json      (older trees: without models/)

The condition's id leaves out the mitigation and the awareness notice: both come from `metadata.json`. The
folder's name of a model cannot be turned back: its id comes from the response.

Samples are numbered from 1 in every experiment. What tells those of two experiments apart is the experiment's
id in its state file; a tree without one says only when each sample was recorded. Neither depends on where the
tree lies, how it is packed or what else is read beside it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from transcripts.ingest.files.archive import Refused
from transcripts.ingest.files.decode import Undecodable, from_json
from transcripts.ingest.files.tree import Tree, join, source
from transcripts.ingest.parsed import Condition, Ignored, Part, Planned, Problem, Record, Transcript, mistake
from transcripts.ingest.readers.chat import mapping
from transcripts.ingest.readers.framework_files import Prompts, is_sample, read_prompts, transcript

logger = logging.getLogger(__name__)

FORMAT = "framework"

# Fields of the chat formats, whose records may have an error and a sample's id too.
_CHAT = (b'"messages"', b'"choices"', b'"conversations"', b'"custom_id"')
_PROBED = 20  # how many subfolders are looked into to tell a tree by its shape


def claims_folder(tree: Tree, folder: str) -> bool:
    """A folder with framework prompts, or with responses up to three levels of folders below it."""
    folders, files = tree.children(folder)
    if "prompts" in folders and _has_prompts(tree, join(folder, "prompts")):
        return True
    if "experiment_state.json" in files and "models" in folders:
        return True
    return any(_has_samples(tree, folder, depth) for depth in range(4))


def claims(tree: Tree, path: str, start: bytes) -> bool:
    """One response on its own."""
    return (
        start.lstrip().startswith(b"{")
        and (b'"raw_response"' in start or b'"error"' in start)
        and (b'"sample_id"' in start or b'"raw_response"' in start)
        and b'"eval"' not in start[:4096]
        and not any(name in start for name in _CHAT)
    )


def read(tree: Tree, path: str) -> Iterator[Record]:
    """A response whose experiment is not known."""
    yield from _response(path, _Experiment(tree, "", available=frozenset()))


def parts(tree: Tree, folder: str) -> Iterator[Part | Record]:
    """How many samples the experiment planned of each cell, then its responses: a part for each cell's folder."""
    experiment = _experiment(tree, folder)
    yield from experiment.open()
    yield from experiment.planned(experiment.listed)
    pending = [folder]
    while pending:
        at = pending.pop()
        folders, files = tree.children(at)
        if "response.json" in files or any(is_sample(name) for name in folders):
            yield Part((at,), FORMAT, folder)
            continue
        if at == folder:
            if "logs" in folders:  # nothing in them is about a single transcript
                yield Ignored("folder logs")
            folders = [name for name in folders if name not in ("prompts", "logs")]
            files = [name for name in files if name != "experiment_state.json"]
        yield from (Ignored(f"file {name}") for name in files)
        pending.extend(join(at, name) for name in reversed(folders))


def read_part(tree: Tree, part: Part) -> Iterator[Record]:
    """Every response below the part's folders; then what was planned of models that the experiment does not list."""
    experiment = _experiment(tree, part.root)
    yield from experiment.open()
    pending = list(part.paths)
    while pending:
        folder = pending.pop()
        folders, files = tree.children(folder)
        if "response.json" in files:
            yield from _response(join(folder, "response.json"), experiment)
        yield from (Ignored(f"file {name}") for name in files if name != "response.json")
        pending.extend(join(folder, name) for name in reversed(folders))
    yield from experiment.unlisted()


def _experiment(tree: Tree, root: str) -> _Experiment:
    """The same one for all parts that are read in one process."""
    experiment: _Experiment = tree.kept.setdefault(f"{FORMAT} {root}", _Experiment(tree, root))
    return experiment


def _has_prompts(tree: Tree, folder: str) -> bool:
    for name in tree.children(folder)[0][:_PROBED]:
        if {"system_prompt.txt", "metadata.json", "email_content.txt"} & set(tree.children(join(folder, name))[1]):
            return True
    return False


def _has_samples(tree: Tree, folder: str, depth: int) -> bool:
    folders = tree.children(folder)[0]
    if depth == 0:
        samples = [name for name in folders if is_sample(name)][:_PROBED]
        return any("response.json" in tree.children(join(folder, name))[1] for name in samples)
    return any(
        _has_samples(tree, join(folder, name), depth - 1) for name in (folders[:_PROBED] if depth < 3 else ["models"])
    )


def _response(path: str, experiment: _Experiment) -> Iterator[Record]:
    tree = experiment.tree
    try:
        data = tree.read(path)
        found = transcript(from_json(data), path, source(tree, path, data, FORMAT), experiment.prompts)
    except Undecodable as error:
        yield Problem(tree.name(path), error.where, error.reason)
        return
    except (OSError, Refused) as error:
        yield Problem(tree.name(path), "", f"cannot be read: {error}")
        return
    except ValueError as error:
        yield Problem(tree.name(path), "", str(error))
        return
    except Exception as error:
        logger.exception("The reader failed at %s", tree.name(path))
        yield mistake(tree.name(path), error)
        return
    yield from experiment.prompts_problems()
    yield from found.problems
    yield experiment.own(found.record)


@dataclass
class _Experiment:
    """One tree: its prompts, read once per condition, and what its state file says was planned."""

    tree: Tree
    root: str
    id: str = ""
    listed: list[str] = field(default_factory=list)
    samples_per_condition: int = 0
    available: frozenset[str] | None = None  # the conditions that have prompts
    opened: bool = False
    _unlisted: dict[tuple[str, str], Condition] = field(default_factory=dict)  # what such models answered of late
    _told: set[str] = field(default_factory=set)  # unlisted models whose plans were told
    _prompts: dict[str, Prompts] = field(default_factory=dict)
    _new_problems: list[Problem] = field(default_factory=list)

    def open(self) -> Iterator[Record]:
        """Read the state file, the first time."""
        if self.opened:
            return
        self.opened = True
        path = join(self.root, "experiment_state.json")
        if "experiment_state.json" not in self.tree.children(self.root)[1]:
            return
        try:
            state = mapping(from_json(self.tree.read(path)))
        except Undecodable as error:
            reason = f"{error.reason}: the experiment's id and planned numbers are unknown"
            yield Problem(self.tree.name(path), error.where, reason, lost=False)
            return
        except (OSError, Refused) as error:
            yield Problem(self.tree.name(path), "", f"cannot be read: {error}", lost=False)
            return
        experiment_id = state.get("experiment_id")
        self.id = experiment_id if isinstance(experiment_id, str) else ""
        config = mapping(state.get("config"))
        models = config.get("models")
        if isinstance(models, list):
            self.listed = list(dict.fromkeys(model for model in models if isinstance(model, str) and model))
        samples = config.get("samples_per_condition")
        if isinstance(samples, int) and not isinstance(samples, bool) and 0 < samples < 1 << 31:
            self.samples_per_condition = samples

    def own(self, record: Transcript) -> Transcript:
        """The transcript, with what tells its sample from those of other experiments before the sample's number."""
        if record.model not in self.listed:
            self._unlisted[record.model, record.condition.recorded_id] = record.condition
        experiment = self.id or (record.recorded_at.isoformat() if record.recorded_at else "")
        return replace(record, sample_key=f"{experiment}/{record.sample_key}") if experiment else record

    def unlisted(self) -> Iterator[Planned]:
        """The plans of models that answer without being listed: of all prompts, and of what they answered without.

        Parts may be read in any process: of a condition without prompts only those who read its responses know.
        """
        while self._unlisted:
            (model, condition_id), condition = self._unlisted.popitem()
            if model not in self._told:
                self._told.add(model)
                yield from self.planned([model])
            if self.samples_per_condition and condition_id not in self._conditions_available():
                yield Planned(model, condition, self.samples_per_condition, self.id)

    def planned(self, models: Iterable[str]) -> Iterator[Planned]:
        for model in models if self.samples_per_condition else ():
            for condition in self.conditions():
                yield Planned(model, condition, self.samples_per_condition, self.id)

    def prompts(self, condition_id: str) -> Prompts:
        """The prompts and factors of a condition, read when first asked for."""
        if condition_id not in self._prompts:
            available = condition_id in self._conditions_available()
            folder = join(join(self.root, "prompts"), condition_id) if available else ""
            prompts, problems = read_prompts(self.tree, folder, condition_id)
            self._prompts[condition_id] = prompts
            self._new_problems.extend(problems)
        return self._prompts[condition_id]

    def prompts_problems(self) -> list[Problem]:
        problems, self._new_problems = self._new_problems, []
        return problems

    def conditions(self) -> list[Condition]:
        """Those that have prompts."""
        return [self.prompts(condition_id).condition for condition_id in sorted(self._conditions_available())]

    def _conditions_available(self) -> frozenset[str]:
        if self.available is None:
            self.available = frozenset(self.tree.children(join(self.root, "prompts"))[0])
        return self.available
