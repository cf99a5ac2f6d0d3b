"""Ablation tables of several seeds: made-up reports whose figures follow by hand.

Of three sequences the bootstrap draws one alone in 1 of 27 samples, more than 2.5 %: of one seed
the interval of a mean over them ends at the smallest and the largest of the three values.
"""

import json
import random
from itertools import accumulate, product

import pytest

from benchmarks.ablation import read_rows
from benchmarks.orderings import compare, orderings, ranks, scopes
from benchmarks.published import PublishedTable, published_names, published_table
from benchmarks.report import write_tables
from ops.errors import InputError

THREE = {  # row and seed -> success on sequences a, b, c
    "siamfc/seed-0": (0.30, 0.40, 0.50),
    "siamfc/seed-1": (0.50, 0.40, 0.30),
    "rasnet/seed-0": (0.50, 0.50, 0.50),
    "rasnet/seed-1": (0.60, 0.40, 0.80),
    "rasnet/seed-2": (0.70, 0.60, 0.50),
    "general": (0.20, 0.49, 0.36),
    "channel": (0.39, 0.51, 0.45),
    "dual": (0.30, 0.35, 0.38),
    "full_attention": (0.50, 0.50, 0.50),
}


def make_run(
    folder, values, precision=0.6, benchmark="mine", seed=None, step=70, first="a", **more
):
    """FOLDER/report.json of one tracker's success on sequences a, b, c, ..."""
    row, mean = folder.parts[-1], sum(values) / len(values)
    per_sequence = {chr(ord(first) + i): {"success_auc": value} for i, value in enumerate(values)}
    report = {
        "benchmark": benchmark,
        "protocol": "ope",
        "scores": {row: {"success_auc": mean, "precision_20": precision}},
        "intervals": {row: {"success_auc": [min(values), max(values)]}},
        "per_sequence": {row: per_sequence},
        "made_by": {row: {"weights": f"some.pt, step {step}", "part": None}},
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_text(json.dumps(report | more))
    if seed is not None:
        (folder / ".hydra").mkdir()
        (folder / ".hydra" / "config.yaml").write_text(f"label: {row}\nseed: {seed}\n")


@pytest.fixture
def table(tmp_path):
    """The folder of a small table's runs, those of THREE."""
    folder = tmp_path / "rasnet_attention_small"
    for place, values in THREE.items():
        make_run(folder / place, values)
    return folder


def lines_of(folder):
    """Of table.md: row -> head -> cell."""
    rows = [
        [cell.strip() for cell in line.strip("|").split(" | ")]
        for line in (folder / "table.md").read_text().splitlines()
        if line.startswith("|")
    ]
    return {row[0]: dict(zip(rows[0], row, strict=True)) for row in rows[2:]}


def bounds(row, reference=None):
    """The 95 % interval of a row of THREE, or of it minus another, from all samples there are."""

    def means(place, drawn):
        seeds = [values for name, values in THREE.items() if name.partition("/")[0] == place]
        of_seeds = [sum(values[s] for s in drawn) / 3 for values in seeds]
        samples = list(product(of_seeds, repeat=max(len(seeds) - 1, 1)))  # one seed less is drawn
        return [sum(sample) / len(sample) for sample in samples]

    weighed = []
    for drawn in product(range(3), repeat=3):
        others = means(reference, drawn) if reference else [0.0]
        gaps = [one - other for one in means(row, drawn) for other in others]
        weighed += [(gap, 1 / 27 / len(gaps)) for gap in gaps]
    gaps, weights = zip(*sorted(weighed), strict=True)
    shares = list(accumulate(weights))
    low, high = (
        next(g for g, s in zip(gaps, shares, strict=True) if s > q) for q in (0.025, 0.975)
    )
    return f"{low:.3f} to {high:.3f}"


def test_a_row_is_the_mean_of_its_seeds_with_their_range(table):
    text = write_tables(table)
    found = lines_of(table)
    assert list(found) == list(published_table("rasnet_attention").rows)
    heads = ["seeds", "success", "seeds' range", "95 % interval", "minus siamfc", "rank"]
    shown = {row: [cells[f"measured: {head}"] for head in heads] for row, cells in found.items()}
    assert shown == {
        "siamfc": ["0, 1", "0.400", "0.400 to 0.400", "0.300 to 0.500", "-", "3"],
        "rasnet": ["0, 1, 2", "0.567", "0.500 to 0.600", "0.483 to 0.667",
                   "+0.167 (0.033 to 0.333)", "1"],
        "general": ["?", "0.350", "-", "0.200 to 0.490", "-0.050 (-0.180 to 0.090)", "4"],
        "channel": ["?", "0.450", "-", "0.390 to 0.510", "+0.050 (-0.050 to 0.137)", "2"],
        "dual": ["?", "0.343", "-", "0.300 to 0.380", "-0.057 (-0.150 to 0.037)", "5"],
        "full_attention": ["?", "0.500", "-", "0.500 to 0.500", "+0.100 (0.000 to 0.200)", "-"],
    }  # fmt: skip
    for row, cells in found.items():
        assert cells["measured: 95 % interval"] == bounds(row)
        if row != "siamfc":
            assert f"({bounds(row, 'siamfc')})" in cells["measured: minus siamfc"]
    assert {row: cells["paper, OTB-2013: rank"] for row, cells in found.items()} == {
        "siamfc": "5", "general": "4", "dual": "2", "channel": "3", "rasnet": "1",
        "full_attention": "-",
    }  # fmt: skip
    assert found["dual"]["paper, OTB-2013: success"] == "0.660"
    assert all(cells["measured on"] == "mine, ope, 3 sequences" for cells in found.values())
    assert "means over the seeds" in text and "half its width" in text


def test_which_orderings_reproduce_is_computed(table):
    lines = write_tables(table).splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("orderings of the paper, "))
    assert lines[start].startswith(
        "orderings of the paper, in Success AUC on mine, ope, 3 sequences: 6 of 10 have its sign, "
        "4 of these for sure; 4 do not, 1 of these for sure."
    )
    verdicts = [line.strip().split(", ")[0] for line in lines[start + 1 : start + 5]]
    assert verdicts == [
        "general above siamfc: paper +0.004 on OTB-2013; measured -0.050 (-0.180 to +0.090): "
        "opposite sign",
        "dual above siamfc: paper +0.053 on OTB-2013; measured -0.057 (-0.150 to +0.037): "
        "opposite sign",
        "channel above siamfc: paper no exact figure; measured +0.050 (-0.050 to +0.137): "
        "same sign",
        "rasnet above siamfc: paper +0.063 on OTB-2013; measured +0.167 (+0.033 to +0.333): "
        "reproduced",
    ]
    rest = [line.split(": ", 2) for line in lines[start + 5 :]]
    assert [(one[0].strip(), one[-1]) for one in rest[:4]] == [
        ("3 further", "channel above general +0.100; rasnet above general +0.217; "
         "rasnet above dual +0.223"),
        ("1 further", "rasnet above channel +0.117"),
        ("1 further", "dual above general -0.007"),
        ("1 further", "dual above channel -0.107"),
    ]  # fmt: skip
    words = [one[1].split(",")[0] for one in rest[:4]]
    assert words == ["reproduced", "same sign", "opposite sign", "contradicted"]
    assert "not placed by the paper: full_attention" in lines[start + 9]
    once = lines[start + 10]  # of the rows that are compared those without several seeds
    assert "another seed's training" in once and once.endswith(": channel, dual, general")
    fenced = (table / "table.md").read_text().split("```")[1].splitlines()[1:]
    assert fenced == lines[start : start + 11] and lines[start + 11].startswith("written: ")


def test_intervals_are_those_of_a_plain_bootstrap(tmp_path):
    generator = random.Random(3)
    runs = {  # sixteen sequences, harder and easier for all
        f"{row}/seed-{seed}": [0.3 + 0.04 * s + gain + 0.1 * generator.random() for s in range(16)]
        for row, gain in (("full", 0.0), ("no_spatial", -0.03))
        for seed in range(2)
    }
    folder = tmp_path / "rar_components_small"
    for place, values in runs.items():
        make_run(folder / place, values)
    full, without = read_rows(folder)
    assert (full.row, full.seeds, without.row) == ("full", (0, 1), "no_spatial")

    def sample(row, drawn):
        """One of the two seeds, on the sequences drawn."""
        values = runs[f"{row}/seed-{generator.randrange(2)}"]
        return sum(values[s] for s in drawn) / 16

    found = compare([full, without])
    one, turned = found["no_spatial", "full"], found["full", "no_spatial"]
    mean = {row: sum(sum(runs[f"{row}/seed-{seed}"]) for seed in range(2)) / 32 for row in
            ("full", "no_spatial")}  # fmt: skip
    assert one.difference == pytest.approx(mean["no_spatial"] - mean["full"])
    assert (turned.difference, turned.won) == (-one.difference, one.lost)
    assert turned.interval == (-one.interval[1], -one.interval[0])
    alone, paired = [], []
    for _ in range(20_000):
        drawn = generator.choices(range(16), k=16)
        alone.append(sample("full", drawn))
        paired.append(sample("no_spatial", drawn) - sample("full", drawn))
    for samples, interval in ((alone, full.interval), (paired, one.interval)):
        samples.sort()
        assert interval == pytest.approx((samples[500], samples[19_500]), abs=0.004)
    # the pairs are far surer than the two rows by themselves
    assert one.interval[1] - one.interval[0] < 0.4 * (full.interval[1] - full.interval[0])


def test_one_seed_is_compared_without_columns_for_seeds(tmp_path):
    folder = tmp_path / "rar_components"
    make_run(folder / "full", (0.5, 0.6, 0.7), seed=4)
    make_run(folder / "no_attention", (0.4, 0.45, 0.65), seed=4)
    text = write_tables(folder)
    found = lines_of(folder)
    assert not [head for head in found["full"] if "seeds" in head]
    assert found["no_attention"]["measured: minus full"] == "-0.100 (-0.150 to -0.050)"
    assert (found["full"]["measured: rank"], found["no_attention"]["measured: rank"]) == ("1", "2")
    assert found["no_attention"]["paper, OTB-2015: rank"] == "9"
    assert (
        "full above no_attention: paper +0.055 on OTB-2013, +0.069 on OTB-2015; measured +0.100 "
        "(+0.050 to +0.150): reproduced" in text
    )
    assert "sequences: 1 of 1 have its sign" in text
    assert "not measured here, or not placed by the paper: vgg_m, resnet50," in text


def test_a_run_without_a_folder_for_its_seed_is_one_of_the_seeds(tmp_path):
    folder = tmp_path / "rar_components_small"
    make_run(folder / "full", (0.2, 0.3), seed=0)
    make_run(folder / "full" / "seed-12", (0.4, 0.5), step=71)
    (row,) = read_rows(folder)
    assert (row.seeds, row.range, row.place) == ((0, 12), pytest.approx((0.25, 0.45)), "full")
    assert row.weights == "trained, step 70; trained, step 71"
    make_run(folder / "full" / "seed-0", (0.4, 0.5))
    with pytest.raises(InputError, match=r"seed-0/report.json: seed 0 of full is also .*full/rep"):
        read_rows(folder)


def test_another_benchmark_and_other_sequences_are_lines_of_their_own(tmp_path):
    folder = tmp_path / "rar_components_small"
    for seed, shift in ((0, 0.0), (1, 0.02)):
        for row, values in (("full", (0.5, 0.6, 0.7)), ("no_spatial", (0.4, 0.5, 0.6))):
            shifted = [value + shift for value in values]
            make_run(folder / row / f"seed-{seed}", shifted)
            make_run(folder / row / f"seed-{seed}" / "otb", shifted[:2], benchmark="OTB-2015")
    make_run(folder / "full" / "seed-2", (0.9, 0.8))  # of fewer sequences
    make_run(folder / "full" / "seed-3", (0.1, 0.2, 0.3), first="d")  # of as many others
    make_run(folder / "vgg_m" / "uav", (0.1, 0.2), benchmark="UAV123")  # its own run lies elsewhere
    rows = {
        (one.place, one.setting.split(",")[0], "".join(one.sequences)): one
        for one in read_rows(folder)
    }
    assert {key: (one.seeds, round(one.scores["success_auc"], 3)) for key, one in rows.items()} == {
        ("full", "mine", "abc"): ((0, 1), 0.61),
        ("full", "mine", "ab"): ((2,), 0.85),
        ("full", "mine", "def"): ((3,), 0.2),
        ("full/otb", "OTB-2015", "ab"): ((0, 1), 0.56),
        ("no_spatial", "mine", "abc"): ((0, 1), 0.51),
        ("no_spatial/otb", "OTB-2015", "ab"): ((0, 1), 0.46),
        ("vgg_m/uav", "UAV123", "ab"): ((None,), 0.15),
    }
    text = write_tables(folder)
    assert text.count("sequences: 1 of 1 have its sign") == 2
    # what was tracked on a benchmark of the paper is held against its figures there alone
    assert "full above no_spatial: paper +0.026 on OTB-2015; measured +0.100" in text
    assert "full above no_spatial: paper +0.017 on OTB-2013, +0.026 on OTB-2015; measured" in text


def test_other_footage_under_the_same_name_and_another_convention_are_not_averaged(tmp_path):
    folder = tmp_path / "rar_components_small"
    for seed, made in enumerate(("like this", "like this", "otherwise")):
        made_by = {f"seed-{seed}": {"weights": "some.pt, step 70", "dataset_hash": made}}
        make_run(folder / "full" / f"seed-{seed}", (0.5, 0.6), made_by=made_by)
    make_run(folder / "full" / "seed-3", (0.5, 0.6), convention="pysot")
    assert sorted(one.seeds for one in read_rows(folder)) == [(0, 1), (2,), (3,)]
    make_run(folder / "no_spatial", (0.4, 0.5), convention="got10k")
    assert all(len(found) == 1 for found in scopes(read_rows(folder)))


def test_benchmarks_of_the_paper_that_disagree_are_no_ordering(tmp_path):
    folder = tmp_path / "rar_components_small"
    make_run(folder / "vgg_m", (0.5, 0.6))  # .657 and .635
    make_run(folder / "no_channel", (0.4, 0.5))  # .658 and .632
    rows, published = read_rows(folder), published_table("rar_components_small")
    assert orderings(rows, published) == ([], [("vgg_m", "no_channel")])
    text = write_tables(folder)
    assert "1 on which the paper's own benchmarks disagree: vgg_m and no_channel" in text
    assert "0 of 0 have its sign" in text


def test_scores_that_are_no_plain_means_are_not_compared(tmp_path):
    folder = tmp_path / "rar_components_small"
    pooled = {"scores": {"full": {"success_auc": 0.9}}}
    make_run(folder / "full", (0.5, 0.6), **pooled)
    make_run(folder / "no_spatial", (0.4, 0.5))
    text = write_tables(folder)
    assert "orderings" not in text and "minus full" not in text and "rank" not in text
    assert lines_of(folder)["full"]["measured: 95 % interval"] == "0.500 to 0.600"


def test_a_sequence_that_does_not_count_is_left_out_of_both(tmp_path):
    folder = tmp_path / "rar_components_small"
    for row, values in (("full", (0.5, 0.7)), ("no_spatial", (0.4, 0.5))):
        make_run(folder / row, values)
        path = folder / row / "report.json"
        report = json.loads(path.read_text())
        report["per_sequence"][row]["hidden"] = {"success_auc": None}
        path.write_text(json.dumps(report))
    comparison = compare(read_rows(folder))["no_spatial", "full"]
    assert (comparison.difference, comparison.lost) == (pytest.approx(-0.15), 1.0)


def test_small_tables_have_the_figures_of_the_papers_own():
    small = [name for name in published_names() if name.endswith("_small")]
    assert small == ["rar_components_small", "rasnet_attention_small"]
    for name in small:
        whole, table = published_table(name.removesuffix("_small")), published_table(name)
        assert table.rows is whole.rows and (table.source, table.order) == (
            whole.source,
            whole.order,
        )
        assert table.reference == whole.reference and table.reference in table.rows
        assert table.notes[:-1] == whole.notes and table.notes[-1].startswith("Small: ")


def test_an_order_that_the_text_gives_agrees_with_the_figures():
    assert ranks({"a": 0.2, "b": 0.5, "c": 0.2}) == {"b": 1, "a": 2, "c": 2}
    for name in published_names():
        table = published_table(name)
        for benchmark, order in table.order.items():
            figures = [table.rows[row].get(benchmark, {}).get("success_auc") for row in order]
            known = [figure for figure in figures if figure is not None]
            assert known == sorted(known, reverse=True) and len(set(order)) == len(order)
            assert {row for row in table.rows if benchmark in table.rows[row]} <= set(order)
    assert published_table("rasnet_attention").order and PublishedTable("", {}).order == {}
