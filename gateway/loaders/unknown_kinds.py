"""The table of files and folders that no loader takes: how they begin or are called, what they are, and the way in."""

from dataclasses import dataclass
from typing import Final

_PYTHON_ROUTE: Final = "a Python route (`def predict(...)` in a .py file) that loads it"
_TO_ONNX: Final = "export it to ONNX"


@dataclass(frozen=True, slots=True)
class Foreign:
    """Say what it is, and what to do."""

    what: str
    todo: str


def _either(how: str) -> str:
    return f"{_TO_ONNX} ({how}), or write {_PYTHON_ROUTE}"


KERAS: Final = Foreign("a Keras model", _either("model.export('model.onnx', format='onnx')"))
TORCH: Final = Foreign("a PyTorch file", _either("torch.onnx.export(model, ...)"))
TENSORFLOW: Final = Foreign("a TensorFlow SavedModel", _either("python -m tf2onnx.convert --saved-model FOLDER"))
TFLITE: Final = Foreign("a TensorFlow Lite model", _either("python -m tf2onnx.convert --tflite FILE"))
PMML: Final = Foreign("a PMML document", "export the model to ONNX where it was made, or train it again")
R_OBJECT: Final = Foreign("an object saved by R", "save the model from R in a format of its own: xgb.save, or ONNX")
WEIGHTS: Final = Foreign("weights without their model", _either("torch.onnx.export of the model with them"))
SPARK: Final = Foreign("a Spark ML model", _either("onnxmltools.convert_sparkml"))
TORCHSERVE: Final = Foreign("a TorchServe archive", _either("torch.onnx.export of the model in it"))
H2O_BINARY: Final = Foreign(
    "an H2O model in H2O's binary format, which only a server of the same release reads",
    "load it there (h2o.load_model) and write a MOJO: model.save_mojo('model.zip')",
)
DRIVERLESS: Final = Foreign(
    "a pipeline of H2O Driverless AI", f"write {_PYTHON_ROUTE} with daimojo, which needs a licence of that product"
)
CORE_ML: Final = Foreign("a Core ML model", _either("from the framework that trained it"))
LANGUAGE_MODEL: Final = Foreign(
    "a language model (GGUF)", "serve it with a server of language models, such as llama.cpp: this one serves tables"
)
FASTTEXT: Final = Foreign("a fastText model", f"write {_PYTHON_ROUTE}: fasttext.load_model(path).predict(text)")
WORD_VECTORS: Final = Foreign("a table of word vectors (word2vec)", "name the model that was trained on them")
SPACY: Final = Foreign("a spaCy pipeline", f"write {_PYTHON_ROUTE}: spacy.load(folder)")
TRANSFORMER: Final = Foreign(
    "a Transformers model", f"{_TO_ONNX} (optimum-cli export onnx), or write {_PYTHON_ROUTE}: pipeline(task, folder)"
)
TABLE: Final = Foreign("a table of data, not a model", "name the model file; tables are sent to its route (POST)")
ARRAYS: Final = Foreign(
    "an array of NumPy, not a model", "save the fitted model itself where it was trained: skops.io.dump(model, path)"
)
NOTEBOOK: Final = Foreign(
    "a notebook, not a model", "save the fitted model in it, skops.io.dump(model, 'model.skops'), and name that file"
)
WEB_PAGE: Final = Foreign(
    "a web page, not the file", "download the file itself (on GitHub: its raw link), and compare its sha256"
)
LFS_POINTER: Final = Foreign("a pointer of Git LFS, not the file", "fetch the file itself: git lfs pull")
TAR: Final = Foreign("a tar archive", "unpack it and name the model in it: tar -xf FILE")
ARCHIVE: Final = Foreign("an archive", "unpack it and name the model in it")
ZIPPED_MLFLOW: Final = Foreign("an MLflow model in a ZIP archive", "unpack it and name its folder, that of MLmodel")
EMPTY: Final = Foreign("an empty file", "copy it again from where it was written, and compare its sha256")
NO_REGISTRY: Final = Foreign("the description of an MLflow model", "name its folder")
JAVA: Final = Foreign("an object saved by Java", "export the model to ONNX where it was made, or train it again")

#: Offset, bytes -> what begins so, whatever it is called.
MAGIC: Final = (
    (0, b"\x89HDF\r\n\x1a\n", KERAS),
    (0, b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", TORCH),
    (4, b"TFL3", TFLITE),
    (0, b"RDX", R_OBJECT),
    (0, b"RDA", R_OBJECT),
    (0, b"X\n\x00\x00\x00", R_OBJECT),
    (0, b"A\n3\n", R_OBJECT),
    (0, b"\x1c\xed", H2O_BINARY),
    (0, b"GGUF", LANGUAGE_MODEL),
    (0, b"\xba\x16\x4f\x2f", FASTTEXT),
    (0, b"$FL2", Foreign("a table of SPSS, not a model", TABLE.todo)),
    (0, b"$FL3", Foreign("a table of SPSS, not a model", TABLE.todo)),
    (0, b"PAR1", TABLE),
    (0, b"ARROW1", TABLE),
    (0, b"FEA1", TABLE),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", TABLE),
    (0, b"\x93NUMPY", ARRAYS),
    (0, b"\xac\xed\x00\x05", JAVA),
    (257, b"ustar", TAR),
    (0, b"7z\xbc\xaf\x27\x1c", ARCHIVE),
    (0, b"Rar!\x1a\x07", ARCHIVE),
)
#: What a path is by its ending, where its content says nothing.
NAMES: Final = {
    ".h5": KERAS,
    ".hdf5": KERAS,
    ".keras": KERAS,
    ".pt": TORCH,
    ".pth": TORCH,
    ".ckpt": TORCH,
    ".safetensors": WEIGHTS,
    ".mar": TORCHSERVE,
    ".tflite": TFLITE,
    ".pb": TENSORFLOW,
    ".pmml": PMML,
    ".rds": R_OBJECT,
    ".rda": R_OBJECT,
    ".rdata": R_OBJECT,
    ".mlmodel": CORE_ML,
    ".mlpackage": CORE_ML,
    ".gguf": LANGUAGE_MODEL,
    ".ftz": FASTTEXT,
    ".w2v": WORD_VECTORS,
    ".npy": ARRAYS,
    ".npz": ARRAYS,
    ".ipynb": NOTEBOOK,
    ".csv": TABLE,
    ".tsv": TABLE,
    ".parquet": TABLE,
    ".feather": TABLE,
    ".arrow": TABLE,
    ".xlsx": TABLE,
    ".xls": TABLE,
    ".tar": TAR,
    ".tgz": TAR,
}
#: Members of a ZIP archive, all of them -> what it is; the first that fits.
MEMBERS: Final = (
    (frozenset({"data.pkl", "version"}), TORCH),
    (frozenset({"constants.pkl"}), TORCH),
    (frozenset({"model.weights.h5"}), KERAS),
    (frozenset({"saved_model.pb"}), TENSORFLOW),
    (frozenset({"MLmodel"}), ZIPPED_MLFLOW),
    (frozenset({"pipeline.mojo"}), DRIVERLESS),
    (frozenset({"workbook.xml"}), TABLE),
)
#: Files of a folder, all of them -> what it is.
FOLDERS: Final = (
    (("saved_model.pb",), TENSORFLOW),
    (("meta.json", "config.cfg"), SPACY),
    (("modules.json", "config_sentence_transformers.json"), TRANSFORMER),
    (("config.json", "model.safetensors"), TRANSFORMER),
    (("config.json", "pytorch_model.bin"), TRANSFORMER),
    (("keras_metadata.pb",), TENSORFLOW),
)
