"""Drawn house sales with the columns of the Ames housing data, for trying the task without it."""

from __future__ import annotations

import numpy as np

COLUMNS = (
    "Id MSSubClass MSZoning LotFrontage LotArea Street Alley LotShape LandContour Utilities LotConfig LandSlope "
    "Neighborhood Condition1 Condition2 BldgType HouseStyle OverallQual OverallCond YearBuilt YearRemodAdd RoofStyle "
    "RoofMatl Exterior1st Exterior2nd MasVnrType MasVnrArea ExterQual ExterCond Foundation BsmtQual BsmtCond "
    "BsmtExposure BsmtFinType1 BsmtFinSF1 BsmtFinType2 BsmtFinSF2 BsmtUnfSF TotalBsmtSF Heating HeatingQC CentralAir "
    "Electrical 1stFlrSF 2ndFlrSF LowQualFinSF GrLivArea BsmtFullBath BsmtHalfBath FullBath HalfBath BedroomAbvGr "
    "KitchenAbvGr KitchenQual TotRmsAbvGrd Functional Fireplaces FireplaceQu GarageType GarageYrBlt GarageFinish "
    "GarageCars GarageArea GarageQual GarageCond PavedDrive WoodDeckSF OpenPorchSF EnclosedPorch 3SsnPorch ScreenPorch "
    "PoolArea PoolQC Fence MiscFeature MiscVal MoSold YrSold SaleType SaleCondition SalePrice"
).split()

GRADES = "Po Fa TA Gd Ex".split()
HOODS = (
    "MeadowV IDOTRR BrDale OldTown Edwards BrkSide Sawyer Blueste SWISU NAmes NPkVill Mitchel SawyerW Gilbert NWAmes "
    "Blmngtn CollgCr ClearCr Crawfor Veenker Somerst Timber StoneBr NoRidge NridgHt"
).split()
"""Neighbourhoods, the cheaper ones first."""

# Column → its values, the most frequent first; each is drawn about a third as often as the one before. They carry no
# price. NA is a value like another one: the house has no such thing.
PLAIN = {
    "MSZoning": "RL RM FV RH C(all)",
    "Street": "Pave Grvl",
    "Alley": "NA Grvl Pave",
    "LotShape": "Reg IR1 IR2 IR3",
    "LandContour": "Lvl Bnk HLS Low",
    "Utilities": "AllPub NoSeWa",
    "LotConfig": "Inside Corner CulDSac FR2 FR3",
    "LandSlope": "Gtl Mod Sev",
    "Condition1": "Norm Feedr Artery RRAn PosN RRAe PosA RRNn RRNe",
    "Condition2": "Norm Feedr Artery RRNn PosN",
    "RoofStyle": "Gable Hip Flat Gambrel Mansard Shed",
    "RoofMatl": "CompShg Tar&Grv WdShngl WdShake",
    "Exterior1st": "VinylSd HdBoard MetalSd Plywood CemntBd BrkFace",
    "Exterior2nd": "VinylSd MetalSd HdBoard Plywood CmentBd BrkFace",
    "MasVnrType": "None BrkFace Stone BrkCmn",
    "Foundation": "PConc CBlock BrkTil Slab Stone Wood",
    "BsmtExposure": "No Av Gd Mn NA",
    "BsmtFinType1": "Unf GLQ ALQ BLQ Rec LwQ NA",
    "BsmtFinType2": "Unf Rec LwQ NA BLQ ALQ GLQ",
    "Heating": "GasA GasW Grav Wall OthW Floor",
    "CentralAir": "Y N",
    "Electrical": "SBrkr FuseA FuseF FuseP NA Mix",
    "Functional": "Typ Min2 Min1 Mod Maj1 Maj2 Sev",
    "GarageType": "Attchd Detchd BuiltIn Basment CarPort 2Types",
    "GarageFinish": "Unf RFn Fin",
    "PavedDrive": "Y N P",
    "PoolQC": "NA Gd Ex Fa",
    "Fence": "NA MnPrv GdPrv GdWo MnWw",
    "MiscFeature": "NA Shed Gar2 Othr TenC",
    "SaleType": "WD New COD ConLD ConLI CWD ConLw Con Oth",
    "SaleCondition": "Normal Partial Abnorml Family Alloca AdjLand",
}
OFTEN_NONE = {"2ndFlrSF": 400, "LowQualFinSF": 8, "BsmtFinSF2": 60, "WoodDeckSF": 100, "OpenPorchSF": 50}
OFTEN_NONE |= {"EnclosedPorch": 25, "3SsnPorch": 5, "ScreenPorch": 20, "PoolArea": 4, "MiscVal": 50}
"""Column → mean of a quantity that most houses have none of."""
Table = dict[str, np.ndarray]


def draw_houses(count: int, rng: np.random.Generator) -> list[list[str]]:
    """Draw `count` sales: cells as text, in the order of COLUMNS."""
    table: Table = {"Id": np.arange(1, count + 1)}
    for column, values in PLAIN.items():
        table[column] = _pick(values.split(), count, rng)
    for column, mean in OFTEN_NONE.items():
        table[column] = np.where(rng.random(count) < min(mean / 300, 0.5), rng.gamma(3, 100, count), 0).astype(int)
    quality = np.clip(rng.normal(6, 1.4, count).round(), 1, 10).astype(int)
    _draw_age_and_quality(table, quality, rng)
    _draw_sizes(table, quality, rng)
    _draw_garage(table, rng)
    table["SalePrice"] = _prices(table, rng)
    _lose_some(table, rng)
    return [[str(cell) for cell in row] for row in zip(*(table[column] for column in COLUMNS))]


def _pick(values: list[str], count: int, rng: np.random.Generator) -> np.ndarray:
    shares = 0.35 ** np.arange(len(values))
    return rng.choice(np.array(values, dtype=object), count, p=shares / shares.sum())


def _draw_age_and_quality(table: Table, quality: np.ndarray, rng: np.random.Generator) -> None:
    count = len(quality)
    built = np.clip(1945 + 8 * (quality - 3) + rng.normal(0, 20, count), 1872, 2009).astype(int)
    table["OverallQual"], table["YearBuilt"] = quality, built
    table["OverallCond"] = np.clip(rng.normal(5.6, 1.1, count).round(), 1, 9).astype(int)
    table["YearRemodAdd"] = np.maximum(built, rng.integers(1950, 2010, count))
    table["YrSold"], table["MoSold"] = rng.integers(2006, 2011, count), rng.integers(1, 13, count)
    for column in ("ExterQual", "ExterCond", "BsmtQual", "BsmtCond", "HeatingQC", "KitchenQual", "FireplaceQu"):
        likes = 0.4 * (quality - 6) if column.endswith("Qual") else 0
        table[column] = _grades(2.3 + likes + rng.normal(0, 0.6, count))
    place = np.clip(12 + 2.5 * (quality - 6) + rng.normal(0, 4, count), 0, len(HOODS) - 1).astype(int)
    table["Neighborhood"] = np.array(HOODS, dtype=object)[place]


def _grades(levels: np.ndarray) -> np.ndarray:
    return np.array(GRADES, dtype=object)[np.clip(levels.round(), 0, 4).astype(int)]


def _draw_sizes(table: Table, quality: np.ndarray, rng: np.random.Generator) -> None:
    count = len(quality)
    ground = rng.lognormal(6.95 + 0.06 * (quality - 6), 0.25, count).astype(int)
    living = ground + table["2ndFlrSF"] + table["LowQualFinSF"]
    table["1stFlrSF"], table["GrLivArea"] = ground, living
    finished = (ground * rng.beta(1, 1.5, count)).astype(int)
    table["BsmtFinSF1"], table["TotalBsmtSF"] = finished, finished + table["BsmtFinSF2"] + ground // 3
    table["BsmtUnfSF"] = ground // 3
    table["LotFrontage"] = rng.normal(70, 20, count).clip(21, 313).astype(int)
    table["LotArea"] = rng.lognormal(9.1, 0.4, count).astype(int)
    table["MasVnrArea"] = np.where(table["MasVnrType"] == "None", 0, rng.gamma(2, 120, count)).astype(int)
    table["FullBath"] = 1 + (living > 1400)
    table["HalfBath"], table["BsmtFullBath"] = rng.integers(0, 2, count), rng.integers(0, 2, count)
    table["BsmtHalfBath"] = (rng.random(count) < 0.05).astype(int)
    table["BedroomAbvGr"] = np.clip((living / 500 + rng.normal(0, 0.6, count)).round(), 0, 8).astype(int)
    table["KitchenAbvGr"], table["TotRmsAbvGrd"] = 1 + (rng.random(count) < 0.04), table["BedroomAbvGr"] + 4
    table["Fireplaces"] = np.clip(rng.poisson(0.6, count), 0, 3)
    upstairs = table["2ndFlrSF"] > 0
    table["HouseStyle"] = np.where(upstairs, "2Story", "1Story").astype(object)
    table["BldgType"] = _pick(["1Fam", "TwnhsE", "Duplex", "Twnhs", "2fmCon"], count, rng)
    table["MSSubClass"] = np.where(table["BldgType"] == "1Fam", np.where(upstairs, 60, 20), 120)


def _draw_garage(table: Table, rng: np.random.Generator) -> None:
    count = len(table["Id"])
    cars = np.clip((1.8 + 0.25 * (table["OverallQual"] - 6) + rng.normal(0, 0.6, count)).round(), 0, 4).astype(int)
    table["GarageCars"], table["GarageArea"] = cars, cars * 240 + (cars > 0) * rng.integers(0, 120, count)
    table["GarageQual"], table["GarageCond"] = (_grades(2 + rng.normal(0, 0.3, count)) for _ in range(2))
    table["GarageYrBlt"] = table["YearBuilt"].astype(object)
    for column in ("GarageType", "GarageYrBlt", "GarageFinish", "GarageQual", "GarageCond"):
        table[column][cars == 0] = "NA"


def _prices(table: Table, rng: np.random.Generator) -> np.ndarray:
    """What quality, size, age and place add to each other in logarithms, and what nobody can foresee."""
    place = np.array([HOODS.index(name) for name in table["Neighborhood"]])
    kitchen = np.array([GRADES.index(name) for name in table["KitchenQual"]])
    logarithm = (
        8.55
        + 0.09 * table["OverallQual"]
        + 0.03 * table["OverallCond"]
        + 0.36 * np.log(table["GrLivArea"])
        + 0.0001 * table["TotalBsmtSF"]
        + 0.0022 * (table["YearBuilt"] - 1970)
        + 0.012 * place
        + 0.03 * kitchen
        + 0.05 * table["GarageCars"]
        + 0.04 * table["Fireplaces"]
    )
    return (np.exp(logarithm + rng.normal(0, 0.11, len(place))) / 100).round().astype(int) * 100


def _lose_some(table: Table, rng: np.random.Generator) -> None:
    """What is missing in the original: values not known, and grades of what a house has not."""
    for column, share in (("LotFrontage", 0.18), ("MasVnrArea", 0.006), ("MasVnrType", 0.006)):
        table[column] = table[column].astype(object)
        table[column][rng.random(len(table[column])) < share] = "NA"
    for column in ("BsmtQual", "BsmtCond"):
        table[column][table["BsmtExposure"] == "NA"] = "NA"
    table["FireplaceQu"][table["Fireplaces"] == 0] = "NA"
