"""Pieces of HTML that a notebook shows: tables, bars, pictures, in the notebook's own colours.

Every text is escaped here. Lines and shades are half transparent, so they are seen on white and on
black; no script and nothing from outside is needed.
"""

import base64
import struct
import zlib
from collections.abc import Iterable, Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

# A doubled class outweighs what notebooks say of tables.
STYLE = """
.chainrule.chainrule { font: 14px/1.45 system-ui, sans-serif; color: inherit; max-width: 60em; }
.chainrule.chainrule p { margin: 0 0 .4em; }
.chainrule.chainrule .sides { display: flex; flex-wrap: wrap; gap: .5em 1.5em; align-items: start; }
.chainrule.chainrule .wide { overflow-x: auto; }
.chainrule.chainrule table { border-collapse: collapse; border: none; margin: .2em 0 .6em;
  font-size: 13px; font-variant-numeric: tabular-nums; color: inherit; }
.chainrule.chainrule caption { text-align: left; padding: 0 0 .2em; caption-side: top;
  color: inherit; }
.chainrule.chainrule tr { background: none; }
.chainrule.chainrule th, .chainrule.chainrule td { padding: .15em .6em; text-align: right;
  border: none; border-bottom: 1px solid rgba(128, 128, 128, .35); color: inherit;
  vertical-align: middle; max-width: none; white-space: nowrap; }
.chainrule.chainrule th { font-weight: 600; }
.chainrule.chainrule .left { text-align: left; }
.chainrule.chainrule .bar { display: block; height: .8em; min-width: 1px;
  background: rgba(94, 129, 244, .75); }
.chainrule.chainrule code { background: none; color: inherit; padding: 0; font-size: 13px; }
.chainrule.chainrule figure { margin: 0; font-size: 12px; text-align: center; }
.chainrule.chainrule img { display: block; image-rendering: pixelated; margin: 0;
  border: 1px solid rgba(128, 128, 128, .5); }
.chainrule.chainrule .charts { display: flex; flex-wrap: wrap; gap: 1em; }
.chainrule.chainrule svg { width: 340px; max-width: 100%; font-size: 14px; fill: currentColor; }
"""


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def text(value: object) -> Html:
    """A value as HTML; its own signs mean nothing."""
    return value if isinstance(value, Html) else Html(escape(str(value)))


def block(*parts: Html) -> str:
    """The HTML of one value."""
    return f'<div class="chainrule"><style>{STYLE}</style>{"".join(parts)}</div>'


def line(value: object, *, strong: bool = False) -> Html:
    return Html(f"<p><strong>{text(value)}</strong></p>" if strong else f"<p>{text(value)}</p>")


def code(value: object) -> Html:
    return Html(f"<code>{text(value)}</code>")


def sides(*parts: Html) -> Html:
    """Parts beside each other, where there is room."""
    return Html(f'<div class="sides">{"".join(parts)}</div>')


def table(
    heads: Sequence[object],
    rows: Iterable[Sequence[object]],
    *,
    caption: str = "",
    left: Sequence[int] = (0,),
    shades: NDArray[np.float64] | None = None,
) -> Html:
    """A table; the first cell of a row names it, and the columns `left` stand at their left edge.

    `shades` (rows, columns), from -1 to 1, colours the cells: orange, none, green. A table
    that is too wide is scrolled, by keys too.
    """

    def cell(tag: str, k: int, value: object, more: str = "") -> str:
        side = ' class="left"' if k in left else ""
        return f"<{tag}{side}{more}>{text(value)}</{tag}>"

    def shade(row: int, k: int) -> str:
        share = 0.0 if shades is None else float(shades[row, k])
        if not share:
            return ""
        colour = "46, 160, 67" if share > 0 else "225, 100, 30"
        return f' style="background: rgba({colour}, {0.6 * abs(share):.2f})"'

    head = "".join(cell("th", k, each, ' scope="col"') for k, each in enumerate(heads))
    body = []
    for row, values in enumerate(rows):
        first, *others = values
        cells = [cell("th", 0, first, ' scope="row"')]
        cells += [cell("td", k, each, shade(row, k)) for k, each in enumerate(others, 1)]
        body.append(f"<tr>{''.join(cells)}</tr>")
    named = f"<caption>{text(caption)}</caption>" if caption else ""
    head = f"<thead><tr>{head}</tr></thead>" if any(map(str, heads)) else ""
    whole = f"<table>{named}{head}<tbody>{''.join(body)}</tbody></table>"
    return Html(f'<div class="wide" tabindex="0">{whole}</div>')


def bar(share: float) -> Html:
    """A bar from 0 to 1 of its column."""
    share = min(max(share, 0.0), 1.0) if np.isfinite(share) else 0.0
    return Html(f'<span class="bar" style="width: {7 * share:.3g}em"></span>')


def picture(pixels: NDArray[np.uint8], *, size: int, caption: str, words: str) -> Html:
    """Pixels (height, width, 4: red, green, blue, how opaque) as a picture `size` pixels wide."""
    data = base64.b64encode(png(pixels)).decode()
    below = f"<figcaption>{text(caption)}</figcaption>" if caption else ""
    return Html(
        f'<figure><img width="{size}" height="{size}" alt="{escape(words)}" '
        f'src="data:image/png;base64,{data}">{below}</figure>'
    )


def png(pixels: NDArray[np.uint8]) -> bytes:
    """A PNG file of pixels (height, width, 4). Source: the PNG specification, third edition."""
    height, width, _ = pixels.shape

    def chunk(name: bytes, content: bytes) -> bytes:
        check = zlib.crc32(name + content)
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", check)

    header = struct.pack(">2I5B", width, height, 8, 6, 0, 0, 0)  # 8 bits each of red … opaque
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)  # 0: as they are, without a filter
    parts = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows, 9)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def ink(x: NDArray[np.floating]) -> NDArray[np.uint8]:
    """An image (height, width) from 0 to 1 as ink on white paper."""
    grey = (255 * (1 - np.clip(np.nan_to_num(x), 0, 1))).round().astype(np.uint8)[..., None]
    return np.concatenate([grey, grey, grey, np.full_like(grey, 255)], axis=-1)


def signed(values: NDArray[np.floating], most: float) -> NDArray[np.uint8]:
    """Numbers (height, width) as red above 0 and blue below, the more opaque the larger."""
    share = np.clip(np.nan_to_num(values / (most or 1.0)), -1, 1)[..., None]
    colour = np.where(share > 0, [214, 64, 38], [54, 108, 224])
    return np.concatenate([colour, np.abs(255 * share)], axis=-1).round().astype(np.uint8)
