"""Somebody else's file in a process of its own: within its limits, whatever it does."""

import io
import os
import threading
import time

import numpy as np
import pytest
from helpers import PATIENCE
from hypothesis import given
from hypothesis import strategies as st

from chainrule.explain.grade.attempt import Attempt
from chainrule.explain.grade.frames import FrameError, Opaque, Slot, pack, unpack

plain = st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(allow_nan=False)
plain |= st.text(max_size=8)
nested = st.lists(plain, max_size=3) | st.dictionaries(st.text(max_size=4), plain, max_size=3)
values = plain | st.lists(nested, max_size=3) | st.tuples(nested, plain)


@given(values)
def test_values_travel_and_come_back_as_they_were(value):
    assert unpack(io.BytesIO(pack(value))) == value


@given(st.binary(max_size=200), st.integers(0, 255))
def test_what_is_no_frame_is_refused_and_never_run(data, place):
    frame = bytearray(pack({"a": [np.arange(3.0)]}))
    frame[place % len(frame)] ^= max(1, data[0]) if data else 1
    for damaged in (data, bytes(frame), bytes(frame[:place])):
        try:
            unpack(io.BytesIO(damaged))
        except (FrameError, EOFError):
            continue


def test_arrays_travel_without_pickle():
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    found = unpack(
        io.BytesIO(pack({"x": (array, array.T), "o": np.array([object()]), "s": Slot("a")}))
    )
    assert np.array_equal(found["x"][0], array)
    assert found["x"][0].dtype == np.float32
    assert np.array_equal(found["x"][1], array.T)
    assert isinstance(found["o"], Opaque)


def called(text, function="f", **named):
    with Attempt(text, "mine.py", seconds=0.5) as attempt:
        loaded = attempt.load()
        return loaded, attempt.call(function, named)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("while True: pass", "still running"),
        ("import numpy; return numpy.ones((10**6, 10**6))", "memory"),
        ("input('name? ')", "nobody types"),
        ("import os; os._exit(3)", "exit code 3"),
        ("raise SystemExit(2)", "SystemExit"),
        ("import socket; socket.create_connection(('127.0.0.1', 9))", "network"),
        ("import subprocess; subprocess.run(['true'])", "other programs"),
        ("import os; os.fork()", "other programs"),
        ("[print('x' * 10_000) for _ in range(1000)]", "prints more"),
        ("open('big', 'wb').write(bytes(10**7))", "File too large"),
        ("return f()", "RecursionError"),
        ("return W3", "W3"),
        ("raise NotImplementedError", "not written yet"),
    ],
)
def test_what_a_file_may_not_do_is_one_sentence(body, says):
    _, answer = called(f"def f():\n    {body}\n")
    assert says in answer.trouble.in_words()
    assert "\n" not in answer.trouble.in_words()


def test_it_changes_no_file_of_ours(tmp_path):
    kept = tmp_path / "kept"
    kept.write_text("mine")
    for act in (f"open({str(kept)!r}, 'w')", f"__import__('os').remove({str(kept)!r})"):
        _, answer = called(f"def f():\n    {act}\n")
        assert "file" in answer.trouble.in_words()
        assert kept.read_text() == "mine"


def test_its_folder_and_its_process_are_gone_afterwards():
    with Attempt("def f():\n    open('a', 'w').write('b')\n", "mine.py") as attempt:
        attempt.load()
        assert attempt.call("f").trouble is None
        folder, process = attempt.folder.name, attempt.process
        assert os.path.exists(f"{folder}/a")  # noqa: PTH110
    assert not os.path.exists(folder)  # noqa: PTH110
    assert process.returncode is not None


def test_after_an_endless_loop_the_file_is_known_again():
    text = "import os\ndef f():\n    os._exit(1)\ndef g():\n    return 7\n"
    with Attempt(text, "mine.py") as attempt:
        attempt.load()
        assert attempt.call("f").trouble.kind == "Ended"
        assert attempt.call("g").value == 7


def test_code_that_fails_at_the_top_leaves_the_definitions():
    loaded, answer = called(
        "import nothing_here\nK = 2\ndef f():\n    return K\nopen('train.csv')\n"
    )
    assert not loaded.whole
    assert "nothing_here" in loaded.trouble.in_words()
    assert answer.value == 2


def test_arguments_are_not_changed_by_what_a_file_does_in_place():
    X = np.ones(3)
    _, answer = called("def f(X):\n    X += 1\n    return X\n", X=X)
    assert np.array_equal(answer.value, [2, 2, 2])
    assert np.array_equal(X, [1, 1, 1])


def test_all_calls_together_have_a_limit():
    with Attempt("def f():\n    return 1\n", "mine.py", whole=0) as attempt:
        assert attempt.load().trouble.kind == "OutOfTime"
        assert attempt.call("f").trouble.kind == "OutOfTime"
        assert attempt.process is None


def test_who_waits_for_an_endless_loop_can_be_told_to_stop():
    with Attempt("while True: pass\n", "mine.py", seconds=600) as attempt:
        found = []
        waits = threading.Thread(target=lambda: found.append(attempt.load()))
        waits.start()
        while attempt.process is None:
            time.sleep(0.01)
        attempt.stop()
        waits.join(PATIENCE)
        assert found[0].trouble.kind == "OutOfTime"
        assert attempt.call("f").trouble.kind == "OutOfTime"
