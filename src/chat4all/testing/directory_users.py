"""What every directory promises about users, tokens and keys."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from chat4all.domain.directory import UserKind
from chat4all.domain.errors import Conflict, InvalidToken, UsernameTaken, UserNotFound
from chat4all.domain.ids import UserId, new_id
from chat4all.ports.directory import Directory
from chat4all.ports.users import RefreshToken
from chat4all.testing.directory_examples import (
    START,
    add_people,
    contact,
    identity,
    minutes,
    person,
)


class UsersContract:
    """Duties of `Users`."""

    async def test_a_user_comes_back_as_it_was_added(
        self, directory: Directory, peer: Directory
    ) -> None:
        user = replace(
            person("zoé"),
            email="zoe@example.org",
            admin=True,
            preferred_channel="pigeon",
            last_seen_at=minutes(5),
            display_name="Zoé 🦜 'O\"Neil'; --",
        )
        await directory.users.add(user, secret_hash="$hash")  # noqa: S106 - an example
        assert await peer.users.get_many([user.id, UserId(new_id())]) == {user.id: user}
        assert await peer.users.by_username("zoé") == (user, "$hash")

    async def test_a_contact_has_no_secret_and_no_username(self, directory: Directory) -> None:
        [owner] = await add_people(directory, "ana")
        first, second = contact(owner, "Bia"), contact(owner, "Bia")
        await directory.users.add(first)
        await directory.users.add(second)
        assert await directory.users.get_many([first.id, second.id]) == {
            first.id: first,
            second.id: second,
        }

    async def test_many_users_are_read_at_once(self, directory: Directory) -> None:
        ids = await add_people(directory, *(f"user{number}" for number in range(5)))
        wanted = [*ids, *(UserId(new_id()) for _ in range(1_500)), ids[0]]
        assert set(await directory.users.get_many(wanted)) == set(ids)
        assert await directory.users.get_many([]) == {}

    @pytest.mark.parametrize("again", ["maria", "MARIA", "Maria", "ｍaria"])  # noqa: RUF001 - a look-alike
    async def test_a_username_is_taken_whatever_its_case(
        self, directory: Directory, peer: Directory, again: str
    ) -> None:
        kept = person("Maria")
        await directory.users.add(kept)
        with pytest.raises(UsernameTaken):
            await peer.users.add(person(again))
        found = await peer.users.by_username(again)
        assert found == (kept, None)

    async def test_usernames_fold_as_unicode_says(self, directory: Directory) -> None:
        await directory.users.add(person("straße"))
        with pytest.raises(UsernameTaken):
            await directory.users.add(person("STRASSE"))

    async def test_of_two_who_take_a_username_one_gets_it(
        self, directory: Directory, peer: Directory
    ) -> None:
        results = await asyncio.gather(
            *(where.users.add(person("rare")) for where in (directory, peer) * 3),
            return_exceptions=True,
        )
        assert [result for result in results if result is None] == [None]
        assert sum(isinstance(result, UsernameTaken) for result in results) == 5

    async def test_an_id_is_used_once(self, directory: Directory) -> None:
        user = person("ana")
        await directory.users.add(user)
        with pytest.raises(Conflict):
            await directory.users.add(replace(user, username="other"))
        assert await directory.users.by_username("other") is None

    async def test_nobody_has_an_unknown_username(self, directory: Directory) -> None:
        assert await directory.users.by_username("nobody") is None

    async def test_an_update_replaces_what_may_change(
        self, directory: Directory, peer: Directory
    ) -> None:
        user = person("ana")
        await directory.users.add(user, secret_hash="$hash")  # noqa: S106 - an example
        changed = replace(
            user,
            username="anna",
            display_name="Anna",
            email="anna@example.org",
            admin=True,
            preferred_channel="pigeon",
            last_seen_at=minutes(9),
        )
        await directory.users.update(replace(changed, kind=UserKind.SERVICE, created_at=minutes(1)))
        assert await peer.users.by_username("ANNA") == (changed, "$hash")
        assert await peer.users.by_username("ana") is None
        await peer.users.add(person("ana"))

    async def test_an_update_cannot_take_a_username(self, directory: Directory) -> None:
        ana, bia = person("ana"), person("bia")
        await directory.users.add(ana)
        await directory.users.add(bia)
        with pytest.raises(UsernameTaken):
            await directory.users.update(replace(bia, username="ANA"))
        await directory.users.update(replace(bia, username="BIA"))
        assert (await directory.users.get_many([ana.id, bia.id]))[ana.id] == ana

    async def test_an_update_of_nobody_is_an_error(self, directory: Directory) -> None:
        with pytest.raises(UserNotFound):
            await directory.users.update(person("ghost"))

    async def test_a_removed_contact_is_forgotten_and_its_id_stays_reserved(
        self, directory: Directory, peer: Directory
    ) -> None:
        [owner] = await add_people(directory, "ana")
        gone = contact(owner, "Bia")
        await directory.users.add(gone)
        await directory.channels.link(identity(gone.id, "7"))
        await directory.users.remove(gone.id)
        assert await peer.users.get_many([gone.id]) == {}
        assert await peer.channels.of_users([gone.id]) == {}
        assert await peer.channels.resolve("pigeon", None, "7") is None
        assert await peer.users.search("", owner=owner, limit=10) == []
        with pytest.raises(Conflict):
            await peer.users.add(gone)
        with pytest.raises(UserNotFound):
            await peer.users.update(gone)

    async def test_a_removed_user_gives_the_username_back(self, directory: Directory) -> None:
        user = person("ana")
        await directory.users.add(user)
        await directory.users.remove(user.id)
        await directory.users.remove(user.id)
        await directory.users.remove(UserId(new_id()))
        assert await directory.users.by_username("ana") is None
        await directory.users.add(person("ana"))


class UserSearchContract:
    """Duties of `Users.search`."""

    @pytest.mark.parametrize("words", ["joão", "JOAO", "joa", "ão", "Silva", "j_s", "J_S"])
    async def test_search_finds_a_part_of_either_name_without_case_or_accents(
        self, directory: Directory, words: str
    ) -> None:
        user = person("j_s", display_name="João da Silva")
        await directory.users.add(user)
        await directory.users.add(person("jxs", display_name="Somebody else"))
        assert await directory.users.search(words, limit=10) == [user]

    @pytest.mark.parametrize("words", ["%", "_", "/", "\\", "*", "?", "[a-z]", "'", '"'])
    async def test_wildcards_stand_for_themselves(self, directory: Directory, words: str) -> None:
        user = person("ana", display_name=f"before {words} after")
        await directory.users.add(user)
        await directory.users.add(person("bia", display_name="before x after"))
        assert await directory.users.search(words, limit=10) == [user]

    async def test_no_word_is_found_across_both_names(self, directory: Directory) -> None:
        await directory.users.add(person("ana", display_name="Beatriz"))
        assert await directory.users.search("anabea", limit=10) == []
        assert await directory.users.search("ana bea", limit=10) == []

    async def test_contacts_are_found_by_their_owner_alone(self, directory: Directory) -> None:
        ana, bia = await add_people(directory, "ana", "bia")
        mine, other = contact(ana, "Carla"), contact(bia, "Carla")
        await directory.users.add(mine)
        await directory.users.add(other)
        assert await directory.users.search("carla", owner=ana, limit=10) == [mine]
        assert await directory.users.search("carla", limit=10) == []
        found = await directory.users.search("", limit=10)
        assert [user.id for user in found] == [ana, bia]

    async def test_search_by_kind(self, directory: Directory) -> None:
        program = person("program", kind=UserKind.SERVICE)
        await directory.users.add(program)
        await add_people(directory, "ana")
        assert await directory.users.search("", kind=UserKind.SERVICE, limit=10) == [program]
        assert await directory.users.search("", kind=UserKind.CONTACT, limit=10) == []

    async def test_search_goes_on_after_an_id(self, directory: Directory) -> None:
        ids = await add_people(directory, *(f"user{number}" for number in range(5)))
        seen: list[UserId] = []
        after = None
        while page := await directory.users.search("USER", after=after, limit=2):
            assert len(page) <= 2
            seen += [user.id for user in page]
            after = seen[-1]
        assert seen == sorted(ids)

    async def test_search_sees_the_new_name(self, directory: Directory) -> None:
        user = person("ana")
        await directory.users.add(user)
        renamed = replace(user, display_name="Quitéria")
        await directory.users.update(renamed)
        assert await directory.users.search("quiteria", limit=10) == [renamed]


def refresh(text: str, *, family: str = "sign-in", minute: float = 60) -> RefreshToken:
    """Make a refresh token that expires `minute` minutes after the start."""
    return RefreshToken(
        token_hash=text,
        family=family,
        user_id=UserId("somebody"),
        scope="messages",
        expires_at=minutes(minute),
    )


class TokensContract:
    """Duties of `Tokens`."""

    async def test_a_refresh_token_is_used_once(
        self, directory: Directory, peer: Directory
    ) -> None:
        await directory.tokens.add_refresh(refresh("one"))
        assert await peer.tokens.peek_refresh("one") == refresh("one")
        assert await peer.tokens.use_refresh("one", at=START) == refresh("one")
        assert await directory.tokens.peek_refresh("one") is None

    async def test_a_reuse_revokes_the_family(self, directory: Directory, peer: Directory) -> None:
        await directory.tokens.add_refresh(refresh("one", minute=60))
        await directory.tokens.use_refresh("one", at=START)
        await directory.tokens.add_refresh(refresh("two", minute=90))
        await directory.tokens.add_refresh(refresh("apart", family="elsewhere"))
        with pytest.raises(InvalidToken):
            await peer.tokens.use_refresh("one", at=START)
        assert set(await directory.tokens.revoked(at=minutes(89))) == {"sign-in"}
        assert await directory.tokens.peek_refresh("two") is None
        with pytest.raises(InvalidToken):
            await directory.tokens.use_refresh("two", at=START)
        assert await directory.tokens.use_refresh("apart", at=START) is not None

    async def test_of_many_who_use_a_refresh_token_one_gets_it(
        self, directory: Directory, peer: Directory
    ) -> None:
        await directory.tokens.add_refresh(refresh("one"))
        results = await asyncio.gather(
            *(where.tokens.use_refresh("one", at=START) for where in (directory, peer) * 4),
            return_exceptions=True,
        )
        assert [result for result in results if isinstance(result, RefreshToken)] == [
            refresh("one")
        ]
        assert sum(isinstance(result, InvalidToken) for result in results) == 7
        assert set(await peer.tokens.revoked(at=START)) == {"sign-in"}

    async def test_a_token_added_to_a_revoked_family_is_of_no_use(
        self, directory: Directory
    ) -> None:
        await directory.tokens.revoke("sign-in", until=minutes(1))
        await directory.tokens.add_refresh(refresh("late", minute=60))
        assert await directory.tokens.peek_refresh("late") is None
        with pytest.raises(InvalidToken):
            await directory.tokens.use_refresh("late", at=minutes(30))

    async def test_an_unknown_token_is_none(self, directory: Directory) -> None:
        assert await directory.tokens.use_refresh("never", at=START) is None
        assert await directory.tokens.peek_refresh("never") is None

    async def test_an_expired_token_is_an_error_and_no_reuse(self, directory: Directory) -> None:
        await directory.tokens.add_refresh(refresh("one", minute=60))
        with pytest.raises(InvalidToken):
            await directory.tokens.use_refresh("one", at=minutes(60))
        assert await directory.tokens.revoked(at=START) == set()
        await directory.tokens.add_refresh(
            replace(refresh("old"), expires_at=START.replace(year=2001))
        )
        assert await directory.tokens.peek_refresh("old") is None

    async def test_the_same_token_is_not_kept_twice(self, directory: Directory) -> None:
        await directory.tokens.add_refresh(refresh("one"))
        with pytest.raises(Conflict):
            await directory.tokens.add_refresh(refresh("one", family="other"))

    async def test_a_revocation_matters_until_its_time(
        self, directory: Directory, peer: Directory
    ) -> None:
        await directory.tokens.revoke("jti", until=minutes(10))
        await peer.tokens.revoke("jti", until=minutes(5))
        assert set(await peer.tokens.revoked(at=minutes(9))) == {"jti"}
        assert set(await peer.tokens.revoked(at=minutes(10))) == set()


class KeysContract:
    """Duties of `Keys`."""

    async def test_the_first_value_stays(self, directory: Directory, peer: Directory) -> None:
        assert await directory.keys.get_or_set("signing", "first") == "first"
        assert await peer.keys.get_or_set("signing", "second") == "first"
        assert await peer.keys.get_or_set("other", "second") == "second"

    async def test_all_who_begin_at_once_get_one_value(
        self, directory: Directory, peer: Directory
    ) -> None:
        values = await asyncio.gather(
            *(
                where.keys.get_or_set("signing", f"value{number}")
                for number, where in enumerate((directory, peer) * 5)
            )
        )
        assert len(set(values)) == 1
