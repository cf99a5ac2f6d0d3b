import pickle
from collections import Counter

import numpy as np
import pytest
from published_layouts import number_of, write_pictures
from training_layouts import two_tracks

from datasets.tracks import IndexedSequences, TrackBuilder, literal
from ops.errors import InputError

NAN = float("nan")


def test_tracks_become_sequences(tmp_path):
    write_pictures(tmp_path / "a", "{:06d}.png", [3, 5])
    sequences = IndexedSequences(two_tracks(), tmp_path)
    first, second = sequences
    assert [first.name, second.name] == ["a", "b"] and [len(s) for s in sequences] == [3, 1]
    assert sequences.lengths.tolist() == [3, 1] and sequences[-1].name == "b"
    assert [s.name for s in sequences[1:]] == ["b"]
    with pytest.raises(IndexError):
        sequences[2]
    assert first.boxes.dtype == np.float64 and first.boxes[2].tolist() == [3, 2, 3.25, 4]
    assert first.numbers.tolist() == [3, 5, 8] and not first.still
    assert (first.picture_size, second.picture_size) == (None, (128, 16))
    assert number_of(first.frame(1)) == 5
    with pytest.raises(InputError, match=r"a: 1 of 3 pictures are missing, .*a.000008\.png"):
        first.check_pictures()


def test_frames_are_decoded_as_small_as_asked(tmp_path):
    write_pictures(tmp_path, "{:06d}.jpg", [7], size=(256, 32))
    write_pictures(tmp_path, "{:06d}.png", [7], size=(256, 32))
    for ending, expected in (("jpg", [1, 1, 2, 2, 4, 8, 8]), ("png", [1] * 7)):
        builder = TrackBuilder()
        builder.add("a", "{:06d}." + ending, [7], [(1, 2, 3, 4)])
        (sequence,) = IndexedSequences(builder.build(), tmp_path)
        read = [sequence.reduced_frame(0, most) for most in (0.5, 1.9, 2, 3.9, 4, 8, 40)]
        assert [reduction for _, reduction in read] == expected
        for picture, reduction in read:
            assert picture.shape == (32 // reduction, 256 // reduction, 3)
            assert number_of(picture) == 7


def test_what_cannot_be_used_is_left_out_and_counted():
    builder = TrackBuilder()
    boxes = [(NAN, 2, 3, 4), (0, 0, 0, 5), (0, 0, 5, -1), (-5, 3, 5, 4), (-4, 3, 5, 4)]
    boxes += [(100, 3, 5, 4), (99, 3, 5, 4), (3, 50, 5, 4), (3, 3, float("inf"), 4), (0, 0, 0, 0)]
    hidden = np.arange(10) == 9  # says why it has no area
    numbers = np.arange(10) * 2
    where = "a.txt, line {row}"
    builder.add("a", "a/{:02d}.jpg", numbers, boxes, (100, 50), {"absent": hidden}, where)
    builder.add("b", "b/{:02d}.jpg", [4, 6], [(0, 0, 0, 1), (500, 0, 1, 1)])  # of unknown size
    builder.add("c", "c/{:02d}.jpg", [4], [(0, 0, 0, 1)])
    builder.add("b", "d/{:02d}.jpg", [4], [(0, 0, 1, 1)])
    builder.add("empty", "e/{:02d}.jpg", [], [])
    tracks = builder.build()
    assert tracks.names.tolist() == [b"a", b"b"] and tracks.starts.tolist() == [0, 2, 3]
    assert tracks.numbers.tolist() == [8, 12, 6]
    np.testing.assert_array_equal(tracks.boxes[:2], [(-4, 3, 5, 4), (99, 3, 5, 4)])
    assert sorted(map(str, tracks.left_out)) == [
        "absent: 1, the first a.txt, line 10",
        "not finite: 2, the first a.txt, line 1",
        "outside the picture: 3, the first a.txt, line 4",
        "target of a name that is taken: 1, the first b",
        "target without a usable box: 2, the first c",
        "without area: 4, the first a.txt, line 2",
    ]


def test_where_a_box_is_annotated_is_told_by_number_or_by_picture():
    for where, place in (("x/{:06d}.xml", "x/000004.xml"), (None, "a, p/{4}.jpg")):
        builder = TrackBuilder()
        builder.add("z", "z.jpg", [0], [(0, 0, 1, 1)])
        pattern = literal("p/{") + "{:d}" + literal("}.jpg")
        builder.add("a", pattern, [2, 4], [(1, 1, 1, 1), (0, 0, 1, 0)], where=where)
        (left_out,) = builder.build().left_out
        assert (left_out.reason, left_out.place) == ("without area", place)


def test_against_a_plain_loop():
    random = np.random.default_rng(0)
    builder, expected, sizes, counts = TrackBuilder(), {}, {}, Counter()
    for track in range(200):
        rows = int(random.integers(0, 6))
        boxes = random.integers(-6, 14, (rows, 4)).astype(float)
        boxes[random.random((rows, 4)) < 0.03] = NAN
        flags = random.random(rows) < 0.2
        size = (9, 7) if random.random() < 0.5 else (0, 0)
        builder.add(f"{track}", "{}", range(rows), boxes, size, {"flagged": flags})
        kept = []
        for row, (x, y, w, h) in enumerate(boxes):
            inside = x < size[0] and y < size[1] and x + w > 0 and y + h > 0
            if flags[row]:
                counts["flagged"] += 1
            elif np.isnan([x, y, w, h]).any():
                counts["not finite"] += 1
            elif w <= 0 or h <= 0:
                counts["without area"] += 1
            elif size != (0, 0) and not inside:
                counts["outside the picture"] += 1
            else:
                kept.append((row, x, y, w, h))
        counts["target without a usable box"] += not kept
        if kept:
            expected[f"{track}"], sizes[f"{track}"] = np.array(kept), size if any(size) else None
    tracks = builder.build()
    assert {reason.reason: reason.count for reason in tracks.left_out} == counts
    sequences = IndexedSequences(tracks, "/")
    assert [sequence.name for sequence in sequences] == list(expected)
    for sequence in sequences:
        np.testing.assert_array_equal(sequence.numbers, expected[sequence.name][:, 0])
        np.testing.assert_array_equal(sequence.boxes, expected[sequence.name][:, 1:])
        assert sequence.picture_size == sizes[sequence.name]


def test_stills_and_times():
    builder = TrackBuilder(still=True)
    builder.add("a{0}", literal("x/a{0}.jpg"), [0], (1, 2, 3, 4))
    (still,) = IndexedSequences(builder.build(), "/r")
    assert still.still and still.numbers is None and still.picture(0).as_posix() == "/r/x/a{0}.jpg"
    builder = TrackBuilder(ticks=1000 / 30)  # milliseconds
    builder.add("v", "v/{}.jpg", [1000, 2000, 2033], [(1, 2, 3, 4)] * 3)
    (video,) = IndexedSequences(builder.build(), "/r")
    assert video.numbers.tolist() == [30, 60, 61] and video.picture(2).as_posix() == "/r/v/2033.jpg"


def test_a_digest_tells_whether_data_changed():
    digests = {two_tracks().digest(), IndexedSequences(two_tracks(), "/elsewhere").digest()}
    assert len(digests) == 1
    for change in ("names", "pictures", "numbers", "boxes"):
        tracks = two_tracks()
        array = getattr(tracks, change)
        array[0] = array[1] if array.ndim == 1 else array[0] + 1
        digests.add(tracks.digest())
    assert len(digests) == 5


def test_a_sequence_travels_without_the_others():
    builder = TrackBuilder()
    for track in range(1000):
        builder.add(f"{track}", "{}.jpg", range(10), [(1, 2, 3, 4)] * 10)
    sequences = IndexedSequences(builder.build(), "/r")
    assert len(pickle.dumps(sequences[7])) < 2000
    copy = pickle.loads(pickle.dumps(sequences))
    assert copy.digest() == sequences.digest() and copy[999].name == "999"
