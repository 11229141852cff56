"""`chainrule read`: the lines of digits in photos and scans."""

import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from chainrule.arrays import DIGITS
from chainrule.cli.options import Place, example, json_option, model_place, quiet_option
from chainrule.cli.printing import print_json, show, warn
from chainrule.cli.subjects import Subject, model_name, read_subject
from chainrule.cli.writing import write_new
from chainrule.files import in_words

if TYPE_CHECKING:
    from chainrule.handwriting import Picture
    from chainrule.handwriting.sheet import Line

BLANK = "a blank page: there is no ink in lines"
RIGHT, UNLIKE = (0, 120, 60), (200, 30, 30)  # colours of boxes


@click.command(
    "read",
    epilog=example(
        "read page.jpg\n  chainrule read page.jpg --boxes seen.png\n  chainrule read scans/*.png -q"
    ),
)
@click.argument("files", nargs=-1, required=True, type=Place(), metavar="FILE...")
@click.option(
    "--model",
    type=model_place(),
    default="large",
    show_default=True,
    help="The network: a model file, the folder of a run, or a network of the package by name.",
)
@click.option("--boxes", type=Place(), help="Draw the boxes of all digits into this new .png file.")
@quiet_option
@json_option
def read_command(
    files: tuple[Path, ...], model: Path, boxes: Path | None, quiet: bool, as_json: bool
) -> None:
    """Read lines of digits in photos or scans of a page (extra lab).

    Light and shadow are evened, the rules of ruled and squared paper taken out, digits that touch
    are cut apart. Each line becomes a string, from top to bottom; a mark that is unlike any digit
    is a ?. Points, commas and gaps between words are left out. A line may be turned by 10 degrees.

    With --quiet stdout has the strings alone; that a page is blank is said on stderr. With --json
    each digit has its probabilities and its box: left, top, right, bottom, in pixels of a picture
    with the width and height that are given. It is upright, and at most 2,000 pixels long.

    A file that cannot be read is named on stderr, the others are read, and the exit code is 1.
    With --quiet its line is -, with --json it has an error instead of lines.
    """
    check_options(files, boxes)
    try:
        from chainrule import handwriting
    except ModuleNotFoundError:
        needs = "image files need the extra lab: pip install pillow scipy"
        raise click.ClickException(needs) from None
    subject = read_subject(model, None)
    if subject.names != DIGITS:
        raise click.UsageError(
            f"{model}: lines are read by a network of the digits 0 to 9, this one knows others",
            click.get_current_context(),
        )
    found: list[dict[str, object]] = []
    for path in files:
        try:
            picture, lines = read_page(path, subject)
        except (handwriting.HandwritingError, OSError) as error:
            why = in_words(error) if isinstance(error, OSError) else str(error)
            warn(f"{path}: {why}")
            found.append({"image": str(path), "error": why})
            if quiet:
                show(["-"])
            continue
        found.append(as_fields(path, picture, lines))
        if boxes is not None:
            write_new(boxes, with_boxes(picture, lines), option="--boxes")
        if not as_json:
            show_lines(path, lines, quiet)
    if as_json:
        print_json(pages=found, model=model_name(model))
    if any("error" in each for each in found):
        sys.exit(1)


def check_options(files: tuple[Path, ...], boxes: Path | None) -> None:
    """UsageError for boxes that cannot be drawn."""
    wrong = None
    if boxes is not None and len(files) > 1:
        wrong = f"--boxes draws one page, got {len(files)} files; read them one by one"
    elif boxes is not None and boxes.suffix.lower() != ".png":
        wrong = f"--boxes must end in .png, got {boxes}"
    if wrong:
        raise click.UsageError(wrong, click.get_current_context())


def read_page(path: Path, subject: Subject) -> "tuple[Picture, list[Line]]":
    """The picture in a file, and its lines."""
    from chainrule.handwriting import MOST_BYTES, MOST_LONG, read_image, read_sheet

    with path.open("rb") as file:
        content = file.read(MOST_BYTES + 1)
    picture = read_image(content, longest=MOST_LONG)
    with subject.named():
        return picture, read_sheet(picture, subject.network)


def as_fields(path: Path, picture: "Picture", lines: "list[Line]") -> dict[str, object]:
    """A page as JSON has it."""
    height, width = picture.shape
    return {
        "image": str(path),
        "width": width,
        "height": height,
        "lines": [
            {
                "text": text_of(line),
                "digits": [
                    {
                        "text": digit.text,
                        "box": digit.box,
                        "probabilities": digit.probabilities,
                        "unlike": digit.novelty._asdict(),
                    }
                    for digit in line
                ],
            }
            for line in lines
        ],
    }


def text_of(line: "Line") -> str:
    return "".join(digit.text for digit in line)


def show_lines(path: Path, lines: "list[Line]", quiet: bool) -> None:
    """The strings, each with the digit that the network is least sure of; or if quiet, alone."""
    if not lines:
        warn(f"{path}: {BLANK}") if quiet else show([f"{path}: {BLANK}"])
    elif quiet:
        show(map(text_of, lines))
    else:
        unlike = sum(digit.novelty.unlike for line in lines for digit in line)
        counts = [plural(len(lines), "line"), plural(sum(map(len, lines)) - unlike, "digit")]
        if unlike:
            counts.append(f"{plural(unlike, 'mark')} unlike any digit")
        show([f"{path}: {', '.join(counts)}", *map(in_words_of, lines)])


def in_words_of(line: "Line") -> str:
    """A line's string, and which digit is least sure."""
    sure = [
        (float(digit.probabilities.max()), place, digit.text)
        for place, digit in enumerate(line, 1)
        if not digit.novelty.unlike
    ]
    if not sure:
        return text_of(line)
    share, place, digit = min(sure)
    return f"{text_of(line)}  least sure: the {digit} at place {place}, {100 * share:.1f} %"


def plural(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def with_boxes(picture: "Picture", lines: "list[Line]") -> bytes:
    """The picture as a PNG file, with the box of each digit and what is read in it."""
    from PIL import Image, ImageDraw, ImageFont

    drawn = Image.fromarray(picture).convert("RGB")
    pen = ImageDraw.Draw(drawn)
    for digit in (digit for line in lines for digit in line):
        left, top, right, bottom = digit.box
        colour = UNLIKE if digit.novelty.unlike else RIGHT
        pen.rectangle((left, top, right - 1, bottom - 1), outline=colour)
        size = min(max((bottom - top) // 2, 10), 40)
        font = ImageFont.load_default(size=size)
        pen.text((left, max(top, size)), digit.text, fill=colour, font=font, anchor="ld")
    file = io.BytesIO()
    drawn.save(file, "PNG")
    return file.getvalue()
