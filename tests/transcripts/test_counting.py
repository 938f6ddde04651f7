import zipfile
from pathlib import Path

import pytest

from transcripts.ingest.processes.counting import Total


def counted(*paths: Path) -> int | None:
    total = Total(paths)
    total.wait()
    return total.files


def test_the_files_of_folders_and_archives_are_counted(tmp_path: Path) -> None:
    for name in ("a.json", "b/c.json", "b/d/e.json"):
        path = tmp_path / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "tree" / "link").symlink_to(tmp_path)
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.writestr("folder/", "")
        archive.writestr("folder/1.json", "{}")
        archive.writestr("2.json", "{}")
    (tmp_path / "one.eval").touch()
    assert counted(tmp_path / "tree", tmp_path / "two.zip", tmp_path / "one.eval") == 6


@pytest.mark.parametrize("name", ["missing.zip", "broken.zip"])
def test_what_cannot_be_counted_is_not_known(tmp_path: Path, name: str) -> None:
    (tmp_path / "broken.zip").write_text("no archive")
    assert counted(tmp_path / name) is None
