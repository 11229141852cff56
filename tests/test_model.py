"""The model file: what is saved comes back bit for bit, and nothing else is ever loaded.

Files are also made here by hand, with a checksum computed as docs/reference/files.md says, so that
each refusal is for the one thing that is wrong.
"""

import errno
import json
import os
import re
import stat
from pathlib import Path

import numpy as np
import pytest
import safetensors
import safetensors.numpy
from helpers import ROOT, run
from helpers.model_files import (
    TINY,
    a_network,
    arrays_of,
    check_refused_or_the_same,
    checksum,
    entry,
    model_file,
    same,
    tiny,
)
from helpers.mutations import mutated
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule import ModelError, Network, evaluate, load_bundled, load_model, predict, save_model
from chainrule.files import make_folder, open_regular, shallow
from chainrule.model import bundled, bundled_models

SIZES = [(784, 10, 10), (3, 2, 2), (4, 3), (5, 4, 3, 2)]
LOSSES = ["squared_error", "cross_entropy"]
DTYPES = ["float32", "float64"]


def saved(network, folder):
    save_model(network, folder / "model.safetensors")
    return (folder / "model.safetensors").read_bytes()


def by_hand(header, data=b""):
    """A safetensors file: the length of its header, the header in JSON, the data."""
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def refusal(content, folder):
    """The message of the ModelError for these bytes; it is one line that names the file."""
    path = folder / "bad.safetensors"
    path.write_bytes(content)
    with pytest.raises(ModelError) as caught:
        load_model(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert message.isprintable()  # so there is no line break, nor anything a terminal obeys
    return message


# ----------------------------------------------------------------------------------- there and back


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("sizes", SIZES)
def test_what_is_saved_comes_back_bit_for_bit(tmp_path, sizes, loss, dtype):
    network = a_network(sizes, loss, dtype)
    path = tmp_path / "any name at all"
    save_model(network, path)
    assert same(load_model(path), network)
    assert same(load_model(str(path)), network)
    assert sorted(tmp_path.iterdir()) == [path]


def test_extreme_values_and_negative_zero_come_back(tmp_path):
    network = a_network(dtype="float32")
    info = np.finfo(np.float32)
    network.parameters[:5] = [-0.0, info.max, -info.max, info.smallest_subnormal, info.eps]
    saved(network, tmp_path)
    assert same(load_model(tmp_path), network)


def test_a_folder_is_read_through_its_model_file(tmp_path):
    network = a_network()
    saved(network, tmp_path)
    assert same(load_model(tmp_path), network)
    assert same(load_model(str(tmp_path)), network)


def test_the_same_network_gives_the_same_bytes_in_any_folder(tmp_path):
    network = a_network((784, 10, 10))
    copy = Network(network.sizes, network.parameters.copy(), network.loss)
    contents = set()
    for k in range(10):
        folder = tmp_path / f"folder {k}"
        folder.mkdir()
        contents.add(saved(copy if k % 2 else network, folder))
    assert len(contents) == 1


def test_another_loss_dtype_or_parameter_gives_other_bytes(tmp_path):
    networks = [
        a_network(),
        a_network(loss="cross_entropy"),
        a_network(dtype="float64"),
        a_network(seed=2),
        a_network((4, 3)),
    ]
    assert len({saved(network, tmp_path) for network in networks}) == len(networks)


def every_second(values):
    wide = np.full((values.size, 2), 9, values.dtype)
    wide[:, 0] = values
    return wide[:, 0]


def backwards(values):
    return values[::-1].copy()[::-1]


def one_of_a_stack(values):
    return np.stack([values * 2, values, values * 3], axis=1).T[1]


@pytest.mark.parametrize("view", [every_second, backwards, one_of_a_stack])
@pytest.mark.parametrize("dtype", DTYPES)
def test_parameters_that_do_not_lie_in_one_piece_are_saved_right(tmp_path, view, dtype):
    network = a_network((5, 4, 3, 2), dtype=dtype)
    strided = Network(network.sizes, view(network.parameters), network.loss)
    assert not strided.parameters.flags.c_contiguous
    assert not strided.layers[0][0].flags.c_contiguous  # safetensors 0.8.0 saves such arrays wrong
    assert saved(strided, tmp_path) == saved(network, tmp_path)
    assert same(load_model(tmp_path), network)


def test_saving_over_a_model_replaces_it(tmp_path):
    saved(a_network((784, 10, 10)), tmp_path)
    saved(a_network(), tmp_path)
    assert same(load_model(tmp_path), a_network())
    assert [path.name for path in tmp_path.iterdir()] == ["model.safetensors"]


# ---------------------------------------------------------------------- the file as others see it


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("sizes", SIZES)
def test_safetensors_alone_reads_the_documented_file(tmp_path, sizes, loss, dtype):
    network = a_network(sizes, loss, dtype)
    saved(network, tmp_path)
    with safetensors.safe_open(tmp_path / "model.safetensors", framework="np") as file:
        metadata = file.metadata()
        came = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    arrays = arrays_of(network)
    assert set(came) == set(arrays)
    for name, array in arrays.items():
        assert came[name].dtype == array.dtype == dtype
        assert came[name].shape == array.shape
        assert came[name].tobytes() == array.tobytes()
    assert list(metadata) == ["chainrule"]
    fields = json.loads(metadata["chainrule"])
    assert list(fields) == ["format", "loss", "sha256", "weight_decay"]
    wanted = {"format": 2, "loss": loss, "weight_decay": 0.0}
    assert fields == {**wanted, "sha256": checksum(wanted, arrays)}


def test_a_file_made_by_hand_is_the_saved_one(tmp_path):
    assert model_file(tiny()) == saved(a_network(), tmp_path)


def test_a_recorded_file_is_read(tmp_path):
    data = np.arange(11, dtype="<f4").tobytes()
    spans = {"W1": ([2, 3], 0, 24), "b1": ([2, 1], 24, 32), "W2": ([1, 2], 32, 40)}
    spans["b2"] = ([1, 1], 40, 44)
    header = {
        name: {"dtype": "F32", "shape": shape, "data_offsets": [start, end]}
        for name, (shape, start, end) in spans.items()
    }
    sha256 = "8a8b17885b25e28e17202bc32cb1bcef38897252b25164f3ecf6310064b844c6"
    header["__metadata__"] = {
        "chainrule": f'{{"format": 1, "loss": "cross_entropy", "sha256": "{sha256}"}}'
    }
    (tmp_path / "model.safetensors").write_bytes(by_hand(header, data))
    network = load_model(tmp_path)
    assert repr(network) == "Network 3 → 2 → 1, cross entropy, 11 parameters, float32"
    assert network.parameters.tolist() == list(range(11))


# ------------------------------------------------------------------------------------ refused files


def test_a_file_cut_at_any_length_is_refused(tmp_path):
    content = saved(a_network(), tmp_path)
    for length in range(len(content)):
        refusal(content[:length], tmp_path)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_flipped_bit_never_gives_another_network(tmp_path, dtype):
    network = a_network(dtype=dtype)
    content = saved(network, tmp_path)
    path = tmp_path / "flipped"
    for bit in range(8 * len(content)):
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        try:
            loaded = load_model(path)
        except ModelError:
            continue
        assert same(loaded, network)


NAN = np.array([[0.5], [np.nan]], np.float32)
INFINITE = np.array([[0.5], [-np.inf]], np.float32)
EMPTY = np.zeros((2, 0), np.float32)
EMPTY_ROWS = np.zeros((0, 1), np.float32)
METADATA = {"chainrule": entry(tiny())}
SAVE = safetensors.numpy.save
F32 = {"dtype": "F32", "shape": [1, 1], "data_offsets": [0, 4]}


def halves(kind):
    """A whole 1 → 1 network by a header of our own, each number two bytes of this kind."""
    W1, b1 = ({"dtype": kind, "shape": [1, 1], "data_offsets": span} for span in ([0, 2], [2, 4]))
    return by_hand({"W1": W1, "b1": b1, "__metadata__": METADATA}, bytes(4))


def huge(shape):
    """Arrays of no bytes whose shapes NumPy cannot even make."""
    array = {"dtype": "F32", "shape": shape, "data_offsets": [0, 0]}
    return by_hand({"W1": array, "b1": array, "__metadata__": METADATA})


REFUSED = {
    # not one of ours
    "empty": (b"", "not a whole safetensors file"),
    "text": (b"hello, this is not a model at all", "not a whole safetensors file"),
    "zeros": (bytes(100), "not a whole safetensors file"),
    "bytes after the end": (model_file(tiny()) + b"\0", "not a whole safetensors file"),
    "two files in one": (model_file(tiny()) * 2, "not a whole safetensors file"),
    "a huge header": ((2**63).to_bytes(8, "little") + b"{}", "not a whole safetensors file"),
    "somebody else's": (SAVE({"fc.weight": np.ones((2, 2))}, {"format": "pt"}), "not a chainrule"),
    "no metadata": (SAVE(tiny()), "not a chainrule file"),
    "other metadata": (SAVE(tiny(), {"format": "np"}), "not a chainrule file"),
    "more metadata": (SAVE(tiny(), {**METADATA, "format": "np"}), "not a chainrule file"),
    # names
    "no arrays": (SAVE({}, METADATA), "W1, b1"),
    "an array more": (model_file(tiny(W3=np.ones((2, 2), np.float32))), "W3"),
    "a layer left out": (model_file(tiny(W1=None, b1=None)), "W1, b1"),
    "a layer skipped": (model_file({**tiny(W2=None, b2=None, W3=NAN.T, b3=NAN[:1])}), "W3"),
    "other names": (model_file({n.lower() + "_": a for n, a in tiny().items()}), "w1_"),
    "layers from 0": (model_file({f"{n[0]}{int(n[1]) - 1}": a for n, a in tiny().items()}), "W0"),
    "a name of two lines": (SAVE({"W\n1": NAN, "\x1b[2J": NAN}, METADATA), "W1, b1"),
    # shapes
    "W1 transposed": (model_file(tiny(W1=np.ones((3, 2), np.float32))), "(3, 1)"),
    "W2 too wide": (model_file(tiny(W2=np.ones((2, 3), np.float32))), "(2, 2)"),
    "b1 too long": (model_file(tiny(b1=np.ones((3, 1), np.float32))), "(3, 1)"),
    "b2 a row": (model_file(tiny(b2=np.ones((1, 2), np.float32))), "(1, 2)"),
    "b2 two columns": (model_file(tiny(b2=np.ones((2, 2), np.float32))), "(2, 1)"),
    "b1 of one axis": (model_file(tiny(b1=np.ones(2, np.float32))), "matrices"),
    "W1 of one axis": (model_file(tiny(W1=np.ones(6, np.float32))), "matrices"),
    "W1 of three axes": (model_file(tiny(W1=np.ones((1, 2, 3), np.float32))), "matrices"),
    "b2 a number": (model_file(tiny(b2=np.array(1, np.float32))), "matrices"),
    "no inputs": (model_file(tiny(W1=EMPTY)), "matrices"),
    "no units": (model_file(tiny(W1=EMPTY.T, b1=EMPTY_ROWS, W2=EMPTY)), "matrices"),
    "all empty": (model_file({"W1": EMPTY.T, "b1": EMPTY_ROWS}), "matrices"),
    "too many axes": (huge([0] * 70), "matrices"),
    "too long an axis": (huge([2**63, 0]), "matrices"),
    "too large a product": (huge([0, 2**40, 2**40]), "matrices"),
    # types
    "float16": (model_file({n: a.astype(np.float16) for n, a in tiny().items()}), "F16"),
    "bfloat16": (halves("BF16"), "BF16"),
    "int16": (halves("I16"), "I16"),
    "int64": (SAVE({n: a.astype(np.int64) for n, a in tiny().items()}, METADATA), "I64"),
    "one bool": (SAVE(tiny(b2=np.ones((2, 1), bool)), METADATA), "BOOL"),
    "one float64": (model_file(tiny(b2=np.ones((2, 1)))), "float64"),
    "W1 float64": (model_file(tiny(W1=np.ones((2, 3)))), "float64"),
    "an unknown type": (by_hand({"W1": {**F32, "dtype": "F\n32"}}, bytes(4)), "safetensors"),
    # fields
    "entry empty": (SAVE(tiny(), {"chainrule": ""}), "not JSON"),
    "entry text": (SAVE(tiny(), {"chainrule": "format 1"}), "not JSON"),
    "entry cut": (SAVE(tiny(), {"chainrule": entry(tiny())[:-1]}), "not JSON"),
    "entry a list": (SAVE(tiny(), {"chainrule": '["format", "loss", "sha256"]'}), "format 1 and 2"),
    "entry a number": (SAVE(tiny(), {"chainrule": "1"}), "format 1 and 2"),
    "entry null": (SAVE(tiny(), {"chainrule": "null"}), "format 1 and 2"),
    "entry of no fields": (SAVE(tiny(), {"chainrule": "{}"}), "format 1 and 2"),
    "entry not text": (
        by_hand({"W1": F32, "__metadata__": {"chainrule": 1}}, bytes(4)),
        "safetensors",
    ),
    "many digits": (SAVE(tiny(), {"chainrule": '{"format": %s}' % ("9" * 9999)}), "not JSON"),
    "entry spaced": (SAVE(tiny(), {"chainrule": " " + entry(tiny())}), ""),
    "a field twice": (SAVE(tiny(), {"chainrule": '{"format": 3, ' + entry(tiny())[1:]}), ""),
    "a field more": (model_file(tiny(), author="me"), "fields must be"),
    "format 3": (model_file(tiny(), format=3), "reads format 1 and 2, the file has 3"),
    "format 0": (model_file(tiny(), format=0), "reads format 1 and 2, the file has 0"),
    "format text": (model_file(tiny(), format="1"), "reads format 1 and 2, the file has '1'"),
    "format true": (model_file(tiny(), format=True), ""),
    "format 1.0": (model_file(tiny(), format=1.0), ""),
    "format of two lines": (model_file(tiny(), format="1\n2"), "reads format 1 and 2"),
    "format 1 with weight decay": (
        model_file(tiny(), format=1),
        "fields must be format, loss, sha",
    ),
    "format infinite": (SAVE(tiny(), {"chainrule": '{"format": 1e999}'}), "inf"),
    "loss unknown": (model_file(tiny(), loss="hinge"), "hinge"),
    "loss spaced": (model_file(tiny(), loss="squared error"), "squared_error"),
    "loss null": (model_file(tiny(), loss=None), "None"),
    "loss a list": (model_file(tiny(), loss=["squared_error"]), "squared_error"),
    # content
    "NaN": (model_file(tiny(b2=NAN)), "not finite"),
    "infinity": (model_file(tiny(b1=INFINITE)), "not finite"),
    "checksum of zeros": (model_file(tiny(), sha256="0" * 64), "checksum"),
    "checksum null": (model_file(tiny(), sha256=None), "checksum"),
    "checksum a list": (model_file(tiny(), sha256=[]), "checksum"),
    "biases exchanged": (SAVE(tiny(b1=tiny()["b2"], b2=tiny()["b1"]), METADATA), "checksum"),
    "one weight changed": (SAVE(tiny(W1=tiny()["W1"] * 2), METADATA), "checksum"),
    "another loss": (
        model_file(
            tiny(),
            loss="cross_entropy",
            sha256=checksum({"format": 1, "loss": "squared_error"}, tiny()),
        ),
        "checksum",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_a_whole_model_is_refused(tmp_path, case):
    content, said = REFUSED[case]
    assert said in refusal(content, tmp_path)


@pytest.mark.parametrize("missing", ["W1", "b1", "W2", "b2"])
def test_a_model_without_one_array_is_refused(tmp_path, missing):
    assert "W1, b1" in refusal(model_file(tiny(**{missing: None})), tmp_path)


@pytest.mark.parametrize("field", ["format", "loss", "sha256"])
def test_a_model_without_one_field_is_refused(tmp_path, field):
    fields = json.loads(METADATA["chainrule"])
    del fields[field]
    assert "format" in refusal(SAVE(tiny(), {"chainrule": json.dumps(fields)}), tmp_path)


def test_a_model_of_a_newer_format_is_called_that_whatever_else_is_new_in_it(tmp_path):
    arrays = {"kernel": np.ones((2, 2, 2), np.float16)}
    message = refusal(model_file(arrays, format=17, loss="new", units="new"), tmp_path)
    assert "reads format 1 and 2, the file has 17" in message


@pytest.mark.parametrize("opening", ["[", '{"format": ', '{"format": 1, "loss": "a", "sha256": '])
def test_an_entry_nested_to_any_depth_is_refused(tmp_path, opening):
    for depth in (1, 10, 100, *range(900, 1100, 5), 100_000):
        text = opening * depth + "1" + opening[0].translate({91: "]", 123: "}"}) * depth
        json.loads(text) if depth < 100 else None  # it is JSON
        refusal(SAVE(tiny(), {"chainrule": text}), tmp_path)


@pytest.mark.parametrize("layers", [1001, 20_000])
def test_a_model_of_too_many_layers_is_refused_before_any_is_read(tmp_path, layers):
    spans, header = 0, {"__metadata__": METADATA}
    for l in range(1, layers + 1):
        for kind in "Wb":
            span = {"data_offsets": [spans, spans + 4], "shape": [1, 1], "dtype": "F32"}
            header[f"{kind}{l}"] = span
            spans += 4
    message = refusal(by_hand(header, bytes(spans)), tmp_path)
    assert re.search(r"may have 2,000 arrays, it has [\d,]+$", message)


def test_a_model_of_too_many_parameters_is_refused_before_they_are_read(tmp_path):
    """A sparse file of 40 GB, which has a few hundred bytes on the disk."""
    n = 10**10
    shapes = {"W1": [1, n], "b1": [1, 1]}
    header = {"__metadata__": METADATA}
    end = 0
    for name, shape in shapes.items():
        start, end = end, end + 4 * shape[0] * shape[1]
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [start, end]}
    path = tmp_path / "model.safetensors"
    path.write_bytes(by_hand(header))
    os.truncate(path, path.stat().st_size + end)
    with pytest.raises(
        ModelError, match="may have 100,000,000 parameters, this one has 10,000,000"
    ):
        load_model(path)


def test_a_header_of_more_than_10_megabytes_is_refused(tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes((10**7 + 1).to_bytes(8, "little") + b"{}")
    os.truncate(path, 10**8)
    with pytest.raises(ModelError, match="header may have 10,000,000 bytes, it has 10,000,001"):
        load_model(path)


def test_json_is_read_to_a_stated_depth_and_no_further():
    def nested(depth, text):
        return "[" * depth + text + "]" * depth

    text = json.dumps('[[[[{{{{ " \\ \n é')
    for depth in (0, 1, 63, 64):
        assert json.loads(shallow(nested(depth, text))) == json.loads(nested(depth, text))
    for deep in (
        nested(65, text),
        '{"a":' * 65 + "1" + "}" * 65,
        "[" * 10**6,
        "[[" + nested(64, ""),
    ):
        with pytest.raises(ValueError, match="nested too deeply"):
            shallow(deep)
    assert shallow("]" * 10 + "[" * 74) != ""
    # Strings that do not end, too, are looked at once: in the square of the time these take hours.
    for text in ('"' * 999_999, '"\\' * 500_000, '"\\"' * 300_000, "[]" * 500_000, "[{" * 30):
        assert shallow(text) == text


def test_a_pipe_and_a_device_are_no_model(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(OSError, match="is not a file that can be read again"):
            load_model(path)


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="this system cannot refuse links at once")
@pytest.mark.parametrize("mode", ["rb", "r+b", "wb"])
def test_a_link_that_comes_at_the_last_moment_is_not_followed(tmp_path, monkeypatch, mode):
    (tmp_path / "file").write_text("somebody's")
    (tmp_path / "link").symlink_to("file")
    monkeypatch.setattr(Path, "is_symlink", lambda _: False)
    with pytest.raises(OSError, match="link"):
        open_regular(tmp_path / "link", mode)
    assert (tmp_path / "file").read_text() == "somebody's"


def test_a_model_may_be_reached_by_a_link(tmp_path):
    saved(a_network(), tmp_path)
    (tmp_path / "link").symlink_to("model.safetensors")
    assert same(load_model(tmp_path / "link"), a_network())


def test_a_missing_file_and_a_folder_without_a_model_are_FileNotFoundErrors(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.safetensors"):
        load_model(tmp_path / "none.safetensors")
    with pytest.raises(FileNotFoundError, match=r"model\.safetensors"):
        load_model(tmp_path)


def test_a_folder_in_the_place_of_the_model_is_an_OSError(tmp_path):
    (tmp_path / "model.safetensors").mkdir()
    with pytest.raises(OSError, match=r"model\.safetensors"):
        load_model(tmp_path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("model")


@settings(max_examples=100, deadline=None)
@given(header=st.binary(max_size=200), data=st.binary(max_size=60))
def test_random_bytes_are_refused(folder, header, data):
    check_refused_or_the_same(folder, header)
    check_refused_or_the_same(folder, len(header).to_bytes(8, "little") + header + data)


@settings(max_examples=200, deadline=None)
@given(content=mutated(TINY))
def test_a_mutated_model_is_refused_or_the_same(folder, content):
    check_refused_or_the_same(folder, content)


@settings(max_examples=200, deadline=None)
@given(text=mutated(TINY[8 : TINY.index(b"}}") + 2]))
def test_a_model_with_a_mutated_header_is_refused_or_the_same(folder, text):
    # With the length set right the mutation reaches what lies behind the first check.
    data = TINY[-44:]
    check_refused_or_the_same(folder, len(text).to_bytes(8, "little") + text + data)


# ------------------------------------------------------------------------------------------ writing


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        (np.zeros((2, 14), np.float32), "2 networks"),
        (np.zeros((1, 14), np.float32), "1 network"),
        (np.zeros(14, np.float16), "float16"),
        (np.zeros(14, ">f4"), "one float32 or float64"),
        (np.full(14, np.nan, np.float32), "finite"),
        (np.full(14, -np.inf), "finite"),
        (np.append(np.zeros(13), np.nan), "finite"),
    ],
)
def test_what_a_model_file_cannot_hold_is_not_saved_and_the_old_file_stands(
    tmp_path, parameters, said
):
    before = saved(a_network(), tmp_path)
    path = tmp_path / "model.safetensors"
    with pytest.raises(ValueError, match=said):
        save_model(Network((3, 2, 2), parameters), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_save_changes_nothing_in_the_network(tmp_path):
    network = a_network()
    network.parameters.flags.writeable = False
    before = network.parameters.tobytes()
    saved(network, tmp_path)
    assert network.parameters.tobytes() == before


def fail_with(error):
    def fail(*_):
        raise error

    return fail


@pytest.mark.parametrize("step", ["fsync", "replace"])
@pytest.mark.parametrize("error", [OSError("the disk is full"), KeyboardInterrupt()])
def test_a_write_that_fails_midway_leaves_the_old_file_and_nothing_else(
    tmp_path, monkeypatch, step, error
):
    before = saved(a_network(), tmp_path)
    path = tmp_path / "model.safetensors"
    with monkeypatch.context() as patch:
        patch.setattr(os, step, fail_with(error))
        with pytest.raises(type(error)):
            save_model(a_network((784, 10, 10)), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_first_write_that_fails_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", fail_with(OSError("the disk is full")))
    with pytest.raises(OSError, match="disk is full"):
        save_model(a_network(), tmp_path / "model.safetensors")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "O_DIRECTORY"), reason="this system syncs no folders")
def test_the_whole_file_is_on_disk_before_it_takes_the_place_of_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "model.safetensors"
    before = saved(a_network(), tmp_path)
    seen = []

    def fsync(handle):
        kind = os.fstat(handle)
        seen.append("folder" if stat.S_ISDIR(kind.st_mode) else kind.st_size)
        seen.append(path.read_bytes() == before)

    monkeypatch.setattr(os, "fsync", fsync)
    after = saved(a_network((5, 4, 3, 2)), tmp_path)
    assert seen == [len(after), True, "folder", False]


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES, errno.EROFS])
def test_what_fails_names_the_file_that_was_to_be_written(tmp_path, monkeypatch, call, code):
    path = tmp_path / "model.safetensors"

    def fail(*names):
        raise OSError(code, os.strerror(code), *(str(name) for name in names if call == "replace"))

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(OSError, match=os.strerror(code)) as caught:
        save_model(a_network(), path)
    assert (caught.value.filename, caught.value.filename2) == (str(path), None)
    assert caught.value.errno == code


def test_a_missing_folder_is_named_with_the_users_file(tmp_path):
    path = tmp_path / "none" / "model.safetensors"
    with pytest.raises(FileNotFoundError) as caught:
        save_model(a_network(), path)
    assert caught.value.filename == str(path)


@pytest.mark.parametrize("code", [errno.EINVAL, errno.EOPNOTSUPP, errno.ENOTSUP])
def test_a_file_system_that_knows_no_fsync_of_folders_is_good_enough(tmp_path, monkeypatch, code):
    fsync = os.fsync

    def of_files(handle):
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(code, os.strerror(code))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", of_files)
    saved(a_network(), tmp_path)
    assert same(load_model(tmp_path), a_network())
    make_folder(tmp_path / "a/b")
    monkeypatch.setattr(os, "fsync", fail_with(OSError(errno.EIO, "broken")))
    with pytest.raises(OSError, match="broken"):
        make_folder(tmp_path / "c/d")
    assert not (tmp_path / "c").exists()


@pytest.mark.skipif(not hasattr(os, "O_DIRECTORY"), reason="this system syncs no folders")
def test_each_folder_above_a_new_one_is_on_disk(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(os.fstat(handle).st_ino))
    made = make_folder(tmp_path / "a/b/c")
    assert made == [tmp_path / "a/b/c", tmp_path / "a/b", tmp_path / "a"]
    assert synced == [path.stat().st_ino for path in (tmp_path, tmp_path / "a", tmp_path / "a/b")]
    with pytest.raises(FileExistsError):
        make_folder(tmp_path / "a/b")
    assert make_folder(tmp_path / "a/b", exist_ok=True) == []


def test_a_folder_that_does_not_exist_or_a_folder_as_the_file_is_an_OSError(tmp_path):
    with pytest.raises(OSError, match="none"):
        save_model(a_network(), tmp_path / "none" / "model.safetensors")
    place = tmp_path / "place"
    place.mkdir()
    with pytest.raises(OSError, match="place"):
        save_model(a_network(), Path(place))
    assert list(tmp_path.iterdir()) == [place]
    assert list(place.iterdir()) == []


# ----------------------------------------------------------------- the two models in the package


# The table of docs/reference/files.md, by name, and the machine it says they were made with.
FILES = (ROOT / "docs/reference/files.md").read_text(encoding="utf-8")
ROW = re.compile(
    r"^\| `(\w+)` \| ([\d →]+), ([\w-]+ ?\w*) \| `chainrule ([^`]+)` \| ([\d.]+) % \|$", re.M
)
MADE = {row[1]: row for row in ROW.finditer(FILES)}


@pytest.mark.parametrize(("name", "sizes"), [("small", (784, 10, 10)), ("large", (784, 128, 10))])
def test_a_bundled_model_is_what_the_documents_say(name, sizes, mnist):
    network = load_bundled(name)
    _, shape, loss, _, accuracy = MADE[name].groups()
    assert network.sizes == sizes == tuple(map(int, shape.split(" → ")))
    assert network.loss.replace("_", "-") == loss.replace(" ", "-")
    assert network.parameters.dtype == np.float32
    # A few of the 10,000 images lie so near the border that another CPU reads them differently.
    assert 100 * evaluate(network, mnist[1]).accuracy == pytest.approx(float(accuracy), abs=0.05)


def test_bundled_models_are_named():
    assert bundled() == tuple(MADE) == ("small", "large")
    with pytest.raises(ValueError, match=r"bundled models are small, large; got '\.\./small'"):
        load_bundled("../small")


def test_a_damaged_bundled_model_is_refused(tmp_path, monkeypatch):
    damaged = bytearray((bundled_models() / "small.safetensors").read_bytes())
    damaged[-1] ^= 1
    (tmp_path / "small.safetensors").write_bytes(damaged)
    monkeypatch.setattr("chainrule.model.bundled_models", lambda: tmp_path)
    with pytest.raises(ModelError, match="does not match its checksum"):
        load_bundled("small")


def test_the_default_training_gives_the_small_model_byte_for_byte(model):
    assert model.read_bytes() == (bundled_models() / "small.safetensors").read_bytes()


@pytest.mark.long
def test_the_documented_command_gives_the_large_model_byte_for_byte(tmp_path):
    command = (*MADE["large"][4].split(), "--quiet", "--engine", "compiled", "--out", "again")
    done = run(*command, cwd=tmp_path, timeout=1800)
    assert done.returncode == 0, done.stderr
    made, shipped = tmp_path / "again/model.safetensors", bundled_models() / "large.safetensors"
    assert made.read_bytes() == shipped.read_bytes()


@pytest.mark.long
@pytest.mark.parametrize("kernel", [{}, {"OPENBLAS_CORETYPE": "Haswell"}], ids=["own", "other"])
@pytest.mark.parametrize("name", ["small", "large"])
def test_the_numpy_engine_comes_close_to_the_bundled_models(name, kernel, tmp_path, mnist):
    command = (*MADE[name][4].split(), "--quiet", "--engine", "numpy", "--out", "again")
    done = run(*command, cwd=tmp_path, timeout=1800, **kernel)  # a minute or two on idle cores
    assert done.returncode == 0, done.stderr
    one, other = load_model(tmp_path / "again/model.safetensors"), load_bundled(name)
    accuracies = [evaluate(network, mnist[1]).accuracy for network in (one, other)]
    assert abs(accuracies[0] - accuracies[1]) <= 0.005
    X = mnist[1].X
    assert np.mean(predict(one, X) == predict(other, X)) >= 0.98
