"""Frames in reports: strips of sequences, and where trackers disagree."""

import base64
import re
from dataclasses import replace

import cv2
import numpy as np
from made_up_scores import (
    LENGTH,
    NAMES,
    PICTURE,
    Page,
    load_strictly,
    made_up,
    nothing_published,
)

from benchmarks.report import write_report
from benchmarks.report.disagreements import APART, disagreements
from benchmarks.report.strips import chosen_sequences
from benchmarks.scoring import score
from benchmarks.truth import Truth
from ops.errors import InputError


def frames(name, index):
    return np.full((*PICTURE, 3), 128, np.uint8)


def write(folder, scores, **more):
    write_report(folder, scores, {}, benchmark="b", published=nothing_published, **more)
    return (folder / "report.html").read_text()


def decoded(uri):
    data = np.frombuffer(base64.b64decode(uri.removeprefix("data:image/jpeg;base64,")), np.uint8)
    return cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB).astype(int)


def with_overlaps(overlaps, **polygons):
    """Scores of trackers on long sequences, with overlaps (tracker -> sequence -> (N,))."""
    names = list(next(iter(overlaps.values())))
    truths = [
        Truth(
            name,
            np.tile([40.0, 20, 30, 24], (len(overlaps[next(iter(overlaps))][name]), 1)),
            polygons=polygons.get(name),
        )
        for name in names
    ]
    results = {tracker: {truth.name: truth.boxes for truth in truths} for tracker in overlaps}
    return replace(score(results, truths), overlaps=overlaps)


def test_disagreements_by_hand():
    length = 3 * APART
    first, second, third = (np.full((3, length), 0.5) for _ in range(3))
    first[0, 10], second[0, 10], third[0, 10] = 1.0, 0.0, 0.0  # 0.471
    first[0, 10 + APART - 1], second[0, 10 + APART - 1] = 0.9, 0.0  # too near to the one before
    first[0, 10 + APART], second[0, 10 + APART], third[0, 10 + APART] = 0.9, 0.3, 0.3  # 0.283
    first[0, 140], second[0, 140], third[0, 140] = 0.8, 0.3, 0.3  # a third of one sequence
    first[1, 7], second[1, 7], third[1, 7] = np.nan, 0.9, 0.1  # 0.4, of the two that count
    first[1, 70], second[1, 70], third[1, 70] = np.nan, np.nan, 0.9  # one that counts: nothing
    first[2, 80], second[2, 80] = 0.7, 0.4  # 0.125
    first[2, 80 - APART + 1], second[2, 80 - APART + 1] = 0.6, 0.4  # too near as well
    overlaps = {
        tracker: dict(zip(["p", "q", "r"], values, strict=True))
        for tracker, values in (("a", first), ("b", second), ("c", third))
    }
    found = disagreements(with_overlaps(overlaps))
    assert [(one.sequence, one.index) for one in found] == [
        ("p", 10),
        ("q", 7),
        ("p", 10 + APART),
        ("r", 80),
    ]
    np.testing.assert_allclose(
        [one.spread for one in found],
        [np.sqrt(2) / 3, 0.4, 0.6 * np.sqrt(2) / 3, np.std([0.7, 0.4, 0.5])],
    )
    assert found[1].overlaps == {"b": 0.9, "c": 0.1}


def test_disagreements_are_listed_without_pictures(tmp_path):
    overlaps = {"a": {"s": np.full(9, 0.8)}, "b": {"s": np.full(9, 0.8)}, "c": {"s": np.zeros(9)}}
    overlaps["b"]["s"][3] = 0.1
    overlaps["c"]["s"][3] = np.nan
    scores = with_overlaps({"a": overlaps["a"], "b": overlaps["b"]})
    text = write(tmp_path, scores)
    rows = Page(text).table("Sequence")
    assert rows[1] == ["s", "4 of 9", "0.350", "0.800", "0.100", "1 of 2"]
    assert '<p class="quiet">No pictures were given.</p>' in text
    assert load_strictly(tmp_path / "report.json")["disagreements"] == [
        {
            "sequence": "s",
            "index": 3,
            "spread": np.std([0.8, 0.1]),
            "overlaps": {"a": 0.8, "b": 0.1},
        }
    ]
    alone = write(tmp_path, with_overlaps({"a": overlaps["a"]}))
    assert "disagree" not in alone


def test_disagreements_are_drawn(tmp_path):
    overlaps = {"a": {"s": np.full(9, 0.8)}, "b": {"s": np.full(9, 0.8)}}
    overlaps["b"]["s"][3] = 0.1
    asked = []

    def numbered(name, index):
        asked.append((name, index))
        return frames(name, index)

    corners = np.tile([100.0, 40, 130, 40, 130, 60, 100, 60], (9, 1))
    text = write(tmp_path, with_overlaps(overlaps, s=corners), frames=numbered)
    assert asked[0] == ("s", 3)
    assert "s, 4: a 0.80, b 0.10" in text
    image = decoded(Page(text).pictures[0])
    scale = image.shape[1] / PICTURE[1]
    red, green, blue = image[round(50 * scale), round(130 * scale)]  # the polygon, not the box
    assert green > red + 60 and green > blue + 60


def test_a_picture_that_is_missing_leaves_the_others(tmp_path):
    overlaps = {"a": {"s": np.full(9, 0.8), "t": np.full(9, 0.8)}}
    overlaps["b"] = {name: values - 0.5 for name, values in overlaps["a"].items()}

    def half(name, index):
        if name == "s":
            raise InputError("s: lost")
        return frames(name, index)

    section = write(tmp_path, with_overlaps(overlaps), frames=half)
    section = section.split('id="where-trackers-disagree-most"')[1].split("</section>")[0]
    assert "No picture: s: lost" in section and section.count("<img") == 1


def test_strips_show_truth_in_green(tmp_path):
    image = decoded(Page(write(tmp_path, made_up(("ours",)), frames=frames)).pictures[-1])
    scale = image.shape[1] / PICTURE[1]
    red, green, blue = image[round(32 * scale), round(70 * scale)]  # right edge
    assert green > red + 60 and green > blue + 60
    assert np.ptp(image[-3, 3]) < 12  # grey beside it


def test_strips_say_what_there_is_to_see(tmp_path):
    scores = made_up(("ours",), ["alpha"])
    overlaps = scores.overlaps["ours"]["alpha"].copy()
    overlaps[2] = np.nan
    scores = replace(scores, overlaps={"ours": {"alpha": overlaps}})
    text = write(tmp_path, scores, frames=frames)
    captions = re.findall("<figcaption>(.*?)</figcaption>", text)
    assert captions[0] == f"1 of {LENGTH}, overlap 1.00"
    assert captions[1] == f"3 of {LENGTH}, does not count"
    assert captions[-1] == f"{LENGTH} of {LENGTH}, no target"


def test_of_many_trackers_the_leading_are_drawn(tmp_path):
    shakiest_first = [f"t{place}" for place in range(8)]
    scores = made_up(list(reversed(shakiest_first)))
    scores = replace(scores, trackers=tuple(shakiest_first))
    assert scores.ranking[0] == "t7"
    assert chosen_sequences(scores) == chosen_sequences(replace(scores, trackers=("t7",)))
    text = write(tmp_path, scores, frames=frames)
    legends = re.findall('<ul class="legend">(.*?)</ul>', text)
    drawn = [re.findall("</span>(.*?)</li>", legend) for legend in legends]
    assert drawn == [["truth", *scores.ranking[:6]], ["truth", *scores.ranking[:4]]]
    assert "Best, middle and worst sequence of t7" in text
    head = Page(text).table("Sequence")[0]
    assert head[3:-1] == [f"{tracker}overlap" for tracker in scores.ranking[:6]]
    assert "No pictures were given" not in text
    few = replace(made_up(("ours", "theirs")), ranking=("theirs", "ours"))
    assert "Best, middle and worst sequence of ours" in write(tmp_path, few, frames=frames)


def test_results_without_boxes_for_pictures_are_drawn_without_them(tmp_path):
    scores = replace(made_up(), results={"ours": {"alpha": np.full((2, 4), np.nan)}})
    assert len(Page(write(tmp_path, scores, frames=frames)).pictures) == 3 * 6 + 5


def test_best_middle_and_worst_are_of_the_first_listed_tracker():
    chosen = chosen_sequences(made_up())
    found = made_up().per_sequence["ours"]
    ranked = sorted(NAMES, key=lambda name: -found[name]["success_auc"])
    assert chosen == {"Best": ranked[0], "Middle": ranked[2], "Worst": ranked[4]}
    assert list(chosen_sequences(made_up(names=NAMES[:2]))) == ["Best", "Worst"]
    assert list(chosen_sequences(made_up(names=NAMES[:1]))) == ["Best"]
