"""What people can say came of an alert. Explained: it spoke the truth, and nobody did wrong."""

CONFIRMED, EXPLAINED, FALSE = "confirmed", "explained", "false"
OUTCOMES = (CONFIRMED, EXPLAINED, FALSE)
