"""The baseline: ridge regression on scaled numbers and on one column for each value of what is text."""

import sys
from pathlib import Path

import pandas as pd
from pandas.api.types import is_numeric_dtype
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler


def new_model(features: pd.DataFrame) -> Pipeline:
    """A regression that fills in what is missing: the mean of a number, a value of its own for text."""
    numbers = [name for name in features.columns if is_numeric_dtype(features[name])]
    texts = [name for name in features.columns if name not in numbers]
    columns = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), numbers),
            ("texts", OneHotEncoder(handle_unknown="ignore"), texts),
        ]
    )
    return make_pipeline(columns, Ridge(alpha=0.1))


def load(data: Path, *names: str) -> list[pd.DataFrame]:
    """Tables of sales in which no text is missing; which columns are text is told from the first."""
    tables = [pd.read_csv(data / f"{name}.csv") for name in names]
    texts = [name for name in tables[0].columns if not is_numeric_dtype(tables[0][name])]
    for table in tables:
        table[texts] = table[texts].astype(object).fillna("missing")
    return tables


def main() -> None:
    """Train on the data folder given, /data by default, and write submission.csv."""
    data = Path(sys.argv[1] if len(sys.argv) > 1 else "/data")
    train, test = load(data, "train", "test")
    features = train.drop(columns=["Id", "SalePrice"])
    model = new_model(features).fit(features, train["SalePrice"])
    prices = model.predict(test[features.columns])
    pd.DataFrame({"Id": test["Id"], "SalePrice": prices}).to_csv("submission.csv", index=False)


if __name__ == "__main__":
    main()
