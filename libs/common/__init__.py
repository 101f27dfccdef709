"""What every service shares: settings, errors, logs, tables, transactions, messages, web."""
