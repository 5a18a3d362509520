import hashlib

from harness.workspace.marker import changes, differences, digest_of

BEFORE = {"inputs": {"epochs": "2", "spec": "a: 1\nb: 2\n"}, "consumed": {"verify": "f" * 64}, "revision": 1}


def now(**parts):
    return {**BEFORE, **parts}


def test_a_digest_does_not_depend_on_the_order_of_keys():
    expected = hashlib.sha256(b'{"a": 1, "b": [2]}').hexdigest()

    assert digest_of({"b": [2], "a": 1}) == digest_of({"a": 1, "b": [2]}) == expected


def test_a_changed_number_is_told_with_both_values():
    assert changes(BEFORE, now(inputs={**BEFORE["inputs"], "epochs": "3"})) == ["epochs was 2, is now 3"]


def test_of_a_changed_text_the_first_differing_line_is_told():
    after = now(inputs={**BEFORE["inputs"], "spec": "a: 1\n  b: 7\n"})

    assert changes(BEFORE, after) == ["spec line 2 was 'b: 2', is now 'b: 7'"]


def test_a_changed_product_upstream_is_told_by_the_name_of_its_stage():
    assert changes(BEFORE, now(consumed={"verify": "e" * 64})) == ["what verify made has changed"]
    assert changes(BEFORE, now(consumed={"verify": None})) == ["what verify made is gone"]


def test_a_changed_revision_is_told():
    assert changes(BEFORE, now(revision=2)) == ["this stage works differently since (revision 2)"]


def test_a_changed_engine_is_told_part_by_part():
    before, after = now(engine={"name": "tao", "version": "3"}), now(engine={"name": "tao", "version": "5"})

    assert changes(before, after) == ["engine version was 3, is now 5"]


def test_ingredients_that_were_not_kept_still_give_a_reason():
    assert changes({}, {"inputs": None, "consumed": {}}) == ["what goes in has changed"]


def test_a_digest_is_shown_short_and_an_absent_value_as_such():
    assert differences({"sha256": "0" * 64}, {}) == ["sha256 was 000000000000…, is now not there"]
