"""Networks that other tools made, for tests/bridges/: real files, and what each tool reads itself.

    pip install torch keras onnx onnxscript scikit-learn skl2onnx safetensors   # elsewhere
    KERAS_BACKEND=torch PYTHONPATH=src python tests/models/make_others.py

The files were made with torch 2.13.0, keras 3.15.1, scikit-learn 1.9.1 and skl2onnx 1.20.0.
Each network is 784 -> 10 -> 10 and learned from 12,000 digits of MNIST; others.json has the
probabilities that the tool itself gives for the first 20 test images.
"""

import json
import warnings
from pathlib import Path

import keras
import numpy as np
import torch
from safetensors.torch import save_file
from skl2onnx import to_onnx
from sklearn.neural_network import MLPClassifier

from chainrule import load_mnist

HERE = Path(__file__).parent
MEAN, DEVIATION = 0.1307, 0.3081  # of MNIST's pixels from 0 to 1, as PyTorch's examples have them
LEARNED, READ = 12_000, 20


def by_torch(images, labels, test):
    """Logits without softmax, standardised pixels, images (m, 1, 28, 28); both exporters."""
    torch.manual_seed(0)
    layers = [
        torch.nn.Flatten(),
        torch.nn.Linear(784, 10),
        torch.nn.ReLU(),
        torch.nn.Linear(10, 10),
    ]
    network = torch.nn.Sequential(*layers)

    def scaled(pixels):
        return (torch.tensor(pixels.reshape(-1, 1, 28, 28) / 255, dtype=torch.float32) - MEAN) / (
            DEVIATION
        )

    X, y = scaled(images), torch.tensor(labels, dtype=torch.long)
    adam = torch.optim.Adam(network.parameters(), lr=1e-3)
    for _ in range(3):
        for rows in torch.randperm(len(X)).split(64):
            adam.zero_grad()
            torch.nn.functional.cross_entropy(network(X[rows]), y[rows]).backward()
            adam.step()
    save_file(network.state_dict(), HERE / "torch.safetensors")
    example = (scaled(test[:1]),)
    names = {"input_names": ["images"], "output_names": ["logits"]}
    torch.onnx.export(
        network,
        example,
        HERE / "torch.onnx",
        external_data=False,
        **names,
        dynamic_shapes=({0: torch.export.Dim("m")},),
    )
    axes = {"images": {0: "m"}, "logits": {0: "m"}}
    torch.onnx.export(
        network, example, HERE / "torch-script.onnx", dynamo=False, dynamic_axes=axes, **names
    )
    return network(scaled(test)).softmax(1).detach().numpy()


def by_keras(images, labels, test):
    """Softmax at the end, pixels from 0 to 255, images (m, 28, 28)."""
    keras.utils.set_random_seed(0)
    layers = [keras.Input((28, 28)), keras.layers.Flatten()]
    layers += [
        keras.layers.Dense(10, activation="relu"),
        keras.layers.Dense(10, activation="softmax"),
    ]
    network = keras.Sequential(layers)
    network.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy")
    X = images.reshape(-1, 28, 28).astype(np.float32)
    network.fit(X, labels.astype(np.int64), batch_size=64, epochs=3, verbose=0)
    network.export(HERE / "keras.onnx", format="onnx", verbose=False)
    return network.predict(test.reshape(-1, 28, 28).astype(np.float32), verbose=0)


def by_sklearn(images, labels, test):
    """Pixels from 0 to 1; the file also says the label."""
    network = MLPClassifier((10,), max_iter=8, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it has not converged
        network.fit((images / 255).astype(np.float32), labels)
    options = {MLPClassifier: {"zipmap": False}}
    made = to_onnx(network, np.zeros((1, 784), np.float32), options=options)
    (HERE / "sklearn.onnx").write_bytes(made.SerializeToString())
    return network.predict_proba((test / 255).astype(np.float32))


if __name__ == "__main__":
    learned, test = load_mnist()
    given = (learned.images[:LEARNED], learned.labels[:LEARNED], test.images[:READ])
    read = {make.__name__[3:]: make(*given).tolist() for make in (by_torch, by_keras, by_sklearn)}
    text = json.dumps(read).replace("]], ", "]],\n")
    (HERE / "others.json").write_text(text + "\n", encoding="utf-8")
