"""report.tex fits a page of article."""

import re
import shutil
import subprocess

import numpy as np
import pytest
from made_up_scores import made_up, made_up_vot, nothing_published

from benchmarks.figures import METRICS
from benchmarks.report import write_report
from benchmarks.report.grids import Cell, Grid, Head
from benchmarks.report.latex import PAGE, _table, escaped
from benchmarks.scoring import score
from benchmarks.truth import Truth

NAMES = [f"DaSiamRPN-{place:02d}" for place in range(15)]
CHALLENGES = ("IV", "SV", "OCC", "DEF", "MB", "FM", "IPR", "OPR", "OV", "BC", "LR")
TAGS = (
    "all",
    "camera_motion",
    "illum_change",
    "motion_change",
    "occlusion",
    "size_change",
    "empty",
)


def otb_like():
    """15 trackers on 11 challenges."""
    generator = np.random.default_rng(2)
    truths = [
        Truth(f"s{k}", np.tile([40.0, 20, 30, 24], (6, 1)), CHALLENGES[: k + 1])
        for k in range(len(CHALLENGES))
    ]
    results = {
        tracker: {t.name: t.boxes + generator.normal(0, 9, t.boxes.shape) for t in truths}
        for tracker in NAMES
    }
    return score(results, truths)


def vot_like():
    """15 trackers with long names, by seven tags."""
    figures = {f"SiamCAR-SiamFCpp-{place}": (0.3, 0.6, (12, 3)) for place in range(15)}
    tags = {tracker: dict.fromkeys(TAGS, 0.25) for tracker in figures}
    return made_up_vot(figures, tags=tags)


def tabulars(tex):
    """Of each tabular its rows of cells."""
    parts = [part.split(r"\end{tabular}")[0] for part in tex.split(r"\begin{tabular}")[1:]]
    return [
        [
            re.split(r"(?<!\\) & ", line.removesuffix(r" \\"))
            for line in part.splitlines()
            if "&" in line
        ]
        for part in parts
    ]


def test_heads_are_short_and_the_ranked_figure_has_its_interval(tmp_path):
    write_report(tmp_path, otb_like(), {}, benchmark="B", published=nothing_published)
    scores, challenges = tabulars((tmp_path / "report.tex").read_text())
    assert [head.removesuffix(r" $\uparrow$") for head in scores[0]] == [
        "Tracker",
        METRICS["success_auc"].head,
        r"95 \%",
        *(METRICS[metric].head for metric in list(METRICS)[1:6]),
    ]
    assert re.fullmatch(r"0\.\d{3}--0\.\d{3}", scores[1][2])
    assert challenges[0][1:] == list(CHALLENGES)
    assert challenges[1] == ["sequences", *(str(11 - k) for k in range(11))]
    assert len(challenges) == 2 + 15


def test_long_heads_are_turned_and_what_finds_no_room_stands_below(tmp_path):
    write_report(tmp_path, vot_like(), {}, benchmark="B", published=nothing_published)
    _, by_tag = tabulars((tmp_path / "report.tex").read_text())
    assert by_tag[0][1:3] == ["all", r"\rotatebox{90}{camera\_motion}"]
    heads = [Head(f"challenge {place}", f"c{place}") for place in range(40)]
    rows = {tracker: [Cell("0.500")] * 40 for tracker in ("a", "b")}
    parts = tabulars(_table(Grid("Wide", "caption.", heads, rows), ()))
    assert len(parts) > 1
    assert [head for part in parts for head in part[0][1:]] == [head.short for head in heads]
    assert all(row[0] == "a" for row in (part[1] for part in parts))
    assert max(len(part[0]) for part in parts) * 5 * 4 < PAGE + 60  # 0.500 takes some 16 points


@pytest.mark.skipif(
    not (shutil.which("pdflatex") and shutil.which("kpsewhich"))
    or subprocess.run(["kpsewhich", "booktabs.sty"], capture_output=True).returncode != 0,
    reason="needs pdflatex with booktabs",
)
@pytest.mark.parametrize("scores", [otb_like, vot_like, made_up])
def test_tables_fit_the_page_of_article(tmp_path, scores):
    notes = ["A note with 100 % of $ & odd ~ characters_, that is long enough for two lines. " * 2]
    write_report(
        tmp_path,
        scores(),
        {},
        benchmark="B",
        notes=notes,
        published=nothing_published,
        part="1 of 2",
    )
    document = r"\documentclass{article}\usepackage{booktabs,graphicx}\hfuzz=1pt\begin{document}"
    (tmp_path / "page.tex").write_text(document + r"\input{report}\end{document}")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Overfull" not in done.stdout


def test_no_name_is_taken_for_a_command():
    assert escaped("[b] x_1") == r"{}[b] x\_1"
    assert escaped("*a") == "{}*a"
    assert escaped("\ufffd \u03b1 é 100 %") == "? ? é 100 \\%"
