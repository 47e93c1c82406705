"""What Claret takes and refuses of a request before a job is made."""

import pytest

from rowferry.api.claret.bodies import Arguments, DeleteBody, ImportBody, checked, options_of
from rowferry.api.claret.uploads import Form, columns_of
from rowferry.domain.faults import Invalid
from rowferry.domain.ledger import OnError
from rowferry.domain.schema import Mode

YES = {"allow_record_creation": True, "allow_record_update": True, "should_continue_on_error": True}


def refused(call, *arguments) -> dict[str, str]:
    """What is refused, by the place of the fault."""
    with pytest.raises(Invalid) as caught:
        call(*arguments)
    return {one.pointer: one.detail for one in caught.value.errors}


# Arguments ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("create", "update", "mode", "duplicates"),
    [
        (True, True, Mode.UPSERT, "apply"),
        (True, False, Mode.CREATE, "fail"),
        (False, True, Mode.UPDATE, "apply"),
    ],
)
def test_what_is_allowed_decides_the_mode(create, update, mode, duplicates) -> None:
    options = options_of(checked(Arguments, YES | {"allow_record_creation": create, "allow_record_update": update}))
    assert (options.mode, options.duplicates, options.columns_extra) == (mode, duplicates, "ignore")


def test_an_import_that_may_do_nothing_is_refused() -> None:
    nothing = checked(Arguments, YES | {"allow_record_creation": False, "allow_record_update": False})
    assert "nothing can be done" in refused(options_of, nothing)["/arguments"]


@pytest.mark.parametrize(("goes_on", "policy"), [(True, OnError.CONTINUE), (False, OnError.ABORT)])
def test_the_first_failed_record_ends_the_import_unless_it_is_to_go_on(goes_on, policy) -> None:
    options = options_of(checked(Arguments, YES | {"should_continue_on_error": goes_on}))
    assert options.policy.on_error is policy


def test_json_needs_each_argument_as_a_boolean() -> None:
    body = {"source": "ui", "arguments": {"allow_record_creation": 1, "allow_record_update": "true"}, "payload": []}
    assert refused(checked, ImportBody, body) == {
        "/source": "The source field must be 'api'.",
        "/arguments/allow_record_creation": "The arguments.allow_record_creation field must be true or false.",
        "/arguments/allow_record_update": "The arguments.allow_record_update field must be true or false.",
        "/arguments/should_continue_on_error": "The arguments.should_continue_on_error field is required.",
        "/payload": "The payload field must not be empty.",
    }


def test_a_body_that_is_no_object_is_refused() -> None:
    assert refused(checked, ImportBody, [1]) == {"": "The body field must be an object."}


# Deletes --------------------------------------------------------------------------------------------------------------


def conditions(body: dict) -> list:
    return checked(DeleteBody, body).any_of()


def test_what_is_given_of_a_row_must_hold_together_and_rows_add_up() -> None:
    rows = [
        {"item": "A", "location": "S", "location_area": "H", "bin": "B", "lot": "L", "date_filled": "2026-03-04"},
        {"item": "C"},
    ]
    assert conditions({"rows": rows}) == [
        {
            "item_name": ["A"],
            "bin_name.location": ["S"],
            "bin_name.location_area": ["H"],
            "bin_name": ["B"],
            "lot_name": ["L"],
            "date_filled": ["2026-03-04"],
        },
        {"item_name": ["C"]},
    ]


def test_criteria_of_a_filter_hold_together_and_names_of_one_add_up() -> None:
    sent = {"items": ["A", "B"], "lots": ["L"], "date_filled_from": "2026-03-01", "date_filled_to": "2026-03-31"}
    assert conditions(sent) == [
        {
            "item_name": ["A", "B"],
            "lot_name": ["L"],
            "date_filled": {"gte": "2026-03-01", "lte": "2026-03-31"},
        }
    ]


def test_rows_win_over_a_filter() -> None:
    assert conditions({"items": ["Z"], "rows": [{"item": "A"}]}) == [{"item_name": ["A"]}]


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({}, "/rows"),
        ({"rows": []}, "/rows"),
        ({"rows": [], "items": ["A"]}, "/rows"),
        ({"rows": None, "items": ["A"]}, "/rows"),
        ({"rows": [{}]}, "/rows/0/item"),
        ({"rows": [{"item": ""}]}, "/rows/0/item"),
        ({"rows": [{"item": "A", "lot": None}]}, "/rows/0/lot"),
        ({"rows": [{"item": "A", "lot_name": "L"}]}, "/rows/0/lot_name"),
        ({"rows": [{"item": "A"}] * 1001}, "/rows"),
        ({"items": []}, "/items"),
        ({"items": [], "date_filled_from": "2026-03-01"}, "/items"),
        ({"items": None, "date_filled_from": "2026-03-01"}, "/items"),
        ({"items": "A"}, "/items"),
        ({"item_names": ["A"], "lots": ["L"]}, "/item_names"),
        ({"date_filled_from": "2026-02-30"}, "/date_filled_from"),
        ({"date_filled_from": "20260301"}, "/date_filled_from"),
        ({"date_filled_to": "01.03.2026"}, "/date_filled_to"),
    ],
)
def test_a_delete_that_could_take_more_than_was_meant_is_refused(body, place) -> None:
    assert place in refused(conditions, body)


# Forms ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "texts",
    [
        {"arguments": '{"allow_record_creation": true, "allow_record_update": false, "should_continue_on_error": true}'},
        {"arguments": '{"allow_record_creation": 1, "allow_record_update": "0", "should_continue_on_error": "on"}'},
        {"arguments[allow_record_creation]": "1", "arguments[allow_record_update]": "0", "arguments[should_continue_on_error]": "TRUE"},
        {"arguments[allow_record_creation]": "on", "arguments[allow_record_update]": "off", "arguments[should_continue_on_error]": "true"},
    ],
)  # fmt: skip
def test_a_form_says_yes_and_no_as_json_or_as_php_does(texts) -> None:
    expected = YES | {"allow_record_update": False}
    assert Form(texts).arguments.model_dump() == expected


@pytest.mark.parametrize(
    ("texts", "places"),
    [
        ({}, {"/arguments"}),
        ({"arguments": " "}, {"/arguments"}),
        ({"arguments": "[]"}, {"/arguments"}),
        ({"arguments": '{"allow_record_creation": true}', "arguments[allow_record_update]": "0"}, {"/arguments"}),
        ({"arguments[allow_record_creation]": "1"}, {"/arguments/allow_record_update", "/arguments/should_continue_on_error"}),
        ({f"arguments[{name}]": "maybe" for name in YES}, {f"/arguments/{name}" for name in YES}),
    ],
)  # fmt: skip
def test_a_form_whose_arguments_do_not_fit_is_refused(texts, places) -> None:
    assert set(refused(lambda: Form(texts).arguments)) == places


def test_columns_that_are_not_mapped_go_to_the_field_of_their_name() -> None:
    columns = ["Artikel", "Bin Name", "quantity", "Menge", "note"]
    expected = {"Artikel": "item_name", "Menge": "quantity", "Bin Name": "bin_name"}
    as_json = Form({"field_mapping": '{"Artikel": "item_name", "Menge": "quantity"}'})
    as_php = Form({"field_mapping[Artikel]": "item_name", "field_mapping[Menge]": "quantity"})
    assert dict(as_json.mapping(columns)) == dict(as_php.mapping(columns)) == expected
    assert Form().mapping(columns) is None
    assert Form({"field_mapping": "{}"}).mapping(columns) is None


def test_a_column_may_be_left_out() -> None:
    for texts in ({"field_mapping": '{"note": null}'}, {"field_mapping[note]": ""}):
        assert Form(texts).mapping(["note"]) == (("note", None),)


@pytest.mark.parametrize(
    "text",
    ['{"Menge": "amount"}', '{"Menge": 3}', '{"Menge": ["quantity"]}', '{"a": "quantity", "b": "quantity"}', '["quantity"]', '"x"'],
)  # fmt: skip
def test_a_mapping_that_does_not_fit_is_refused(text) -> None:
    assert set(refused(Form({"field_mapping": text}).mapping, [])) == {"/field_mapping"}


# Files ----------------------------------------------------------------------------------------------------------------


def lines(count: int, end: str = "\n", encoding: str = "utf-8", delimiter: str = ",") -> bytes:
    rows = [delimiter.join(("item_name", "note"))]
    rows += [delimiter.join((f"Ä {number}", f'"two{end}lines ""quoted"" {number}"')) for number in range(count)]
    return (end.join(rows) + end).encode(encoding)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_thousand_records_are_taken_and_one_more_is_not(end, encoding, delimiter) -> None:
    assert columns_of(lines(1000, end, encoding, delimiter)) == ["item_name", "note"]
    assert "more than 1000" in refused(columns_of, lines(1001, end, encoding, delimiter))["/file"]


def test_blank_lines_are_no_records() -> None:
    assert columns_of(b"\n\n" + lines(1000) + b"\n , \n\n") == ["item_name", "note"]


@pytest.mark.parametrize("content", [b"PK\x03\x04\0\0", b"\x1f\x8b\x08\0\0\0", b'a\n"' + b"x" * 200_000 + b'"\n'])
def test_what_is_no_csv_file_is_refused(content) -> None:
    assert "must be a CSV file" in refused(columns_of, content)["/file"]


def test_a_file_without_records_is_left_to_the_job() -> None:
    assert columns_of(b"item_name,quantity\n") == ["item_name", "quantity"]
    assert columns_of(b"") == []


def test_a_form_without_a_file_is_refused() -> None:
    assert refused(lambda: Form().file) == {"/file": "The file field is required."}
