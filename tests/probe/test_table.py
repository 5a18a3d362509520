from probe.table import table


def test_words_stand_left_and_numbers_right():
    rows = [("name", "unit", "mean"), ("power", "W", "5.0"), ("load", "", "12.25")]

    assert table(rows, numbers_from=2) == "name   unit   mean\npower  W       5.0\nload         12.25"
