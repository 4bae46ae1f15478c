"""The benchmark of front ends."""

import pytest

from kws.native import op_library


@pytest.mark.skipif(op_library() is None, reason="the op library was not built")
def test_bench_writes_a_row_for_each_front_end(tmp_path):
    pytest.importorskip("librosa")
    from kws.benchmark.frontend import bench_frontend

    result = bench_frontend(tmp_path / "frontend.json", quick=True)
    names = {row["name"] for row in result["rows"]}
    assert {"kws, C", "kws, NumPy", "librosa"} <= names
    assert all(row["us_per_second"] > 0 for row in result["rows"])
    ours = next(row for row in result["rows"] if row["name"] == "kws, C")
    fastest = next(row for row in result["rows"] if row["name"] == result["fastest_equal"])
    ratio = fastest["us_per_second"] / ours["us_per_second"]
    assert result["ratio_to_fastest_equal"] == pytest.approx(ratio)
    assert "librosa" in (tmp_path / "frontend.md").read_text()
