import logging
import os
import pickle
import shutil

import numpy as np
import pytest
from training_layouts import two_tracks

from datasets.index import in_threads, read_index
from datasets.tracks import IndexedSequences, TrackBuilder
from ops.errors import InputError


class Annotation:
    """A folder of files with a reader that counts how often it scans them."""

    def __init__(self, folder):
        self.root, self.index, self.scans = folder / "data", folder / "index", 0
        for part in ("x", "y"):
            (self.root / part).mkdir(parents=True)
            (self.root / part / "1.txt").write_text("one")
        (self.root / "all.json").write_text("{}")

    def scan(self):
        self.scans += 1
        return two_tracks()

    def read(self, options="train", index=True, **changes):
        stamped = [self.root / "x", self.root / "y" / "1.txt", self.root / "all.json"]
        folder = self.index if index else None
        return read_index(folder, "Set A", self.root, stamped, options, self.scan)

    @property
    def file(self):
        (path,) = self.index.glob("*.npz")
        return path


@pytest.fixture
def annotation(tmp_path):
    return Annotation(tmp_path)


def test_the_second_start_reads_the_index(annotation, caplog):
    caplog.set_level(logging.INFO, "lodestar")
    first, second = annotation.read(), annotation.read()
    assert annotation.scans == 1 and annotation.file.name.startswith("set-a-")
    assert second.digest() == first.digest() and second.left_out == first.left_out
    assert (second.ticks, second.still) == (first.ticks, first.still)
    np.testing.assert_array_equal(second.sizes, first.sizes)
    told = "Set A: 2 targets, 4 boxes ({}); left out: malformed file: 2, the first b/1.xml"
    before, scanned, read = caplog.messages
    assert before == f"Set A: scanning the annotation in {annotation.root}"
    assert scanned.startswith(told.split("{")[0] + "scanned in ")
    assert read == told.format(f"index {annotation.file}")
    assert [path.name for path in annotation.index.iterdir()] == [annotation.file.name]


def test_what_a_dataset_is_comes_back(annotation):
    builder = TrackBuilder(ticks=1000 / 30, still=True)
    builder.add("ä", "ä/{}.jpg", [7], [(1, 2, 3, 4)])
    annotation.scan = builder.build
    first, second = annotation.read(), annotation.read()
    assert (second.ticks, second.still) == (1000 / 30, True) == (first.ticks, first.still)
    assert IndexedSequences(second, "/r")[0].name == "ä"


def test_no_folder_no_index(annotation):
    annotation.read(index=False)
    annotation.read(index=False)
    assert annotation.scans == 2 and not annotation.index.exists()


def test_other_options_and_roots_have_an_index_of_their_own(annotation, tmp_path):
    annotation.read("train")
    annotation.read(("val", 3))
    shutil.copytree(annotation.root, tmp_path / "copy")
    annotation.root = tmp_path / "copy"
    annotation.read("train")
    assert annotation.scans == 3 == len(list(annotation.index.iterdir()))


def touch(path):
    stamp = path.stat().st_mtime_ns + 1
    os.utime(path, ns=(stamp, stamp))


def same_time(path, text):
    stamp = path.stat().st_mtime_ns
    path.write_text(text)
    os.utime(path, ns=(stamp, stamp))


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda root: touch(root / "x" / "1.txt"), "x"),
        (lambda root: same_time(root / "x" / "1.txt", "longer"), "x"),
        (lambda root: (root / "x" / "2.txt").write_text(""), "x"),
        (lambda root: (root / "x" / "1.txt").rename(root / "x" / "2.txt"), "x"),
        (lambda root: touch(root / "y" / "1.txt"), "y"),
        (lambda root: (root / "y" / "1.txt").unlink(), "y"),
        (lambda root: touch(root / "all.json"), "."),
    ],
)
def test_a_changed_annotation_is_scanned_anew(annotation, caplog, change, place):
    annotation.read()
    change(annotation.root)
    annotation.read()
    assert annotation.scans == 2
    (warning,) = caplog.records  # of the level of a warning
    expected = f"index {annotation.file}: {place} changed (1 in all), scanning anew"
    assert warning.getMessage() == expected
    annotation.read()
    assert annotation.scans == 2


def test_files_that_are_no_annotation_may_change(annotation):
    annotation.read()
    (annotation.root / "y" / "picture.jpg").write_text("beside a file that is")
    (annotation.root / "x" / "folder").mkdir()
    annotation.read()
    assert annotation.scans == 1


def test_a_folder_that_cannot_be_read_is_named(annotation):
    (annotation.root / "x" / "loop").symlink_to("loop")
    with pytest.raises(InputError, match="loop: cannot be read"):
        annotation.read()


def flip_a_byte(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)


def leave_out_an_array(path):
    with np.load(path) as file:
        arrays = {key: file[key] for key in file.files if key != "sizes"}
    np.savez(path, **arrays)


def cut_boxes(path):
    with np.load(path) as file:
        arrays = {key: file[key] for key in file.files}
    np.savez(path, **arrays | {"boxes": arrays["boxes"][:-1]})


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(path.read_bytes()[:-100]),
        lambda path: path.write_bytes(path.read_bytes()[:500]),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_text("something else"),
        lambda path: path.write_bytes(pickle.dumps({"names": 3})),
        lambda path: np.savez(path, other=np.zeros(3)),
        flip_a_byte,
        leave_out_an_array,
        cut_boxes,
    ],
)
def test_a_damaged_or_foreign_index_is_named_and_scanned_anew(annotation, caplog, damage):
    tracks = annotation.read()
    damage(annotation.file)
    assert annotation.read().digest() == tracks.digest() and annotation.scans == 2
    assert f"index {annotation.file}: cannot be read" in caplog.text
    caplog.clear()
    annotation.read()
    assert annotation.scans == 2 and not caplog.records


def test_an_index_that_cannot_be_written_is_no_reason_to_stop(annotation, caplog):
    annotation.index.write_text("a file where the folder should be")
    assert len(annotation.read()) == 2
    assert "cannot be written" in caplog.text


def test_nothing_to_use_is_an_error(annotation):
    builder = TrackBuilder()
    builder.add("a", "a", [0], [(0, 0, 0, 0)], where="a.txt")
    annotation.scan = builder.build
    with pytest.raises(InputError, match=r"data: no target of Set A .* area: 1, the first a\.txt"):
        annotation.read()
    assert not annotation.index.exists()


def test_threads_keep_the_order_and_pass_on_what_is_raised():
    assert list(in_threads(lambda x: 2 * x, range(100), "t", "things")) == list(range(0, 200, 2))
    with pytest.raises(ZeroDivisionError):
        list(in_threads(lambda x: 1 / x, [1, 0, 1], "t", "things"))
