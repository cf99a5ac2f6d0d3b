"""Colours of trackers, the same in plots, tables and pictures.

Six hues that stay apart under the common colour blindnesses (after Okabe & Ito 2008, darker or
lighter where the ground asks for it); green is left to the truth. A seventh tracker has the first
hue again with another line. page.css defines the hues as variables for light, dark and paper.
"""

HUES = 6
DASHES = ("none", "7 4", "2 3")

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
    """SVG attributes of the line of the tracker at `index` in the order given."""
    dash = DASHES[index // HUES % len(DASHES)]
    return f'style="stroke:var(--hue-{index % HUES})" stroke-dasharray="{dash}"'


def swatch(index: int) -> str:
    """A short piece of that line, for legends and tables."""
    return (
        '<svg class="swatch" viewBox="0 0 26 10" aria-hidden="true">'
        f'<line x1="1" y1="5" x2="25" y2="5" {stroke(index)}/></svg>'
    )
