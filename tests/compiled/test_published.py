"""What is published of the compiled engine's trainings: a hash, and the models of the package."""

import hashlib
import re

import numpy as np
import pytest
from helpers import ROOT, run

from chainrule import evaluate, initialise, load_bundled, load_mnist, load_model
from chainrule.model import bundled_models

README = (ROOT / "README.md").read_text(encoding="utf-8")
FILES = (ROOT / "docs/reference/files.md").read_text(encoding="utf-8")
HASH = re.search(r"default training's parameters is `(\w+)`", README).group(1)


def test_the_default_training_gives_the_small_model_byte_for_byte(model):
    assert model.read_bytes() == (bundled_models() / "small.safetensors").read_bytes()


def test_the_default_training_has_the_hash_of_the_readme(model):
    assert hashlib.sha256(load_model(model).parameters.tobytes()).hexdigest() == HASH
    assert hashlib.sha256(load_bundled("small").parameters.tobytes()).hexdigest() == HASH


@pytest.mark.long
def test_the_documented_command_gives_the_large_model_byte_for_byte(tmp_path):
    command = re.search(r"^\| `large` .*?\| `chainrule ([^`]+)`", FILES, re.MULTILINE).group(1)
    done = run(*command.split(), "--quiet", "--engine", "compiled", "--out", "again", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    made, shipped = tmp_path / "again/model.safetensors", bundled_models() / "large.safetensors"
    assert made.read_bytes() == shipped.read_bytes()


def test_weights_and_orders_are_those_that_the_hashes_began_with():
    """They come from NumPy's generator, whose stream a new NumPy may change: this notices."""
    rng = np.random.default_rng(0)
    drawn = initialise((784, 10, 10), rng=rng).parameters.tobytes()
    order = np.random.default_rng((int(rng.integers(2**63)), 0)).permutation(60_000)
    digest = hashlib.sha256(drawn + order.astype("<i8").tobytes()).hexdigest()
    assert digest == "fa5d9402ebcc7c8979f245c49eb72b5ee4b53cc2caab156c8af909fd3fd3797d"


@pytest.mark.parametrize(("name", "right"), [("small", 9330), ("large", 9812)])
def test_models_that_numpy_made_are_read_as_they_were(name, right):
    """They were in the package before; another kernel may read a few of the images otherwise."""
    network = load_model(ROOT / f"tests/models/{name}.safetensors")
    found = evaluate(network, load_mnist()[1]).confusion.trace()
    assert abs(found - right) <= 5
