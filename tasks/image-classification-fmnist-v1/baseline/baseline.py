"""The baseline: softmax regression on the grey values, by plain stochastic gradient descent."""

import sys
from pathlib import Path

import numpy as np

EPOCHS = 10
BATCH = 100
LEARNING_RATE = 0.1


def load_images(path: Path) -> np.ndarray:
    """Grey values in [0, 1] and a constant: float32 [N, 785]."""
    images = np.load(path)
    flat = images.reshape(len(images), -1).astype(np.float32) / 255
    return np.hstack([flat, np.ones((len(flat), 1), np.float32)])


def fit(images: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Weights float32 [785, 10]."""
    wanted = np.eye(10, dtype=np.float32)[labels]
    weights = np.zeros((images.shape[1], 10), np.float32)
    for epoch in range(EPOCHS):
        for batch in np.array_split(rng.permutation(len(images)), len(images) // BATCH):
            logits = images[batch] @ weights
            shares = np.exp(logits - logits.max(axis=1, keepdims=True))
            shares /= shares.sum(axis=1, keepdims=True)
            rate = LEARNING_RATE * (1 - epoch / EPOCHS)
            weights -= rate / len(batch) * images[batch].T @ (shares - wanted[batch])
    return weights


def main() -> None:
    """Train on the data folder given, /data by default, and write submission.csv."""
    data = Path(sys.argv[1] if len(sys.argv) > 1 else "/data")
    labels = np.load(data / "train_labels.npy")
    weights = fit(load_images(data / "train_images.npy"), labels, np.random.default_rng(0))
    predicted = (load_images(data / "test_images.npy") @ weights).argmax(axis=1)
    np.savetxt("submission.csv", predicted, fmt="%d", header="label", comments="")


if __name__ == "__main__":
    main()
