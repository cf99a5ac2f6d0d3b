from pathlib import Path

import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf

from datasets.benchmark import read_list

ROOT = Path(__file__).resolve().parents[2]
TRUTH = ROOT.parent / "shared" / "truth" / "vot2018" / "dataset"
REPLACED = {"birds2", "car2", "fish4", "gymnastics4", "marching", "octopus", "pedestrian2"}
REPLACED |= {"singer1", "sphere", "tunnel"}  # in 2017, ten sequences by new ones


@pytest.mark.parametrize(("year", "frames"), [(2015, 21455), (2016, 21455), (2017, 21356)])
def test_totals_are_those_of_the_challenge(year, frames):
    rows = read_list(f"vot{year}")
    assert len(rows) == len({row["name"] for row in rows}) == 60
    assert sum(int(row["frames"]) for row in rows) == frames
    for row in rows:
        assert row.keys() == {"name", "frames", "width", "height"}
        assert row["width"].isdigit() == row["height"].isdigit()


def test_years_share_footage():
    by_year = {
        year: {row["name"]: row for row in read_list(f"vot{year}")} for year in (2015, 2016, 2017)
    }
    assert by_year[2015] == by_year[2016]
    assert by_year[2016].keys() - by_year[2017].keys() == REPLACED
    for name in by_year[2016].keys() & by_year[2017].keys():
        assert by_year[2016][name] == by_year[2017][name]


@pytest.mark.skipif(not TRUTH.is_dir(), reason="needs the annotations of VOT-2018")
def test_2017_is_the_footage_of_2018():
    rows = read_list("vot2017")
    assert [row["name"] for row in rows] == (TRUTH / "list.txt").read_text().split()
    for row in rows:
        lines = (TRUTH / row["name"] / "sequence").read_text().splitlines()
        facts = dict(line.split("=", 1) for line in lines if "=" in line)
        expected = {"frames": facts["length"], "width": facts["width"], "height": facts["height"]}
        assert row == {"name": row["name"], **expected}
        truth = (TRUTH / row["name"] / "groundtruth.txt").read_text().split()
        assert len(truth) == int(row["frames"])


@pytest.mark.parametrize("year", [2015, 2016, 2017])
def test_a_sequence_is_read_by_its_config(tmp_path, year):
    config = OmegaConf.load(ROOT / "configs" / "dataset" / f"vot{year}.yaml")
    (tmp_path / "ball2").mkdir()
    (tmp_path / "ball2" / "groundtruth.txt").write_text("10,10,30,10,30,20,10,20\n" * 41)
    config.update(root=str(tmp_path), sequences=["ball2"])
    dataset = instantiate(config, _convert_="all")
    assert (dataset.name, dataset.part) == (f"VOT-{year}", "1 of 60 sequences")
    (sequence,) = dataset.sequences
    assert len(sequence) == 41 and sequence.picture_size == (1280, 720)
