"""Published figures beside measured ones."""

from made_up_scores import Page, load_strictly, made_up, made_up_vot, nothing_published

from benchmarks.published import PublishedFigure
from benchmarks.report import write_report
from benchmarks.report.papers import one_name, published_beside


def look_up(benchmark, metric):
    assert benchmark == "B"
    figures = {
        "success_auc": [
            PublishedFigure("Best & Co", 0.9, ("Paper one",), ("one",), own=True),
            PublishedFigure("Siam-FC++", 0.75, ("Paper two", "Paper one"), ("two", "one")),
            PublishedFigure("Siam-FC++", 0.7, ("Paper three",), ("three",)),
            PublishedFigure("SiamFC", 0.5, ("Paper one",), ("one",), derived=True),
            PublishedFigure("elsewhere", 0.99, ("Paper four",), ("four",), protocol="reset"),
        ],
        "precision_20": [PublishedFigure("SiamFC", 0.625, ("Paper one",), ("one",))],
    }
    return figures.get(metric, [])


def write(folder, scores, published=look_up, **more):
    write_report(folder, scores, {}, benchmark="B", published=published, **more)
    return (folder / "report.html").read_text()


def test_measured_and_published_of_the_same_tracker(tmp_path):
    scores = made_up(("siamfcpp", "other"))
    rows = Page(write(tmp_path, scores)).tables
    table = next(rows for rows in rows if "measured" in rows[0][1])
    ours = scores.means["siamfcpp"]["success_auc"]
    assert len(table) == 2 and table[1][0] == "siamfcpp"
    assert table[1][1] == f"{ours:.3f}"
    assert table[1][2] == "0.7502,1 / 0.7003"  # with the numbers of their sources
    first, second = (f"{ours - value:+.3f}".replace("-", "−") for value in (0.75, 0.7))
    assert table[1][3] == f"{first} / {second}"


def test_other_trackers_are_listed_as_published(tmp_path):
    text = write(tmp_path, made_up(("siamfcpp", "other")))
    heads = ["Tracker", "Success AUC", "Precision 20 px"]
    table = next(rows for rows in Page(text).tables if rows[0] == heads)
    assert table[1:] == [["Best & Co", "0.9001", "–"], ["SiamFC", "≈0.5001", "0.6251"]]
    assert "elsewhere" not in text  # of another protocol
    assert "on whatever training data" in text
    found = load_strictly(tmp_path / "report.json")["published"]
    assert [one["tracker"] for one in found["success_auc"]] == [
        "Best & Co",
        "Siam-FC++",
        "Siam-FC++",
        "SiamFC",
    ]
    assert found["precision_20"][0]["sources"] == ["Paper one"]


def test_a_part_is_not_held_against_the_whole(tmp_path):
    text = write(tmp_path, made_up(("siamfcpp", "other")), part="5 of 100 sequences")
    table = next(rows for rows in Page(text).tables if "measured" in rows[0][1])
    assert [len(row) for row in table] == [3, 3] and "difference" not in "".join(table[0])
    assert table[1][2] == "0.7502,1 / 0.7003"
    said = "The published figures are of the whole benchmark, and 5 of 100 sequences were scored"
    assert said in text and said not in write(tmp_path, made_up(("siamfcpp", "other")))


def vot_published(benchmark, metric):
    values = {"eao": 0.4, "robustness": 0.2}
    if metric not in values:
        return []
    return [PublishedFigure("x", values[metric], ("paper",), ("t",), "reset")]


def test_of_vot_only_pysot_compares_with_the_published(tmp_path):
    figures = {"x": (0.3, 0.6, (1, 2)), "y": (0.2, 0.5, (2, 2))}
    for convention, part, compares in (
        ("pysot", None, True),
        ("pysot", "2 of 60 sequences", False),
        ("vot_toolkit", None, False),
    ):
        scores = made_up_vot(figures, convention=convention)
        text = write(tmp_path, scores, vot_published, part=part)
        table = next(rows for rows in Page(text).tables if "measured" in rows[0][1])
        assert ("difference" in table[0]) == compares
        assert ("the mean of 1 published figure." in text) == compares
        assert ('class="read-at"' in text) == compares
        assert ("follow pysot and the MATLAB toolkit" in text) == (convention == "vot_toolkit")


def test_the_baseline_cacf_is_not_the_published_one(tmp_path):
    def cacf(benchmark, metric):
        figures = [PublishedFigure("CACF", 0.598, ("paper",), ("t",))]
        return figures if metric == "success_auc" else []

    text = write(tmp_path, made_up(("cacf", "other")), cacf)
    assert "measured" not in str(Page(text).tables)
    assert ["CACF", "0.5981"] in [row for rows in Page(text).tables for row in rows]
    assert "cacf is this project&#x27;s baseline" in text
    text = write(tmp_path, made_up(("CACF", "other")), cacf)
    assert any("measured" in "".join(rows[0]) for rows in Page(text).tables)
    assert "this project&#x27;s baseline" not in text


def test_nothing_published_nothing_said(tmp_path):
    assert "Published figures" not in write(tmp_path, made_up(), nothing_published)
    assert load_strictly(tmp_path / "report.json")["published"] == {}


def test_protocols_are_kept_apart():
    vot = made_up_vot({"x": (0.3, 0.6, (1,)), "y": (0.2, 0.5, (2,))}, frames=(50,))

    def both(benchmark, metric):
        return [PublishedFigure(p, 0.5, ("s",), ("t",), p) for p in ("ope", "reset")]

    assert [one.tracker for one in published_beside(vot, "B", both)["eao"]] == ["reset"]
    assert [one.tracker for one in published_beside(made_up(), "B", both)["ao"]] == ["ope"]


def test_names_are_compared_without_case_and_punctuation():
    assert one_name("SA_Siam") == one_name("sa-siam")
    assert one_name("SiamRPN++") == one_name("SiamRPNpp") != one_name("SiamRPN")
    assert one_name("DiMP-50") == one_name("dimp50")


def test_the_papers_figures_are_found_by_the_benchmarks_name(tmp_path):
    write_report(tmp_path, made_up(("RASNet",)), {}, benchmark="OTB-2015")
    found = load_strictly(tmp_path / "report.json")["published"]
    assert 0.642 in [f["value"] for f in found["success_auc"] if f["tracker"] == "RASNet"]
    table = next(
        rows
        for rows in Page((tmp_path / "report.html").read_text()).tables
        if "measured" in rows[0][1]
    )
    assert table[1][2].startswith("0.642")
