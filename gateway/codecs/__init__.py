"""
Codecs between bytes and rows: JSON, CSV, NDJSON, Parquet, XLSX, V2, MLflow; one format, one file.

A codec knows no HTTP and no route; a body that is not what it claims is a fault with a position, never an exception of
the library; nothing is decoded beyond its limit; no NaN leaves.
"""
