"""Models that any scikit-learn since 0.24 trains from the same rows, and what it answers to them itself."""

#: Run in a folder: leaves pipeline.pkl, forest.pkl and value.pkl there, and prints what they answer.
TRAIN = """
import json, pickle
import numpy as np, pandas as pd, sklearn
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier, GradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

draw = np.random.RandomState(0)
frame = pd.DataFrame({"age": draw.uniform(18, 80, 300), "income": draw.normal(3e4, 9e3, 300),
    "region": pd.Series(draw.choice(["east", "north", "west"], 300), dtype=object), "unused": 1.0})
frame.loc[::7, "income"] = np.nan
label = np.where(frame.age > 50, "old", "young")
columns = ColumnTransformer([
    ("number", make_pipeline(SimpleImputer(), StandardScaler()), ["age", "income"]),
    ("level", OneHotEncoder(handle_unknown="ignore"), ["region"])])
models = {"pipeline": make_pipeline(columns, LogisticRegression()).fit(frame, label),
    "forest": RandomForestClassifier(10, random_state=0).fit(frame[["age"]].values, label),
    "value": GradientBoostingRegressor(n_estimators=5).fit(frame[["age"]].values, frame.age * 2)}
rows = frame.head(40)
told = {"version": sklearn.__version__, "rows": [[None if x != x else x for x in row] for row in rows.values.tolist()]}
for name, model in models.items():
    with open(name + ".pkl", "wb") as file:
        pickle.dump(model, file)
    given = rows if name == "pipeline" else rows[["age"]].values
    told[name] = model.predict(given).tolist()
    if hasattr(model, "predict_proba"):
        told[name + ".probabilities"] = model.predict_proba(given).tolist()
print(json.dumps(told))
"""
