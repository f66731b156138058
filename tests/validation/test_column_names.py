"""The rule of names by itself: what is equal, what resembles, what is neither, and what it costs."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.schema import Field
from gateway.validation.column_names import NameRule

FIELDS = (
    Field(name="dose_mg"),
    Field(name="weight", unit="kg", aliases=("mass",)),
    Field(name="Größe (cm)"),
    Field(name="1.0"),
    Field(name="load (kW)"),
)
NAMES = [field.name for field in FIELDS]
RULE = NameRule(FIELDS, ("id",))


def meant(name: str, held: list[str]) -> list[str]:
    """Return the declared names that a name is told to mean."""
    return [one for near in RULE.check([name], held).near for one in near.meant]


@pytest.mark.parametrize(
    ("sent", "declared"),
    [
        ("DOSE_MG", "dose_mg"),
        ("doseMg", "dose_mg"),
        (" dose - mg ", "dose_mg"),
        ("dose\r\n_mg", "dose_mg"),
        ("\ufeffdose_mg", "dose_mg"),
        ("dose\u200b_mg", "dose_mg"),
        ("dose\u00a0mg", "dose_mg"),
        ("ｄｏｓｅ＿ｍｇ", "dose_mg"),
        ("dose_mg (tablet)", "dose_mg"),
        ("dose_mg [per day]", "dose_mg"),
        ("dose_mg（片）", "dose_mg"),
        ("_dose_mg", "dose_mg"),
        ("weight kg", "weight"),
        ("Mass", "mass"),
        ("mass_kg", "mass"),
        (unicodedata.normalize("NFD", "Größe (cm)"), "Größe (cm)"),
        ("größe", "Größe (cm)"),
        ("GRÖSSE CM", "Größe (cm)"),
        ("1,0", "1.0"),
        ("Load", "load (kW)"),
        ("d\u043ese_mg", "dose_mg"),
        ("\u041c\u0430ss", "mass"),
    ],
)
def test_what_people_do_not_see_makes_no_other_name(sent: str, declared: str) -> None:
    """Case, blanks, punctuation, units, line breaks and normal forms: a fault, also beside the right name."""
    assert declared in meant(sent, [])
    assert declared in meant(sent, NAMES)


@pytest.mark.parametrize(
    ("sent", "declared"),
    [
        ("doze_mg", "dose_mg"),
        ("does_mg", "dose_mg"),
        ("dose", "dose_mg"),
        ("dose_g", "dose_mg"),
        ("patient dose mg", "dose_mg"),
        ("weight_lb", "weight"),
        ("load (kVA)", "load (kW)"),
        ("body mass", "mass"),
    ],
)
def test_a_resemblance_is_a_fault_only_while_the_field_is_absent(sent: str, declared: str) -> None:
    """Typing errors, other units and words of a name are told where a field has no value, and ignored where it has."""
    assert declared in meant(sent, [])
    assert meant(sent, NAMES) == []
    assert RULE.check([sent], NAMES).ignored == (sent,)


@pytest.mark.parametrize(
    ("sent", "declared"),
    [
        ("X2020.sales", "2020 sales"),
        ("living_sqft", "sqft_living"),
        ("patient[age]", "age"),
        ("patient[history][age]", "age"),
        ("age[]", "age"),
        ("age.1", "age"),
        ("age2", "age"),
        ("ages", "age"),
        ("categories", "category"),
        ("boxes", "box"),
        ("x01", "x1"),
        ("groesse", "größe"),
        ("grosse", "größe"),
        ("dose_m", "dose_mg"),
        ("are", "area"),
        ("TotBedrooms", "total_bedrooms"),
        ("serving_default_input:0", "input"),
        ("longtitude", "longitude"),
        ("diabetis_pedigre", "diabetes_pedigree"),
        ("temp_f", "temp_c"),
        ("num__age", "age"),
    ],
)
def test_what_people_and_programs_make_of_a_name_resembles_it(sent: str, declared: str) -> None:
    """R, SQL, pandas, spreadsheets, web forms and fingers: told while the field is absent, ignored beside it."""
    rule = NameRule([Field(name=declared, required=False)], ())
    assert [near.meant for near in rule.check([sent], [sent]).near] == [(declared,)]


@pytest.mark.parametrize(
    ("sent", "declared"),
    [
        ("height", "weight"),
        ("stage", "age"),
        ("image", "age"),
        ("agent", "age"),
        ("agency", "age"),
        ("set", "sat"),
        ("saturday", "sat"),
        ("date", "rate"),
        ("female", "male"),
        ("sex_female", "sex_male"),
        ("color_bed", "color_red"),
        ("temp_max", "temp_min"),
        ("temperature_max", "temperature_min"),
        ("x10", "x1"),
        ("x1", "x10"),
        ("x11", "x10"),
        ("lag_11", "lag_1"),
        ("feature_10", "feature_1"),
        ("longitude", "latitude"),
        ("petal length", "sepal length"),
        ("capital_loss", "capital_gain"),
        ("is_weekday", "is_weekend"),
        ("vitamin_d", "vitamin_a"),
        ("pm10", "pm25"),
        ("pm25", "pm2.5"),
        ("status", "state"),
        ("context", "text"),
        ("subtotal", "total"),
        ("submit", "age"),
        ("csrf_token", "age"),
        ("%", "---"),
    ],
)
def test_another_word_is_another_name(sent: str, declared: str) -> None:
    """Names that merely look alike are no misspelt ones: such a request keeps its answer."""
    rule = NameRule([Field(name=declared, required=False)], ())
    checked = rule.check([sent], [sent])
    assert (checked.near, checked.ignored) == ((), (sent,))
    assert rule.suggest(sent) is None


@pytest.mark.parametrize("sent", ["note", "x", "", "---", "Unnamed: 0", "__index_level_0__", "index", "漢字"])
def test_other_names_are_ignored(sent: str) -> None:
    """What has nothing to do with a field is no fault, even where every field is absent."""
    assert (meant(sent, []), RULE.check([sent], []).ignored) == ([], (sent,))


@pytest.mark.parametrize("sent", ["id", "_on_error", *NAMES, "mass"])
def test_declared_names_and_options_are_no_strangers(sent: str) -> None:
    """Fields, aliases, ids and options of a call are neither near nor ignored."""
    checked = RULE.check([sent], [])
    assert (checked.near, checked.ignored) == ((), ())


@given(st.text(max_size=30))
def test_any_text_is_judged(name: str) -> None:
    """Whatever a name is, it is a field, near one, ignored, or an option."""
    checked = RULE.check([name], [])
    assert (name in RULE.known) + len(checked.near) + len(checked.ignored) == 1


@given(st.sampled_from(NAMES[:3]), st.data())
def test_case_blanks_and_punctuation_never_hide_a_field(name: str, data: st.DataObject) -> None:
    """However a name is written, it is told as the field it is."""
    sent = "".join(
        data.draw(st.sampled_from([one, one.upper(), one.lower()]))
        if one.isalnum()
        else data.draw(st.sampled_from(["_", " ", ".", "-", "\n", "\u00a0", "", " / "]))
        for one in name
    )
    assert sent in RULE.known or name in meant(sent, NAMES)


def test_punctuation_between_digits_counts() -> None:
    """One point nought is not ten."""
    assert meant("10", NAMES) == []


def test_very_many_names_are_not_compared_letter_by_letter() -> None:
    """Of 10,000 unknown columns beside 3,000 absent fields only those that are equal for people are told."""
    rule = NameRule([Field(name=f"sensor_{at}_reading", required=False) for at in range(3_000)], ())
    checked = rule.check([f"sonde-{at}-reeding" for at in range(10_000)] + ["Sensor 7 Reading"], [])
    assert [near.meant for near in checked.near] == [("sensor_7_reading",)]
    assert len(checked.ignored) == 10_000
