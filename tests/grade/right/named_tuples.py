from typing import NamedTuple

import numpy as np


class Params(NamedTuple):
    W1: np.ndarray
    b1: np.ndarray
    W2: np.ndarray
    b2: np.ndarray


class Cache(NamedTuple):
    Z1: np.ndarray
    A1: np.ndarray
    Z2: np.ndarray
    A2: np.ndarray


def softmax(Z):
    e = np.exp(Z - Z.max(axis=0))
    return e / e.sum(axis=0)


def forward(params: Params, X: np.ndarray) -> Cache:
    Z1 = params.W1 @ X + params.b1
    A1 = np.maximum(Z1, 0)
    Z2 = params.W2 @ A1 + params.b2
    return Cache(Z1, A1, Z2, softmax(Z2))


def loss(params: Params, X: np.ndarray, Y: np.ndarray) -> float:
    return float(-np.sum(Y * np.log(forward(params, X).A2)) / X.shape[1])


def backward(params: Params, X: np.ndarray, Y: np.ndarray) -> Params:
    cache = forward(params, X)
    dZ2 = (cache.A2 - Y) / X.shape[1]
    dZ1 = params.W2.T @ dZ2 * (cache.Z1 > 0)
    return Params(
        dZ1 @ X.T,
        dZ1.sum(axis=1, keepdims=True),
        dZ2 @ cache.A1.T,
        dZ2.sum(axis=1, keepdims=True),
    )


def train_step(params: Params, X: np.ndarray, Y: np.ndarray, learning_rate: float) -> Params:
    grads = backward(params, X, Y)
    return Params(*(p - learning_rate * g for p, g in zip(params, grads)))
