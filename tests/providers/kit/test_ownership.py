import pytest

from providers.kit import Mark, NotOwned, describe, meta_mark, read_description, read_marks, require_ours, with_meta

MARK = Mark("project/dev/products-index", "00ff")


@pytest.mark.parametrize("text", ["", "Embeds text", "two\nlines", "ends in ]", "[pulumi:inside] it"])
def test_a_description_keeps_its_text_and_its_mark(text):
    assert read_description(describe(text, MARK)) == (text, MARK)


@pytest.mark.parametrize(
    ("description", "read"),
    [
        ("", ("", Mark())),
        ("somebody's", ("somebody's", Mark())),
        ("[pulumi:p/s/r]", ("", Mark("p/s/r", ""))),
        ("x [pulumi:p/s/r#1] y", ("x [pulumi:p/s/r#1] y", Mark())),
    ],
    ids=["empty", "no mark", "written by hand to adopt", "a mark that is not at the end"],
)
def test_reads_descriptions_of_others(description, read):
    assert read_description(description) == read


def test_several_resources_may_mark_one_object():
    other = Mark("project/dev/other", "11ee")
    assert read_marks(describe(describe("rows", MARK), other)) == ("rows", [MARK, other])
    assert read_marks("somebody's [x]") == ("somebody's [x]", [])
    assert (MARK.stack, Mark().stack) == ("project/dev", "")


def test_meta_keeps_what_others_put_there():
    meta = with_meta({"team": "search", "pulumi": {"link": "a#1"}}, index=str(MARK), protected=None)
    assert meta == {"team": "search", "pulumi": {"link": "a#1", "index": str(MARK)}}
    assert (meta_mark(meta, "index"), meta_mark(meta, "alias:x")) == (MARK, Mark())
    assert with_meta(meta, link=None)["pulumi"] == {"index": str(MARK)}


def test_what_is_ours_is_ours():
    require_ours("index x", MARK, MARK.owner, "…")


@pytest.mark.parametrize(
    ("mark", "line"),
    [
        (Mark(), "index x exists and is not ours; choose another name, or to adopt it: do this"),
        (
            Mark("other/prod/y", "1"),
            "index x belongs to other/prod/y; choose another name, or to adopt it: do this",
        ),
    ],
)
def test_what_is_not_ours_is_refused_with_whose_it_is(mark, line):
    with pytest.raises(NotOwned) as raised:
        require_ours("index x", mark, MARK.owner, "do this")
    assert str(raised.value) == line
