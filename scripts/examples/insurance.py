"""A Streamlit page that scores an uploaded CSV: `streamlit run insurance.py`. The model is the gateway's."""

import csv
import io
import json

import streamlit as st
from model_client import Refused, predict_file, schema

ROUTE = "/insurance"


def rows_of(content: bytes) -> list[dict[str, str]]:
    """Return the first five rows of a CSV, for people."""
    text = io.StringIO(content.decode("utf-8-sig", "replace"), newline="")
    return [row for _, row in zip(range(5), csv.DictReader(text), strict=False)]


def score(content: bytes) -> None:
    """Show the answers to a file and offer them for download, or show what is wrong with it."""
    try:
        with st.spinner("Prediction in progress. Please wait..."):
            answers = predict_file(ROUTE, content)
    except Refused as refused:
        st.error("Please upload a valid file:\n" + "\n".join(f"- {line}" for line in refused.lines))
        return
    labels = list(answers.values() if isinstance(answers, dict) else answers)
    st.success(f"{len(labels)} rows scored, {sum(labels)} of them would buy.")
    st.download_button("Download", json.dumps(answers), "predictions.json", "application/json")


st.title("Insurance cross-sell")
try:
    columns = [" or ".join(names) for names in schema(ROUTE)["columns"]]
except Refused as error:
    st.error(str(error))
    st.stop()
st.caption(f"A CSV with the columns {', '.join(columns)}; a column `id` names the rows.")
upload = st.file_uploader("Rows to score", type="csv")
if upload is not None:
    st.subheader("Sample of the uploaded file")
    st.table(rows_of(upload.getvalue()))
    if st.button("Start prediction"):
        score(upload.getvalue())
