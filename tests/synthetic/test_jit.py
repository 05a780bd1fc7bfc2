from pathlib import Path

from swath.synthetic import _jit


def test_a_kernel_is_cached_by_all_sources_that_it_rests_on(monkeypatch, tmp_path):
    for name, text in {
        "top": "from swath.synthetic.middle import f\n", "middle": "    from swath.synthetic.deep import g\n",
        "deep": "X = 1\n", "other": "Y = 1\n",
    }.items():  # fmt: skip
        (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.setattr(_jit, "_HERE", tmp_path)

    def digest() -> str:
        _jit.digest.cache_clear()
        return _jit.digest("top")

    before = digest()
    (tmp_path / "other.py").write_text("Y = 2\n")
    assert digest() == before
    (tmp_path / "deep.py").write_text("X = 2\n")
    assert digest() != before
    monkeypatch.undo()
    _jit.digest.cache_clear()


def test_files_of_kernels_import_each_other_in_the_form_that_the_digest_reads():
    for path in Path(_jit.__file__).parent.glob("*.py"):
        text = path.read_text()
        if "@kernel" in text:
            assert "import swath.synthetic" not in text and "from swath.synthetic import" not in text, path.name
