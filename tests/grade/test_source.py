"""The text of a file: any encoding, notebooks, and what cannot be read at all."""

import codecs
import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.explain.grade.names import meaning_of, role_of
from chainrule.explain.grade.source import SourceError, code_in, read_source, source_of

TEXT = "# é\ndef softmax(Z):\n    return Z\n"


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        codecs.BOM_UTF8 + TEXT.encode(),
        TEXT.encode("latin-1"),
        TEXT.encode("utf-16"),
        b"# coding: latin-1\n" + TEXT.encode("latin-1"),
        TEXT.replace("\n", "\r\n").encode(),
    ],
)
def test_encodings(tmp_path, data):
    place = tmp_path / "mine.py"
    place.write_bytes(data)
    assert list(read_source(place).functions) == ["softmax"]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is empty"),
        (b"x = 1\n", "defines no function"),
        (b"def f(:\n", "line 1: Python cannot read it"),
        (b"print 'old'\n", "line 1"),
        (b"\0\1\2", "zero bytes"),
        (b"\xff\xfe\x00", "no text"),
        (b"def f():\n\treturn 1\n        return 2\n", "cannot read it"),
        (b"#" * 1_000_001, "at most 1,000,000 bytes"),
    ],
)
def test_what_cannot_be_read_says_why_in_one_line(tmp_path, data, says):
    place = tmp_path / "mine.py"
    place.write_bytes(data)
    with pytest.raises(SourceError, match=says) as refused:
        read_source(place)
    assert "\n" not in str(refused.value)


def notebook(*cells):
    made = [{"cell_type": "code", "source": cell.splitlines(keepends=True)} for cell in cells]
    return json.dumps({"cells": [{"cell_type": "markdown", "source": ["# Hi"]}, *made]})


def test_a_notebook_is_its_cells_of_code(tmp_path):
    place = tmp_path / "mine.ipynb"
    place.write_text(
        notebook(
            "%matplotlib inline\n!ls\nimport numpy as np",
            "%%bash\nrm nothing",
            "def softmax(Z):\n    %time\n    return Z",
            "this is no Python",
        )
    )
    source = read_source(place)
    assert list(source.functions) == ["softmax"]
    assert "1 of its cells are not Python" in source.notes[1]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"cells": 3}', '{"cells": [{}]}'])
def test_what_is_no_notebook_is_refused(tmp_path, text):
    place = tmp_path / "mine.ipynb"
    place.write_text(text)
    with pytest.raises(SourceError, match="no notebook"):
        read_source(place)


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text):
    with contextlib.suppress(SourceError):  # anything else would be a traceback
        assert source_of(text, "mine.py").functions


@pytest.mark.parametrize(
    ("name", "meaning"),
    [
        ("W_hidden", "W1"), ("w2", "W2"), ("b_out", "b2"), ("grad_W1", "dW1"), ("dw_2", "dW2"),
        ("y_hat", "probs"), ("one_hot_Y", "Y"), ("labels", "labels"), ("lr", "alpha"), ("a1", "A1"),
        ("delta2", "dZ2"), ("hidden", "A1"), ("biases", "b"), ("nabla_w", "dW"), ("qwerty", None),
    ],
)  # fmt: skip
def test_names_mean_what_people_mean(name, meaning):
    assert meaning_of(name) == meaning


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("back_prop", "backward"), ("forwardProp", "forward"), ("ReLU_deriv", "relu_derivative"),
        ("compute_loss", "loss"), ("update_params", "update"), ("one_hot", "one_hot"),
        ("get_predictions", None),
    ],
)  # fmt: skip
def test_functions_are_known_by_their_names(name, role):
    assert role_of(name) == role


def test_a_text_is_read_as_the_bytes_of_its_file_are():
    for text in (TEXT, "# coding: utf-8\n" + TEXT, TEXT.replace("\n", "\r\n")):
        read = code_in(text, "mine.py", notebook=False)
        assert read == code_in(text.encode(), "mine.py", notebook=False)
    cells = notebook("%pylab\nimport numpy", TEXT)
    read = code_in(cells, "mine.ipynb", notebook=True)
    assert read == code_in(cells.encode(), "mine.ipynb", notebook=True)
    assert read[0].endswith(TEXT)


def test_code_that_is_nested_too_deeply_is_refused():
    refused = ""
    for depth in (*range(900, 1000, 15), 5000):  # the deepest that Python reads, and deeper
        try:
            source_of(f"def f(x):\n    return x{'+x' * depth}\n", "mine.py")
        except SourceError as error:
            refused = str(error)
    assert "cannot read it" in refused
