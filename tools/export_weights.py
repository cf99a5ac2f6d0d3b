"""Make weights that ship out of a checkpoint: weights/NAME.pt, and a card of them, weights/NAME.md.

    python tools/export_weights.py runs/NAME/checkpoints/best.pt NAME --scores runs/*/report.json

The file holds the tracker alone, in half precision. The card says how it was trained and what it
scores, from the run directory that the checkpoint lies in and from reports of evaluate.py. No path
of this machine gets into either. `--tracking scale_step=1.02` ships other settings of tracking than
the run was trained with; scores then have to be of these.
"""

import argparse
import hashlib
import json
import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf
from torch import Tensor

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from engine.build import LOADING, load_tracker  # noqa: E402
from engine.checkpoints import SHIPPED, load_checkpoint, save_checkpoint  # noqa: E402
from engine.provenance import weights_hash  # noqa: E402
from engine.training import FREE, FREE_OF_FOOTAGE  # noqa: E402
from ops.errors import InputError  # noqa: E402
from ops.files import write_atomically  # noqa: E402
from tools.tracking_settings import add_tracking, read_tracking  # noqa: E402

KEPT = ("label", "parts", "seed", "tracker", "backbone", "head", "tracking")
SAID = {"name", "label", "data_root", "trainer.max_steps"}  # of what is free, a card's command says
SYNTHETIC = {"datasets.synthetic.synthetic", "datasets.mixture.mixture"}
PATH = re.compile(r"(?<![\w.}])(?:~|\.{1,2}|[A-Za-z]:|\$\{oc\.env:\w+\}|\$\w+)?[/\\][^\n,\]})'\"]*")
INDEX_HEAD = """| weights | tracker | trained on | success AUC | size | sha256 |
| --- | --- | --- | --- | --- | --- |
"""


def export(
    checkpoint_path: Path,
    name: str,
    reports: list[Path],
    settings: Sequence[str] = (),
    note: str = "",
    folder: Path = SHIPPED,
) -> str:
    """Write FOLDER/NAME.pt and FOLDER/NAME.md, and bring FOLDER/README.md up to date: (a summary).

    Args:
        checkpoint_path: of train.py.
        reports: report.json files in which these weights were scored.
        settings: of tracking, KEY=VALUE each, to ship in place of those that the checkpoint holds.
        note: for the card.

    Raises InputError for a value that half precision cannot hold, a setting that is no KEY=VALUE of
    the tracker, and a report of other weights or other settings.
    """
    if not re.fullmatch(r"[A-Za-z][\w-]*", name):
        raise InputError(f"NAME={name}: expected letters, digits, _ and -")
    checkpoint = load_checkpoint(checkpoint_path)
    if "optimizer" not in checkpoint:
        raise InputError(f"{checkpoint_path}: expected a checkpoint of train.py, with its config")
    trained = checkpoint["config"]
    tracking = read_tracking(settings, trained["tracking"], str(checkpoint_path))
    config = {key: trained.get(key) for key in KEPT}
    config["tracking"] = trained["tracking"] | tracking
    if config["backbone"] is not None:
        config["backbone"] = {k: v for k, v in config["backbone"].items() if k not in LOADING}
    if PATH.search(json.dumps(config)):
        raise InputError(f"{checkpoint_path}: its config has paths in it: {json.dumps(config)}")
    model, change = half_precision(checkpoint["model"])

    tracker = load_tracker(str(checkpoint_path), OmegaConf.create({"seed": 0}), [])[0]
    before = weights_hash(tracker)
    tracker.load_state_dict(model)
    made_of = {weights_hash(tracker): "this file", before: "before rounding"}
    scores = [read_score(path, made_of, config["tracking"]) for path in reports]

    path = folder / f"{name}.pt"
    held = {key: checkpoint[key] for key in ("step", "versions")}
    save_checkpoint(path, {"config": config, "model": model, **held})
    digest, size = hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_size
    file_rows = {
        "file": f"`{name}.pt`, {size:,} bytes",
        "sha256": f"`{digest}`",
        "precision": f"half; the largest relative change of a tensor is {change}",
        "weights": f"{sum(p.numel() for p in tracker.parameters()):,}",
    }
    tuned = [f"{key} (trained with {trained['tracking'][key]})" for key in tracking]
    rows = file_rows | facts(checkpoint, config, tuned)
    command = training_command(checkpoint_path, trained)
    write_atomically(folder / f"{name}.md", card(name, rows, command, scores, note))
    auc = "; ".join(f"{score['success AUC']}, {score['footage']}" for score in scores)
    cells = [rows["tracker"], rows["data"], auc, f"{size / 1e6:.2f} MB", f"`{digest[:12]}`"]
    write_index(folder, name, cells)
    return f"{path}: {size:,} bytes, {change}"


def half_precision(model: dict[str, Tensor]) -> tuple[dict[str, Tensor], str]:
    """The model with its floating point tensors in float16, the others as they are; in words, the
    largest relative change of a tensor (its largest difference, over its largest value) and where.

    Raises InputError for a value that is not finite afterwards.
    """
    rounded, changes = {}, {}
    for name, tensor in model.items():
        if not tensor.is_floating_point():
            rounded[name] = tensor.clone()
            continue
        half = rounded[name] = tensor.half().contiguous()
        if not half.isfinite().all():
            largest = tensor.abs().max().item()
            raise InputError(f"{name}: half precision cannot hold values up to {largest:g}")
        if tensor.any():
            changes[name] = ((half.float() - tensor).abs().max() / tensor.abs().max()).item()
    worst = max(changes, key=changes.get)
    return rounded, f"{changes[worst]:.2g} (`{worst}`)"


def read_score(path: Path, made_of: dict[str, str], tracking: dict[str, Any]) -> dict[str, str]:
    """What a report.json says of these weights, as cells of the card's table."""
    report = json.loads(path.read_text())
    facts = report["made_by"]
    ours = [name for name in report["scores"] if facts[name].get("weights_hash") in made_of]
    if not ours:
        raise InputError(f"{path}: holds no score of these weights")
    name = ours[0]
    if facts[name]["config"]["tracking"] != json.loads(json.dumps(tracking)):
        raise InputError(f"{path}: was tracked with other settings than are exported")
    means, intervals = report["scores"][name], report["intervals"][name]

    def figure(metric: str) -> str:
        low, high = intervals[metric]
        interval = "" if low is None else f" [{low:.3f}, {high:.3f}]"
        return f"{means[metric]:.3f}{interval}"

    sequences = report["part"] or f"{len(report['sequences'])} sequences"
    return {
        "footage": without_paths(report["benchmark"]),
        "sequences": sequences,
        "protocol": report["protocol"],
        "convention": report["convention"],
        "success AUC": figure("success_auc"),
        "precision at 20 px": figure("precision_20"),
        "weights": made_of[facts[name]["weights_hash"]],
    }


def facts(checkpoint: dict[str, Any], config: dict[str, Any], tuned: list[str]) -> dict[str, str]:
    """How the weights came about, in words, by what they are about."""
    trained, step = checkpoint["config"], checkpoint["step"]
    trainer, optimizer, parts = trained["trainer"], trained["optimizer"], trained["parts"]
    start = (trained.get("backbone") or {}).get("weights")
    seen = [trained["dataset"], *[trained["val_dataset"]] * trainer["validate"]]
    free = start is None and all(targets(one) <= SYNTHETIC for one in seen)
    begun = "random initialisation" if start is None else f"the backbone's {Path(start).name}"
    data = "synthetic footage alone" if free else dataset_words(trained["dataset"])
    batch = trainer["batch_size"]
    others = (
        "trained on synthetic footage alone, free of other people's data"
        if free
        else "the terms of what it was trained on apply besides"
    )
    return {
        "tracker": f"{parts['tracker']} on {parts['backbone']}, head {parts['head']}",
        "data": f"{data}, from {begun}",
        "footage": dataset_words(trained["dataset"]),
        "validation": dataset_words(trained["val_dataset"]) if trainer["validate"] else "none",
        "seed": str(trained["seed"]),
        "steps": f"{step:,} of {batch} clips, {step * batch:,} clips seen",
        "schedule": f"{trainer['epochs']} epochs of {trainer['clips_per_epoch']:,} clips",
        "learning rate": f"{optimizer['learning_rate']:g} to {optimizer['final_learning_rate']:g}",
        "optimiser": f"SGD, momentum {optimizer['momentum']:g}, weight decay "
        f"{optimizer['weight_decay']:g}",
        "device": without_paths(str(trained["device"])),
        "made with": ", ".join(f"{k} {v}" for k, v in checkpoint["versions"].items()),
        "tracking": ", ".join(f"{k}={v}" for k, v in config["tracking"].items()),
        **({"tuned since": ", ".join(tuned)} if tuned else {}),
        "licence": f"Apache-2.0, as the project; {others}",
    }


def targets(node: Any) -> set[str]:
    """All that a config makes, at any depth."""
    if not isinstance(node, dict):
        return set()
    inner = (targets(value) for value in node.values())
    return set().union({node["_target_"]} if "_target_" in node else set(), *inner)


def dataset_words(dataset: dict[str, Any]) -> str:
    """A dataset's config in words, without where it lies."""
    if "parts" in dataset and isinstance(dataset["parts"], dict):
        parts = dataset["parts"].values()
        drawn = [f"{dataset_words(p['dataset'])} at weight {p['weight']}" for p in parts]
        return "; ".join(drawn)
    hidden = {"_target_", "_partial_", *FREE_OF_FOOTAGE}
    values = [f"{k}={v}" for k, v in dataset.items() if k not in hidden and v is not None]
    return without_paths(f"{dataset['_target_'].split('.')[-1]} ({', '.join(values)})")


def training_command(checkpoint_path: Path, config: dict[str, Any]) -> str:
    """The command line that trains these weights, or what is known of it.

    It is what the run was told, in .hydra/overrides.yaml beside its checkpoints, but for what does
    not touch the weights.
    """
    told = checkpoint_path.resolve().parents[1] / ".hydra" / "overrides.yaml"
    if not told.is_file():
        parts = config["parts"]
        return (
            f"# what else it was told is not known\npython train.py tracker={parts['tracker']} "
            f"backbone={parts['backbone']} seed={config['seed']}"
        )
    overrides = yaml.safe_load(told.read_text()) or []
    if not any(override.split("=")[0] == "seed" for override in overrides):
        overrides.append(f"seed={config['seed']}")
    return shlex.join(["python", "train.py", *map(without_paths, filter(touches, overrides))])


def touches(override: str) -> bool:
    """Whether something that was said is of the weights, or names them."""
    key = override.lstrip("+~").split("=")[0]
    free = {key, key.split(".")[0]} & (FREE - SAID)
    return key in SAID or not (free or key.startswith("hydra"))


def without_paths(text: str) -> str:
    """The text with each path that is not relative to the project replaced by PATH."""
    return PATH.sub("PATH", text)


def card(
    name: str, rows: dict[str, str], command: str, scores: list[dict[str, str]], note: str
) -> str:
    """The card as Markdown."""
    table = "".join(f"| {key} | {value} |\n" for key, value in rows.items())
    text = f"# {name}\n\n{note}\n\n" if note else f"# {name}\n\n"
    text += (
        f"| | |\n| --- | --- |\n{table}\n## Training\n\n```bash\n{command}\n```\n\n## Scores\n\n"
    )
    if scores:
        text += f"| {' | '.join(scores[0])} |\n|{' --- |' * len(scores[0])}\n"
        text += "".join(f"| {' | '.join(score.values())} |\n" for score in scores)
        text += "\nIn brackets the 95 % bootstrap interval over sequences.\n"
    else:
        text += "None were measured.\n"
    return f"{text}\n## Use\n\n```bash\npython track.py source=VIDEO checkpoint={name}\n```\n"


def write_index(folder: Path, name: str, cells: list[str]) -> None:
    """Put the row of NAME into the table of FOLDER/README.md; rows of files that are gone leave."""
    path = folder / "README.md"
    text = path.read_text() if path.is_file() else f"# Weights\n\n{INDEX_HEAD}"
    if INDEX_HEAD not in text:
        raise InputError(f"{path}: its table was expected to start with\n{INDEX_HEAD}")
    before, after = text.split(INDEX_HEAD)
    rows = dict(re.findall(r"^\| \[([\w-]+)\]\([\w-]+\.md\) \|(.*) \|\n", after, re.M))
    rest = re.sub(r"^\|.*\n", "", after, flags=re.M)
    rows[name] = " " + " | ".join(cells)
    kept = sorted(row for row in rows if (folder / f"{row}.pt").is_file())
    table = "".join(f"| [{row}]({row}.md) |{rows[row]} |\n" for row in kept)
    write_atomically(path, f"{before}{INDEX_HEAD}{table}{rest}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", type=Path, help="that train.py wrote")
    parser.add_argument("name", help="of the weights: weights/NAME.pt")
    parser.add_argument(
        "--scores", type=Path, nargs="*", action="extend", default=[], help="report.json files"
    )
    add_tracking(parser)
    parser.add_argument("--note", default="", help="a paragraph for the card")
    given = parser.parse_args()
    try:
        print(export(given.checkpoint, given.name, given.scores, given.tracking, given.note))
    except (InputError, OSError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
