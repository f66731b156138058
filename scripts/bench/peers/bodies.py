"""The pydantic bodies that a FastAPI or BentoML user writes."""

from pydantic import BaseModel


class Earnings(BaseModel):
    SAT_AVG_ALL: float | None
    CREDDESC: str
    CIPDESC_new: str
    CONTROL: str
    REGION: str
    tuition: float | None
    LOCALE: str
    ADM_RATE_ALL: float | None


class Diabetes(BaseModel):
    times_pregnant: float
    glucose: float
    blood_pressure: float
    skin_fold_thick: float
    serum_insulin: float
    mass_index: float
    diabetes_pedigree: float
    age: float


class Sentiment(BaseModel):
    query: str


class Answer(BaseModel):
    prediction: float


BODIES = {"earnings": Earnings, "diabetes": Diabetes, "sentiment": Sentiment}
