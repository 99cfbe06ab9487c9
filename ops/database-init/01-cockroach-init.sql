-- The directory's database, its two users and their rights, on CockroachDB or PostgreSQL.
-- Run it once, as an administrator: docs/howto/operate/run-on-cockroachdb.md
-- The tables are made by the program at its first start as chat4all_owner.

-- Replace both passwords. (An insecure CockroachDB takes none: leave WITH PASSWORD out.)
CREATE USER chat4all_owner WITH PASSWORD 'replace-this';
CREATE USER chat4all_app WITH PASSWORD 'replace-this-too';

CREATE DATABASE chat4all;
REVOKE ALL ON DATABASE chat4all FROM public;
GRANT CONNECT ON DATABASE chat4all TO chat4all_owner, chat4all_app;

-- From here on in the new database.
\connect chat4all

-- Tables are the owner's alone to make and to change.
REVOKE CREATE ON SCHEMA public FROM public;
GRANT USAGE, CREATE ON SCHEMA public TO chat4all_owner;
GRANT USAGE ON SCHEMA public TO chat4all_app;

-- Whatever table the owner makes, the program may read and write its rows: users, user_channels,
-- contact_merges, conversations, conversation_members (roles), connectors, chat_routes,
-- chat_last_inbound, failovers, group_chats, group_people, webhook_endpoints, webhook_deliveries,
-- api_keys, delegations, delegated_acts, push_subscriptions, push_notices, scheduled_messages,
-- refresh_tokens, revocations, link_codes, global_keys (global configuration) and alembic_version
-- (which tables these are).
GRANT chat4all_owner TO CURRENT_USER;
ALTER DEFAULT PRIVILEGES FOR ROLE chat4all_owner IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO chat4all_app;
REVOKE chat4all_owner FROM CURRENT_USER;
