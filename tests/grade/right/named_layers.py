import numpy as np


def feed_forward(x_batch, weights_hidden, bias_hidden, weights_output, bias_output):
    hidden = np.maximum(x_batch.dot(weights_hidden) + bias_hidden, 0)
    scores = hidden.dot(weights_output) + bias_output
    scores = np.exp(scores - scores.max(axis=1)[:, None])
    return hidden, scores / scores.sum(axis=1)[:, None]


def cross_entropy_loss(predictions, labels):
    picked = predictions[range(len(labels)), labels]
    return float(np.mean(-np.log(picked)))


def back_prop(x_batch, labels, hidden, predictions, weights_output):
    error = predictions.copy()
    error[np.arange(len(labels)), labels] -= 1.0
    error = error / len(labels)
    grad_weights_output = hidden.T.dot(error)
    grad_bias_output = error.sum(0)
    hidden_error = error.dot(weights_output.T)
    hidden_error[hidden == 0] = 0
    return {
        "weights_hidden": x_batch.T.dot(hidden_error),
        "bias_hidden": hidden_error.sum(0),
        "weights_output": grad_weights_output,
        "bias_output": grad_bias_output,
    }
