"""Fashion-MNIST: a small neural network on the pixels, in scikit-learn."""

from mlgym_clients.workbench import Grade, Workbench

CLASSIFIER = '''"""Train a one-layer network on the pixels and write submission.csv."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

warnings.simplefilter("ignore", ConvergenceWarning)  # it stops early on purpose


def pixels(name):
    images = np.load(f"/data/{name}_images.npy")
    return images.reshape(len(images), -1).astype(np.float32) / 255


images, labels = pixels("train"), np.load("/data/train_labels.npy")
held_out = len(images) // 10
network = MLPClassifier((256,), batch_size=256, max_iter=10, random_state=0)
network.fit(images[held_out:], labels[held_out:])
print(f"accuracy on {held_out} held-out images: {network.score(images[:held_out], labels[:held_out]):.4f}")
np.savetxt("submission.csv", network.predict(pixels("test")), fmt="%d", header="label", comments="")
'''


async def attempt(bench: Workbench) -> Grade:
    """One network, validated and submitted."""
    await bench.bash("ls -la /data /workspace; head -3 /data/sample_submission.csv")
    await bench.create("/workspace/train.py", CLASSIFIER)
    await bench.bash("python train.py")
    await bench.validate()
    return await bench.submit()
