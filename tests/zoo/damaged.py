"""Files that are broken without malice, and archives that would fill the memory."""

import zipfile
import zlib
from pathlib import Path

import joblib
import skops.io
import xgboost
from sklearn.linear_model import LinearRegression, LogisticRegression

from .data import classes, matrix, values
from .hostile import honest, write
from .specimen import Grown, species

ROWS = matrix()
#: Blocks of 16 MB: half a gigabyte more than a preparing child may use.
BOMB_BLOCKS = 160


@species("hostile-empty")
def empty(folder: Path) -> Grown:
    """An empty file called model.skops."""
    return Grown(**write(folder, "model.skops", b""), refused="broken-artifact", says="empty")


@species("hostile-empty-onnx")
def empty_onnx(folder: Path) -> Grown:
    """An empty file called model.onnx."""
    return Grown(**write(folder, "model.onnx", b""), refused="broken-artifact", says="empty")


def _cut(folder: Path, name: str, code: str = "broken-artifact", *, pin: bool = False) -> Grown:
    path = folder / name
    data = path.read_bytes()
    return Grown(**write(folder, name, data[: len(data) * 2 // 3], pin=pin), refused=code, says=name)


@species("hostile-truncated-skops")
def truncated_skops(folder: Path) -> Grown:
    """Two thirds of a skops file."""
    skops.io.dump(LinearRegression().fit(ROWS, values(ROWS)), folder / "model.skops")
    return _cut(folder, "model.skops", "pickle-refused")


@species("hostile-truncated-pickle")
def truncated_pickle(folder: Path) -> Grown:
    """Two thirds of a pickle."""
    honest(folder)
    return _cut(folder, "model.pkl", pin=True)


@species("hostile-truncated-joblib")
def truncated_joblib(folder: Path) -> Grown:
    """Two thirds of a compressed joblib file."""
    joblib.dump(LogisticRegression().fit(ROWS, classes(ROWS, [0, 1])), folder / "model.joblib", compress=3)
    return _cut(folder, "model.joblib", pin=True)


@species("hostile-truncated-ubj")
def truncated_ubj(folder: Path) -> Grown:
    """Two thirds of an XGBoost file."""
    xgboost.XGBRegressor(n_estimators=3).fit(ROWS, values(ROWS)).save_model(folder / "model.ubj")
    return _cut(folder, "model.ubj")


@species("hostile-truncated-json")
def truncated_json(folder: Path) -> Grown:
    """Two thirds of an XGBoost JSON file."""
    xgboost.XGBRegressor(n_estimators=3).fit(ROWS, values(ROWS)).save_model(folder / "model.json")
    return _cut(folder, "model.json")


@species("hostile-zip-bomb-skops")
def bomb_skops(folder: Path) -> Grown:
    """A skops file of a few kilobytes that unpacks to gigabytes."""
    return _bomb(folder, "model.skops", "schema.json")


@species("hostile-zip-bomb-mojo")
def bomb_mojo(folder: Path) -> Grown:
    """A MOJO of a few kilobytes that unpacks to gigabytes."""
    return _bomb(folder, "model.zip", "model.ini")


def _bomb(folder: Path, name: str, member: str) -> Grown:
    block = b" " * (1 << 24)
    path = folder / name
    # level 1 makes it 12 MB; a zip inside the zip would make it smaller still, and be opened by nobody
    packed = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
    with packed as archive, archive.open(member, "w", force_zip64=True) as out:
        for _ in range(BOMB_BLOCKS):
            out.write(block)
    return Grown(name, refused="too-large-inside", says="unpack")


@species("hostile-pickle-bomb")
def bomb_pickle(folder: Path) -> Grown:
    """A small compressed joblib file that unpacks to gigabytes of text"""
    maker = zlib.compressobj(1)
    block = b" " * (1 << 24)
    parts = [maker.compress(b"\x80\x04\x8d" + (BOMB_BLOCKS * len(block)).to_bytes(8, "little"))]
    parts += [maker.compress(block) for _ in range(BOMB_BLOCKS)]
    parts += [maker.compress(b"."), maker.flush()]
    return Grown(**write(folder, "model.joblib", b"".join(parts), pin=True), refused="too-large-inside", says="unpack")


@species("hostile-crafted-tree")
def crafted_tree(folder: Path) -> Grown:
    """A tree whose children point outside its table, which scikit-learn would follow into foreign memory."""
    from sklearn.tree import DecisionTreeRegressor

    model = DecisionTreeRegressor(max_depth=3).fit(ROWS, values(ROWS))
    model.tree_.feature[:1] = 7_000_000
    skops.io.dump(model, folder / "model.skops")
    return Grown("model.skops", refused="broken-artifact", says="outside its own table")


@species("hostile-recursive-pickle")
def recursive(folder: Path) -> Grown:
    """A pickle of lists nested a hundred thousand deep."""
    depth = 100_000
    data = b"\x80\x04" + b"]" * depth + b"a" * (depth - 1) + b"."
    return Grown(**write(folder, "model.pkl", data, pin=True), refused="forbidden-pickle", says="deep")


@species("hostile-text")
def only_text(folder: Path) -> Grown:
    """A file that Git LFS left in place of the model."""
    text = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
    grown = Grown(**write(folder, "model.ubj", text), refused="broken-artifact", says="neither UBJSON nor JSON")
    grown.entry["loader"] = "xgboost"  # without it, the registry as a whole is refused: no loader takes such a file
    return grown


@species("hostile-old-booster")
def old_booster(folder: Path) -> Grown:
    """The binary format that XGBoost 3 dropped."""
    data = b"binf" + bytes(200)
    return Grown(**write(folder, "model.ubj", data), refused="wrong-version", says="binary format")
