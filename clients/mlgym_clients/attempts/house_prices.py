"""House prices: the baseline, then the same regression of the price's logarithm, held back as validation likes it."""

from mlgym_clients.workbench import Grade, Workbench

REGRESSION = '''"""Choose by the validation sales how much to hold back; write submission.csv."""

from pathlib import Path

import numpy as np
import pandas as pd
from baseline import load, new_model
from sklearn.compose import TransformedTargetRegressor
from sklearn.metrics import r2_score

train, validation, test = load(Path("/data"), "train", "validation", "test")
features = train.columns.drop(["Id", "SalePrice"])


def fitted(alpha):
    model = new_model(train[features]).set_params(ridge__alpha=alpha)
    return TransformedTargetRegressor(model, func=np.log, inverse_func=np.exp).fit(train[features], train["SalePrice"])


def score(model):
    return r2_score(validation["SalePrice"], model.predict(validation[features]))


models = {alpha: fitted(alpha) for alpha in (0.1, 1, 10, 100)}
scores = {alpha: score(model) for alpha, model in models.items()}
print({alpha: round(score, 4) for alpha, score in scores.items()})
prices = models[max(scores, key=scores.get)].predict(test[features])
pd.DataFrame({"Id": test["Id"], "SalePrice": prices}).to_csv("submission.csv", index=False)
'''


async def attempt(bench: Workbench) -> Grade:
    """The baseline and something near it, each validated; the second is submitted."""
    await bench.bash("ls -la /data /workspace; head -3 /data/sample_submission.csv")
    await bench.bash("python baseline.py")
    await bench.validate()
    await bench.create("/workspace/train.py", REGRESSION)
    await bench.bash("python train.py")
    await bench.validate()
    return await bench.submit()
