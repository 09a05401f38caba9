"""Acme Hosting, an invented company to try the bot on: real SMTP, IMAP and HTTP over loopback sockets."""
