"""A first valid submission: every house costs what houses of its quality cost on average."""

import pandas as pd

train = pd.read_csv("/data/train.csv")
test = pd.read_csv("/data/test.csv")

by_quality = train.groupby("OverallQual")["SalePrice"].mean()
prices = test["OverallQual"].map(by_quality).fillna(train["SalePrice"].mean())
pd.DataFrame({"Id": test["Id"], "SalePrice": prices}).to_csv("submission.csv", index=False)
