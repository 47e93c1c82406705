"""What the fields of an upload come to as options of an import, and what is kept of them."""

from datetime import UTC, datetime

import pytest

from rowferry.api.gu1 import plans
from rowferry.api.gu1.bodies import EntityForm, EventForm, TransactionBatch, TransactionForm, names_of, of_form
from rowferry.api.gu1.columns import Translation
from rowferry.domain.faults import Invalid, MalformedJson
from rowferry.domain.ledger import OnError
from rowferry.domain.schema import Mode

NOW = datetime(2026, 3, 4, 9, 0, tzinfo=UTC)


def entities(translation=None, mode="manual", **fields: str):
    return plans.of_entities(of_form(EntityForm, fields), mode, translation)


def transactions(**fields: str):
    return plans.of_transactions(of_form(TransactionForm, fields), None, NOW)


def test_entities_that_exist_are_skipped_and_the_others_need_a_name_and_a_country():
    options = entities().options
    assert (options.mode, options.duplicates, options.strict) == (Mode.SKIP_EXISTING, "skip", True)
    assert options.required == ("country_code", "suggested_name")
    assert options.policy.on_error is OnError.CONTINUE
    assert dict(options.defaults) == {"status": "under_review"}


def test_entities_of_the_automatic_mode_need_no_name():
    assert entities(mode="automatic").options.required == ("country_code",)


def test_entities_that_exist_fail_where_the_policy_says_so():
    options = entities(duplicateTaxIdPolicy="error", stopOnFirstError="true").options
    assert (options.mode, options.duplicates, options.policy.on_error) == (Mode.CREATE, "fail", OnError.STOP)


def test_what_the_form_says_goes_before_the_mapping_and_that_before_our_own():
    translation = Translation((("A", "tax_id"),), {"status": "active", "nationality": "CL", "type": "person"})
    options = entities(translation, nationality="AR", isClient="true", attributes='{"a":"é"}').options
    assert dict(options.defaults) == {
        "status": "active",
        "nationality": "AR",
        "type": "person",
        "is_client": "true",
        "attributes": '{"a": "é"}',
    }
    assert (options.mapping, options.columns_extra) == ((("A", "tax_id"),), "ignore")
    assert dict(entities(translation, status="blocked").options.defaults)["status"] == "blocked"


@pytest.mark.parametrize(
    ("word", "on_error"),
    [
        ("rollback_all", OnError.ATOMIC),
        ("stop_keep_success", OnError.STOP),
        ("continue_collect_errors", OnError.CONTINUE),
    ],
)
def test_a_form_of_transactions_says_how_errors_are_borne(word, on_error):
    assert transactions(batchErrorHandling=word).options.policy.on_error is on_error


def test_transactions_are_undone_together_and_their_entities_must_exist_when_nothing_is_said():
    options = transactions().options
    assert (options.policy.on_error, options.mode, options.duplicates) == (OnError.ATOMIC, Mode.CREATE, "fail")
    assert (options.strict, options.missing_reference) == (True, "abort")
    assert dict(options.defaults) == {"status": "CREATED", "transacted_at": "2026-03-04T09:00:00.000Z"}


def test_transactions_that_exist_are_skipped_and_entities_not_looked_up_on_request():
    options = transactions(skipDuplicates="true", validateExistingEntity="false").options
    assert (options.mode, options.duplicates, options.strict) == (Mode.SKIP_EXISTING, "skip", False)


def test_transactions_as_json_collect_their_errors():
    plan = plans.of_transactions(TransactionBatch(transactions=[]), None, NOW)
    assert plan.options.policy.on_error is OnError.CONTINUE


def test_events_of_unknown_entities_fail_only_where_the_caller_says_so():
    none = Translation((), {})
    loose = plans.of_events(of_form(EventForm, {"mappingId": "x"}), none, NOW)
    strict = plans.of_events(of_form(EventForm, {"mappingId": "x", "withAutoEntity": "false"}), none, NOW)
    assert (loose.options.strict, strict.options.strict, strict.options.missing_reference) == (False, True, "fail")
    assert dict(loose.options.defaults) == {"timestamp": "2026-03-04T09:00:00.000Z"}


def test_a_job_keeps_what_was_said_in_the_words_of_the_wire():
    plan = entities(depth="3", monitoring='{"daily":true}', reportRecipientEmails='["a@b.c"]', attributes='{"x":1}')
    assert plan.kept == {
        "importMode": "manual",
        "options": {"depth": 3, "monitoring": {"daily": True}, "reportRecipientEmails": ["a@b.c"]},
    }


def test_a_job_keeps_no_options_without_end():
    with pytest.raises(Invalid, match="longer than"):
        entities(monitoring='{"x":"' + "y" * 20_000 + '"}')


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"depth": "6"}, "/depth"),
        ({"depth": "1.5"}, "/depth"),
        ({"isClient": "yes"}, "/isClient"),
        ({"stopOnFirstError": "1"}, "/stopOnFirstError"),
        ({"status": "gone"}, "/status"),
        ({"nationality": "ARG"}, "/nationality"),
        ({"monitoring": "[]"}, "/monitoring"),
        ({"attributes": '"x"'}, "/attributes"),
        ({"reportRecipientEmails": '["no address"]'}, "/reportRecipientEmails/0"),
        ({"reportRecipientEmails": "[" + ",".join(['"a@b.c"'] * 11) + "]"}, "/reportRecipientEmails"),
        ({"emailLocale": "de"}, "/emailLocale"),
        ({"duplicateTaxIdPolicy": "merge"}, "/duplicateTaxIdPolicy"),
        ({"entityImportMode": "quick"}, "/entityImportMode"),
    ],
)
def test_an_option_of_the_wrong_type_is_named(fields, place):
    with pytest.raises(Invalid) as caught:
        of_form(EntityForm, fields)
    assert [fault.pointer for fault in caught.value.errors] == [place]


def test_json_in_a_field_must_be_json():
    with pytest.raises(MalformedJson, match="The field attributes"):
        of_form(EntityForm, {"attributes": "{"})


def test_an_empty_field_says_nothing():
    assert of_form(EntityForm, {"depth": "", "status": " "}) == EntityForm()


def test_every_field_of_the_wire_is_known():
    assert names_of(EntityForm) == {
        "mappingId", "entityImportMode", "stopOnFirstError", "skipRulesExecution", "riskMatrixPersonId", "riskMatrixCompanyId",
        "autoExecuteIntegrations", "autoExecuteIntegrationsShareholders", "attributes", "monitoring", "depth", "isClient", "status",
        "nationality", "reportRecipientEmails", "emailLocale", "duplicateTaxIdPolicy", "country",
    }  # fmt: skip
    assert names_of(TransactionForm) == {
        "mappingId", "columnMapping", "executeRules", "skipDuplicates", "validateExistingEntity", "batchErrorHandling",
    }  # fmt: skip
    assert names_of(EventForm) == {"mappingId", "executeRules", "withAutoEntity"}
