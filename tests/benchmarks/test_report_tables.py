"""The tables of reports: Markdown, LaTeX, CSV, terminal; best and second; comparisons; sorting."""

import csv
import re
from dataclasses import replace

import numpy as np
import pytest
from made_up_scores import (
    LENGTH,
    NAMES,
    Page,
    load_strictly,
    made_up,
    made_up_vot,
    nothing_published,
)

from benchmarks.report import terminal_table, write_report
from benchmarks.report.comparisons import all_pairs, in_words
from benchmarks.report.view import number, places, signed
from benchmarks.statistics import Comparison

VOT = {"x": (0.3, 0.61, (2, 1)), "y": (0.2, 0.55, (0, 1)), "z": (0.25, 0.70, (5, 4))}


def written(folder, scores):
    write_report(folder, scores, {}, benchmark="b & co", published=nothing_published)
    return folder


def with_means(**success):
    """Made-up scores with success AUCs as given, by tracker."""
    scores = made_up(tuple(success))
    means = {t: scores.means[t] | {"success_auc": value} for t, value in success.items()}
    ranking = tuple(sorted(success, key=lambda tracker: -success[tracker]))
    return replace(scores, means=means, ranking=ranking)


@pytest.mark.parametrize(
    ("values", "metric", "expected"),
    [
        ([0.5, 0.9, 0.7], "success_auc", [None, 0, 1]),
        ([5.0, 9.0, 7.0], "failures", [0, None, 1]),
        ([0.9, 0.90004, 0.7], "ao", [0, 0, 1]),  # equal as printed
        ([0.9, 0.7], "ao", [0, None]),
        ([0.9], "ao", [None]),
        ([np.nan, 0.7, 0.8, 0.6], "ao", [None, 1, 0, None]),
        ([np.nan, np.nan], "ao", [None, None]),
    ],
)
def test_best_and_second(values, metric, expected):
    assert places(values, metric) == expected


def test_best_is_bold_and_second_underlined_in_every_table(tmp_path):
    written(tmp_path, made_up_vot(VOT))
    page = Page((tmp_path / "report.html").read_text())
    assert page.marked["b"][:4] == ["0.300", "0.900", "0.700", "0.625"]  # failures: the fewest
    assert page.marked["u"][:4] == ["0.610", "1.875", "3", "0.250"]
    markdown = (tmp_path / "report.md").read_text()
    row = next(line for line in markdown.splitlines() if line.startswith("| y"))
    cells = [re.sub(r" \(.*?\)", "", cell) for cell in row.strip("| ").split(" | ")]
    assert cells == ["y", "0.200", "0.550", "**0.625**", "**1**", "<u>0.800</u>"]
    tex = (tmp_path / "report.tex").read_text()
    low, high = made_up_vot(VOT).intervals["y"]["eao"]
    y = rf"y & 0.200 & {low:.3f}--{high:.3f} & 0.550 & \textbf{{0.625}} & \textbf{{1}} & \underline"
    assert y in tex
    assert r" & \underline{0.610} & \underline{1.875} & \underline{3} & \textbf{0.900} \\" in tex
    assert r"EAO $\uparrow$ & 95 \% & A $\uparrow$ & R $\downarrow$ & failures $\down" in tex
    assert r"& reliability (S = 30) $\uparrow$ \\" in tex


def test_latex_table_parses_back(tmp_path):
    scores = with_means(**{"a_b": 0.5, "50% & more #1": 0.625, "{x}~y^2\\z$": 0.25})
    tex = (written(tmp_path, scores) / "report.tex").read_text()
    low, high = scores.intervals["50% & more #1"]["success_auc"]
    assert rf"50\% \& more \#1 & \textbf{{0.625}} & {low:.3f}--{high:.3f} &" in tex
    assert r"a\_b & \underline{0.500} &" in tex
    assert r"\{x\}\textasciitilde{}y\textasciicircum{}2\textbackslash{}z\$ & 0.250 &" in tex
    setting = r"b \& co, OPE, convention matlab\_otb, 5 sequences."
    assert rf"\caption{{Scores. {setting} Success AUC with 95 \% bootstrap intervals over" in tex
    assert rf"each challenge. {setting}}}" in tex
    assert "Tracker & blur & occlusion" in tex and "sequences & 3 & 2 " in tex
    assert tex.count(r"\begin{table}") == tex.count(r"\end{table}") == 2
    for table in tex.split(r"\begin{tabular}{")[1:]:
        columns = len(table.split("}")[0])
        rows = [line for line in table.splitlines() if line.endswith(r"\\")]
        assert len(rows) == 4 + ("sequences &" in table)
        assert {len(re.split(r"(?<!\\)&", row)) for row in rows} == {columns}
        assert [table.count(f"\\{rule}rule") for rule in ("top", "mid", "bottom")] == [1, 1, 1]
    assert not re.search(r"[−–]", tex)


def test_markdown_table_parses_back(tmp_path):
    scores = made_up(("a|b", "c_d"))
    text = (written(tmp_path, scores) / "report.md").read_text()
    assert text.startswith("# b & co, OPE\n")
    lines = [line for line in text.splitlines() if line.startswith("|")]
    rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines]
    assert {len(row) for row in rows[:4]} == {7}
    assert {len(row) for row in rows[4:]} == {3}  # two challenges
    assert rows[2][0].strip() == r"a\|b"
    low, high = scores.intervals["a|b"]["success_auc"]
    best = scores.means["a|b"]["success_auc"]
    assert rows[2][1].strip() == f"**{best:.3f}** ({low:.3f}–{high:.3f})"
    setting = r"b & co, OPE, convention matlab\_otb, 5 sequences."
    assert text.count(setting) == 3  # at the top, and each table
    assert f"{setting} {5 * LENGTH} frames." in text
    assert "95 % bootstrap intervals over sequences" in text


def test_curves_as_csv(tmp_path):
    scores = made_up(("x,y", "plain"))
    rows = list(csv.reader((written(tmp_path, scores) / "curves.csv").open()))
    front = ["benchmark", "protocol", "convention"]
    assert rows[0] == [*front, "curve", "threshold", *scores.ranking]
    assert {tuple(row[:3]) for row in rows[1:]} == {("b & co", "ope", "matlab_otb")}
    assert [row[3] for row in rows[1:]] == ["success"] * 21 + ["precision"] * 51 + [
        "norm_precision"
    ] * 51
    for place, tracker in enumerate(scores.ranking, 5):
        values = [float(row[place]) for row in rows[1:] if row[3] == "precision"]
        np.testing.assert_array_equal(values, scores.curves[tracker]["precision"])
    assert [float(row[4]) for row in rows[1:4]] == [0.0, 0.05, 0.1]


def test_curves_leave_out_where_none_has_a_value(tmp_path):
    scores = made_up_vot({"x": VOT["x"], "y": VOT["y"]})
    curves = {t: {k: v.copy() for k, v in found.items()} for t, found in scores.curves.items()}
    curves["x"]["expected_overlap"][1:] = np.nan
    curves["y"]["expected_overlap"][2:] = np.nan
    scores = replace(scores, curves=curves)
    rows = list(csv.reader((written(tmp_path, scores) / "curves.csv").open()))
    assert [row[4:6] for row in rows[1:]] == [["1.0", "0.9"], ["2.0", ""]]


def test_intervals_stand_below_their_figures(tmp_path):
    scores = made_up()
    rows = Page((written(tmp_path, scores) / "report.html").read_text()).table("Tracker")
    assert [row[0] for row in rows[1:]] == list(scores.ranking)
    for row in rows[1:]:
        low, high = scores.intervals[row[0]]["precision_20"]
        mean = scores.means[row[0]]["precision_20"]
        assert row[2] == f"{mean:.3f}{low:.3f}–{high:.3f}"


def test_sequences_of_several_trackers_and_of_one(tmp_path):
    scores = made_up()
    rows = Page((written(tmp_path, scores) / "report.html").read_text()).tables[-1]
    assert rows[0] == ["Sequence", "Frames", "ours", "theirs", "Challenges"]
    assert [row[0] for row in rows[1:]] == NAMES
    value = scores.per_sequence["theirs"]["beta"]["success_auc"]
    assert rows[2][1:] == ["12", rows[2][2], f"{value:.3f}", "occlusion"]
    alone = Page((written(tmp_path, made_up(("ours",))) / "report.html").read_text()).tables[-1]
    assert alone[0][2:-1] == [
        "Success AUC",
        "Precision 20 px",
        "Norm. precision 0.20",
        "AO",
        "SR 0.50",
        "SR 0.75",
    ]


def comparison(tracker, other, difference, interval):
    return Comparison(tracker, other, "success_auc", difference, interval, 0.25, 0.5)


@pytest.mark.parametrize(
    ("interval", "verdict"),
    [
        ((-0.05, -0.01), "interval −0.050 to −0.010: b is ahead."),
        ((0.01, 0.05), "interval +0.010 to +0.050: <a> is ahead."),
        ((-0.05, 0.02), "interval −0.050 to +0.020: these sequences do not tell them apart."),
        ((np.nan, np.nan), "of the sequences; no interval."),
    ],
)
def test_comparisons_in_words(interval, verdict):
    words = in_words(comparison("<a>", "b", -0.02, interval), made_up())
    assert words.startswith("<a> beside b: −0.020, better on 25 % and worse on 50 % of the seq")
    assert words.endswith(verdict)


@pytest.mark.parametrize(
    ("sequences", "verdict", "bold"),
    [(1, "one sequence gives no interval", 0), (4, "too few sequences to tell", 0), (5, "a is", 1)],
)
def test_few_sequences_decide_nothing(tmp_path, sequences, verdict, bold):
    scores = made_up(("a", "b", "c"), NAMES[:sequences])
    apart = (np.nan, np.nan) if sequences == 1 else (-0.2, -0.1)
    pairs = [("b", "a"), ("c", "a"), ("c", "b")]
    paired = tuple(comparison(one, other, -0.15, apart) for one, other in pairs)
    scores = replace(scores, paired=paired, ranking=("a", "b", "c"))
    assert verdict in in_words(paired[0], scores)
    text = (written(tmp_path, scores) / "report.html").read_text()
    assert text.count('class="apart"') == 6 * bold
    assert Page(text).table("Beside")[1][-1].startswith(verdict)
    rough = "Intervals of fewer than 10 sequences are rough."
    for name in ("report.html", "report.md", "report.tex"):
        assert (rough in (tmp_path / name).read_text()) == (sequences > 1)


def test_intervals_of_ten_sequences_are_not_called_rough(tmp_path):
    scores = made_up(names=[f"s{place}" for place in range(10)])
    assert "rough" not in (written(tmp_path, scores) / "report.html").read_text()


def test_each_tracker_stands_beside_the_best(tmp_path):
    scores = made_up(("one", "two", "three"))
    rows = Page((written(tmp_path, scores) / "report.html").read_text()).table("Beside")
    assert rows[0][0] == f"Beside {scores.ranking[0]}"
    expected = [c for c in scores.paired if c.reference == scores.ranking[0]]
    assert [row[0] for row in rows[1:]] == [c.tracker for c in expected]
    low, high = expected[0].interval
    assert rows[1][1] == signed(expected[0].difference, "ao")
    assert rows[1][2] == f"{signed(low, 'ao')} to {signed(high, 'ao')}"


def test_any_two_trackers_are_compared_where_all_pairs_are(tmp_path):
    scores = with_means(a=0.6, b=0.5, c=0.4)
    pairs = (
        comparison("b", "a", -0.1, (-0.2, -0.05)),
        comparison("c", "a", -0.2, (-0.3, -0.1)),
        comparison("c", "b", -0.1, (-0.3, 0.1)),
    )
    scores = replace(scores, paired=pairs)
    turned = all_pairs(scores)["b", "c"]
    assert (turned.difference, turned.interval) == (0.1, (-0.1, 0.3))
    assert (turned.won, turned.lost) == (0.5, 0.25)
    text = (written(tmp_path, scores) / "report.html").read_text()
    page = Page(text)
    rows = page.table("Row minus column")
    assert rows[0][1:] == ["a", "b", "c"]
    assert [row[1:] for row in rows[1:]] == [
        ["", "+.100", "+.200"],
        ["−.100", "", "+.100"],
        ["−.200", "−.100", ""],
    ]
    apart = [attrs["title"][:10] for _, attrs in page.starts if attrs.get("class") == "apart"]
    assert apart == ["a beside b", "a beside c", "b beside a", "c beside a"]
    assert len(load_strictly(tmp_path / "report.json")["paired"]) == 3
    some = replace(scores, paired=pairs[:2])
    assert all_pairs(some) == {}
    assert "Row minus column" not in (written(tmp_path, some) / "report.html").read_text()


def test_numbers():
    assert number(12.0, "failures") == "12" and number(12.25, "failures") == "12.2"
    assert number(0.12345, "eao") == "0.123" and number(float("nan"), "eao") == "–"
    assert signed(-0.0004, "ao") == "0.000" and signed(0.02, "ao") == "+0.020"
    assert signed(-3.0, "failures") == "−3"


def test_terminal_table():
    scores = made_up()
    lines = terminal_table(scores).splitlines()
    assert lines[0].split()[:3] == ["tracker", "success", "prec@20"]
    assert [line.split()[0] for line in lines[2:4]] == list(scores.ranking)
    best = scores.means[scores.ranking[0]]
    assert lines[2].split()[1:7] == [f"{value:.3f}" for value in best.values()]
    assert lines[-1] == f"5 sequences, {5 * LENGTH} frames, OPE, matlab_otb"
    assert len({len(line) for line in lines[:4]}) == 1


def test_terminal_table_of_vot_and_of_refused_trackers():
    refused = {"bad": "file too short", "worse": "no file."}
    scores = replace(made_up_vot(VOT), refused=refused, notes=("Read this.", "And this."))
    lines = terminal_table(scores).splitlines()
    assert lines[0].split() == ["tracker", "EAO", "A", "R", "failures", "95", "%", "of", "EAO"]
    assert lines[2].split()[:5] == ["x", "0.300", "0.610", "1.875", "3"]
    assert lines[-5:] == [
        "2 sequences, 160 frames, reset-based, pysot",
        "Read this.",
        "And this.",
        "bad is not scored (convention pysot): file too short.",
        "worse is not scored (convention pysot): no file.",
    ]


def test_terminal_table_without_an_interval():
    lines = terminal_table(made_up(names=NAMES[:1])).splitlines()
    assert lines[2].endswith("one sequence") and lines[-1].startswith("1 sequence, ")
    scores = made_up()
    unknown = {t: dict.fromkeys(found, (np.nan, np.nan)) for t, found in scores.intervals.items()}
    assert terminal_table(replace(scores, intervals=unknown)).splitlines()[2].endswith(" –")
