"""Phone numbers of WhatsApp have one form: the digits that its callbacks say, without a plus.

Contacts that were added with a plus were strangers when they wrote. Where both forms are kept
for the same account, the one with the plus stays as it is: whose it is only people can tell.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

CHANNELS = """
UPDATE user_channels SET external_id = substr(external_id, 2)
WHERE platform = 'whatsapp' AND external_id LIKE '+%' AND NOT EXISTS (
    SELECT 1 FROM user_channels AS other
    WHERE other.platform = user_channels.platform
    AND other.account_id = user_channels.account_id
    AND other.external_id = substr(user_channels.external_id, 2)
)
"""
ROUTES = """
UPDATE chat_routes SET address = substr(address, 2)
WHERE platform = 'whatsapp' AND address LIKE '+%' AND NOT EXISTS (
    SELECT 1 FROM chat_routes AS other
    WHERE other.platform = chat_routes.platform
    AND other.account_id = chat_routes.account_id
    AND other.address = substr(chat_routes.address, 2)
)
"""


def upgrade() -> None:
    """Take the plus away; a repeat finds none."""
    op.execute(sa.text(CHANNELS))
    op.execute(sa.text(ROUTES))
