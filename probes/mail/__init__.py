"""Mail: what a test customer sends over SMTP and reads over IMAP."""
