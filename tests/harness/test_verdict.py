from harness.verdict import Verdict


def test_there_are_three_verdicts_in_the_words_that_people_read():
    assert [verdict.value for verdict in Verdict] == ["yes", "no", "cannot tell"]
