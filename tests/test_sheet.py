"""Lines of digits: the paper taken out, marks found and cut, strings read, and the command."""

import json
import re
import subprocess
import sys
from itertools import pairwise, product

import numpy as np
import pytest
from helpers import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from scipy import ndimage

from chainrule import initialise, load_bundled
from chainrule.handwriting import HandwritingError, read_image, read_sheet
from chainrule.handwriting.marks import cut, find_marks, in_lines, joined, slope_of
from chainrule.handwriting.paper import ink_of
from chainrule.handwriting.sheet import MOST_LONG, MOST_MARKS

sys.path.insert(0, str(ROOT / "benchmarks"))
try:
    import handwriting as strokes_of  # the script, not our room
    import pages as making
finally:
    sys.path.pop(0)


@pytest.fixture(scope="module")
def large():
    return load_bundled("large")


def page(*lines, height=56, gap=30, pen=8, ground=255, rules=0, turn=0.0):
    """Lines of digits by Pillow, dark on light, perhaps on ruled paper, turned as a whole."""
    width, apart = max(map(len, lines)) * (height + gap) + 160, 2 * height
    image = Image.new("L", (width, apart * len(lines) + 160), 0)
    pencil = ImageDraw.Draw(image)
    for row, digits in enumerate(lines):
        for place, digit in enumerate(digits):
            left, top = 80 + place * (height + gap), 80 + row * apart
            for stroke in strokes_of.DIGITS[digit].split("/"):
                points = [tuple(map(float, point.split(","))) for point in stroke.split()]
                points = [(left + 0.065 * height * x, top + height * y / 14) for x, y in points]
                pencil.line(points, fill=200, width=pen, joint="curve")
                for x, y in points:
                    r = pen / 2
                    pencil.ellipse((x - r, y - r, x + r, y + r), fill=200)
    ink = np.asarray(image.rotate(turn, Image.Resampling.BICUBIC)).astype(float)
    y, x = np.mgrid[: ink.shape[0], : ink.shape[1]]
    slope = np.tan(np.radians(turn))
    down, across = y + slope * x, x - slope * y
    if rules:
        ink = np.maximum(ink, np.where(down % 43 < 2, 80, 0))
    if rules == 2:
        ink = np.maximum(ink, np.where(across % 43 < 2, 80, 0))
    return np.clip(ground - ink, 0, 255).astype(np.uint8)


def strings(picture, network):
    return ["".join(digit.text for digit in line) for line in read_sheet(picture, network)]


LINES = ("3141592653", "589793", "2384626433")


# ------------------------------------------------------------------------------------ strings


@pytest.mark.parametrize(("rules", "turn"), [(0, 0), (1, 0), (2, 4), (2, -9), (0, 8), (1, -3)])
def test_lines_become_strings_whatever_the_paper_and_the_turn(rules, turn, large):
    assert strings(page(*LINES, rules=rules, turn=turn), large) == list(LINES)


def test_light_shadow_noise_and_polarity_do_not_matter(large):
    picture = page(*LINES, rules=1, turn=5).astype(float)
    y, x = np.mgrid[: picture.shape[0], : picture.shape[1]]
    picture *= 0.9 - 0.3 * x / picture.shape[1]
    picture *= np.where(x + 0.5 * y < 500, 1, 0.7)
    picture += np.random.default_rng(0).normal(0, 3, picture.shape)
    picture = np.clip(picture, 0, 255).astype(np.uint8)
    assert strings(picture, large) == list(LINES)
    assert strings(255 - picture, large) == list(LINES)


@pytest.mark.parametrize(("height", "pen"), [(24, 3), (56, 4), (150, 24)])
def test_any_size_and_pen_is_read(height, pen, large):
    assert strings(page("27456", height=height, pen=pen, gap=height), large) == ["27456"]


def test_lines_of_several_sizes_and_one_alone_are_read(large):
    small, tall = page("2745", height=40, pen=6), page("36", height=70, pen=10)
    tall = np.pad(tall, ((0, 0), (0, small.shape[1])), constant_values=255)[:, : small.shape[1]]
    assert strings(np.vstack([small, tall]), large) == ["2745", "36"]
    assert strings(page("7"), large) == ["7"]


def test_the_made_pages_are_read_as_the_bars_say(mnist, large):
    """Pages of training digits; those of test digits are measured by the benchmark."""
    for hard, least in ((False, 0.98), (True, 0.9)):
        wrong = total = 0
        for _, picture, true in making.pages(mnist[0], hard, 3, seed=3):
            wrong += sum(
                making.edits(*pair) for pair in making.beside(true, strings(picture, large))
            )
            total += 10 * len(true)
        assert 1 - wrong / total >= least


@pytest.mark.parametrize(("digits", "gap"), [("25", -18), ("86", -20), ("325", -18)])
def test_touching_digits_are_cut_apart(digits, gap, large):
    """They are drawn over each other by a few pixels: one mark, and several digits."""
    picture = page(digits, gap=gap)
    assert ndimage.label(picture < 128, np.ones((3, 3)))[1] == 1
    (line,) = read_sheet(picture, large)
    assert [digit.text for digit in line] == list(digits)
    middles = [(digit.box[0] + digit.box[2]) / 2 for digit in line]
    assert all(after - before > 20 for before, after in pairwise(middles))


def test_a_digit_in_two_parts_is_one(large):
    """The bar of a 5 that does not touch it."""
    picture = page("252").copy()
    rows = slice(80 + 8, 80 + 13)
    picture[rows, 80 + 86 : 80 + 86 + 40] = 255
    assert ndimage.label(picture < 128, np.ones((3, 3)))[1] == 4
    assert strings(picture, large) == ["252"]


def test_what_is_unlike_a_digit_is_a_question_mark(large):
    picture = page("271 4".replace(" ", "8"))
    picture[70:150, 80 + 3 * 86 - 6 : 80 + 4 * 86 - 30] = 255
    picture[85:135, 80 + 3 * 86 : 80 + 3 * 86 + 50] = 40  # a solid square in place of the 8
    (line,) = read_sheet(picture, large)
    assert [digit.text for digit in line] == ["2", "7", "1", "?", "4"]
    assert "solid" in line[3].novelty.why


def test_points_and_specks_are_left_out(large):
    picture = page("2745").copy()
    for y, x in ((60, 100), (140, 150), (30, 300), (150, 233)):
        picture[y : y + 6, x : x + 6] = 60
    assert strings(picture, large) == ["2745"]


def test_a_blank_page_has_no_lines(large):
    rng = np.random.default_rng(0)
    shadow = np.where(np.arange(400) < 200, 200.0, 140.0) + rng.normal(0, 3, (300, 400))
    ruled = np.where(np.arange(300)[:, None] % 40 < 2, 170, 230) * np.ones((1, 400))
    for blank in (np.full((300, 400), 255), np.zeros((300, 400)), shadow, ruled):
        assert read_sheet(blank.astype(np.uint8), large) == []


# ------------------------------------------------------------------------------ a second answer


def test_boxes_are_those_of_plain_labels(large):
    """On white paper a plain threshold and SciPy's labels give the same boxes."""
    picture = page("27356", "891")
    labels, count = ndimage.label(picture < 128, np.ones((3, 3)))
    plain = sorted((x.start, y.start, x.stop, y.stop) for y, x in ndimage.find_objects(labels))
    found = sorted(digit.box for line in read_sheet(picture, large) for digit in line)
    assert count == len(found) == 8
    assert np.abs(np.array(found) - plain).max() <= 2  # where the grey edge ends


def test_boxes_on_a_turned_page_hold_their_ink(large):
    """Each box of a turned page holds one mark of plain labels, and nearly nothing around it."""
    picture = page("2735", "8914", turn=8)
    labels, _ = ndimage.label(picture < 128, np.ones((3, 3)))
    plain = sorted((x.start, y.start, x.stop, y.stop) for y, x in ndimage.find_objects(labels))
    found = sorted(digit.box for line in read_sheet(picture, large) for digit in line)
    assert np.abs(np.array(found) - plain).max() <= 3


@pytest.mark.parametrize("turn", [-10, -4, 0, 3, 9])
def test_the_slope_of_lines_is_that_of_the_page(turn):
    ink = 255 - page(*LINES, turn=turn)
    slope = slope_of(in_lines(find_marks(ink, MOST_MARKS)))
    assert np.degrees(np.arctan(slope)) == pytest.approx(-turn, abs=0.7)


@pytest.mark.parametrize("turn", [0, 6])
def test_rules_are_taken_out_and_digits_stay(turn):
    bare, squared = (ink_of(page(*LINES, rules=rules, turn=turn)) > 128 for rules in (0, 2))
    assert np.sum(bare & squared) / np.sum(bare | squared) > 0.9
    plain = page(*LINES, rules=2, turn=turn) < 200
    assert np.sum(plain & ~bare) > np.sum(bare)  # there were more rules than digits


def test_cut_loses_no_ink():
    (mark,) = find_marks(255 - page("25", gap=-18), MOST_MARKS)
    parts = cut(mark)
    assert len(parts) > 1
    whole = joined(parts)
    assert np.array_equal(whole.ink > 64, mark.ink > 64)
    assert (whole.top, whole.left) == (mark.top, mark.left)
    assert sum(int((part.ink > 64).sum()) for part in parts) == (mark.ink > 64).sum()


@given(st.text("012", max_size=4), st.text("012", max_size=4))
def test_edits_are_the_fewest(one, other):
    """All texts within so many edits of one are made: the other is among them, and not before."""
    reach, steps = {one}, 0
    while other not in reach:
        steps += 1
        reach |= {
            text[:i] + put + text[i + gone :]
            for text in reach
            for i in range(len(text) + 1)
            for put, gone in product(("", "0", "1", "2"), (0, 1))
        }
    assert making.edits(one, other) == steps


def test_lines_are_laid_beside_the_true_ones():
    true, read = ["123", "456", "789"], ["123", "46", "1", "789"]
    pairs = making.beside(true, read)
    assert pairs == [("123", "123"), ("456", "46"), ("", "1"), ("789", "789")]


# ------------------------------------------------------------------------- what may come in


PICTURES = st.tuples(
    st.integers(1, 60), st.integers(1, 60), st.integers(0, 2**32), st.sampled_from(range(4))
)


@settings(max_examples=40)
@given(PICTURES)
def test_any_picture_has_boxes_inside_it(large, drawn):
    height, width, seed, kind = drawn
    rng = np.random.default_rng(seed)
    picture = (
        rng.integers(0, 256, (height, width)),
        np.where(rng.random((height, width)) < 0.1, 0, 255),
        np.where(ndimage.gaussian_filter(rng.normal(size=(height, width)), 3) > 0.1, 30, 220),
        np.full((height, width), rng.integers(256)),
    )[kind].astype(np.uint8)
    for line in read_sheet(picture, large):
        assert line
        for digit in line:
            left, top, right, bottom = digit.box
            assert 0 <= left < right <= width
            assert 0 <= top < bottom <= height
            assert digit.text in "0123456789?"
            assert digit.probabilities.sum() == pytest.approx(1, abs=1e-5)


def test_limits_are_said(large):
    dots = np.full((800, 800), 255, np.uint8)
    for place, (y, x) in enumerate(product(range(2, 790, 16), repeat=2)):
        dots[y : y + 10, x + place % 7 : x + place % 7 + 3] = 0
    combs = np.full((800, 1700), 255, np.uint8)
    comb = (np.arange(90) % 10 < 3)[None] | (np.arange(30)[:, None] > 26)
    for y, x in product(range(20, 750, 50), range(20, 1550, 110)):
        combs[y : y + 30, x + y // 4 % 50 : x + y // 4 % 50 + 90][comb] = 0
    small = initialise([784, 3], loss="cross_entropy", rng=np.random.default_rng(0))
    for picture, network, says in (
        (dots, large, "a page may have 1,000 marks, got 2,500"),
        (combs, large, "too many marks of the page are no single digits, as in a text"),
        (np.zeros((1, MOST_LONG + 1), np.uint8), large, "may be 2,000 pixels long, got 2,001"),
        (np.zeros((5, 5)), large, "must be unsigned bytes"),
        (dots, small, "784 inputs and 10 outputs, got 784 and 3"),
    ):
        with pytest.raises(HandwritingError, match=says):
            read_sheet(picture, network)


# -------------------------------------------------------------------------------- the command


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    Image.fromarray(page(*LINES, rules=1, turn=3)).save(folder / "page.jpg", quality=85)
    turned = Image.fromarray(np.rot90(page("2745")))
    exif = Image.Exif()
    exif[274] = 6  # the camera was held upright: turn by a quarter, clockwise
    turned.save(folder / "upright.jpg", exif=exif, quality=90)
    Image.new("L", (300, 200), 250).save(folder / "blank.png")
    (folder / "text.png").write_text("no image")
    return folder


def test_read_prints_the_strings(folder, inside, answer):
    done = inside("read", "page.jpg", cwd=folder)
    first, *lines = done.stdout.splitlines()
    assert first == "page.jpg: 3 lines, 26 digits"
    for line, true in zip(lines, LINES, strict=True):
        assert re.fullmatch(rf"{true}  least sure: the \d at place \d+, [\d.]+ %", line)
    assert inside("read", "page.jpg", "-q", cwd=folder).stdout.split() == list(LINES)
    result = answer("read", folder / "page.jpg")
    (found,) = result["pages"]
    assert result["model"] == "large"
    assert [line["text"] for line in found["lines"]] == list(LINES)
    height, width = read_image((folder / "page.jpg").read_bytes(), longest=MOST_LONG).shape
    assert (found["width"], found["height"]) == (width, height)
    for line in found["lines"]:
        for digit in line["digits"]:
            assert int(np.argmax(digit["probabilities"])) == int(digit["text"])
            assert len(digit["box"]) == 4
            assert not digit["unlike"]["unlike"]


def test_read_respects_the_orientation(folder, inside):
    assert inside("read", "upright.jpg", "-q", cwd=folder).stdout == "2745\n"


def test_boxes_are_drawn_into_a_new_file(folder, inside, answer, tmp_path):
    out = tmp_path / "seen.png"
    done = inside("read", folder / "page.jpg", "--boxes", out)
    assert done.returncode == 0
    (found,) = answer("read", folder / "page.jpg")["pages"]
    with Image.open(out) as image:
        seen = np.asarray(image)
    assert seen.shape == (found["height"], found["width"], 3)
    for line in found["lines"]:
        for digit in line["digits"]:
            left, top, right, bottom = digit["box"]
            assert (seen[bottom - 1, left:right] == (0, 120, 60)).all()
            assert (seen[top:bottom, right - 1] == (0, 120, 60)).all()
    again = inside("read", folder / "upright.jpg", "--boxes", out)
    assert (again.returncode, again.stdout) == (2, "")
    said = f"chainrule: {out} is there and holds something else; name another with --boxes; "
    assert again.stderr.startswith(said)


def test_a_blank_page_is_said_also_if_quiet(folder, inside):
    said = "blank.png: a blank page: there is no ink in lines\n"
    done = inside("read", "blank.png", cwd=folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, said, "")
    quiet = inside("read", "blank.png", "-q", cwd=folder)
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", f"chainrule: {said}")


@pytest.mark.parametrize("how", ["", "-q", "--json"])
def test_a_bad_file_does_not_end_the_others(how, folder, inside):
    done = inside("read", "text.png", "upright.jpg", "gone.png", *how.split(), cwd=folder)
    assert done.returncode == 1
    text, gone = done.stderr.splitlines()
    assert text.startswith("chainrule: text.png: wanted a PNG, JPEG, WebP")
    assert gone == "chainrule: gone.png: no such file or directory"
    if how == "-q":
        assert done.stdout.split() == ["-", "2745", "-"]
    elif how == "--json":
        pages = json.loads(done.stdout)["pages"]
        assert ["error" in each for each in pages] == [True, False, True]
    else:
        assert "upright.jpg: 1 line, 4 digits" in done.stdout


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("", "Missing argument"),
        ("page.jpg upright.jpg --boxes a.png", "--boxes draws one page, got 2 files"),
        ("page.jpg --boxes a.jpg", "--boxes must end in .png, got a.jpg"),
        ("page.jpg --model nowhere", "nowhere: wanted a model file"),
    ],
)
def test_wrong_options_are_one_line_and_exit_code_2(options, says, folder, inside):
    done = inside("read", *options.split(), cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(f"chainrule: .*{says}.*\n", done.stderr), done.stderr
    assert not (folder / "a.png").exists()


def test_without_the_extra_it_says_so_in_one_line(folder):
    code = (
        "import sys; sys.modules['scipy'] = None\n"
        f"sys.argv = ['chainrule', 'read', {str(folder / 'page.jpg')!r}]\n"
        "from chainrule.cli.main import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "chainrule: image files need the extra lab: pip install pillow scipy\n"
