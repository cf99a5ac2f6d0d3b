import base64
import json
import re
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest

from benchmarks.report import terminal_table, write_report
from benchmarks.report.document import plain
from benchmarks.report.page import split_provenance
from benchmarks.report.sections import DRAWN_IN_PLOTS, in_words
from benchmarks.report.strips import chosen_sequences
from benchmarks.scoring import score
from benchmarks.statistics import Comparison
from ops.errors import InputError

LENGTH, PICTURE = 12, (90, 160)
NAMES = ["alpha", "beta", "gamma", "delta", "<b>&odd"]


def made_up(trackers=("ours", "theirs"), names=NAMES):
    generator = np.random.default_rng(4)
    truth = {name: np.tile([40.0, 20, 30, 24], (LENGTH, 1)) for name in names}
    truth[names[0]][-1] = np.nan
    results = {
        tracker: {
            name: boxes + generator.normal(0, 1 + 2 * place + rank, boxes.shape) * [1, 1, 0, 0]
            for rank, (name, boxes) in enumerate(truth.items())
        }
        for place, tracker in enumerate(trackers)
    }
    attributes = {name: ("occlusion",) if i % 2 else ("blur",) for i, name in enumerate(names)}
    return score(results, truth, attributes)


def frames(name, index):
    return np.full((*PICTURE, 3), 128, np.uint8)


def load_strictly(path):
    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(path.read_text(), parse_constant=refuse)


class Page(HTMLParser):
    """Cells of tables, sources of pictures, and a check that tags close in order."""

    VOID = frozenset({"meta", "img"})

    def __init__(self, text):
        super().__init__()
        self.open, self.cells, self.pictures = [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        if tag == "img":
            self.pictures.append(dict(attrs)["src"])
        if tag not in self.VOID:
            self.open.append(tag)
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "td" in self.open or "th" in self.open:
            self.cells[-1] += data


def test_report_json_holds_the_scores(tmp_path):
    scores = made_up()
    provenance = {"ours": {"weights": "untrained", "seed": 3, "speed": float("nan")}, "theirs": {}}
    write_report(tmp_path, scores, provenance, benchmark="made up", notes=["a note"])
    report = load_strictly(tmp_path / "report.json")
    assert report["scores"] == scores.means  # every digit survives
    assert list(report["scores"]["ours"]) == [
        "success_auc",
        "precision_20",
        "norm_precision_20",
        "ao",
        "sr_50",
        "sr_75",
    ]
    assert (report["convention"], report["benchmark"], report["protocol"]) == (
        "matlab_otb",
        "made up",
        "ope",
    )
    assert report["made_by"]["ours"] == {"weights": "untrained", "seed": 3, "speed": None}
    assert report["notes"] == ["a note"]
    assert report["per_sequence"]["theirs"]["beta"] == scores.per_sequence["theirs"]["beta"].metrics
    assert report["by_attribute"]["blur"]["sequences"] == ["alpha", "gamma", "<b>&odd"]
    assert report["by_attribute"]["blur"]["scores"] == scores.by_attribute["blur"]
    assert report["intervals"]["ours"]["ao"] == list(scores.intervals["ours"]["ao"])
    assert report["paired"][0]["reference"] == scores.ranking[0]
    assert report["sequences"]["alpha"] == {"frames": LENGTH, "attributes": ["blur"]}
    assert len(report["curves"]["means"]["ours"]["success"]) == 21
    assert len(report["curves"]["thresholds"]["precision"]) == 51


def test_report_of_one_sequence_has_null_intervals(tmp_path):
    write_report(tmp_path, made_up(("ours",), ["alpha"]), {}, benchmark="b")
    report = load_strictly(tmp_path / "report.json")
    assert report["intervals"]["ours"]["ao"] == [None, None]
    assert report["paired"] == []
    assert "nan" not in (tmp_path / "report.html").read_text().split("<script>")[0].lower()


def test_plain_values():
    odd = {1: (np.float32(0.5), np.inf), "a": np.array([1.0, np.nan]), "p": np.int64(3), "n": None}
    assert plain(odd) == {"1": [0.5, None], "a": [1.0, None], "p": 3, "n": None}


def test_page_is_whole_and_needs_nothing_beside_it(tmp_path):
    scores = made_up()
    sheet = np.zeros((60, 80, 3), np.uint8)
    provenance = {t: {"weights": 40 * d, "seed": 0} for t, d in (("ours", "a"), ("theirs", "b"))}
    write_report(
        tmp_path,
        scores,
        provenance,
        benchmark="made up",
        frames=frames,
        contact_sheet=sheet,
        notes=["<untrained>"],
    )
    text = (tmp_path / "report.html").read_text()
    assert not re.search(r"https?://|src=\"(?!data:)|href=|@import|url\(", text)
    assert "$" not in text.split("<script>")[0]
    page = Page(text)
    for name in NAMES:
        assert name in page.cells
    for tracker in scores.trackers:
        assert f"{scores.per_sequence[tracker]['beta'].metrics['success_auc']:.3f}" in page.cells
    assert "&lt;untrained&gt;" in text
    assert "aaaaaaaaaaaa</code>" in text
    assert text.count("<polyline") == 2 * 3
    assert len(page.pictures) == 3 * 6 + 1  # best, middle, worst; the contact sheet


def test_strips_show_truth_in_green(tmp_path):
    write_report(tmp_path, made_up(("ours",)), {}, benchmark="b", frames=frames)
    pictures = Page((tmp_path / "report.html").read_text()).pictures
    data = base64.b64decode(pictures[-1].removeprefix("data:image/jpeg;base64,"))
    image = cv2.cvtColor(
        cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB
    )
    scale = image.shape[1] / PICTURE[1]
    red, green, blue = image[round(32 * scale), round(70 * scale)].astype(int)  # right edge
    assert green > red + 60 and green > blue + 60
    assert np.ptp(image[-3, 3].astype(int)) < 12  # grey beside it


def test_strips_say_where_there_is_no_target(tmp_path):
    write_report(tmp_path, made_up(("ours",), ["alpha"]), {}, benchmark="b", frames=frames)
    text = (tmp_path / "report.html").read_text()
    captions = re.findall("<figcaption>(.*?)</figcaption>", text)
    assert captions[0] == f"1 of {LENGTH}, overlap 1.00"
    assert captions[-1] == f"{LENGTH} of {LENGTH}, no target"


def test_pictures_that_cannot_be_read_do_not_cost_the_report(tmp_path):
    def broken(name, index):
        raise InputError(f"{name}: picture {index} is broken")

    write_report(tmp_path, made_up(), {}, benchmark="b", frames=broken)
    assert "picture 0 is broken" in (tmp_path / "report.html").read_text()
    write_report(tmp_path, made_up(), {}, benchmark="b")
    assert Page((tmp_path / "report.html").read_text()).pictures == []


def test_many_trackers_and_results_that_end_early(tmp_path):
    trackers = [f"tracker-{i:02d}" for i in range(DRAWN_IN_PLOTS + 2)]
    scores = made_up(trackers)
    for found in scores.results.values():
        for name in found:
            found[name] = found[name][: LENGTH // 2]
    write_report(tmp_path, scores, {}, benchmark="b", frames=frames)
    text = (tmp_path / "report.html").read_text()
    assert text.count("<polyline") == 3 * DRAWN_IN_PLOTS
    assert "last 2 of each ranking are not drawn" in text
    assert len(Page(text).pictures) == 3 * 6


@pytest.mark.parametrize(
    ("made_by", "shared", "differing"),
    [
        ({"a": {"seed": 1, "w": "x"}}, {"seed": 1, "w": "x"}, {}),
        (
            {"a": {"seed": 1, "w": "x"}, "b": {"seed": 1}},
            {"seed": 1},
            {"a": {"w": "x"}, "b": {"w": None}},
        ),
        ({}, {}, {}),
    ],
)
def test_provenance_is_said_once_where_it_is_shared(made_by, shared, differing):
    assert split_provenance(made_by) == (shared, differing)


@pytest.mark.parametrize(
    ("interval", "verdict"),
    [
        ((-0.05, -0.01), "interval −0.050 to −0.010: b is ahead."),
        ((-0.05, 0.02), "interval −0.050 to +0.020: these sequences do not tell them apart."),
        ((np.nan, np.nan), "one sequence gives no interval."),
    ],
)
def test_comparisons_in_words(interval, verdict):
    words = in_words(Comparison("<a>", "b", "success_auc", -0.02, interval, 0.25, 0.5))
    start = "<strong>&lt;a&gt;</strong> beside b: −0.020, better on 25 % and worse on 50 %"
    assert words.startswith(start)
    assert words.endswith(verdict)


def test_best_middle_and_worst_are_of_the_first_listed_tracker():
    chosen = chosen_sequences(made_up())
    found = made_up().per_sequence["ours"]
    ranked = sorted(NAMES, key=lambda name: -found[name].metrics["success_auc"])
    assert chosen == {"Best": ranked[0], "Middle": ranked[2], "Worst": ranked[4]}
    assert list(chosen_sequences(made_up(names=NAMES[:2]))) == ["Best", "Worst"]
    assert list(chosen_sequences(made_up(names=NAMES[:1]))) == ["Best"]


def test_terminal_table():
    scores = made_up()
    lines = terminal_table(scores).splitlines()
    assert lines[0].split()[:3] == ["tracker", "success", "prec@20"]
    assert [line.split()[0] for line in lines[2:4]] == list(scores.ranking)
    best = scores.means[scores.ranking[0]]
    assert lines[2].split()[1:7] == [f"{value:.3f}" for value in best.values()]
    assert lines[-1] == f"5 sequences, {5 * LENGTH} frames, matlab_otb"
    assert len({len(line) for line in lines[:4]}) == 1
