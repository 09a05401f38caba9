"""What is told to people who do not look at metrics: a chat, a mailbox, any HTTP address."""
