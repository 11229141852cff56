"""One's own digits: by mouse, pen and file, stage by stage, and as a set to train on."""

import io
import re

import numpy as np
import pytest
from helpers.answers import held_out, ledger, says_share
from helpers.hands import STROKES, draw, eventually, exact, pad, says, shown_cells
from PIL import Image
from playwright.sync_api import expect

from chainrule import load_digits
from chainrule.handwriting import STAGES, prepare, read_image
from chainrule.handwriting import draw as paper


def read(pixels, name="large"):
    """What a network says of 784 bytes, in float64 as the page does."""
    return ledger(pixels, 0, name=name).arrays["A2"]


def strokes_of(page):
    """The drawing in the address: whole numbers, strokes parted by ~."""
    text = re.search(r"[?&]strokes=([\d~-]+)", page.url)[1]
    return [[int(n) for n in stroke.split("-")] for stroke in text.split("~")]


def bars(page, A):
    """Compare the ten shown probabilities."""

    def check():
        table = page.get_by_role("table", name="probabilities")
        texts = table.get_by_role("row").all_inner_texts()
        for k, text in enumerate(texts):
            assert text.split()[0] == str(k)
            assert says_share(text, A[k]), (k, text)
        assert len(texts) == 10

    eventually(check)


@pytest.fixture
def board(visit):
    return visit("?view=draw")


def test_drawn_digits_are_read(board):
    """A 1, a 0, a 4 and a 7, by mouse; each probability is the library's for these strokes."""
    page = board
    for digit in (1, 0, 4, 7):
        draw(page, STROKES[digit])
        says(page, digit)
        expect(page).to_have_url(re.compile("strokes="))
        A = read(prepare(paper(strokes_of(page))).pixels)
        assert A.argmax() == digit
        bars(page, A)
        page.get_by_role("button", name="Clear").click()
        expect(page).not_to_have_url(re.compile("strokes="))


def test_stages_and_switching_them_off(board):
    page = board
    page.mouse.move(2, 2)
    small = [[v // 3 + 20 for v in stroke] for stroke in STROKES[4]]  # in a corner
    draw(page, small)
    says(page, 4)
    strokes = strokes_of(page)

    def compare(off):
        answer = prepare(paper(strokes), off)
        items = page.get_by_role("region", name="What I make of it").get_by_role("listitem")
        expect(items).to_have_count(len(STAGES))
        for item, stage in zip(items.all(), answer.stages, strict=True):
            A = read(stage.pixels)
            expect(item).to_contain_text(re.compile(rf"say {A.argmax()}[ .]"))
            assert item.get_by_role("checkbox").is_checked() == (stage.name not in off)

    compare([])
    boxes = page.get_by_role("region", name="What I make of it").get_by_role("checkbox")
    for name in ("centre", "fit"):
        boxes.nth(STAGES.index(name)).uncheck()
        expect(page).to_have_url(re.compile(rf"off=[\w,]*{name}"))
    compare(["centre", "fit"])
    page.reload()
    digit = read(prepare(paper(strokes), ["centre", "fit"]).pixels).argmax()
    said = page.get_by_role("status").filter(has_text=re.compile(rf"I (would )?say {digit}\b"))
    expect(said).to_be_visible()
    compare(["centre", "fit"])


def test_switching_the_network(board):
    page = board
    draw(page, STROKES[7])
    says(page, 7)
    A = read(prepare(paper(strokes_of(page))).pixels, "small")
    page.get_by_label("Network", exact=True).select_option("small")
    expect(page).to_have_url(re.compile("network=small"))
    bars(page, A)


def test_a_drawing_opens_in_look_inside(board):
    page = board
    draw(page, STROKES[1])
    says(page, 1)
    pixels = prepare(paper(strokes_of(page))).pixels
    page.get_by_role("button", name="Open in Look inside").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("I say 1")
    shown = exact(shown_cells(page))
    for k in range(784):
        assert round(255 * shown[f"x[{k}]"]) == pixels[k]
    A = read(pixels)
    for k in range(10):
        assert shown[f"A2[{k}]"] == A[k]


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_picture_is_read(board, kind):
    """A photographed 3: grey paper, a margin, dark ink."""
    page = board
    content = photo(kind)
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Open a picture").click()
    name = f"three.{kind.lower()}"
    chooser.value.set_files({"name": name, "mimeType": f"image/{kind.lower()}", "buffer": content})
    A = read(prepare(read_image(content)).pixels)
    says(page, int(A.argmax()))
    assert A.argmax() == 3
    expect(page).to_have_url(re.compile("pixels="))
    page.reload()
    says(page, 3)


def photo(kind):
    """A test image of a 3 as ink on grey paper, four times as large, with a margin."""
    digits = held_out()
    k = int(np.flatnonzero(digits.labels == 3)[0])
    big = np.kron(digits.images[k].reshape(28, 28), np.ones((4, 4)))
    picture = np.full((200, 180), 200.0)
    picture[50:162, 30:142] -= 0.7 * big
    out = io.BytesIO()
    Image.fromarray(picture.astype(np.uint8)).save(out, kind)
    return out.getvalue()


def test_what_is_no_picture_is_refused_in_words(board, watch):
    page = board
    watch.allow("400")
    page.locator("#view-draw input[type=file]").set_input_files(
        {"name": "x.png", "mimeType": "image/png", "buffer": b"no picture at all"}
    )
    expect(page.get_by_text("wanted a PNG, JPEG, WebP")).to_be_visible()


def test_what_is_unlike_anything_is_said(board):
    page = board
    x = [v for k in range(13) for v in (20 + 20 * k, 40 if k % 2 else 240)]
    draw(page, [x, [20, 140, 260, 140], [20, 60, 260, 60], [20, 220, 260, 220]])
    expect(page.get_by_text("unlike anything I was trained on")).to_be_visible()
    page.get_by_role("button", name="Clear").click()
    draw(page, STROKES[0])
    says(page, 0)
    expect(page.get_by_text("unlike anything I was trained on")).to_be_hidden()


def unsure(page):
    """What is said of a picture that is not one digit: a digit, and no share."""
    expect(page.get_by_text(re.compile(r"^I say \d"))).to_have_count(0)
    answer = page.get_by_role("status").filter(
        has_text=re.compile(r"^Taken for one digit, I would")
    )
    expect(answer).to_be_visible()
    expect(answer).not_to_contain_text("%")
    items = page.get_by_role("region", name="What I make of it").get_by_role("listitem")
    for item in items.all():
        expect(item).to_contain_text(re.compile(r"I would say \d\."))
        expect(item).not_to_contain_text("%")


def test_several_marks_are_said(board):
    """Three digits beside each other, drawn and then from a file, are not one sure digit."""
    page = board
    small = [
        [[x // 3 + left if k % 2 == 0 else x // 2 + 70 for k, x in enumerate(stroke)]]
        for left, digit in ((0, 1), (75, 0), (190, 7))
        for stroke in STROKES[digit]
    ]
    strokes = [stroke for digit in small for stroke in digit]
    several = page.get_by_text("There are several marks, and I read one digit at a time.")
    opened(page, paper(strokes))
    expect(several).to_contain_text("It has 3 marks")
    unsure(page)
    page.get_by_role("button", name="Clear").click()
    expect(page.get_by_text("Draw a digit from 0 to 9.")).to_be_visible()
    expect(several).to_be_hidden()
    draw(page, strokes)
    expect(several).to_contain_text("It has 3 marks")
    expect(several).to_contain_text("Cut out one digit")
    unsure(page)
    page.get_by_role("button", name="Open in Look inside").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Taken for one digit, I would say")
    expect(several.filter(visible=True)).to_be_visible()


def opened(page, picture):
    """Open a picture as a file."""
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "PNG")
    page.locator("#view-draw input[type=file]").set_input_files(
        {"name": "x.png", "mimeType": "image/png", "buffer": out.getvalue()}
    )


def test_a_solid_shape_is_said(board):
    page = board
    picture = np.full((200, 200), 255, np.uint8)
    picture[70:130, 70:130] = 0
    opened(page, picture)
    expect(
        page.get_by_text("unlike anything I was trained on. It is a solid shape")
    ).to_be_visible()
    unsure(page)


def test_undo(board):
    page = board
    draw(page, STROKES[4])
    says(page, 4)
    assert len(strokes_of(page)) == 2
    page.get_by_role("button", name="Undo").click()
    expect(page).to_have_url(re.compile(r"strokes=[\d-]+$"))
    page.get_by_role("button", name="Undo").click()
    expect(page).not_to_have_url(re.compile("strokes="))
    expect(page.get_by_text(re.compile(r"I say \d"))).to_have_count(0)
    expect(page.get_by_text("Draw a digit from 0 to 9.")).to_be_visible()


def test_touch(visit):
    """A finger on a tablet draws, and the page does not scroll under it."""
    page = visit("?view=draw", has_touch=True, viewport={"width": 820, "height": 700})
    pad(page).scroll_into_view_if_needed()
    box = pad(page).bounding_box()
    client = page.context.new_cdp_session(page)
    before = page.evaluate("scrollY")

    def touch(kind, *points):
        client.send(
            "Input.dispatchTouchEvent",
            {"type": kind, "touchPoints": [{"x": x, "y": y} for x, y in points]},
        )

    x = box["x"] + box["width"] / 2
    touch("touchStart", (x, box["y"] + 0.8 * box["height"]))
    for k in range(1, 13):  # upwards, which would scroll down
        touch("touchMove", (x + k, box["y"] + (0.8 - 0.05 * k) * box["height"]))
    touch("touchEnd")
    says(page, 1)
    assert page.evaluate("scrollY") == before
    assert len(strokes_of(page)) == 1


def test_collecting_a_set_to_train_on(board, lab):
    page = board
    digits = (1, 0, 4, 7, 1, 0)
    drawn = []
    expect(page.get_by_text("Nothing drawn leaves this machine.")).to_be_visible()
    for digit in digits:
        draw(page, STROKES[digit])
        says(page, digit)
        drawn.append(prepare(paper(strokes_of(page))).pixels)
        page.get_by_role("group", name="It is a").get_by_label(str(digit)).check()
        page.get_by_role("button", name="Add").click()
        expect(page).not_to_have_url(re.compile("strokes="))
    expect(page.get_by_text("6 drawings")).to_be_visible()
    page.get_by_role("button", name=re.compile("Save the set")).click()
    said = page.get_by_text("Saved in drawings/")
    expect(said).to_be_visible()
    folder = lab.folder / re.search(r"drawings/[\d-]+\d", said.inner_text())[0]
    train, held = load_digits(folder)
    assert (len(train), len(held)) == (5, 1)
    found = [
        *zip(train.images, train.labels, strict=True),
        *zip(held.images, held.labels, strict=True),
    ]
    for pixels, label in zip(drawn, digits, strict=True):
        assert any(each == label and np.array_equal(image, pixels) for image, each in found)
