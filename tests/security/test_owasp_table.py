"""The table of docs/security.md says of every OWASP item what shows it, or why nothing can."""

import owasp


def test_markers_name_items_that_exist() -> None:
    """Each marker is read, and stands in a module with tests."""
    found = list(owasp.shown())
    assert found
    assert all(one.tests and one.measure for one in found)
