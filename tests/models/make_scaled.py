"""Networks of other tools that scale pixels themselves, for tests/bridges/: real files.

Each takes pixels from 0 to 255, scales them in its graph, and is 784 -> 10 -> 10, learned from
12,000 digits of MNIST; scaled.json has the probabilities that the tool itself gives for the first
20 test images. Made in the environments that make_others.py says:

    KERAS_BACKEND=torch PYTHONPATH=src python tests/models/make_scaled.py torch keras sklearn
    KERAS_BACKEND=tensorflow PYTHONPATH=src python tests/models/make_scaled.py keras
"""

import json
import sys
import warnings
from pathlib import Path

import numpy as np

from chainrule import load_mnist

HERE = Path(__file__).parent
MEAN, DEVIATION = 0.1307, 0.3081  # of MNIST's pixels from 0 to 1, as PyTorch's examples have them
LEARNED, READ = 12_000, 20


def by_torch(images, labels, test):
    """(x / 255 - mean) / deviation, images (m, 1, 28, 28): floats; for the older exporter bytes."""
    import torch

    class Scaled(torch.nn.Module):
        def __init__(self):
            super().__init__()
            layers = [torch.nn.Flatten(), torch.nn.Linear(784, 10), torch.nn.ReLU()]
            self.network = torch.nn.Sequential(*layers, torch.nn.Linear(10, 10))
            self.register_buffer("mean", torch.tensor([MEAN]).view(-1, 1, 1))
            self.register_buffer("deviation", torch.tensor([DEVIATION]).view(-1, 1, 1))

        def forward(self, x):
            return self.network((x.float() / 255 - self.mean) / self.deviation)

    torch.manual_seed(0)
    network = Scaled()
    X, y = torch.tensor(images.reshape(-1, 1, 28, 28)), torch.tensor(labels, dtype=torch.long)
    adam = torch.optim.Adam(network.parameters(), lr=1e-3)
    for _ in range(3):
        for rows in torch.randperm(len(X)).split(64):
            adam.zero_grad()
            torch.nn.functional.cross_entropy(network(X[rows]), y[rows]).backward()
            adam.step()
    network.eval()
    x = torch.tensor(test.reshape(-1, 1, 28, 28))
    names = {"input_names": ["images"], "output_names": ["logits"]}
    whole = {"external_data": False, "dynamic_shapes": ({0: torch.export.Dim("m")},)}
    torch.onnx.export(network, (x[:1].float(),), HERE / "torch-scaled.onnx", **names, **whole)
    older = {"dynamo": False, "dynamic_axes": {"images": {0: "m"}, "logits": {0: "m"}}}
    torch.onnx.export(network, (x[:1],), HERE / "torch-bytes.onnx", **names, **older)
    A = network(x).softmax(1).detach().numpy()
    return {"torch-scaled": A, "torch-bytes": A}


def by_keras(images, labels, test):
    """Rescaling to -1 to 1; then, over PyTorch, each pixel less its mean, by its deviation.

    Over TensorFlow tf2onnx makes inputs of these means and deviations, so it has none.
    """
    import keras

    keras.utils.set_random_seed(0)
    X = images.reshape(-1, 28, 28, 1).astype(np.float32)
    flat = images / 127.5 - 1
    each = {"mean": flat.mean(axis=0), "variance": flat.var(axis=0) + 0.1}
    layers = [keras.Input((28, 28, 1)), keras.layers.Rescaling(1 / 127.5, offset=-1)]
    layers += [keras.layers.Flatten()]
    if keras.backend.backend() == "torch":
        layers += [keras.layers.Normalization(**each)]
    layers += [keras.layers.Dense(10, activation="relu")]
    network = keras.Sequential([*layers, keras.layers.Dense(10, activation="softmax")])
    network.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy")
    network.fit(X, labels.astype(np.int64), batch_size=32, epochs=4, verbose=0)
    name = f"keras-{keras.backend.backend()}-scaled"
    network.export(HERE / f"{name}.onnx", format="onnx", verbose=False)
    return {name: network.predict(test.reshape(-1, 28, 28, 1).astype(np.float32), verbose=0)}


def by_sklearn(images, labels, test):
    """A pipeline with StandardScaler, with MinMaxScaler, and with StandardScaler in float64."""
    from skl2onnx import to_onnx
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler, StandardScaler

    found = {}
    for name, scaler, dtype in (
        ("standard", StandardScaler(), np.float32),
        ("minmax", MinMaxScaler((-1, 1)), np.float32),
        ("double", StandardScaler(), np.float64),
    ):
        network = make_pipeline(scaler, MLPClassifier((10,), max_iter=8, random_state=0))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it has not converged
            network.fit(images.astype(dtype), labels)
        options = {MLPClassifier: {"zipmap": False}}
        made = to_onnx(network, np.zeros((1, 784), dtype), options=options)
        (HERE / f"sklearn-{name}.onnx").write_bytes(made.SerializeToString())
        found[f"sklearn-{name}"] = network.predict_proba(test.astype(dtype))
    return found


if __name__ == "__main__":
    learned, test = load_mnist()
    given = (learned.images[:LEARNED], learned.labels[:LEARNED], test.images[:READ])
    place = HERE / "scaled.json"
    read = json.loads(place.read_text(encoding="utf-8")) if place.exists() else {}
    for tool in sys.argv[1:]:
        for name, A in globals()[f"by_{tool}"](*given).items():
            read[name] = [[float(f"{each:.7g}") for each in row] for row in A]
    text = json.dumps(read, sort_keys=True).replace("]], ", "]],\n")
    place.write_text(text + "\n", encoding="utf-8")
