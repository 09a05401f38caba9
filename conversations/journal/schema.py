"""The tables. Times are UTC seconds since the epoch (double); documents are JSON text; nothing here is secret.

A conversation's row is its lock, its timer and its state in one:
    wake_at     when somebody should look at it again: a deadline, a retry, or the end of the lease of who works on it now
    owner       who works on it, until lease_until; NULL when parked
    rev         goes up with every inbound message, so that parking can notice one that came in between
"""

import sqlalchemy as sa

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(column_0_N_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Time = sa.Double

visit_state = sa.Table(
    "visit_state",
    metadata,
    sa.Column("visit", sa.Text, primary_key=True),
    sa.Column("last_due", Time),  # the newest slot of the timetable that was dealt with: started or skipped
    sa.Column("last_run", Time),
    sa.Column("last_success", Time),
    sa.Column("consecutive_failures", sa.Integer, nullable=False, server_default="0"),  # faulted ones left aside
    sa.Column("consecutive_faults", sa.Integer, nullable=False, server_default="0"),
)

conversation = sa.Table(
    "conversation",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("visit", sa.Text, nullable=False),
    sa.Column("due_at", Time, nullable=False),
    sa.Column("desk", sa.Text, nullable=False),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("mailbox", sa.Text, nullable=False),
    sa.Column("location", sa.Text, nullable=False),
    sa.Column(
        "reference", sa.Text, nullable=False
    ),  # the token that a customer would write, unique to this conversation
    sa.Column("definition", sa.Text, nullable=False),  # JSON of visit.Definition as it was when the conversation began
    sa.Column("verdict", sa.Text),  # NULL while open
    sa.Column("reason", sa.Text),
    sa.Column("started_at", Time, nullable=False),
    sa.Column("finished_at", Time),
    sa.Column("waiting_since", Time),  # our oldest message that no human has answered yet
    # when each promise runs out that the desk has yet to keep; NULL when nobody waits for that
    sa.Column("acknowledgement_due", Time),
    sa.Column("first_reply_due", Time),
    sa.Column("next_reply_due", Time),
    sa.Column("resolution_due", Time),
    sa.Column("wake_at", Time),
    sa.Column("rev", sa.Integer, nullable=False, server_default="0"),
    sa.Column("owner", sa.Text),
    sa.Column("lease_until", Time),
    sa.Column("parent", sa.Text),  # the conversation that began this one as its companion; NULL for a visit's own
    sa.UniqueConstraint("visit", "due_at"),
    sa.UniqueConstraint("mailbox", "reference"),
    sa.Index("ix_conversation_wake_at", "wake_at"),
    sa.Index(  # of the open ones all that a scrape asks for
        "ix_conversation_open",
        "visit",
        "waiting_since",
        "acknowledgement_due",
        "first_reply_due",
        "next_reply_due",
        "resolution_due",
        sqlite_where=sa.text("verdict IS NULL"),
        postgresql_where=sa.text("verdict IS NULL"),
    ),
    sa.Index("ix_conversation_started_at", "started_at"),
    sa.Index("ix_conversation_desk_started_at", "desk", "started_at"),
    sa.Index("ix_conversation_parent", "parent"),
)

step = sa.Table(
    "step",
    metadata,
    sa.Column("conversation", sa.Text, sa.ForeignKey("conversation.id"), primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),  # conversations.records.Status
    sa.Column("started_at", Time, nullable=False),
    sa.Column("finished_at", Time),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("intent", sa.Text),  # JSON: what is about to be done, with every choice already made
    sa.Column("outcome", sa.Text),  # JSON: what came of it, or {"error": …}
)

message = sa.Table(
    "message",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("conversation", sa.Text, sa.ForeignKey("conversation.id")),  # NULL: unmatched, kept and shown
    sa.Column("mailbox", sa.Text, nullable=False),
    sa.Column("direction", sa.Text, nullable=False),  # out | in
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("rule", sa.Text),  # which rule decided the kind
    sa.Column("matched_by", sa.Text),  # which rule found the conversation
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("message_id", sa.Text),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("sender", sa.Text, nullable=False),
    sa.Column("recipient", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),  # in: the new text, quotes and signature cut; out: what we wrote
    sa.Column("envelope", sa.Text),  # JSON: what an answer needs: reply_to, references …
    sa.Column("at", Time, nullable=False),  # out: accepted; in: delivered
    sa.Column("detected_at", Time),
    sa.Column("folder", sa.Text),
    sa.Column("uidvalidity", sa.BigInteger),
    sa.Column("uid", sa.BigInteger),
    sa.Column("size", sa.BigInteger),
    sa.Column("permanent", sa.Boolean),  # bounces: final or only delayed
    sa.Column("taken_by", sa.Integer),  # seq of the step that took it
    sa.UniqueConstraint("mailbox", "fingerprint"),
    sa.UniqueConstraint("mailbox", "folder", "uidvalidity", "uid"),
    sa.Index("ix_message_conversation", "conversation"),
    sa.Index("ix_message_mailbox_at", "mailbox", "direction", "at"),
)

clue = sa.Table(
    "clue",
    metadata,
    sa.Column("mailbox", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),  # message_id (ours) | their_message_id | token | ticket
    sa.Column("value", sa.Text, primary_key=True),
    sa.Column("conversation", sa.Text, sa.ForeignKey("conversation.id"), primary_key=True),
    sa.Index("ix_clue_conversation", "conversation"),
)

finding = sa.Table(
    "finding",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("conversation", sa.Text, sa.ForeignKey("conversation.id"), nullable=False),
    sa.Column("message", sa.Integer, sa.ForeignKey("message.id")),
    sa.Column("check", sa.Text, nullable=False),
    sa.Column("result", sa.Text, nullable=False),
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("evidence", sa.Text, nullable=False),
    sa.Column("value", sa.Text),  # JSON
    sa.Index("ix_finding_conversation", "conversation"),
)

opinion = sa.Table(
    "opinion",
    metadata,
    sa.Column(
        "message", sa.Integer, sa.ForeignKey("message.id"), primary_key=True
    ),  # a person's reply, one opinion each
    sa.Column("conversation", sa.Text, sa.ForeignKey("conversation.id"), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("asked_at", Time, nullable=False),  # last
    sa.Column("next_at", Time),  # until then nobody else asks; NULL: decided, or given up
    sa.Column("judge", sa.Text, nullable=False),  # the model, or the program
    sa.Column("verdict", sa.Text),  # ok | problem | unknown; NULL: none yet, or none at all
    sa.Column("why", sa.Text),
    sa.Index("ix_opinion_conversation", "conversation"),
    sa.Index("ix_opinion_asked_at", "asked_at"),
)

evidence = sa.Table(
    "evidence",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("conversation", sa.Text, sa.ForeignKey("conversation.id"), nullable=False),
    sa.Column("kind", sa.Text, nullable=False),  # mail | screenshot | trace
    sa.Column("path", sa.Text, nullable=False),  # relative to the evidence folder
    sa.Column("at", Time, nullable=False),
    sa.Index("ix_evidence_conversation", "conversation"),
)

position = sa.Table(
    "position",
    metadata,
    sa.Column("mailbox", sa.Text, primary_key=True),
    sa.Column("folder", sa.Text, primary_key=True),
    sa.Column("uidvalidity", sa.BigInteger, nullable=False),
    sa.Column("next_uid", sa.BigInteger, nullable=False),
)

reach = sa.Table(
    "reach",
    metadata,
    sa.Column("target", sa.Text, primary_key=True),  # JSON labels: what was reached
    sa.Column("up", sa.Boolean),  # NULL: it could not be tried, for a reason on our side
    sa.Column("addresses", sa.Text, nullable=False),  # JSON: "4" and "6", those that the host has → whether they are up
    sa.Column("at", Time, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("phases", sa.Text, nullable=False),  # JSON: phase → seconds
    sa.Column("certificate_expires", Time),
)

aggregate = sa.Table(
    "aggregate",
    metadata,
    sa.Column("metric", sa.Text, primary_key=True),
    sa.Column("labels", sa.Text, primary_key=True),  # JSON, keys sorted
    sa.Column("value", sa.Double, nullable=False),
    # the exemplar: the last conversation that added to it, what it added, and when
    sa.Column("conversation", sa.Text),
    sa.Column("added", sa.Double),
    sa.Column("added_at", Time),
)

control_mail = sa.Table(
    "control_mail",
    metadata,
    sa.Column("mailbox", sa.Text, primary_key=True),  # that sends it
    sa.Column("slot", Time, primary_key=True),  # of its timetable: one mail each, however often the process starts
    sa.Column("recipient", sa.Text, nullable=False),  # mailbox that receives it
    sa.Column("message_id", sa.Text, nullable=False),
    sa.Column("sent_at", Time),  # accepted; NULL: not yet, or nobody knows
    sa.Column("delivered_at", Time),
    sa.Column("seconds", Time),  # from one to the other
    sa.Column("fate", sa.Text, nullable=False),  # under_way | arrived | lost | unsent
    sa.UniqueConstraint("recipient", "message_id"),
)

notice = sa.Table(
    "notice",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column(
        "token", sa.Text, nullable=False
    ),  # the same for one fact, however often it is seen: what others know it by
    sa.Column("incident", sa.Text, nullable=False),  # what begins with one notice and is over with another
    sa.Column("kind", sa.Text, nullable=False),  # conversations.notice.What
    sa.Column("over", sa.Boolean, nullable=False),
    sa.Column("at", Time, nullable=False),
    sa.Column("since", Time),  # the moment that it is about: when a promise ran out, a mailbox went down
    sa.Column("conversation", sa.Text, sa.ForeignKey("conversation.id")),
    sa.Column("about", sa.Text, nullable=False),  # JSON of conversations.notice.About
    sa.Column("dealt_at", Time),  # when it was decided which places are told
    sa.UniqueConstraint("token"),
    sa.Index("ix_notice_incident", "incident"),
    sa.Index(
        "ix_notice_not_dealt",
        "id",
        sqlite_where=sa.text("dealt_at IS NULL"),
        postgresql_where=sa.text("dealt_at IS NULL"),
    ),
)

delivery = sa.Table(
    "delivery",
    metadata,
    sa.Column("notice", sa.Integer, sa.ForeignKey("notice.id"), primary_key=True),
    sa.Column("place", sa.Text, primary_key=True),
    sa.Column("incident", sa.Text, nullable=False),
    sa.Column("over", sa.Boolean, nullable=False),
    sa.Column("state", sa.Text, nullable=False),  # waiting | sent | failed | unwanted: ended without a word
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("try_at", Time),  # when it is tried next; while it is being tried, when somebody else may
    sa.Column("error", sa.Text),
    sa.Index("ix_delivery_place_incident", "place", "incident"),
    sa.Index(
        "ix_delivery_try_at",
        "try_at",
        sqlite_where=sa.text("state = 'waiting'"),
        postgresql_where=sa.text("state = 'waiting'"),
    ),
)

switch = sa.Table(
    "switch",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
    sa.Column("at", Time, nullable=False),
)
