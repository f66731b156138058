"""FastAPI with a pydantic body and the native model. `async def`: for predicts this short the thread pool costs more."""

import bodies
import native
from fastapi import FastAPI

app = FastAPI()
earnings, diabetes, sentiment = native.earnings(), native.diabetes(), native.sentiment()


@app.get("/health")
async def health():
    return {}


@app.post("/earnings")
async def predict_earnings(body: bodies.Earnings) -> bodies.Answer:
    return bodies.Answer(prediction=earnings(body.model_dump()))


@app.post("/diabetes")
async def predict_diabetes(body: bodies.Diabetes) -> bodies.Answer:
    return bodies.Answer(prediction=diabetes(body.model_dump()))


@app.post("/sentiment")
async def predict_sentiment(body: bodies.Sentiment) -> bodies.Answer:
    return bodies.Answer(prediction=sentiment(body.model_dump()))
