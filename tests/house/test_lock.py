"""What is tracked can be built anywhere: no registry, no machine, no secret is in it."""

import re

import pytest

OUTSIDE = re.compile(r"\b(?:https?|ftp)://(?P<host>[A-Za-z0-9.-]+\.[a-z]{2,})\b")
RESERVED = re.compile(r"(^|\.)(example|invalid|test|localhost)$|(^|\.)example\.(com|net|org)$")
"""Names that RFC 2606 and RFC 6761 keep for examples."""
STANDARDS = {
    *("json-schema.org", "www.apache.org", "www.rfc-editor.org", "www.postgresql.org", "peps.python.org"),
    "schemas.openxmlformats.org",
}
HOMES = re.compile(
    r"(?:^|[\s`\"'(=:])/(?:" + "|".join(["ro" + "ot", "ho" + "me/[a-z]+", "Use" + "rs/[a-zA-Z]+"]) + r")/", re.MULTILINE
)


def test_the_lock_names_no_address_and_has_a_hash_for_every_package(root):
    text = (root / "requirements.lock").read_text(encoding="utf-8")
    packages = re.findall(
        r"^([a-zA-Z0-9._-]+(?:\[[a-z,]+\])?)==([^\s\\;]+)(.*?)(?=^[a-zA-Z0-9]|\Z)", text, re.MULTILINE | re.DOTALL
    )

    assert "://" not in text
    assert re.search(r"--(index|extra-index|find-links|trusted)", text) is None
    assert len(packages) > 50
    assert [name for name, _, rest in packages if "--hash=sha256:" not in rest] == []


@pytest.mark.parametrize("what", ["hosts", "homes"])
def test_no_tracked_file_names_a_machine(texts, what):
    found = {}
    for name, text in texts.items():
        hosts = {m["host"].lower() for m in OUTSIDE.finditer(text)}
        strange = {host for host in hosts if not RESERVED.search(host) and host not in STANDARDS}
        if what == "hosts" and strange:
            found[name] = strange
        if what == "homes" and HOMES.search(text):
            found[name] = HOMES.findall(text)

    assert found == {}


def test_no_tracked_file_holds_a_token(texts):
    """A token is `rf_` and 43 characters by chance; tests make theirs when they run."""
    token = re.compile(r"\brf_(?=[A-Za-z_-]*[0-9])(?=[a-z0-9_-]*[A-Z])[A-Za-z0-9_-]{43}\b")

    assert [name for name, text in texts.items() if token.search(text)] == []
