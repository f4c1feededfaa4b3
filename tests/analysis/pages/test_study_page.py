from state_of_sparsity.analysis.pages.study_page import rows_if_there


def test_a_table_is_read_and_one_that_is_not_there_has_no_rows(tmp_path):
    path = tmp_path / "samples.csv"
    assert rows_if_there(path) == []
    path.write_text("source,run,translation\nÄ,one,B\n", encoding="utf-8")
    assert rows_if_there(path) == [{"source": "Ä", "run": "one", "translation": "B"}]
