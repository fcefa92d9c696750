"""A first valid submission: every test image gets the class whose mean training image is nearest."""

import numpy as np

images = np.load("/data/train_images.npy").reshape(-1, 784).astype(np.float32)
labels = np.load("/data/train_labels.npy")
test = np.load("/data/test_images.npy").reshape(-1, 784).astype(np.float32)

means = np.stack([images[labels == label].mean(axis=0) for label in range(10)])
distances = (means**2).sum(axis=1) - 2 * test @ means.T
np.savetxt("submission.csv", distances.argmin(axis=1), fmt="%d", header="label", comments="")
