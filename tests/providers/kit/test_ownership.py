import pytest

from providers.kit import (
    NotOwned,
    OwnerReference,
    describe,
    meta_reference,
    read_description,
    read_references,
    require_owned,
    with_meta,
)

MARK = OwnerReference("project/dev/products-index", "00ff")


@pytest.mark.parametrize("text", ["", "Embeds text", "two\nlines", "ends in ]", "[pulumi:inside] it"])
def test_a_description_keeps_its_text_and_its_mark(text):
    assert read_description(describe(text, MARK)) == (text, MARK)


@pytest.mark.parametrize(
    ("description", "read"),
    [
        ("", ("", OwnerReference())),
        ("somebody's", ("somebody's", OwnerReference())),
        ("[pulumi:p/s/r]", ("", OwnerReference("p/s/r", ""))),
        ("x [pulumi:p/s/r#1] y", ("x [pulumi:p/s/r#1] y", OwnerReference())),
    ],
    ids=["empty", "no owner reference", "written by hand to adopt", "an owner reference that is not at the end"],
)
def test_reads_descriptions_of_others(description, read):
    assert read_description(description) == read


def test_several_resources_may_mark_one_object():
    other = OwnerReference("project/dev/other", "11ee")
    assert read_references(describe(describe("rows", MARK), other)) == ("rows", [MARK, other])
    assert read_references("somebody's [x]") == ("somebody's [x]", [])
    assert (MARK.stack, OwnerReference().stack) == ("project/dev", "")


def test_meta_keeps_what_others_put_there():
    meta = with_meta({"team": "search", "pulumi": {"link": "a#1"}}, index=str(MARK), protected=None)
    assert meta == {"team": "search", "pulumi": {"link": "a#1", "index": str(MARK)}}
    assert (meta_reference(meta, "index"), meta_reference(meta, "alias:x")) == (MARK, OwnerReference())
    assert with_meta(meta, link=None)["pulumi"] == {"index": str(MARK)}


def test_what_is_ours_is_ours():
    require_owned("index x", MARK, MARK.owner, "…")


@pytest.mark.parametrize(
    ("reference", "line"),
    [
        (OwnerReference(), "index x exists and is not ours; choose another name, or to adopt it: do this"),
        (
            OwnerReference("other/prod/y", "1"),
            "index x belongs to other/prod/y; choose another name, or to adopt it: do this",
        ),
    ],
)
def test_what_is_not_ours_is_refused_with_whose_it_is(reference, line):
    with pytest.raises(NotOwned) as raised:
        require_owned("index x", reference, MARK.owner, "do this")
    assert str(raised.value) == line
