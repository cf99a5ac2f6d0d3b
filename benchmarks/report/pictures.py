"""Sections with frames of the footage: strips of sequences, and where trackers disagree."""

from html import escape

import numpy as np

from benchmarks.figures import METRICS
from benchmarks.report.elements import heading, named, quiet, row, section, table
from benchmarks.report.palette import PICTURE_RGB, TRUTH_RGB
from benchmarks.report.strips import Frame, chosen_sequences, jpeg_uri, picture, strip
from benchmarks.report.view import Content, colors, focus, number, sequence_metric
from ops.errors import InputError

IN_STRIPS = 4  # trackers drawn
IN_DISAGREEMENTS = len(PICTURE_RGB)
FOLLOWS = 0.5  # overlap from which a tracker counts as following


def strip_section(content: Content) -> str:
    """Frames of the best, middle and worst sequence of the tracker in focus, with the leading."""
    scores, frames = content.scores, content.frames
    if frames is None:
        return ""
    first, metric = focus(scores), sequence_metric(scores)
    shown = list(colors(scores))[:IN_STRIPS]
    parts = [_legend(shown)]
    for rank, name in chosen_sequences(scores).items():
        truth, value = scores.truth[name], scores.per_sequence[first][name][metric]
        about = [f"{METRICS[metric].label} {number(value, metric)}", *truth.attributes]
        parts.append(f"<h3>{rank}: {escape(name)} <small>{escape(', '.join(about))}</small></h3>")
        try:
            pictures = strip(scores, name, shown, frames)
        except InputError as error:
            parts.append(quiet(f"No pictures: {escape(str(error))}"))
            continue
        figures = "".join(
            _figure(
                one.picture,
                f"frame {one.index + 1} of {name}",
                f"{one.index + 1} of {len(truth.boxes)}, {_overlap(one)}",
            )
            for one in pictures
        )
        parts.append(f'<div class="strip">{figures}</div>')
    return section(f"Best, middle and worst sequence of {first}", "".join(parts))


def disagreement_section(content: Content) -> str:
    """The frames where the trackers' overlaps spread most, drawn where there are pictures."""
    if not content.disagreements:
        return ""
    scores, index_of = content.scores, colors(content.scores)
    shown = list(index_of)[:IN_DISAGREEMENTS]
    rows = []
    for one in content.disagreements:
        following = sum(overlap > FOLLOWS for overlap in one.overlaps.values())
        cells = [
            f"{one.index + 1} of {len(scores.truth[one.sequence].boxes)}",
            f"{one.spread:.3f}",
            *(number(one.overlaps.get(tracker, np.nan), "ao") for tracker in shown),
            f"{following} of {len(one.overlaps)}",
        ]
        rows.append(row(escape(one.sequence), [f'<td class="line">{text}</td>' for text in cells]))
    head = [heading("Sequence"), heading("Frame"), heading("Spread", "standard deviation")]
    head += [
        f'<th scope="col">{named(tracker, index_of)}<small>overlap</small></th>'
        for tracker in shown
    ]
    head.append(heading("Following", f"overlap above {FOLLOWS}"))
    words = quiet(
        "Frames with the largest standard deviation of overlap between trackers, at most two of a "
        f"sequence. {escape(content.setting)}"
    )
    body = words + _disagreement_pictures(content, shown) + table(head, rows, "wrap sequences")
    return section("Where trackers disagree most", body)


def footage_section(content: Content) -> str:
    """An overview of the footage."""
    if content.contact_sheet is None:
        return ""
    uri = jpeg_uri(content.contact_sheet)
    return section(
        "Footage", f'<figure><img class="sheet" src="{uri}" alt="contact sheet"></figure>'
    )


def _disagreement_pictures(content: Content, shown: list[str]) -> str:
    if content.frames is None:
        return quiet("No pictures were given.")
    figures, missing = [], []
    for one in content.disagreements:
        try:
            uri = picture(content.scores, one.sequence, one.index, shown, content.frames)
        except InputError as error:
            missing.append(quiet(f"No picture: {escape(str(error))}"))
            continue
        overlaps = ", ".join(
            f"{tracker} {one.overlaps[tracker]:.2f}" for tracker in shown if tracker in one.overlaps
        )
        place = f"{one.sequence}, {one.index + 1}"
        figures.append(_figure(uri, f"frame {place}", f"{place}: {overlaps}"))
    if not figures:
        return "".join(missing)
    strip_of = f'<div class="strip wide">{"".join(figures)}</div>'
    return _legend(shown) + strip_of + "".join(missing)


def _legend(shown: list[str]) -> str:
    boxes = [(TRUTH_RGB, "truth"), *zip(PICTURE_RGB, shown, strict=False)]
    items = "".join(
        f'<li><span class="box" style="border-color:rgb{color}"></span>{escape(name)}</li>'
        for color, name in boxes
    )
    return f'<ul class="legend">{items}</ul>'


def _figure(uri: str, alt: str, caption: str) -> str:
    return (
        f'<figure><img src="{uri}" alt="{escape(alt)}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def _overlap(frame: Frame) -> str:
    if frame.overlap is None:
        return "no target"
    return f"overlap {frame.overlap:.2f}" if frame.overlap == frame.overlap else "does not count"
