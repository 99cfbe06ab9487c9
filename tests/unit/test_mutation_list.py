"""The list of mutations stays true to the code. `scripts/mutate` runs them."""

from pathlib import Path

import pytest

from tests.mutations.mutation_list import PAGE, Mutation, faults, load, page


def mutation(*, file: str = "one.py", find: str = "a < b", replace: str = "a <= b") -> Mutation:
    return Mutation(
        id="one", file=file, promise="", find=find, replace=replace, tests=("test_one.py",)
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "one.py").write_text("a < b\nc\nc\n", encoding="utf-8")
    (tmp_path / "test_one.py").touch()
    return tmp_path


def test_every_mutation_still_fits_the_code() -> None:
    mutations = load()
    assert len(mutations) >= 50
    assert list(faults(mutations)) == []


def test_the_page_shows_the_list() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(load()), "run scripts/mutate --write-docs"


def test_a_mutation_that_fits_has_no_fault(root: Path) -> None:
    assert list(faults([mutation()], root)) == []
    assert mutation().applied_to("a < b\n") == "a <= b\n"


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (mutation(find="a > b"), "occurs 0 times"),
        (mutation(find="c"), "occurs 2 times"),
        (mutation(replace="a < b"), "changes nothing"),
        (mutation(file="two.py"), "two.py"),
    ],
    ids=["gone", "not unique", "no change", "no file"],
)
def test_a_mutation_that_does_not_fit_is_told(wrong: Mutation, told: str, root: Path) -> None:
    [fault] = faults([wrong], root)
    assert told in fault


def test_a_test_that_is_not_there_and_a_repeated_id_are_told(root: Path) -> None:
    (root / "test_one.py").unlink()
    assert len(list(faults([mutation(), mutation()], root))) == 3
