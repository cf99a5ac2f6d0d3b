"""The folder of a run's checkpoints: a kill while one is saved loses nothing."""

from pathlib import Path

import pytest

from engine.checkpoints import Checkpoints, load_checkpoint

CONTENT = {"optimizer": {}, "model": {}, "config": {}}


@pytest.mark.parametrize("name", ["previous.pt", "last.pt"])
def test_a_kill_before_a_checkpoint_has_its_name(tmp_path, monkeypatch, name):
    """Of the two renames that follow the writing, the one to `name` does not come any more."""
    before = Checkpoints(tmp_path, None, 1)
    before.save(CONTENT | {"step": 1})
    before.save(CONTENT | {"step": 2})
    replace = Path.replace

    def killed(path, target):
        if target.name == name:
            raise KeyboardInterrupt
        return replace(path, target)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Path, "replace", killed)
        before.save(CONTENT | {"step": 3})

    after = Checkpoints(tmp_path, None, 1)
    assert after.newest()["step"] == 3
    after.tidy()
    assert {path.name for path in tmp_path.iterdir()} == {"last.pt", "previous.pt"}
    assert load_checkpoint(after.last)["step"] == 3  # which is what is tested and resumed from
    assert load_checkpoint(after.previous)["step"] == 2


def test_a_next_one_that_is_damaged_is_not_taken(tmp_path):
    checkpoints = Checkpoints(tmp_path, None, 1)
    checkpoints.save(CONTENT | {"step": 1})
    checkpoints.next.write_bytes(b"")
    assert checkpoints.newest()["step"] == 1
    checkpoints.tidy()
    assert load_checkpoint(checkpoints.last)["step"] == 1
