import numpy as np

def softmax_cross_entropy(logits, labels):
    logits = logits - logits.max(axis=1, keepdims=True)
    log_probs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    n = len(labels)
    loss = -log_probs[np.arange(n), labels].mean()
    dlogits = np.exp(log_probs)
    dlogits[np.arange(n), labels] -= 1
    return loss, dlogits / n

def forward(params, X):
    hidden = np.maximum(X @ params["W1"] + params["b1"], 0)
    logits = hidden @ params["W2"] + params["b2"]
    return logits, hidden

def backward(params, X, hidden, dlogits):
    dhidden = dlogits @ params["W2"].T
    dhidden[hidden == 0] = 0
    return {"W1": X.T @ dhidden, "b1": dhidden.sum(0), "W2": hidden.T @ dlogits, "b2": dlogits.sum(0)}
