from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
TRAINING = {  # what is only trained on
    *("vid", "det", "coco", "youtube_bb", "lasot_train", "trackingnet_train", "got10k_train"),
    *("hrom_mix", "cract_mix", "synthetic_small", "synthetic_medium", "synthetic_real"),
}
OTHER_SIZES = {"synthetic_large"}  # of what is tested on
DATASETS = {path.stem for path in (CONFIGS / "dataset").glob("*.yaml")}


def test_every_dataset_is_one_to_test_on_or_to_train_on():
    tested = {path.stem for path in (CONFIGS / "test_dataset").glob("*.yaml")}
    assert tested - OTHER_SIZES == DATASETS - TRAINING and TRAINING <= DATASETS


@pytest.mark.parametrize("name", sorted(DATASETS - TRAINING))
def test_each_dataset_can_be_tested_on_in_its_own_folder(name):
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        read = compose("evaluate", [f"dataset={name}", "data_root=/a"]).dataset
        tested = compose("train", [f"test_dataset={name}", "data_root=/a"]).test_dataset
    assert tested._target_ == read._target_
    if "root" in read:
        assert (read.root, tested.root) == ("/a", None)  # /a is the training footage's
    for key in read.keys() - {"root", "split"}:
        assert tested[key] == read[key]
