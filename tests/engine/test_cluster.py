"""A sweep on a Slurm cluster, whose commands are played by scripts: nothing is trained."""

import os
import re
import subprocess
import sys
import time

import pytest
from conftest import ROOT

ROWS = sorted(path.stem for path in (ROOT / "configs/experiment/rar_components").glob("*.yaml"))
SCRIPTS = {
    "sbatch": 'cp "$1" "$(dirname "$0")/submitted.sh"\necho Submitted batch job 7',
    "srun": "exit 1",  # submitit looks whether it is there
    "sacct": "echo 'JobID|State|NodeList'",  # it knows of no job yet
}


@pytest.fixture
def cluster(tmp_path):
    """cluster(*arguments) -> (what sbatch was given, what each job is to do), with train.py."""
    pytest.importorskip(
        "submitit", reason="needs hydra-submitit-launcher: pip install -e .[cluster]"
    )
    commands = tmp_path / "commands"
    commands.mkdir()
    for name, text in SCRIPTS.items():
        (commands / name).write_text(f"#!/bin/sh\n{text}\n")
        (commands / name).chmod(0o755)
    environment = os.environ | {
        "PATH": f"{commands}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
    }

    def submit(count, *arguments):
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "train.py"), "-m", "hydra/launcher=slurm", *arguments],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:  # it would wait for the jobs
            while len(jobs := sorted(tmp_path.rglob("*_submitted.pkl"))) < count:
                assert process.poll() is None, process.stderr.read()
                time.sleep(0.05)
        finally:
            process.kill()
            process.communicate()
        return (commands / "submitted.sh").read_text(), jobs

    return submit


def test_a_table_becomes_an_array_of_one_job_for_each_row(cluster, tmp_path):
    more = ["hydra.launcher.partition=gpu", "hydra.launcher.timeout_min=90"]
    script, jobs = cluster(len(ROWS), "+experiment/rar_components=glob(*)", "seed=3", *more)
    asked = dict(re.findall(r"^#SBATCH --([\w-]+)(?:=(.*))?$", script, re.MULTILINE))
    expected = {
        "array": f"0-{len(ROWS) - 1}%{min(len(ROWS), 16)}",
        "nodes": "1", "ntasks-per-node": "1", "gpus-per-node": "1", "cpus-per-task": "13",
        "mem": "64GB", "partition": "gpu", "time": "90",
        "signal": "USR2@300", "requeue": "", "open-mode": "append",
    }  # fmt: skip
    assert {key: asked.get(key) for key in expected} == expected
    assert script.count("submitit.core._submit") == 1 and f"{tmp_path}/runs/.submitit" in script

    from submitit.core.utils import DelayedSubmission

    assert [path.parent.name for path in jobs] == [f"7_{index}" for index in range(len(ROWS))]
    submissions = [DelayedSubmission.load(path) for path in jobs]
    overrides = [submission.args[0] for submission in submissions]
    assert overrides == [[f"+experiment/rar_components={row}", "seed=3"] for row in ROWS]
    assert all(submission._timeout_countdown == 100 for submission in submissions)  # is requeued
    assert not (tmp_path / "runs" / "rar_components").exists()


def test_without_the_launcher_everything_else_works(tmp_path):
    """Hydra's launcher is an extra: a config that is not chosen asks for nothing."""
    (tmp_path / "sitecustomize.py").write_text(
        "import hydra_plugins\n"
        "hydra_plugins.__path__ = [p for p in hydra_plugins.__path__ if not p]\n"
    )
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}

    def call(*arguments):
        return subprocess.run(
            [sys.executable, str(ROOT / "train.py"), *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
        )

    plain = call("--cfg", "job", "tracker=siamfc")
    assert plain.returncode == 0 and "ScalePyramidTracker" in plain.stdout, plain.stderr
    chosen = call("-m", "hydra/launcher=slurm", "seed=1,2")
    assert chosen.returncode == 1 and "submitit_slurm" in chosen.stderr
    assert len(chosen.stderr.strip().splitlines()) == 1
