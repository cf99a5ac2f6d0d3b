"""report.json and report.html of one-pass scores."""

import re
from dataclasses import replace

import numpy as np
import pytest
from made_up_scores import LENGTH, NAMES, Page, load_strictly, made_up, nothing_published

from benchmarks.report import terminal_table, write_report
from benchmarks.report.document import plain
from benchmarks.report.palette import STYLED
from benchmarks.scoring import score, score_runs
from benchmarks.truth import Truth
from ops.errors import InputError

FILES = ["curves.csv", "report.html", "report.json", "report.md", "report.tex"]


def write(folder, scores, provenance=None, **more):
    given = {"benchmark": "made up", "published": nothing_published} | more
    write_report(folder, scores, provenance or {}, **given)
    return (folder / "report.html").read_text()


def test_report_json_holds_the_scores(tmp_path):
    scores = made_up()
    provenance = {"ours": {"weights": "untrained", "seed": 3, "speed": float("nan")}, "theirs": {}}
    write(tmp_path, scores, provenance, notes=["a note"])
    assert sorted(path.name for path in tmp_path.iterdir()) == FILES
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
    assert report["convention_summary"] == scores.summary
    assert report["made_by"]["ours"] == {"weights": "untrained", "seed": 3, "speed": None}
    assert report["notes"] == ["a note"]
    assert report["per_sequence"]["theirs"]["beta"] == scores.per_sequence["theirs"]["beta"]
    assert report["by_attribute"]["blur"]["sequences"] == ["alpha", "gamma", "<b>&odd"]
    assert report["by_attribute"]["blur"]["scores"] == scores.by_attribute["blur"]
    assert report["intervals"]["ours"]["ao"] == list(scores.intervals["ours"]["ao"])
    assert report["paired"][0]["reference"] == scores.ranking[0]
    assert report["sequences"]["alpha"] == {"frames": LENGTH, "attributes": ["blur"]}
    assert len(report["curves"]["means"]["ours"]["success"]) == 21
    assert len(report["curves"]["thresholds"]["precision"]) == 51
    assert (report["by_run"], report["eao_by_tag"], report["refused"]) == ({}, {}, {})
    assert report["published"] == {}


def test_report_of_one_sequence_has_null_intervals(tmp_path):
    text = write(tmp_path, made_up(("ours",), ["alpha"]))
    report = load_strictly(tmp_path / "report.json")
    assert report["intervals"]["ours"]["ao"] == [None, None]
    assert report["paired"] == [] and report["disagreements"] == []
    assert not re.search(r"\bnan\b", text.split("<script>")[0].lower())
    assert "nan" not in (tmp_path / "report.md").read_text()


def test_plain_values():
    odd = {1: (np.float32(0.5), np.inf), "a": np.array([1.0, np.nan]), "p": np.int64(3), "n": None}
    assert plain(odd) == {"1": [0.5, None], "a": [1.0, None], "p": 3, "n": None}


def test_page_is_whole_and_needs_nothing_beside_it(tmp_path):
    scores = made_up()
    sheet = np.zeros((60, 80, 3), np.uint8)
    provenance = {t: {"weights": 40 * d, "seed": 0} for t, d in (("ours", "a"), ("theirs", "b"))}
    text = write(
        tmp_path,
        scores,
        provenance,
        frames=lambda name, index: np.full((90, 160, 3), 128, np.uint8),
        contact_sheet=sheet,
        notes=["<untrained>"],
    )
    assert not re.search(r"https?://|src=\"(?!data:)|href=\"(?!#)|@import|url\(|<link", text)
    assert "$" not in text.split("<script>")[0]
    page = Page(text)
    ids = [attrs["id"] for tag, attrs in page.starts if tag == "section"]
    assert [attrs["href"] for tag, attrs in page.starts if tag == "a"] == [f"#{i}" for i in ids]
    assert len(set(ids)) == len(ids) >= 7
    for name in NAMES:
        assert name in page.cells
    for tracker in scores.trackers:
        assert f"{scores.per_sequence[tracker]['beta']['success_auc']:.3f}" in page.cells
    assert "&lt;untrained&gt;" in text and "<untrained>" not in text
    assert "aaaaaaaaaaaa</code>" in text
    assert text.count("<polyline") == 2 * (3 + 2)  # overall, and the two challenges
    # best, middle, worst; where they disagree; the contact sheet
    disagreements = len(load_strictly(tmp_path / "report.json")["disagreements"])
    assert len(page.pictures) == 3 * 6 + disagreements + 1 and disagreements == 5


def test_every_table_of_figures_names_its_convention(tmp_path):
    text = write(tmp_path, made_up(convention="pysot"))
    sections = text.split("<section ")[1:]
    assert len(sections) == 6
    for section in sections:
        assert "onvention pysot" in section


def test_legends_are_sorted_by_the_figure_that_is_read_off(tmp_path):
    scores = made_up(("steady", "middling", "shaky"))
    means = {t: dict(found) for t, found in scores.means.items()}
    means["shaky"]["precision_20"] = 1.0  # another order than by success
    means["steady"]["precision_20"] = 0.25
    means["middling"]["precision_20"] = 0.5
    page = Page(write(tmp_path, replace(scores, means=means)))
    success, precision = page.legends[:2]
    assert [entry.split()[1] for entry in success] == ["steady", "middling", "shaky"]
    assert precision == ["1.000 shaky", "0.500 middling", "0.250 steady"]


def test_names_with_odd_characters_are_escaped_everywhere(tmp_path):
    odd = '<i>&"x"_%'
    scores = made_up((odd, "plain", "third"))
    text = write(tmp_path, scores)
    assert "<i>&" not in text
    page = Page(text)
    assert odd in page.cells
    assert any(entry.endswith(odd) for entry in page.legends[0])
    assert odd in load_strictly(tmp_path / "report.json")["scores"]


def test_many_trackers_are_told_apart(tmp_path):
    trackers = [f"tracker-{place:02d}" for place in range(STYLED + 2)]
    text = write(tmp_path, made_up(trackers))
    page = Page(text)
    assert text.count("<polyline") == len(trackers) * (3 + 2)
    assert "Thin grey lines: the last 2 of the ranking." in text
    dashes = {}
    for tag, attrs in page.starts:
        if tag == "polyline":
            dashes[attrs["data-line"]] = (attrs["style"], attrs.get("stroke-dasharray"))
    assert len(set(dashes.values())) == STYLED + 1  # all told apart, but the last two
    assert [len(legend) for legend in page.legends].count(
        len(trackers)
    ) == 3 + 1  # one for all challenges


def test_got10k_on_itself_has_no_precision(tmp_path):
    generator = np.random.default_rng(3)
    truths = []
    for length in range(5, 17):
        boxes, cover = np.tile([40.0, 20, 30, 24], (length, 1)), np.full(length, 8)
        truths.append(Truth(f"v{length}", boxes, ("blur",), cover=cover, picture_size=(160, 90)))
    results = {
        name: {t.name: t.boxes + generator.normal(0, shake, t.boxes.shape) for t in truths}
        for name, shake in (("shaky", 6), ("steady", 2))
    }
    scores = score(results, truths, "got10k")
    text = write(tmp_path, scores)
    page = Page(text)
    assert page.table("Tracker")[0][1:] == ["AO", "SR 0.50", "SR 0.75"]
    assert "<h3>Success <small>AO</small></h3>" in text and "recision" not in text
    assert page.legends[0] == [f"{scores.means[t]['ao']:.3f} {t}" for t in ("steady", "shaky")]
    assert text.count("<polyline") == 2  # none of the challenge, whose frames are pooled
    heads = (tmp_path / "report.tex").read_text()
    assert r"AO $\uparrow$ & 95 \% & SR.50 $\uparrow$" in heads


def test_means_over_runs_stand_beside_pooled_figures(tmp_path):
    generator = np.random.default_rng(0)
    truths = [Truth(name, np.tile([40.0, 20, 30, 24], (20, 1)), ("blur",)) for name in "ab"]
    starts = {name: [0, 15] for name in "ab"}
    results = {
        "one": {
            t.name: [t.boxes[s:] + generator.normal(0, 6, t.boxes[s:].shape) for s in (0, 15)]
            for t in truths
        }
    }
    scores = score_runs(results, truths, starts, "matlab_otb", "tre")
    text = write(tmp_path, scores)
    assert "<h1>made up, TRE</h1>" in text
    assert "<dt>protocol</dt><dd>TRE</dd>" in text
    assert "<dt>runs</dt><dd>20 a sequence, frames pooled</dd>" in text
    told = "made up, TRE, convention matlab_otb, 2 sequences, 20 runs a sequence."
    mean = f"{scores.by_run['one']['success_auc']:.3f}"
    assert f"{told} The frames of all runs of a sequence are pooled." in text
    assert f"pooled. {told}</p>" in text  # of the mean over runs
    assert "runs a sequence" not in terminal_table(made_up())
    assert "TRE, 20 runs a sequence, their frames pooled" in terminal_table(scores)
    markdown = (tmp_path / "report.md").read_text().split("## ")
    assert markdown[2].startswith("Mean over runs") and f"| one | {mean} |" in markdown[2]
    tex = (tmp_path / "report.tex").read_text()
    assert r"\caption{Mean over runs. " in tex and f"one & {mean} &" in tex
    pooled, alike = [rows for rows in Page(text).tables if rows[0][0] == "Tracker"][:2]
    assert alike[1][1] == f"{scores.by_run['one']['success_auc']:.3f}"
    assert pooled[1][1].startswith(f"{scores.means['one']['success_auc']:.3f}")
    assert pooled[1][1][:5] != alike[1][1]
    assert load_strictly(tmp_path / "report.json")["by_run"] == scores.by_run
    assert scores.success_by_attribute == {}  # overlaps are of the first run alone


def test_one_legend_for_all_challenges(tmp_path):
    text = write(tmp_path, made_up(("a", "b", "c"), NAMES[:3]))
    challenges = text.split('id="challenges"')[1].split("</section>")[0]
    assert challenges.count("<polyline") == 2 * 3
    assert challenges.count('<ol class="legend">') == 2  # of the points, of the lines
    points, lines = [part.split("</ol>")[0] for part in challenges.split("<ol")[1:]]
    assert points.count("<circle") == 3 and "<line" not in points
    assert lines.count("<line") == 3 and "<circle" not in lines
    assert "<small>1 sequence</small>" in challenges and "<small>2 sequences</small>" in challenges


def test_names_are_not_broken(tmp_path):
    trackers = ("Siam-BAN", "a b", "third")
    text = write(tmp_path, made_up(trackers))
    pairs = text.split("Row minus column")[1].split("</thead>")[0]
    assert [f'class="up"><span>{t}</span>' in pairs for t in trackers] == [True] * 3
    assert text.count('<span class="name" title="Siam-BAN"><svg class="swatch"') >= 3
    style = text.split("</style>")[0]
    names = re.findall(r"^\s*([^{}\n]*)\{[^{}]*overflow-wrap: anywhere", style, re.MULTILINE)
    # Notes hold messages of any length; names of trackers in tables are not among these.
    assert {name.strip() for name in names} <= {"h1", "h3", ".notes", ".facts dd", ".dots > span"}
    assert re.search(r"\.name \{ white-space: nowrap", style)


def test_success_curves_of_challenges_are_those_of_their_sequences_alone():
    scores = made_up()
    part = [truth for truth in scores.truth.values() if "blur" in truth.attributes]
    alone = score(scores.results, part, "matlab_otb")
    for tracker in scores.trackers:
        curve = scores.success_by_attribute["blur"][tracker]
        np.testing.assert_allclose(curve, alone.curves[tracker]["success"])
        assert np.isclose(curve.mean(), scores.by_attribute["blur"][tracker]["success_auc"])


def test_pictures_that_cannot_be_read_do_not_cost_the_report(tmp_path):
    def broken(name, index):
        raise InputError(f"{name}: picture {index} is broken")

    assert "picture 0 is broken" in write(tmp_path, made_up(), frames=broken)
    assert Page(write(tmp_path, made_up())).pictures == []


def test_a_report_that_fails_leaves_the_old_one(tmp_path):
    before = write(tmp_path, made_up())

    def broken(benchmark, metric):
        raise InputError("no such table")

    with pytest.raises(InputError):
        write(tmp_path, made_up(("other",)), published=broken)
    assert (tmp_path / "report.html").read_text() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == FILES
