"""Reports of VOT's reset-based experiments."""

import csv
import re
from dataclasses import replace

import numpy as np
import pytest
from made_up_scores import Page, load_strictly, made_up_vot, nothing_published

from benchmarks.published import PublishedFigure
from benchmarks.report import write_report
from benchmarks.report.svg import enclosing, round_ticks

FIGURES = {"x": (0.3, 0.61, (2, 1)), "y": (0.2, 0.55, (0, 1)), "z": (0.25, 0.70, (5, 4))}
TAGS = {
    "x": {"all": 0.3, "occlusion": 0.15},
    "y": {"all": 0.2, "occlusion": 0.18},
    "z": {"all": 0.25, "occlusion": float("nan")},
}


def write(folder, scores, published=nothing_published):
    write_report(folder, scores, {}, benchmark="VOT-2018", published=published)
    return (folder / "report.html").read_text()


def plot(text, title):
    """The SVG of that title."""
    return next(part for part in text.split("<svg ") if f"<title>{title}</title>" in part)


def points(svg):
    """Label of each point -> where it is drawn."""
    found = re.findall(r'<g data-line="\d+"><title>[^<]*</title>(.*?)</g>', svg)
    places = {}
    for group in found:
        x, y = re.search(r'cx="([\d.]+)" cy="([\d.]+)"', group).groups()
        places[re.search(r"<text[^>]*>(.*?)</text>", group)[1]] = (float(x), float(y))
    return places


def test_page_is_driven_by_the_metrics_that_there_are(tmp_path):
    text = write(tmp_path, made_up_vot(FIGURES, tags=TAGS))
    page = Page(text)
    assert "<h1>VOT-2018, reset-based</h1>" in text
    assert "Precision" not in text and "Success" not in text
    headings = [heading.strip() for heading in page.headings]
    assert headings[:5] == [
        "Scores",
        "Ranking, accuracy and reliability",
        "Ranking",
        "Accuracy and reliability",
        "Expected overlap",
    ]
    assert headings.count("Challenges") == 1  # as for one-pass scores
    report = load_strictly(tmp_path / "report.json")
    assert report["eao_by_tag"] == {t: dict(f) for t, f in TAGS.items()} | {
        "z": {"all": 0.25, "occlusion": None}
    }
    assert list(report["scores"]["x"]) == ["eao", "accuracy", "robustness", "failures"]
    assert report["protocol"] == "baseline"
    assert report["per_sequence"]["x"]["s0"] == {"accuracy": 0.61, "robustness": 2, "failures": 2}


def test_ranking_has_the_best_on_the_right(tmp_path):
    text = write(tmp_path, made_up_vot(FIGURES))
    places = points(plot(text, "EAO over rank"))
    assert places["1"][0] > places["2"][0] > places["3"][0]
    assert places["1"][1] < places["2"][1] < places["3"][1]  # higher is better
    # EAO 0.30, 0.25, 0.20: equal steps
    assert places["3"][1] - places["2"][1] == pytest.approx(
        places["2"][1] - places["1"][1], abs=0.2
    )
    assert Page(text).legends[0] == ["1. 0.300 x", "2. 0.250 z", "3. 0.200 y"]


def test_ranking_shows_intervals_and_the_mean_of_what_was_published(tmp_path):
    def published(benchmark, metric):
        assert benchmark == "VOT-2018"
        values = {"eao": (0.4, 0.2)}.get(metric, ())
        return [PublishedFigure(f"p{v}", v, ("paper",), ("t",), "reset") for v in values]

    svg = plot(write(tmp_path, made_up_vot(FIGURES), published), "EAO over rank")
    assert svg.count('class="whisker"') == 3
    line = re.search(r'class="read-at" x1="[\d.]+" y1="([\d.]+)"', svg)[1]
    assert float(line) == pytest.approx(points(svg)["1"][1], abs=0.11)  # both 0.300
    assert "0.300, the mean of 2 published figures" in (tmp_path / "report.html").read_text()
    single = {tracker: (eao, 0.5, (1,)) for tracker, (eao, *_) in FIGURES.items()}
    svg = plot(write(tmp_path, made_up_vot(single, frames=(100,))), "EAO over rank")
    assert "whisker" not in svg and "read-at" not in svg and len(points(svg)) == 3


def test_accuracy_and_reliability(tmp_path):
    scores = replace(made_up_vot(FIGURES), reliability={"x": 0.625, "y": 0.75, "z": 0.5})
    text = write(tmp_path, scores)
    places = points(plot(text, "accuracy over reliability"))
    right = sorted(places, key=lambda label: -places[label][0])
    upper = sorted(places, key=lambda label: places[label][1])
    assert right == ["3", "1", "2"]  # y, x, z: as the scores say, not by their failures
    assert upper == ["2", "1", "3"]  # z, x, y
    assert Page(text).legends[1][0] == "1. 0.610, 0.625 x"


def test_reliability_stands_in_every_table(tmp_path):
    scores = made_up_vot(FIGURES)
    text = write(tmp_path, scores)
    table = Page(text).table("Tracker")
    assert table[0][-1] == "Reliability (S = 30)"
    assert [row[-1] for row in table[1:]] == ["0.900", "0.700", "0.800"]  # x, z, y
    assert load_strictly(tmp_path / "report.json")["reliability"] == scores.reliability
    rows = [line for line in (tmp_path / "report.md").read_text().splitlines() if "| " in line]
    assert rows[0].endswith("| Reliability (S = 30) |")
    assert [row.split("|")[-2].strip(" *<u>/") for row in rows[2:5]] == ["0.900", "0.700", "0.800"]
    assert re.search(
        r"z & \\underline\{0\.250\} .* & 0\.700 \\\\", (tmp_path / "report.tex").read_text()
    )
    assert "obustness, S" not in text and "ccuracy and robustness" not in text
    assert "over robustness" not in text
    text = write(tmp_path, replace(scores, reliability={}))
    assert "Reliability" not in text and "<title>accuracy over" not in text


def test_sequences_are_won_by_accuracy_beside_a_difference_of_eao(tmp_path):
    text = write(tmp_path, made_up_vot(FIGURES, frames=(100,) * 2))
    head = Page(text).table("Beside")[0]
    assert head[3:5] == ["higher accuracy on", "lower accuracy on"]
    assert "y beside x: −0.100, higher accuracy on 0 % and lower accuracy on 100 %" in text
    assert "better on" not in text


def test_points_have_points_in_their_legends(tmp_path):
    text = write(tmp_path, made_up_vot(FIGURES))
    for title in ("EAO over rank", "accuracy over reliability"):
        below = text.split(f"<title>{title}</title>")[1].split('<ol class="legend">')[1]
        below = below.split("</ol>")[0]
        assert below.count("<circle") == 3 and "<line" not in below


def test_expected_overlap_marks_the_interval_where_it_is_known(tmp_path):
    text = write(tmp_path, made_up_vot(FIGURES, interval=(20, 60)))
    svg = plot(text, "Expected overlap plot")
    start, width = map(
        float, re.search(r'class="band" x="([\d.]+)".*? width="([\d.]+)"', svg).groups()
    )
    ticks = dict(
        (text, float(x))
        for x, text in re.findall(r'x="([\d.]+)" y="[\d.]+" text-anchor="middle">(\d+)<', svg)
    )
    assert start == pytest.approx(ticks["20"], abs=0.1)
    assert start + width == pytest.approx(ticks["60"], abs=0.2)
    assert "lengths 20 to 60" in text
    assert svg.count("<polyline") == 3
    assert 'class="band"' not in write(tmp_path, made_up_vot(FIGURES))
    rows = list(csv.reader((tmp_path / "curves.csv").open()))
    assert len(rows) == 1 + 100 and {row[3] for row in rows[1:]} == {"expected_overlap"}
    assert rows[-1][4:] == ["100.0", "0.3", "0.25", "0.2"]


def test_tags(tmp_path):
    rows = Page(write(tmp_path, made_up_vot(FIGURES, tags=TAGS))).tables
    table = next(rows for rows in rows if rows[0][1:] == ["all", "occlusion"])
    assert table[1:] == [
        ["x", "0.300", "0.150"],
        ["z", "0.250", "–"],
        ["y", "0.200", "0.180"],
    ]
    only_all = {tracker: {"all": found["all"]} for tracker, found in TAGS.items()}
    assert ">Challenges</h2>" not in write(tmp_path, made_up_vot(FIGURES, tags=only_all))


def test_sequences_show_accuracy_with_failures_below(tmp_path):
    rows = Page(write(tmp_path, made_up_vot(FIGURES))).tables[-1]
    assert rows[0] == ["Sequence", "Frames", "x", "z", "y", "Challenges"]
    assert rows[1] == ["s0", "100", "0.6102", "0.7005", "0.5500", ""]
    assert rows[2] == ["s1", "60", "0.6101", "0.7004", "0.5501", ""]
    unknown = FIGURES | {"z": (0.25, float("nan"), (5, 4))}
    text = write(tmp_path, made_up_vot(unknown))
    assert Page(text).tables[-1][1][3] == "–5"
    assert len(points(plot(text, "accuracy over reliability"))) == 2


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (0.5, 0.7, [0.5, 0.55, 0.6, 0.65, 0.7]),
        (0, 1500, [0, 500, 1000, 1500]),
    ],
)
def test_ticks_are_round(start, end, expected):
    np.testing.assert_allclose(round_ticks(start, end), expected)


def test_axes_enclose_their_values():
    assert enclosing([0.53, 0.64], 0.1, 1.0) == pytest.approx((0.5, 0.7))
    assert enclosing([0.0, 0.99], 0.1, 1.0) == (0.0, 1.0)
    assert enclosing([0.5], 0.1) == pytest.approx((0.4, 0.6))
