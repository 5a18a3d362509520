from harness.units import unit_of


def test_the_unit_is_in_the_name():
    names = ("train_images_per_s", "stage_s", "memory_bytes", "rate_bytes_per_s", "mAP", "temperature_c", "s")

    assert [unit_of(name) for name in names] == ["images/s", "s", "bytes", "bytes/s", "", "°C", "s"]
