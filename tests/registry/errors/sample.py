def predict(x: float) -> float:
    return x
