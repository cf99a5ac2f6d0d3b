"""A report.json of two rows of the yardstick, one of which says little."""

import json

REPORT = json.dumps(
    {
        "benchmark": "data",
        "protocol": "ope",
        "convention": "matlab_otb",
        "ranking": ["mine", "KCF"],
        "sequences": {"a": {"frames": 1200}},
        "scores": {t: {"success_auc": 0.5, "precision_20": 0.25} for t in ("mine", "KCF")},
        "intervals": {
            t: {"success_auc": [None, None], "precision_20": [None, None]} for t in ("mine", "KCF")
        },
        "per_sequence": {t: {"a": {"success_auc": 0.5}} for t in ("mine", "KCF")},
        "made_by": {
            "mine": {"weights": "/home/me/best.pt, step 7", "config": {"tracker": {"a": 1}}},
            "KCF": {"weights": "none", "config": {"tracker": "OpenCV 5, KCF"}, "seed": 3},
        },
        "notes": ["a note"],
        "refused": {"bad": "2 of 3 results are missing"},
    }
)
