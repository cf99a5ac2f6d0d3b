import json
from dataclasses import replace

import numpy as np
import pytest
from published_layouts import (
    TRUTH,
    configured,
    needs_truth,
    number_of,
    write_pictures,
    write_rows,
)

from datasets.benchmark import read_list
from datasets.sequence import VOTRules
from datasets.vot import aligned_boxes, vot
from ops.errors import InputError

POLYGONS = [[10 + i, 20, 19 + i, 20, 19 + i, 29, 10 + i, 29] for i in range(4)]


@pytest.fixture
def short_list(monkeypatch):
    """Two sequences of four frames, whatever the year."""
    rows = [{"name": name, "frames": "4"} for name in ("bag", "ball1")]
    monkeypatch.setattr("datasets.vot.read_list", lambda name: rows)


def test_boxes_to_start_from():
    polygons = np.array([
        [10, 20, 19, 20, 19, 29, 10, 29],  # upright: pixels 10 to 19 and 20 to 29
        [10, 0, 20, 10, 10, 20, 0, 10],  # a square on its tip: half the area of the box around it
        [0, 0, 4, 0, 4, 2, 0, 6],  # sides 4 and 2, box 4 x 6, mean of the corners (2, 2)
        [5, 5, 5, 5, 5, 5, 5, 5],
    ], float)  # fmt: skip
    boxes = aligned_boxes(polygons)
    half, third = 10 / 2**0.5, 3**-0.5
    expected = [
        [10, 20, 10, 10],
        [10 - half, 10 - half, 2 * half + 1, 2 * half + 1],
        [2 - 2 * third, 2 - 3 * third, 4 * third + 1, 6 * third + 1],
    ]
    np.testing.assert_allclose(boxes[:3], expected, rtol=0, atol=1e-12)
    assert np.isnan(boxes[3]).all()


@pytest.mark.parametrize("layout", ["color", "flat", "described"])
def test_layouts(tmp_path, layout, short_list):
    folder = tmp_path / "bag"
    write_rows(folder / "groundtruth.txt", POLYGONS)
    pictures, pattern = {
        "color": (folder / "color", "{:08d}.jpg"),
        "flat": (folder, "{:08d}.jpg"),
        "described": (folder / "left", "f{:05d}.png"),
    }[layout]
    write_pictures(pictures, pattern, range(1, 5), size=(160, 90))
    if layout == "described":
        text = "channels.color=left/f%05d.png\nfps=30\nheight=91\nlength=4\nname=bag\nwidth=161\n"
        (folder / "sequence").write_text(text)
    (sequence,) = vot(tmp_path, 2016, sequences=["bag"]).sequences
    assert [number_of(sequence.frame(index)) for index in range(4)] == [1, 2, 3, 4]
    assert sequence.picture_size == ((161, 91) if layout == "described" else (160, 90))
    np.testing.assert_array_equal(sequence.polygons, POLYGONS)
    np.testing.assert_array_equal(sequence.boxes[3], [13, 20, 10, 10])
    sequence.check_pictures()
    (pictures / pattern.format(3)).unlink()
    with pytest.raises(InputError, match=f"1 of 4 pictures .*{pattern.format(3)}"):
        sequence.check_pictures()


def test_no_pictures(tmp_path, short_list, monkeypatch):
    write_rows(tmp_path / "bag" / "groundtruth.txt", POLYGONS)
    assert vot(tmp_path, 2016, sequences=["bag"]).sequences[0].picture_size is None
    rows = [{"name": "bag", "frames": "4", "width": "320", "height": "240"}]
    monkeypatch.setattr("datasets.vot.read_list", lambda name: rows)
    assert vot(tmp_path, 2016).sequences[0].picture_size == (320, 240)


def test_boxes_as_truth(tmp_path, short_list):
    write_rows(tmp_path / "bag" / "groundtruth.txt", [[10, 20, 5, 6.5]] * 4)
    (sequence,) = vot(tmp_path, 2018, sequences=["bag"]).sequences
    assert sequence.boxes[2].tolist() == [10, 20, 5, 6.5]
    np.testing.assert_array_equal(sequence.polygons, [[10, 20, 5, 6.5, *[np.nan] * 4]] * 4)


def test_tags(tmp_path, short_list):
    folder = tmp_path / "bag"
    write_rows(folder / "groundtruth.txt", POLYGONS)
    for tag, values in {"occlusion": "0011", "size_change": "01", "camera_motion": "0000"}.items():
        (folder / f"{tag}.tag").write_text("\n".join(values) + "\n")
    (sequence,) = vot(tmp_path, 2018, sequences=["bag"]).sequences
    tags = {tag: flags.astype(int).tolist() for tag, flags in sequence.tags.items()}
    assert tags == {
        "camera_motion": [0, 0, 0, 0],
        "illum_change": [0, 0, 0, 0],
        "motion_change": [0, 0, 0, 0],
        "size_change": [0, 1, 0, 0],
        "occlusion": [0, 0, 1, 1],
    }
    assert sequence.attributes == ("size_change", "occlusion")
    (folder / "occlusion.tag").write_text("0\n" * 5)
    with pytest.raises(InputError, match=r"occlusion.tag: 5 rows, VOT-2018 has 4"):
        vot(tmp_path, 2018, sequences=["bag"])


@pytest.mark.parametrize(
    ("year", "rules"),
    [
        (2015, VOTRules((108, 371), bounded=False, legacy=True)),
        (2016, VOTRules((108, 371), bounded=True, legacy=False)),
        (2017, VOTRules((100, 356), bounded=True, legacy=False)),
        (2018, VOTRules((100, 356), bounded=True, legacy=False)),
        (2019, VOTRules((46, 291), bounded=True, legacy=False)),
    ],
)
def test_what_the_dataset_says_of_itself(tmp_path, year, rules, short_list):
    for name in ("bag", "ball1"):
        write_rows(tmp_path / name / "groundtruth.txt", POLYGONS)
    dataset = vot(tmp_path, year)
    assert (dataset.name, dataset.split, dataset.part) == (f"VOT-{year}", "test", None)
    assert (dataset.convention, dataset.origin) == ("pysot", 0)
    assert replace(dataset.vot, note=None) == rules
    assert (dataset.vot.note is not None) == (year == 2015)  # its interval is unconfirmed
    assert dataset.protocols == ("baseline", "realtime")
    part = configured(f"vot{year}", tmp_path, sequences=["bag"])
    assert (part.name, part.part) == (f"VOT-{year}", "1 of 2 sequences")


@pytest.mark.parametrize(("year", "frames"), [(2018, 21356), (2019, 19935)])
def test_the_committed_lists(year, frames):
    rows = read_list(f"vot{year}")
    assert len({row["name"] for row in rows}) == len(rows) == 60
    assert sum(int(row["frames"]) for row in rows) == frames


@pytest.mark.parametrize(("year", "frames"), [(2018, 21356), (2019, 19935)])
@needs_truth
def test_the_whole_benchmark(year, frames):
    folder = TRUTH / f"vot{year}" / "dataset"
    dataset = configured(f"vot{year}", folder)
    names = (folder / "list.txt").read_text().split()
    assert [sequence.name for sequence in dataset.sequences] == names and len(names) == 60
    assert sum(map(len, dataset.sequences)) == frames
    for name in names:
        sequence = dataset.by_name[name]
        lines = (folder / name / "sequence").read_text().splitlines()
        width, height = sequence.picture_size
        assert f"width={width}" in lines and f"height={height}" in lines
        assert f"length={len(sequence)}" in lines
        rows = np.loadtxt(folder / name / "groundtruth.txt", delimiter=",")
        np.testing.assert_array_equal(sequence.polygons[:, : rows.shape[1]], rows)
        assert np.isnan(sequence.polygons[:, rows.shape[1] :]).all()
    reference = json.loads((TRUTH / f"vot{year}" / "reference.json").read_text())
    assert reference["frames"] == frames


@needs_truth
def test_truth_of_single_frames():
    samples = np.load(TRUTH / "vot2018" / "overlap_samples.npz")
    listed = {row["name"]: (int(row["width"]), int(row["height"])) for row in read_list("vot2018")}
    dataset = vot(TRUTH / "vot2018" / "dataset", 2018)
    for source, region, size in zip(
        samples["source"], samples["gt_poly8_or_xywh"], samples["size_wh"], strict=True
    ):
        _, name, index = source.split("|")
        sequence = dataset.by_name[name]
        assert listed[name] == tuple(size)
        np.testing.assert_allclose(sequence.polygons[int(index)], region, rtol=0, atol=1e-4)


def test_what_is_wrong_is_said(tmp_path, short_list):
    path = tmp_path / "bag" / "groundtruth.txt"
    write_rows(path, POLYGONS[:3])
    with pytest.raises(InputError, match=r"bag/groundtruth.txt: 3 rows, VOT-2018 has 4"):
        vot(tmp_path, 2018, sequences=["bag"])
    write_rows(path, [*POLYGONS[:3], [1, 2, 3, 4]])
    with pytest.raises(InputError, match=r"bag/groundtruth.txt, line 4: expected eight numbers"):
        vot(tmp_path, 2018, sequences=["bag"])
    with pytest.raises(InputError, match=r"ball1/.* 1 of 2 are missing; expected VOT-2018 as NAME"):
        vot(tmp_path, 2018)
    with pytest.raises(InputError, match=r"dataset.sequences: ants1 not in VOT-2018"):
        vot(tmp_path, 2018, sequences=["ants1"])
    with pytest.raises(InputError, match=r"nowhere: no such folder; expected VOT-2019 as NAME"):
        vot(tmp_path / "nowhere", 2019)
    with pytest.raises(InputError, match=r"dataset.year=2014: expected one of 2015, 2016"):
        vot(tmp_path, 2014)
