"""What a training leaves to look at: figures by hand, events read back by TensorBoard itself."""

import errno
import json
import math
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import yaml
from conftest import ROOT
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from engine import meter as meter_module
from engine.board import Board, SilentBoard, tag, take_back
from engine.meter import Meter, host_memory_gb, progress_text

CPU = torch.device("cpu")
CONFIG = {
    "seed": 3,
    "backbone": {"outputs": ["conv4", "conv5"], "weights": None},
    "trainer": {"amp": True, "clip_norm": 10.0, "name": "rar"},
}


class Clock:
    """A time that moves when it is told to."""

    def __init__(self, monkeypatch):
        self.now = 100.0
        monkeypatch.setattr(meter_module.time, "perf_counter", lambda: self.now)


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch)


def events(directory):
    """What TensorBoard reads of a run directory."""
    accumulator = EventAccumulator(str(directory / "tensorboard"), {"scalars": 0, "images": 0})
    accumulator.Reload()
    return accumulator


def points(directory, name):
    return [(event.step, event.value) for event in events(directory).Scalars(name)]


# ------------------------------------------------------------------ the meter


def step(meter, clock, losses, norm, waited=0.0, computed=1.0, skipped=0):
    with meter.waiting():
        clock.now += waited
    clock.now += computed
    losses = {name: torch.tensor(value) for name, value in losses.items()}
    meter.count(losses, torch.tensor(norm), skipped)


def test_an_interval_by_hand(clock):
    meter = Meter(batch_size=8, device=CPU)
    step(meter, clock, {"loss": 1.0, "score": 0.5}, 2.0, waited=1.0, computed=1.0, skipped=2)
    with meter.paused():
        clock.now += 1000
    step(meter, clock, {"loss": 4.0, "score": 1.5}, 7.0, waited=0.0, computed=3.0, skipped=1)
    line = meter.read()
    memory = line.pop("memory_gb", None)
    assert line == {
        "loss": 2.5, "score": 1.0, "gradient_norm": 4.5,
        "clips_per_second": 16 / 5, "data_wait": pytest.approx(1 / 5), "skipped_pictures": 3,
    }  # fmt: skip
    assert memory is None or memory > 0

    step(meter, clock, {"loss": 9.0, "score": 0.0}, 1.0, computed=2.0)  # nothing stays of before
    line = meter.read()
    assert line["loss"] == 9 and line["gradient_norm"] == 1 and line["clips_per_second"] == 4
    assert line["data_wait"] == 0 and line["skipped_pictures"] == 0


def test_losses_are_summed_without_their_graphs_and_in_full_precision(clock):
    meter = Meter(1, CPU)
    weight = torch.ones((), requires_grad=True)
    static = torch.tensor(1.0)  # a graph's output, written over by the next step
    for _ in range(1000):
        low = torch.tensor(0.1, dtype=torch.bfloat16)
        meter.count({"loss": 2 * weight, "low": low, "static": static}, torch.tensor(0.0))
        static.fill_(0.0)
    assert not any(total.requires_grad for total in meter._sums.values())
    clock.now += 1
    line = meter.read()
    # in bfloat16 the sum would stop growing at 32
    assert line["loss"] == 2 and line["low"] == pytest.approx(0.1, rel=0.002)
    assert line["static"] == pytest.approx(0.001)


def test_the_ranks_are_put_together(clock, monkeypatch):
    monkeypatch.setattr(meter_module, "host_memory_gb", lambda: 2.0)

    def gather(vector):  # loss, gradient_norm, seconds waited, skipped, memory
        assert vector.tolist() == [1.0, 3.0, 1.0, 2.0, 2.0]
        return torch.stack([vector, torch.tensor([2.0, 3.0, 3.0, 5.0, 1.5])])

    meter = Meter(batch_size=8, device=CPU, gather=gather)
    step(meter, clock, {"loss": 1.0}, 3.0, waited=1.0, computed=3.0, skipped=2)
    assert meter.read() == {
        "loss": 1.5, "gradient_norm": 3.0, "clips_per_second": 2.0, "data_wait": 0.5,
        "skipped_pictures": 7, "memory_gb": 2.0,
    }  # fmt: skip


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the system tells no memory")
def test_memory_is_that_of_the_process_and_of_those_it_started():
    script = "import sys; held = b'x' * 2**28; print(flush=True); sys.stdin.read()"
    before = host_memory_gb()
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        child.stdout.readline()
        held = host_memory_gb() - before
        child.communicate()
    assert 0.2 < held < 0.5 and before > 0.05


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_on_a_gpu_nothing_waits_between_reads():
    device = torch.device("cuda")
    meter = Meter(2, device)
    meter.count({"loss": torch.ones((), device=device)}, torch.ones((), device=device))
    held = torch.zeros(2**28, device=device)
    assert meter.read()["gpu_memory_gb"] >= 1
    del held
    value = torch.ones((), device=device)
    torch.cuda.set_sync_debug_mode("error")
    try:
        for _ in range(3):
            with meter.waiting():
                pass
            meter.count({"loss": value}, value)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert meter.read()["loss"] == 1
    meter.count({"loss": value}, value)
    assert meter.read()["gpu_memory_gb"] < 1  # the peak is that of the interval


def test_what_stands_beside_the_progress_bar():
    line = {"loss": 0.12345, "learning_rate": 1e-3, "clips_per_second": 12.346, "data_wait": 0.034}
    assert progress_text(line) == "loss 0.123, lr 1.0e-03, 12.35 clips/s, wait 3%"
    memory = {"memory_gb": 1.25, "gpu_memory_gb": 30.04}
    assert progress_text(line | memory).endswith("wait 3%, memory 1.2 GB, GPU 30.0 GB")


# ------------------------------------------------------------------ metrics.jsonl and TensorBoard


def test_lines_are_numbers_by_name(tmp_path):
    board = Board(tmp_path, 0, CONFIG)
    lines = [
        {"step": 10, "loss": 0.5, "regression": 0.25, "learning_rate": 1e-3},
        {"step": 20, "epoch": 1, "val_score": 0.625},
    ]
    for line in lines:
        board.write(line)
    board.write({"step": 30, "loss": math.nan, "gradient_norm": math.inf})
    read = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert read == [*lines, {"step": 30, "loss": None, "gradient_norm": None}]


def test_tensorboard_groups_them(tmp_path):
    board = Board(tmp_path, 0, CONFIG)
    line = {
        "loss": 0.5, "regression": 0.25, "learning_rate": 0.125, "learning_rate_backbone": 0.0625,
        "gradient_norm": 2.0, "clips_per_second": 30.0, "data_wait": 0.75, "skipped_pictures": 1,
        "memory_gb": 3.0, "gpu_memory_gb": 4.0, "epoch": 2, "val_score": 0.375,
    }  # fmt: skip
    board.write({"step": 7} | line)
    tags = (
        "loss/total loss/regression learning_rate/base learning_rate/backbone gradient/norm "
        "speed/clips_per_second speed/data_wait data/skipped_pictures memory/host_gb memory/gpu_gb "
        "data/epoch validation/score"
    ).split()
    assert [tag(name) for name in line] == tags
    read = events(tmp_path)
    assert sorted(read.Tags()["scalars"]) == sorted(tags)
    for name, value in line.items():
        assert [(e.step, e.value) for e in read.Scalars(tag(name))] == [(7, value)]
        assert read.Scalars(tag(name))[0].wall_time > 1e9


def test_a_picture_is_read_back_pixel_by_pixel(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (12, 17, 3), np.uint8)
    Board(tmp_path, 0, CONFIG).picture("clips", picture, 5)
    (event,) = events(tmp_path).Images("clips")
    decoded = cv2.imdecode(np.frombuffer(event.encoded_image_string, np.uint8), cv2.IMREAD_COLOR)
    assert event.step == 5 and np.array_equal(decoded[..., ::-1], picture)


def test_hyper_parameters_are_a_text_and_a_table(tmp_path):
    Board(tmp_path, 0, CONFIG)
    read = events(tmp_path)
    (event,) = read.Tensors("hyper_parameters/text_summary")
    text = event.tensor_proto.string_val[0].decode()
    assert text.startswith("```yaml\n") and text.endswith("\n```")
    assert yaml.safe_load(text.removeprefix("```yaml").removesuffix("```")) == CONFIG

    tables = read.PluginTagToContent("hparams")
    start = HParamsPluginData.FromString(tables["_hparams_/session_start_info"])
    values = {
        name: getattr(value, value.WhichOneof("kind"))
        for name, value in start.session_start_info.hparams.items()
    }
    assert values == {
        "seed": 3, "backbone.outputs": '["conv4", "conv5"]', "backbone.weights": "null",
        "trainer.amp": "true", "trainer.clip_norm": 10.0, "trainer.name": "rar",
    }  # fmt: skip
    experiment = HParamsPluginData.FromString(tables["_hparams_/experiment"]).experiment
    assert [info.name.tag for info in experiment.metric_infos] == [tag("val_score")]
    assert {info.name for info in experiment.hparam_infos} == set(values)
    assert [path.name for path in tmp_path.iterdir()] == ["tensorboard"]
    assert all(path.is_file() for path in (tmp_path / "tensorboard").iterdir())


def test_a_resumed_run_has_no_point_twice(tmp_path, monkeypatch):
    board = Board(tmp_path, 0, CONFIG)
    for number in (2, 4, 6, 8):
        board.write({"step": number, "loss": float(number)})
    board.picture("clips", np.zeros((4, 4, 3), np.uint8), 2)
    board.picture("clips", np.zeros((4, 4, 3), np.uint8), 6)
    with open(board.events, "ab") as file:  # the kill came in the middle of a record
        file.write(b"\x18\x00\x00")
    with open(tmp_path / "metrics.jsonl", "a") as file:  # and of a line
        file.write('{"step": 3, "lo')

    monkeypatch.setattr("engine.board.time.time", lambda: 2_000_000_000.0)
    take_back(tmp_path, 4, 4)
    board = Board(tmp_path, 4, CONFIG)
    for number in (6, 8):
        board.write({"step": number, "loss": -float(number)})
    assert points(tmp_path, "loss/total") == [(2, 2), (4, 4), (6, -6), (8, -8)]
    read = events(tmp_path)
    assert [event.step for event in read.Images("clips")] == [2]
    assert len(read.Tensors("hyper_parameters/text_summary")) == 1
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [(line["step"], line["loss"]) for line in lines] == points(tmp_path, "loss/total")


@pytest.mark.parametrize("torn", ['{"step": 3, "lo', '{"step": 3}', "\0\0\0\n", '{"step": 3,\n'])
def test_a_line_that_is_not_whole_is_taken_back(tmp_path, torn):
    kept = '{"step": 1, "loss": 1.0}\n{"step": 5, "val_score": 0.5}\n'
    (tmp_path / "metrics.jsonl").write_text(kept + '{"step": 6, "loss": 1.0}\n' + torn)
    take_back(tmp_path, 5, 5)
    assert (tmp_path / "metrics.jsonl").read_text() == kept
    take_back(tmp_path, 5, 0)  # killed between the line and the checkpoint: it validates again
    assert (tmp_path / "metrics.jsonl").read_text() == kept.splitlines(keepends=True)[0]
    take_back(tmp_path, 0, 0)
    assert (tmp_path / "metrics.jsonl").read_text() == ""


def test_nothing_is_taken_back_where_nothing_was_written(tmp_path):
    take_back(tmp_path, 0, 0)
    assert list(tmp_path.iterdir()) == []


def test_other_ranks_write_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    board = SilentBoard()
    board.write({"step": 1, "loss": 1.0})
    board.picture("clips", np.zeros((4, 4, 3), np.uint8), 1)
    assert list(tmp_path.iterdir()) == []


# ------------------------------------------------------------------ a full disk


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("which", ["metrics", "events"])
def test_a_full_disk_is_an_error_where_it_happens(tmp_path, which):
    board = Board(tmp_path, 0, CONFIG)
    (tmp_path / which).symlink_to("/dev/full")
    setattr(board, which, tmp_path / which)
    with pytest.raises(OSError) as raised:
        board.write({"step": 1, "loss": 1.0})
    assert raised.value.errno == errno.ENOSPC and raised.value.filename == str(tmp_path / which)


LIMITED = """
import resource, sys
from pathlib import Path
from engine.board import Board

board = Board(Path(sys.argv[1]), 0, {})
resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))  # no file may grow beyond
for step in range(1, 10000):
    board.write({"step": step, "loss": 1.0, "gradient_norm": 2.0})
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limits here")
def test_a_file_that_cannot_grow_ends_the_run_and_is_gone_on_with(tmp_path):
    stopped = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert stopped.returncode == 1
    *_, last = stopped.stderr.strip().splitlines()
    assert last.startswith("OSError: [Errno 27]") and str(tmp_path) in last
    assert stopped.stderr.count("Traceback") == 1  # in the thread that trains, in no other

    take_back(tmp_path, 5, 5)
    Board(tmp_path, 5, {}).write({"step": 6, "loss": 3.0})
    assert points(tmp_path, "loss/total") == [(step, 1.0) for step in range(1, 6)] + [(6, 3.0)]
