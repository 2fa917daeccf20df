"""The shop that stack dev searches: enough rows, all different, and found by what people would ask for."""

import csv
import re
from collections import Counter
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

import sandbox
from sandbox.embeddings.minilm import MiniLM

PRODUCTS = Path(sandbox.__file__).parent / "data" / "products.csv"
CHINESE = re.compile(r"[\u4e00-\u9fff]")

QUESTIONS = [
    ("a gift for a child who loves prehistoric animals", "Dinosaurs in the Garden"),
    ("I cannot sleep because my husband snores", "Ear Plugs, Wax"),
    ("water the plants while I am away on vacation", "Drip Irrigation Kit"),
    ("listen to music without hearing the plane engines", "Noise-Cancelling Headphones"),
    ("my back hurts from sitting at work", "Ergonomic Office Chair"),
    ("make fresh spaghetti at home", "Pasta Machine"),
    ("stop my cat from ruining the sofa", "Scratching Post"),
    ("shelter for sleeping in the mountains", "Two-Person Tent"),
    ("charge my mobile without electricity", "Power Bank 20000 mAh"),
    ("warm clothes for an icy winter day", "Down Jacket"),
    ("shoes for wading through puddles", "Waterproof Wellington Boots"),
    ("clean the carpet automatically when nobody is home", "Robot Vacuum"),
    ("detective story", "Salt and Ledger"),
    ("sharpen a dull knife", "Whetstone 1000/6000"),
    ("is my blood circulation pressure too high", "Blood Pressure Monitor"),
    ("game about strategy with kings and pawns", "Chess Set"),
    ("find out where my lost dog is", "GPS Pet Tracker"),
    ("learn to code", "Python for the Curious"),
]


@pytest.fixture(scope="module")
def products():
    with PRODUCTS.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def found(products):
    """A question's products, the best first, by the vectors of the descriptions, as stack dev has them."""
    model = MiniLM()
    descriptions = [row["description"] for row in products]
    vectors = np.concatenate([model.embed(descriptions[at : at + 10]) for at in range(0, len(descriptions), 10)])

    def ask(question):
        order = np.argsort(-(vectors @ model.embed([question])[0]))
        return [products[index]["name"] for index in order]

    return ask


def test_the_columns_are_those_of_stack_dev(products):
    assert list(products[0]) == ["id", "name", "category", "description", "price"]


def test_there_are_enough_rows_and_categories(products):
    categories = Counter(row["category"] for row in products)
    assert len(products) >= 400
    assert len(categories) >= 8
    assert min(categories.values()) >= 30


def test_about_forty_are_chinese(products):
    chinese = [row for row in products if CHINESE.search(row["name"]) and CHINESE.search(row["description"])]
    assert 35 <= len(chinese) <= 60


@pytest.mark.parametrize("column", ["id", "name", "description"])
def test_no_two_rows_are_alike(products, column):
    repeated = [value for value, count in Counter(row[column] for row in products).items() if count > 1]
    assert repeated == []


def test_every_row_fits_the_table(products):
    assert [int(row["id"]) for row in products] == list(range(1, len(products) + 1))
    for row in products:
        assert 0 < len(row["name"]) <= 200
        assert 0 < len(row["category"]) <= 64
        assert Decimal(row["price"]).quantize(Decimal("0.01")) == Decimal(row["price"]) > 0


def test_descriptions_are_written_and_not_filled_in(products):
    """A template would show: many descriptions that begin or end with the same words."""
    english = [row["description"].split() for row in products if not CHINESE.search(row["description"])]
    assert all(6 <= len(words) <= 40 for words in english)
    for same in (slice(3), slice(-3, None)):
        assert Counter(" ".join(words[same]) for words in english).most_common(1)[0][1] <= 4


def test_something_to_keep_coffee_hot_is_the_travel_mug(found):
    assert found("something to keep coffee hot")[0] == "Insulated Travel Mug"


@pytest.mark.parametrize(("question", "product"), QUESTIONS)
def test_a_question_finds_what_it_means(found, question, product):
    assert product in found(question)[:3]
