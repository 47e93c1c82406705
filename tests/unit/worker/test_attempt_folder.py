"""What an attempt unpacked or sorted on disk is nobody else's, and gone before the next one."""

from pathlib import Path

import pytest

from rowferry.worker.attempt import _emptied


def attempted(parent: Path, end: Exception | None = None) -> None:
    """An attempt that finds nothing, leaves something, and ends so."""
    with _emptied(parent) as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
        assert list(folder.iterdir()) == []
        (folder / "unpacked").write_text("a,b\n")
        (folder / "runs").mkdir()
        (folder / "runs" / "0").write_bytes(b"x")
        if end is not None:
            raise end


def test_the_folder_is_empty_again_however_the_attempt_ended(tmp_path: Path) -> None:
    attempted(tmp_path)
    with pytest.raises(ZeroDivisionError):
        attempted(tmp_path, ZeroDivisionError())
    assert [left for folder in tmp_path.iterdir() for left in folder.iterdir()] == []
