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
def test_a_description_keeps_its_text_and_its_owner_reference(text):
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
def test_a_description_is_split_into_text_and_owner_reference(description, read):
    assert read_description(description) == read


def test_one_object_can_carry_several_owner_references():
    other = OwnerReference("project/dev/other", "11ee")
    assert read_references(describe(describe("rows", MARK), other)) == ("rows", [MARK, other])
    assert read_references("somebody's [x]") == ("somebody's [x]", [])
    assert (MARK.stack, OwnerReference().stack) == ("project/dev", "")


def test_meta_keeps_the_keys_of_others():
    meta = with_meta({"team": "search", "pulumi": {"link": "a#1"}}, index=str(MARK), protected=None)
    assert meta == {"team": "search", "pulumi": {"link": "a#1", "index": str(MARK)}}
    assert (meta_reference(meta, "index"), meta_reference(meta, "alias:x")) == (MARK, OwnerReference())
    assert with_meta(meta, link=None)["pulumi"] == {"index": str(MARK)}


def test_an_object_with_our_owner_reference_is_accepted():
    require_owned("index x", MARK, MARK.owner)


@pytest.mark.parametrize(
    ("reference", "line"),
    [
        (OwnerReference(), "index x exists and is not ours; choose another name, or adopt it: `python -m ops adopt`"),
        (
            OwnerReference("other/prod/y", "1"),
            "index x belongs to other/prod/y; choose another name, or adopt it: `python -m ops adopt`",
        ),
    ],
    ids=["nobody's", "another's"],
)
def test_an_object_of_another_owner_is_refused_and_the_owner_named(reference, line):
    with pytest.raises(NotOwned) as raised:
        require_owned("index x", reference, MARK.owner)
    assert str(raised.value) == line
