"""Networks that other tools made, for tests/bridges/: real files, and what each tool reads itself.

Each network is 784 -> 10 -> 10 and learned from 12,000 digits of MNIST; others.json has the
probabilities that the tool itself gives for the first 20 test images. Made in environments of their
own, because none of these tools is needed here:

    pip install torch keras onnx onnxscript scikit-learn skl2onnx safetensors
    KERAS_BACKEND=torch PYTHONPATH=src python tests/models/make_others.py torch keras sklearn

    pip install tensorflow-cpu keras tf2onnx
    KERAS_BACKEND=tensorflow PYTHONPATH=src python tests/models/make_others.py keras

The files were made with torch 2.13.0, keras 3.15.1 (and TensorFlow 2.21.0, tf2onnx 1.17.0),
scikit-learn 1.9.1 and skl2onnx 1.20.0.
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
    """Logits without softmax, standardised pixels, images (m, 1, 28, 28); both exporters."""
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(0)
    layers = [torch.nn.Flatten(), torch.nn.Linear(784, 10), torch.nn.ReLU()]
    network = torch.nn.Sequential(*layers, torch.nn.Linear(10, 10))

    def scaled(images):
        pixels = torch.tensor(images.reshape(-1, 1, 28, 28) / 255, dtype=torch.float32)
        return (pixels - MEAN) / DEVIATION

    X, y = scaled(images), torch.tensor(labels, dtype=torch.long)
    adam = torch.optim.Adam(network.parameters(), lr=1e-3)
    for _ in range(3):
        for rows in torch.randperm(len(X)).split(64):
            adam.zero_grad()
            torch.nn.functional.cross_entropy(network(X[rows]), y[rows]).backward()
            adam.step()
    network.eval()
    save_file(network.state_dict(), HERE / "torch.safetensors")
    example = (scaled(test[:1]),)
    names = {"input_names": ["images"], "output_names": ["logits"]}
    sizes = ({0: torch.export.Dim("m")},)
    whole = {"external_data": False, "dynamic_shapes": sizes}
    torch.onnx.export(network, example, HERE / "torch.onnx", **names, **whole)
    axes = {"images": {0: "m"}, "logits": {0: "m"}}
    older = {"dynamo": False, "dynamic_axes": axes}
    torch.onnx.export(network, example, HERE / "torch-older.onnx", **names, **older)
    return "torch", network(scaled(test)).softmax(1).detach().numpy()


def by_keras(images, labels, test):
    """Softmax at the end, pixels from 0 to 255, images (m, 28, 28); over PyTorch or TensorFlow."""
    import keras

    keras.utils.set_random_seed(0)
    layers = [keras.Input((28, 28)), keras.layers.Flatten()]
    start = keras.initializers.RandomNormal(stddev=0.05 / 255)  # for pixels to 255
    layers.append(keras.layers.Dense(10, activation="relu", kernel_initializer=start))
    network = keras.Sequential([*layers, keras.layers.Dense(10, activation="softmax")])
    network.compile(keras.optimizers.Adam(2e-4), "sparse_categorical_crossentropy")
    X = images.reshape(-1, 28, 28).astype(np.float32)
    network.fit(X, labels.astype(np.int64), batch_size=32, epochs=6, verbose=0)
    name = f"keras-{keras.backend.backend()}"
    network.export(HERE / f"{name}.onnx", format="onnx", verbose=False)
    return name, network.predict(test.reshape(-1, 28, 28).astype(np.float32), verbose=0)


def by_sklearn(images, labels, test):
    """Pixels from 0 to 1; the file also says the label."""
    from skl2onnx import to_onnx
    from sklearn.neural_network import MLPClassifier

    network = MLPClassifier((10,), max_iter=8, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it has not converged
        network.fit((images / 255).astype(np.float32), labels)
    options = {MLPClassifier: {"zipmap": False}}
    made = to_onnx(network, np.zeros((1, 784), np.float32), options=options)
    (HERE / "sklearn.onnx").write_bytes(made.SerializeToString())
    return "sklearn", network.predict_proba((test / 255).astype(np.float32))


if __name__ == "__main__":
    learned, test = load_mnist()
    given = (learned.images[:LEARNED], learned.labels[:LEARNED], test.images[:READ])
    place = HERE / "others.json"
    read = json.loads(place.read_text(encoding="utf-8")) if place.exists() else {}
    for tool in sys.argv[1:]:
        name, A = globals()[f"by_{tool}"](*given)
        read[name] = [[float(f"{each:.7g}") for each in row] for row in A]
    text = json.dumps(read, sort_keys=True).replace("]], ", "]],\n")
    place.write_text(text + "\n", encoding="utf-8")
