"""What a console page was asked for stands in no log."""

from serving import Gateway

#: Numbers that occur nowhere else.
LINK, FORM = "117.8215", "118.4273"
ROW = "times_pregnant=1&blood_pressure=70&skin_fold_thick=28&serum_insulin=135&mass_index=34.2&diabetes_pedigree=0.1&age=22"


def test_no_log_holds_what_was_sent(five: Gateway) -> None:
    """The access line of a link has its path without the query; neither link nor form leaves a value anywhere."""
    link = five.get(f"/console/diabetes?{ROW}&glucose={LINK}")
    form = five.form("/console/diabetes", **dict(pair.split("=") for pair in f"{ROW}&glucose={FORM}".split("&")))
    refused = five.get(f"/console/diabetes?glucose={LINK}x")
    assert (link.status, form.status, refused.status) == (200, 200, 400)
    ids = {answer.headers["x-request-id"] for answer in (link, form, refused)}
    lines = [event for event in five.events("request") if event["request_id"] in ids]
    assert {(line["route"], line["method"], line["code"]) for line in lines} == {
        ("/diabetes", "GET", 200),
        ("/diabetes", "POST", 200),
        ("/diabetes", "GET", 400),
    }
    text = five.log.read_text()
    assert LINK not in text
    assert FORM not in text
