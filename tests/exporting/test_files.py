"""Sizes of exported files and folders."""

from pathlib import Path

import pytest

from inkproof.exporting.files import kilobytes


def test_a_folder_is_as_large_as_all_files_in_it(tmp_path: Path):
    (tmp_path / "saved_model" / "variables").mkdir(parents=True)
    (tmp_path / "saved_model" / "graph.pb").write_bytes(bytes(1024))
    (tmp_path / "saved_model" / "variables" / "weights").write_bytes(bytes(300))
    assert kilobytes(tmp_path / "saved_model") == 1.3
    assert kilobytes(tmp_path / "saved_model" / "variables" / "weights", decimals=2) == 0.29
    with pytest.raises(FileNotFoundError):
        kilobytes(tmp_path / "absent.tflite")
