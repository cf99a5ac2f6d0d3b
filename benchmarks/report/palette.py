"""Colours of trackers, the same in plots, tables and pictures.

Six hues that stay apart under the common colour blindnesses (after Okabe & Ito 2008, darker or
lighter where the ground asks for it); green is left to the truth. A seventh tracker has the first
hue again with another line. page.css defines the hues as variables for light, dark and paper.
"""

HUES = 6
DASHES = ("none", "7 4", "2 3")
STYLED = HUES * len(DASHES)  # what lies beyond is drawn thin and grey

# RGB on pictures, in the order of the variables --hue-0 ... --hue-5.
TRUTH_RGB = (64, 235, 90)
PICTURE_RGB = (
    (50, 140, 255),
    (255, 110, 30),
    (240, 130, 220),
    (90, 215, 255),
    (255, 210, 40),
    (190, 190, 190),
)


def stroke(index: int) -> str:
    """SVG attributes of the line of the tracker at `index` in the order of colours."""
    if index >= STYLED:
        return 'style="stroke:var(--quiet);stroke-width:1;opacity:.55"'
    return f'style="stroke:var(--hue-{index % HUES})" stroke-dasharray="{DASHES[index // HUES]}"'


def swatch(index: int) -> str:
    """A short piece of that line, for legends and tables."""
    return (
        '<svg class="swatch" viewBox="0 0 26 10" aria-hidden="true">'
        f'<line x1="1" y1="5" x2="25" y2="5" {stroke(index)}/></svg>'
    )


def point(index: int) -> str:
    """Its point, for legends."""
    return (
        f'<svg class="swatch point" viewBox="0 0 14 14" aria-hidden="true">{marker(index, 7, 7)}'
        "</svg>"
    )


def marker(index: int, x: float, y: float) -> str:
    """A point of the tracker: filled, hollow and square for the three rounds of hues, then grey."""
    if index >= STYLED:
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" style="fill:var(--quiet);opacity:.55"/>'
    hue, turn = f"var(--hue-{index % HUES})", index // HUES
    if turn == 2:
        return f'<rect x="{x - 5:.1f}" y="{y - 5:.1f}" width="10" height="10" style="fill:{hue}"/>'
    fill = hue if turn == 0 else "var(--ground)"
    return (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5.5" '
        f'style="fill:{fill};stroke:{hue};stroke-width:2.5"/>'
    )
