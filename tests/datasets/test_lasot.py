from zipfile import ZipFile

import numpy as np
import pytest
from published_layouts import (
    TRUTH,
    configured,
    counting_boxes,
    needs_truth,
    number_of,
    write_pictures,
    write_rows,
)

from datasets.benchmark import read_list
from datasets.lasot import lasot
from ops.errors import InputError

FRAMES = 1000


def write_video(folder, absent=(), **flags):
    """An annotated video of FRAMES frames; flags: file name -> indices of flagged frames."""
    write_rows(folder / "groundtruth.txt", counting_boxes(FRAMES))
    for name, indices in flags.items():
        values = np.zeros(FRAMES, int)
        values[list(indices)] = 1
        write_rows(folder / f"{name}.txt", [values])
    if absent:
        write_rows(folder / "absent.txt", [[int(index in absent)] for index in range(FRAMES)])


@pytest.fixture
def short_list(monkeypatch):
    """Two videos of FRAMES frames."""
    rows = [{"name": name, "frames": str(FRAMES)} for name in ("bus-2", "bus-5")]
    monkeypatch.setattr("datasets.lasot.read_list", lambda name: rows)


@pytest.mark.parametrize("place", ["bus/bus-5", "bus-5"])
def test_the_official_layout(tmp_path, place, short_list):
    write_video(tmp_path / place, full_occlusion=[3, 4], out_of_view=[4, 9])
    write_pictures(tmp_path / place / "img", "{:08d}.jpg", range(1, FRAMES + 1, 333))
    (sequence,) = lasot(tmp_path, sequences=["bus-5"]).sequences
    assert sequence.boxes[0].tolist() == [0, 19, 30, 40] and len(sequence) == FRAMES
    assert np.flatnonzero(sequence.absent).tolist() == [3, 4, 9]
    assert [number_of(sequence.frame(index)) for index in (0, 333, 999)] == [1, 334, 1000]
    with pytest.raises(InputError, match=r"bus-5: 996 of 1000 pictures .*00000002.jpg"):
        sequence.check_pictures()


def test_one_file_of_flags(tmp_path, short_list):
    write_video(tmp_path / "bus" / "bus-2", absent=[7, 999])
    write_video(tmp_path / "bus" / "bus-5", absent=[7], full_occlusion=[1], out_of_view=[2])
    dataset = configured("lasot", tmp_path)
    found = [np.flatnonzero(sequence.absent).tolist() for sequence in dataset.sequences]
    assert found == [[7, 999], [1, 2]]  # the official files decide where both are
    assert (dataset.name, dataset.split, dataset.part) == ("LaSOT", "test", None)
    assert (dataset.convention, dataset.protocols, dataset.origin) == ("matlab_otb", ("ope",), 1)


def test_the_committed_list():
    rows = read_list("lasot")
    assert len({row["name"] for row in rows}) == len(rows) == 280
    assert sum(int(row["frames"]) for row in rows) == 685360
    classes = [row["name"].rpartition("-")[0] for row in rows]
    assert {classes.count(name) for name in classes} == {4}  # four videos of each of 70 classes


@needs_truth
def test_the_whole_benchmark(tmp_path):
    with ZipFile(TRUTH / "lasot.zip") as archive:
        members = [name for name in archive.namelist() if name.startswith("lasot/dataset/")]
        archive.extractall(tmp_path, members)
    folder = tmp_path / "lasot" / "dataset"
    dataset = configured("lasot", folder)
    assert len(dataset.sequences) == 280 and sum(map(len, dataset.sequences)) == 685360
    assert set(dataset.by_name) == {path.parent.name for path in folder.rglob("absent.txt")}
    for name in ("airplane-1", "rubicCube-19", "yoyo-7"):
        annotation = folder / name.split("-")[0] / name
        rows = np.loadtxt(annotation / "groundtruth.txt", delimiter=",") - [1, 1, 0, 0]
        np.testing.assert_array_equal(dataset.by_name[name].boxes, rows)
        flags = np.loadtxt(annotation / "absent.txt")
        np.testing.assert_array_equal(dataset.by_name[name].absent, flags == 1)


def test_what_is_wrong_is_said(tmp_path, short_list):
    folder = tmp_path / "bus" / "bus-5"
    write_video(folder)
    with pytest.raises(InputError, match=r"full_occlusion.txt: cannot be read"):
        lasot(tmp_path, sequences=["bus-5"])
    write_video(folder, full_occlusion=[3])
    with pytest.raises(InputError, match=r"out_of_view.txt: cannot be read"):
        lasot(tmp_path, sequences=["bus-5"])
    write_rows(folder / "out_of_view.txt", [[0] * (FRAMES - 1)])
    with pytest.raises(InputError, match=r"out_of_view.txt: 999 rows, LaSOT has 1000"):
        lasot(tmp_path, sequences=["bus-5"])
    write_rows(folder / "groundtruth.txt", counting_boxes(FRAMES + 1))
    with pytest.raises(InputError, match=r"groundtruth.txt: 1001 rows, LaSOT has 1000"):
        lasot(tmp_path, sequences=["bus-5"])
    with pytest.raises(InputError, match=r"bus/bus-2/gr.* 1 of 2 are missing; expected LaSOT as"):
        lasot(tmp_path)
    with pytest.raises(InputError, match=r"dataset.sequences: bus-1 not in LaSOT"):
        lasot(tmp_path, sequences=["bus-1"])
    with pytest.raises(InputError, match=r"no such folder; expected LaSOT as CLASS/CLASS-N"):
        lasot(tmp_path / "nowhere")
