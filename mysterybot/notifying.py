"""The notifier of a bot: what it needs of the config, and of how things stand."""

from collections.abc import Mapping

from conversations.journal import switches
from conversations.maintenance import under_maintenance
from exporters.notices.notifier import MailboxState, Notifier, Surroundings
from mysterybot.app import Bot


def notifier_of(bot: Bot) -> Notifier:
    """Over the bot's config as it is now."""
    config = bot.config

    def mailboxes() -> Mapping[str, MailboxState]:
        states = {name: mailbox.inbox.state for name, mailbox in bot.world.mailboxes.items()}
        return {
            name: MailboxState(state.up, state.since.timestamp(), state.error or "") for name, state in states.items()
        }

    async def quiet() -> frozenset[str]:
        now = bot.clock.now()
        decided = await bot.journal.read(lambda c: switches.maintenances(c, now))
        return frozenset(
            name
            for name, desk in config.desks.items()
            if under_maintenance(desk.maintenance, desk.timezone, now, decided.get(name))
        )

    around = Surroundings(
        location=config.bot.location,
        desks={name: desk.name for name, desk in config.desks.items()},
        desks_of={
            name: frozenset(visit.desk for visit in config.visits.values() if visit.mailbox == name)
            for name in config.mailboxes
        },
        addresses={name: mailbox.address for name, mailbox in config.mailboxes.items()},
        mailboxes=mailboxes,
        quiet=quiet,
    )
    return Notifier(bot.journal, bot.world, bot.clock, bot.rng, config.notify, around)
