import numpy as np


def softmax(Z, *, axis=0):
    e = np.exp(Z - np.max(Z, axis=axis, keepdims=True))
    return e / np.sum(e, axis=axis, keepdims=True)


def forward(*, W1, b1, W2, b2, X):
    Z1 = W1 @ X + b1
    A1 = np.maximum(Z1, 0)
    Z2 = W2 @ A1 + b2
    return {"Z1": Z1, "A1": A1, "Z2": Z2, "A2": softmax(Z2)}


def loss(*, A2, Y, reduction="mean"):
    each = -np.sum(Y * np.log(A2), axis=0)
    return each.mean() if reduction == "mean" else each.sum()


def backward(*, W2, X, Y, cache):
    m = X.shape[1]
    dZ2 = (cache["A2"] - Y) / m
    dZ1 = (W2.T @ dZ2) * (cache["Z1"] > 0)
    return dict(
        dW1=dZ1 @ X.T,
        db1=np.sum(dZ1, axis=1, keepdims=True),
        dW2=dZ2 @ cache["A1"].T,
        db2=np.sum(dZ2, axis=1, keepdims=True),
    )


def update(*, params, grads, lr=0.01, **unused):
    return {name: value - lr * grads[f"d{name}"] for name, value in params.items()}
