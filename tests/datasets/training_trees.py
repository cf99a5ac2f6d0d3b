"""Tiny trees of the published training sets, each in its true layout."""

import json

from published_layouts import counting_boxes, write_pictures, write_rows
from training_layouts import write_text, write_xml

FRAMES = 4  # of each video


def write_coco(root):
    write_pictures(root / "train2017", "{:012d}.jpg", [9, 25], (128, 64))
    annotation = {"images": [], "annotations": []}
    for number in (9, 25):
        image = {"id": number, "file_name": f"{number:012d}.jpg", "width": 128, "height": 64}
        annotation["images"].append(image)
        box = {"id": 70 + number, "image_id": number, "bbox": [5, 6, 30, 20], "iscrowd": 0}
        annotation["annotations"].append(box)
    write_text(root / "annotations" / "instances_train2017.json", json.dumps(annotation))


def write_hrom_trees(folder):
    """Trees of hrom_mix: part -> its folder."""
    roots = {name: folder / name for name in ("vid", "det", "coco", "youtube_bb")}
    snippet = "VID/train/ILSVRC2015_VID_train_0000/ILSVRC2015_train_00000000"
    for number in range(FRAMES):
        target = ("0", (5, 6, 35, 26)), ("1", (50, 6, 75, 26))
        write_xml(roots["vid"] / "Annotations" / snippet / f"{number:06d}.xml", target, (128, 64))
    write_pictures(roots["vid"] / "Data" / snippet, "{:06d}.JPEG", range(FRAMES), (128, 64))
    still = "DET/train/ILSVRC2014_train_0000"
    path = roots["det"] / "Annotations" / still / "ILSVRC2014_train_00000001.xml"
    write_xml(path, [(None, (5, 6, 35, 26))], (128, 64))
    write_pictures(roots["det"] / "Data" / still, "ILSVRC2014_train_{:08d}.JPEG", [1], (128, 64))
    write_coco(roots["coco"])
    segment, box = ("AAB6lO-XiKE",), (0, "person", 0, "present", 0.1, 0.5, 0.1, 0.5)
    times = [1000 * second for second in range(1, FRAMES + 1)]
    rows = [(*segment, time, *box) for time in times]
    write_rows(roots["youtube_bb"] / "yt_bb_detection_train.csv", rows)
    frames = roots["youtube_bb"] / "yt_bb_detection_train" / "0"
    write_pictures(frames, "AAB6lO-XiKE_{}_0_0.jpg", times, (128, 64))
    return roots


def write_cract_trees(folder):
    """Trees of cract_mix: part -> its folder."""
    roots = {name: folder / name for name in ("lasot", "trackingnet", "got10k", "coco")}
    video = roots["lasot"] / "bird" / "bird-1"
    for path, annotation, pattern, first in (
        (video / "img", video / "groundtruth.txt", "{:08d}.jpg", 1),
        (*_trackingnet(roots["trackingnet"]), "{}.jpg", 0),
        (*_got10k(roots["got10k"]), "{:08d}.jpg", 1),
    ):
        write_rows(annotation, counting_boxes(FRAMES))
        write_pictures(path, pattern, range(first, first + FRAMES), (128, 64))
    for name in ("full_occlusion", "out_of_view"):
        write_rows(video / f"{name}.txt", [[0] * FRAMES])
    for name in ("absence.label", "cover.label"):
        rows = [[8 * (name == "cover.label")]] * FRAMES
        write_rows(_got10k(roots["got10k"])[0] / name, rows)
    write_coco(roots["coco"])
    return roots


def _trackingnet(root):
    return root / "TRAIN_2" / "frames" / "x_0", root / "TRAIN_2" / "anno" / "x_0.txt"


def _got10k(root):
    folder = root / "train" / "GOT-10k_Train_000001"
    return folder, folder / "groundtruth.txt"


def given(roots):
    return [f"data_root.{name}={root}" for name, root in roots.items()]
