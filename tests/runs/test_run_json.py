"""What a run's files may say: any bytes and any values are refused or read."""

import ast
import json
import math
import os
import re
import struct
import tracemalloc

import numpy as np
import pytest
from helpers import ROOT
from helpers.model_files import TINY, check_refused_or_the_same
from helpers.mutations import mutated
from helpers.run_files import (
    check_damaged,
    opened,
    read_or_refused,
    resealed,
    same,
    with_checkpoint,
    written,
)
from helpers.trainings import asked
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.files import seal
from chainrule.model import MODEL
from chainrule.network import count_parameters
from chainrule.runs.checkpoint import read_checkpoint
from chainrule.runs.folder import begin, open_run, start_of
from chainrule.runs.listing import list_runs
from chainrule.runs.run import CHECKPOINT, FORMAT, HISTORY, RUN, TRAJECTORY
from chainrule.runs.settings import RunError

# ---------------------------------------------------------------------------------------- run.json


@pytest.mark.parametrize("name", [RUN, MODEL, CHECKPOINT, HISTORY, TRAJECTORY])
def test_a_folder_with_a_file_that_a_run_would_write_is_refused(tmp_path, name):
    (tmp_path / name).write_text("somebody's")
    with pytest.raises(RunError, match=f"already holds a {name}; .*give --out another folder"):
        begin(tmp_path, asked())
    assert [path.read_text() for path in tmp_path.iterdir()] == ["somebody's"]


def test_run_json_comes_back_and_its_checksum_is_as_documented(tmp_path):
    begun = begin(tmp_path, asked(data="/somewhere/é", hidden=(300, 100)))
    assert open_run(tmp_path) == begun
    content = json.loads((tmp_path / RUN).read_text(encoding="utf-8"))
    assert content == resealed(content)
    _, rng = start_of(begun.settings)
    assert begun.key == int(rng.integers(2**63))
    assert open_run(written(tmp_path / "a")).settings == asked()


@pytest.mark.parametrize(
    "settings",
    [
        {"hidden": [0]}, {"hidden": 10}, {"hidden": [1.5]}, {"hidden": [True]}, {"hidden": [None]},
        {"hidden": [2**60]}, {"loss": "hinge"}, {"loss": None}, {"loss": []}, {"optimizer": "sgd"},
        {"optimizer": {}}, {"learning_rate": 0}, {"learning_rate": -1.0}, {"learning_rate": "1"},
        {"learning_rate": math.nan}, {"learning_rate": math.inf}, {"batch_size": 0},
        {"batch_size": 1.5}, {"steps": 0}, {"steps": True}, {"seed": -1}, {"seed": None},
        {"seed": 1.0}, {"data": 7}, {"epochs": "1"}, {"more": 1},
    ],
)  # fmt: skip
def test_settings_that_cannot_be_are_refused_by_name_and_value(tmp_path, settings):
    with pytest.raises(RunError, match=f"^{tmp_path / 'a' / RUN}: ") as refused:
        open_run(written(tmp_path / "a", **settings))
    ((name, value),) = settings.items()
    known = "must be data, hidden, .*, seed, .*; got 'more'$"
    says = known if name == "more" else f": the setting {name} cannot be {re.escape(repr(value))}$"
    assert re.search(says, str(refused.value))


@pytest.mark.parametrize(
    "changes",
    [
        {"key": -1}, {"key": 2**63}, {"key": 1.0}, {"key": None}, {"started": 7}, {"started": "x"},
        {"machines": []}, {"machines": {}}, {"machines": [1]}, {"data": 7}, {"data": {}},
        {"data": {"training": 1, "test": 2}}, {"settings": []}, {"settings": {}}, {"format": 1.0},
        {"format": "1"}, {"format": None}, {"more": 1},
        {"data": {"training": "a", "test": "b"}, "settings": {"steps": None}},
        {"changes": {}}, {"changes": None}, {"changes": [7]}, {"changes": [[7, 0.1]]},
        {"changes": [{"step": 7}]}, {"changes": [{"step": -1, "learning_rate": 0.1}]},
        {"changes": [{"step": 7.0, "learning_rate": 0.1}]},
        {"changes": [{"step": False, "learning_rate": 0.1}]},
        {"changes": [{"step": 7, "learning_rate": 0.0}]},
        {"changes": [{"step": 7, "learning_rate": math.inf}]},
        {"changes": [{"step": 7, "learning_rate": 1}]},
        {"changes": 2 * [{"step": 7, "learning_rate": 0.1}]},
        {"format": 1}, {"format": 2}, {"format": 3}, {"engine": "numpy"},
        {"engines": []}, {"engines": "numpy"}, {"engines": [7]}, {"engines": [{"step": 0}]},
        {"engines": [{"step": 0, "engine": ""}]}, {"engines": [{"step": 0, "engine": 7}]},
        {"engines": [{"step": 0, "engine": 41 * "x"}]}, {"engines": [{"step": 0, "engine": "é"}]},
        {"engines": [{"step": 0, "engine": "a b"}]}, {"engines": [{"step": 7, "engine": "numpy"}]},
        {"engines": [{"step": False, "engine": "numpy"}]},
        {"engines": [{"step": 0, "engine": "a"}, {"step": 0, "engine": "b"}]},
        {"engines": [{"step": 0, "engine": "a"}, {"step": 7, "engine": "a"}]},
    ],
)  # fmt: skip
def test_fields_that_cannot_be_are_refused_by_name(tmp_path, changes):
    with pytest.raises(RunError, match=f"^{tmp_path / 'a' / RUN}: ") as refused:
        open_run(written(tmp_path / "a", changes))
    name, value = changes.popitem()
    says = str(refused.value).partition(RUN)[2]
    assert name in says
    if name in ("key", "started", "machines", "data"):
        assert says == f": its {name} cannot be {value!r}"


def test_a_length_or_a_rate_is_missing_only_before_the_digits_are_read(tmp_path):
    digits = {"data": {"training": "a", "test": "b"}}
    known = {"steps": 7, "learning_rate": 0.5}
    assert open_run(written(tmp_path / "a", digits, **known)).length == 7
    for name in known:
        with pytest.raises(RunError, match=f"the setting {name} cannot be None once the digits"):
            open_run(written(tmp_path / "a", digits, **(known | {name: None})))


def test_an_edited_run_json_is_refused(tmp_path):
    begin(tmp_path, asked())
    path = tmp_path / RUN
    path.write_text(path.read_text(encoding="utf-8").replace('"seed": 3', '"seed": 4'), "utf-8")
    with pytest.raises(RunError, match="damaged or edited: its content does not match"):
        open_run(tmp_path)


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory):
    """A run whose files are to be mutated, and their content."""
    a_run = with_checkpoint(tmp_path_factory.mktemp("fuzzed"), asked(steps=4))
    names = (RUN, CHECKPOINT)
    return a_run, read_checkpoint(a_run), {n: (a_run.folder / n).read_bytes() for n in names}


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_a_mutated_run_json_is_refused_or_the_same(fuzzed, data):
    a_run, _, whole = fuzzed
    (a_run.folder / RUN).write_bytes(data.draw(mutated(whole[RUN]) | st.binary(max_size=200)))
    assert opened(a_run.folder) in (a_run, None)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=8), inside),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_any_values_in_a_run_json_whose_checksum_fits_are_refused_or_make_a_run(fuzzed, data):
    a_run, _, whole = fuzzed
    content = json.loads(whole[RUN])
    place = data.draw(st.sampled_from([content, content["settings"]]))
    place[data.draw(st.sampled_from(sorted(place)))] = data.draw(JSON)
    (a_run.folder / RUN).write_text(json.dumps(resealed(content)), encoding="utf-8")
    found = opened(a_run.folder)
    assert found is None or found.sizes[0] == 784


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_a_mutated_checkpoint_is_refused_or_the_same(fuzzed, data):
    a_run, wanted, whole = fuzzed
    check_damaged(a_run, wanted, data.draw(mutated(whole[CHECKPOINT]) | st.binary(max_size=200)))


@settings(max_examples=200, deadline=None)
@given(name=st.sampled_from(["step", "losses", "seconds", "recorded", "run", "format"]), value=JSON)
def test_any_values_in_a_checkpoint_whose_checksum_fits_are_refused_or_read(fuzzed, name, value):
    a_run, wanted, _ = fuzzed
    fields = {
        "format": FORMAT, "run": a_run.identity(2), "step": 2, "losses": [0.5, 1], "seconds": 0.25,
        "recorded": 3, name: value,
    }  # fmt: skip
    state = np.concatenate([wanted.parameters[None], wanted.memory])
    found = read_or_refused(a_run, seal(fields, {"state": state, "history": wanted.history}))
    if found is not None:
        assert same(found[:4], wanted[:4])


@pytest.mark.long
@settings(max_examples=20_000, deadline=None)
@given(data=st.data())
def test_a_long_campaign_against_the_readers(fuzzed, data):
    campaign = (
        test_a_mutated_run_json_is_refused_or_the_same,
        test_any_values_in_a_run_json_whose_checksum_fits_are_refused_or_make_a_run,
        test_a_mutated_checkpoint_is_refused_or_the_same,
    )
    data.draw(st.sampled_from(campaign)).hypothesis.inner_test(fuzzed, data)
    check_refused_or_the_same(fuzzed[0].folder, data.draw(mutated(TINY)))


def test_a_checkpoint_takes_no_more_memory_than_it_fills(tmp_path):
    a_run = with_checkpoint(tmp_path, asked(steps=4))
    n = 10**12
    header = {"__metadata__": {"chainrule": json.dumps({
        "format": FORMAT, "run": a_run.identity(2), "step": 2, "losses": [0.5, 1], "seconds": 0.25,
        "recorded": 3, "sha256": "0" * 64,
    })}}  # fmt: skip
    for end in (4 * n, 400):
        header["state"] = {"dtype": "F32", "shape": [1, n], "data_offsets": [0, end]}
        text = json.dumps(header).encode()
        damaged = struct.pack("<Q", len(text)) + text + bytes(400)
        tracemalloc.start()
        assert read_or_refused(a_run, damaged) is None
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
        tracemalloc.stop()


def pretend(path, states, tail=b""):
    """A sparse file whose header promises a state of this shape, and a history; no state in it."""
    header_length = int.from_bytes(path.read_bytes()[:8], "little")
    header = json.loads(path.read_bytes()[8 : 8 + header_length])
    rows = header["history"]["shape"][0]
    end = 4 * math.prod(states)
    header["state"] = {
        "dtype": "F32",
        "shape": states,
        "data_offsets": [56 * rows, 56 * rows + end],
    }
    header["history"]["data_offsets"] = [0, 56 * rows]
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + tail)
    os.truncate(path, 8 + len(text) + 56 * rows + end)


def test_a_sparse_checkpoint_of_another_size_is_refused_before_it_is_read(tmp_path):
    (tmp_path / "a").mkdir()
    a_run = with_checkpoint(tmp_path / "a", asked(steps=4))
    path = tmp_path / "a" / CHECKPOINT
    pretend(path, [2, 500_000_000])
    assert path.stat().st_blocks * 512 < 100_000
    tracemalloc.start()
    with pytest.raises(RunError, match=r"state must be float32 of shape \(2, 7960\), got .*500000"):
        read_checkpoint(a_run)
    [refused] = list_runs(tmp_path)
    assert isinstance(refused, RunError)
    assert tracemalloc.get_traced_memory()[1] < 2_000_000
    tracemalloc.stop()


def test_a_list_reads_no_state(tmp_path):
    """25 MB of it that are not even there; who reads it finds that they are not those sealed."""
    (tmp_path / "a").mkdir()
    a_run = with_checkpoint(tmp_path / "a", asked(hidden=(4000,), steps=4))
    path = tmp_path / "a" / CHECKPOINT
    history = read_checkpoint(a_run).history
    pretend(path, [2, count_parameters((784, 4000, 10))], history.astype("<f8").tobytes())
    tracemalloc.start()
    [entry] = list_runs(tmp_path)
    assert tracemalloc.get_traced_memory()[1] < 2_000_000
    tracemalloc.stop()
    assert (entry.step, entry.loss) == (2, 1 / 5)
    with pytest.raises(RunError, match="damaged: its content does not match its checksum"):
        read_checkpoint(a_run)


# ------------------------------------------------------------------------------- no code in files


def test_no_file_is_ever_unpickled_or_run():
    # What workers of a cluster are sent is pickled, as Ray itself does; a file never is.
    messages = ROOT / "src/chainrule/bridges/elsewhere.py"
    # A file that somebody wants graded is run, in a process of its own; that is what it is for.
    graded = ROOT / "src/chainrule/explain/grade/runner.py"
    for path in set((ROOT / "src").rglob("*.py")) - {messages, graded}:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module, *(alias.name for alias in node.names)]
            elif isinstance(node, ast.Attribute):
                names = [node.attr] if node.attr in ("eval", "exec") else []
            elif isinstance(node, ast.Name):
                names = [node.id]
            elif isinstance(node, ast.keyword):
                names = [node.arg]
            parts = {part for name in names if name for part in name.split(".")}
            forbidden = {"pickle", "marshal", "shelve", "dill", "allow_pickle", "eval", "exec"}
            assert not parts & forbidden, f"{path}:{node.lineno}"
    text = graded.read_text(encoding="utf-8")
    assert not re.search(r"pickle|marshal|shelve|dill|\beval\b", text)
