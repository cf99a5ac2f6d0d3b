"""The papers' figures: complete, in one vocabulary, contradictions noted, merged as promised.

Counts, single values and gains were typed from the papers, not from the files; sums guard the rest.
"""

import re

import pytest

import benchmarks.published as published
from benchmarks.published import (
    ONE_SPELLING,
    PUBLISHED_METRICS,
    published_figures,
    published_names,
    published_table,
)

ABLATIONS, COMPARISONS = published_names(), published_names("comparison")
BENCHMARKS = {
    "OTB-2013", "OTB-2015", "OTB-2015/LR", "OTB-2015/SV", "VOT-2015", "VOT-2016", "VOT-2017",
    "VOT-2018", "UAV123", "NfS", "LaSOT", "TrackingNet", "GOT-10k", "speed",
}  # fmt: skip
METRICS = {
    "success_auc", "precision_20", "norm_precision_20", "ao", "sr_50", "sr_75", "eao", "accuracy",
    "robustness", "precision", "norm_precision", "frames_per_second",
}  # fmt: skip
TOTALS = {  # figures printed, derived from gains; the sum of those printed, which shows any slip
    "rar_first_otb": (55, 0, 720.416), "rar_otb": (55, 0, 720.433),
    "rar_vot": (4, 2, 1.912), "rasnet_otb": (8, 4, 788.125),
    "rasnet_vot": (1, 0, 0.327), "cract_otb": (32, 0, 52.152),
    "cract_uav123": (24, 0, 16.506), "cract_nfs": (12, 0, 5.764),
    "cract_vot2018": (36, 0, 14.319), "cract_trackingnet": (21, 0, 15.429),
    "cract_got10k": (18, 0, 8.221), "cract_lasot": (6, 0, 3.373),
    "hrom_vot2018": (42, 0, 15.983), "hrom_speed": (7, 0, 172.238),
    "hrom_otb": (2, 5, 1.61), "hrom_otb_attributes": (3, 1, 2.471),
    "hrom_uav123": (22, 0, 14.509), "hrom_lasot": (3, 5, 1.636),
    "rar_backbone": (60, 0, 43.851), "rar_components": (36, 0, 26.887),
    "rasnet_attention": (5, 0, 3.19), "siamfc_channels": (0, 0, 0),
    "cract_refinement": (4, 0, 2.673), "cract_classification": (6, 0, 3.998),
    "cract_pooling": (4, 0, 2.685), "hrom_representation": (8, 0, 2.681),
    "hrom_modules": (8, 0, 3.07), "hrom_backbones": (1, 0, 0.698),
}  # fmt: skip
SMALL = {"rar_components_small", "rasnet_attention_small"}
SPOT = """
    rar_otb              RAR        OTB-2013     .682 .896
    rar_otb              RAR        OTB-2015     .664 .873
    rar_otb              DaSiamRPN  OTB-2013     .673 .890
    rar_first_otb        DaSiamRPN  OTB-2013     .656 .890
    rar_first_otb        HCF        OTB-2015     .562 .837
    rar_otb              HCF        speed        26
    rar_vot              RAR        VOT-2016     .329
    rar_vot              RAR        VOT-2017     .283
    rasnet_otb           RASNet     OTB-2013     .670
    rasnet_otb           RASNet     OTB-2015     .642
    rasnet_otb           CSR-DCF    OTB-2013     .599
    rasnet_otb           RASNet     speed        83
    rasnet_vot           RASNet     VOT-2015     .327
    cract_otb            CRACT      OTB-2015     .726 .936
    cract_otb            ECO        OTB-2015     .691 .910
    cract_uav123         ARCF       UAV123       .470 .670
    cract_nfs            HCF        NfS          .295
    cract_vot2018        DiMP-50    VOT-2018     .440 .597 .153
    cract_vot2018        SiamFC     VOT-2018     .188 .500 .590
    cract_trackingnet    CRACT      TrackingNet  .754 .724 .824
    cract_trackingnet    SiamAttn   TrackingNet  .752 .817
    cract_got10k         SPM        GOT-10k      .513 .593 .359
    cract_lasot          CRAC       LaSOT        .549 .628
    cract_lasot          DiMP-50    LaSOT        .560 .642
    hrom_vot2018         HROM-48    VOT-2018     .436 .606 .173
    hrom_vot2018         MFT        VOT-2018     .385 .505 .140
    hrom_speed           HROM-18    speed        78
    hrom_otb             HROM       OTB-2015     .698 .912
    hrom_otb_attributes  HROM       OTB-2015/LR  .655
    hrom_otb_attributes  SiamRPN++  OTB-2015/SV  .914
    hrom_uav123          SRDCF      UAV123       .464 .676
    hrom_lasot           HROM       LaSOT        .522 .516 .598
    rar_backbone         10_stride4        OTB-2015  .608 .794
    rar_components       no_inter_frame    OTB-2013  .644 .849
    cract_classification discriminator     NfS       .614
    hrom_representation  r2_r4             VOT-2018  .325
    hrom_modules         channel_spatial   VOT-2018  .380
"""
GAINS = """
    rar_vot              RAR     SiamFC     VOT-2016     eao                9.6
    rar_vot              RAR     SiamFC     VOT-2017     eao                9.5
    rasnet_otb           RASNet  CREST      OTB-2015     success_auc        1.9
    rasnet_otb           RASNet  SINT       OTB-2015     success_auc        5
    rasnet_otb           RASNet  SiamFC     OTB-2015     success_auc        6
    rasnet_otb           RASNet  CFNet      OTB-2015     success_auc        7.5
    hrom_otb             HROM    DiMP-50    OTB-2015     success_auc        1.2
    hrom_otb             HROM    DiMP-50    OTB-2015     precision_20       1.3
    hrom_otb             HROM    TADT       OTB-2015     success_auc        3.8
    hrom_otb             HROM    ECO-HC     OTB-2015     success_auc        5.5
    hrom_otb             HROM    ECO-HC     OTB-2015     precision_20       5.6
    hrom_otb_attributes  HROM    SiamRPN++  OTB-2015/LR  success_auc        1.5
    hrom_lasot           HROM    SiamRPN++  LaSOT        precision_20       2.5
    hrom_lasot           HROM    SiamRPN++  LaSOT        norm_precision_20  2.9
    hrom_lasot           HROM    SiamRPN++  LaSOT        success_auc        2.6
    hrom_lasot           HROM    ATOM       LaSOT        norm_precision_20  2.1
    hrom_lasot           HROM    MDNet      LaSOT        success_auc        12.5
"""


def words(text):
    return [line.split() for line in text.strip().splitlines()]


def flat(rows):
    """(row, benchmark, metric, figure) of rows."""
    return [
        (row, benchmark, metric, figure)
        for row, found in rows.items()
        for benchmark, figures in found.items()
        for metric, figure in figures.items()
    ]


def all_figures():
    """Every figure that `published_figures` gives: (benchmark, metric, figure)."""
    pairs = [(b, m) for b in sorted(BENCHMARKS) for m in PUBLISHED_METRICS]
    return [(b, m, figure) for b, m in pairs for figure in published_figures(b, m)]


def metrics_of(benchmark):
    return tuple(m for m in PUBLISHED_METRICS if published_figures(benchmark, m))


def test_every_file_is_a_table_and_complete():
    files = {path.stem for path in published.FOLDER.glob("*.yaml")}
    assert files == {*TOTALS, *SMALL} == {*ABLATIONS, *COMPARISONS}
    assert not set(ABLATIONS) & set(COMPARISONS) and len(ABLATIONS) == 12
    for name in SMALL:  # they have no figures of their own
        assert not re.search(r": 0?\.\d", (published.FOLDER / f"{name}.yaml").read_text())
    for name, (printed, derived, total) in TOTALS.items():
        table = published_table(name)
        assert (len(flat(table.rows)), len(flat(table.derived))) == (printed, derived), name
        assert sum(found[-1] for found in flat(table.rows)) == pytest.approx(total, abs=1e-6), name


@pytest.mark.parametrize("name", TOTALS)
def test_a_table_is_in_the_vocabulary(name):
    table = published_table(name)
    assert re.match(r"(RAR|RASNet|CRACT|HROM) \(.+\), .*(Table|Figure|section)", table.source)
    assert all(isinstance(note, str) and note.endswith(".") for note in table.notes)
    figures = flat(table.rows) + flat(table.derived)
    assert {benchmark for _, benchmark, _, _ in figures} <= BENCHMARKS
    assert {metric for _, _, metric, _ in figures} <= METRICS <= set(PUBLISHED_METRICS)
    vot = any(benchmark.startswith("VOT") for _, benchmark, _, _ in figures)
    if name in COMPARISONS:
        assert table.own in table.rows and table.protocol == ("reset" if vot else "ope")
        assert all(table.rows.values())
    else:
        assert (table.own, table.protocol, table.derived) == ("", "ope", {})


@pytest.mark.parametrize("name", TOTALS)
def test_figures_are_sensible_and_keep_their_digits(name):
    table = published_table(name)
    for row, benchmark, metric, figure in flat(table.rows) + flat(table.derived):
        place = (row, benchmark, metric)
        if metric == "frames_per_second":
            assert benchmark == "speed" and 0 < figure <= 1000, place
        else:
            assert benchmark != "speed" and 0.05 < figure < 0.95, place
    for figures in (figures for found in table.rows.values() for figures in found.values()):
        if "ao" in figures:
            assert figures["sr_75"] < figures["ao"] < figures["sr_50"]
        if "accuracy" in figures:
            assert figures["eao"] < figures["accuracy"]
        if "norm_precision" in figures:
            assert figures["success_auc"] < figures["norm_precision"]
    text = (published.FOLDER / f"{name}.yaml").read_text().split("notes:")[0]
    numbers = re.findall(r"(\w+): ([\d.]+)(?=[,}])", text)
    assert len(numbers) == sum(TOTALS[name][:2])
    assert all(re.fullmatch(r"0\.\d{3}", n) for m, n in numbers if m != "frames_per_second")


@pytest.mark.parametrize("line", words(SPOT), ids=" ".join)
def test_figures_typed_from_the_papers(line):
    """In the reports' order of metrics: success before precision, EAO before accuracy."""
    name, row, benchmark, *values = line
    figures = published_table(name).rows[row][benchmark]
    assert [figures[m] for m in PUBLISHED_METRICS if m in figures] == list(map(float, values))


def test_derived_figures_follow_from_the_gains():
    typed = set()
    for name, own, row, benchmark, metric, gain in words(GAINS):
        table = published_table(name)
        value = table.rows[own][benchmark][metric] - float(gain) / 100
        assert table.derived[row][benchmark][metric] == pytest.approx(value, abs=1e-9)
        assert any(note.startswith("Derived: ") and row in note for note in table.notes)
        typed.add((name, row, benchmark, metric))
    assert typed == {
        (n, *found[:3]) for n in COMPARISONS for found in flat(published_table(n).derived)
    }


def test_a_papers_own_tracker_is_its_ablations_full_row():
    for table, row, ablation, full in words("""
        rar_otb     RAR      rar_components    full
        rasnet_otb  RASNet   rasnet_attention  rasnet
        cract_otb   CRACT    cract_pooling     pyramid
        cract_nfs   CRACT    cract_pooling     pyramid
        hrom_speed  HROM-48  hrom_modules      full_w48
        hrom_speed  HROM-32  hrom_modules      full_w32
        hrom_speed  HROM-18  hrom_modules      full
        hrom_otb    HROM     hrom_backbones    hrnet_w48
    """):
        own, row_of = published_table(table).rows[row], published_table(ablation).rows[full]
        shared = set(own) & set(row_of)
        assert shared
        for benchmark in shared:
            assert row_of[benchmark].items() <= own[benchmark].items()


def test_every_contradiction_between_tables_is_noted():
    contested = [found for found in all_figures() if found[2].others]
    assert len({(b, m, figure.tracker) for b, m, figure in contested}) == 20
    for benchmark, metric, figure in contested:
        spellings = [figure.tracker, *(s for s, o in ONE_SPELLING.items() if o == figure.tracker)]
        rivals = [f for f in published_figures(benchmark, metric) if f.tracker == figure.tracker]
        notes = [n for f in rivals for table in f.tables for n in published_table(table).notes]
        values = [f"{value:.3f}" for value in (figure.value, *figure.others)]
        assert any(
            note.startswith("Contradiction: ")
            and any(spelling in note for spelling in spellings)
            and all(value in note for value in values)
            for note in notes
        ), (benchmark, metric, figure)


def test_contradictions_within_a_paper_are_noted():
    for name, *values in words("""
        rar_otb 0.673 0.656
        rar_first_otb 0.656 0.673
        rar_otb TRACA 2.4 0.030
        rar_first_otb TRACA 2.4 0.030
        rar_components 1.9 0.018 0.023
        rar_backbone 0.669 0.671
        cract_otb 0.716 0.726
        cract_pooling 0.716 0.726
        cract_got10k CRACT CRAC
        hrom_vot2018 14 13
        hrom_uav123 9 10
        hrom_speed 0.440
        hrom_representation 3.0 0.033
    """):
        notes = [n for n in published_table(name).notes if n.startswith("Contradiction: ")]
        assert any(all(value in note for value in values) for note in notes), (name, values)


def test_a_tracker_has_one_spelling():
    names = {figure.tracker for _, _, figure in all_figures()}
    assert len({re.sub(r"[^a-z0-9+]", "", name.lower()) for name in names}) == len(names)
    assert not names & set(ONE_SPELLING) and set(ONE_SPELLING.values()) <= names


def test_figures_of_a_benchmark_best_first():
    assert metrics_of("VOT-2018") == ("eao", "accuracy", "robustness")
    assert metrics_of("GOT-10k") == ("ao", "sr_50", "sr_75")
    assert metrics_of("TB-50") == () and published_figures("TB-50", "success_auc") == []
    found = published_figures("OTB-2013", "success_auc")
    assert [(f.tracker, f.value) for f in found[:4]] == [
        ("RAR", 0.682), ("SA-Siam", 0.676), ("DaSiamRPN", 0.673), ("RASNet", 0.670),
    ]  # fmt: skip
    assert [f.tracker for f in found if f.own] == ["RAR", "RASNet"]
    journal, first = (f for f in found if f.tracker == "DaSiamRPN")
    assert (journal.value, journal.others, journal.tables) == (0.673, (0.656,), ("rar_otb",))
    assert (first.value, first.others, first.tables) == (0.656, (0.673,), ("rar_first_otb",))
    robust = published_figures("VOT-2018", "robustness")
    assert (robust[0].tracker, robust[0].value) == ("MFT", 0.140)
    assert (robust[-1].tracker, robust[-1].value) == ("SiamFC", 0.590)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder of tables in the place of the project's."""
    monkeypatch.setattr(published, "FOLDER", tmp_path)
    for cached in (published_names, published_table):
        cached.cache_clear()
    yield tmp_path
    for cached in (published_names, published_table):
        cached.cache_clear()


def test_equal_figures_are_one_and_different_ones_apart(folder):
    head = "kind: comparison\n"
    (folder / "a.yaml").write_text(
        head + "source: A\nown: ECOhc\nrows:\n  ECOhc: {NfS: {success_auc: 0.500}}\n"
        "  Low: {NfS: {success_auc: 0.100}}\n"
    )
    (folder / "b.yaml").write_text(
        head + "source: B\nown: Low\nrows:\n  Low: {NfS: {success_auc: 0.100}}\n"
        "derived:\n  ECO-HC: {NfS: {success_auc: 0.500}}\n  Mid: {NfS: {success_auc: 0.300}}\n"
    )
    (folder / "c.yaml").write_text(
        head + "source: C\nown: ECO-HC\nrows:\n  ECO-HC: {NfS: {success_auc: 0.600}}\n"
    )
    (folder / "d.yaml").write_text(
        head + "source: D\nown: Low\nprotocol: reset\nrows:\n  Low: {NfS: {success_auc: 0.200}}\n"
    )
    (folder / "e.yaml").write_text(
        "kind: ablation\nsource: E\nrows:\n  Low: {NfS: {success_auc: 0.900, precision_20: 0.9}}\n"
    )
    assert published_names() == ("e",) and published_names("comparison") == ("a", "b", "c", "d")
    assert metrics_of("NfS") == ("success_auc",)
    found = published_figures("NfS", "success_auc")
    assert [(f.tracker, f.value, f.sources, f.own, f.derived, f.others) for f in found] == [
        ("ECO-HC", 0.6, ("C",), True, False, (0.5,)),
        ("ECO-HC", 0.5, ("A", "B"), True, False, (0.6,)),
        ("Mid", 0.3, ("B",), False, True, ()),
        ("Low", 0.2, ("D",), True, False, ()),
        ("Low", 0.1, ("A", "B"), True, False, ()),
    ]
    assert [f.protocol for f in found] == ["ope"] * 3 + ["reset", "ope"]
