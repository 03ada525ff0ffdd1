"""Files appear whole or not at all, and tables say what the logbook says."""

import errno
import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from deap import tools

from evoprune import files
from evoprune.files import WriteError, read_json, reason, write, write_json
from evoprune.packing import PACKED, pack
from evoprune.records import (
    CHECKPOINT,
    COLUMNS,
    frame,
    load_checkpoint,
    load_tensors,
    save_checkpoint,
    save_tensors,
    write_csv,
)


def test_frame_has_a_row_a_record():
    logbook = tools.Logbook()
    logbook.record(gen=0, loss=0.5)
    logbook.record(gen=1, loss=0.25)
    table = frame(logbook)
    assert list(table.columns) == ["gen", "loss"]
    assert table["loss"].tolist() == [0.5, 0.25]


def test_frame_names_the_chapters_of_multi_statistics():
    logbook = tools.Logbook()
    logbook.record(gen=0, size={"avg": 3.0}, loss={"avg": 0.5})
    assert frame(logbook).iloc[0].to_dict() == {"gen": 0, "size_avg": 3.0, "loss_avg": 0.5}


def test_a_failed_write_leaves_what_was_there(tmp_path: Path):
    path = tmp_path / "file"
    write(path, lambda file: file.write(b"old"))

    def fail(file):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        write(path, fail)
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("room", [0, 100, 700, 2000])
def test_a_full_disk_is_named_also_where_torch_hides_it(room: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    class Small(io.FileIO):
        """A file on a small disk, on which less still fits after more did not."""

        def write(self, data: Any) -> int:
            if self.tell() + len(data) > room:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return super().write(data)

    monkeypatch.setattr(files.os, "fdopen", Small)
    with pytest.raises(WriteError, match=f"file: {os.strerror(errno.ENOSPC)}"):
        save_tensors(tmp_path / "file", [torch.ones(1000), torch.ones(5)])
    assert not os.listdir(tmp_path)


def test_json_has_null_for_nan_and_infinity(tmp_path: Path):
    value = {"a": float("nan"), "b": np.float64(0.5), "c": [1, float("inf")], "d": None, "e": True}
    write_json(tmp_path / "x.json", value)
    assert json.loads((tmp_path / "x.json").read_text()) == value | {"a": None, "c": [1, None]}


def test_csv_keeps_every_digit(tmp_path: Path):
    table = pd.DataFrame({"x": [1 / 3, 1e-300]})
    write_csv(tmp_path / "x.csv", table)
    assert pd.read_csv(tmp_path / "x.csv")["x"].tolist() == [1 / 3, 1e-300]


def test_checkpoint_loads_as_it_was(tmp_path: Path):
    save_checkpoint(tmp_path / "c.pt", {"x": torch.arange(3), "y": [1, None, "z"]})
    state = load_checkpoint(tmp_path / "c.pt")
    assert state["y"] == [1, None, "z"]
    assert state["x"].tolist() == [0, 1, 2]


def test_a_pipe_is_no_file_to_wait_for(tmp_path: Path):
    os.mkfifo(tmp_path / "x.json")
    with pytest.raises(ValueError, match=r"x\.json: cannot be read as JSON \(not a file\)"):
        read_json(tmp_path / "x.json")


def test_a_reason_is_a_short_line():
    assert reason(KeyError("grid")) == "grid is missing"
    assert reason(RuntimeError("two\n\tlines\x1b")) == "two lines\N{REPLACEMENT CHARACTER}"
    assert len(reason(ValueError("x" * 10**6))) == 300
    assert reason(MemoryError()) == "MemoryError"


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 half a zip"])
def test_a_damaged_checkpoint_is_named(tmp_path: Path, content: bytes):
    (tmp_path / "c.pt").write_bytes(content)
    with pytest.raises(ValueError, match=r"c\.pt: damaged or not a checkpoint"):
        load_checkpoint(tmp_path / "c.pt")


def test_a_truncated_checkpoint_is_damaged(tmp_path: Path):
    save_checkpoint(tmp_path / "c.pt", {"x": torch.zeros(1000)})
    content = (tmp_path / "c.pt").read_bytes()
    (tmp_path / "c.pt").write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match="damaged"):
        load_checkpoint(tmp_path / "c.pt")


def test_a_foreign_checkpoint_is_told_from_ours(tmp_path: Path):
    torch.save({"format": "something else"}, tmp_path / "c.pt")
    with pytest.raises(ValueError, match="something else"):
        load_checkpoint(tmp_path / "c.pt")
    torch.save([1], tmp_path / "d.pt")
    with pytest.raises(ValueError, match="not a checkpoint"):
        load_checkpoint(tmp_path / "d.pt")
    with pytest.raises(ValueError, match="no checkpoint here"):
        load_checkpoint(tmp_path / "e.pt")


TABLE = [{"gen": 0, "loss": 0.5, "of": "a", "best": None}, {"gen": 1, "loss": 1e300, "of": "b", "best": 2}]


@pytest.mark.parametrize(
    "rows",
    [
        TABLE,
        [{"big": 2**70}],
        [{"mixed": 1}, {"mixed": 1.0}],
        [{"yes": True}],
        [{}],
        [{"one": 1}, {"other": 1}],
        [{"nested": {"a": 1}}],
        [3, {}],
        [],
    ],
    ids=str,
)
def test_tables_in_a_checkpoint_come_back_as_they_were(tmp_path: Path, rows: list[Any]):
    save_checkpoint(tmp_path / "c.pt", {"rows": rows})
    found = load_checkpoint(tmp_path / "c.pt")["rows"]
    assert found == rows
    assert list(map(repr, found)) == list(map(repr, rows))  # 1 is not 1.0, nor True


def test_numbers_of_a_table_are_tensors_in_the_file(tmp_path: Path):
    save_checkpoint(tmp_path / "c.pt", {"rows": TABLE})
    columns = torch.load(tmp_path / "c.pt", weights_only=True)["rows"][COLUMNS]
    assert {name: type(column) for name, column in columns.items()} == {
        "gen": torch.Tensor,
        "loss": torch.Tensor,
        "of": list,
        "best": list,
    }
    assert columns["loss"].dtype == torch.float64


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ([1], "must have columns"),
        ({"a": 3}, "must have columns"),
        ({"a": torch.zeros(2, 2)}, "must have columns"),
        ({"a": torch.zeros(1).expand(10**12)}, "must have columns"),
        ({"a": torch.zeros(2).to_sparse()}, "must have columns"),
        ({"a": torch.zeros(2), "b": [1]}, "differ in length"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_damaged_table_is_named(tmp_path: Path, columns: Any, why: str):
    torch.save({"format": CHECKPOINT, "log": {COLUMNS: columns}}, tmp_path / "c.pt")
    with pytest.raises(ValueError, match=rf"c\.pt: damaged or not a checkpoint \(.*{why}"):
        load_checkpoint(tmp_path / "c.pt")


def pruned() -> torch.Tensor:
    """10,000 numbers, of which 100 are no zero, -0.0 among them."""
    tensor = torch.zeros(100, 100)
    tensor[:, 3] = torch.arange(1, 101)
    tensor[50, 3] = -0.0
    return tensor


def test_zeros_and_masks_of_a_checkpoint_take_a_bit_each(tmp_path: Path):
    tensor = pruned()
    state = {"weights": {"a": tensor}, "masks": [tensor != 0], "log": [{"gen": k, "loss": 0.0} for k in range(1000)]}
    save_checkpoint(tmp_path / "c.pt", state)
    assert (tmp_path / "c.pt").stat().st_size < 10_000 // 8 * 2 + 100 * 4 + 1000 * 8 + 1000 // 8 + 5000
    found = load_checkpoint(tmp_path / "c.pt")
    assert found["log"] == state["log"]
    assert torch.equal(found["weights"]["a"].view(torch.int32), tensor.view(torch.int32))
    assert torch.equal(found["masks"][0], tensor != 0)
    assert found.keys() == {"format", *state}


def test_a_file_from_before_zeros_were_packed_is_read(tmp_path: Path):
    torch.save({"format": CHECKPOINT, "weights": pruned()}, tmp_path / "c.pt")
    found = load_checkpoint(tmp_path / "c.pt")["weights"]
    assert torch.equal(found.view(torch.int32), pruned().view(torch.int32))


ENDLESS: list[Any] = []
ENDLESS.append(ENDLESS)
DAMAGED_TENSORS: dict[str, tuple[Any, str]] = {
    "no fields": ({"weights": {PACKED: 5}}, "must have shape, strides, bits, values, got 5"),
    "within a list": ({"weights": {"a": [{PACKED: {}}]}}, "must have shape"),
    "an endless list": ({"weights": ENDLESS}, "maximum recursion depth exceeded"),
    "the file itself": (pack(pruned()), "expected a dict of names, got Tensor"),
}


@pytest.mark.parametrize(("stored", "why"), DAMAGED_TENSORS.values(), ids=list(DAMAGED_TENSORS))
def test_a_damaged_packed_tensor_is_named(tmp_path: Path, stored: Any, why: str):
    torch.save(stored, tmp_path / "c.pt")
    with pytest.raises(ValueError, match=rf"c\.pt: .*not a checkpoint \(.*{why}"):
        load_tensors(tmp_path / "c.pt", "checkpoint")
