"""The table on real footage: the trackers of this project beside OpenCV's, scored alike.

    python3 -m venv DIR && DIR/bin/pip install opencv-contrib-python
    python tools/yardstick.py DATA_ROOT --opencv DIR/bin/python --backbone FILE
    python tools/yardstick.py DATA_ROOT --checkpoint rasnet=FILE --checkpoint siamfc=FILE
    python tools/yardstick.py DATA_ROOT --row 'fixed=checkpoint=rar tracking.learning_rate=0'

DATA_ROOT holds NAME/img/*.jpg and NAME/groundtruth_rect.txt. The rows are the first box, kept;
KCF, MIL and CSRT of OpenCV (tools/opencv_trackers.py says how they are run), where --opencv names a
Python that has them; `cacf`, the filter without learning, on raw pixels and, where --backbone gives
ImageNet weights, on MobileNetV2; every --checkpoint, and every --row, whose settings are
evaluate.py's. Each is tracked once over every sequence (OPE) by the real command in a process of
its own, scored by `evaluate.py mode=score`, convention matlab_otb: success AUC over 21 thresholds,
precision at 20 px, 95 % bootstrap intervals over the sequences. Below --runs lie

    rows/NAME/          a run directory each; rows/NAME.log, what its command said
    results/NAME/       the boxes of the rows that are done, x,y,w,h a frame: SEQUENCE.txt
    score/report.html   all rows side by side, with paired comparisons; report.json, curves.csv
    table.md            what is printed at the end: a row a tracker, then a row a sequence

A row that is done is not done again and stays in the table, also when it is not asked for; one that
was interrupted goes on after its last sequence. What was asked for under the same name on other
footage, with another file or other settings is refused. Speed is measured apart
(tools/time_step.py).
"""

import argparse
import hashlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # started from anywhere

from datasets.folder import folder  # noqa: E402
from datasets.sequence import Dataset  # noqa: E402
from engine.hashes import dataset_hash  # noqa: E402
from ops.errors import InputError  # noqa: E402
from ops.files import write_atomically  # noqa: E402
from tools.yardstick_table import tables  # noqa: E402

OPENCV = ("KCF", "MIL", "CSRT")
LEFT_OUT = {
    "opencv": f"{', '.join(OPENCV)}: left out, no --opencv PYTHON is given. They want an "
    "environment of their own, as opencv-contrib-python takes the place of opencv-python: "
    "python3 -m venv DIR && DIR/bin/pip install opencv-contrib-python, then "
    "--opencv DIR/bin/python",
    "backbone": "cacf on MobileNetV2: left out, no --backbone FILE is given, its ImageNet weights",
}


@dataclass(frozen=True)
class Row:
    """A tracker of the table.

    Attributes:
        name: of its folders, and in the table.
        asked: what it is, as plain values; the same name may not come to mean something else.
        command: writes rows/NAME/results/NAME/SEQUENCE.txt, and goes on where it was interrupted.
    """

    name: str
    asked: dict[str, object]
    command: list[str]


@dataclass(frozen=True)
class Yardstick:
    """Footage, and the folder that the rows measured on it lie in."""

    dataset: Dataset
    data_root: Path
    runs: Path

    def evaluated(self, name: str, *settings: str, file: tuple[str, Path] | None = None) -> Row:
        """A row that evaluate.py tracks; `file` is a key and the weights that it is given."""
        run = self.runs / "rows" / name
        given = {"data_root": self.data_root, "hydra.run.dir": run, "label": name}
        given |= dict([file] if file else [])
        command = [sys.executable, str(ROOT / "evaluate.py"), "dataset=folder", "resume=true"]
        command += [*settings, *(quoted(key, value) for key, value in given.items())]
        return Row(name, self._asked(settings, file and file[1]), command)

    def of_opencv(self, name: str, python: str) -> Row:
        """A row that OpenCV tracks, in another Python."""
        out = self.runs / "rows" / name / "results"
        script = str(ROOT / "tools" / "opencv_trackers.py")
        command = [python, script, str(self.data_root), str(out), name]
        return Row(name, self._asked(["opencv", name], None), command)

    def _asked(self, settings: Sequence[str], file: Path | None) -> dict[str, object]:
        weights = None if file is None else hashlib.sha256(file.read_bytes()).hexdigest()[:16]
        return {
            "footage": dataset_hash(self.dataset),
            "settings": list(settings),
            "weights": weights,
        }

    def check(self, rows: Sequence[Row]) -> None:
        """Raise InputError where a row lies below `runs` that is of other footage, or that was
        something else under the same name."""
        asked = {row.name: row.asked for row in rows}
        for path in sorted(self.runs.glob("rows/*/asked.json")):
            held, name = json.loads(path.read_text()), path.parent.name
            if held["footage"] != dataset_hash(self.dataset):
                raise InputError(f"{self.runs} holds rows of other footage: --runs DIR begins anew")
            if held != asked.get(name, held):
                other = [key for key, value in asked[name].items() if held.get(key) != value]
                raise InputError(
                    f"{path.parent} was made with other {' and '.join(other)} than are given for "
                    f"{name}: another name goes beside it, or remove it and "
                    f"{self.runs / 'results' / name}"
                )

    def do(self, rows: Sequence[Row], jobs: int) -> dict[str, str]:
        """Do the rows that are not done, so many at a time: name -> why, of those that failed."""
        left = [row for row in rows if not (self.runs / "results" / row.name).is_dir()]
        waiting, running, failed, began = list(left), {}, {}, time.monotonic()
        with tqdm(total=self._frames() * len(left), unit="frame", disable=not left) as bar:
            bar.update(self._tracked(left))
            try:
                while waiting or running:
                    while waiting and len(running) < jobs:
                        row = waiting.pop(0)
                        running[row.name] = self._start(row, jobs)
                        bar.set_description(", ".join(running))
                    time.sleep(0.2)
                    new = self._tracked(left) - bar.n
                    if new:
                        bar.update(new)
                    for name in [name for name in running if running[name].poll() is not None]:
                        if running.pop(name).returncode:
                            failed[name] = self._last_words(name)
                        else:
                            self._gather(name)
                        word = "failed" if name in failed else "done"
                        bar.write(
                            f"{name}: {word}, {time.monotonic() - began:.0f} s from the start"
                        )
            finally:
                for process in running.values():  # interrupted
                    process.terminate()
                    process.wait()
        return failed

    def _frames(self) -> int:
        return sum(map(len, self.dataset.sequences))

    def _tracked(self, rows: Sequence[Row]) -> int:
        """Frames of the sequences that rows have finished."""
        return sum(
            len(sequence)
            for row in rows
            for sequence in self.dataset.sequences
            if self._results(row.name).joinpath(f"{sequence.name}.txt").exists()
        )

    def _results(self, name: str) -> Path:
        return self.runs / "rows" / name / "results" / name

    def _start(self, row: Row, jobs: int) -> subprocess.Popen:
        asked = json.dumps(row.asked, indent=1)
        write_atomically(self.runs / "rows" / row.name / "asked.json", asked)
        threads = str(max((os.cpu_count() or 1) // jobs, 1))
        environment = {"OMP_NUM_THREADS": threads} | os.environ
        with open(self.runs / "rows" / f"{row.name}.log", "wb") as log:
            return subprocess.Popen(
                row.command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT
            )

    def _last_words(self, name: str) -> str:
        log = self.runs / "rows" / f"{name}.log"
        lines = log.read_text(errors="replace").replace("\r", "\n").split("\n")
        return next((line for line in reversed(lines) if line.strip()), "it said nothing")

    def _gather(self, name: str) -> None:
        """Copy the results of a row that is done to where all are scored; whole or not at all."""
        target = self.runs / "results" / name
        unfinished = target.with_name(f".{name}")
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.copytree(self._results(name), unfinished)
        unfinished.rename(target)

    def score(self) -> dict:
        """The report of all rows that are done. Raises InputError where they cannot be scored."""
        given = {"data_root": self.data_root, "results": self.runs / "results"}
        given |= {"hydra.run.dir": self.runs / "score"}
        command = [sys.executable, str(ROOT / "evaluate.py"), "mode=score", "dataset=folder"]
        command += ["convention=matlab_otb", *(quoted(key, value) for key, value in given.items())]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        if done.returncode:
            raise InputError(f"scoring failed: {done.stderr.strip()}")
        return json.loads((self.runs / "score" / "report.json").read_text(encoding="utf-8"))


def quoted(key: str, value: object) -> str:
    """KEY='VALUE' for Hydra, whatever characters a path has."""
    text = re.sub(r"(\\*)'", r"\1\1\\'", str(value))  # backslashes count before a quote alone
    return f"{key}='{text}'"


def rows_of(yardstick: Yardstick, given: argparse.Namespace) -> list[Row]:
    """The rows that are asked for. Raises InputError for a file or a Python that is not there."""
    rows = [yardstick.evaluated("first_box", "tracker=first_box")]
    if given.opencv is not None:
        python = shutil.which(given.opencv)
        if python is None:
            raise InputError(f"--opencv {given.opencv}: no such program")
        rows += [yardstick.of_opencv(name, os.path.abspath(python)) for name in OPENCV]
    rows.append(yardstick.evaluated("cacf_pixels", "tracker=cacf", "backbone=pixels"))
    if given.backbone is not None:
        weights = ("backbone.weights", existing("--backbone", given.backbone))
        settings = ("tracker=cacf", "backbone=mobilenet_v2", "backbone.outputs=[block3,block6]")
        rows.append(yardstick.evaluated("cacf_mobilenet_v2", *settings, file=weights))
    for text in given.checkpoint:
        name, file = own_name("--checkpoint", text, rows)
        path = existing(f"--checkpoint {name}", file)
        rows.append(yardstick.evaluated(name, file=("checkpoint", path)))
    for text in given.row:
        name, words = own_name("--row", text, rows)
        settings, file = shlex.split(words), None
        for setting in settings:
            key, _, value = setting.partition("=")
            if key in ("checkpoint", "backbone.weights") and Path(value).is_file():
                settings.remove(setting)
                file = key, Path(value).absolute()
                break
        rows.append(yardstick.evaluated(name, *settings, file=file))
    return rows


def own_name(option: str, text: str, rows: Sequence[Row]) -> tuple[str, str]:
    """NAME=REST as (NAME, REST). Raises InputError where the name is none, or another row's."""
    name, _, rest = text.partition("=")
    if not re.fullmatch(r"\w[\w.+-]*", name) or not rest or name in {row.name for row in rows}:
        raise InputError(f"{option} {text}: expected NAME=..., a NAME of its own")
    return name, rest


def existing(option: str, file: str) -> Path:
    """An absolute path. Raises InputError where there is no such file."""
    if not Path(file).is_file():
        raise InputError(f"{option}: no such file, {file or 'none is named'}")
    return Path(file).absolute()


def measure(given: argparse.Namespace) -> dict[str, str]:
    """Do what is asked for, print and write the table: name -> why, of the rows that failed."""
    runs = given.runs.absolute()
    yardstick = Yardstick(folder(given.data_root), given.data_root.absolute(), runs)
    rows = rows_of(yardstick, given)
    yardstick.check(rows)
    for option, words in LEFT_OUT.items():
        if getattr(given, option) is None:
            print(words)
    failed = yardstick.do(rows, given.jobs)
    text = tables(yardstick.score())
    write_atomically(runs / "table.md", text)
    print(f"\n{text}\ntable: {runs / 'table.md'}\nreport: {runs / 'score' / 'report.html'}")
    return failed


def arguments() -> argparse.ArgumentParser:
    """What the command line takes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("data_root", type=Path, metavar="DATA_ROOT", help="folder of sequences")
    add("--runs", type=Path, default=Path("runs/yardstick"), metavar="DIR", help="all that is made")
    add("--backbone", metavar="FILE", help="ImageNet weights of MobileNetV2")
    add("--checkpoint", action="append", default=[], metavar="NAME=FILE", help="repeatable")
    add("--row", action="append", default=[], metavar="'NAME=SETTINGS'", help="repeatable")
    add("--opencv", metavar="PYTHON", help="one that has opencv-contrib-python")
    add("--jobs", type=int, default=1, metavar="N", help="rows at a time")
    return parser


def main() -> None:
    """Measure; exit code 1 where a row failed, the others are in the table."""
    parser = arguments()
    given = parser.parse_args()
    if given.jobs < 1:
        parser.error("--jobs: expected 1 or more")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that rows are ended with it
    try:
        failed = measure(given)
    except InputError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        print("interrupted: the same command goes on", file=sys.stderr)
        sys.exit(130)
    if failed:
        sys.exit("\n".join(f"error: {name}: {reason}" for name, reason in failed.items()))


if __name__ == "__main__":
    main()
